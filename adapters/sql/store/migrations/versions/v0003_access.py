"""Who may come in: users, their sessions, API tokens, attempts that failed, and the offer to make the first user."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _table(
        "users",
        _key("name"),
        _text("role"),
        _text("password_hash"),
        _whole("created_at"),
        _whole_or_null("disabled_at"),
    )
    _table("sessions", _key("digest"), _text("user_name"), _whole("created_at"), _whole("seen_at"), _text("address"))
    op.create_index("sessions_user", "sessions", ["user_name"])
    _table(
        "api_tokens",
        _key("digest"),
        *map(_text, ("id", "name", "owner", "role")),
        _whole("created_at"),
        *map(_whole_or_null, ("expires_at", "used_at")),
    )
    op.create_index("api_tokens_id", "api_tokens", ["id"], unique=True)
    op.create_index("api_tokens_name", "api_tokens", ["owner", "name"], unique=True)
    _table("login_attempts", _key("key"), _whole("count"), _whole("last_at"))
    op.create_index("login_attempts_last_at", "login_attempts", ["last_at"])
    _table("set_up_offers", _key("digest"), _whole("until"))


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False)


def _whole_or_null(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=True)

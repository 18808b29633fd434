"""The tables of access; adapters/records/access.py tells what their rows mean.

A session, a token and the offer of the set-up are known by the SHA-256 of their secret. What belongs to the
installation has the empty text as its owner, so that one unique index covers it.
"""

from sqlalchemy import Column, Index, Table, Text

from adapters.records.access import ACCOUNT_FIELDS, SESSION_FIELDS, TOKEN_FIELDS
from adapters.sql.store.tables import METADATA, Whole

users = Table(
    "users",
    METADATA,
    Column("name", Text, primary_key=True, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("disabled_at", Whole),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("seen_at", Whole, nullable=False),
    Column("address", Text, nullable=False),
    sqlite_strict=True,
)
Index("sessions_user", sessions.c.user_name)

api_tokens = Table(
    "api_tokens",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("expires_at", Whole),
    Column("used_at", Whole),
    sqlite_strict=True,
)
Index("api_tokens_id", api_tokens.c.id, unique=True)
Index("api_tokens_name", api_tokens.c.owner, api_tokens.c.name, unique=True)

login_attempts = Table(
    "login_attempts",
    METADATA,
    Column("key", Text, primary_key=True, nullable=False),
    Column("count", Whole, nullable=False),
    Column("last_at", Whole, nullable=False),
    sqlite_strict=True,
)
Index("login_attempts_last_at", login_attempts.c.last_at)

set_up_offers = Table(
    "set_up_offers",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("until", Whole, nullable=False),
    sqlite_strict=True,
)

ACCOUNT = tuple(users.c[name] for name in ACCOUNT_FIELDS)
USER = ACCOUNT[:-1]
SESSION = tuple(sessions.c[name] for name in SESSION_FIELDS)
TOKEN = tuple(api_tokens.c[name] for name in TOKEN_FIELDS)

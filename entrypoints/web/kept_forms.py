"""A form that could not be carried out for now: what stood in it is kept on the page that says so, to be sent again.

Its token goes along, so what did happen the first time does not happen a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from entrypoints.web.requests.bodies import FORM_TYPES, form_body
from entrypoints.web.requests.errors import RequestError

FIELDS_MAX = 1_000
SECRETS = frozenset({"password", "own_password", "old", "new"})
"""The fields no page shows again, not even to whoever has sent them."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """The address a form was sent to, and its fields."""

    address: str
    fields: Mapping[str, str]


async def kept_form(request: web.Request) -> KeptForm | None:
    """The form of a request; None for what is none, cannot be read, or holds a secret."""
    if request.content_type not in FORM_TYPES:
        return None
    try:
        fields = await form_body(request, fields_max=FIELDS_MAX)
    except RequestError:
        return None
    return KeptForm(request.rel_url.raw_path_qs, fields) if SECRETS.isdisjoint(fields) else None

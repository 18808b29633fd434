"""Two people have edited one task: what was read, what is now and what is wanted, with a choice for each field.

The form that met the conflict goes along, field by field, so nothing that was typed is lost. `version` stays the one
that was read; `now_version` is the one that the choices are made on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from application.scheduling.conflicts import Disagreement, Whose, disagreements, merged
from application.scheduling.drafts import body_from, define
from application.scheduling.explanations.words import sentence
from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import StaleVersionError, VersionNotFoundError
from domain.errors import DomainError, InvalidInputError
from domain.scheduling.task import Definition, ScheduledTask
from entrypoints.web.builder.form import document_of, version_of
from entrypoints.web.builder.labels import worded
from entrypoints.web.builder.payload_form import PREFIX
from entrypoints.web.keys import SERVICES, under_prefix
from entrypoints.web.rendering import render
from entrypoints.web.requests.ids import task_id_of

TAKE = "take "
NOW, WANTED = "now", "wanted"


@dataclass(frozen=True, slots=True)
class Row:
    """A disagreement and the side that is chosen; empty: none yet."""

    disagreement: Disagreement
    chosen: str

    @property
    def field(self) -> str:
        """The name of its choice in the form."""
        return TAKE + self.disagreement.pointer


async def save_over_conflict(
    request: web.Request, fields: Mapping[str, str], now: ScheduledTask, by: Author
) -> web.StreamResponse:
    """Save what was chosen, or ask for the choices that are missing or were made on a version that is gone.

    Raises DomainError for a form that cannot be saved whatever is chosen.
    """
    rows = await _rows(request, fields, now)
    is_decided = all(row.chosen for row in rows)
    was_asked = fields["now_version"] == str(now.version)
    if not is_decided or not (was_asked or all(row.disagreement.whose is Whose.YOURS for row in rows)):
        return _page(request, fields, now, rows, None if not was_asked else "Choose one of the two in every row.")
    taken = {row.disagreement.pointer for row in rows if row.chosen == WANTED}
    document = {**merged(now.definition, [row.disagreement for row in rows], taken), "reason": fields["reason"].strip()}
    manage = request.app[SERVICES].manage
    try:
        done = await manage.replace(now.id, body_from(document), by, if_version=now.version)
    except StaleVersionError:
        latest = (await request.app[SERVICES].inspect.task(now.id)).task
        return _page(request, fields, latest, await _rows(request, fields, latest), None)
    except DomainError as error:
        faults = error.faults if isinstance(error, InvalidInputError) else (error,)
        return _page(request, fields, now, rows, " ".join(sentence(worded(fault.detail)) for fault in faults))
    notice = "unchanged" if done.unchanged else "saved"
    raise web.HTTPSeeOther(under_prefix(request, f"/scheduled-tasks/{now.id}?notice={notice}"))


def _page(
    request: web.Request, fields: Mapping[str, str], now: ScheduledTask, rows: list[Row], problem: str | None
) -> web.Response:
    context = {
        "task": now,
        "fields": _carried(fields),
        "rows": rows,
        "problem": problem,
        "own": under_prefix(request, f"/scheduled-tasks/{task_id_of(request)}/edit"),
    }
    return render(request, "conflict.html", context, status=409)


def _carried(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The form that met the conflict; its payload has been put together from its inputs, so these stay behind."""
    own = {name: text for name, text in fields.items() if not name.startswith((TAKE, PREFIX)) and name != "now_version"}
    return {**own, "payload_as": "json", "payload_for": ""}


async def _rows(request: web.Request, fields: Mapping[str, str], now: ScheduledTask) -> list[Row]:
    read = await _read(request, fields, now)
    began = read or now.definition
    body = body_from(document_of(fields, present=began))
    wanted = define(body, now=request.app[SERVICES].clock.now(), present=began)
    return [
        Row(each, _chosen(fields.get(TAKE + each.pointer), each.whose))
        for each in disagreements(read, now.definition, wanted)
    ]


async def _read(request: web.Request, fields: Mapping[str, str], now: ScheduledTask) -> Definition | None:
    """What the form began with; None if that version is not on record any more."""
    version = version_of(fields)
    if version is None:
        return None
    try:
        return (await request.app[SERVICES].past.version(now.id, version)).record.definition
    except VersionNotFoundError:
        return None


def _chosen(sent: str | None, whose: Whose) -> str:
    """What was chosen, or what follows where only one of the two has changed the field."""
    if sent in (NOW, WANTED):
        return sent
    return {Whose.THEIRS: NOW, Whose.YOURS: WANTED, Whose.BOTH: ""}[whose]

"""What the API has confirmed is there, once, and nothing else: I14 to I16 and I21, from journal and dump."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.support.chaos_dump import ChangeRow
from tests.support.chaos_evidence import Evidence, Finding, Line
from tests.support.chaos_handlers import TYPE
from tests.support.chaos_oracle import version_changes

CREATES = frozenset({"create", "run", "run beside"})
ACTIONS = {"run beside": "run"}


def check_requests(evidence: Evidence) -> Iterator[Finding]:
    """All findings."""
    prefix = f"api:{evidence.aftermath.asker} "
    answers = [line for line in evidence.requests if line["what"] == "answer" and line["kind"] != "misuse"]
    accepted = [line for line in answers if line["status"] < 400]
    changes = {each.idempotency_key: each for each in evidence.dump.changes if each.idempotency_key is not None}
    yield from _in_and_out(evidence, accepted, prefix)
    yield from _one_key_one_thing(evidence, accepted)
    yield from _audited(evidence, accepted, changes, prefix)
    yield from _one_winner(accepted, changes, prefix)
    yield from _no_gaps(evidence)


def _in_and_out(evidence: Evidence, accepted: list[Line], prefix: str) -> Iterator[Finding]:
    """I14: what was confirmed is there; what is there was asked for."""
    there = evidence.dump.tasks.keys() | evidence.dump.executions.keys()
    for line in accepted:
        if line["kind"] in CREATES and line["id"] not in there:
            yield Finding("I14", f"lost: {line['kind']} was confirmed as {line['id']} under {line['key']}")
    asked = {prefix + line["key"] for line in evidence.requests}
    for change in evidence.dump.changes:
        key = change.idempotency_key
        if key is not None and key.startswith(prefix) and key not in asked:
            yield Finding("I14", f"nobody asked for {change}")
    created = {each.task_id for each in evidence.dump.changes if each.action == "create"}
    for task in evidence.dump.tasks.values():
        if task.task_type == TYPE and task.id not in created:
            yield Finding("I14", f"nobody created {task}")
    for each in evidence.dump.executions.values():
        if each.kind == "manual" and each.key not in asked:
            yield Finding("I14", f"nobody asked for {each}")


def _one_key_one_thing(evidence: Evidence, accepted: list[Line]) -> Iterator[Finding]:
    """I15: a key names one thing whenever it is used, has one record, and serves no other request."""
    named = defaultdict(set)
    for line in accepted:
        named[line["key"]].add(line["id"])
    for key, ids in named.items():
        if len(ids) > 1:
            yield Finding("I15", f"{key} was answered with {sorted(map(str, ids))}")
    for key, count in Counter(each.idempotency_key for each in evidence.dump.changes).items():
        if key is not None and count > 1:
            yield Finding("I15", f"{key} is on record {count} times")
    for line in evidence.requests:
        if line["what"] == "answer" and line["kind"] == "misuse" and line["status"] != 422:
            yield Finding("I15", f"the key of another request was accepted: {line}")


def _audited(evidence: Evidence, accepted: list[Line], changes: dict[str, ChangeRow], prefix: str) -> Iterator[Finding]:
    """I21: each accepted change has its record, of that action and that task; a refused one has none."""
    for line in accepted:
        change = changes.get(prefix + line["key"])
        kind = ACTIONS.get(line["kind"], line["kind"])
        if change is None:
            yield Finding("I21", f"{line} left no record")
        elif change.action != kind or line["task"] not in ("", change.task_id):
            yield Finding("I21", f"{line} is on record as {change}")
    kept = {line["key"] for line in accepted}
    for line in evidence.requests:
        refused = line["what"] == "answer" and line["status"] >= 400 and line["kind"] != "misuse"
        if refused and line["key"] not in kept and prefix + line["key"] in changes:
            yield Finding("I21", f"{line} was refused and is on record")


def _one_winner(accepted: list[Line], changes: dict[str, ChangeRow], prefix: str) -> Iterator[Finding]:
    """I16: of all that name one version of a task, one request makes another of it."""
    winners = defaultdict(set)
    for line in accepted:
        change = changes.get(prefix + line["key"])
        # What leaves the task as it was is accepted beside the winner, and makes no version.
        if change is not None and line["if_version"] is not None and change.version > line["if_version"]:
            winners[line["task"], line["if_version"]].add(line["key"])
    for (task_id, version), keys in winners.items():
        if len(keys) > 1:
            yield Finding("I16", f"{sorted(keys)} all changed version {version} of {task_id}")


def _no_gaps(evidence: Evidence) -> Iterator[Finding]:
    """I16: versions follow each other, each made by one change and kept."""
    for task in evidence.dump.tasks.values():
        expected = list(range(1, task.version + 1))
        made = list(version_changes(evidence.dump, task.id))
        if made != expected or [each.version for each in evidence.dump.versions[task.id]] != expected:
            yield Finding("I16", f"{task.name} is at version {task.version}, its changes made {made}")

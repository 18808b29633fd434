import json
from collections.abc import Mapping
from typing import Any

import pytest

from application.fediverse.tasks.cleanup_old_activities import OldActivitiesPayload
from application.fediverse.tasks.cleanup_orphaned_data import OrphanedDataPayload
from application.fediverse.tasks.payload import MaintenancePayload
from application.fediverse.tasks.purge_deleted_content import DeletedContentPayload
from application.fediverse.tasks.update_instance_stats import InstanceStatsPayload
from application.scheduling.processors import Handler
from domain.errors import InvalidTaskError

Model = type[MaintenancePayload]
EVERY: tuple[Model, ...] = (OldActivitiesPayload, InstanceStatsPayload, OrphanedDataPayload, DeletedContentPayload)


def read(model: Model, payload: Mapping[str, Any]) -> Any:
    return Handler("maintenance", "it", print, model).payload(json.dumps(payload))


@pytest.mark.parametrize("model", EVERY)
def test_an_empty_payload_is_enough(model: Model) -> None:
    assert isinstance(read(model, {}), model)


@pytest.mark.parametrize("model", EVERY)
def test_every_key_explains_itself_to_the_form(model: Model) -> None:
    properties = model.model_json_schema()["properties"]

    assert [name for name, schema in properties.items() if not schema.get("description")] == []


@pytest.mark.parametrize("model", EVERY)
@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({"days": 3}, "/payload/days"),
        ({"batch_size": True}, "/payload/batch_size"),
        ({"max_rows": -1}, "/payload/max_rows"),
        ({"max_runtime_s": 9}, "/payload/max_runtime_s"),
        ({"max_runtime_s": 86_401}, "/payload/max_runtime_s"),
        ({"pause_ms": 60_001}, "/payload/pause_ms"),
        ({"dry_run": "perhaps"}, "/payload/dry_run"),
        ({"batch_size": "many"}, "/payload/batch_size"),
    ],
    ids=str,
)
def test_what_no_task_understands_is_refused(model: Model, payload: Mapping[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidTaskError) as refusal:
        read(model, payload)

    assert (refusal.value.reason, refusal.value.pointer) == ("invalid_payload", pointer)


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        (OldActivitiesPayload, {"days_to_keep": 0}),
        (OldActivitiesPayload, {"days_to_keep": 3651}),
        (OldActivitiesPayload, {"batch_size": 99}),
        (OldActivitiesPayload, {"batch_size": 20_001}),
        (OldActivitiesPayload, {"direction": "sideways"}),
        (OldActivitiesPayload, {"days_to_keep": 30, "keep_failures_days": 29}),
        (InstanceStatsPayload, {"instance_ids": list(range(1001))}),
        (InstanceStatsPayload, {"instance_ids": [True]}),
        (InstanceStatsPayload, {"batch_size": 49}),
        (InstanceStatsPayload, {"write_back": "maybe"}),
        (OrphanedDataPayload, {"grace_hours": 8761}),
        (OrphanedDataPayload, {"grace_hours": -1}),
        (OrphanedDataPayload, {"action": "burn"}),
        (DeletedContentPayload, {"days_to_retain": 0}),
        (DeletedContentPayload, {"entities": []}),
        (DeletedContentPayload, {"entities": ["user"]}),
        (DeletedContentPayload, {"clock": "sundial"}),
        (DeletedContentPayload, {"batch_size": 9}),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_refused(model: Model, payload: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidTaskError):
        read(model, payload)


def test_numbers_may_come_as_text() -> None:
    payload = read(OldActivitiesPayload, {"days_to_keep": "45", "batch_size": "1000", "keep_failures_days": "90"})

    assert (payload.days_to_keep, payload.batch_size, payload.keep_failures_days) == (45, 1000, 90)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"batch_size": 200}, True),
        ({"dry_run": True}, True),
        ({"max_runtime_s": 60, "pause_ms": 0, "max_rows": 5, "resume": False}, True),
        ({"days_to_keep": 30}, True),
        ({"days_to_keep": 31}, False),
        ({"direction": "in"}, False),
    ],
    ids=str,
)
def test_which_edits_begin_the_work_anew(change: Mapping[str, Any], same: bool) -> None:
    assert (read(OldActivitiesPayload, change).scope == read(OldActivitiesPayload, {}).scope) is same

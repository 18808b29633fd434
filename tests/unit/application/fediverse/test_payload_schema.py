"""What the dashboard and the API are told of a maintenance task's payload."""

from application.fediverse.tasks.cleanup_old_activities import OldActivitiesPayload


def test_the_announced_schema_has_the_bounds_by_which_payloads_are_refused() -> None:
    days = OldActivitiesPayload.model_json_schema()["properties"]["days_to_keep"]

    assert (days["type"], days["minimum"], days["maximum"]) == ("integer", 1, 3650)

"""docker-compose.yml names only what exists, and opens nothing that need not be open."""

import re

import pytest

from entrypoints.settings import ROLES
from tests.support.deployment import SETTINGS, STOP_SECONDS_MIN, compose, environment, serves, services

OURS = ("scheduler", "worker", "admin")


def test_compose_has_the_services_of_the_guide_and_those_to_scale_out() -> None:
    assert services().keys() == {"scheduler", "worker", "admin", "db", "redis"}
    assert {name: services()[name].get("profiles") for name in services()} == {
        "scheduler": None,
        "worker": ["worker"],
        "admin": ["admin"],
        "db": None,
        "redis": None,
    }


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_is_given_what_it_knows_and_no_more_than_it_needs(name: str) -> None:
    service = services()[name]
    roles = {"scheduler": ROLES, "worker": {"worker", "admin"}, "admin": {"admin"}}

    assert serves(service["command"]) == roles[name]
    assert environment(name).keys() <= SETTINGS
    assert {"DATABASE_URL", "REDIS_URL"} <= environment(name).keys()
    assert service["depends_on"] == {each: {"condition": "service_healthy"} for each in ("db", "redis")}
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= STOP_SECONDS_MIN


def test_only_dashboards_are_reached_from_outside_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert ports == {"scheduler": ["127.0.0.1:8080:8080"], "admin": ["127.0.0.1:8081:8080"]}
    assert compose()["networks"]["servers"] == {"internal": True}
    assert [services()[name]["networks"] for name in ("db", "redis")] == [["servers"], ["servers"]]
    assert environment("scheduler")["SCHEDULER_PUBLIC_URL"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize("name", ["db", "redis"])
def test_a_server_keeps_what_it_has_and_tells_when_it_answers(name: str) -> None:
    service = services()[name]
    (volume,) = service["volumes"]

    assert volume.partition(":")[0] in compose()["volumes"]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert re.fullmatch(r"[a-z]+:\d+[\w.-]*", service["image"])

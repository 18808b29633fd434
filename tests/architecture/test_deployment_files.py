"""Units and manifests name only what exists, and give away no right that the service has no use for."""

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from application.scheduling.ports.metrics import BACKLOG
from entrypoints.settings import ROLES
from entrypoints.web.routes import ROUTES
from tests.support.deployment import SETTINGS, STOP_SECONDS_MIN, last, serves
from tests.support.repository import ROOT

DEPLOYMENT = ROOT / "docs" / "deployment"


def directives(unit: str) -> dict[str, list[str]]:
    """The directives of a unit, each with all its values in order."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOYMENT / "systemd" / unit).read_text(encoding="utf-8").splitlines():
        name, is_set, value = line.partition("=")
        if is_set and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


HARDENING = {
    "NoNewPrivileges": ["yes"],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "CapabilityBoundingSet": [""],
    "StateDirectory": ["peachpie-scheduler"],
    "StateDirectoryMode": ["0700"],
    "UMask": ["0077"],
    "User": ["peachpie-scheduler"],
    "RestrictAddressFamilies": ["AF_UNIX AF_INET AF_INET6"],
    "SystemCallFilter": ["@system-service", "~@privileged"],
    "MemoryDenyWriteExecute": ["yes"],
    "KillMode": ["mixed"],
    "Restart": ["on-failure"],
    "RestartPreventExitStatus": ["2"],
}


def test_the_unit_may_write_its_own_folder_and_nothing_else() -> None:
    unit = directives("peachpie-scheduler.service")
    places = [value.partition("=")[2] for value in unit["Environment"]]

    assert HARDENING.items() <= unit.items()
    assert {value.partition("=")[0] for value in unit["Environment"]} <= SETTINGS
    assert all(place.startswith("/var/lib/peachpie-scheduler/") for place in places)
    assert int(unit["TimeoutStopSec"][0]) >= STOP_SECONDS_MIN
    assert serves(unit["ExecStart"][0].split()[1:]) == ROLES


def test_the_unit_of_one_role_differs_in_nothing_but_the_role() -> None:
    whole, one = directives("peachpie-scheduler.service"), directives("peachpie-scheduler@.service")

    assert {name for name in whole | one if whole.get(name) != one.get(name)} == {"Description", "ExecStart"}
    assert serves(one["ExecStart"][0].replace("%i", "worker").split()[1:]) == {"worker"}


def manifests() -> list[dict[str, Any]]:
    """All objects of the manifests."""
    paths = sorted((DEPLOYMENT / "kubernetes").glob("*.yaml"))
    return [each for path in paths for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def of_kind(kind: str) -> dict[str, Any]:
    """The objects of this kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests() if each["kind"] == kind}


def test_every_manifest_is_part_of_the_kustomization() -> None:
    (found,) = [each for each in manifests() if each["kind"] == "Kustomization"]
    paths = {path.name for path in (DEPLOYMENT / "kubernetes").glob("*.yaml")}

    assert {*found["resources"], "kustomization.yaml"} == paths
    assert of_kind("ConfigMap")["peachpie-scheduler"]["data"].keys() <= SETTINGS


@pytest.mark.parametrize(("name", "roles"), [("scheduler", {"scheduler", "admin"}), ("worker", {"worker", "admin"})])
def test_a_pod_is_asked_for_its_health_and_may_do_nothing_else(name: str, roles: set[str]) -> None:
    pod = of_kind("Deployment")[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]

    assert serves(container["args"]) == roles
    assert paths == ["/health/live", "/health/live", "/health/ready"]
    assert {path for path in paths if path not in {route.path for route in ROUTES}} == set()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == last("USER")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert pod["terminationGracePeriodSeconds"] >= STOP_SECONDS_MIN


def test_a_service_of_the_cluster_sets_none_of_our_settings() -> None:
    # With its links, Kubernetes would set SCHEDULER_PORT=tcp://… for a service that is named scheduler.
    assert "scheduler" in of_kind("Service")
    assert [each["spec"]["template"]["spec"]["enableServiceLinks"] for each in of_kind("Deployment").values()] == [
        False,
        False,
    ]


def test_dashboard_and_metrics_are_reached_by_those_who_need_them_alone() -> None:
    rules = of_kind("NetworkPolicy")["peachpie-scheduler"]["spec"]["ingress"]
    reached = [
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in rules
        for peer in rule["from"]
        for port in rule["ports"]
    ]
    settings = of_kind("ConfigMap")["peachpie-scheduler"]["data"]

    assert reached == [("ingress-nginx", "http"), ("monitoring", "metrics")]
    for each in of_kind("Deployment").values():
        (container,) = each["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
        assert ports == {"http": "8080", "metrics": settings["SCHEDULER_METRICS_PORT"]}


def test_workers_follow_the_backlog() -> None:
    found = of_kind("HorizontalPodAutoscaler")["worker"]["spec"]

    assert found["scaleTargetRef"]["name"] in of_kind("Deployment")
    assert [each["external"]["metric"]["name"] for each in found["metrics"]] == [BACKLOG.full_name]
    assert "replicas" not in of_kind("Deployment")["worker"]["spec"]


def test_the_documentation_names_every_file_of_the_deployment() -> None:
    told = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    folders = {path.relative_to(ROOT / "docs").as_posix() for path in DEPLOYMENT.iterdir()}

    assert {"Dockerfile", "docker-compose.yml", *folders} <= set(re.findall(r"\]\((?:\.\./)?([^)#]+)\)", told))

"""The documentation, the dashboard and the alerts name the metrics there are, with the labels they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from application.scheduling.ports.metrics import METRICS, PREFIX, Kind, Metric

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = DOCS / "deployment" / "alerts.yml"
DASHBOARD = DOCS / "deployment" / "grafana-dashboard.json"
# What Prometheus adds to every series, and what a histogram has besides.
EVERYWHERE = {"instance", "job", "le"}
SUFFIXES = ("_bucket", "_sum", "_count")
_NAME = re.compile(rf"{PREFIX}\w+")
_SELECTED = re.compile(rf"({PREFIX}\w+)\{{([^}}]*)\}}")
_GROUPED = re.compile(r"\b(?:by|without|on) \(([^)]*)\)")
_LABEL = re.compile(r"(\w+)\s*(?:=|!=|=~|!~)")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel.get("targets", ()))


def metric_of(series: str) -> Metric | None:
    """The metric that has a series of this name."""
    for each in METRICS:
        names = [each.full_name + suffix for suffix in SUFFIXES] if each.kind is Kind.HISTOGRAM else [each.full_name]
        if series in names:
            return each
    return None


def test_the_table_of_the_documentation_is_the_list_of_the_metrics() -> None:
    rows = [
        [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        for line in (DOCS / "metrics.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| `\w+` \| (counter|gauge|histogram) \|", line)
    ]
    told = [(name, kind, labels.replace("`", ""), meaning) for name, kind, labels, meaning, _ in rows]

    assert told == [(each.name, str(each.kind), ", ".join(each.labels), each.meaning) for each in METRICS]
    assert all(len(row[-1]) > 10 for row in rows), "what to do about it"


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_names_series_there_are_and_labels_they_have(expression: str) -> None:
    series = set(_NAME.findall(expression))
    metrics = [metric_of(each) for each in series]
    assert None not in metrics, series
    labels = {label for each in metrics if each for label in each.labels} | EVERYWHERE
    grouped = {label.strip() for group in _GROUPED.findall(expression) for label in group.split(",") if label.strip()}
    assert grouped <= labels
    for name, selected in _SELECTED.findall(expression):
        metric = metric_of(name)
        assert metric is not None
        assert set(_LABEL.findall(selected)) <= {*metric.labels, *EVERYWHERE}
    assert all(expression.count(one) == expression.count(other) for one, other in ("()", "[]", "{}"))


def test_a_rate_is_taken_of_what_only_grows_and_no_average_of_it() -> None:
    rated = [name for each in expressions() for name in re.findall(rf"(?:rate|increase)\(({PREFIX}\w+)", each)]
    bare = [
        name
        for each in expressions()
        for name in re.findall(rf"(?<!rate\()(?<!increase\()\b({PREFIX}\w+)", each)
        if (metric := metric_of(name)) and metric.kind is not Kind.GAUGE
    ]

    kinds = {metric.kind for metric in map(metric_of, rated) if metric}
    assert kinds == {Kind.COUNTER, Kind.HISTOGRAM}
    assert bare == []


def test_every_alert_says_what_to_do() -> None:
    sections = re.findall(r"^### (.+)$", (DOCS / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    found = rules()

    assert {rule["annotations"]["summary"] for rule in found} == set(sections)
    assert all(rule["labels"]["severity"] in ("critical", "warning") for rule in found)
    assert len({rule["alert"] for rule in found}) == len(found)


def test_the_dashboard_begins_with_the_lateness_and_shows_every_metric_that_moves() -> None:
    shown = {metric for each in expressions() for name in _NAME.findall(each) if (metric := metric_of(name))}
    first = next(panel for panel in panels() if panel["type"] != "row")
    seldom = {
        *("tasks_stopped_total", "quarantines_total", "clock_leaps_total", "task_changes_total"),
        *("records_pruned_total", "process_start_time_seconds"),
    }

    assert "dispatch_lateness_seconds" in first["targets"][0]["expr"]
    assert {each.name for each in METRICS if each not in shown} == seldom
    assert len({panel["id"] for panel in panels()}) == len(panels())

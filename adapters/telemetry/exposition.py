"""All figures as the text that Prometheus reads."""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from adapters.telemetry.meter import TOTAL, Meter, Number
from application.scheduling.ports.metrics import METRICS, Kind, Labels, Metric, Readings
from domain.scheduling.durations import STEPS

Look = Callable[[], Readings]


class Exposition:
    """`Telling` in Prometheus's text format 0.0.4."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._looks: list[Look] = []

    def look_at(self, look: Look) -> None:
        """See the port."""
        self._looks.append(look)

    def text(self, readings: Readings) -> bytes:
        """See the port."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(self._meter.numbers(), [readings, *(look() for look in self._looks)]))
        return generate_latest(registry)


class _Snapshot(Collector):
    """The numbers of one moment."""

    def __init__(self, numbers: Mapping[Number, float], readings: list[Readings]) -> None:
        self._series: dict[Metric, dict[Labels, dict[int, float]]] = {each: {} for each in METRICS}
        for (metric, labels, part), amount in numbers.items():
            self._series[metric].setdefault(labels, {})[part] = amount
        for each in readings:
            for metric, values in each.items():
                self._series[metric].update({labels: {0: value} for labels, value in values.items()})

    def collect(self) -> Iterator[Family]:
        """See the client library."""
        return map(_family, self._series, self._series.values())


def _family(metric: Metric, series: Mapping[Labels, Mapping[int, float]]) -> Family:
    if not metric.labels and metric.kind is not Kind.GAUGE:
        series = series or {(): {}}
    family: CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
    if metric.kind is Kind.HISTOGRAM:
        family = HistogramMetricFamily(metric.full_name, metric.meaning, labels=metric.labels)
        for labels, parts in series.items():
            family.add_metric(labels, _buckets(metric, parts), parts.get(TOTAL, 0.0))
        return family
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.full_name, metric.meaning, labels=metric.labels)
    for labels, parts in series.items():
        family.add_metric(labels, parts.get(0, 0.0))
    return family


def _buckets(metric: Metric, parts: Mapping[int, float]) -> list[tuple[str, float]]:
    """How many were at most as long as each step."""
    bounds = [*(str(each.total_seconds()) for each in STEPS[: metric.steps]), "+Inf"]
    counts = accumulate(parts.get(step, 0.0) for step in range(len(bounds)))
    return list(zip(bounds, counts, strict=True))

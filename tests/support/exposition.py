"""What a scrape says, as Prometheus would read it."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from application.scheduling.ports.metrics import PREFIX

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(text: str | bytes) -> Samples:
    """Each sample by its name, without our prefix, and its labels, sorted."""
    told = text if isinstance(text, str) else text.decode()
    return {
        (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One of them."""
    return samples[name, tuple(sorted(labels.items()))]


def families_of(text: str | bytes) -> Mapping[str, str]:
    """The kind of each metric by its whole name, as it is declared."""
    told = text if isinstance(text, str) else text.decode()
    lines = [line.split() for line in told.splitlines() if line.startswith("# TYPE ")]
    return {name: kind for _, _, name, kind in lines}

"""`make bench`: every measurement beside its limit on this machine; a table to read and var/bench.json to keep."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT

BENCHES = (
    "bench_next_instant",
    "bench_sqlite_burst",
    "bench_redis_burst",
    "bench_postgres_burst",
    "bench_worker",
    "bench_redis_worker",
    "bench_postgres_worker",
    "bench_redis_adding",
    "bench_postgres_adding",
    "bench_postgres_claims",
    "bench_steady",
    "bench_redis_steady",
    "bench_stored_tasks",
    "bench_redis_stored",
    "bench_live_pages",
    "bench_pages",
    "bench_lists",
    "bench_content",
)
REPORT = ROOT / "var" / "bench.json"
COLUMNS = ("name", "value", "unit", "must", "goal", "limit", "ratio", "p50_ms", "p99_ms")

Row = Mapping[str, Any]


def main(names: Sequence[str]) -> None:
    """Run the named benches, or all, and report."""
    rows: list[Row] = []
    for name in names or BENCHES:
        run: Callable[[], list[Row]] = import_module(f"tests.benchmarks.{name}").run
        print(f"… {name}", file=sys.stderr, flush=True)
        rows += run()
    REPORT.parent.mkdir(exist_ok=True)
    _keep(REPORT, rows)
    print(_table(rows))


def _keep(report: Path, rows: Sequence[Row]) -> None:
    report.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _table(rows: Sequence[Row]) -> str:
    cells = [list(COLUMNS), *([_cell(row.get(column)) for column in COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    for row in rows:
        if peers := row.get("peers"):
            told = ", ".join(f"{peer} {_cell(value)}" for peer, value in peers.items())
            lines.append(f"  beside {row['name']} ({row.get('unit', '')}): {told}")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])

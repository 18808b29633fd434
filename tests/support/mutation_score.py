"""The score of the last mutation run, a line a module, from what `mutmut results --all true` prints.

Exits with 1 if tests notice fewer mutants than they must, or if some were not tried yet.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable

SCORE_MIN = 0.85
NOTICED = frozenset({"killed", "timeout"})
MUTANT = re.compile(r"\s+domain\.(?P<module>[\w.]+)\.x\w*: (?P<status>.+)\n?")


def counted(lines: Iterable[str]) -> dict[str, Counter[str]]:
    """How many mutants of each module have each status."""
    modules: dict[str, Counter[str]] = {}
    for found in filter(None, map(MUTANT.fullmatch, lines)):
        modules.setdefault(found["module"], Counter())[found["status"]] += 1
    return modules


def score(statuses: Counter[str]) -> float:
    """The part of the mutants that tests notice."""
    return sum(statuses[each] for each in NOTICED) / statuses.total()


def line(name: str, statuses: Counter[str]) -> str:
    """One row of the table."""
    unnoticed = ", ".join(f"{count} {status}" for status, count in sorted((statuses - _noticed(statuses)).items()))
    return f"{name:<30} {statuses.total():>6} {score(statuses):>7.1%}  {unnoticed}"


def _noticed(statuses: Counter[str]) -> Counter[str]:
    return Counter({each: statuses[each] for each in NOTICED})


def main() -> int:
    """Print the table; the exit code."""
    modules = counted(sys.stdin)
    total = sum(modules.values(), Counter())
    if not total:
        print("No mutants were tried: make mutation")
        return 1
    for name, statuses in sorted(modules.items()):
        print(line(name, statuses))
    print(line("all", total))
    return 0 if score(total) >= SCORE_MIN and not total["not checked"] else 1


if __name__ == "__main__":
    sys.exit(main())

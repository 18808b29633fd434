"""What is to go wrong in a run, and when: the faults there are, and plans made of a seed."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

# A service that starts writes no more often than so before it is ready.
STARTING_WRITES = 8
HOUR = 3_600
# In the long form, every so often, nothing happens for a while, so that there is a calm to measure.
CALM_EVERY, CALM_SECONDS = 8, 9.0


class Kind(StrEnum):
    """The faults there are."""

    KILL_WORKER = "kill -9 worker"
    KILL_SERVICE = "kill -9 service"
    STOP_WORKER = "freeze worker"
    STOP_SERVICE = "freeze service"
    TERMINATE = "restart"
    DIE_SCHEDULER = "service dies at a write"
    DIE_WORKER = "worker dies at a write"
    DIE_STARTING = "service dies at a write of its start"
    DISK_FULL = "disk full"
    WRITE_ERROR = "write error"
    CLOCK_BACK = "clock back"
    CLOCK_AHEAD = "clock ahead"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault, `gap` seconds after the one before, `seconds` long; `number` is its n-th write or size of step.

    A write counted from now: negative dies before its commit, positive after. A step is in seconds.
    """

    kind: Kind
    gap: float = 0.4
    seconds: float = 0.7
    number: int = 0


def every_kind() -> tuple[Trouble, ...]:
    """Each fault once, short, and each of its variants."""
    return (
        Trouble(Kind.KILL_WORKER),
        Trouble(Kind.CLOCK_BACK, number=30),
        Trouble(Kind.DIE_SCHEDULER, number=-3),
        Trouble(Kind.DISK_FULL, seconds=1.5),
        Trouble(Kind.CLOCK_AHEAD, number=HOUR),
        Trouble(Kind.STOP_WORKER),
        Trouble(Kind.DIE_WORKER, number=4),
        Trouble(Kind.KILL_SERVICE, seconds=0.3),
        Trouble(Kind.DIE_WORKER, number=-5),
        Trouble(Kind.TERMINATE),
        Trouble(Kind.CLOCK_BACK, number=HOUR),
        Trouble(Kind.STOP_SERVICE),
        Trouble(Kind.WRITE_ERROR),
        Trouble(Kind.DIE_SCHEDULER, number=5),
        Trouble(Kind.CLOCK_AHEAD, number=30),
        Trouble(Kind.KILL_WORKER, gap=1.5),
        Trouble(Kind.DIE_STARTING, number=-2),
    )


def short_plan(seed: int, *, parts: int) -> tuple[Trouble, ...]:
    """One of `parts` hands of a deck of every fault; seeds that follow each other hold all of it."""
    deck = every_kind()[seed % parts :: parts]
    return tuple(Random(seed).sample(deck, len(deck)))


def long_plan(seed: int, *, seconds: float) -> tuple[Trouble, ...]:
    """Faults of every kind and size at random, for about so many seconds, now and then one that outlasts a lease."""
    random, plan, spent = Random(seed), [Trouble(Kind.STOP_WORKER, gap=5, seconds=36)], 45.0
    while spent < seconds:
        kind = random.choice(list(Kind))
        lasting = random.choice((0.2, 1.0, 3.0))
        gap = CALM_SECONDS if len(plan) % CALM_EVERY == 0 else round(random.uniform(0.2, 4.0), 1)
        trouble = Trouble(kind, gap, lasting, _number(random, kind))
        plan.append(trouble)
        spent += trouble.gap + lasting + 1.5
    return tuple(random.sample(plan, len(plan)))


def crash_points(*, until: int) -> tuple[Trouble, ...]:
    """A death at each of `until` writes of either process and of a start, before and after its commit."""
    plan: list[Trouble] = []
    for each in range(1, until + 1):
        for number in (-each, each):
            plan.append(Trouble(Kind.DIE_SCHEDULER, 0.1, number=number))
            plan.append(Trouble(Kind.DIE_WORKER, 0.1, number=number))
            if each <= STARTING_WRITES:
                plan.append(Trouble(Kind.DIE_STARTING, 0.1, number=number))
    return tuple(plan)


def label(trouble: Trouble) -> str:
    """What a fault is called in journal, report and drawing."""
    match trouble.kind:
        case Kind.CLOCK_BACK | Kind.CLOCK_AHEAD:
            size = "1 h" if trouble.number == HOUR else f"{trouble.number} s"
            return f"{trouble.kind} {size}"
        case Kind.DIE_SCHEDULER | Kind.DIE_WORKER | Kind.DIE_STARTING:
            return f"{trouble.kind} ({'before' if trouble.number < 0 else 'after'} commit {abs(trouble.number)})"
        case _:
            return trouble.kind


def _number(random: Random, kind: Kind) -> int:
    if kind in (Kind.CLOCK_BACK, Kind.CLOCK_AHEAD):
        return random.choice((30, HOUR))
    return random.choice((-1, 1)) * random.randint(1, 60)

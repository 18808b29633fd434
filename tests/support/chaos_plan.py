"""What is to go wrong in a run, and when: the faults there are, and plans made of a seed."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

# A service that starts writes no more often than so before it is ready.
STARTING_WRITES = 8
HOUR = 3_600
# In the long form, every so often, nothing happens for a while, so that there is a calm to measure.
CALM_EVERY, CALM_SECONDS = 8, 9.0
# A multiple of how many processes there are of any role.
VICTIMS = 60


class Kind(StrEnum):
    """The faults there are: those of processes, of a file, of any server, of a Redis, and of a PostgreSQL."""

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
    KILL_SCHEDULERS = "kill -9 all schedulers"
    KILL_HOUSE = "kill -9 worker and supervisor"
    STOP_HOUSE = "freeze worker and supervisor"
    KILL_STORE = "store killed"
    STOP_STORE = "store frozen"
    CUT = "connections cut"
    SLEEP = "redis sleeps"
    BUSY = "redis is busy with a script"
    PAUSE_WRITES = "redis pauses writes"
    FORGET_SCRIPTS = "scripts forgotten"
    FULL_MEMORY = "memory full"
    EVICTING = "eviction allowed"
    LOSE_STREAM = "stream deleted"
    MEDDLE = "messages trimmed, deleted and doubled"
    HALT_STORE = "server stopped immediately"
    SHUT_STORE = "server stopped fast"
    KILL_BACKEND = "backend killed"
    STOP_BACKENDS = "backends hang"
    EXHAUST = "connections exhausted"
    LOCK_TABLES = "tables locked"
    ALTER_TABLE = "a change of a table waits"
    HOLD_ROWS = "rows held by an idle transaction"
    KILL_HINTS = "redis killed that carries hints"
    HOLD = "all firing held"


# While one of these lasts, nobody hears from the store.
SILENCING = frozenset(
    {
        *(Kind.KILL_STORE, Kind.STOP_STORE),
        *(Kind.SLEEP, Kind.BUSY, Kind.PAUSE_WRITES),
        *(Kind.HALT_STORE, Kind.SHUT_STORE, Kind.KILL_BACKEND, Kind.STOP_BACKENDS),
        *(Kind.LOCK_TABLES, Kind.ALTER_TABLE, Kind.HOLD_ROWS),
    }
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault, `gap` seconds after the one before, `seconds` long; `number` is its n-th write or size of step.

    A write counted from now: negative dies before its commit, positive after. A step is in seconds. Where several
    processes have the role that is struck, `victim` says which one.
    """

    kind: Kind
    gap: float = 0.4
    seconds: float = 0.7
    number: int = 0
    victim: int = 0


# Each fault of the embedded profile once, short, and each of its variants.
ON_A_FILE = (
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
# What strikes a burst: a scheduler after its second batch, and a worker with all that watches over it.
IN_A_BURST = (Trouble(Kind.DIE_SCHEDULER, number=2), Trouble(Kind.KILL_HOUSE, seconds=0))
# Each other fault of the Redis profile once, short, and each of its variants.
ON_REDIS = (
    Trouble(Kind.KILL_WORKER, victim=1),
    Trouble(Kind.KILL_STORE, seconds=0.5),
    Trouble(Kind.KILL_SERVICE, seconds=0.3, victim=1),
    Trouble(Kind.FORGET_SCRIPTS),
    Trouble(Kind.DIE_SCHEDULER, number=-3),
    Trouble(Kind.PAUSE_WRITES, seconds=1.2),
    Trouble(Kind.STOP_WORKER, victim=2),
    Trouble(Kind.SLEEP),
    Trouble(Kind.DIE_WORKER, number=-5),
    Trouble(Kind.CUT),
    Trouble(Kind.STOP_SERVICE),
    Trouble(Kind.FULL_MEMORY, seconds=1.2),
    Trouble(Kind.LOSE_STREAM),
    Trouble(Kind.TERMINATE, victim=3),
    Trouble(Kind.BUSY),
    Trouble(Kind.DIE_WORKER, number=3),
    Trouble(Kind.EVICTING, seconds=1.0),
    Trouble(Kind.KILL_SCHEDULERS, seconds=0.2),
    Trouble(Kind.MEDDLE),
    Trouble(Kind.STOP_STORE),
    Trouble(Kind.STOP_HOUSE, seconds=4.0),
)
# The same of the PostgreSQL profile.
ON_POSTGRES = (
    Trouble(Kind.KILL_WORKER, victim=1),
    Trouble(Kind.HALT_STORE, seconds=0.5),
    Trouble(Kind.KILL_SERVICE, seconds=0.3, victim=1),
    Trouble(Kind.EXHAUST, seconds=1.5),
    Trouble(Kind.DIE_SCHEDULER, number=-3),
    Trouble(Kind.KILL_BACKEND),
    Trouble(Kind.STOP_WORKER, victim=2),
    Trouble(Kind.LOCK_TABLES),
    Trouble(Kind.DIE_WORKER, number=-5),
    Trouble(Kind.CUT),
    Trouble(Kind.STOP_SERVICE),
    Trouble(Kind.STOP_BACKENDS),
    Trouble(Kind.TERMINATE, victim=3),
    Trouble(Kind.ALTER_TABLE),
    Trouble(Kind.DIE_WORKER, number=3),
    Trouble(Kind.SHUT_STORE, seconds=0.2),
    Trouble(Kind.KILL_SCHEDULERS, seconds=0.2),
    Trouble(Kind.HOLD_ROWS),
    Trouble(Kind.KILL_STORE, seconds=0.5),
    Trouble(Kind.STOP_STORE),
    Trouble(Kind.STOP_HOUSE, seconds=4.0),
)


def short_plan(deck: tuple[Trouble, ...], seed: int, *, parts: int) -> tuple[Trouble, ...]:
    """One of `parts` hands of a deck of faults; seeds that follow each other hold all of it."""
    hand = deck[seed % parts :: parts]
    return tuple(Random(seed).sample(hand, len(hand)))


def long_plan(deck: tuple[Trouble, ...], seed: int, *, seconds: float, lease: float) -> tuple[Trouble, ...]:
    """Faults of every kind of the deck and size at random, for about so many seconds, one that outlasts a lease."""
    random, plan, spent = Random(seed), [Trouble(Kind.STOP_WORKER, gap=5, seconds=1.2 * lease)], 1.5 * lease
    kinds = sorted({trouble.kind for trouble in deck})
    while spent < seconds:
        kind = random.choice(kinds)
        lasting = random.choice((0.2, 1.0, 3.0))
        gap = CALM_SECONDS if len(plan) % CALM_EVERY == 0 else round(random.uniform(0.2, 4.0), 1)
        trouble = Trouble(kind, gap, lasting, _number(random, kind), random.randrange(VICTIMS))
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

"""How often the processes of a simulation look, beat and announce themselves.

A day at the pace of production would be mostly passes that find nothing: two hundred times as many as it has
executions. So the day goes by at an easy pace, and at some hour of it, and while promptness is judged, everybody keeps
the pace of production.
"""

from dataclasses import dataclass

from application.scheduling.services.keep_claims import BEAT_EVERY
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY
from entrypoints import service, worker
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two passes of each loop. A worker with nothing to keep alive has no beat."""

    look: float
    rescue: float
    reconcile: float
    prune: float
    announce: float
    claim: float
    settle: float
    beat: float


PRODUCTION = Pace(
    look=service.LOOK_EVERY.total_seconds(),
    rescue=service.RESCUE_EVERY.total_seconds(),
    reconcile=float(Settings.model_fields["scheduler_check_interval"].get_default()),
    prune=service.PRUNE_EVERY.total_seconds(),
    announce=ANNOUNCE_EVERY.total_seconds(),
    claim=worker.CLAIM_EVERY.total_seconds(),
    settle=worker.SETTLE_EVERY.total_seconds(),
    beat=BEAT_EVERY.total_seconds(),
)
EASY = Pace(
    look=600.0,
    rescue=45.0,
    reconcile=1_800.0,
    prune=3_600.0,
    announce=15.0,
    claim=400.0,
    settle=60.0,
    beat=14.0,
)

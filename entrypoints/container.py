"""The composition root: the only place that names adapters beside the profiles, from which stores come."""

from collections.abc import Callable
from datetime import timedelta

from dependency_injector import containers, providers

from adapters.cron_reference.croniter_reference import CroniterReference
from adapters.passwords.argon2id import Argon2Passwords
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from adapters.telemetry.access_log import LogAccess
from adapters.telemetry.every_observer import EveryObserver
from adapters.telemetry.exposition import Exposition
from adapters.telemetry.log_observer import LogObserver
from adapters.telemetry.meter import Meter
from adapters.telemetry.metrics_observer import MetricsObserver
from adapters.telemetry.timed_stores import TimedStores
from application.scheduling.deliveries import Deliveries
from application.scheduling.drafts import HandlerDefaults
from application.scheduling.ports.access import Access, AccessLog
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.cron_reference import CronReference
from application.scheduling.ports.history import Retention
from application.scheduling.ports.metrics import Counting, Telling
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.passwords import Passwords
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.processors import Processors
from application.scheduling.services.adopt_external_types import AdoptExternalTypes
from application.scheduling.services.advise import Advise
from application.scheduling.services.apply_file import ApplyFile
from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.batch_change import BatchChange
from application.scheduling.services.change_task import ChangeTask
from application.scheduling.services.check_password import CheckPassword
from application.scheduling.services.credentials import digest
from application.scheduling.services.dispatch_due import DispatchDue
from application.scheduling.services.expire_unknown import ExpireUnknown
from application.scheduling.services.explain import Explain
from application.scheduling.services.hold_firing import HoldFiring
from application.scheduling.services.identify import Identify
from application.scheduling.services.inspect_access import InspectAccess
from application.scheduling.services.inspect_audit import InspectAudit
from application.scheduling.services.inspect_history import InspectHistory
from application.scheduling.services.inspect_tasks import InspectTasks
from application.scheduling.services.inspect_team import InspectTeam
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.manage_account import ManageAccount
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.manage_tokens import ManageTokens
from application.scheduling.services.manage_users import ManageUsers
from application.scheduling.services.measure_store import MeasureStore
from application.scheduling.services.note_refusals import NoteRefusals
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.preview import Preview
from application.scheduling.services.prune_history import PruneHistory
from application.scheduling.services.reconcile import Reconcile
from application.scheduling.services.redrive_execution import RedriveExecution
from application.scheduling.services.redrive_many import RedriveMany
from application.scheduling.services.rescue_stuck import RescueStuck
from application.scheduling.services.restore_version import RestoreVersion
from application.scheduling.services.run_execution import RunExecution
from application.scheduling.services.second_opinion import SecondOpinion
from application.scheduling.services.seed_defaults import SeedDefaults
from application.scheduling.services.set_up import SetUp
from application.scheduling.services.settle_execution import SettleExecution
from application.scheduling.services.sign_in import SignIn
from application.scheduling.services.statistics import ReadStatistics
from application.scheduling.services.task_quota import TaskQuota
from application.scheduling.services.veil import VeiledHistory, VeiledTasks
from application.scheduling.services.watch_clock import WatchClock
from application.scheduling.services.watch_hold import WatchHold
from application.scheduling.services.withheld import WithheldExecutions, WithheldTasks
from entrypoints.settings import Settings
from entrypoints.stores import Stores
from entrypoints.web.doors.veil import is_veiled


def _admin_token(settings: Settings) -> str | None:
    """The digest of the token the settings name; the token itself goes no further."""
    token = settings.scheduler_admin_token
    return None if token is None else digest(token.get_secret_value())


def _deliveries(settings: Settings) -> Deliveries:
    return Deliveries(settings.has_streams, frozenset(settings.scheduler_external_types))


def _retention(settings: Settings) -> Retention:
    """How long records are kept: memory is dearer than a file, and a server has more room than that."""
    days = {"redis": 7, "postgres": 30}.get(settings.store)
    return Retention() if days is None else Retention(executions=timedelta(days=days))


class Container(containers.DeclarativeContainer):
    """What a process is made of. Stores and wake-ups are opened by the process and handed in, never opened here.

    With a store that has a clock of its own, that is handed in as well.
    """

    settings = providers.Dependency(instance_of=Settings)
    stores: providers.Dependency[Stores] = providers.Dependency()
    wakeup: providers.Dependency[Wakeup] = providers.Dependency()

    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    entropy: providers.Provider[Entropy] = providers.Singleton(SystemEntropy)
    meter: providers.Provider[Counting] = providers.Singleton(Meter)
    observer: providers.Provider[Observer] = providers.Singleton(
        EveryObserver,
        providers.Singleton(LogObserver, clock=clock),
        providers.Singleton(MetricsObserver, meter=meter),
    )
    ports = providers.Singleton(TimedStores, stores, meter, clock)
    telling: providers.Provider[Telling] = providers.Singleton(Exposition, meter=meter)
    processors = providers.Singleton(Processors)

    access: providers.Provider[Access] = stores.provided.access
    access_log: providers.Provider[AccessLog] = providers.Singleton(LogAccess)
    passwords: providers.Provider[Passwords] = providers.Singleton(Argon2Passwords)
    refusals = providers.Singleton(NoteRefusals, trail=stores.provided.trail, clock=clock, log=access_log)
    inspect_access = providers.Singleton(InspectAccess, trail=stores.provided.trail)
    identify = providers.Singleton(
        Identify, access=access, refusals=refusals, admin_token=providers.Callable(_admin_token, settings)
    )
    check_password = providers.Singleton(
        CheckPassword, access=access, passwords=passwords, clock=clock, refusals=refusals
    )
    sign_in = providers.Singleton(
        SignIn, access=access, check=check_password, clock=clock, entropy=entropy, log=access_log
    )
    set_up = providers.Singleton(
        SetUp, access=access, passwords=passwords, clock=clock, entropy=entropy, log=access_log
    )
    manage_account = providers.Singleton(
        ManageAccount, access=access, check=check_password, sign_in=sign_in, passwords=passwords, log=access_log
    )
    manage_users = providers.Singleton(ManageUsers, access=access, passwords=passwords, clock=clock, log=access_log)
    manage_tokens = providers.Singleton(ManageTokens, access=access, clock=clock, entropy=entropy, log=access_log)

    # What people read, they read through these; what changes a task reads it as it is.
    shown_tasks = providers.Singleton(VeiledTasks, tasks=ports.provided.tasks, is_veiled=is_veiled)
    shown_history = providers.Singleton(VeiledHistory, history=ports.provided.history, is_veiled=is_veiled)
    task_quota = providers.Singleton(
        TaskQuota, history=ports.provided.history, clock=clock, tasks_max=settings.provided.scheduler_tasks_max
    )
    change_task = providers.Singleton(
        ChangeTask, tasks=ports.provided.tasks, clock=clock, wakeup=wakeup, observer=observer, quota=task_quota
    )
    deliveries = providers.Singleton(_deliveries, settings)
    manage_tasks = providers.Singleton(
        ManageTasks,
        change_task=change_task,
        executions=ports.provided.executions,
        membership=ports.provided.membership,
        entropy=entropy,
        defaults=providers.Factory(HandlerDefaults, max_retries=settings.provided.scheduler_default_retries),
        deliveries=deliveries,
    )
    adopt_external_types = providers.Singleton(
        AdoptExternalTypes, change_task=change_task, history=ports.provided.history, deliveries=deliveries
    )
    restore_version = providers.Singleton(
        RestoreVersion,
        change_task=change_task,
        history=ports.provided.history,
        membership=ports.provided.membership,
        deliveries=deliveries,
    )
    redrive_execution = providers.Singleton(
        RedriveExecution,
        change_task=change_task,
        history=ports.provided.history,
        membership=ports.provided.membership,
    )
    redrive_many = providers.Singleton(RedriveMany, redrive=redrive_execution)
    backfill_task = providers.Singleton(
        BackfillTask, change_task=change_task, history=ports.provided.history, entropy=entropy
    )
    batch_change = providers.Singleton(
        BatchChange, change_task=change_task, history=ports.provided.history, entropy=entropy
    )
    apply_file = providers.Singleton(ApplyFile, manage=manage_tasks, history=ports.provided.history)
    inspect_tasks = providers.Singleton(
        InspectTasks,
        tasks=shown_tasks,
        history=shown_history,
        figures=ports.provided.figures,
        membership=ports.provided.membership,
        clock=clock,
        store_fault=stores.provided.fault,
        holds=stores.provided.holds,
        outbox=stores.provided.outbox.call(),
    )
    retention = providers.Singleton(_retention, settings)
    inspect_audit = providers.Singleton(InspectAudit, history=shown_history)
    inspect_team = providers.Singleton(InspectTeam, membership=ports.provided.membership, history=shown_history)
    inspect_history = providers.Singleton(InspectHistory, history=shown_history, retention=retention)
    statistics = providers.Singleton(
        ReadStatistics,
        figures=ports.provided.figures,
        history=shown_history,
        membership=ports.provided.membership,
        clock=clock,
    )
    measure_store = providers.Singleton(
        MeasureStore,
        tasks=ports.provided.tasks,
        history=ports.provided.history,
        figures=ports.provided.figures,
        membership=ports.provided.membership,
        holds=stores.provided.holds,
        clock=clock,
        outbox=stores.provided.outbox.call(),
    )
    explain = providers.Singleton(
        Explain,
        history=shown_history,
        membership=ports.provided.membership,
        holds=stores.provided.holds,
        trail=stores.provided.trail,
        retention=retention,
    )
    preview = providers.Singleton(Preview, clock=clock)
    cron_reference: providers.Provider[CronReference] = providers.Singleton(CroniterReference)
    advise = providers.Singleton(
        Advise, statistics=statistics, opinion=providers.Singleton(SecondOpinion, reference=cron_reference)
    )
    seed_defaults = providers.Singleton(SeedDefaults, tasks=ports.provided.tasks, manage=manage_tasks)
    watch_clock = providers.Singleton(WatchClock, clock=clock, observer=observer)
    hold_firing = providers.Singleton(HoldFiring, holds=stores.provided.holds, wakeup=wakeup, log=access_log)
    watch_hold = providers.Singleton(WatchHold, holds=stores.provided.holds, clock=clock)
    # What fires, starts and gives up work has these, and nothing else of the stores.
    held_tasks = providers.Singleton(WithheldTasks, tasks=ports.provided.tasks, watch=watch_hold)
    held_executions = providers.Singleton(WithheldExecutions, executions=ports.provided.executions, watch=watch_hold)
    dispatch_due = providers.Singleton(
        DispatchDue,
        tasks=held_tasks,
        executions=held_executions,
        clock=clock,
        wakeup=wakeup,
        observer=observer,
        watch=watch_clock,
    )
    rescue_stuck = providers.Singleton(
        RescueStuck, executions=ports.provided.executions, clock=clock, wakeup=wakeup, observer=observer
    )
    expire_unknown = providers.Singleton(
        ExpireUnknown, executions=held_executions, watch=watch_clock, wakeup=wakeup, observer=observer
    )
    reconcile = providers.Singleton(Reconcile, tasks=ports.provided.tasks, clock=clock, wakeup=wakeup)
    prune_history = providers.Singleton(
        PruneHistory, history=ports.provided.history, observer=observer, watch=watch_clock, retention=retention
    )
    run_execution = providers.Singleton(RunExecution, processors=processors, clock=clock)
    settle_execution = providers.Singleton(
        SettleExecution, executions=ports.provided.executions, clock=clock, wakeup=wakeup, observer=observer
    )
    perform_executions = providers.Factory(
        PerformExecutions,
        executions=held_executions,
        run_execution=run_execution,
        settle_execution=settle_execution,
        clock=clock,
        entropy=entropy,
        observer=observer,
    )


def keep_claims(
    stores: Stores, perform: PerformExecutions, clock: Clock, holder: Callable[[], str | None]
) -> KeepClaims:
    """The heartbeat of a worker, on a store connection of its own."""
    return KeepClaims(stores.executions, perform.live, clock, perform.worker_id, perform.observer, holder)

"""A task's policies as sentences: what happens when it is late, overlaps, fails, takes too long."""

from markupsafe import Markup

from application.scheduling.deliveries import STREAM
from application.scheduling.explanations.words import span
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import BackoffKind, RetryPolicy
from domain.scheduling.task import Delivery, ScheduledTask
from entrypoints.web.words.wording import moment

RETRIES_SHOWN_MAX = 5

MISFIRES = {
    Misfire.SKIP: "None of the missed occurrences runs; they are put on record.",
    Misfire.LATEST: "The latest missed occurrence runs, once; the others are put on record as not run.",
    Misfire.EARLIEST: "The earliest missed occurrence runs, once; the others are put on record as not run.",
    Misfire.ALL: "Every missed occurrence runs, at most {catch_up_max}; more are put on record as not run.",
}
OVERLAPS = {
    Overlap.SKIP: "The occurrence does not run, which is put on record.",
    Overlap.QUEUE_ONE: "One occurrence waits for its turn; further ones are passed over.",
    Overlap.CANCEL_PREVIOUS: "The earlier execution is cancelled, and the new one starts when it has ended.",
    Overlap.ALLOW: "Both run at the same time.",
}


def policy_sentences(task: ScheduledTask) -> list[tuple[str, str | Markup]]:
    """Each situation with what happens then, in the order of a task's life."""
    policy, timezone = task.definition.policy, task.definition.timezone
    is_external = task.definition.delivery is Delivery.EXTERNAL
    sentences: list[tuple[str, str | Markup]] = [("If it is late", _late(policy))]
    sentences += _delivered(task.definition.task_type) if is_external else _run_here(policy)
    if policy.jitter:
        sentences.append(
            ("Spread", f"Each run is delayed by up to {span(policy.jitter)}, so that not all start together.")
        )
    if policy.start_at is not None:
        sentences.append(("Not before", moment(policy.start_at, timezone)))
    if policy.end_at is not None:
        sentences.append(("Not after", moment(policy.end_at, timezone)))
    if policy.max_runs is not None:
        sentences.append(("At most", f"{policy.max_runs:,} runs; {task.auto_runs:,} so far"))
    return sentences


def _run_here(policy: ExecutionPolicy) -> list[tuple[str, str | Markup]]:
    return [
        ("If an earlier run is still open", OVERLAPS[policy.overlap]),
        ("If a run fails", _retries(policy.retry)),
        ("If an attempt takes too long", f"It is stopped after {span(policy.timeout)}, which counts as a failure."),
        ("If it keeps failing", _stops(policy.fail_after)),
    ]


def _delivered(task_type: str) -> list[tuple[str, str | Markup]]:
    words = Markup(
        "A program that reads the stream <code>{}</code>. A run is over once its message is there; overlap, retries and"
        " time limit do not apply."
    )
    return [("Who runs it", words.format(STREAM.format(task_type)))]


def _late(policy: ExecutionPolicy) -> str:
    words = MISFIRES[policy.misfire].format(catch_up_max=policy.catch_up_max)
    if policy.grace is None or policy.misfire is Misfire.SKIP:
        return words
    return f"{words} More than {span(policy.grace) if policy.grace else '0 s'} late, it does not run."


def _retries(retry: RetryPolicy) -> str:
    count = retry.max_retries
    if not count:
        return "It is not tried again."
    shown = [span(retry.backoff.before_retry(number)) for number in range(1, min(count, RETRIES_SHOWN_MAX) + 1)]
    if retry.backoff.kind is BackoffKind.FIXED:
        shown = shown[:1]
    dots = ", …" if count > len(shown) > 1 else ""
    each = " each" if retry.backoff.kind is BackoffKind.FIXED and count > 1 else ""
    times = "once" if count == 1 else f"up to {count} times"
    return f"It is tried again {times}, after {', '.join(shown)}{dots}{each} (±10 %)."


def _stops(fail_after: int | None) -> str:
    if fail_after is None:
        return "It never stops by itself."
    if fail_after == 1:
        return "The task is stopped after one run that failed for good."
    return f"The task is stopped after {fail_after:,} runs in a row that failed for good."

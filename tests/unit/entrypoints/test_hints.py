"""Wake-ups inside one service: each hint reaches the callback it is for, and nobody has to listen."""

from entrypoints.hints import Hints


def test_each_hint_reaches_its_callback() -> None:
    heard: list[str] = []
    hints = Hints(on_scheduler=lambda: heard.append("scheduler"), on_workers=lambda: heard.append("workers"))

    hints.workers()
    hints.scheduler()
    hints.changed(["a"])

    assert heard == ["workers", "scheduler"]


def test_a_hint_nobody_listens_to_is_no_error() -> None:
    Hints().scheduler()
    Hints().workers()
    Hints().changed([])

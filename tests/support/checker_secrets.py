"""What stands in payloads under the name of a secret, looked for wherever it must not appear (I24)."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.simulation_witness import StoreStep

CANARY = "canary-4f1d7c"


@dataclass(slots=True)
class SecretChecks:
    """I24: in no error, log line, result, change or event."""

    fail: Callable[[str, str], None]
    looked_at: int = 0

    def step(self, step: StoreStep) -> None:
        """Judge what a step has put on record."""
        for before, after in step.executions:
            if after.error is not None and (before is None or before.error is not after.error):
                self.told(f"the error of {after.id}", after.error)
            if after.result_json is not None and (before is None or before.result_json is not after.result_json):
                self.told(f"the result of {after.id}", after.result_json)
        for was, task in step.tasks:
            if task.last_error is not None and (was is None or was.last_error is not task.last_error):
                self.told(f"the last error of {task.id}", task.last_error)
        for each in step.changes:
            self.told("a change", each)
        if step.call in ("heartbeat", "settle"):
            for each in step.arguments[-1]:
                if each.log:
                    self.told("a log", each.log)

    def told(self, where: str, what: object) -> None:
        """Judge anything that people get to see."""
        self.looked_at += 1
        if CANARY in repr(what):
            self.fail("I24", f"{where} tells the secret of a payload: {what}")

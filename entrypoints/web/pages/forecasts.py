"""What the pages of a task show of a forecast."""

from typing import Any

from application.scheduling.services.forecast import Forecast


def forecast_context(forecast: Forecast | None) -> dict[str, Any]:
    """What templates show of a forecast; None: nothing can be foretold, since the task cannot be decided."""
    coming = () if forecast is None else forecast.coming
    return {
        "sentence": None if forecast is None else forecast.sentence,
        "findings": () if forecast is None else forecast.findings,
        "upcoming": coming,
        "jittered": any(each.occurrence.run_at != each.occurrence.nominal_at for each in coming),
    }

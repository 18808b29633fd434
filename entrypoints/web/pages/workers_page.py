"""Who works here: schedulers and workers, what each runs now, and what nobody is able to run."""

from aiohttp import web

from application.scheduling.services.inspect_team import Duty
from entrypoints.web.keys import SERVICES
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query


async def workers(request: web.Request) -> web.Response:
    """The processes as of now."""
    Query(request)
    team = await request.app[SERVICES].team.team()
    return render(
        request,
        "workers.html",
        {
            "team": team,
            "schedulers": team.on(Duty.SCHEDULING, Duty.SERVING),
            "workers": team.on(Duty.WORKING, Duty.LEAVING, Duty.ISOLATING),
        },
    )

"""The doors put together: which path leads where, and which loops run beside them."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from miandan.api.app import make_api
from miandan.console.authorise import authorise_door
from miandan.dialects.doudian.calls import methods
from miandan.dialects.doudian.gateway import Gateway
from miandan.hall import Hall
from miandan.kernel.asgi import Door, Receive, Scope, Send, answer_json
from miandan.link.door import agent_door
from miandan.server.files import template_door
from miandan.server.front import Front
from miandan.server.jobs import deliver_and_push_always, do_due_always
from miandan.server.serving import Loop

HEALTH_SECONDS: Final = 5.0
"""A database that has not answered by then is taken for down."""


def put_together(hall: Hall, doudian_port: int | None = None) -> tuple[Front, Sequence[Loop]]:
    """The application and its loops; `doudian_port` is a port that belongs to the Doudian gateway alone."""
    methods()  # imported before the first call, not by it
    doors: dict[str, Door] = {
        "doudian": Gateway(hall, "/doudian"),
        "api": make_api(hall),
        "authorize": authorise_door(hall),
        "templates": template_door(hall.printing),
        "agent": agent_door(hall.printing),
        "health": _healthy(hall),
    }
    alone: dict[int, Door] = {} if doudian_port is None else {doudian_port: Gateway(hall)}
    loops: list[Loop] = [hall.calls.run, partial(deliver_and_push_always, hall), partial(do_due_always, hall)]
    return Front(doors, alone), loops


def _healthy(hall: Hall) -> Door:
    """For a load balancer: 200 while the database answers, else 503."""

    async def health(_scope: Scope, _receive: Receive, send: Send) -> None:
        if await _answers(hall):
            await answer_json(send, 200, {"status": "ok"})
        else:
            down = {"status": "down", "zh": "数据库没有应答", "en": "the database does not answer"}
            await answer_json(send, 503, down)

    return health


async def _answers(hall: Hall) -> bool:
    """Whether the database does, in time; whatever else it is, this server cannot serve now."""
    asking = asyncio.create_task(hall.db.fetchval("SELECT 1"))
    await asyncio.wait([asking], timeout=HEALTH_SECONDS)
    if asking.done():
        return not asking.cancelled() and asking.exception() is None
    asking.cancel()  # and not waited for: a line whose other end is gone cannot be given back at once
    return False

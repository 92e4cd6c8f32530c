"""`miandan serve`: the server with its interfaces, until it is told to stop."""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

from miandan.cli.session import say, told_to_stop
from miandan.kernel.settings import DEFAULT_PUBLIC_URL, Settings


async def serve(host: str | None, port: int | None, doudian_port: int | None) -> int:
    """Listen until SIGINT or SIGTERM. Raises what opening raises, and server.port_taken, server.address_bad."""
    from miandan.server.app import put_together
    from miandan.server.house import open_hall
    from miandan.server.serving import listen, open_socket

    settings = Settings.from_environment()
    host = host or settings.host
    sockets = [open_socket(host, settings.port if port is None else port)]
    own_port = settings.doudian_port if doudian_port is None else doudian_port
    if own_port is not None:
        sockets.append(open_socket(host, own_port))
    if settings.public_url == DEFAULT_PUBLIC_URL:  # nobody said how the outside reaches us: as we listen
        settings = replace(settings, public_url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
    async with open_hall(settings) as hall:
        stop = told_to_stop()
        front, loops = put_together(hall, own_port if own_port is None else sockets[1].getsockname()[1])
        _calm_the_collector()
        _say_where(host, [one.getsockname()[1] for one in sockets], sandbox=hall.sandbox)
        await listen(front, sockets, loops, stop)
    say("已停止，进行中的请求都已完成。/ Stopped; calls under way have ended.")
    return 0


def _say_where(host: str, ports: list[int], *, sandbox: bool) -> None:
    kind = "沙箱 sandbox" if sandbox else "正式 production"
    where = f"http://[{host}]" if ":" in host else f"http://{host}"
    say(f"面单服务已启动（{kind}）。Ctrl+C 停止。/ miandan is serving; Ctrl+C stops it.")
    say(f"  抖店接口 Doudian     {where}:{ports[0]}/doudian")
    if len(ports) > 1:
        say(f"  抖店专用端口 alone   {where}:{ports[1]}")
    say(f"  原生接口 native API  {where}:{ports[0]}/api/v1/docs")


def _calm_the_collector() -> None:
    """What is loaded by now stays, and is never looked through again."""
    gc.collect()
    gc.freeze()


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one (everywhere but Windows): a third more calls in the same time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

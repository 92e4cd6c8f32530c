"""`miandan calls`: what was answered to the log_id that somebody complains with, or what an app called lately."""

from miandan.access import service
from miandan.access.calls import CallNote, find_call, latest_calls
from miandan.cli.session import open_session, say, shown
from miandan.cli.streams import put
from miandan.cli.tables import second
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal


async def calls(log_id: str | None, app_key: str | None, limit: int) -> int:
    """One call, or the latest of an app, newest first. Raises calls.which, access.call_unknown, access.app_unknown."""
    if (log_id is None) is (app_key is None):
        raise Refusal("calls.which")
    async with open_session() as session:
        if log_id is not None:
            put(_whole(await find_call(session.db, log_id)))
            return 0
        assert app_key is not None
        await service.find_app(session.db, app_key)
        found = await latest_calls(session.db, app_key, limit)
    put("".join(map(_line, found)))
    say(f"  最近 {len(found)} 次调用 latest calls" if found else "✓ 这个应用还没有调用过 this app has not called yet")
    return 0


def _whole(call: CallNote) -> str:
    """Everything that was noted; an app that was not known by then has no key."""
    rows = (
        ("调用 log_id", call.log_id),
        ("时间 at", second(call.at)),
        ("入口 door", call.door),
        ("应用 app", call.app_key or "-"),
        ("接口 method", shown(call.method) or "-"),
        ("代表 for", shown(call.subject) or "-"),
        ("结果 code", f"{call.code} {call.sub_code}".rstrip()),
        ("耗时 ms", str(call.milliseconds)),
    )
    return "".join(f"{name:<12}{value}\n" for name, value in rows)


def _line(call: CallNote) -> str:
    at = f"{call.at.astimezone(BEIJING):%m-%d %H:%M:%S}"
    answer = f"{call.code} {call.sub_code}".rstrip()
    return f"{call.log_id}  {at}  {shown(call.method)}  {answer}  {call.milliseconds} ms\n"

"""What the commands of `miandan agent` do, but for `run`. None of them opens a database: this machine may have none."""

import asyncio
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from miandan.agent.folder import Folder
from miandan.agent.keys import agent_keys
from miandan.agent.leaving import leave
from miandan.agent.link import LinkState
from miandan.agent.log import last_lines
from miandan.agent.page.admission import new_address, opener
from miandan.agent.pairing import pair as pair_with
from miandan.agent.printers.model import State
from miandan.agent.service_texts import ServiceKind, service_text
from miandan.agent.status import GO_ON, WENT_ON, AgentStatus, Answer, PrinterStatus, Question, ask, read_status
from miandan.cli.session import INTERRUPTED, NOTHING_DONE, SOME_REFUSED, complain, say, shown
from miandan.cli.tables import Column, facts, write_json, write_lines, write_list
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained
from miandan.labels.agent_link import Outcome

_LINKS: Final[Mapping[str, str]] = {
    LinkState.CONNECTED: "已连接 connected",
    LinkState.CONNECTING: "连接中 connecting",
    LinkState.WAITING: "等待重连 waiting",
    LinkState.REFUSED: "被拒绝 refused",
    LinkState.STOPPED: "未连接 no link",
}
_PRINTERS: Final = (
    Column("name", "打印机 printer"),
    Column("driver", "驱动 driver"),
    Column("profile", "型号 profile"),
    Column("state", "状态 state", lambda code: f"{State(code).zh} {State(code).en}"),
    Column("detail", "说明 detail"),
    Column("waiting", "待打 waiting"),
    Column("printed", "已打 printed"),
    Column("failed", "失败 failed"),
    Column("doubtful", "存疑 doubtful"),
)
_AGENT: Final = (
    Column("name", "名称 name"),
    Column("server", "服务器 server"),
    Column("agent_id", "编号 agent"),
    Column("link", "连接 link", _LINKS.get),
    Column("reason", "原因 reason"),
    Column("started_at", "启动 started"),
    Column("open_sheets", "未结 open sheets"),
    Column("trouble", "故障 trouble"),
    Column("to_check", "要处理 to settle"),
)


def run_command(command: Callable[[], int]) -> None:
    """Run a command to its exit code; a failure becomes words."""
    try:
        code = command()
    except Exception as error:
        complain(explained(error))
        code = NOTHING_DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def pair(url: str, code: str, name: str | None) -> int:
    folder = Folder.from_environment()
    paired = pair_with(folder, url, code, name)
    say(f"✓ 已配对：{shown(paired.name)} → {shown(paired.server)} / paired. 接着运行 next: miandan agent run")
    return 0


def status(as_json: bool) -> int:
    found = read_status(Folder.from_environment())
    if as_json:
        write_json(_plain(found))
    else:
        trouble = f"{found.trouble_zh} [{found.trouble}]" if found.trouble else ""
        row = _plain(found) | {"link": found.link.state, "reason": found.link.zh or found.link.reason}
        row |= {"trouble": trouble, "to_check": str(found.to_check) if found.to_check else ""}
        write_lines(facts(_AGENT, row))
        write_lines([""])
        write_list(_PRINTERS, [_plain(one) for one in found.printers], as_json=False)
        for hint in _hints(found):
            say(f"  ! {hint}")
        if found.errors:
            say(f"  最近的问题 latest trouble: {found.errors[-1]}")
    in_trouble = any(not one.state.can_print for one in found.printers)
    connected = found.link.state == LinkState.CONNECTED
    return 0 if connected and not (in_trouble or found.trouble or found.to_check) else SOME_REFUSED


def _hints(found: AgentStatus) -> Iterator[str]:
    """What a person does now."""
    if found.trouble:
        yield f"{found.trouble_zh} / {found.trouble_en}"
    if found.to_check:
        yield f"{found.to_check} 张失败或存疑，请处理：miandan agent page / failed or in doubt, they want you"
    for one in found.printers:
        if one.state is State.STANDS_STILL:
            yield (
                f"{shown(one.name)} 有存疑，已停下：看过打印机，运行 miandan agent go / "
                "stands still after a doubt: look at it, then miandan agent go"
            )


def printers(as_json: bool) -> int:
    folder = Folder.from_environment()
    if folder.is_running():
        rows = [_plain(one) for one in read_status(folder).printers]
    else:
        rows = [_plain(one) for one in asyncio.run(_looked_at(folder))]
    write_list(_PRINTERS, rows, as_json=as_json)
    return 0


async def _looked_at(folder: Folder) -> list[PrinterStatus]:
    """Each printer as it is now, without an agent that runs."""
    from miandan.agent.printers.opening import open_printers

    found = []
    for one in open_printers(folder):
        condition = await one.condition()
        found.append(PrinterStatus(one.name, one.driver, one.profile.name, condition.state, condition.detail))
        await one.close()
    return found


def test(printer: str, kind: str) -> int:
    folder = Folder.from_environment()
    if folder.is_running():
        answer = ask(folder, Question(printer, kind))
    else:
        folder.make()
        answer = asyncio.run(_printed_alone(folder, printer, kind))
    if answer.outcome != Outcome.PRINTED:
        if answer.zh:
            say(f"✗ {answer.zh}")
            say(f"  {answer.en} [{answer.code}]")
            return NOTHING_DONE
        raise Refusal("agent.page_not_printed", printer=printer, outcome=answer.outcome, reason=answer.code or "-")
    say(f"✓ 已送出 printed: {shown(printer)} ({answer.evidence})")
    return 0


async def _printed_alone(folder: Folder, printer: str, kind: str) -> Answer:
    from miandan.agent.printers.opening import open_printers
    from miandan.agent.program import Agent

    with folder.alone():
        agent = Agent(folder, open_printers(folder), None, agent_keys(folder.keys))
        await agent.start()
        try:
            ended = await agent.print_page_now(printer, kind)
        except Refusal as refusal:
            return Answer("", code=refusal.code, zh=refusal.zh, en=refusal.en)
        finally:
            await agent.stop()
    return Answer(ended.outcome, ended.evidence, ended.reason)


def go_on(printer: str) -> int:
    folder = Folder.from_environment()
    if not folder.is_running():
        raise Refusal("agent.not_running")
    answer = ask(folder, Question(printer, GO_ON))
    if answer.zh:
        say(f"✗ {answer.zh}")
        say(f"  {answer.en} [{answer.code}]")
        return NOTHING_DONE
    if answer.outcome == WENT_ON:
        say(f"✓ 接着打：{shown(printer)} / it goes on")
    else:
        say(f"✓ {shown(printer)} 没有停下，不用处理。/ It did not stand still.")
    return 0


def logs(lines: int) -> int:
    write_lines([shown(line, 1_000) for line in last_lines(Folder.from_environment().log, lines)])
    return 0


def show_page() -> int:
    """Lead a browser to the page by a file, which no other user can read as they can a command line."""
    folder = Folder.from_environment()
    address = new_address(folder)
    if _has_screen() and webbrowser.open(opener(folder, address).as_uri()):
        say("✓ 已在浏览器打开；没有出现，就把网址粘贴到浏览器。/ Opened; if nothing appears, paste the address.")
    return _say_address(address)


def page_address() -> int:
    """The way to the page, for a browser that somebody opens."""
    return _say_address(new_address(Folder.from_environment()))


def _say_address(address: str) -> int:
    say("  两分钟内有效，只能用一次 good once, for two minutes:")
    say(f"  {address}")
    return 0


def _has_screen() -> bool:
    """Whether a browser with a window can be started; one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def unpair() -> int:
    folder = Folder.from_environment()
    paired = folder.paired()
    with folder.alone():
        told = asyncio.run(leave(folder, paired))
        folder.forget()
    if told:
        say("✓ 已解除配对，本机密钥已删除。/ Unpaired on both sides; the keys of this computer are deleted.")
        return 0
    say("! 本机已解除配对；没有连上服务器，请在服务器上也解除。/ Unpaired here only: end it on the server too.")
    return SOME_REFUSED


def service(kind: str) -> int:
    write_lines(service_text(ServiceKind(kind), Folder.from_environment()).splitlines())
    return 0


def _plain(found: AgentStatus | PrinterStatus) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain

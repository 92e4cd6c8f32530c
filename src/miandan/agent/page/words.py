"""What the page says of lamps, printers and sheets: what is the matter, and what a packer does about it."""

from dataclasses import dataclass
from typing import Final

from miandan.agent.components.origins import is_origin
from miandan.agent.journal import SERVER, Entry, Step
from miandan.agent.link import LinkState
from miandan.agent.page.model import Lamp, Shown
from miandan.agent.printers.model import Condition, Driver, State
from miandan.agent.program import PAGES
from miandan.kernel.errors import ErrorEntry, Refusal, catalogue
from miandan.labels.agent_link import Evidence, Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What is the matter, and the next step; the step may be empty."""

    what: Words
    step: Words


NOTHING: Final = Words("", "")

LAMPS: Final = {
    Lamp.GOOD: Words("已连接", "Connected"),
    Lamp.CHECK: Words("有面单要看一眼", "Look at some sheets"),
    Lamp.TROUBLE: Words("打印机有问题", "Printer trouble"),
    Lamp.OFFLINE: Words("离线", "Offline"),
}
EVIDENCE: Final = {
    Evidence.DEVICE: Words("设备回报", "device report"),
    Evidence.SPOOLER: Words("队列回报", "spooler report"),
    Evidence.SENT_ONLY: Words("仅发送", "sent only"),
    Evidence.NONE: Words("", ""),
}
DRIVERS: Final = {
    Driver.FOLDER: "文件夹",
    Driver.TCP: "网络 9100",
    Driver.CUPS: "CUPS",
    Driver.IPP: "IPP",
    Driver.USBLP: "USB",
    Driver.SERIAL: "串口",
    Driver.WINDOWS: "Windows",
}
OUTCOMES: Final = {
    Outcome.PRINTED: Words("已打印", "printed"),
    Outcome.FAILED: Words("失败", "failed"),
    Outcome.DOUBTFUL: Words("存疑", "doubtful"),
    Outcome.GIVEN_BACK: Words("已交还", "given back"),
}
STEPS: Final = {
    Step.GOT: Words("排队", "queued"),
    Step.UNSENT: Words("等打印机", "waits for the printer"),
    Step.BEGUN: Words("发送中", "being sent"),
    Step.END: Words("等服务器确认", "waits for the server"),
}

_BY_ITSELF = "处理好后会自动继续打印。"
_GOES_ON = "Printing goes on by itself then."
_STEPS: Final = {
    State.PAPER_OUT: Words(f"装上纸，合上盖。{_BY_ITSELF}", f"Load paper and close the lid. {_GOES_ON}"),
    State.PAPER_JAM: Words(f"开盖取出卡住的纸，装好再合上。{_BY_ITSELF}", f"Take the jammed paper out. {_GOES_ON}"),
    State.LID_OPEN: Words(f"把盖子压到底，听到一声响。{_BY_ITSELF}", f"Press the lid down until it clicks. {_GOES_ON}"),
    State.HEAD_HOT: Words(
        "不用动，等一两分钟冷却，会自动继续。", "Wait a minute or two until it has cooled; it goes on by itself."
    ),
    State.RIBBON_OUT: Words(f"换碳带。{_BY_ITSELF}", f"Change the ribbon. {_GOES_ON}"),
    State.OFFLINE: Words(
        f"检查打印机的电源和数据线（网络打印机看网线）。{_BY_ITSELF}", f"Check its power and cable. {_GOES_ON}"
    ),
    State.PAUSED: Words(
        f"按打印机上的暂停键，或在系统里恢复这个队列。{_BY_ITSELF}",
        f"Press its pause key, or resume its queue. {_GOES_ON}",
    ),
    State.STANDS_STILL: Words(
        "看打印机和存疑的面单，再按“看过了，继续打”。", "Look at the printer and the sheet in doubt, then press Go on."
    ),
    State.ERROR: Words(
        f"看打印机上的指示灯，关机再开。{_BY_ITSELF}", f"Look at its lights; switch it off and on. {_GOES_ON}"
    ),
    State.UNKNOWN: Words("能打印，但它不报告状态：请看着出纸。", "It can print but tells nothing: watch the paper."),
}
_LOOK: Final = Words(
    "看打印机旁有没有这一张，再到服务器上登记（打印任务的“要看的”）：有，记为已打印；没有，记为失败并补打。",
    "Look whether this sheet is there, then write it down on the server, under sheets to be checked of its print job: "
    "printed if it is; else failed, and reprint.",
)
_LOOK_ERP: Final = Words(
    "看打印机旁有没有这一张；没有，就在打单网页里重打，这里会再问一次。",
    "Look whether this sheet is there; if not, print it again from the web page: it is asked about here.",
)
_LOOK_PAGE: Final = Words(
    "看打印机旁有没有这一页；没有就再按一次。", "Look whether the page is there; if not, press again."
)
_AGAIN_PAGE: Final = Words("处理好后再按一次。", "Press again once that is settled.")
_LOOKS: Final = {SERVER: _LOOK, PAGES: _LOOK_PAGE}
ON_THE_SERVER: Final = Words(
    "登记的地方：服务器上的打印任务，或请管理员运行 miandan print-jobs to-check 和 print-jobs settle。",
    "Where: the print job on the server, or by miandan print-jobs to-check and print-jobs settle.",
)
_LOOK_AT_IT: Final = Words("没有出纸就看打印机的状态。", "If nothing comes out, see how the printer is.")
SAID: Final = {
    "test": Advice(Words("测试页已交给打印机。", "The test page was given to the printer."), _LOOK_AT_IT),
    "calibration": Advice(Words("校准页已交给打印机。", "The sheet was given to the printer."), _LOOK_AT_IT),
    "kept": Advice(
        Words("已保存，从下一张起生效。", "Kept; it counts from the next sheet on."),
        Words("再打一张校准页核对。", "Print the sheet once more to make sure."),
    ),
    "print": Advice(Words("好，再打一张。", "It is printed once more."), NOTHING),
    "skip": Advice(Words("好，不打。", "It is not printed."), NOTHING),
    "allow": Advice(
        Words("已允许{site}。请在打单网页里再点一次打印。", "Allowed{site}. Press print once more on its page."),
        NOTHING,
    ),
    "deny": Advice(Words("已拒绝{site}。", "Denied{site}."), NOTHING),
    "settled": Advice(
        Words(
            "好，这里不再显示这一张。服务器上没有改动：本平台的面单还要在服务器上登记已打印或失败。",
            "It is not shown here any more. The server was told nothing: a sheet of the platform is settled there.",
        ),
        ON_THE_SERVER,
    ),
    "go": Advice(Words("好，接着打。", "It goes on."), _LOOK_AT_IT),
    "forget": Advice(
        Words("已撤销{site}；它再来时会重新询问。", "Forgotten{site}; it is asked about when it comes again."), NOTHING
    ),
}
"""What is said after a press, by the word that stands in the address; `site` is the one that it was about."""


def said_of(word: str, site: str) -> Advice | None:
    """What the press that led here did."""
    said = SAID.get(word)
    if said is None:
        return None
    zh, english = (f" {site} ", f" {site}") if is_origin(site) else ("", "")
    what = Words(said.what.zh.replace("{site}", zh), said.what.en.replace("{site}", english))
    return Advice(what, said.step)


def advice_on(condition: Condition) -> Advice:
    """On a printer."""
    state = condition.state
    if (entry := catalogue().get(condition.detail)) is not None:
        return _of_entry(entry, {})
    return Advice(Words(state.zh, state.en), _STEPS.get(state, NOTHING))


def advice_on_wrong(shown: Shown) -> Advice:
    """On what failed or is in doubt, all together."""
    count, doubtful = len(shown.wrong), shown.doubtful
    failed = count - doubtful
    zh = "，".join(filter(None, (f"{doubtful} 张存疑" if doubtful else "", f"{failed} 张失败" if failed else "")))
    english = f"{doubtful} in doubt, {failed} failed"
    return Advice(
        Words(f"{zh}，要人处理。", f"{english}: to be settled."),
        Words(
            "看打印机旁有没有这些面单，照下面“要处理的”一张张做，做完按“处理好了”。",
            "Look for them at the printer, do as stands below for each, then press Settled.",
        ),
    )


def advice_on_link(shown: Shown) -> Advice:
    """On what lies between the agent and its server."""
    link = shown.link
    if not shown.server:
        return _of_entry(catalogue()["agent.not_paired"], {})
    if link.state == LinkState.CONNECTED:
        return Advice(NOTHING, NOTHING)
    if link.state == LinkState.REFUSED:
        again = Words("请联系管理员；可能要重新配对。", "Ask whoever runs the server; it may have to be paired anew.")
        return Advice(Words(link.zh or "服务器拒绝了这台打印端。", link.en or "The server refuses this agent."), again)
    return Advice(
        Words("连不上服务器，正在自动重连。", "The server cannot be reached; trying again by itself."),
        Words(
            "检查这台电脑的网络。已收到的面单会继续打印，打印结果等连上后上报。",
            "Check this computer's network. Sheets that are here go on printing; what came of them is told later.",
        ),
    )


def advice_on_sheet(entry: Entry) -> Advice:
    """On one that failed or is in doubt."""
    ended, slip = entry.ended, entry.slip
    assert ended is not None
    fields = {"printer": slip.printer, "number": slip.number or "—"}
    reason = catalogue().get(ended.reason)
    said = _of_entry(reason, fields) if reason else Advice(OUTCOMES[ended.outcome], NOTHING)
    if ended.outcome is Outcome.DOUBTFUL:
        return Advice(said.what, _LOOKS.get(slip.source, _LOOK_ERP))
    return Advice(said.what, _AGAIN_PAGE if slip.source == PAGES else said.step)


def advice_of(refusal: Refusal) -> Advice:
    return Advice(Words(refusal.zh, refusal.en), Words(refusal.next_zh, refusal.next_en))


class _Known(dict[str, str]):
    """Fields of a code of which only the code is left."""

    def __missing__(self, key: str) -> str:
        return "—"


def _of_entry(entry: ErrorEntry, fields: dict[str, str]) -> Advice:
    known = _Known(fields)
    zh, next_zh, en, next_en = (
        text.format_map(known).replace("（—）", "").replace(" (—)", "")
        for text in (entry.zh, entry.next_zh, entry.en, entry.next_en)
    )
    return Advice(Words(zh, en), Words(next_zh, next_en))

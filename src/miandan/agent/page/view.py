"""The page itself: the lamp, what wants an answer, the printers, what waits, what went wrong, what has come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from miandan.agent.components.origins import Decision, Waiting
from miandan.agent.components.questions import Question
from miandan.agent.page import sheets
from miandan.agent.page.asking import components, may_print, print_again, sites
from miandan.agent.page.frame import LIVE, both, en, form, notice, paragraph, sheet, short_id
from miandan.agent.page.model import Lamp, Port, PrinterShown, Shown
from miandan.agent.page.words import (
    DRIVERS,
    EVIDENCE,
    LAMPS,
    Advice,
    Words,
    advice_of,
    advice_on,
    advice_on_link,
    advice_on_wrong,
)
from miandan.agent.pages import TEST
from miandan.agent.printers.model import State

_MARKS: Final = {Lamp.GOOD: "✓", Lamp.CHECK: "!", Lamp.TROUBLE: "!", Lamp.OFFLINE: "✕"}
_ICONS: Final = {
    Lamp.GOOD: "M5 12.5l5 5 9-11",
    Lamp.CHECK: "M12 4.5v10M12 18.8v.4",
    Lamp.TROUBLE: "M12 4.5v10M12 18.8v.4",
    Lamp.OFFLINE: "M6 6l12 12M18 6L6 18",
}
_UM_PER_MM: Final = 1_000
_GONE: Final = Advice(
    Words("打印端没有在运行，这一页不再更新。", "The print agent does not run; this page is out of date."),
    Words(
        "请启动打印端，再用桌面快捷方式或 miandan agent page 打开。", "Start the agent, then open: miandan agent page."
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided, and what was."""

    origins: Mapping[str, Waiting]
    questions: Mapping[str, Question]
    decided: Mapping[str, Decision]
    ports: Sequence[Port] = ()


def page(shown: Shown, asked: Asked, seal: str, said: Advice | None = None, problem: Advice | None = None) -> str:
    """Everything that a packer sees. `said` is what the last press did, `problem` why it did nothing."""
    names = [one.name for one in shown.printers]
    asks = [may_print(origin, one, names, seal) for origin, one in asked.origins.items()]
    asks += [print_again(name, one, seal) for name, one in asked.questions.items()]
    above = (notice("good", said) if said else "") + (notice("bad", problem, "alert") if problem else "")
    first = _lamp(shown) + "".join(asks) + sheets.wrong(shown, seal)
    printers = f'<div id="printers" class="each">{_printers(shown, seal)}</div>'
    lists = sheets.waiting(shown) + sheets.ended(shown) + components(asked.ports) + sites(asked.decided, seal)
    return sheet(
        title(shown, len(asks)),
        f'<div class="frame"><header class="brand"><b>打印端</b>{en("Print agent")}'
        f"<bdi>{escape(shown.name)}</bdi></header>"
        f'<div id="gone" class="notice bad" role="alert" hidden>{paragraph(_GONE.what)}{paragraph(_GONE.step)}</div>'
        f'{above}<main id="live">{first}{printers}{lists}</main></div>',
        script=LIVE,
        refresh="./",
    )


def title(shown: Shown, asked: int) -> str:
    """What a tab in the background says."""
    count = f"（{asked}）请确认 · " if asked else ""
    return f"{count}{_MARKS[shown.lamp]} {LAMPS[shown.lamp].zh}"


# --- how it stands


def _lamp(shown: Shown) -> str:
    lamp, link = shown.lamp, advice_on_link(shown)
    lines = [link] if link.what.zh else []
    if shown.trouble is not None:
        lines.append(advice_of(shown.trouble))
    else:
        lines += [_named(one) for one in shown.printers if one.in_trouble]
    if shown.wrong:
        lines.append(advice_on_wrong(shown))
    told = "".join(f"{paragraph(one.what, 'what')}{paragraph(one.step)}" for one in lines)
    server = f'<p class="small">服务器 <bdi>{escape(_host(shown.server))}</bdi></p>' if shown.server else ""
    return (
        f'<section id="lamp" class="lamp {lamp}" role="status">'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_ICONS[lamp]}"/></svg>'
        f"<div><h1>{both(LAMPS[lamp])}</h1>{told}{server}</div></section>"
    )


def _named(printer: PrinterShown) -> Advice:
    advice = advice_on(printer.condition)
    return Advice(Words(f"{printer.name}：{advice.what.zh}", advice.what.en), advice.step)


def _host(server: str) -> str:
    return urlsplit(server).netloc


# --- printers


def _printers(shown: Shown, seal: str) -> str:
    if not shown.printers:
        nothing = Words(
            "还没有打印机：请在 printers.toml 里写上。", "There is no printer yet: name one in printers.toml."
        )
        return f'<section id="none" class="card">{paragraph(nothing)}</section>'
    return "".join(_printer(one, seal) for one in shown.printers)


def _printer(printer: PrinterShown, seal: str) -> str:
    name = short_id("printer", printer.name)
    advice = advice_on(printer.condition)
    step = "" if printer.condition.state in (State.READY, State.BUSY) else paragraph(advice.step)
    said = printer.condition.detail if printer.in_trouble and not printer.stands_still else ""
    own = f'<p class="small">打印机自己说{en("it says")}：<bdi>{escape(said)}</bdi></p>' if said else ""
    look = "bad" if printer.in_trouble else "good" if printer.condition.state is not State.UNKNOWN else "unknown"
    query = escape(urlencode({"printer": printer.name}))
    test = form(
        "print",
        seal,
        f'<button id="{name}-test" class="quiet">打测试页{en("Test page")}</button>',
        {"printer": printer.name, "page": TEST},
    )
    goes_on = f'<button id="{name}-go">看过了，继续打{en("Go on")}</button>'
    go = form("go", seal, goes_on, {"printer": printer.name}) if printer.stands_still else ""
    return (
        f'<section id="{name}" class="card printer {look}"><h2><bdi>{escape(printer.name)}</bdi></h2>'
        f'<p class="state"><i aria-hidden="true"></i>{both(advice.what)}</p>{step}{own}{_counts(printer)}'
        f'<p class="small">{escape(_about(printer))}</p>'
        f'<div class="buttons">{go}{test}<a id="{name}-calibrate" class="button quiet" href="calibrate?{query}">'
        f"校准{en('Calibrate')}</a></div></section>"
    )


def _counts(printer: PrinterShown) -> str:
    evenly = "，".join(f"{EVIDENCE[one].zh} {count}" for one, count in printer.evenly)
    rows = (
        ("待打", "waiting", printer.waiting, "", ""),
        ("已打印", "printed", printer.printed, evenly, ""),
        ("失败", "failed", printer.failed, "", "bad" if printer.failed else ""),
        ("存疑", "doubtful", printer.doubtful, "", "bad" if printer.doubtful else ""),
    )
    cells = "".join(
        f'<div class="{kind}"><dt>{zh}{en(word)}</dt><dd>{count}{_small(more)}</dd></div>'
        for zh, word, count, more, kind in rows
    )
    return f'<dl class="counts">{cells}</dl>'


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""


def _about(printer: PrinterShown) -> str:
    size = f"{printer.width_um / _UM_PER_MM:g} × {printer.height_um / _UM_PER_MM:g} mm" if printer.width_um else ""
    return " · ".join(
        filter(None, (size, f"{printer.dpi} dpi", printer.language, printer.profile, DRIVERS[printer.driver]))
    )

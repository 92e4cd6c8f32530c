"""The page itself: the lamp, what wants an answer, the printers, what waits, what went wrong, what has come out."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from miandan.agent.components.origins import Decision, Waiting
from miandan.agent.components.questions import Question
from miandan.agent.journal import Entry
from miandan.agent.page.frame import LIVE, both, clock, en, form, notice, paragraph, part, sheet, short_id
from miandan.agent.page.model import Lamp, PrinterShown, Shown
from miandan.agent.page.words import (
    EVIDENCE,
    LAMPS,
    OUTCOMES,
    STEPS,
    Advice,
    Words,
    advice_of,
    advice_on,
    advice_on_link,
    advice_on_sheet,
)
from miandan.agent.pages import CALIBRATION, TEST
from miandan.agent.printers.model import State
from miandan.agent.program import PAGES
from miandan.kernel.clock import BEIJING

MOST_WAITING: Final = 30
MOST_WRONG: Final = 10
MOST_ENDED: Final = 50
"""Rows that are shown."""

_MARKS: Final = {Lamp.GOOD: "✓", Lamp.TROUBLE: "!", Lamp.OFFLINE: "✕"}
_UM_PER_MM: Final = 1_000
_GONE: Final = Advice(
    Words("打印端没有在运行，这一页不再更新。", "The print agent does not run; this page is out of date."),
    Words("请启动打印端，再用桌面快捷方式或 miandan agent page 打开。", "Start the agent, then open: miandan agent page."),
)


def page(
    shown: Shown,
    seal: str,
    origins: Mapping[str, Waiting],
    questions: Mapping[str, Question],
    decided: Mapping[str, Decision],
    said: Advice | None = None,
    problem: Advice | None = None,
) -> str:
    """Everything that a packer sees. `said` is what the last press did, `problem` why it did nothing."""
    asks = "".join(
        [_origin(origin, one, shown, seal) for origin, one in origins.items()]
        + [_question(name, one, seal) for name, one in questions.items()]
    )
    above = "".join(notice("good", one) for one in (said,) if one) + "".join(
        notice("bad", one, "alert") for one in (problem,) if one
    )
    live = _lamp(shown) + asks + _printers(shown, seal) + _waiting(shown) + _wrong(shown) + _ended(shown)
    return sheet(
        title(shown, len(origins) + len(questions)),
        f'<div class="frame"><header class="brand"><b>打印端</b>{en("Print agent")}<bdi>{escape(shown.name)}</bdi></header>'
        f'<div id="gone" class="notice bad" role="alert" hidden>{paragraph(_GONE.what)}{paragraph(_GONE.step)}</div>'
        f'{above}<main id="live">{live}{_decided(decided, seal)}</main></div>',
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
    told = "".join(f"{paragraph(one.what, 'what')}{paragraph(one.step)}" for one in lines)
    server = f'<p class="small">服务器 <bdi>{escape(_host(shown.server))}</bdi></p>' if shown.server else ""
    return (
        f'<section id="lamp" class="lamp {lamp}" role="status"><i aria-hidden="true">{_MARKS[lamp]}</i>'
        f"<div><h1>{both(LAMPS[lamp])}</h1>{told}{server}</div></section>"
    )


def _named(printer: PrinterShown) -> Advice:
    advice = advice_on(printer.condition)
    return Advice(Words(f"{printer.name}：{advice.what.zh}", f"{printer.name}: {advice.what.en}"), advice.step)


def _host(server: str) -> str:
    return urlsplit(server).netloc


# --- what wants an answer


def _origin(origin: str, waiting: Waiting, shown: Shown, seal: str) -> str:
    """May this page print?"""
    name = short_id("origin", origin)
    ticks = "".join(
        f'<label class="tick"><input type="checkbox" name="printer" value="{escape(one.name)}" checked>'
        f"<bdi>{escape(one.name)}</bdi></label>"
        for one in shown.printers
    )
    which = (
        f"<fieldset><legend>可以用哪些打印机{en('On which printers')}</legend>{ticks}</fieldset>"
        if len(shown.printers) > 1
        else ""
    )
    open_air = Words(
        "这个网站没有加密（http），同一网络里的人可以冒充它。",
        "It is not encrypted (http): others on the same network can pretend to be it.",
    )
    buttons = (
        f'{which}<div class="buttons"><button id="{name}-allow" name="decision" value="allow">允许{en("Allow")}</button>'
        f'<button id="{name}-deny" class="quiet" name="decision" value="deny">不允许{en("Deny")}</button></div>'
    )
    return (
        f'<section id="{name}" class="card ask"><h2>允许这个网站打印吗？{en("May this site print?")}</h2>'
        f'<p class="big"><bdi>{escape(origin)}</bdi></p>'
        f"<p>它用 {escape(waiting.component)} 打印组件的方式找到了这台电脑。只允许您自己在用的打单网站；以后不再询问，可在页面底部撤销。"
        f"{en(f'It speaks to this computer as to the {waiting.component} component. Allow only a site that you use.')}</p>"
        f"{paragraph(open_air, 'small') if origin.startswith('http://') else ''}"
        f"{form('origin', seal, buttons, {'origin': origin})}</section>"
    )


def _question(name: str, question: Question, seal: str) -> str:
    """The same label again: print it as a copy?"""
    ident = short_id("again", name)
    until = clock_of(question.until)
    number = question.number or "（没有单号）"
    buttons = (
        f'<div class="buttons"><button id="{ident}-print" name="answer" value="print">再打一张，标明第 {question.copy} 份'
        f"{en(f'Print as copy {question.copy}')}</button>"
        f'<button id="{ident}-skip" class="quiet" name="answer" value="skip">不打{en("Skip")}</button></div>'
    )
    return (
        f'<section id="{ident}" class="card ask"><h2>这张十分钟内打过，再打吗？{en("Printed lately. Again?")}</h2>'
        f'<p class="big"><bdi>{escape(number)}</bdi></p>'
        f"<p><bdi>{escape(question.origin or '本机程序')}</bdi> → <bdi>{escape(question.printer)}</bdi>。"
        f"先看打印机旁有没有这一张。{until} 前不回答就不打。"
        f"{en(f'Look whether it is there. Without an answer before {until} it is not printed.')}</p>"
        f"{form('answer', seal, buttons, {'question': name})}</section>"
    )


def clock_of(seconds: float) -> str:
    """The time of day in Beijing."""
    from datetime import datetime

    return f"{datetime.fromtimestamp(seconds, BEIJING):%H:%M:%S}"


# --- printers


def _printers(shown: Shown, seal: str) -> str:
    if not shown.printers:
        nothing = Words("还没有打印机：请在 printers.toml 里写上。", "There is no printer yet: name one in printers.toml.")
        return f'<section id="none" class="card">{paragraph(nothing)}</section>'
    return "".join(_printer(one, seal) for one in shown.printers)


def _printer(printer: PrinterShown, seal: str) -> str:
    name = short_id("printer", printer.name)
    advice = advice_on(printer.condition)
    step = "" if printer.condition.state in (State.READY, State.BUSY) else paragraph(advice.step)
    said = printer.condition.detail if printer.in_trouble else ""
    own = f'<p class="small">打印机自己说{en("it says")}：<bdi>{escape(said)}</bdi></p>' if said else ""
    look = "bad" if printer.in_trouble else "good" if printer.condition.state is not State.UNKNOWN else "unknown"
    query = escape(urlencode({"printer": printer.name}))
    test = form(
        "print",
        seal,
        f'<button id="{name}-test" class="quiet">打测试页{en("Test page")}</button>',
        {"printer": printer.name, "page": TEST},
    )
    return (
        f'<section id="{name}" class="card printer {look}"><h2><bdi>{escape(printer.name)}</bdi></h2>'
        f'<p class="state"><i aria-hidden="true"></i>{both(advice.what)}</p>{step}{own}{_counts(printer)}'
        f'<p class="small">{escape(_about(printer))}</p>'
        f'<div class="buttons">{test}<a id="{name}-calibrate" class="button quiet" href="calibrate?{query}">'
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
        f'<div class="{kind}"><dt>{zh}{en(word)}</dt><dd>{count}{f"<small>{escape(more)}</small>" if more else ""}</dd></div>'
        for zh, word, count, more, kind in rows
    )
    return f'<dl class="counts">{cells}</dl>'


def _about(printer: PrinterShown) -> str:
    size = f"{printer.width_um / _UM_PER_MM:g} × {printer.height_um / _UM_PER_MM:g} mm" if printer.width_um else ""
    return " · ".join(filter(None, (size, f"{printer.dpi} dpi", printer.language, printer.profile, printer.driver)))


# --- sheets


def _waiting(shown: Shown) -> str:
    count = len(shown.waiting)
    if not count:
        return _list("waiting", "待打", "Waiting", "", "没有在等的面单。", "Nothing waits.")
    rows = "".join(_row(one, STEPS[one.step]) for one in shown.waiting[:MOST_WAITING])
    more = f'<li class="more">还有 {count - MOST_WAITING} 张{en(f"{count - MOST_WAITING} more")}</li>'
    return _list("waiting", f"待打 {count} 张", "Waiting", rows + (more if count > MOST_WAITING else ""))


def _wrong(shown: Shown) -> str:
    found = shown.wrong
    if not found:
        return _list("wrong", "要处理的", "To be settled", "", "没有失败或存疑的面单。", "Nothing failed or is in doubt.")
    rows = "".join(_row(one, OUTCOMES[one.ended.outcome], advice_on_sheet(one)) for one in found[:MOST_WRONG] if one.ended)
    more = len(found) - MOST_WRONG
    rest = f'<li class="more">更早的还有 {more} 张，见 miandan agent logs{en(f"{more} earlier ones")}</li>' if more > 0 else ""
    return _list("wrong", f"要处理的 {len(found)} 张", "To be settled", rows + rest, kind="bad")


def _ended(shown: Shown) -> str:
    rows = "".join(_row(one, _how(one)) for one in shown.ended[:MOST_ENDED])
    empty = "" if rows else paragraph(Words("打印端启动以来还没有。", "None since the agent started."))
    return (
        f'<details id="ended" class="card"><summary>最近打过的{en("Latest")}</summary>{empty}<ul>{rows}</ul></details>'
    )


def _how(entry: Entry) -> Words:
    assert entry.ended is not None
    how, rests = OUTCOMES[entry.ended.outcome], EVIDENCE[entry.ended.evidence]
    return Words(f"{how.zh}（{rests.zh}）", f"{how.en}, {rests.en}") if rests.zh else how


def _list(
    name: str, zh: str, word: str, rows: str, nothing_zh: str = "", nothing_en: str = "", kind: str = ""
) -> str:
    content = f"<ul>{rows}</ul>" if rows else paragraph(Words(nothing_zh, nothing_en), "nothing")
    return f'<section id="{name}" class="card list {kind}"><h2>{zh}{en(word)}</h2>{content}</section>'


def _row(entry: Entry, how: Words, advice: Advice | None = None) -> str:
    slip = entry.slip
    copy = f' <span class="tag">第 {slip.copy} 份{en(f"copy {slip.copy}")}</span>' if slip.copy > 1 else ""
    place = f"第 {slip.place} 张" if slip.place else ""
    at = clock(entry.ended.at) if entry.ended is not None else ""
    told = f"{paragraph(advice.what)}{paragraph(advice.step, 'step')}" if advice is not None else ""
    named = "测试页或校准页" if slip.source == PAGES else slip.number or "（没有单号）"
    facts = " · ".join(filter(None, (at, place, slip.printer)))
    return (
        f'<li><p class="sheet"><b><bdi>{escape(named)}</bdi></b>{copy}<span class="how">{both(how)}</span></p>'
        f'<p class="small"><bdi>{escape(facts)}</bdi></p>{told}</li>'
    )


# --- who may print


def _decided(decided: Mapping[str, Decision], seal: str) -> str:
    rows = "".join(_decision(origin, one, seal) for origin, one in decided.items())
    empty = "" if rows else paragraph(Words("还没有决定过。", "None yet."))
    return (
        f'<details id="origins" class="card"><summary>可以打印的网站{en("Sites that may print")}</summary>{empty}'
        f"<ul>{rows}</ul></details>"
    )


def _decision(origin: str, decision: Decision, seal: str) -> str:
    how = Words("允许", "allowed") if decision.allowed else Words("不允许", "denied")
    which: Sequence[str] = decision.printers
    button = f'<button class="quiet" id="{short_id("forget", origin)}">撤销{en("Forget")}</button>'
    return (
        f'<li class="site"><div><p class="sheet"><b><bdi>{escape(origin)}</bdi></b><span class="how">{both(how)}</span></p>'
        f'<p class="small"><bdi>{escape("、".join(which))}</bdi></p></div>'
        f"{form('origin', seal, button, {'origin': origin, 'decision': 'forget'}, 'side')}</li>"
    )


def locked(*, finds: str = "") -> str:
    """For whoever has not been let in."""
    return sheet(
        "打印端",
        f'<div class="frame"><header class="brand"><b>打印端</b>{en("Print agent")}</header><main class="card narrow">'
        f"<h1>请从这台电脑打开{en('Open it from this computer')}</h1>"
        f"<p>双击桌面上的打印端快捷方式，或在命令行运行：{en('Use the shortcut on the desktop, or run:')}</p>"
        f'<p class="code">miandan agent page</p>'
        f'<p class="small">这样别的用户和网页就不能替您按按钮。打印端每次启动后要重新打开一次。'
        f"{en('So nobody else and no web page can press buttons here. Once after each start of the agent.')}</p></main></div>",
        script=finds,
    )


def opened(place: str) -> str:
    """Leads on: a navigation of our own, so that the browser sends the cookie along."""
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="0;url={escape(place)}"><title>打印端</title>'
        f'<style>{part("page.css")}</style></head><body><p><a href="{escape(place)}">打开{en("Open")}</a></p></body></html>\n'
    )

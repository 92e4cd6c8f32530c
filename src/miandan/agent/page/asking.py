"""What the page asks of the user: may this site print, and is the same label to be printed again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from miandan.agent.components import profiles
from miandan.agent.components.origins import Decision, Waiting
from miandan.agent.components.questions import Question
from miandan.agent.page.frame import both, en, form, paragraph, short_id
from miandan.agent.page.model import Port
from miandan.agent.page.words import Words
from miandan.kernel.clock import BEIJING


def may_print(origin: str, waiting: Waiting, printers: Sequence[str], seal: str) -> str:
    """A site that nobody has decided on, with the printers that it can be given."""
    known = profiles.components().get(waiting.component)
    zh, english = (known.zh, known.en) if known is not None else (waiting.component, waiting.component)
    name = short_id("origin", origin)
    ticks = "".join(
        f'<label class="tick"><input type="checkbox" name="printer" value="{escape(one)}" checked>'
        f"<bdi>{escape(one)}</bdi></label>"
        for one in printers
    )
    which = (
        f"<fieldset><legend>可以用哪些打印机{en('On which printers')}</legend>{ticks}</fieldset>"
        if len(printers) > 1
        else ""
    )
    open_air = Words(
        "这个网站没有加密（http），同一网络里的人可以冒充它。",
        "It is not encrypted (http): others on the same network can pretend to be it.",
    )
    buttons = (
        f'{which}<div class="buttons">'
        f'<button id="{name}-allow" name="decision" value="allow">允许{en("Allow")}</button>'
        f'<button id="{name}-deny" class="quiet" name="decision" value="deny">不允许{en("Deny")}</button></div>'
    )
    return (
        f'<section id="{name}" class="card ask"><h2>允许这个网站打印吗？{en("May this site print?")}</h2>'
        f'<p class="big"><bdi>{escape(origin)}</bdi></p>'
        f"<p>它按{escape(zh)}的方式找到了这台电脑。只允许您自己在用的打单网站；允许后不再询问，可在页面底部撤销。"
        f"{en(f'It speaks as to the {english}. Allow only a site that you use; it is not asked about again.')}</p>"
        f"{paragraph(open_air, 'small') if origin.startswith('http://') else ''}"
        f"{form('origin', seal, buttons, {'origin': origin})}</section>"
    )


def print_again(name: str, question: Question, seal: str) -> str:
    """A label that was printed in the last minutes, wanted once more."""
    ident = short_id("again", name)
    until = _clock(question.until)
    number = question.number or "（没有单号）"
    buttons = (
        f'<div class="buttons"><button id="{ident}-print" name="answer" value="print">'
        f"再打，标第 {question.copy} 份{en(f'Print as copy {question.copy}')}</button>"
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


def _clock(seconds: float) -> str:
    """The time of day in Beijing."""
    return f"{datetime.fromtimestamp(seconds, BEIJING):%H:%M:%S}"


def components(ports: Sequence[Port]) -> str:
    """Which print components are spoken here; one whose port another program holds stands open to be read."""
    if not ports:
        return ""
    rows = "".join(f'<li class="{"bad" if one.taken else ""}">{both(Words(one.zh, one.en))}</li>' for one in ports)
    is_open = " open" if any(one.taken for one in ports) else ""
    return (
        f'<details id="components" class="card"{is_open}><summary>打印组件{en("Print components")}</summary>'
        f"<ul>{rows}</ul></details>"
    )


def sites(decided: Mapping[str, Decision], seal: str) -> str:
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
        f'<li class="site"><div><p class="sheet"><b><bdi>{escape(origin)}</bdi></b>'
        f'<span class="how">{both(how)}</span></p>'
        f'<p class="small"><bdi>{escape("、".join(which))}</bdi></p></div>'
        f"{form('origin', seal, button, {'origin': origin, 'decision': 'forget'}, 'side')}</li>"
    )

"""Sheets on the page: what waits, what wants a person, what has come out and what its word rests on."""

from html import escape
from typing import Final

from miandan.agent.journal import Entry
from miandan.agent.page.frame import both, clock, en, form, paragraph, short_id
from miandan.agent.page.model import Shown
from miandan.agent.page.words import EVIDENCE, NOTHING, ON_THE_SERVER, OUTCOMES, STEPS, Words, advice_on_sheet
from miandan.agent.program import PAGES

MOST_WAITING: Final = 8
MOST_WRONG: Final = 10
MOST_ENDED: Final = 8
"""Rows that are shown."""

_HERE_ONLY: Final = Words(
    "“处理好了”只把这一张从本机页面拿掉，不会告诉服务器；本平台的面单要在服务器上登记。",
    "Settled takes a sheet off this page only and tells the server nothing: the platform's sheets are settled there.",
)


def waiting(shown: Shown) -> str:
    """What is here and not on paper."""
    count = len(shown.waiting)
    rows = "".join(_row(one, STEPS[one.step]) for one in shown.waiting[:MOST_WAITING])
    more = count - MOST_WAITING
    rest = f'<li class="more">还有 {more} 张{en(f"{more} more")}</li>' if more > 0 else ""
    zh = f"待打 {count} 张" if count else "待打"
    return _list("waiting", Words(zh, "Waiting"), rows + rest, Words("没有在等的面单。", "Nothing waits."))


def wrong(shown: Shown, seal: str) -> str:
    """What wants a person; "" where nothing does."""
    found = shown.wrong
    if not found:
        return ""
    rows = "".join(_row(one, _how(one), _told(one, seal)) for one in found[:MOST_WRONG])
    more = len(found) - MOST_WRONG
    earlier = Words(f"更早的还有 {more} 张，见 miandan agent logs", f"{more} earlier ones: miandan agent logs")
    rest = f'<li class="more">{both(earlier)}</li>' if more > 0 else ""
    here = f'<li class="more">{both(_HERE_ONLY)}{paragraph(ON_THE_SERVER)}</li>'
    return _list("wrong", Words(f"要处理的 {len(found)} 张", "To be settled"), rows + rest + here, kind="bad")


def ended(shown: Shown) -> str:
    """What has come out, and what that rests on."""
    rows = "".join(_row(one, _how(one)) for one in shown.ended[:MOST_ENDED])
    return _list("ended", Words("最近打过的", "Latest"), rows, Words("打印端启动以来还没有。", "None since its start."))


def _how(entry: Entry) -> Words:
    assert entry.ended is not None
    how, rests = OUTCOMES[entry.ended.outcome], EVIDENCE[entry.ended.evidence]
    return Words(f"{how.zh}（{rests.zh}）", f"{how.en}, {rests.en}") if rests.zh else how


def _list(name: str, heading: Words, rows: str, nothing: Words = NOTHING, kind: str = "") -> str:
    content = f"<ul>{rows}</ul>" if rows else paragraph(nothing, "nothing")
    return f'<section id="{name}" class="card list {kind}"><h2>{both(heading)}</h2>{content}</section>'


def _told(entry: Entry, seal: str) -> str:
    """What is the matter with a sheet, what to do, and a button that takes it off the page."""
    advice = advice_on_sheet(entry)
    name = short_id("done", entry.slip.sheet_id)
    button = f'<button id="{name}" class="quiet">处理好了{en("Settled")}</button>'
    settle = form("settled", seal, button, {"sheet": entry.slip.sheet_id})
    return f"{paragraph(advice.what)}{paragraph(advice.step, 'step')}{settle}"


def _row(entry: Entry, how: Words, told: str = "") -> str:
    slip = entry.slip
    copy = f' <span class="tag">第 {slip.copy} 份{en(f"copy {slip.copy}")}</span>' if slip.copy > 1 else ""
    place = f"第 {slip.place} 张" if slip.place else ""
    at = clock(entry.ended.at) if entry.ended is not None else ""
    named = "测试页或校准页" if slip.source == PAGES else slip.number or "（没有单号）"
    facts = " · ".join(filter(None, (at, place, slip.printer)))
    return (
        f'<li><p class="sheet"><b><bdi>{escape(named)}</bdi></b>{copy}<span class="how">{both(how)}</span></p>'
        f'<p class="small"><bdi>{escape(facts)}</bdi></p>{told}</li>'
    )

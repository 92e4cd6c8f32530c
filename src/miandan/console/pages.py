"""The authorisation page in all its looks, Chinese first with English beside it; what comes from outside is escaped.

Pages are plain HTML that works without script; `page.css` lies in each of them, so nothing else is loaded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from miandan.access.model import App
from miandan.access.scopes import Scope, ScopeMeaning
from miandan.console.links import Link, place_of
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal

WORD, CONSENT = "word", "consent"
"""The two steps, as the forms name them."""

AGREE, DECLINE = "agree", "decline"
_WORD_LOOKS_LIKE: Final = "XXXX-XXXX-XXXX-XXXX"


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of what is at stake: what it is called, what it is, and in small what else belongs to it."""

    zh: str
    en: str
    text: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of one visit shares."""

    app: App
    link: Link
    sandbox: bool


@cache
def style() -> str:
    """The stylesheet, as it stands in each page."""
    return resources.files("miandan.console").joinpath("page.css").read_text(encoding="utf-8").strip()


def word_page(frame: Frame, seal: str, asked: Sequence[ScopeMeaning], problem: Refusal | None = None) -> str:
    """Which app asks for what, and a field for the consent word. No shop is named: none is known yet.

    `seal` is the hidden field that no form of another browser can have.
    """
    invalid = "" if problem is None else ' aria-invalid="true"'
    wishes = "".join(f"<li>{_both(meaning.zh, meaning.en)}</li>" for meaning in asked)
    return _page(
        f"""{_problem(problem)}
<h1><bdi>{escape(frame.app.name)}</bdi> <span class="whole">请求您的授权</span>{_en("asks for your consent")}</h1>
{_facts(_about_app(frame))}
<form method="post" action="?">
{_hidden(frame, WORD, seal)}
<label class="name" for="word">授权口令{_en("Consent word")}</label>
<input type="text" id="word" name="word" required maxlength="60" autocomplete="off" autocapitalize="characters"
 autocorrect="off" spellcheck="false" placeholder="{_WORD_LOOKS_LIKE}" aria-describedby="hint"{invalid}>
<p class="small" id="hint">平台运营发给您的 16 位口令，只能用一次。下一步先看清店铺和权限，再决定是否同意。
{_en("The 16 letters and digits that the platform gave you, good once. Next you see for whom and for what.")}</p>
<div class="buttons"><button>下一步{_en("Next")}</button></div>
</form>
<h2>它想做什么{_en("What it asks for")}</h2>
<ul>{wishes}</ul>""",
        frame.sandbox,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be decided: for whom, what may be granted, what is ticked, until when; `again` where the app is in."""

    whom: Sequence[Fact]
    offered: Sequence[ScopeMeaning]
    ticked: Collection[Scope]
    ticket: str
    until: datetime
    again: bool


def consent_page(frame: Frame, seal: str, choice: Choice, problem: Refusal | None = None) -> str:
    """For which shop, with what scopes: to be agreed to or not."""
    before = (
        ""
        if not choice.again
        else _notice(
            "note",
            "已经授权过这个应用；同意后以这次勾选的权限为准，应用的令牌照常使用。",
            "This app was let in before; once you agree, the scopes ticked now count, and its tokens go on.",
        )
    )
    until = _time(choice.until)
    return _page(
        f"""{_problem(problem)}
<h1>授权给 <bdi>{escape(frame.app.name)}</bdi>？{_en("Let this app act for you?")}</h1>
{before}{_facts([*choice.whom, *_about_app(frame)])}
<form method="post" action="?">
{_hidden(frame, CONSENT, seal)}<input type="hidden" name="ticket" value="{escape(choice.ticket)}">
<fieldset><legend>允许它做什么{_en("What it may do")}</legend>
{"".join(_tick(meaning, meaning.scope in choice.ticked) for meaning in choice.offered)}</fieldset>
<div class="buttons"><button name="decision" value="{AGREE}">同意授权{_en("Agree")}</button>
<button class="quiet" name="decision" value="{DECLINE}" formnovalidate>不同意{_en("Decline")}</button></div>
<p class="small">以后可以随时请平台撤销授权，几秒内生效。
{_en("The platform takes an authorisation back whenever you ask; that is felt within seconds.")}</p>
<p class="small">请在 {until} 前决定。{_en(f"Please decide before {until} (Beijing time).")}</p>
</form>""",
        frame.sandbox,
    )


def code_page(frame: Frame, code: str, minutes: int, until: datetime) -> str:
    """Agreed, and the app has no URL of its own: the code to be copied."""
    end = _time(until)
    return _page(
        f"""{_notice("good", "授权成功。", "You have let the app in.")}
<h1>把授权码交给 <bdi>{escape(frame.app.name)}</bdi>{_en("Give this code to the app")}</h1>
<p class="code" id="code">{escape(code)}</p>
<p>{minutes} 分钟内有效（到 {end}），只能用一次。复制后粘贴到应用里，不要发给别人。
{_en(f"Good once, for {minutes} minutes (until {end}). Paste it into the app and show it to nobody else.")}</p>""",
        frame.sandbox,
    )


def declined_page(frame: Frame) -> str:
    """Nothing was done."""
    return _page(
        f"""<h1>没有授权{_en("Nothing was authorised")}</h1>
<p><bdi>{escape(frame.app.name)}</bdi> 没有得到任何权限。授权口令没有用掉，有效期内还可以使用。
{_en("The app was given nothing. The consent word was not spent and stays good until it expires.")}</p>
<p>可以关闭本页。{_en("You can close this page.")}</p>""",
        frame.sandbox,
    )


def refusal_page(problem: Refusal, *, sandbox: bool, start_again: str = "") -> str:
    """Nothing can be decided here; `start_again` is the query that opens the page anew, "" where that is no help."""
    again = start_again and (
        f'<div class="buttons"><a class="button" href="{escape(start_again)}">重新开始{_en("Start again")}</a></div>'
    )
    return _page(
        f"""<h1>{escape(problem.zh)}{_en(problem.en)}</h1>
<p>{escape(problem.next_zh)}{_en(problem.next_en)}</p>
<p class="small">没有授权任何应用。{_en("No app was authorised.")}</p>
<p class="small">错误代码 code: {escape(problem.code)}</p>{again}""",
        sandbox,
    )


def _page(content: str, sandbox: bool) -> str:
    band = (
        '<p class="sandbox">沙箱：都是虚构数据 <span lang="en">Sandbox: invented data only</span></p>'
        if sandbox
        else ""
    )
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>应用授权 · 面单 miandan</title>
<link rel="icon" href="data:,">
<style>{style()}</style>
</head>
<body>
<div class="frame">
<header class="brand"><b>面单</b>应用授权{_en("App authorisation")}</header>
{band}<main class="card">
{content}
</main>
</div>
</body>
</html>
"""


def _about_app(frame: Frame) -> list[Fact]:
    back = place_of(frame.link.redirect_url) if frame.link.redirect_url else ""
    where = (
        Fact("同意后去往", "Then leads to", back)
        if back
        else Fact("同意后", "Then", "显示授权码", "shows a code to copy")
    )
    return [Fact("应用编号", "App key", frame.app.app_key), where]


def _facts(facts: Sequence[Fact]) -> str:
    return f"<dl>{''.join(map(_fact, facts))}</dl>"


def _fact(fact: Fact) -> str:
    small = f"<small>{escape(fact.small)}</small>" if fact.small else ""
    return f"<div><dt>{fact.zh}{_en(fact.en)}</dt><dd><bdi>{escape(fact.text)}</bdi>{small}</dd></div>"


def _tick(meaning: ScopeMeaning, ticked: bool) -> str:
    tag = f'<span class="tag">慎选 {_en("sensitive")}</span>' if meaning.scope is Scope.REVEAL else ""
    checked = " checked" if ticked else ""
    return (
        f'<label class="tick"><input type="checkbox" name="scope" value="{meaning.scope}"{checked}>'
        f"<span>{escape(meaning.zh)}{tag}{_en(meaning.en)}</span></label>"
    )


def _hidden(frame: Frame, step: str, seal: str) -> str:
    """What the next form needs to know, and what proves that this page was made for this browser."""
    fields = {"step": step, "seal": seal, "service_id": frame.link.app_key, "redirect_url": frame.link.redirect_url}
    if frame.link.state is not None:
        fields["state"] = frame.link.state
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())


def _problem(problem: Refusal | None) -> str:
    if problem is None:
        return ""
    return _notice("bad", f"{problem.zh}{problem.next_zh}", f"{problem.en} {problem.next_en}", role="alert")


def _notice(kind: str, zh: str, en: str, role: str = "status") -> str:
    return f'<div class="notice {kind}" role="{role}">{_both(zh, en)}</div>'


def _both(zh: str, en: str) -> str:
    return f"{escape(zh)}{_en(en)}"


def _en(text: str) -> str:
    return f' <span lang="en">{escape(text)}</span>'


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%H:%M}"

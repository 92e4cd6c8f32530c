"""What all looks of the page share: the sheet around them, both languages side by side, everything escaped."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Final

from miandan.agent.page.words import Advice, Words
from miandan.kernel.clock import BEIJING

LIVE: Final = "page.js"
FINDS: Final = "find.js"
"""Scripts: one keeps a page true, one leads from the bare address to where this browser was let in."""

REFRESH_SECONDS: Final = 5
"""How often a browser without script loads the page again."""


@cache
def part(name: str) -> str:
    """A stylesheet or a script, as it stands in pages."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8").strip()


def sheet(title: str, content: str, *, script: str = "", refresh: str = "") -> str:
    """A whole page. `refresh` is where it is loaded anew by browsers without script; "" never."""
    again = (
        f'<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS};url={escape(refresh)}"></noscript>\n'
        if refresh
        else ""
    )
    run = f"<script>{part(script)}</script>\n" if script else ""
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)} · 打印端 miandan</title>
<link rel="icon" href="data:,">
{again}<style>{part("page.css")}</style>
</head>
<body>
{content}
{run}</body>
</html>
"""


def en(text: str) -> str:
    return f' <span lang="en">{escape(text)}</span>' if text else ""


def both(words: Words) -> str:
    return f"{escape(words.zh)}{en(words.en)}"


def paragraph(words: Words, kind: str = "") -> str:
    """ "" for no words."""
    return f"<p{_class(kind)}>{both(words)}</p>" if words.zh else ""


def notice(kind: str, advice: Advice, role: str = "status") -> str:
    """`kind`: good, note or bad."""
    return f'<div class="notice {kind}" role="{role}">{paragraph(advice.what)}{paragraph(advice.step)}</div>'


def form(action: str, seal: str, content: str, hidden: Mapping[str, str], kind: str = "") -> str:
    """A form that only our own pages can send."""
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in {**hidden, "seal": seal}.items()
    )
    return f'<form method="post" action="{action}"{_class(kind)}>{fields}{content}</form>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def short_id(kind: str, name: str) -> str:
    """An id of an element that stays the same as long as what it shows is the same thing."""
    return f"{kind}-{sha256(name.encode()).hexdigest()[:12]}"


def clock(moment: str) -> str:
    """The time of day in Beijing of an ISO 8601 text; "" where there is none."""
    return f"{datetime.fromisoformat(moment).astimezone(BEIJING):%H:%M:%S}" if moment else ""

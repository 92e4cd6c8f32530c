"""Brings pasted text into one form before it is read: half-width letters and digits, one comma, nothing unseen."""

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_COMMAS = {ord(mark): "," for mark in "，、；;｜|"}
_SPACES = {ord(mark): " " for mark in "\u3000\u00a0\u2002\u2003\u2009\u202f\t\v\f"}
_DASHES = {ord(mark): "-" for mark in "－—–‐‑‒―﹣"}
_BRACKETS = {ord(opening): "(" for opening in "（【〔"} | {ord(closing): ")" for closing in "）】〕"}
_LINES = dict.fromkeys(map(ord, "\r\u0085\u2028\u2029"), "\n")
_CONTROLS = [*range(9), *range(14, 32), *range(127, 133), *range(134, 160)]
_ZERO_WIDTH = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
_UNSEEN: dict[int, None] = dict.fromkeys(_CONTROLS + _ZERO_WIDTH)
_TABLE: dict[int, int | str | None] = {**_FULL_WIDTH, **_COMMAS, **_SPACES, **_DASHES, **_BRACKETS, **_LINES, **_UNSEEN}

_PLAIN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9 ,()#.-]*")

LONGEST = 1000
"""Characters that are read for levels, name and phone; what follows goes into the detail unread."""


def clean(text: str) -> str:
    """The text in one form, with the one misspelling that is never meant; not always of the same length."""
    cleaned = text if _PLAIN.fullmatch(text) else text.translate(_TABLE)
    return cleaned.replace("衔道", "街道") if "衔道" in cleaned else cleaned

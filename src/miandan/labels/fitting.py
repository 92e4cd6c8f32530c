"""Fits text into a box: as large as asked for, else smaller, else on more lines, else with an ellipsis at its end.

Works on advances in thousandths of the font size, so the same breaks hold for every output.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import NamedTuple

from miandan.labels.fonts import Advances

ELLIPSIS = "…"
_STEP = 0.93  # each size tried is so much smaller than the one before
_SQUARE = 1_000  # thousandths of the font size: the width of an ideograph, and of a mark made to go with them
_squares = re.compile("[\u3001-\u3020\u3400-\u9fff\uff01-\uff5e]*").match
_all_ideographs = re.compile("[\u3400-\u9fff]*").fullmatch  # one may break between any two of them
_NEAR = 3  # a space that close to the end of a line is the better place to break
# Marks that look lost at the beginning of a line, and openers that look lost at its end.
_CLOSING = frozenset("，。、；：！？）》】」』”’…％,.;:!?)]}>%·")
_OPENING = frozenset("（《【「『“‘([{<#")


@dataclass(frozen=True, slots=True)
class Step:
    """One size tried: `size` in micrometres, the width of a line in thousandths of it, and lines that fit."""

    size: float
    width: int
    lines: int


class Ladder:
    """Sizes to try in a box (micrometres), largest first; lines stand `pitch` sizes apart."""

    def __init__(self, width: int, height: int, size: int, min_size: int, max_lines: int, pitch: float) -> None:
        self.steps: list[Step] = []
        current = float(size)
        smallest = float(min_size or size)
        while not self.steps or self.steps[-1].size > smallest:
            room = 1 + max(0, int((height - current) / (current * pitch)))
            self.steps.append(Step(current, int(width * 1000 / current), min(max_lines, room)))
            current = max(smallest, current * _STEP)
        self.holds = [step.width * step.lines for step in self.steps]
        """Thousandths that each step holds at most, so that steps which are too large need not be tried."""
        single = takewhile(lambda step: step.lines == 1, self.steps)
        self.widest = max((step.width for step in single), default=self.steps[0].width)
        """The widest text that stands on one line before more lines are tried."""

    def first_for(self, width: int) -> int:
        """The largest size at which text of `width` thousandths may find room; past the end when none has it."""
        return bisect_left(self.holds, width)


class Fitted(NamedTuple):
    """Lines of text at the step's size; `shortened` when some of the text had to go."""

    step: int
    lines: Sequence[str]
    shortened: bool = False


def fit(text: str, ladder: Ladder, advance: Advances) -> Fitted:
    """The largest size that holds all of `text`; at the smallest one the text is shortened if need be."""
    leading = _squares(text).end()  # type: ignore[union-attr]  # matches any text
    # Where the `leading` square characters end all together, and then each further one, in thousandths of the font
    # size. An address begins with many squares, which need no measuring.
    edges = [_SQUARE * leading]
    if leading < len(text):
        edges = list(accumulate(advance.of(text[leading:]), initial=_SQUARE * leading))
    width = edges[-1]
    steps = ladder.steps
    for index in range(bisect_left(ladder.holds, width), len(steps)):
        step = steps[index]
        if width <= step.width:
            return Fitted(index, (text,))
        lines = _broken(text, leading, edges, step.width)
        if len(lines) <= step.lines:
            return Fitted(index, lines)
    return Fitted(len(steps) - 1, _shortened(text, leading, edges, steps[-1], advance), shortened=True)


def _broken(text: str, leading: int, edges: list[int], width: int) -> list[str]:
    """Lines of up to `width`."""
    lines = []
    start = before = 0
    total = edges[-1]
    squares = width // _SQUARE
    while total - before > width:
        end = start + squares
        if start < end < leading and text[end] not in _CLOSING and text[end - 1] not in _OPENING:
            lines.append(text[start:end])
            start = end
            before = _SQUARE * start
            continue
        if end >= leading:
            end = leading - 1 + bisect_right(edges, before + width)
        # Among ideographs one may break anywhere; anything else takes a closer look.
        if end > start + _NEAR and _all_ideographs(text, end - _NEAR, end + 1):
            lines.append(text[start:end])
            start = end
        else:
            end = _line_end(text, start, max(start + 1, end))
            lines.append(text[start:end].rstrip())
            start = _next_word(text, end)
        before = edges[start - leading] if start > leading else _SQUARE * start
    if start < len(text):
        lines.append(text[start:])
    return lines


def _next_word(text: str, start: int) -> int:
    while start < len(text) and text[start] == " ":
        start += 1
    return start


def _line_end(text: str, start: int, full: int) -> int:
    """Where the line from `start` ends: at `full`, or back at the last good place to break."""
    if full >= len(text):
        return full
    space = text.rfind(" ", max(start + 1, full - _NEAR), full + 1)
    if space > 0:
        return space
    # A word longer than two thirds of a line is rather broken than left to begin a line of its own.
    for end in range(full, start + (full - start) // 3, -1):
        left, right = text[end - 1], text[end]
        if right in _CLOSING or left in _OPENING:
            continue
        if left > "\x7f" or right > "\x7f" or not (left.isalnum() and (right.isalnum() or right == "-")):
            return end
    return full


def _shortened(text: str, leading: int, edges: list[int], step: Step, advance: Advances) -> list[str]:
    lines = _broken(text, leading, edges, step.width)[: step.lines]
    last = lines[-1]
    room = step.width - advance[ELLIPSIS]
    widths = list(accumulate(advance.of(last)))
    lines[-1] = last[: bisect_right(widths, room)] + ELLIPSIS
    return lines

"""Text in boxes: it shrinks, wraps, ends in an ellipsis, and never leaves its box."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.labels import fonts
from miandan.labels.fitting import Fitted, Ladder, fit

ADVANCE = fonts.face(fonts.REGULAR).advance
TEXT = st.text(st.sampled_from("浙江省杭州市 ABCdefgi0123456789-，。（）、…W"), min_size=1, max_size=300)


def fitted(text: str, ladder: Ladder) -> Fitted:
    return fit(text, ladder, ADVANCE)


@given(TEXT, st.integers(1_000, 80_000), st.integers(1_000, 30_000), st.integers(1, 6))
def test_lines_are_never_wider_than_the_box_nor_more_than_it_holds(text: str, w: int, h: int, lines: int) -> None:
    ladder = Ladder(w, h, 4_000, 2_000, lines, 1.18)
    answer = fitted(text, ladder)
    step = ladder.steps[answer.step]
    assert len(answer.lines) <= step.lines
    wide = [sum(ADVANCE[character] for character in line) * step.size / 1000 for line in answer.lines]
    # A box narrower than one character cannot hold it; everything else keeps inside.
    assert all(
        width <= w or len(line) <= 1 or w < 2 * step.size for width, line in zip(wide, answer.lines, strict=True)
    )
    assert step.lines == 1 or step.size * (1 + 1.18 * (step.lines - 1)) <= h


@given(TEXT)
def test_nothing_but_blanks_is_lost_unless_it_says_so(text: str) -> None:
    answer = fitted(text, Ladder(30_000, 12_000, 4_000, 2_000, 4, 1.18))
    shown = "".join("".join(answer.lines).split())
    whole = "".join(text.split())
    if answer.shortened:
        assert shown.endswith("…")
        assert whole.startswith(shown[:-1])
    else:
        assert shown == whole


def test_text_is_as_large_as_its_box_allows() -> None:
    ladder = Ladder(40_000, 5_000, 5_000, 2_500, 1, 1.18)
    assert fitted("一二三四五六七八", ladder).step == 0
    assert 0 < fitted("一二三四五六七八九", ladder).step < len(ladder.steps) - 1


def test_a_number_or_a_word_stays_on_one_line() -> None:
    ladder = Ladder(32_000, 12_000, 4_000, 4_000, 2, 1.18)
    assert fitted("示例小区花园1203室", ladder).lines == ["示例小区花园", "1203室"]
    assert fitted("送到前台 Building 三层", ladder).lines == ["送到前台", "Building 三层"]


def test_closing_marks_do_not_begin_a_line() -> None:
    ladder = Ladder(32_000, 12_000, 4_000, 4_000, 2, 1.18)
    assert fitted("一二三四五六七八，九十", ladder).lines == ["一二三四五六七", "八，九十"]


@pytest.mark.parametrize("face", [fonts.REGULAR, fonts.BOLD])
def test_widths_that_are_taken_for_granted_are_those_of_the_face(face: str) -> None:
    """Ideographs are not looked up one by one, neither when text is measured nor when it is broken."""
    advance = fonts.face(face).advance
    ladder = Ladder(7_000, 1_000, 1_000, 1_000, 1, 1.18)
    for character in map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x10000)]):
        width = advance[character]
        assert list(advance.of(f"中{character}?")) == [1_000, width, advance["?"]], character
        assert advance.totals([f"中{character}", character]) == [1_000 + width, width], character
        (line,) = fit(character * 40, ladder, advance).lines
        assert sum(map(advance.__getitem__, line)) <= 7_000, character

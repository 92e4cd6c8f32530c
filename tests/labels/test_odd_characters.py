"""Characters that our faces lack, pictures, control characters and direction marks: shown, reported, harmless."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.labels import cleaning, fonts
from miandan.labels.model import LabelWarning, WarningKind
from miandan.labels.pdf import render_pdf, write_pdf
from tests.labels import judges
from tests.labels.judges import Picture
from tests.labels.sheets import ORDINARY, sheet

NAME = "recipient_name+recipient_phone"
PRIVATE = "\U0010fffd"  # a private character: no font may be trusted with it
NAME_PLACE = (76, 410, 495, 458)  # dots of the recipient's name at 203 dpi


def named(tmp_path: Path, name: str) -> tuple[str, Picture, tuple[LabelWarning, ...]]:
    """Extracted text, picture of the name's line, and warnings of a sheet for `name`."""
    path = tmp_path / "labels.pdf"
    report = write_pdf([sheet(recipient_name=name, recipient_phone="")], path)
    return judges.texts(path)[0], judges.pictures(path)[0].part(*NAME_PLACE), report.warnings


def dark(picture: Picture) -> int:
    return sum(level < 128 for level in picture.pixels)


def kinds(warnings: tuple[LabelWarning, ...]) -> list[WarningKind]:
    return [warning.kind for warning in warnings]


def test_a_name_beyond_the_first_plane_is_drawn_by_our_own_face(tmp_path: Path) -> None:
    text, picture, warnings = named(tmp_path, "𬒈")
    assert "收寄" in text
    assert "𬒈" in text
    assert dark(picture) > 150
    assert warnings == ()


def test_a_name_that_our_faces_lack_is_drawn_by_an_installed_font(tmp_path: Path) -> None:
    if fonts.drawn_by("𠮷", fonts.BOLD) is None:
        pytest.skip("no font of fonts.toml that has U+20BB7 is installed (for example fonts-hanazono)")
    text, picture, warnings = named(tmp_path, "𠮷")
    box = named(tmp_path, PRIVATE)[1]
    assert "𠮷" in text
    assert picture.pixels != box.pixels
    assert warnings == ()


def test_a_character_that_nobody_has_leaves_a_box_and_a_warning(tmp_path: Path) -> None:
    text, picture, warnings = named(tmp_path, f"王{PRIVATE}明")
    assert f"王{PRIVATE}明" in text  # who copies the text gets what was written
    assert dark(picture) > dark(named(tmp_path, "王明")[1]) + 150
    assert warnings == (LabelWarning(0, ORDINARY.number, WarningKind.RARE_CHARACTER, NAME),)


@pytest.mark.parametrize("picture", ["😀", "👨‍👩‍👧", "🇨🇳", "⛄", "👍🏽"])
def test_an_emoji_leaves_a_box_and_a_warning(tmp_path: Path, picture: str) -> None:
    _, drawn, warnings = named(tmp_path, f"王{picture}明")
    assert dark(drawn) > dark(named(tmp_path, "王明")[1]) + 150
    assert kinds(warnings) == [WarningKind.EMOJI]


def test_a_direction_mark_cannot_turn_the_text_round(tmp_path: Path) -> None:
    text, _, warnings = named(tmp_path, "王\u202e明*")
    assert "王□明*" in text
    assert kinds(warnings) == [WarningKind.CONTROL_CHARACTER]


def test_control_characters_go_and_line_breaks_become_blanks() -> None:
    cleaned = cleaning.clean("王\x07\r\nPRINT 1\x1b明", fonts.BOLD)
    assert cleaned.text == "王  PRINT 1明"
    assert cleaned.kinds == {WarningKind.CONTROL_CHARACTER}


def test_a_joiner_or_a_variation_selector_is_no_character(tmp_path: Path) -> None:
    text, picture, warnings = named(tmp_path, "葛\U000e0100\u200d城")
    assert "葛城" in text
    assert picture.pixels == named(tmp_path, "葛城")[1].pixels
    assert warnings == ()


@pytest.mark.parametrize("name", ["^XZ", "~JA^XA", '"\r\nPRINT', ") Tj ET", "<41> Tj", "\\", "%PDF", "endstream"])
def test_commands_of_printers_and_of_pdf_print_as_text(tmp_path: Path, name: str) -> None:
    text = named(tmp_path, name)[0]
    assert "".join(name.split()) in text
    assert judges.is_well_formed(tmp_path / "labels.pdf")


def test_half_a_surrogate_pair_does_not_stop_the_job(tmp_path: Path) -> None:
    text, _, warnings = named(tmp_path, "王\ud842明")
    assert "王□明" in text
    assert kinds(warnings) == [WarningKind.CONTROL_CHARACTER]


def test_more_rare_characters_than_one_font_can_hold_are_all_extracted(tmp_path: Path) -> None:
    rare = [chr(code) for code in range(0x100000, 0x100000 + 600)]
    path = tmp_path / "labels.pdf"
    names = ["".join(rare[first : first + 15]) for first in range(0, 600, 15)]
    write_pdf([sheet(recipient_name=name, recipient_phone="") for name in names], path)
    assert all(name in text for name, text in zip(names, judges.texts(path), strict=True))
    assert judges.is_well_formed(path)


@given(st.text(max_size=120), st.text(max_size=40), st.lists(st.text(max_size=8), max_size=4))
@settings(deadline=None, max_examples=120)
def test_no_text_stops_a_label(anything: str, short: str, services: list[str]) -> None:
    label = sheet(
        recipient_name=short,
        recipient_address=anything,
        sort_code=short,
        product=short,
        goods=anything,
        services=tuple(services),
        barcode_text=short,
        qr_text=anything,
        number=short,
    )
    assert render_pdf([label], io.BytesIO()).pages == 1


def test_ten_thousand_characters_are_shortened() -> None:
    report = render_pdf([sheet(remark="很长" * 5_000)], io.BytesIO())
    assert kinds(report.warnings) == [WarningKind.TEXT_SHORTENED]

"""Every printer language, read by an interpreter that somebody else wrote from the manual: the dots are ours, all of
them, and the settings are the profile's."""

import zlib
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.labels.pictures import Bits
from miandan.labels.printers import profiles
from miandan.labels.printers.documents import document
from miandan.labels.printers.paper import moved
from miandan.labels.printers.profile import Codec, Density, Language, Media, Profile, SheetEnd
from miandan.labels.raster import rasterise
from tests.labels.interpreters import cpcl, escpos, tspl
from tests.labels.interpreters.sheet import Sheet
from tests.labels.printers.sheets import EVERYTHING, noise, on_white, shown
from tests.labels.printers.zpl_scanner import scan
from tests.labels.public_judges import escpos_picture, zpl_pictures
from tests.labels.sheets import ORDINARY

SHIPPED = profiles.shipped()
LINES = [profile for profile in SHIPPED.values() if profile.language is not Language.ZPL]
ZPL = [profile for profile in SHIPPED.values() if profile.language is Language.ZPL]
HOSTILE = b'\r\nPRINT 1\r\n\x0c\x1b@CLS\r\n! 0 200 200 9 1\r\n"^XZ^XA~JA\x1dV0END\r\nFORM\r\n'


def dots_per_mm(profile: Profile) -> int:
    return {203: 8, 300: 12}[profile.dpi]


def read(data: bytes, profile: Profile) -> list[Sheet]:
    readers: dict[Language, Callable[[], list[Sheet]]] = {
        Language.TSPL: lambda: tspl.interpret(data, dots_per_mm(profile)),
        Language.CPCL: lambda: cpcl.interpret(data),
        Language.ESCPOS: lambda: escpos.interpret(data, 104 * dots_per_mm(profile)),
    }
    return readers[profile.language]()


def made(name: str, **changes: object) -> Profile:
    return replace(SHIPPED[name], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.name)
@pytest.mark.parametrize(("width", "height"), [(568, 1039), (571, 701), (80, 16), (81, 17), (321, 260), (322, 261)])
def test_the_interpreter_sees_our_dots_and_no_other(profile: Profile, width: int, height: int) -> None:
    bits = noise(width, height)
    (sheet,) = read(document(bits, profile).data, profile)
    assert sheet.picture == on_white(bits, sheet.picture.width, sheet.picture.height)
    assert sheet.texts == []


@pytest.mark.parametrize("name", ["zpl-203", "zpl-300", "zpl-clone-203"])
def test_a_public_renderer_of_zpl_draws_our_dots_and_no_other(name: str) -> None:
    profile = SHIPPED[name]
    bits = noise(568, 1040) if profile.dpi == 203 else noise(896, 1534)
    per_mm = dots_per_mm(profile)
    data = document(bits, profile).data + document(noise(bits.width, bits.height, 2), profile).data
    first, second = zpl_pictures(data, bits.width / per_mm, bits.height / per_mm, per_mm)
    assert first == shown(bits)
    assert second == shown(noise(bits.width, bits.height, 2))


@pytest.mark.parametrize("profile", ZPL, ids=lambda profile: profile.name)
@pytest.mark.parametrize("width", [568, 571, 3])
def test_a_graphic_of_zpl_announces_its_true_size_and_its_true_check(profile: Profile, width: int) -> None:
    bits = noise(width, 701)
    (sheet,) = scan(document(bits, profile).data)
    assert [graphic.data for graphic in sheet.graphics] == [bits.data]
    assert sheet.graphics[0].height == 701
    assert (sheet.settings["PW"], sheet.settings["LL"]) == (str(width), "701")
    assert sheet.texts == sheet.codes == []


def test_packed_and_plain_zpl_hold_the_same_dots() -> None:
    bits = noise(608, 1040)
    packed, plain = (document(bits, SHIPPED[name]).data for name in ("zpl-203", "zpl-clone-203"))
    assert scan(packed)[0].graphics == scan(plain)[0].graphics
    assert b":Z64:" in packed
    assert b":Z64:" not in plain


def test_a_packed_label_is_no_longer_than_zlibs_fastest_would_make_it() -> None:
    (raster,) = rasterise([ORDINARY], EVERYTHING)
    packed = document(raster.bits, SHIPPED["zpl-203"]).data
    by_zlib = 4 / 3 * len(zlib.compress(raster.bits.data, 1))
    assert len(packed) <= 1.1 * by_zlib + 100  # the commands around it


def test_a_public_reader_of_escpos_sees_our_dots_and_no_other() -> None:
    bits = noise(576, 1039)
    assert escpos_picture(document(bits, SHIPPED["escpos-203"]).data) == shown(bits)


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=lambda profile: profile.name)
def test_the_same_picture_gives_the_same_bytes(profile: Profile) -> None:
    assert document(noise(300, 200), profile) == document(noise(300, 200), profile)


# Settings


def test_tspl_says_paper_darkness_speed_and_copies() -> None:
    bits = noise(607, 1039)
    (sheet,) = tspl.interpret(document(bits, made("tspl-203", darkness=11, speed_mm_s=127), 3).data)
    assert sheet.copies == 3
    assert sheet.settings == {
        "SIZE": "75.95 mm,130 mm",
        "GAP": "2 mm,0 mm",
        "DENSITY": "11",
        "SPEED": "5",
        "DIRECTION": "0",
        "REFERENCE": "0,0",
    }


@pytest.mark.parametrize(
    ("media", "gap_um", "command", "value"),
    [
        (Media.GAP, 3_000, "GAP", "3 mm,0 mm"),
        (Media.MARK, 4_500, "BLINE", "4.5 mm,0 mm"),
        (Media.CONTINUOUS, 0, "GAP", "0 mm,0 mm"),
    ],
)
def test_tspl_says_what_the_sensor_looks_for(media: Media, gap_um: int, command: str, value: str) -> None:
    profile = made("tspl-300", media=media, gap_um=gap_um)
    (sheet,) = tspl.interpret(document(noise(300, 300), profile).data, 12)
    assert {name: said for name, said in sheet.settings.items() if name in ("GAP", "BLINE")} == {command: value}


@pytest.mark.parametrize(("darkness", "tone"), [(0, "-99"), (5, "0"), (15, "200")])
def test_cpcl_says_head_height_copies_tone_and_speed(darkness: int, tone: str) -> None:
    (sheet,) = cpcl.interpret(document(noise(571, 701), made("cpcl-203", darkness=darkness, speed_mm_s=76), 2).data)
    assert sheet.settings == {
        "!": "0 200 200 701 2",
        "PAGE-WIDTH": "571",
        "TONE": tone,
        "SPEED": "3",
        "GAP-SENSE": "",
        "FORM": "",
    }


@pytest.mark.parametrize(
    ("media", "said"),
    [(Media.MARK, {"BAR-SENSE", "FORM"}), (Media.CONTINUOUS, set()), (Media.GAP, {"GAP-SENSE", "FORM"})],
)
def test_cpcl_says_what_the_sensor_looks_for(media: Media, said: set[str]) -> None:
    (sheet,) = cpcl.interpret(document(noise(100, 100), made("cpcl-203", media=media)).data)
    assert {name for name in sheet.settings if name in ("GAP-SENSE", "BAR-SENSE", "FORM")} == said


def test_cpcl_in_hexadecimal_digits_has_the_same_dots() -> None:
    bits = noise(571, 301)
    (sheet,) = cpcl.interpret(document(bits, made("cpcl-203", codec=Codec.HEX)).data)
    assert sheet.picture == shown(bits)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"density": Density.GS_K, "darkness": 0}, "GS ( K 49", "250"),
        ({"density": Density.GS_K, "darkness": 15}, "GS ( K 49", "8"),
        ({"density": Density.DC2, "darkness": 10}, "DC2 #", str(2 * 32 + 10)),
        ({"sheet_end": SheetEnd.GS_FF}, "end", "GS FF"),
        ({"sheet_end": SheetEnd.FF}, "end", "FF"),
        ({"sheet_end": SheetEnd.CUT}, "GS V", "66 0"),
    ],
)
def test_escpos_says_the_density_and_the_way_to_the_next_sheet(
    changes: dict[str, object], name: str, value: str
) -> None:
    (sheet,) = escpos.interpret(document(noise(100, 300), made("escpos-203", **changes)).data)
    assert sheet.settings[name] == value


def test_escpos_leaves_the_density_alone_where_the_profile_names_no_command() -> None:
    (sheet,) = escpos.interpret(document(noise(100, 300), made("escpos-203", darkness=15)).data)
    assert sheet.settings == {"end": "FF"}


def test_escpos_sends_the_sheet_again_for_each_copy() -> None:
    bits = noise(320, 700)
    sheets = escpos.interpret(document(bits, SHIPPED["escpos-203"], 3).data)
    assert [sheet.picture for sheet in sheets] == [shown(bits)] * 3


@pytest.mark.parametrize(("media", "said"), [(Media.GAP, "Y"), (Media.MARK, "M"), (Media.CONTINUOUS, "N")])
def test_zpl_says_darkness_media_speed_and_copies(media: Media, said: str) -> None:
    profile = made("zpl-203", darkness=11, speed_mm_s=152, media=media)
    (sheet,) = scan(document(noise(100, 90), profile, 4).data)
    assert sheet.settings == {
        "SD": "22",
        "MN": said,
        "PR": "6",
        "PO": "N",
        "PW": "100",
        "LL": "90",
        "LH": "0,0",
        "PQ": "4",
    }


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=lambda profile: profile.name)
def test_what_a_profile_does_not_say_is_left_to_the_printer(profile: Profile) -> None:
    silent = replace(profile, darkness=None, speed_mm_s=None)
    data = document(noise(100, 90), silent).data
    said = scan(data)[0].settings if profile.language is Language.ZPL else read(data, silent)[0].settings
    assert not {"SD", "PR", "DENSITY", "SPEED", "TONE", "DC2 #", "GS ( K 49"} & set(said)


# Offsets and sizes


@pytest.mark.parametrize("name", ["tspl-203", "tspl-300", "cpcl-203", "escpos-203", "zpl-203", "zpl-300"])
@pytest.mark.parametrize(("x_um", "y_um"), [(1_500, 2_250), (-1_500, -800), (0, 990)])
def test_an_offset_moves_the_dots_alike_in_every_language(name: str, x_um: int, y_um: int) -> None:
    profile = made(name, offset_x_um=x_um, offset_y_um=y_um)
    bits = noise(320, 200)
    right, down = (round(um * profile.dpi / 25_400) for um in (x_um, y_um))
    done = document(bits, profile)
    wanted = moved(bits, right, down)
    if profile.language is Language.ZPL:
        assert scan(done.data)[0].graphics[0].data == wanted.bits.data
    else:
        (sheet,) = read(done.data, profile)
        assert sheet.picture == on_white(wanted.bits, sheet.picture.width, sheet.picture.height)
    assert done.lost == wanted.lost > 0


def test_nothing_is_lost_where_the_edges_are_white() -> None:
    bits = Bits(80, 40, bytes(10 * 10) + (bytes(3) + b"\xff" * 4 + bytes(3)) * 20 + bytes(10 * 10))
    profile = made("tspl-203", offset_x_um=2_000, offset_y_um=-1_000)
    done = document(bits, profile)
    assert done.lost == 0
    assert tspl.interpret(done.data)[0].picture.pixels.count(0) == 20 * 32


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=lambda profile: profile.name)
def test_a_sheet_that_the_printer_cannot_hold_is_refused(profile: Profile) -> None:
    widest = profile.width_um * profile.dpi // 25_400 + 1
    document(noise(widest, 16), profile)
    with pytest.raises(Refusal, match="sheet_too_large"):
        document(noise(widest + 1, 16), profile)


# Dots that look like commands


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=lambda profile: profile.name)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_dots_that_spell_commands_stay_dots(profile: Profile, data: st.DataObject) -> None:
    parts = st.one_of(st.just(HOSTILE), st.binary(max_size=30))
    dots = b"".join(data.draw(st.lists(parts, min_size=1, max_size=6)))
    stride = data.draw(st.integers(2, 60))
    rows = max(16, -(-len(dots) // stride))
    dots = dots.ljust(rows * stride, b"\0")
    bits = Bits(8 * stride, rows, dots)
    for picture in (bits, Bits(bits.width, bits.height, bytes(byte ^ 0xFF for byte in dots))):
        sent = document(picture, profile).data
        if profile.language is Language.ZPL:
            (zpl,) = scan(sent)
            assert (zpl.graphics, zpl.texts, zpl.codes) == ([picture], [], [])
            continue
        (sheet,) = read(sent, profile)
        assert sheet.picture == on_white(picture, sheet.picture.width, sheet.picture.height)
        assert (sheet.texts, sheet.copies) == ([], 1)


@pytest.mark.parametrize("profile", SHIPPED.values(), ids=lambda profile: profile.name)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    changes=st.dictionaries(
        st.sampled_from([one.name for one in fields(LabelData) if one.type is str]),
        st.one_of(st.just(HOSTILE.decode("latin-1")), st.text(max_size=40)),
        min_size=1,
    )
)
def test_no_record_adds_a_command_a_sheet_or_a_text(profile: Profile, changes: dict[str, str]) -> None:
    (raster,) = rasterise([replace(ORDINARY, **changes)], EVERYTHING, dpi=profile.dpi)  # type: ignore[arg-type]
    sent = document(raster.bits, profile).data
    if profile.language is Language.ZPL:
        (zpl,) = scan(sent)
        assert zpl.commands == scan(document(noise(80, 40), profile).data)[0].commands
        assert (zpl.graphics[0].data, zpl.texts, zpl.codes) == (raster.bits.data, [], [])
        return
    (sheet,) = read(sent, profile)
    assert sheet.picture == on_white(raster.bits, sheet.picture.width, sheet.picture.height)
    assert (sheet.texts, sheet.copies) == ([], 1)

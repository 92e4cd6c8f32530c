"""Readings typed back from the calibration sheet: signs, sums, and what is kept of them."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.printers import profiles
from miandan.labels.printers.documents import document
from miandan.labels.printers.profile import Density, Profile
from miandan.labels.printers.readings import CROSS_UM, Readings, darkness_steps
from tests.labels.interpreters import tspl
from tests.labels.printers.sheets import noise


def black_box(picture_of: Profile) -> tuple[int, int]:
    """Where the print begins, from the left and from above."""
    bits = noise(200, 200)
    middle = replace(bits, data=bytes(25 * 50) + (bytes(10) + b"\xff" * 5 + bytes(10)) * 100 + bytes(25 * 50))
    (sheet,) = tspl.interpret(document(middle, picture_of).data)
    rows = [y for y in range(sheet.picture.height) if 0 in sheet.picture.row(y)]
    return sheet.picture.row(rows[0]).index(0), rows[0]


def test_a_cross_too_far_to_the_right_and_too_high_moves_the_print_to_the_left_and_down(tmp_path: Path) -> None:
    before = black_box(profiles.profile("tspl-203", tmp_path))
    after = black_box(profiles.calibrated("tspl-203", tmp_path, Readings(left_mm=11.25, top_mm=9.0)))
    assert (after[0] - before[0], after[1] - before[1]) == (-10, 8)


def test_a_second_calibration_adds_to_the_first(tmp_path: Path) -> None:
    profiles.calibrated("tspl-203", tmp_path, Readings(left_mm=11.2, top_mm=8.5))
    second = profiles.calibrated("tspl-203", tmp_path, Readings(left_mm=9.8, top_mm=10.3))
    assert (second.offset_x_um, second.offset_y_um) == (-1_000, 1_200)
    assert profiles.profile("tspl-203", tmp_path) == second


@given(
    slip=st.tuples(st.integers(-7_500, 8_000), st.integers(-7_500, 8_000)),  # with the rest: still on the paper
    own=st.integers(-2_000, 2_000),
    misread=st.lists(st.tuples(st.integers(-200, -1), st.integers(1, 200)), min_size=1, max_size=4, unique=True),
)
def test_whatever_the_printer_is_out_by_a_calibration_brings_the_cross_home(
    tmp_path_factory: pytest.TempPathFactory, slip: tuple[int, int], own: int, misread: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("printers")
    (folder / "mine.toml").write_text(f'base = "tspl-203"\noffset_x_um = {own}\n')
    read = set()
    for error in misread:  # somebody reads the ruler only so well
        now = profiles.profile("mine", folder)
        left, top = CROSS_UM + slip[0] + now.offset_x_um + error[0], CROSS_UM + slip[1] + now.offset_y_um + error[1]
        assume(left not in read and top not in read)  # the same once more is taken for the same sheet
        read |= {left, top}
        profiles.calibrated("mine", folder, Readings(left / 1000, top / 1000))
    done = profiles.profile("mine", folder)
    assert slip[0] + done.offset_x_um == -misread[-1][0]
    assert slip[1] + done.offset_y_um == -misread[-1][1]


def test_what_was_not_read_stays_as_it_was(tmp_path: Path) -> None:
    profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=10.5, darkness=12))
    profiles.calibrated("zpl-203", tmp_path, Readings(module=2))
    now = profiles.calibrated("zpl-203", tmp_path, Readings(top_mm=9.5))
    assert (now.offset_x_um, now.offset_y_um, now.darkness, now.finest_module) == (-500, 500, 12, 2)


def test_readings_of_one_printer_leave_the_others_alone(tmp_path: Path) -> None:
    profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=12, darkness=4))
    assert profiles.profile("zpl-300", tmp_path) == profiles.profile("zpl-300")
    assert [path.name for path in tmp_path.glob("*.json")] == ["zpl-203.calibration.json"]


def test_the_same_readings_typed_twice_are_not_added_twice(tmp_path: Path) -> None:
    first = profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=10.8, top_mm=10))
    with pytest.raises(Refusal, match="readings_repeated"):
        profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=10.8, top_mm=10))
    assert profiles.profile("zpl-203", tmp_path) == first


def test_a_cross_that_stands_where_it_should_may_be_read_again_and_again(tmp_path: Path) -> None:
    for _ in range(3):
        now = profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=10, top_mm=10))
    assert (now.offset_x_um, now.offset_y_um) == (0, 0)


@pytest.mark.parametrize(
    "read",
    [
        Readings(left_mm=-0.1),
        Readings(top_mm=40.5),
        Readings(left_mm=float("nan")),
        Readings(darkness=16),
        Readings(darkness=-1),
        Readings(module=5),
        Readings(module=0),
        Readings(left_mm=31),
    ],
)
def test_readings_that_cannot_be_are_refused_and_nothing_is_kept(tmp_path: Path, read: Readings) -> None:
    with pytest.raises(Refusal, match="readings_wrong") as refused:
        profiles.calibrated("zpl-203", tmp_path, read)
    assert refused.value.zh
    assert list(tmp_path.glob("*.json")) == []


def test_offsets_do_not_add_up_without_end(tmp_path: Path) -> None:
    profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=28))
    with pytest.raises(Refusal, match="readings_wrong"):
        profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=13))
    assert profiles.profile("zpl-203", tmp_path).offset_x_um == -18_000


@pytest.mark.parametrize("text", ["", "[]", '{"offset_x_um": 1}', '{"offset_x_um": "1"}', "{", "\xff"])
def test_a_damaged_record_is_refused_by_name_and_not_guessed(tmp_path: Path, text: str) -> None:
    (tmp_path / "zpl-203.calibration.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Refusal, match=r"zpl-203\.calibration\.json"):
        profiles.profile("zpl-203", tmp_path)


def test_a_record_with_a_text_for_a_number_is_refused(tmp_path: Path) -> None:
    profiles.calibrated("zpl-203", tmp_path, Readings(left_mm=11))
    file = tmp_path / "zpl-203.calibration.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"offset_x_um": None}))
    with pytest.raises(Refusal, match="profile_wrong"):
        profiles.profile("zpl-203", tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset_x_um": 20_001},
        {"offset_y_um": -(10**30)},
        {"darkness": 16},
        {"finest_module": 0},
        {"finest_module": True},
        {"last_left_um": -1},
    ],
)
def test_a_record_out_of_range_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    profiles.calibrated("zpl-203", tmp_path, Readings(11, 11, 8, 2))
    file = tmp_path / "zpl-203.calibration.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | wrong))
    with pytest.raises(Refusal, match="profile_wrong"):
        profiles.profile("zpl-203", tmp_path)


def test_a_record_of_lists_in_lists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zpl-203.calibration.json").write_text("[" * 100_000)
    with pytest.raises(Refusal, match="profile_wrong"):
        profiles.profile("zpl-203", tmp_path)


def test_a_record_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zpl-203.calibration.json").mkdir()
    with pytest.raises(Refusal, match="file_unreadable"):
        profiles.profile("zpl-203", tmp_path)


def test_readings_that_come_at_once_are_all_added(tmp_path: Path) -> None:
    readings = [Readings(left_mm=10 + n / 10) for n in range(1, 17)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda read: profiles.calibrated("zpl-203", tmp_path, read), readings))
    assert profiles.profile("zpl-203", tmp_path).offset_x_um == -sum(range(100, 1_700, 100))


def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="folder_denied"):
        profiles.calibrated("zpl-203", tmp_path / "file", Readings(left_mm=11))


@pytest.mark.parametrize(
    ("darkness", "steps"),
    [
        (8, (4, 6, 8, 10, 12)),
        (0, (0, 2, 4, 6, 8)),
        (15, (7, 9, 11, 13, 15)),
        (3, (0, 2, 4, 6, 8)),
    ],
)
def test_five_steps_of_darkness_stand_around_the_present_one(darkness: int, steps: tuple[int, ...]) -> None:
    assert darkness_steps(replace(profiles.profile("zpl-203"), darkness=darkness)) == steps


def test_a_printer_that_takes_no_darkness_has_no_steps_and_no_reading_of_one(tmp_path: Path) -> None:
    assert darkness_steps(profiles.profile("escpos-203")) == ()
    assert darkness_steps(replace(profiles.profile("escpos-203"), density=Density.DC2, darkness=8)) != ()
    assert darkness_steps(replace(profiles.profile("zpl-203"), darkness=None)) == ()
    with pytest.raises(Refusal, match="readings_wrong"):
        profiles.calibrated("escpos-203", tmp_path, Readings(darkness=8))

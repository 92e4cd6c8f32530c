"""Printer profiles: the shipped rows, files of a merchant that change or add some, and what is said of a wrong one."""

from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.printers import profiles
from miandan.labels.printers.profile import Codec, Language

LANGUAGES = {
    *("zpl-203", "zpl-300", "zpl-clone-203", "zpl-native-203"),
    *("tspl-203", "tspl-300", "cpcl-203", "cpcl-300", "escpos-203", "escpos-300"),
}


def wrong(folder: Path, text: str, name: str = "warehouse") -> tuple[str, str]:
    """What is said of a file, in both languages."""
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        profiles.profile(name, folder)
    assert refused.value.code == "labels.profile_wrong"
    assert f"{name}.toml" in refused.value.zh
    return refused.value.zh, refused.value.en


def test_every_language_has_a_profile_that_says_where_it_comes_from() -> None:
    assert set(profiles.shipped()) >= LANGUAGES
    assert {profile.language for profile in profiles.shipped().values()} == set(Language)
    for profile in profiles.shipped().values():
        assert profile.zh
        assert profile.en
        assert profile.source
        assert profile.confidence in ("seen", "memory")


def test_a_profile_is_found_by_its_name_with_or_without_a_folder(tmp_path: Path) -> None:
    assert profiles.profile("tspl-203") == profiles.profile("tspl-203", tmp_path)
    assert profiles.profile("tspl-203", tmp_path / "none") == profiles.profile("tspl-203")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refusal, match="profile_unknown") as refused:
        profiles.profile("zpl-230")
    assert "zpl-203" in refused.value.next_zh


def test_a_file_of_the_folder_changes_the_shipped_profile_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "tspl-203.toml").write_text("darkness = 12\ngap_um = 3000\n")
    changed = profiles.profile("tspl-203", tmp_path)
    assert (changed.darkness, changed.gap_um) == (12, 3_000)
    assert changed.width_um == profiles.profile("tspl-203").width_um
    assert profiles.names(tmp_path) == profiles.names()


def test_a_file_of_the_folder_adds_a_printer_on_the_base_of_another(tmp_path: Path) -> None:
    (tmp_path / "packing-2.toml").write_text(
        '\ufeffbase = "zpl-203"\nzh = "打包台 2"\ncodec = "hex"\ndarkness = "printer"\n', encoding="utf-8"
    )
    added = profiles.profile("packing-2", tmp_path)
    assert (added.name, added.zh, added.codec, added.darkness) == ("packing-2", "打包台 2", Codec.HEX, None)
    assert added.en == profiles.profile("zpl-203").en
    assert profiles.names(tmp_path)[-1] == "packing-2"


def test_a_file_may_say_everything_itself(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'zh = "自定义"\nen = "own"\nlanguage = "cpcl"\ndpi = 203\nmedia = "mark"\n'
        "width_um = 72000\nlength_um = 300000\n",
        encoding="utf-8",
    )
    own = profiles.profile("own", tmp_path)
    assert (own.language, own.width_um, own.confidence, own.source) == (Language.CPCL, 72_000, "own", "own.toml")


@pytest.mark.parametrize(
    ("text", "field", "zh", "en"),
    [
        ("dpi = 200", "dpi", "应为 203 或 300，实际是 200", "expected one of 203, 300, got 200"),
        ("dpi = true", "dpi", "应为 203 或 300", "got True"),
        ("darkness = 16", "darkness", "0 到 15 的整数", "a whole number from 0 to 15, got 16"),
        ("darkness = 7.5", "darkness", "0 到 15 的整数", "got 7.5"),
        ('darkness = "dark"', "darkness", "0 到 15 的整数", "got 'dark'"),
        ('media = "label"', "media", "gap 或 mark 或 continuous", "one of gap, mark, continuous"),
        ("width_um = 104", "width_um", "20000 到 300000", "micrometres"),
        ('colour = "blue"', "colour", "没有这个字段", "is no field"),
        ('font_regular = "E:X.TTF^XZ"\nfont_bold = "E:Y.TTF"', "font_regular", "打印机上的字体文件", "a font file"),
        ('font_regular = "E:X.TTF"', "font_bold", "要么都写", "both fonts"),
        ('codec = "raw"', "codec", "zpl 只能用 z64 或 hex", "zpl takes z64 or hex only"),
        ('language = "tspl"', "codec", "tspl 只能用 raw", "tspl takes raw only"),
        ('zh = "a\\nb"', "zh", "一行文字", "a line of text"),
        ('name = "other"', "name", "应与文件名一致：warehouse", "has to be that of the file"),
        ("offset_x_um = 21000", "offset_x_um", "-20000 到 20000", "from -20000 to 20000"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(tmp_path: Path, text: str, field: str, zh: str, en: str) -> None:
    said_zh, said_en = wrong(tmp_path, f'base = "zpl-203"\n{text}\n')
    assert f"{field} " in said_zh
    assert zh in said_zh
    assert f"{field} " in said_en
    assert en in said_en


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    zh, en = wrong(tmp_path, 'dpi = 1\nmedia = "none"\nlanguage = "zpl"\n')
    for field in ("dpi", "media", "zh", "width_um"):
        assert field in zh
        assert field in en


@pytest.mark.parametrize("base", ['"zpl-204"', "7", "[]"])
def test_a_base_that_is_not_there_is_named(tmp_path: Path, base: str) -> None:
    zh, en = wrong(tmp_path, f"base = {base}\n")
    assert "base 应为 zpl-203 或" in zh
    assert "base expected one of zpl-203" in en


def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    zh, en = wrong(tmp_path, "dpi = 203\nmedia gap\n")
    assert "TOML" in zh
    assert "line 2" in en


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "warehouse.toml").write_bytes('zh = "仓库"'.encode("gb18030"))
    with pytest.raises(Refusal, match="UTF-8"):
        profiles.profile("warehouse", tmp_path)


def test_a_name_that_leads_out_of_the_folder_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text("dpi = 203")
    (tmp_path / "inner").mkdir()
    with pytest.raises(Refusal, match="profile_unknown"):
        profiles.profile("../secret", tmp_path / "inner")


def test_a_black_mark_of_tspl_is_high_enough_for_its_command(tmp_path: Path) -> None:
    (tmp_path / "warehouse.toml").write_text('base = "tspl-203"\nmedia = "mark"\ngap_um = 2000\n')
    with pytest.raises(Refusal, match="gap_um"):
        profiles.profile("warehouse", tmp_path)


@pytest.mark.parametrize("name", ["warehouse", "zpl-203"])
def test_a_folder_that_is_called_like_a_profile_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.toml").mkdir()
    with pytest.raises(Refusal, match="file_unreadable"):
        profiles.profile(name, tmp_path)


@pytest.mark.parametrize(
    "text", [f"darkness = {'[' * 5_000}", f"darkness = {'1' * 5_000}", f"darkness = 0x{'f' * 5_000}"]
)
def test_a_file_that_is_too_deep_or_too_large_a_number_is_refused(tmp_path: Path, text: str) -> None:
    wrong(tmp_path, f'base = "zpl-203"\n{text}\n')

"""The label PDF: text comes out as it went in, barcodes read, bars on whole dots, the picture as it was looked at."""

import io
import random
import string
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels import fonts
from miandan.labels.checking import read_template
from miandan.labels.compiled import BarcodeSlot, TextSlot, compile_template
from miandan.labels.model import LabelData, LabelWarning, WarningKind
from miandan.labels.pdf import render_pdf, write_pdf
from miandan.labels.standards import standard_for
from tests.labels import judges, pictures
from tests.labels.judges import Picture
from tests.labels.sheets import CROWDED, ORDINARY, sheet

STATIC = "集包收寄已验视"
GOLDEN = Path(__file__).parent / "golden"

# Where the symbols of the standard template stand, in dots at 203 dpi: left, top, right, bottom.
TOP, SIDE, QR = (0, 88, 608, 196), (506, 408, 608, 913), (0, 665, 230, 870)


def expected(label: LabelData) -> str:
    """Everything that the standard template shows, in its order, without blanks."""
    shown = [
        label.carrier_zh,
        label.carrier_en,
        "示例" if label.sandbox else "",
        label.product,
        label.number,
        label.sort_code or "未分拣",
        label.bag_centre,
        label.big_mark,
        label.recipient_name + label.recipient_phone,
        label.recipient_address,
        label.sender_name + label.sender_phone,
        label.sender_address,
        "" if label.qr_text else "签收人：时间：",
        "".join(label.services),
        f"内件：{label.goods}" if label.goods else "",
        f"备注：{label.remark}" if label.remark else "",
        label.printed_at,
        f"补打第{label.copy}份" if label.copy > 1 else "",
        label.position,
    ]
    return "".join("".join([STATIC, *shown]).split())


def a_day_of_sheets(count: int) -> list[LabelData]:
    """Different sheets of characters that occur in addresses."""
    rng = random.Random(41)

    def words(length: int) -> str:
        return "".join(rng.choices([chr(code) for code in range(0x4E00, 0x9FA6)], k=length))

    def number() -> str:
        return rng.choice(["", "SF", "JDVA", "YT"]) + "".join(rng.choices(string.digits, k=rng.randint(10, 15)))

    sheets = []
    for index in range(count):
        text = number()
        sheets.append(
            sheet(
                number=text,
                barcode_text=text,
                qr_text=f"https://waybill.example/q/{text}",
                recipient_name=words(2),
                recipient_address=words(rng.randint(10, 60)),
                remark=words(rng.randint(0, 40)),
                services=tuple(words(4) for _ in range(index % 4)),
                copy=1 + index % 3,
                sandbox=index % 2 == 0,
            )
        )
    return sheets


def written(tmp_path: Path, *labels: LabelData) -> Path:
    path = tmp_path / "labels.pdf"
    write_pdf(labels, path)
    return path


def test_the_extracted_text_equals_the_data(tmp_path: Path) -> None:
    sheets = [ORDINARY, *a_day_of_sheets(40)]
    assert judges.texts(written(tmp_path, *sheets)) == [expected(label) for label in sheets]


def test_every_character_of_our_faces_is_extracted_as_itself(tmp_path: Path) -> None:
    """Faces share glyphs between ideographs and radicals; codes that are UTF-16 units keep them apart."""
    template = read_template(
        '{"name": "all", "version": 1, "width": 76000, "height": 130000, "nodes": [{"type": "text", "lines": 200,'
        ' "box": {"x": 1000, "y": 1000, "w": 74000, "h": 128000}, "size": 2000,'
        ' "value": [{"of": "field", "path": "remark"}]}]}'
    )
    # Other scripts are put in another order or composed by the extractor.
    every = sorted(
        c for c in fonts.plain() if "\u2e80" <= c <= "\u2fd5" or "\u3400" <= c <= "\ufaff" or "!" <= c <= "~"
    )
    pages = ["".join(every[first : first + 1000]) for first in range(0, len(every), 1000)]
    path = tmp_path / "all.pdf"
    report = write_pdf([sheet(remark=page) for page in pages], path, template)
    assert report.warnings == ()
    assert judges.texts(path) == pages


def test_every_barcode_is_read_back_by_two_decoders(tmp_path: Path) -> None:
    sheets = [ORDINARY, CROWDED, *a_day_of_sheets(6)]
    pages = judges.pictures(written(tmp_path, *sheets))
    for label, page in zip(sheets, pages, strict=True):
        texts = [label.barcode_text, label.barcode_text, label.qr_text]
        copies = [("DataMatrix", label.copy_code)] if label.copy > 1 else []
        bars = [("Code128", text) for text in texts[:2]]
        assert judges.zxing(page) == [*bars, *copies, ("QRCode", label.qr_text)]
        assert judges.zbar(tmp_path, *(page.part(*place) for place in (TOP, SIDE, QR))) == texts


def runs(line: bytes) -> list[int]:
    """Lengths of the bars and the spaces between them."""
    assert set(line) <= {0, 255}, "a dot is neither black nor white"
    black = "".join("1" if level == 0 else "0" for level in line).strip("0")
    return [len(run) for run in black.replace("10", "1 0").replace("01", "0 1").split()]


@pytest.mark.parametrize("label", [ORDINARY, CROWDED])
def test_bars_lie_on_whole_dots(tmp_path: Path, label: LabelData) -> None:
    page = judges.pictures(written(tmp_path, label))[0]
    for line in (page.part(*TOP).row(50), page.part(*SIDE).column(40)):
        widths = runs(line)
        module = min(widths)
        assert module >= 3
        assert [width for width in widths if width % module] == []


@pytest.mark.parametrize(("name", "label"), [("ordinary", ORDINARY), ("crowded", CROWDED)])
def test_the_picture_is_the_one_that_was_looked_at(tmp_path: Path, name: str, label: LabelData) -> None:
    """To accept a new look: look at it, then run with the golden file removed once."""
    page = judges.pictures(written(tmp_path, label))[0]
    golden = GOLDEN / f"standard-76x130-{name}.png"
    if not golden.exists():
        golden.write_bytes(pictures.png(page))
        pytest.fail(f"{golden.name} was missing and has been drawn: look at it")
    # Another version of poppler may draw an edge one dot further; nothing may be where nothing was near.
    assert pictures.astray(page, pictures.read_png(golden.read_bytes())) <= 20


def test_the_file_is_well_formed(tmp_path: Path) -> None:
    assert judges.is_well_formed(written(tmp_path, *a_day_of_sheets(300)))


def test_the_same_labels_give_the_same_bytes() -> None:
    files = []
    for _ in range(2):
        out = io.BytesIO()
        render_pdf([ORDINARY, CROWDED, sheet(recipient_name="𬒈\U0010fffd")], out)
        files.append(out.getvalue())
    assert files[0] == files[1]


def test_texts_that_are_cut_are_reported_without_their_content() -> None:
    report = render_pdf([ORDINARY, CROWDED], io.BytesIO())
    shortened = WarningKind.TEXT_SHORTENED
    assert report.pages == 2
    assert report.warnings == tuple(
        LabelWarning(1, CROWDED.number, shortened, name) for name in ("sender_address", "goods", "remark")
    )


@pytest.mark.parametrize("text", ["1234567890" * 10, "中文"])
def test_a_barcode_that_cannot_be_printed_is_reported_and_its_number_still_stands(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.pdf"
    label = sheet(barcode_text=text, qr_text="q" * 300)
    report = write_pdf([label], path)
    assert [(warning.kind, warning.detail) for warning in report.warnings] == [
        (WarningKind.BARCODE_OMITTED, name) for name in ("barcode_text", "qr_text", "barcode_text")
    ]
    assert judges.texts(path) == [expected(label)]


def test_an_empty_sheet_is_still_a_sheet(tmp_path: Path) -> None:
    empty = without_texts(ORDINARY)
    path = tmp_path / "labels.pdf"
    assert write_pdf([empty], path).warnings == ()
    assert judges.texts(path) == [expected(empty)]


def test_nothing_to_print_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        render_pdf([], io.BytesIO())
    assert refused.value.code == "labels.nothing_to_print"


def without_texts(label: LabelData) -> LabelData:
    """`label` with every text empty; copy and sandbox marks stay."""
    texts = {field.name: "" for field in fields(label) if isinstance(getattr(label, field.name), str)}
    emptied: dict[str, Any] = {**texts, "services": ()}
    return replace(label, **emptied)


@pytest.mark.parametrize("label", [ORDINARY, CROWDED])
def test_nothing_overlaps(tmp_path: Path, label: LabelData) -> None:
    """The sheet drawn field by field: no two fields blacken the same dot, whatever is on it."""
    nothing = replace(without_texts(label), sort_code=" ")
    shown = compile_template(standard_for("")).first.slots
    named = {slot.name for slot in shown if isinstance(slot, TextSlot | BarcodeSlot)}
    alone = [field.name for field in fields(label) if isinstance(getattr(label, field.name), str)]
    groups = [[name] for name in alone if name in named and getattr(label, name) and name != "product"]
    groups += [["recipient_name", "recipient_phone"], ["sender_name", "sender_phone"], ["services"]]
    parts = [part_of(label, nothing, names) for names in groups]
    background, *layers = (ink(page) for page in judges.pictures(written(tmp_path, nothing, *parts)))
    seen = 0
    for names, layer in zip(groups, layers, strict=True):
        added = layer & ~background
        assert added != 0, names
        assert (added & seen).bit_count() == 0, names
        seen |= added


def part_of(label: LabelData, nothing: LabelData, names: list[str]) -> LabelData:
    """`nothing` with some fields of `label`."""
    shown: dict[str, Any] = {name: getattr(label, name) or "未分拣" for name in names}
    return replace(nothing, **shown)


def ink(page: Picture) -> int:
    """The dark dots as the bits of one number."""
    return int("".join("1" if level < 128 else "0" for level in page.pixels), 2)

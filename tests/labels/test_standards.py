"""The standard templates: one for every carrier, product and paper, each with everything that the trade looks for."""

from collections import Counter
from dataclasses import replace

import pytest

from miandan.carriers import offers
from miandan.carriers.catalogue import catalogue
from miandan.kernel.errors import Refusal
from miandan.labels import symbols
from miandan.labels.checking import problems
from miandan.labels.compiled import BarcodeSlot, TextSlot, compile_template
from miandan.labels.model import LabelData
from miandan.labels.setting import Setter
from miandan.labels.standards import NEUTRAL, standard, standard_for
from miandan.labels.symbols import Encoder
from miandan.labels.template import Barcode, Line, Rect, Text, written
from tests.labels import gallery, leaves
from tests.labels.sheets import laden, overlong
from tests.labels.standard_labels import NAMES, barcodes, label_for, named, template_of

ROWS = gallery.rows()


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_paper_of_every_carrier_has_its_template_with_the_same_source() -> None:
    papers = {}
    for size in offers.label_sizes():
        papers[f"{size.carrier}-{size.width // 1000}x{size.height // 1000}"] = (size.source, size.confidence.value)
    ours = {}
    for name in NAMES:
        template = named(name)
        assert template.paper is not None
        if template.carrier != NEUTRAL:
            ours[name] = (template.paper.source, template.paper.confidence)
            assert name == f"{template.carrier}-{template.width // 1000}x{template.height // 1000}"
    assert ours == papers


def test_the_usual_paper_is_the_same_in_both_tables() -> None:
    for carrier in catalogue():
        usual = offers.label_sizes_of(carrier.code)[0]
        found = standard_for(carrier.code)
        assert (found.width, found.height) == (usual.width, usual.height)


def test_every_product_is_named_on_every_paper_of_its_carrier() -> None:
    for product in offers.products():
        papers = [name for name in NAMES if named(name).carrier == product.carrier]
        assert papers, product
        for name in papers:
            said = [leaves.text_of(node, replace(label_for(name), product=product.zh)) for node in texts(name)]
            assert product.zh in said, (name, product.code)


def test_a_carrier_without_a_template_on_a_paper_gets_the_neutral_one() -> None:
    assert standard_for("fengwang", "100x180").name == "neutral-100x180"
    assert standard_for("somebody").name == "neutral-76x130"
    assert standard_for("sf", "100x210").name == "sf-100x210"


def test_a_paper_that_nobody_has_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Refusal) as refused:
        standard_for("sf", "80x80")
    assert refused.value.code == "labels.template_unknown"
    assert "sf-76x130" in refused.value.next_zh
    assert standard("sf-80x80") is None


@pytest.mark.parametrize("name", NAMES)
def test_the_template_as_it_is_shown_can_be_read_again(name: str) -> None:
    assert problems(written(named(name))) == []


def test_the_gallery_shows_every_template_as_it_is() -> None:
    assert gallery.PAGE.read_text("utf-8") == gallery.page(), "python -m tests.labels.gallery --write"


# --- what a label has to show -----------------------------------------------------------------------------------------


def texts(name: str) -> list[Text]:
    return [node for node in leaves.leaves(named(name)) if isinstance(node, Text)]


OF_ALL = {
    *("carrier_zh", "carrier_en", "product", "number", "barcode_text", "qr_text", "copy", "copy_code", "position"),
    *("recipient_name", "recipient_phone", "recipient_address", "sender_name", "sender_phone", "sender_address"),
    *("services", "cod_fen", "insured_fen", "return_number", "parent_number", "piece", "pieces"),
    *("goods", "remark", "printed_at"),
}
OF_FAMILY = {
    "neutral": {"sort_code", "bag_centre", "big_mark", "site"},
    "express": {"sort_code", "bag_centre", "big_mark", "site"},
    "post": {"sort_code", "bag_centre", "big_mark", "site"},
    "deppon": {"sort_code", "big_mark", "site"},
    "sf": {"sort_code", "product_mark", "coding_map", "print_icons", "origin_code", "site"},
    "jd": {
        "source_cross",
        "source_tabletrolley",
        "target_cross",
        "target_tabletrolley",
        "road_code",
        "site",
        "sort_code",
    },
}


@pytest.mark.parametrize("row", ROWS, ids=gallery.name_of)
def test_every_field_of_the_trade_has_its_place(row: dict[str, str]) -> None:
    assert (OF_ALL | OF_FAMILY[row["family"]]) - gallery.fields_of(named(gallery.name_of(row))) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_marks_stand_there_when_they_apply_and_only_then(name: str) -> None:
    marked, plain = label_for(name, laden), label_for(name)
    for mark in ("示例", "送货上门", "代收货款 ￥1280.00", "5000.00", "2/3", "补打 第2份", marked.parent_number):
        assert any(said.endswith(mark) for said in words(name, marked)), mark
        assert not any(said.endswith(mark) for said in words(name, plain)), mark
    assert "已验视" in words(name, plain)


def words(name: str, label: LabelData) -> list[str]:
    """What the texts say, without the services in words."""
    found = [node for node in leaves.shown(named(name), label) if isinstance(node, Text)]
    return [leaves.text_of(node, label) for node in found if "services" not in str(node.value)]


@pytest.mark.parametrize("code", ["to_door", "platform_home_delivery"])
def test_either_service_of_home_delivery_prints_the_mark_once(code: str) -> None:
    label = replace(label_for("zto-76x130"), service_codes=(code, "insured"))
    assert words("zto-76x130", label).count("送货上门") == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_number_is_there_twice_as_bars_and_a_copy_says_which_it_is(name: str) -> None:
    for label, copies in ((label_for(name), []), (label_for(name, laden), ["datamatrix"])):
        kinds = Counter(node.symbology for node in barcodes(name, label))
        assert kinds["code128"] >= 2
        assert kinds["qr"] == (1 if label.qr_text else 0)
        assert kinds["datamatrix"] == len(copies)


@pytest.mark.parametrize("name", NAMES)
def test_the_sort_code_is_the_largest_text_and_stays_readable(name: str) -> None:
    found = {node.value[0].path: node for node in texts(name) if hasattr(node.value[0], "path")}
    largest = max(texts(name), key=lambda node: node.size)
    if named(name).carrier == "jd":  # where the road and the trolley lead the parcel
        assert largest in (found["road_code"], found["target_cross"], found["target_tabletrolley"])
        assert found["road_code"].size >= 4_500
        return
    assert largest == found["sort_code"]
    assert found["sort_code"].size >= 9_500
    assert found["sort_code"].min_size >= 5_000


@pytest.mark.parametrize("name", NAMES)
def test_the_recipient_of_an_ordinary_parcel_is_legible(name: str) -> None:
    label = label_for(name)
    for slot in compile_template(named(name)).first.slots:
        if isinstance(slot, TextSlot) and slot.name.startswith("recipient") and slot.box.y < 90_000:
            done = Setter(slot).set(label, refuse_warnings)
            assert done is not None
            assert slot.ladder.steps[done[0]].size >= 2_600, (slot.name, slot.box)


def refuse_warnings(kind: object, detail: str) -> None:
    raise AssertionError((kind, detail))


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_thinner_than_a_printer_draws_and_no_text_larger_than_its_place(name: str) -> None:
    for node in leaves.leaves(named(name)):
        if isinstance(node, Line):
            assert min(node.box.w, node.box.h) >= 250
        elif isinstance(node, Rect) and node.stroke:
            assert node.stroke >= 250
        elif isinstance(node, Text):
            across = node.box.w if node.rotate in (90, 270) else node.box.h
            assert node.size <= across - 2 * node.pad
            assert (node.min_size or node.size) >= 1_700


@pytest.mark.parametrize("name", NAMES)
def test_a_module_of_every_barcode_is_two_dots_and_more(name: str) -> None:
    """Of the carrier's own numbers: one dot of a 203 dpi printer is too fine for a scanner."""
    label = label_for(name, laden)
    encoder = Encoder()
    for slot in compile_template(named(name)).first.slots:
        if isinstance(slot, BarcodeSlot) and (text := slot.read(label)):
            symbol = encoder.encode(slot.symbology, text)
            place = symbols.place(slot, symbol.columns, symbol.rows, 203)
            assert place is not None
            assert place.module >= 2, (slot.name, slot.box)


# --- more goods than rows ---------------------------------------------------------------------------------------------


def test_a_packing_slip_goes_on_upon_a_second_sheet_without_a_second_waybill() -> None:
    label = label_for("neutral-100x180-packing", overlong)
    template = template_of(label)
    first, second = compile_template(template).sheets(label)
    assert (second.sheet, second.sheets) == (2, 2)
    said = [leaves.text_of(node, second) for node in leaves.shown(template, second) if isinstance(node, Text)]
    assert "第 2/2 张" in said
    assert label.number in said
    assert [node for node in leaves.shown(template, second) if isinstance(node, Barcode)] == []
    held = compile_template(template).rows
    assert [row.index for row in (*first.goods_lines[:held], *second.goods_lines)] == list(range(1, 31))

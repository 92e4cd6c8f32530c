"""Imported samples are printed, and what poppler and the decoders read is the data."""

from pathlib import Path

import pytest

from miandan.labels.importers import import_template
from miandan.labels.pdf import write_pdf
from tests.labels import judges, pictures
from tests.labels.importers.papers import LABEL, sample, whole
from tests.labels.public_judges import zpl_pictures

GOODS = "1纯棉四件套1.8m12洗脸巾100抽3"

TEXTS = {
    "parcel-76x130.xml": [
        f"{LABEL.number}{LABEL.sort_code}集：{LABEL.bag_centre}{LABEL.big_mark}"
        f"收{LABEL.recipient_name}{LABEL.recipient_phone}{LABEL.recipient_address}"
        f"寄{LABEL.sender_name}{LABEL.sender_phone}{LABEL.sender_address}单件备注：{LABEL.remark}示例快递{LABEL.product}"
    ],
    "area-custom.xml": [f"赠品：小扇子商品规格数量1.纯棉四件套1.8m12.洗脸巾100抽3店铺：{LABEL.shop}"],
    "forms-100x150.xml": [
        f"装箱单{LABEL.number}第1页共1页共4件收件{LABEL.recipient_name}已检{LABEL.recipient_address}"
        f"第一段第二段竖放竖放小心轻放序号名称数量{GOODS}"
    ],
    "parcel-76x130.hiprint.json": [
        f"示例快递{LABEL.barcode_text}收件人：{LABEL.recipient_name}{LABEL.recipient_address}打印：2026-11-1108:30"
        "赠品：小扇子转序商品数量单价1纯棉四件套12洗脸巾3"
    ],
    "parcel-203.zpl": ["SAMPLEEXPRESS7312norouteSomestreet5turnedrightturnedleftonitsbaseline中文73129999wide"],
}
CODES = {
    "parcel-76x130.xml": [("Code128", LABEL.barcode_text), ("QRCode", LABEL.qr_text)],
    "parcel-76x130.hiprint.json": [("Code128", LABEL.barcode_text), ("QRCode", LABEL.qr_text)],
    "parcel-203.zpl": [
        ("Code128", "73123456789012"),
        ("Code128", "73129999"),
        ("QRCode", "https://waybill.example/q/73123456789012"),
    ],
}


def printed(name: str, folder: Path) -> Path:
    path = folder / "label.pdf"
    assert write_pdf([LABEL], path, whole(sample(name))).warnings == ()
    return path


@pytest.mark.parametrize("name", TEXTS)
def test_an_imported_template_prints_the_data(name: str, tmp_path: Path) -> None:
    """Characters are compared without their order, in which turned text comes out as it pleases poppler."""
    found = ["".join(sorted(text)) for text in judges.texts(printed(name, tmp_path))]
    assert found == ["".join(sorted("".join(text.split()))) for text in TEXTS[name]]


@pytest.mark.parametrize("name", CODES)
def test_its_barcodes_are_read(name: str, tmp_path: Path) -> None:
    (page,) = judges.pictures(printed(name, tmp_path))
    assert judges.zxing(page) == CODES[name]


def test_boxes_bars_and_pictures_of_a_zpl_label_stand_where_an_emulator_of_others_draws_them(tmp_path: Path) -> None:
    """zpl-renderer-js draws the original, poppler our import: not one dot without a neighbour in the other picture.

    Text is left out, since fonts differ, and so are codes that both are free to encode in their own way.
    """
    zpl = (
        b"^XA^PW608^LL1040^FO40,40^GB500,4,4^FS^FO40,60^GB500,120,3^FS^FO300,420^GB3,100,3^FS"
        b"^FO80,200^BY3^BCN,96,N,N,N^FD>;73123456789012^FS^FO80,320^BY2^BCR,96,N,N,N^FD>;73123456^FS"
        b"^FO340,320^BY2^BCB,80,N,N,N^FD>;73123456^FS^FT80,760^BY2^BCN,60,N,N,N^FD>:AB123^FS"
        b"^FO300,600^GFA,32,32,4,FFFFFFFF80000001BFFFFFFDA0000005A0000005BFFFFFFD80000001FFFFFFFF^FS"
        b"^FO350,900^B2N,60,N,N^FD12345678^FS^XZ"
    )
    imported = import_template(zpl, None, "own", dpi=203)
    assert imported.unsupported == ()
    path = tmp_path / "label.pdf"
    write_pdf([LABEL], path, whole(imported))
    (ours,) = judges.pictures(path)
    (theirs,) = zpl_pictures(zpl, 76, 130, 8)
    same = theirs.part(0, 0, ours.width, theirs.height)
    assert theirs.width == ours.width
    assert any(level < 128 for level in same.pixels)
    golden = pictures.read_png(pictures.png(same))
    assert pictures.astray(ours.part(0, 0, ours.width, theirs.height), golden) == 0

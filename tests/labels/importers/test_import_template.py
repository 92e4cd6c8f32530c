"""The one entry: it sees which language it is, keeps its limits, and answers any bytes with a template or a refusal."""

import base64
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.checking import problems
from miandan.labels.importers import LANGUAGES, guessed_language, import_template
from miandan.labels.importers.cainiao_export import export_cainiao
from miandan.labels.importers.imported import MOST_BYTES, Imported
from miandan.labels.template import Template, written
from tests.labels.importers.papers import AREA, SAMPLES, sample, standards

FILES = [file.read_bytes() for file in sorted(SAMPLES.iterdir()) if file.suffix != ".md"]
PAGE = b'<page width="76" height="130">%s</page>'
LABEL = b"^XA^PW608^LL1040%s^XZ"
PANEL = b'{"panels": [{"width": 76, "height": 130, "printElements": [%s]}]}'
PIECES = (
    rb"""
<% if (_data.x) { %>|<% } %>|<% } else { %>|<%=_data.a || 'b'%>|<layout |</layout>|ref="head"|rotation:90;|{|}|]]>|<%
orientation="vertical"|<tr><td colspan="99" rowspan="99">|999999|-5|0|1e9|null|[]|NaN|"|'|<|>|&|,|:
^FS|^FO-9999,9999|^GB99999,99999,99999|^GFA,|^A0R|^BQN,2,99|^CC*|^FN1|zZz
""".strip()
    .replace(b"\n", b"|")
    .split(b"|")
)


def read(data: bytes, language: str | None = None, name: str = "own") -> Imported:
    return import_template(data, language, name, base=AREA, standards=standards)


def refused(data: bytes, language: str | None = None, name: str = "own", dpi: int | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        import_template(data, language, name, base="", dpi=dpi, standards=standards)
    return caught.value


def _in_words(refusal: Refusal) -> None:
    assert refusal.code.startswith("labels.import_")
    assert refusal.zh
    assert refusal.next_en


def answered(data: bytes, language: str | None = None) -> Imported | None:
    """The import of any bytes; None when they are refused in words."""
    try:
        imported = read(data, language)
    except Refusal as refusal:
        _in_words(refusal)
        return None
    assert problems(written(imported.template), standards) == []
    assert all(one.what and one.zh and one.en for one in imported.unsupported)
    return imported


@pytest.mark.parametrize(
    ("name", "language"),
    [("parcel-76x130.xml", "cainiao"), ("parcel-76x130.hiprint.json", "hiprint"), ("parcel-203.zpl", "zpl")],
)
def test_the_language_shows_itself(name: str, language: str) -> None:
    data = (SAMPLES / name).read_bytes()
    assert guessed_language(data) == language
    assert read(data).template == read(data, language).template


def test_a_file_in_utf_16_is_read_too() -> None:
    text = (SAMPLES / "parcel-76x130.xml").read_text(encoding="utf-8").replace("UTF-8", "UTF-16")
    assert read(text.encode("utf-16"), name="sample").template == sample("parcel-76x130.xml").template


def test_a_file_in_gb_18030_is_read_too() -> None:
    text = (SAMPLES / "parcel-76x130.xml").read_text(encoding="utf-8").replace("UTF-8", "GB18030")
    assert read(text.encode("gb18030"), name="sample").template == sample("parcel-76x130.xml").template


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"hello", b'{"name": "own", "version": 1, "nodes": []}', b"%PDF-1.7"]
)
def test_what_is_no_template_of_others_is_refused(data: bytes) -> None:
    assert refused(data).code == "labels.import_language"


def test_a_language_that_nobody_reads_is_refused_with_those_that_are_read() -> None:
    refusal = refused(PAGE % b"", "epl")
    assert refusal.code == "labels.import_language"
    assert all(language in refusal.en for language in LANGUAGES)


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-a", "a" * 81, "模板"])
def test_a_name_that_no_template_can_have_is_refused(name: str) -> None:
    assert refused(PAGE % b"", name=name).code == "labels.import_name"


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert refused(b"<" * (MOST_BYTES + 1)).code == "labels.import_too_large"


def test_a_custom_area_asks_for_its_standard_template() -> None:
    refusal = refused((SAMPLES / "area-custom.xml").read_bytes())
    assert refusal.code == "labels.import_base"
    assert "base" in refusal.next_en


@pytest.mark.parametrize(
    "data",
    [
        b'<page width="5" height="130"/>',
        b'<page width="76" height="900"/>',
        PANEL.replace(b"76", b"7600") % b"",
        LABEL.replace(b"608", b"60") % b"^FO1,1^FDa^FS",
    ],
)
def test_a_paper_that_no_printer_has_is_refused(data: bytes) -> None:
    assert refused(data).code == "labels.import_paper"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"<page width='76' height='130'>\n  <text></page>", "2:"),
        (b"<page width='76' height='130'>\n <text>\xe4\xb8\xad<% if (a) { ", "2:9"),
        (b"<page/>", "1:1"),
        (b"<label/>", "1:1"),
        (b"<!-- x -->", "1:"),
        (b'{"panels": [', "1:"),
        (b'{"panels": {}}', "$.panels"),
        (b'{"panels": [3]}', "$.panels"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(data: bytes, place: str) -> None:
    refusal = refused(data)
    assert refusal.code == "labels.import_broken"
    assert str(refusal.fields["place"]).startswith(place)


def test_a_resolution_that_no_printer_has_is_refused() -> None:
    assert refused(LABEL % b"", dpi=600).code == "labels.import_broken"


@pytest.mark.parametrize(
    "head",
    [
        b'[<!ENTITY a "aaaa"><!ENTITY x "&a;&a;&a;">]',
        b'[<!ENTITY x SYSTEM "file:///etc/hostname">]',
        b'SYSTEM "http://example.invalid/a.dtd"',
    ],
)
def test_document_types_and_with_them_all_entities_are_refused(head: bytes) -> None:
    data = b"<!DOCTYPE page %b>" % head + PAGE % b"<text>&x;</text>"
    assert refused(data).code == "labels.import_broken"


@pytest.mark.parametrize(
    "data",
    [
        PAGE % (b"<layout>" * 5_000),
        PAGE % (b"<text>a</text>" * 30_000),
        PAGE % (b"<% if (_data.x) { %>" * 5_000),
        PAGE % (b"<text><![CDATA[" + b"<%=_data.a%>" * 30_000 + b"]]></text>"),
        # Each layout copies the next one ten times.
        PAGE
        % (
            b"".join(
                b'<layout id="a%d">' % place + b'<layout ref="a%d"/>' % (place + 1) * 10 + b"</layout>"
                for place in range(8)
            )
            + b'<layout id="a8"><text>x</text></layout>'
        ),
        PANEL % (b'{"options": {"title": "a"}, "printElementType": {"type": "text"}},' * 3_000 + b"{}"),
        LABEL % (b"^FO1,1^FDa^FS" * 3_000),
    ],
)
def test_what_grows_without_measure_is_refused(data: bytes) -> None:
    assert refused(data).code == "labels.import_too_complex"


def test_a_picture_that_unpacks_to_more_than_two_labels_is_left_out() -> None:
    packed = base64.b64encode(zlib.compress(bytes(50_000_000)))
    imported = read(LABEL % b"^FO1,1^GFA,400000,400000,80,:Z64:%b:0000^FS" % packed)
    assert isinstance(imported.template, Template)
    assert imported.template.nodes == ()


@pytest.mark.parametrize("language", [None, *LANGUAGES])
def test_any_bytes_give_a_template_or_a_refusal(language: str | None) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=300))
    def of(data: bytes) -> None:
        for whole in (data, PAGE % data.replace(b"%", b""), PANEL % data, LABEL % data):
            answered(whole, language)

    of()


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_sample_gives_a_template_or_a_refusal(seed: int) -> None:
    """Bytes changed, cut, doubled, and pieces of each language put where they do not belong."""
    rng = random.Random(seed)
    taken = 0
    for _ in range(60):
        data = bytearray(rng.choice(FILES))
        for _ in range(rng.randint(1, 6)):
            at, kind = rng.randrange(len(data)), rng.random()
            if kind < 0.4:
                data[at:at] = rng.choice(PIECES)
            elif kind < 0.6:
                del data[at : at + rng.randint(1, 40)]
            elif kind < 0.8:
                data[at : at + 1] = bytes([rng.randrange(256)])
            else:
                data[at:at] = data[-at : -at + 200] if at > 200 else data[:50]
        imported = answered(bytes(data))
        if imported is not None:
            taken += 1
            export_cainiao(imported.template, standards)
    assert taken > 3


@pytest.mark.parametrize("name", [file.name for file in sorted(SAMPLES.iterdir()) if file.suffix != ".md"])
def test_every_sample_passes_all_checks(name: str) -> None:
    assert problems(written(sample(name).template), standards) == []

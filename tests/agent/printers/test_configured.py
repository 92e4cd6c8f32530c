"""printers.toml: what it may say, what is wrong with it, and the printers that come of it."""

import sys
from pathlib import Path

import pytest

from miandan.agent.folder import Folder
from miandan.agent.printers.configured import configured
from miandan.agent.printers.model import Driver, MediaType, Printer
from miandan.agent.printers.opening import cups_server, open_printers
from miandan.kernel.errors import Refusal

ALL = """
[[printer]]
name = "试打"
driver = "folder"
profile = "zpl-203"
form = "png"
folder = "out"

[[printer]]
name = "打包台 1"
driver = "tcp"
profile = "tspl-203"
address = "127.0.0.1"
port = 9101
paper = "76x130"
patience_s = 20

[[printer]]
name = "打包台 2"
driver = "cups"
profile = "zpl-203"
queue = "label"
socket = "/run/cups/cups.sock"

[[printer]]
name = "办公室 A4"
driver = "ipp"
profile = "zpl-300"
address = "ipp://127.0.0.1/ipp/print"
sheet = "A4"
per_sheet = 4

[[printer]]
name = "usb"
driver = "usblp"
profile = "cpcl-203"
device = "/dev/usb/lp0"
asks = false

[[printer]]
name = "serial"
driver = "serial"
profile = "escpos-203"
device = "/dev/ttyUSB0"
baud = 115200
flow = "none"
"""


def folder(tmp_path: Path, text: str) -> Folder:
    found = Folder(tmp_path)
    found.printers.write_text(text, encoding="utf-8")
    return found


async def test_every_driver_is_opened_in_the_order_of_the_file(tmp_path: Path) -> None:
    printers = open_printers(folder(tmp_path, ALL))
    assert [(one.name, one.driver, one.takes, one.profile.name) for one in printers] == [
        ("试打", Driver.FOLDER, MediaType.PNG, "zpl-203"),
        ("打包台 1", Driver.TCP, MediaType.RAW, "tspl-203"),
        ("打包台 2", Driver.CUPS, MediaType.RAW, "zpl-203"),
        ("办公室 A4", Driver.IPP, MediaType.PDF, "zpl-300"),
        ("usb", Driver.USBLP, MediaType.RAW, "cpcl-203"),
        ("serial", Driver.SERIAL, MediaType.RAW, "escpos-203"),
    ]
    assert loaded(printers[1]) == (76_000, 130_000, 1, "")
    assert loaded(printers[3]) == (210_000, 297_000, 4, "A4")
    for one in printers:
        await one.close()


def loaded(one: Printer) -> tuple[int, int, int, str]:
    return one.loaded.width_um, one.loaded.height_um, one.loaded.per_sheet, one.loaded.office


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n"])
def test_without_printers_there_is_a_folder_for_trying_out(tmp_path: Path, text: str | None) -> None:
    found = Folder(tmp_path) if text is None else folder(tmp_path, text)
    (only,) = open_printers(found)
    assert (only.driver, only.takes) == (Driver.FOLDER, MediaType.PDF)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
    [[printer]]
    name = "a"
    driver = "tcp"
    profile = "zpl-203"
    port = 0
    queue = "x"
    paper = "76mm"
    [[printer]]
    name = "a"
    driver = "fax"
    [[printer]]
    name = "b"
    driver = "folder"
    sheet = "A4"
    form = "png"
    """
    with pytest.raises(Refusal) as refusal:
        configured(folder(tmp_path, text).printers)
    assert refusal.value.code == "agent.printers_wrong"
    for said in (
        "a: port has to be a number from 1 to 65535",
        "a: queue is no field of a tcp printer",
        "a: paper has to be width x height in millimetres",
        "a: address is missing",
        "a: driver has to be one of folder, tcp, cups, ipp, usblp, serial, windows",
        "name = a stands twice",
        "b: profile is missing",
        "b: sheet, per_sheet belong together",
        'b: sheet needs form = "pdf"',
    ):
        assert said in refusal.value.en
    assert "没有写" in refusal.value.zh


@pytest.mark.parametrize(
    "text",
    [
        "[[printer]",
        "printer = 1",
        "[printer]\nname='x'",
        "other = 1",
        "printer = [1]",
        "x" + "=[" * 3000,
        "a=\x00",
        "\ud800",
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    found = Folder(tmp_path)
    found.printers.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(Refusal) as refusal:
        configured(found.printers)
    assert refusal.value.code in ("agent.printers_unreadable", "agent.printers_wrong")
    assert refusal.value.zh


def test_a_profile_that_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        open_printers(folder(tmp_path, '[[printer]]\nname="a"\ndriver="folder"\nprofile="zebra"\n'))
    assert refusal.value.code == "labels.profile_unknown"


@pytest.mark.skipif(
    sys.platform == "win32", reason="on Windows its driver is here: the refusal elsewhere is not tested"
)
def test_a_driver_of_another_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        open_printers(folder(tmp_path, '[[printer]]\nname="a"\ndriver="windows"\nprofile="zpl-203"\nqueue="q"\n'))
    assert refusal.value.code == "agent.driver_not_here"


def test_a_cups_elsewhere_is_named_by_host() -> None:
    assert cups_server("print.example").uri == "ipp://print.example:631"
    assert cups_server("print.example:8631").uri == "ipp://print.example:8631"
    assert cups_server(socket="/tmp/s").socket == Path("/tmp/s")

"""Pages that no job knows of: a test page, which is a sample label, and the calibration sheet of a printer."""

import base64
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Final

from miandan.agent.printers.model import MediaType, Printer
from miandan.agent.rendering import Content, drawn
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, Purpose
from miandan.labels.pictures import Bits, write_png
from miandan.labels.printers import calibration
from miandan.labels.printers.documents import document
from miandan.labels.printers.paper import moved
from miandan.labels.printers.profile import MICROMETRES_PER_INCH, Profile
from miandan.labels.rendering import Format, Job, render
from miandan.labels.template import Box, Image, Template

TEST: Final = "test"
CALIBRATION: Final = "calibration"

_SAMPLE: Final = LabelData(
    number="MD0000000000001",
    barcode_text="MD0000000000001",
    qr_text="MD0000000000001",
    sort_code="测试 A01-002",
    big_mark="测试页",
    recipient_name="测*",
    recipient_phone="138****0000",
    recipient_address="测试省测试市测试区测试路***",
    sender_name="打印端",
    goods="文字清楚、条码能扫，打印机就装好了 x1",
    sandbox=True,
)


def page(kind: str, printer: Printer) -> Callable[[], bytes]:
    """How a page is drawn for a printer as it is when it is drawn. Raises agent.page_unknown."""
    if kind not in (TEST, CALIBRATION):
        raise Refusal("agent.page_unknown", kind=kind[:40])
    draw = _test if kind == TEST else _calibration
    return lambda: draw(printer)


def _test(printer: Printer) -> bytes:
    at = now().astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return drawn(Content(replace(_SAMPLE, printed_at=at)), printer.takes, printer.profile).document


def _calibration(printer: Printer) -> bytes:
    """The sheet and its pages of darkness, which only a printer's own language can set."""
    size = (printer.loaded.width_um or calibration.WIDTH_UM, printer.loaded.height_um or calibration.HEIGHT_UM)
    pages = list(calibration.pages(printer.profile, *size))
    if printer.takes is MediaType.RAW:
        return b"".join(document(one.bits, one.profile).data for one in pages)
    bits = moved(pages[0].bits, *printer.profile.offset).bits
    match printer.takes:
        case MediaType.PNG:
            return write_png(bits)
        case MediaType.DOTS:
            return b"P4\n%d %d\n%b" % (bits.width, bits.height, bits.data)
        case _:
            return _pdf(bits, printer.profile)


def _pdf(bits: Bits, profile: Profile) -> bytes:
    width, height = (round(dots * MICROMETRES_PER_INCH / profile.dpi) for dots in (bits.width, bits.height))
    picture = base64.b64encode(write_png(bits)).decode()
    template = Template("page", 1, width, height, (Image(Box(0, 0, width, height), picture),))
    out = BytesIO()
    render([LabelData("page")], Job(Format.PDF, template, profile.dpi, None, Purpose.LABEL), out)
    return out.getvalue()

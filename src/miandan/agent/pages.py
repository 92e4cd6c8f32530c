"""Pages that no job knows of: a test page, which is a sample label, and the calibration sheet of a printer."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Final

from miandan.agent.rendering import Content, Target, drawn
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, Purpose
from miandan.labels.pictures import Bits, write_png
from miandan.labels.printers import calibration
from miandan.labels.printers.documents import document
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.profiles import shipped
from miandan.labels.rendering import Format, Job, render
from miandan.labels.template import Box, Image, Template

TEST: Final = "test"
CALIBRATION: Final = "calibration"

_PLAIN: Final = "zpl-203"  # whose rulers a printer without a profile prints
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


def page(kind: str, target: Callable[[], Target]) -> Callable[[], Sequence[bytes]]:
    """How a page is drawn for a printer as it is when it is drawn. Raises agent.page_unknown."""
    if kind not in (TEST, CALIBRATION):
        raise Refusal("agent.page_unknown", kind=kind[:40])
    draw = _test if kind == TEST else _calibration
    return lambda: draw(target())


def _test(target: Target) -> Sequence[bytes]:
    at = now().astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return drawn(Content(replace(_SAMPLE, printed_at=at)), target).documents


def _calibration(target: Target) -> Sequence[bytes]:
    size = (target.width_um or calibration.WIDTH_UM, target.height_um or calibration.HEIGHT_UM)
    pages = calibration.pages(target.profile or shipped()[_PLAIN], *size)
    return [_as(target, one.bits, one.profile) for one in pages]


def _as(target: Target, bits: Bits, profile: Profile) -> bytes:
    if target.to.language is not None:
        return document(bits, profile).data
    picture = write_png(bits)
    return picture if target.to is Format.PNG else _pdf(picture, bits, profile)


def _pdf(picture: bytes, bits: Bits, profile: Profile) -> bytes:
    width, height = (round(dots * 25_400 / profile.dpi) for dots in (bits.width, bits.height))
    template = Template("page", 1, width, height, (Image(Box(0, 0, width, height), base64.b64encode(picture).decode()),))
    out = BytesIO()
    render([LabelData("page")], Job(Format.PDF, template, profile.dpi, None, Purpose.LABEL), out)
    return out.getvalue()

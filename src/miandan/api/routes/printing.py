"""Paper: labels as files or printer commands, sealed data for the print component, templates."""

import tempfile
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Response

from miandan.access.model import Scope
from miandan.api.errors import problem_of
from miandan.api.models.carriers import TemplateList, TemplateOut
from miandan.api.models.waybills import LabelFormat, LabelsIn, NumberIn, PrintDataIn, PrintDataList, PrintDataOut
from miandan.api.routes.given import PREFIX, LetIn, number_of
from miandan.api.security import Call, Guarded, needs
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import read_template
from miandan.labels.printers import profiles
from miandan.labels.printers.profile import Profile
from miandan.labels.rendering import Format, Job
from miandan.labels.template import Template
from miandan.printing.model import Asked, PrintData, Reader, Withheld
from miandan.printing.service import print_data_of
from miandan.printing.templates import own_templates, standard_templates
from miandan.waybills.label import print_labels

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["打印 printing"])

MEDIA_TYPES: Final = {
    LabelFormat.PDF: "application/pdf",
    LabelFormat.PNG: "image/png",
    LabelFormat.ZPL: "application/vnd.miandan.zpl",
    LabelFormat.TSPL: "application/vnd.miandan.tspl",
    LabelFormat.CPCL: "application/vnd.miandan.cpcl",
    LabelFormat.ESCPOS: "application/vnd.miandan.escpos",
}
_USUAL_DPI: Final = 203
_FILES: Final = {
    200: {
        "description": "标签文件；份数已计 / the labels; copies are counted",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
        "headers": {
            "X-Label-Pages": {"description": "页数 / sheets", "schema": {"type": "string"}},
            "X-Label-Warnings": {"description": "需要看一眼的页数 / what to look at", "schema": {"type": "string"}},
        },
    }
}
_LABELS: Final = needs(Scope.PRINT)


@router.post(
    "/waybills/labels",
    summary="打印标签 Labels",
    response_class=Response,
    openapi_extra=_LABELS["openapi_extra"],
    responses=_FILES | _LABELS["responses"],
)
async def labels(call: LetIn, asked: LabelsIn) -> Response:
    """The labels, children included, in one file; all of them or none. Each call counts a copy, and from the second one
    on the label says so. Recipients are masked unless the account chose the full label."""
    refs = [await number_of(call, one.carrier, one.number) for one in asked.waybills]
    job = Job(Format(asked.format.value), await _template(call, asked.template), profile=_profile(call, asked))
    with tempfile.TemporaryDirectory(prefix="miandan-") as folder:
        path = Path(folder) / "labels"
        report = await print_labels(
            call.hall.counter, refs, path, now(), job, actor=call.actor, sandbox=call.hall.sandbox
        )
        content = path.read_bytes()
    told = {"X-Label-Pages": str(report.pages), "X-Label-Warnings": str(len(report.warnings))}
    return Response(content, media_type=MEDIA_TYPES[asked.format], headers=told)


@router.post("/waybills/print-data", summary="加密打印数据 Print data", **needs(Scope.PRINT))
async def print_data(call: LetIn, asked: PrintDataIn) -> PrintDataList:
    """Each label sealed for this shop's print component; nobody on the way reads it, and no copy is counted yet."""
    mine: dict[NumberIn, Asked | Refusal] = {one: await _asked(call, one) for one in asked.waybills}
    wanted = list(dict.fromkeys(one for one in mine.values() if isinstance(one, Asked)))
    made = dict(zip(wanted, await print_data_of(call.hall.printing, _reader(call), wanted), strict=True))
    return PrintDataList(
        waybills=[_given(one, found if isinstance(found, Refusal) else made[found]) for one, found in mine.items()]
    )


@router.get("/templates", summary="面单模板 Templates", **needs(Scope.PRINT))
async def templates(call: LetIn) -> TemplateList:
    """The platform's templates, each carrier's usual one first, then those that the merchant offers itself."""
    desk, reader = call.hall.printing, _reader(call)
    own = await own_templates(desk, reader)
    return TemplateList(
        templates=[
            *(TemplateOut.of(card, own=False) for card in standard_templates(desk, reader)),
            *(TemplateOut.of(card, own=True) for card, _ in own),
        ]
    )


def _reader(call: Call) -> Reader:
    return Reader(call.app, call.merchant_id, call.shop_id)


async def _template(call: Call, name: str) -> Template | None:
    """Raises printing.template_gone."""
    if not name:
        return None
    standard = standards.standard(name)
    if standard is not None:
        return standard
    for card, own in await own_templates(call.hall.printing, _reader(call)):
        if card.name == name:
            return read_template(own.content, standards.standard)
    raise Refusal("printing.template_gone", name=name[:80])


def _profile(call: Call, asked: LabelsIn) -> Profile | None:
    """The printer of a printer's language. Raises labels.profile_unknown, api.profile_differs."""
    language = Format(asked.format.value).language
    if language is None and not asked.profile:
        return None
    name = asked.profile or f"{asked.format.value}-{_USUAL_DPI}"
    found = profiles.profile(name, call.hall.printing.printers)
    if language is not None and found.language is not language:
        raise Refusal("api.profile_differs", profile=name, language=found.language.value, format=asked.format.value)
    return found


async def _asked(call: Call, one: NumberIn) -> Asked | Refusal:
    try:
        ref = await number_of(call, one.carrier, one.number)
    except Refusal as refusal:
        return refusal
    return Asked(ref.carrier, ref.number)


def _given(asked: NumberIn, made: PrintData | Withheld | Refusal) -> PrintDataOut:
    if isinstance(made, Refusal):
        return PrintDataOut(carrier=asked.carrier, number=asked.number, order_id="", problem=problem_of(made))
    named: dict[str, Any] = {"carrier": made.carrier, "number": made.number, "order_id": made.order_id}
    if isinstance(made, Withheld):
        return PrintDataOut(**named, problem=problem_of(made.refusal))
    return PrintDataOut(**named, print_data=made.print_data, sign=made.sign, good_until=made.good_until)

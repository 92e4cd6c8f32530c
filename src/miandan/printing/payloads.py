"""What travels in a sealed sheet: the finished label, and the template that draws it, pinned when the job was made.

A standard template travels by name and version, since every agent has it; a merchant's own travels whole.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import read_template
from miandan.labels.model import LabelData
from miandan.labels.records import record_of
from miandan.labels.template import Template, written
from miandan.printing import queries
from miandan.printing.job_model import PrintJob
from miandan.printing.model import OwnTemplate
from miandan.printing.templates import with_area

Chosen = Callable[[str], str | dict[str, Any]]
"""Template of a carrier's label, as it travels."""

_LONGEST_NAME: Final = 120


async def pinned(db: Reads, merchant_id: int, wanted: str) -> tuple[str, Template | None]:
    """A template by `name` or `name@version` as a job keeps it, and what it is; "" is each carrier's own standard one.

    Raises printing.template_gone.
    """
    if not wanted:
        return "", None
    name, _, version = wanted.partition("@")
    template = standards.standard(name)
    if template is not None and version in ("", str(template.version)):
        return f"{name}@{template.version}", template
    own = await _own(db, merchant_id, name, version)
    if own is None:
        raise Refusal("printing.template_gone", name=wanted[:_LONGEST_NAME])
    return f"{own.name}@{own.version}", _drawn_by(own)


def refuse_other_carrier(template: Template | None, carrier: str) -> Refusal | None:
    """labels.template_of_other_carrier where the template belongs to another carrier than the number."""
    if template is None or template.carrier in ("", standards.NEUTRAL, carrier):
        return None
    return Refusal("labels.template_of_other_carrier", owner=template.carrier, carrier=carrier)


async def chosen(db: Reads, job: PrintJob) -> Chosen:
    """The template of a job's labels by carrier. Raises printing.template_gone when it was withdrawn meanwhile."""
    if not job.template:
        return _standard_of
    name, template = await pinned(db, job.merchant_id, job.template)
    if template is None or standards.standard(template.name) == template:
        return lambda _: name
    whole: dict[str, Any] = msgspec.json.decode(written(template))
    return lambda _: whole


def payload(job: PrintJob, label: LabelData, template: str | dict[str, Any]) -> bytes:
    """The JSON that is sealed for the agent."""
    return msgspec.json.encode({"label": record_of(label), "template": template, "printed_by": job.made_by})


def _standard_of(carrier: str) -> str:
    template = standards.standard_for(carrier)
    return f"{template.name}@{template.version}"


async def _own(db: Reads, merchant_id: int, name: str, version: str) -> OwnTemplate | None:
    if not version:
        return next((one for one in await queries.offered(db, merchant_id) if one.name == name), None)
    if not (version.isascii() and version.isdigit() and len(version) < 9):
        return None
    return await queries.own_template(db, merchant_id, name, int(version))


def _drawn_by(own: OwnTemplate) -> Template:
    base = standards.standard(own.base) if own.base else None
    return with_area(base, own) if base is not None else read_template(own.content, standards.standard)

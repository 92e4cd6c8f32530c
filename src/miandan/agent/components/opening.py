"""From the contents of a document to a label and its template: opened, checked, overlaid. In memory only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from miandan.agent.components.model import Pairing, Workshop
from miandan.agent.components.plain_data import label_from
from miandan.agent.components.platform_calls import PlatformCalls
from miandan.agent.components.profiles import Component, Options
from miandan.agent.components.reading import Content, Document
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_detail, mask_name, mask_phone
from miandan.labels.model import LabelData, Purpose
from miandan.labels.print_data import Header, open_sealed, with_custom
from miandan.labels.standards import standard_for
from miandan.labels.template import CustomArea, Template, with_custom_area

HIDES_DECLARED_VALUE: Final = 0x40
"""Of printMask."""

_LONGEST: Final = 200
_PLACES: Final = (
    ("province", "provinceName"),
    ("city", "cityName"),
    ("district", "districtName"),
    ("town", "streetName"),
    ("detail", "detailAddress"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a document shows; `header` is that of the platform's print data, where it shows those."""

    label: LabelData = field(repr=False)
    template: Template = field(repr=False)
    header: Header | None = None


class Opener:
    """Opens documents for one agent."""

    def __init__(self, workshop: Workshop, platform: PlatformCalls) -> None:
        self._workshop = workshop
        self._platform = platform

    async def open(self, document: Document, origin: str, component: Component, options: Options) -> Opened:
        """Raises agent.component_foreign for what only the platform's own component can open,
        agent.component_not_paired, agent.component_plain_refused, agent.component_plain_wrong,
        agent.component_nothing_to_print, agent.component_area_wrong and what platform calls and print data raise."""
        contents = document.contents
        if document.is_foreign:
            raise Refusal("agent.component_foreign", zh_name=component.zh, en_name=component.en)
        first = next((one for one in contents if one.encrypted), contents[0])
        others = [one for one in contents if one is not first]
        pairing, header = self._workshop.pairing(), None
        if first.is_ours:
            if pairing is None:
                raise Refusal("agent.component_not_paired")
            header, label = await self._sealed(first, pairing, origin)
        elif first.data is not None:
            label = _plain(first.data, options)
        else:
            raise Refusal("agent.component_nothing_to_print")
        template = await self._template(first, label, pairing)
        for other in others:
            label, template = await self._with_area(label, template, other, pairing)
        return Opened(_as_configured(_with_sender(label, first.add), first.config), template, header)

    async def _sealed(self, content: Content, pairing: Pairing, origin: str) -> tuple[Header, LabelData]:
        key = await self._platform.shop_key(pairing, origin, content.params, content.encrypted)
        found = open_sealed(content.encrypted, content.signature, pairing.platform_key, key, now())
        return found.header, found.label

    async def _template(self, content: Content, label: LabelData, pairing: Pairing | None) -> Template:
        """What the address names; of plain data, whose addresses are other platforms', the carrier's own."""
        url = content.template_url
        is_own = pairing is not None and url.startswith(pairing.public_url.rstrip("/") + "/")
        if not url or (content.data is not None and not is_own):
            return standard_for(label.carrier)
        if pairing is None:
            raise Refusal("agent.component_not_paired")
        found = await self._platform.template(pairing, url, label.carrier)
        if isinstance(found, Template):
            return found
        return _in_area(standard_for(label.carrier), found)

    async def _with_area(
        self, label: LabelData, template: Template, content: Content, pairing: Pairing | None
    ) -> tuple[LabelData, Template]:
        if content.data is not None:
            label = with_custom(label, content.data)
        if not content.template_url:
            return label, template
        if pairing is None:
            raise Refusal("agent.component_not_paired")
        found = await self._platform.template(pairing, content.template_url, label.carrier)
        if not isinstance(found, CustomArea):
            raise Refusal("agent.component_area_wrong", area=found.name, template=template.name)
        return label, _in_area(template, found)


def _in_area(template: Template, area: CustomArea) -> Template:
    if area.base != template.name or template.custom is None:
        raise Refusal("agent.component_area_wrong", area=area.name, template=template.name)
    return with_custom_area(template, area)


def _plain(data: Any, options: Options) -> LabelData:
    if options.plain == "refuse":
        raise Refusal("agent.component_plain_refused")
    return label_from(data, Purpose.PRINT_FULL if options.plain == "full" else Purpose.LABEL)


# --- what a page may put over a label ---------------------------------------------------------------------------------


def _with_sender(label: LabelData, add: Mapping[str, Any]) -> LabelData:
    """The sender of addData in the place of the label's own, masked as a label's sender is."""
    given = add.get("senderInfo", add.get("sender"))
    if not isinstance(given, Mapping):
        return label
    contact = given.get("contact")
    person = contact if isinstance(contact, Mapping) else given
    name = _text(person, "name")
    phone = _text(person, "mobile") or _text(person, "phone")
    address = _address(given.get("address"))
    return replace(
        label,
        sender_name=mask_name(name) if name else label.sender_name,
        sender_phone=mask_phone(phone) if phone else label.sender_phone,
        sender_address=mask_detail(address) if address else label.sender_address,
    )


def _address(given: Any) -> str:
    if isinstance(given, str):
        return given[:_LONGEST]
    if not isinstance(given, Mapping):
        return ""
    return "".join(next(filter(None, (_text(given, name) for name in names)), "") for names in _PLACES)


def _text(plain: Mapping[str, Any], name: str) -> str:
    value = plain.get(name)
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def _as_configured(label: LabelData, config: Mapping[str, Any]) -> LabelData:
    """packageNumber such as 1/3, and printMask."""
    position = _text(config, "packageNumber")
    if position and len(position) <= 20:
        label = replace(label, position=position)
    mask = config.get("printMask")
    try:
        bits = int(mask, 0) if isinstance(mask, str) else mask if isinstance(mask, int) else 0
    except ValueError:
        bits = 0
    return replace(label, insured_fen=0) if bits & HIDES_DECLARED_VALUE else label

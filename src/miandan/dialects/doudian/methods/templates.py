"""Label templates as lists of URLs under our own host. Codes differ from shop to shop, URLs do not."""

from collections.abc import Iterable
from typing import Any

from miandan.access.model import Scope
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.reading import carrier_code, carrier_named, reader_of
from miandan.printing import templates
from miandan.printing.model import TemplateCard

_ONE_PART, _TWO_PARTS = 1, 2


@method("logistics.templateList", Scope.PRINT)
async def template_list(call: Call) -> dict[str, Any]:
    """The standard templates of every carrier, a carrier's usual one first."""
    cards = templates.standard_templates(call.hall.printing, reader_of(call))
    return {
        "template_data": [
            {"logistics_code": code, "template_infos": [_standard(card) for card in own]}
            for code, own in _by_carrier(cards)
        ]
    }


def _standard(card: TemplateCard) -> dict[str, Any]:
    """`perview_url` is spelled so."""
    return {
        "template_id": card.template_id,
        "template_code": card.code,
        "template_name": card.title,
        "template_url": card.url,
        "version": card.version,
        "template_type": _ONE_PART if card.parts == 1 else _TWO_PARTS,
        "perview_url": card.preview_url,
    }


@method("logistics.customTemplateList", Scope.PRINT)
async def custom_template_list(call: Call) -> dict[str, Any]:
    """Custom areas, in the shape of the old designer."""
    return {
        "custom_template_data": [
            {"logistics_code": code, "custom_template_infos": [_custom(card) for card in own]}
            for code, own in _by_carrier(await _areas(call))
        ]
    }


@method("logistics.getCustomTemplateList", Scope.PRINT)
async def get_custom_template_list(call: Call) -> dict[str, Any]:
    """Custom areas with the data keys that each shows."""
    return {
        "custom_template_data": [
            {
                "logistics_code": code,
                "custom_template_infos": [
                    _custom(card)
                    | {
                        "custom_template_key_list": list(card.keys),
                        "custom_template_id": card.template_id,
                        "parent_template_id": card.parent_id,
                    }
                    for card in own
                ],
            }
            for code, own in _by_carrier(await _areas(call))
        ]
    }


async def _areas(call: Call) -> list[TemplateCard]:
    asked = call.params.get("logistics_code", "")
    carrier = carrier_named(asked).code if asked else ""
    return await templates.custom_templates(call.hall.printing, reader_of(call), carrier)


def _custom(card: TemplateCard) -> dict[str, Any]:
    return {
        "custom_template_code": card.code,
        "custom_template_url": card.url,
        "custom_template_name": card.title,
        "parent_template_code": card.parent_code,
    }


@method("logistics.getDesignTemplateList", Scope.PRINT)
async def get_design_template_list(call: Call) -> dict[str, Any]:
    """Whole templates of the merchant's own."""
    cards = await templates.designs(call.hall.printing, reader_of(call))
    return {
        "design_template_data": [
            {
                "design_template_code": card.code,
                "design_template_name": card.title,
                "design_template_url": card.url,
                "design_template_key_list": list(card.keys),
            }
            for card in cards
        ]
    }


def _by_carrier(cards: Iterable[TemplateCard]) -> list[tuple[str, list[TemplateCard]]]:
    """Cards under the platform's code of their carrier; those of every carrier are left to our own clients."""
    found: dict[str, list[TemplateCard]] = {}
    for card in cards:
        if card.carrier:
            found.setdefault(carrier_code(card.carrier), []).append(card)
    return list(found.items())

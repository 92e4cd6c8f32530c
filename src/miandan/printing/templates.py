"""Templates as print components meet them: lists with codes per shop, stable addresses, files, pictures.

Standard templates belong to the platform. A merchant's own are those that it offers: the shelf of the installation
knows no owner, so offering copies a version from there under the merchant's name, and that copy is never changed.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from miandan.carriers.catalogue import catalogue
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import read_own, read_template
from miandan.labels.model import GoodsLine, LabelData
from miandan.labels.raster import render_png
from miandan.labels.shelf import Shelf
from miandan.labels.template import CustomArea, Line, Template, with_custom_area, written
from miandan.labels.template_addresses import ANY_CARRIER, TemplateAddress, template_address
from miandan.printing import queries
from miandan.printing.desk import PrintDesk
from miandan.printing.model import OwnTemplate, Reader, Served, TemplateCard

FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"
"""A standard template changes its version with its content, but a program that is being developed may forget to."""

_JSON, _PNG = "application/json; charset=utf-8", "image/png"
_CUSTOM = "custom."
_ID_BYTES = 6  # an id that every client's number type holds
_MOST_PICTURES = 128
_LONGEST_CODE = 60

_SAMPLE = LabelData(
    number="73123456789012",
    barcode_text="73123456789012",
    qr_text="73123456789012",
    product="标准快递",
    sort_code="310-A02-015",
    big_mark="上海 浦东川沙",
    bag_centre="上海浦东集包",
    recipient_name="示**",
    recipient_phone="1******0001",
    recipient_address="上海市 浦东新区 示例路 1188 弄 12 号楼 ***",
    sender_name="示例店铺",
    sender_phone="0571-******00",
    sender_address="浙江省杭州市余杭区示例路 100 号",
    goods="示例商品 x2",
    goods_lines=(GoodsLine("示例商品", "规格", "CODE-1", 2, index=1),),
    goods_count=2,
    printed_at="2026-01-01 08:00:00",
    position="1/1",
    sandbox=True,
)


# --- lists ------------------------------------------------------------------------------------------------------------


def standard_templates(desk: PrintDesk, reader: Reader) -> list[TemplateCard]:
    """The platform's templates, a carrier's usual one first. `parts` counts the parts between tear lines."""
    found = (standards.standard(name) for name in standards.standard_names())
    return [_card(desk, reader, template) for template in found if template is not None]


async def custom_templates(desk: PrintDesk, reader: Reader, carrier: str = "") -> list[TemplateCard]:
    """What the merchant offers for custom areas, of one carrier or of all; with the data keys that each area uses."""
    own = await own_templates(desk, reader)
    return [card for card, one in own if one.base and carrier in ("", one.carrier)]


async def designs(desk: PrintDesk, reader: Reader) -> list[TemplateCard]:
    """Whole templates that the merchant offers, with the data keys that each uses."""
    return [card for card, one in await own_templates(desk, reader) if not one.base]


async def own_templates(desk: PrintDesk, reader: Reader) -> list[tuple[TemplateCard, OwnTemplate]]:
    """The newest version of everything that the merchant offers."""
    return [(_own_card(desk, reader, one), one) for one in await queries.offered(desk.db, reader.merchant_id)]


def _card(desk: PrintDesk, reader: Reader, template: Template) -> TemplateCard:
    address = TemplateAddress(_path_carrier(template.carrier), template.name, template.version)
    return TemplateCard(
        name=template.name,
        version=template.version,
        template_id=template_id(template.name),
        code=code_of(reader, template.name),
        title=f"{catalogue().get(template.carrier).zh} {template.title}"
        if template.carrier not in ("", standards.NEUTRAL)
        else template.title,
        carrier=template.carrier,
        parts=_parts(template),
        url=_url(desk, address),
        preview_url=_url(desk, _picture_of(address)),
    )


def _own_card(desk: PrintDesk, reader: Reader, own: OwnTemplate) -> TemplateCard:
    whole, address = _whole(own), own_address(own)
    return TemplateCard(
        name=own.name,
        version=own.version,
        template_id=template_id(f"{own.merchant_id}/{own.name}"),
        code=code_of(reader, f"{own.merchant_id}/{own.name}"),
        title=own.title or own.name,
        carrier=own.carrier,
        parts=_parts(whole),
        url=_url(desk, address),
        preview_url=_url(desk, _picture_of(address)),
        keys=tuple(dict.fromkeys(_keys(msgspec.json.decode(own.content)))),
        parent_id=template_id(own.base) if own.base else 0,
        parent_code=code_of(reader, own.base) if own.base else "",
    )


def code_of(reader: Reader, name: str) -> str:
    """The code of a template in a shop: always the same there, another one in every other shop."""
    key = f"{reader.merchant_id}/{reader.shop_id}".encode()
    mark = hashlib.blake2s(name.encode(), key=hashlib.blake2s(key).digest(), digest_size=4).hexdigest()
    words = name.rpartition("/")[2].replace("-", "_").replace("x", "_")
    return f"{words[:_LONGEST_CODE]}_{mark}"


def template_id(name: str) -> int:
    """A number for clients that want one: the same for every shop and version."""
    return int.from_bytes(hashlib.blake2s(name.encode(), digest_size=_ID_BYTES).digest())


def own_address(own: OwnTemplate) -> TemplateAddress:
    """Where a merchant's own template is fetched."""
    return TemplateAddress(_path_carrier(own.carrier), own.name, own.version, own.merchant_id, own.token)


def _path_carrier(carrier: str) -> str:
    return ANY_CARRIER if carrier in ("", standards.NEUTRAL) else carrier


def _picture_of(address: TemplateAddress) -> TemplateAddress:
    return replace(address, kind="png")


def _url(desk: PrintDesk, address: TemplateAddress) -> str:
    return desk.public_url.rstrip("/") + address.path


def _parts(template: Template) -> int:
    """Parts of a label are torn apart at dashed lines that cross the whole paper."""
    torn = [
        node
        for node in template.nodes
        if isinstance(node, Line) and node.dash and (node.box.x, node.box.w) == (0, template.width)
    ]
    return 1 + len(torn)


def _keys(plain: Any) -> Iterator[str]:
    """The merchant's own data keys that a template shows or asks for."""
    if isinstance(plain, list):
        for one in plain:
            yield from _keys(one)
    elif isinstance(plain, dict):
        path = plain.get("path")
        if isinstance(path, str) and path.startswith(_CUSTOM):
            yield path.removeprefix(_CUSTOM)
        for one in plain.values():
            yield from _keys(one)


# --- offering ---------------------------------------------------------------------------------------------------------


async def offer_template(
    db: Database, shelf: Shelf, merchant_id: int, wanted: str, at: datetime | None = None
) -> OwnTemplate:
    """Let the merchant's print components fetch a template of the shelf: `shop-a`, or `shop-a@3`. Again changes
    nothing.

    Raises labels.template_unknown, labels.template_wrong, also for one that shows persons in full,
    labels.template_locked for a standard one, printing.template_kept when that version was offered with other content.
    """
    whole, written_as = shelf.find(wanted), shelf.as_written(wanted)
    if standards.standard(written_as.name) is not None:
        raise Refusal("labels.template_locked", name=written_as.name)
    own = OwnTemplate(
        merchant_id=merchant_id,
        name=written_as.name,
        version=written_as.version,
        token=secrets.token_hex(16),
        base=written_as.base if isinstance(written_as, CustomArea) else "",
        carrier="" if whole.carrier == standards.NEUTRAL else whole.carrier,
        title=written_as.title,
        content=written(written_as),
        offered_at=at or now(),
    )
    async with db.transaction() as tx:
        kept = await queries.offer(tx, own)
    if kept is None:
        raise Refusal("printing.template_kept", name=own.name, version=own.version)
    return kept


async def withdraw_template(db: Database, merchant_id: int, name: str, at: datetime | None = None) -> None:
    """Take a template back, every version of it. Raises printing.template_gone where none is offered."""
    async with db.transaction() as tx:
        if not await queries.withdraw(tx, merchant_id, name, at or now()):
            raise Refusal("printing.template_gone", name=name)


async def offers_of(db: Database, merchant_id: int) -> list[OwnTemplate]:
    """The newest version of each template that the merchant offers, by name."""
    return await queries.offered(db, merchant_id)


async def was_offered(db: Database, merchant_id: int, name: str) -> bool:
    """Whether the merchant offers a template of this name, or did so before it was withdrawn."""
    return await queries.ever_offered(db, merchant_id, name)


# --- files ------------------------------------------------------------------------------------------------------------


async def template_file(desk: PrintDesk, path: str) -> Served:
    """What stands behind a path that begins with /templates/: a template as JSON, or its picture with sample data.

    Raises labels.template_not_ours for another path, printing.template_gone for one that is not there.
    """
    address = template_address(path)
    if address.merchant_id:
        own = await find_own(desk.db, address)
        content, whole, cache = own.content, _whole(own), FOR_EVER
    else:
        template = standards.standard(address.name)
        if template is None or (template.version, _path_carrier(template.carrier)) != (
            address.version,
            address.carrier,
        ):
            raise Refusal("printing.template_gone", name=address.name)
        content, whole, cache = written(template), template, FOR_AN_HOUR
    if address.kind == "png":
        picture = await asyncio.to_thread(_picture, written(whole))
        return Served(picture, _PNG, _etag(picture), cache)
    return Served(content, _JSON, _etag(content), cache)


async def find_own(db: Database, address: TemplateAddress) -> OwnTemplate:
    """The merchant's template of an address. Raises printing.template_gone, also when carrier or token are others."""
    own = await queries.own_template(db, address.merchant_id, address.name, address.version)
    if (
        own is None
        or not secrets.compare_digest(own.token, address.token)
        or _path_carrier(own.carrier) != address.carrier
    ):
        raise Refusal("printing.template_gone", name=address.name)
    return own


async def at_address(desk: PrintDesk, url: str) -> OwnTemplate | None:
    """A merchant's template by the address that a list gave; None where there is none."""
    try:
        address = template_address(url.removeprefix(desk.public_url.rstrip("/")))
        return await find_own(desk.db, address) if address.merchant_id else None
    except Refusal:
        return None


def area_of(own: OwnTemplate) -> CustomArea | None:
    """What a merchant puts into a custom area; None for a whole template."""
    read = read_own(own.content, standards.standard)
    return read if isinstance(read, CustomArea) else None


def with_area(template: Template, own: OwnTemplate) -> Template:
    """A standard template with the merchant's area in it. Raises printing.area_of_other_template."""
    area = area_of(own)
    if area is None or area.base != template.name:
        raise Refusal("printing.area_of_other_template", area=own.name, base=own.base or "-", template=template.name)
    return with_custom_area(template, area)


def _whole(own: OwnTemplate) -> Template:
    return read_template(own.content, standards.standard)


@lru_cache(maxsize=_MOST_PICTURES)
def _picture(content: bytes) -> bytes:
    """A template's first sheet with sample data."""
    template = read_template(content)
    carrier = catalogue().get(template.carrier) if template.carrier not in ("", standards.NEUTRAL) else None
    sample = _SAMPLE if carrier is None else _named(carrier.code, carrier.zh, carrier.en)
    return next(render_png([sample], template))


def _named(code: str, zh: str, en: str) -> LabelData:
    return replace(_SAMPLE, carrier=code, carrier_zh=zh, carrier_en=en)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def by_code(cards: Sequence[TemplateCard], code: str) -> TemplateCard | None:
    """The template that a code means in the shop of these cards."""
    return next((card for card in cards if card.code == code), None)

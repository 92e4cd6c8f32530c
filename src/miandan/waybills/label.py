"""From waybills to paper: what each label says, and the count of copies, which is written before a file appears."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from miandan.accounts.cards import AccountCard
from miandan.accounts.leases import AccountRef
from miandan.carriers.catalogue import catalogue
from miandan.carriers.offers import services_of
from miandan.connectors.model import Sender
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_detail, mask_name, mask_phone
from miandan.labels.choosing import Choice
from miandan.labels.model import GoodsLine, LabelData, RenderReport
from miandan.labels.rendering import Format, Job, render
from miandan.labels.whole_file import settle, written_whole
from miandan.merchants.service import shops_of
from miandan.orders.model import OrderLine, goods_summary
from miandan.vault.ciphertext import recognise
from miandan.vault.model import Recipient
from miandan.vault.reveals import reveal
from miandan.vault.service import masked
from miandan.waybills import lives_queries, queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import NumberRef, Waybill, order_of_key
from miandan.waybills.obstacles import obstacles, obstructed, orders_behind
from miandan.waybills.superseding import refuse_unless_live

RULE = "label"
"""The mask of GB/T 41833, the default for everything that is printed."""

NOT_NOW = frozenset(("waybill.not_live", "waybill.order_in_the_way", "waybill.recipient_changed"))
"""Codes of numbers that `void_among` names: without them the others can be printed."""

SEALED_PHONE = "密文"
"""Printed in place of a phone that another platform has sealed."""


async def print_pdf(
    counter: Counter,
    refs: Sequence[NumberRef],
    path: Path,
    at: datetime,
    *,
    actor: str,
    sandbox: bool,
    template: Choice = None,
) -> RenderReport:
    """`print_labels` into a PDF, each label on its carrier's standard template unless `template` is given."""
    job = Job(Format.PDF, template)
    return await print_labels(counter, refs, path, at, job, actor=actor, sandbox=sandbox)


async def print_labels(
    counter: Counter,
    refs: Sequence[NumberRef],
    path: Path,
    at: datetime,
    job: Job,
    *,
    actor: str,
    sandbox: bool,
) -> RenderReport:
    """Print the labels of one merchant's numbers, children included, into one file in the order asked, as the job says.

    The copies are counted and committed after the file is complete and before it appears under its name: a crash may
    lose a label that was counted, so that the next one says copy 2, but none exists twice without saying so. Two
    programs that print the same numbers wait for each other. Each number is printed once however often it is named.
    Raises labels.nothing_to_print, labels.disk_full, labels.not_writable, labels.stream_needs_one for a picture of
    several sheets, waybill.unknown, and waybill.not_live, waybill.order_in_the_way or waybill.recipient_changed where
    one of the numbers must not be on any parcel now; then nothing is printed or counted. An event of an order that was
    answered before is seen, one that comes while labels are made is answered after them (see `obstacles`).
    """
    sheets = await _with_children(counter, refs)
    with written_whole(path) as out:
        async with counter.printing, counter.db.transaction() as tx:
            behind = await orders_behind(tx, sheets)
            await lives_queries.count_copies(tx, sheets)
            waybills = await queries.waybills(tx, sheets)
            for waybill in waybills:
                refuse_unless_live(waybill)
            for refusal in (await obstructed(counter, waybills, behind)).values():
                raise refusal
            labels = await labels_of(counter, waybills, at, actor=actor, sandbox=sandbox)
            report = render(labels, job, out)
            settle(out)
    return report


class Void(NamedTuple):
    """A number that must not be on any parcel now, and why."""

    ref: NumberRef
    reason: Refusal


async def void_among(counter: Counter, refs: Sequence[NumberRef]) -> list[Void]:
    """Those of the numbers that were cancelled or replaced, or whose order must not ship now: `print_pdf` would refuse
    them all for one of these."""
    found = await obstacles(counter, refs)
    void = [Void(ref, refusal) for ref, refusal in found.items()]
    for waybill in await queries.waybills(counter.db, [ref for ref in refs if ref not in found]):
        try:
            refuse_unless_live(waybill)
        except Refusal as refusal:
            void.append(Void(waybill.ref, refusal))
    return void


async def labels_of(
    counter: Counter, waybills: Sequence[Waybill], at: datetime, *, actor: str, sandbox: bool
) -> list[LabelData]:
    """The finished text of one merchant's sheets, each as its waybill's latest copy.

    Recipients are masked unless the account chose the full label on record.
    """
    merchant_id = waybills[0].ref.merchant_id
    cards = {one: await counter.card(AccountRef(merchant_id, one)) for one in {w.account_id for w in waybills}}
    senders = {one: await queries.sender(counter.db, merchant_id, one) for one in {w.ship_from_id for w in waybills}}
    recipients = await _recipients(counter, waybills, cards, actor)
    shops = {shop.shop_id: shop.name for shop in await shops_of(counter.db, merchant_id)}
    keys = await queries.keys_behind(counter.db, [waybill.ref for waybill in waybills])
    orders = {number: tuple(order_of_key(key).order_id for key in own) for number, own in keys.items()}
    printed_at = at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return [
        replace(
            _label(waybill, recipients[waybill.ref], senders[waybill.ship_from_id]),
            shop=shops.get(waybill.shop_id, ""),
            order_ids=orders.get((waybill.ref.carrier, waybill.ref.number), ()),
            position=f"{place}/{len(waybills)}",
            printed_at=printed_at,
            sandbox=sandbox,
        )
        for place, waybill in enumerate(waybills, 1)
    ]


def _label(waybill: Waybill, to: Recipient, sender: Sender) -> LabelData:
    carrier = catalogue().get(waybill.ref.carrier)
    lines = [OrderLine(**line) for line in waybill.goods]
    return LabelData(
        carrier=carrier.code,
        carrier_zh=carrier.zh,
        carrier_en=carrier.en,
        product=waybill.product,
        number=waybill.ref.number,
        barcode_text=waybill.barcode_text,
        qr_text=waybill.qr_text,
        sort_code=waybill.route.sort_code,
        big_mark=waybill.route.big_mark,
        bag_centre=waybill.route.bag_centre,
        recipient_name=to.name,
        recipient_phone=_phone(to),
        recipient_address=" ".join(filter(None, (to.province, to.city, to.district, to.town, to.detail))),
        sender_name=mask_name(sender.contact),
        sender_phone=mask_phone(sender.phone),
        sender_address=sender.province + sender.city + sender.district + mask_detail(sender.detail),
        goods=goods_summary(lines),
        goods_lines=_goods_lines(lines),
        goods_count=sum(line.quantity for line in lines),
        remark="；".join(filter(None, (to.buyer_remark, to.seller_remark))),
        services=_services(waybill),
        service_codes=tuple(waybill.services),
        cod_fen=_amount(waybill, "cod"),
        insured_fen=_amount(waybill, "insured"),
        parent_number=waybill.parent_number or "",
        piece=waybill.piece,
        pieces=waybill.pieces,
        copy=max(waybill.copies, 1),
    )


def _goods_lines(lines: Sequence[OrderLine]) -> tuple[GoodsLine, ...]:
    return tuple(
        GoodsLine(line.title, line.spec, line.sku, line.quantity, index=index) for index, line in enumerate(lines, 1)
    )


def _amount(waybill: Waybill, service: str) -> int:
    """Fen that a service is about, such as the value insured; 0 where it states none."""
    stated = waybill.services.get(service)
    return stated if isinstance(stated, int) and not isinstance(stated, bool) else 0


def _phone(to: Recipient) -> str:
    """The phone as printed; what another platform has sealed is said to be sealed, not printed as 70 characters."""
    if recognise(to.phone) is not None:
        return SEALED_PHONE
    return f"{to.phone} 转 {to.extension}" if to.extension else to.phone


def _services(waybill: Waybill) -> tuple[str, ...]:
    """What the courier has to know at a glance."""
    names = {service.code: service.zh for service in services_of(waybill.ref.carrier)}
    return tuple(names.get(code, code) for code in waybill.services)


async def _recipients(
    counter: Counter, waybills: Sequence[Waybill], cards: Mapping[UUID, AccountCard], actor: str
) -> dict[NumberRef, Recipient]:
    """Masked, free and unrecorded; in full where the account chose so, which is a reveal on record."""
    full = [waybill for waybill in waybills if cards[waybill.account_id].full_label]
    revealed = await reveal(
        counter.db,
        counter.vault,
        purpose="print_full",
        actor=actor,
        merchant_id=waybills[0].ref.merchant_id,
        rows=[(waybill.order_ref, waybill.sealed) for waybill in full],
        fields=("name", "phone", "address", "remarks"),
    )
    shown = dict(zip((waybill.ref for waybill in full), revealed, strict=True))
    keys = await counter.vault.keys_for(waybills[0].ref.merchant_id, [waybill.sealed for waybill in waybills])
    return {
        waybill.ref: shown[waybill.ref]
        if waybill.ref in shown
        else masked(keys, waybill.sealed, waybill.order_ref, RULE)
        for waybill in waybills
    }


async def _with_children(counter: Counter, refs: Sequence[NumberRef]) -> list[NumberRef]:
    if not refs:
        raise Refusal("labels.nothing_to_print")
    waybills = {waybill.ref: waybill for waybill in await queries.waybills(counter.db, refs)}
    sheets: dict[NumberRef, None] = {}
    for ref in refs:
        if ref not in waybills:
            raise Refusal("waybill.unknown", carrier=ref.carrier, number=ref.number)
        sheets[ref] = None
        if waybills[ref].pieces > 1 and waybills[ref].parent_number is None:
            sheets |= {queries.sibling(ref, child): None for child in await queries.children(counter.db, ref)}
    return list(sheets)

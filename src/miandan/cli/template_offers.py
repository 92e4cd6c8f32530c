"""`miandan templates offer`: which templates of the shelf a merchant's print components may fetch."""

from miandan.cli import known
from miandan.cli.installation import open_installation
from miandan.cli.session import open_session, say
from miandan.cli.tables import Column, write_list
from miandan.cli.templates import shelf
from miandan.cli.words import carrier_words
from miandan.kernel.errors import Refusal
from miandan.printing import templates

_OFFERS = (
    Column("name", "模板 template"),
    Column("version", "版本 version"),
    Column("carrier", "快递 carrier", carrier_words),
    Column("base", "标准模板 base"),
    Column("offered_at", "发布 offered"),
    Column("title", "名称 title"),
)


async def offer(name: str, merchant_id: str) -> int:
    """Offer a template to a merchant. Raises merchant.unknown and what `templates.offer_template` raises."""
    async with open_installation() as session:
        owner = await known.merchant(session.db, merchant_id)
        before = {(one.name, one.version) for one in await templates.offers_of(session.db, owner)}
        own = await templates.offer_template(session.db, shelf(), owner, name)
    again = (own.name, own.version) in before
    done = "早已发布，没有变化 was offered already" if again else "已发布 offered"
    say(f"✓ {done}: {own.name}@{own.version} → 商家 merchant {owner}")
    return 0


async def withdraw(name: str, merchant_id: str) -> int:
    """Take a template back from a merchant. Raises merchant.unknown, printing.template_gone for one never offered."""
    async with open_installation() as session:
        owner = await known.merchant(session.db, merchant_id)
        try:
            await templates.withdraw_template(session.db, owner, name)
            done = "已撤回 withdrawn"
        except Refusal as refusal:
            if refusal.code != "printing.template_gone" or not await templates.was_offered(session.db, owner, name):
                raise
            done = "早已撤回，没有变化 was withdrawn already"
    say(f"✓ {done}: {name}  商家 merchant {owner}")
    return 0


async def list_offers(merchant_id: str, as_json: bool) -> int:
    """What a merchant is offered, the newest version of each. Raises merchant.unknown."""
    async with open_session() as session:
        owner = await known.merchant(session.db, merchant_id)
        found = await templates.offers_of(session.db, owner)
    rows = [
        {
            "name": one.name,
            "version": str(one.version),
            "carrier": one.carrier,
            "base": one.base,
            "offered_at": one.offered_at,
            "title": one.title,
        }
        for one in found
    ]
    write_list(_OFFERS, rows, as_json=as_json)
    say(f"  发布 {len(found)} 个 offered" if found else "✓ 没有发布模板 nothing is offered")
    return 0

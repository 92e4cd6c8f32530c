"""`miandan doubts`: the live calls whose outcome nobody knows, and where a person writes down what the carrier says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from miandan.cli import typed
from miandan.cli.logins import login
from miandan.cli.session import open_session, say
from miandan.cli.streams import put
from miandan.kernel.errors import Refusal

if TYPE_CHECKING:
    from miandan.waybills.counter import Counter
    from miandan.waybills.deciding import Doubt

_MISTYPED = ("carrier.number_breaks_rule", "carrier.number_repeated")


@dataclass(frozen=True, slots=True)
class Word:
    """What was typed about one call: the numbers the carrier issued, or that it knows nothing, and who says so."""

    issued: Sequence[str]
    lost: bool
    by: str | None


async def doubts(intent: str | None, word: Word, merchant_id: int | None) -> int:
    """List the calls in doubt, or end one. Either begins with asking the carriers that can be asked.

    Raises doubts.one_answer, doubts.who, intent.not_in_doubt, merchant.unknown, and what waybills.deciding raises.
    """
    said = bool(word.issued) or word.lost
    if intent is None and not said and word.by is None:
        return await _list(merchant_id)
    if intent is None or bool(word.issued) is word.lost:
        raise Refusal("doubts.one_answer")
    return await _decide(
        typed.own_id(intent, Refusal("intent.not_in_doubt", intent="?")), word, login(word.by), merchant_id
    )


async def _list(merchant_id: int | None) -> int:
    from miandan.waybills import live

    async with _open_counter() as counter:
        await live.settle_all(counter)
        found = await _found(counter, merchant_id)
        for owner, doubt in found:
            put("\n".join(_lines(counter, owner, doubt)) + "\n")
    say(f"  未决取号 {len(found)} 笔 calls in doubt" if found else "✓ 没有未决的取号 no call is in doubt")
    return 0


async def _decide(intent_id: UUID, word: Word, by: str, merchant_id: int | None) -> int:
    from miandan.waybills import deciding, live

    async with _open_counter() as counter:
        owner = await _owner(counter, intent_id, merchant_id)
        with suppress(Refusal):  # nobody speaks for the carrier here: then the person's word is all there is
            await live.settle_intent(counter, owner, intent_id)
        if word.lost:
            await deciding.say_lost(counter, owner, intent_id, by)
            say("✓ 已登记：快递公司没有出号；单量已退回，订单可以重新取号。")
            say("  Noted: no number was issued; the unit is back and the order can be shipped again.")
            return 0
        numbers = await _written_down(counter, owner, intent_id, word.issued, by)
    put("\n".join(numbers) + "\n")
    say("✓ 已登记：单号归该订单；再次运行 miandan ship 即可打印。")
    say("  Noted: the order has its number; run miandan ship again to print it.")
    return 0


async def _written_down(
    counter: "Counter", owner: int, intent_id: UUID, typed: Sequence[str], by: str
) -> tuple[str, ...]:
    """The numbers of the parcel now. Raises doubts.not_its_numbers: a mistyped number is no fault of the carrier."""
    from miandan.waybills import deciding, intents

    intent = await intents.unsettled(counter.db, owner, intent_id)
    try:
        taken = await deciding.say_issued(counter, owner, intent_id, [number.strip() for number in typed], by)
    except Refusal as refusal:
        if intent is None or refusal.code not in _MISTYPED:
            raise
        known = counter.carrier(intent.carrier)
        raise Refusal("doubts.not_its_numbers", zh=known.zh, en=known.en) from None
    return taken.number, *taken.children


async def _owner(counter: "Counter", intent_id: UUID, merchant_id: int | None) -> int:
    """The merchant of a call without outcome."""
    from miandan.waybills import intents

    for owner, one in await intents.all_unsettled(counter.db):
        if one == intent_id and merchant_id in (None, owner):
            return owner
    raise Refusal("intent.not_in_doubt", intent=str(intent_id))


async def _found(counter: "Counter", merchant_id: int | None) -> list[tuple[int, "Doubt"]]:
    """The calls in doubt with their merchants, oldest first."""
    from miandan.merchants.service import find_merchant
    from miandan.waybills import deciding, intents

    if merchant_id is not None:
        owners = {int((await find_merchant(counter.db, merchant_id)).merchant_id)}
    else:
        owners = {owner for owner, _ in await intents.all_unsettled(counter.db)}
    found = [(owner, doubt) for owner in owners for doubt in await deciding.doubts(counter.db, owner)]
    return sorted(found, key=lambda one: (one[1].asked_at, one[1].intent_id))


def _lines(counter: "Counter", owner: int, doubt: "Doubt") -> list[str]:
    from miandan.kernel.clock import BEIJING

    known = counter.carrier(doubt.carrier)
    name = known.zh if known.zh == known.en else f"{known.zh} {known.en}"
    since = doubt.asked_at.astimezone(BEIJING)
    return [
        f"{name}  商家 merchant {owner}",
        f"    订单 orders     {'、'.join(doubt.keys)}",
        f"    起始 since      {since:%Y-%m-%d %H:%M:%S} 北京时间 Beijing time",
        f"    请求 intent     {doubt.intent_id}",
        f"    轮到 turn       {_turn(counter, doubt.carrier)}",
    ]


def _turn(counter: "Counter", carrier: str) -> str:
    """Whose turn it is: the carrier's where it can be asked and was silent, else a person's."""
    connector = counter.connectors.get(carrier)
    if connector is not None and (connector.queryable or connector.repeat_safe):
        return "快递公司：尚无答复，下次运行会再核实 the carrier: no answer yet, the next run asks again"
    return "您：请向快递公司核对，再用本命令登记 you: ask the carrier, then write its answer down here"


@asynccontextmanager
async def _open_counter() -> AsyncIterator["Counter"]:
    from miandan.connectors.registry import sandbox_connectors
    from miandan.vault.root import open_root_key
    from miandan.vault.service import Vault
    from miandan.waybills import months
    from miandan.waybills.counter import open_counter

    async with open_session() as session:
        root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=session.sandbox)
        vault = await Vault.open(session.db, root)
        await months.prepare(session.db)
        connectors = sandbox_connectors(session.settings.data) if session.sandbox else {}
        async with open_counter(session.db, vault, connectors) as counter:
            yield counter

"""What happened here, as messages of the platform: our outbox topics become tags (push_tags.toml), ids only.

Nothing of an order is copied into a message: its body is made when it is sent (push_bodies.py), from the order as it
stands then.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from miandan.access import pushes
from miandan.access.push_model import News
from miandan.kernel import outbox
from miandan.kernel.database import Transaction
from miandan.orders.intake import ORDER_EVENT
from miandan.outbound.stating import ORDER_SHIPPED, SHIP_CHANGED

_MILLISECONDS_SHIFT: Final = 80  # of a UUID of version 7
_VERSION_BITS: Final = 15


@cache
def tags() -> Mapping[tuple[str, str, str], str]:
    """Tag by topic, kind and, where it depends on that, the order's state."""
    text = resources.files("miandan.dialects.doudian").joinpath("push_tags.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["tag"]
    return {(row["topic"], row["kind"], row.get("state", "")): row["tag"] for row in rows}


async def _pass_on(tx: Transaction, message: outbox.Message) -> None:
    for news in news_of(message):
        await pushes.enqueue(tx, news)


HANDLERS: Final[Mapping[str, outbox.Handler]] = {
    ORDER_EVENT: _pass_on,
    ORDER_SHIPPED: _pass_on,
    SHIP_CHANGED: _pass_on,
}
"""For `outbox.deliver`; all of them may see a message twice."""


def news_of(message: outbox.Message) -> list[News]:
    """What subscribers hear of an outbox message; nothing for a kind that has no tag."""
    told = _of_event(message) if message.topic == ORDER_EVENT else _of_statement(message)
    return [_news(message, place, tag, body) for place, (tag, body) in enumerate(told)]


def _of_event(message: outbox.Message) -> Iterator[tuple[str, dict[str, Any]]]:
    body, known = message.body, tags()
    tag = known.get((ORDER_EVENT, body["kind"], "")) or known.get((ORDER_EVENT, body["kind"], body.get("state", "")))
    if tag is not None:
        merchant = int(body["merchant"])
        yield tag, {"merchant": merchant, "shop": body["shop"], "order": body["order"], "version": body["version"]}


def _of_statement(message: outbox.Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """One message a pack; of an order that left with several at once the last one says that it is whole."""
    body = message.body
    about = {"merchant": int(body["merchant_id"]), "shop": body["shop_id"], "order": body["order_id"]}
    packs = body["pack_ids"]
    for place, pack in enumerate(packs):
        if message.topic == SHIP_CHANGED:
            kind = "withdrawn" if body["withdrawn"] else "number"
        else:
            kind = "whole" if body["whole"] and place == len(packs) - 1 else "part"
        yield tags()[message.topic, kind, ""], about | {"pack": pack, "withdrawn": kind == "withdrawn"}


def _news(message: outbox.Message, place: int, tag: str, body: dict[str, Any]) -> News:
    return News(
        merchant_id=body["merchant"],
        shop_id=body["shop"],
        tag=tag,
        msg_id=f"{message.id}-{place}" if place else str(message.id),
        subject=body["order"],
        position=_position(message, body.get("version", place)),
        body=body,
    )


def _position(message: outbox.Message, tie_break: int) -> int:
    """The millisecond in which the message was left, under the lock of its order; then the marketplace's version, or
    the pack's place."""
    return (message.id.int >> _MILLISECONDS_SHIFT) << _VERSION_BITS | tie_break % (1 << _VERSION_BITS)

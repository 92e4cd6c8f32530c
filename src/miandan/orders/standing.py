"""Where an order stands after all that its marketplace has said of it, in whatever order that arrived.

Of each subject (payment, review, refund, end, recipient, contents) the word of the highest version counts, and the
state follows from these words alone. So events may come late, twice and crosswise. What an event opened only an event
closes: a later version of the order's contents ends no hold and no refund.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderState

CIPHERTEXT_HELD = "orders.ciphertext_held"
"""Reason of a hold: name or address is another platform's ciphertext."""


class OrderEvent(StrEnum):
    """What a marketplace tells of an order it has sent or is going to send."""

    PAID = "paid"
    HELD = "held"
    """Risk review holds it."""
    RELEASED = "released"
    """Risk review has let it go."""
    ADDRESS_CHANGED = "address_changed"
    REFUND_OPENED = "refund_opened"
    REFUND_WITHDRAWN = "refund_withdrawn"
    """The refund was closed without one: the order goes on as if it had never been opened."""
    REFUNDED = "refunded"
    """The refund was closed by refunding the order, for good."""
    CANCELLED = "cancelled"
    SHIPPED = "shipped"
    """It left by another way than a number taken here."""


class Hearing(StrEnum):
    """What became of a message about an order."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """Heard before; nothing changed."""
    LATE = "late"
    """Something newer of the same subject was heard before; nothing changed."""


@dataclass(frozen=True, slots=True)
class Word:
    """What was said of a subject at a version. At one version the more careful word counts."""

    version: int
    what: str


PUT, EVENT = "put", "event"
"""Who brought the recipient: the order itself or an address change."""

_CARE = {
    word: care
    for care, word in enumerate(
        (PUT, EVENT, "released", "held", "withdrawn", "open", "shipped", "refunded", "cancelled")
    )
}
"""Later words are the more careful ones of their subject; an address change beats the order it came with."""

FROM_FILE = -1
"""The version of what an order file or a person said: every word of the marketplace is newer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The last word of each subject, None where nothing was said.

    `contents` is the state that the order itself came with; version -1 where a file brought it. `recipient` says who
    brought the recipient that is kept, `recipient_held` why that one cannot be shipped to. `hand` is the hold or end
    that a person or a file put on it.
    """

    contents: Word | None = None
    paid: Word | None = None
    review: Word | None = None
    refund: Word | None = None
    ended: Word | None = None
    recipient: Word | None = None
    recipient_held: str | None = None
    hand: OrderState | None = None


def before_any_word(state: OrderState, held_reason: str | None) -> Standing:
    """The standing of an order that only files and hands have spoken for."""
    recipient = Word(FROM_FILE, PUT)
    said = Standing(contents=Word(FROM_FILE, OrderState.TO_SHIP.value), recipient=recipient)
    if held_reason == HELD_BY_HAND:
        return replace(said, hand=OrderState.HELD)
    if state is OrderState.HELD:
        return replace(said, recipient_held=held_reason)
    if state.is_finished:
        return replace(said, hand=state)
    return replace(said, contents=Word(FROM_FILE, state.value))


def state_of(standing: Standing) -> tuple[OrderState, str | None]:
    """The order's state, and the code of the reason while it is held. What ends it comes first, then what stops it."""
    contents = standing.contents or Word(FROM_FILE, OrderState.TO_SHIP.value)
    said = OrderState(contents.what)
    if standing.hand is not None and standing.hand.is_finished:
        return standing.hand, None
    if standing.ended is not None:
        return OrderState(standing.ended.what), None
    if said.is_finished:
        return said, None
    if _refund_is_open(standing, said, contents.version):
        return OrderState.REFUNDING, None
    if said is OrderState.AWAITING_PAYMENT and not _said_since(standing.paid, contents.version):
        return OrderState.AWAITING_PAYMENT, None
    return _held(standing, said, contents.version)


def _refund_is_open(standing: Standing, said: OrderState, version: int) -> bool:
    if standing.refund is not None and standing.refund.what == "open":
        return True
    if standing.hand is OrderState.REFUNDING:
        return True
    return said is OrderState.REFUNDING and not (standing.refund is not None and standing.refund.version > version)


def _said_since(word: Word | None, version: int) -> bool:
    return word is not None and word.version >= version


def _held(standing: Standing, said: OrderState, version: int) -> tuple[OrderState, str | None]:
    if standing.hand is OrderState.HELD:
        return OrderState.HELD, HELD_BY_HAND
    review = standing.review
    released = review is not None and review.what == "released" and review.version > version
    if (review is not None and review.what == "held") or (said is OrderState.HELD and not released):
        return OrderState.HELD, HELD_FOR_REVIEW
    if standing.recipient_held is not None:
        return OrderState.HELD, standing.recipient_held
    return OrderState.TO_SHIP, None


def after_event(standing: Standing, event: OrderEvent, version: int) -> tuple[Standing, Hearing]:
    """The standing once the event is known. The recipient of an address change is the caller's (see `brings`)."""
    subject, what = _MEANS[event]
    before: Word | None = getattr(standing, subject)
    word = Word(version, what)
    after = standing
    if _counts(word, before):
        after = replace(standing, **{subject: word})  # type: ignore[arg-type]  # the subject is a field of words
    if event is OrderEvent.REFUNDED and _counts(Word(version, "refunded"), standing.refund):
        after = replace(after, refund=Word(version, "refunded"))
    if event is OrderEvent.REFUND_WITHDRAWN and after is not standing and standing.hand is OrderState.REFUNDING:
        after = replace(after, hand=None)  # a file said that it was being refunded; its marketplace knows better
    if after is not standing:
        return after, Hearing.APPLIED
    return standing, Hearing.REPEATED if before == word else Hearing.LATE


_MEANS = {
    OrderEvent.PAID: ("paid", "paid"),
    OrderEvent.HELD: ("review", "held"),
    OrderEvent.RELEASED: ("review", "released"),
    OrderEvent.ADDRESS_CHANGED: ("recipient", EVENT),
    OrderEvent.REFUND_OPENED: ("refund", "open"),
    OrderEvent.REFUND_WITHDRAWN: ("refund", "withdrawn"),
    OrderEvent.REFUNDED: ("ended", "refunded"),
    OrderEvent.CANCELLED: ("ended", "cancelled"),
    OrderEvent.SHIPPED: ("ended", "shipped"),
}


def after_put(standing: Standing, state: OrderState, version: int) -> tuple[Standing, Hearing]:
    """The standing once the order itself came at that version, in that state."""
    known = standing.contents
    if known is not None and version <= known.version:
        return standing, Hearing.REPEATED if version == known.version else Hearing.LATE
    return replace(standing, contents=Word(version, state.value)), Hearing.APPLIED


def brings(standing: Standing, version: int, source: str) -> bool:
    """Whether a recipient that `source` (PUT or EVENT) brings at that version is the one to keep."""
    return _counts(Word(version, source), standing.recipient)


def _counts(word: Word, before: Word | None) -> bool:
    if before is None:
        return True
    return (word.version, _CARE.get(word.what, 0)) > (before.version, _CARE.get(before.what, 0))

"""Which account a call means that names a carrier, a branch perhaps, and a sender, but no account of ours. No I/O.

ERPs know branches and addresses; accounts are our own. The sender decides: a parcel leaves from an approved address.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec import Struct

from miandan.accounts.model import Account, AccountState, Sender, ShipFrom, approved_among
from miandan.addresses import division_of
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_detail

MOST_NAMED = 5
"""Addresses or branches that a refusal names at most."""

MOST_CHOSEN = 64
"""Wishes of one card whose choice is kept: a shop sends from a handful of places."""

Place = tuple[str, ...]


class Wish(Struct, frozen=True):
    """What a call says: the carrier (our code), the sender, and branch or settlement code where it gives one.

    `street` is a town that the call keeps apart from the detail; an approved address may have it in either place.
    """

    carrier: str
    sender: Sender
    street: str = ""
    net_code: str = ""
    monthly_account: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that may be meant, with the detail alone and with the street in front of it."""
        plain = self.sender.place
        if not self.street:
            return (plain,)
        return (*plain[:3], "".join(self.street.split()) + plain[3]), plain


@dataclass(frozen=True, slots=True)
class Chosen:
    """The account and the approved address on it."""

    account: Account
    ship_from: ShipFrom


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """An account as the choice sees it. `left` are units that a take may still get, None where nothing limits them."""

    account: Account
    left: int | None
    senders: tuple[ShipFrom, ...]

    @property
    def window(self) -> tuple[str, str, str]:
        """Accounts that the trade calls one: own and shared ones at the same branch."""
        return self.account.branch_code, self.account.settlement_code, self.account.brand

    @property
    def turn(self) -> tuple[bool, bool, object, UUID]:
        """Which of several comes first: with units, own, oldest."""
        account = self.account
        return self.left is not None and self.left <= 0, account.shared, account.opened_at, account.account_id


class Card:
    """The accounts of one merchant at one carrier, ready for many choices; nothing in it changes, so a wish that comes
    again is answered as before."""

    def __init__(self, carrier: str, desks: Iterable[Desk]) -> None:
        self.carrier = carrier
        self.desks: Sequence[Desk] = sorted(desks, key=lambda desk: desk.turn)
        self._at: dict[Place, list[Desk]] = {}
        self._chosen: dict[Wish, Chosen] = {}
        for desk in self.desks:
            for place in dict.fromkeys(row.sender.place for row in desk.senders):
                self._at.setdefault(place, []).append(desk)

    def lent_by(self, owner_id: int) -> "Card":
        """Only what this merchant lent."""
        return Card(self.carrier, [desk for desk in self.desks if desk.account.owner_id == owner_id])

    def on_grants(self, grants: Collection[UUID]) -> "Card":
        """Only active accounts behind these grants."""
        return Card(self.carrier, [desk for desk in self.desks if _is_active(desk) and desk.account.grant_id in grants])

    def choose(self, wish: Wish) -> Chosen:
        """The one account that the wish means.

        Among several at one branch: one with units, then an own one, then the oldest. Raises account.none_fits,
        account.not_active, account.no_sender_fits (which names the approved ones), account.ambiguous.
        """
        known = self._chosen.get(wish)
        if known is None:
            known = self._choose(wish)
            if len(self._chosen) < MOST_CHOSEN:
                self._chosen[wish] = known
        return known

    def _choose(self, wish: Wish) -> Chosen:
        fitting = [desk for desk in self.desks if _fits(desk.account, wish)]
        if not fitting:
            raise Refusal(
                "account.none_fits", carrier=self.carrier, branch=wish.net_code or wish.monthly_account or "*"
            )
        active = [desk for desk in fitting if _is_active(desk)]
        if not active:
            account = fitting[0].account
            raise Refusal("account.not_active", account=str(account.account_id), state=account.state.value)
        here = self._sending_from(wish, active)
        if not here:
            raise Refusal("account.no_sender_fits", carrier=self.carrier, approved=_named(active))
        if len({desk.window for desk, _ in here}) > 1:
            raise Refusal("account.ambiguous", carrier=self.carrier, choices=_windows(desk for desk, _ in here))
        desk, place = here[0]
        return Chosen(desk.account, _person(desk, place, wish.sender))

    def _sending_from(self, wish: Wish, active: Sequence[Desk]) -> list[tuple[Desk, Place]]:
        for place in wish.places:
            here = [(desk, place) for desk in self._at.get(place, ()) if desk in active]
            if here:
                return here
        spelled = {_spelled(place) for place in wish.places} - {None}
        here = [
            (desk, place)
            for place, desks in self._at.items()
            if spelled and _spelled(place) in spelled
            for desk in desks
            if desk in active
        ]
        return sorted(here, key=lambda one: one[0].turn)


def _is_active(desk: Desk) -> bool:
    return desk.account.state is AccountState.ACTIVE


def _fits(account: Account, wish: Wish) -> bool:
    """An account at the head office has no branch code of its own, so a code in the call says nothing about it."""
    if wish.net_code and account.branch_code and account.branch_code != wish.net_code:
        return False
    return not wish.monthly_account or account.settlement_code == wish.monthly_account


def _spelled(place: Place) -> tuple[str, str] | None:
    """A place whose names may be short or long (浙江, 浙江省), as its code; None where they contradict."""
    code = division_of(*place[:3])
    return (code, place[3]) if code else None


def _person(desk: Desk, place: Place, sender: Sender) -> ShipFrom:
    province, city, district, detail = place
    wanted = Sender(sender.contact, sender.phone, province, city, district, detail)
    return approved_among(desk.senders, wanted, desk.account.account_id)


def _named(desks: Iterable[Desk]) -> str:
    """Approved places without unit and room, in the order of the accounts."""
    places = dict.fromkeys(row.sender.place for desk in desks for row in desk.senders)
    shown = ["".join((*place[:3], mask_detail(place[3]))) for place in list(places)[:MOST_NAMED]]
    return " / ".join(shown) or "-"


def _windows(desks: Iterable[Desk]) -> str:
    named = dict.fromkeys(" ".join(part for part in desk.window if part) or "-" for desk in desks)
    return ", ".join(list(named)[:MOST_NAMED])


def must_be_lent(card: Card, owner_id: int, grants: Collection[UUID]) -> Card:
    """What of the using merchant's card an owner may take on. Raises supply.nothing_lent, supply.share_not_active."""
    lent = card.lent_by(owner_id)
    if not lent.desks:
        raise Refusal("supply.nothing_lent", carrier=card.carrier)
    usable = lent.on_grants(grants)
    if not usable.desks:
        state = lent.desks[0].account.state.value
        raise Refusal("supply.share_not_active", carrier=card.carrier, state=_what_stops(state))
    return usable


def _what_stops(state: str) -> str:
    """An account that is active while its grant is not: the owner has asked for it back."""
    return "revoked" if state == AccountState.ACTIVE.value else state

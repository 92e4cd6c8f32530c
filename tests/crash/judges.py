"""What must hold after every race and every kill. Facts are read by SQL of our own; each judge names what is wrong.

No judge uses a service of the heart, so that a fault in it cannot hide itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from miandan.connectors.fake import Issue

Number = tuple[str, str]
"""Carrier and number."""

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaybillFact:
    """One row of `waybill`, as far as its number goes."""

    account_id: str
    state: str
    superseded: bool
    parent: str | None
    units: int

    @property
    def void(self) -> bool:
        """Whether someone who was answered this number may find that it is not the live one any more."""
        return self.superseded or self.state != "issued"


@dataclass(frozen=True, slots=True)
class AccountFact:
    """Where the units of an account are, by the rows that hold them."""

    carrier: str
    billing: str
    received: int
    available: int
    leased: int
    asked: int
    booked: int


@dataclass(frozen=True, slots=True)
class IntentFact:
    """One live call."""

    carrier: str
    state: str
    error: str | None
    unused: str | None
    """A number that came in vain and that the carrier did not take back yet."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the database says about one merchant's numbers."""

    live: Mapping[str, Number]
    keys_of: Mapping[Number, frozenset[str]]
    """Every key a number has or had."""
    rows_of: Mapping[Number, int]
    """How many waybills have the number, whoever's they are."""
    waybills: Mapping[Number, WaybillFact]
    accounts: Mapping[str, AccountFact]
    intents: Mapping[str, IntentFact]


_KEYS = "SELECT parcel_key, carrier, number, ended_at = 'infinity' AS live FROM parcel_key WHERE merchant_id = $1"

_WAYBILLS = """
    SELECT carrier, number, account_id::text, number_state, superseded_by IS NOT NULL AS superseded, parent_number,
           units
      FROM waybill
     WHERE merchant_id = $1
"""

_INTENTS = "SELECT intent_id::text, carrier, state, error_code, unused_number FROM live_intent WHERE merchant_id = $1"

_ACCOUNTS = """
    SELECT a.account_id::text, a.carrier, a.billing, a.received - a.reclaimed AS received, a.available,
           coalesce((SELECT sum(last - next + 1) FROM lease l
                      WHERE l.merchant_id = $1 AND l.account_id = a.account_id AND l.closed_at IS NULL), 0)::bigint
               AS leased,
           coalesce((SELECT sum(units) FROM live_intent i
                      WHERE i.merchant_id = $1 AND i.account_id = a.account_id AND i.state IN ('open', 'in_doubt')),
                    0)::bigint AS asked,
           coalesce((SELECT sum(units) FROM unit_entry e
                      WHERE e.merchant_id = $1 AND e.account_id = a.account_id), 0)::bigint AS booked
      FROM account a
     WHERE a.merchant_id = $1
"""

_TWICE = """
    SELECT w.carrier, w.number, count(*)::int AS rows
      FROM waybill w
     WHERE EXISTS (SELECT 1 FROM waybill mine
                    WHERE mine.merchant_id = $1 AND mine.carrier = w.carrier AND mine.number = w.number)
     GROUP BY w.carrier, w.number
"""


async def facts_of(connection: Any, merchant_id: int) -> Facts:
    """Read in one snapshot; `connection` is a plain asyncpg connection."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        keys = await connection.fetch(_KEYS, merchant_id)
        waybills = await connection.fetch(_WAYBILLS, merchant_id)
        intents = await connection.fetch(_INTENTS, merchant_id)
        accounts = await connection.fetch(_ACCOUNTS, merchant_id)
        twice = await connection.fetch(_TWICE, merchant_id)
    keys_of: dict[Number, set[str]] = defaultdict(set)
    for row in keys:
        keys_of[row["carrier"], row["number"]].add(row["parcel_key"])
    return Facts(
        {row["parcel_key"]: (row["carrier"], row["number"]) for row in keys if row["live"]},
        {number: frozenset(found) for number, found in keys_of.items()},
        {(row["carrier"], row["number"]): row["rows"] for row in twice},
        {
            (row["carrier"], row["number"]): WaybillFact(
                row["account_id"], row["number_state"], row["superseded"], row["parent_number"], row["units"]
            )
            for row in waybills
        },
        {
            row["account_id"]: AccountFact(
                *(row[name] for name in ("carrier", "billing", "received", "available", "leased", "asked", "booked"))
            )
            for row in accounts
        },
        {intent_id: IntentFact(*facts) for intent_id, *facts in intents},
    )


def wrong_with_units(facts: Facts) -> list[str]:
    """received - reclaimed = available + leased + allocated + waiting, and the ledger says the same."""
    held: Counter[str] = Counter()
    for waybill in facts.waybills.values():
        if waybill.state != "recycled":
            held[waybill.account_id] += waybill.units
    complaints = []
    for account_id, account in facts.accounts.items():
        found = account.available + account.leased + account.asked + held[account_id]
        if found != account.received:
            complaints.append(f"units of {account.carrier}: {account.received} received, {found} found in {account}")
        if account.booked != account.available:
            complaints.append(f"ledger of {account.carrier}: {account.booked} booked, {account.available} available")
        if account.billing == "prepaid" and account.available < 0:
            complaints.append(f"{account.carrier} gave away {-account.available} units that it did not have")
    return complaints


def wrong_with_numbers(facts: Facts) -> list[str]:
    """No number twice; a live key leads to a live number or to a call under way; a live number has its keys."""
    complaints = [f"{number} stands in {rows} waybills" for number, rows in facts.rows_of.items() if rows != 1]
    for key, (carrier, number) in facts.live.items():
        waybill = facts.waybills.get((carrier, number))
        if number.startswith("intent:"):
            intent = facts.intents.get(number.removeprefix("intent:"))
            if intent is None or intent.state not in ("open", "in_doubt"):
                complaints.append(f"{key} waits for a call that is {intent and intent.state}")
        elif waybill is None:
            complaints.append(f"{key} holds {number}, which is no waybill")
        elif waybill.superseded or waybill.state in ("cancelled", "recycled"):
            complaints.append(f"{key} holds {number}, which is {waybill}")
    living = set(facts.live.values())
    for issued, waybill in facts.waybills.items():
        if waybill.state == "issued" and not waybill.superseded and issued not in living:
            complaints.append(f"{issued} is issued and has no live key")
    return complaints


_FAULTY = ("carrier.number_repeated", "carrier.number_breaks_rule")


def wrong_with_books(facts: Facts, issued: Iterable[Issue], carrier: str) -> list[str]:
    """What the carrier believes it issued is what we know, but for calls whose outcome is in doubt.

    A number that came in vain must have been given back, or be on record as one that the carrier would not take; of
    one that broke its rule or was somebody else's, the carrier is told at most.
    """
    complaints = []
    alive: set[str] = set()
    for issue in issued:
        intent = facts.intents.get(issue.key)
        if intent is None:  # another merchant's
            continue
        waybill = facts.waybills.get((carrier, issue.number))
        if intent.state in ("open", "in_doubt"):
            continue
        if waybill is None and not issue.cancelled and intent.error not in _FAULTY and intent.unused is None:
            complaints.append(f"orphan: {carrier} issued {issue.number}, whose call is {intent.state}")
        if waybill is not None and issue.cancelled and waybill.state == "issued" and not waybill.superseded:
            complaints.append(f"{carrier} cancelled {issue.number}, which is live here")
        alive.add(issue.number)
    for (whose, number), waybill in facts.waybills.items():
        if whose == carrier and number not in alive:
            complaints.append(f"{number} is unknown to {carrier}: {waybill}")
    return complaints


@dataclass(frozen=True, slots=True)
class Given:
    """A parcel that was answered a number."""

    keys: Keys
    number: Number


def wrong_with_answers(facts: Facts, given: Sequence[Given], *, may_void: bool) -> list[str]:
    """Whoever got a number for a key got the live one; with cancels and retakes about, it may be void by now."""
    complaints = []
    parcels: dict[Number, set[Keys]] = defaultdict(set)
    for answer in given:
        parcels[answer.number].add(tuple(sorted(answer.keys)))
        waybill = facts.waybills.get(answer.number)
        if waybill is None:
            complaints.append(f"{answer.keys} was answered {answer.number}, which is lost")
            continue
        if not facts.keys_of.get(answer.number, frozenset()) >= set(answer.keys):
            complaints.append(f"{answer.keys} was answered {answer.number}, which is somebody else's")
        live = {facts.live.get(key) for key in answer.keys}
        if live != {answer.number} and not (may_void and waybill.void):
            complaints.append(f"{answer.keys} was answered {answer.number}, but {live} is live")
    complaints += [f"{number} was answered for {sets}" for number, sets in parcels.items() if len(sets) > 1]
    return complaints

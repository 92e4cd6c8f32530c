"""The judges are judged: each kind of broken promise is planted, and they see it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from miandan.connectors.fake import Issue
from miandan.waybills import service as waybills
from miandan.waybills.counter import Counter
from miandan.waybills.model import Outcome, Taken, TakeRequest
from tests.crash.era import Era, Worker, account_of, parcel
from tests.crash.ground import Ground, open_merchant
from tests.crash.judges import (
    AccountFact,
    Facts,
    Given,
    IntentFact,
    WaybillFact,
    facts_of,
    wrong_with_answers,
    wrong_with_books,
    wrong_with_numbers,
    wrong_with_units,
)
from tests.crash.kills import wrong_with_journal
from tests.crash.plans import race_plan
from tests.crash.races import open_arena, run_race
from tests.crash.steps import Journal, task_of

NUMBER = ("zto", "7001")
LIVE = WaybillFact("a", "issued", superseded=False, parent=None, units=1)
GOOD = Facts(
    live={"S/1": NUMBER},
    keys_of={NUMBER: frozenset({"S/1"})},
    rows_of={NUMBER: 1},
    waybills={NUMBER: LIVE},
    accounts={"a": AccountFact("zto", "prepaid", received=10, available=5, leased=4, asked=0, booked=5)},
    intents={},
)
ANSWER = Given(("S/1",), NUMBER)


def wrong(facts: Facts) -> list[str]:
    return wrong_with_numbers(facts) + wrong_with_units(facts) + wrong_with_answers(facts, [ANSWER], may_void=False)


def test_the_judges_have_nothing_against_a_world_in_order() -> None:
    assert wrong(GOOD) == []


@pytest.mark.parametrize(
    "broken",
    [
        replace(GOOD, rows_of={NUMBER: 2}),
        replace(GOOD, live={}),
        replace(GOOD, live={"S/1": ("zto", "7002")}),
        replace(GOOD, waybills={}),
        replace(GOOD, waybills={NUMBER: replace(LIVE, state="cancelled")}),
        replace(GOOD, waybills={NUMBER: replace(LIVE, superseded=True)}),
        replace(GOOD, keys_of={NUMBER: frozenset({"S/2"})}),
        replace(GOOD, accounts={"a": replace(GOOD.accounts["a"], available=6)}),
        replace(GOOD, accounts={"a": replace(GOOD.accounts["a"], leased=3)}),
        replace(GOOD, accounts={"a": replace(GOOD.accounts["a"], available=-1, leased=10, booked=-1)}),
        replace(GOOD, live={"S/1": NUMBER, "S/2": ("sf", "intent:i")}),
    ],
    ids=[
        "a number in two waybills", "a key lost", "another number live", "a waybill lost", "a cancelled number live",
        "a superseded number live", "another parcel's number", "a unit too many", "a unit lost", "units minted",
        "a key of a call that nobody makes",
    ],
)  # fmt: skip
def test_a_broken_world_is_seen(broken: Facts) -> None:
    assert wrong(broken)


def test_one_number_for_two_parcels_is_seen() -> None:
    assert wrong_with_answers(GOOD, [ANSWER, Given(("S/1", "S/2"), NUMBER)], may_void=False)


def test_an_orphan_at_the_carrier_is_seen_and_a_call_in_doubt_is_none() -> None:
    issued = [Issue("i", "SF1", 1, cancelled=False)]
    refused = replace(GOOD, intents={"i": IntentFact("sf", "refused", "carrier.lost", None)})
    in_doubt = replace(GOOD, intents={"i": IntentFact("sf", "in_doubt", None, None)})
    assert wrong_with_books(refused, issued, "sf")
    assert not wrong_with_books(in_doubt, issued, "sf")
    known = replace(in_doubt, waybills={**GOOD.waybills, ("sf", "SF2"): LIVE})
    assert wrong_with_books(known, [], "sf") == [f"SF2 is unknown to sf: {LIVE}"]


def test_a_number_that_was_answered_before_a_kill_and_is_gone_after_it_is_seen() -> None:
    task = task_of(1)
    kept = Journal(numbers={("S/1",): NUMBER})
    assert not wrong_with_journal(GOOD, kept, task)
    assert wrong_with_journal(replace(GOOD, live={}), kept, task)
    assert wrong_with_journal(GOOD, Journal(cancelled={NUMBER}), task)


def test_a_journal_that_contradicts_itself_is_seen(tmp_path: Path) -> None:
    line = '{{"said": "end", "caller": 0, "step": {}, "verb": "take", "given": [[["S/1"], "zto", "{}"]], "void": []}}'
    (tmp_path / "journal").write_text(f"{line.format(0, '7001')}\n{line.format(1, '7002')}\n", encoding="utf-8")
    assert Journal.read(tmp_path / "journal").wrong


@pytest.fixture(scope="module")
def era(ground: Ground) -> Any:
    with ground.era() as opened:
        yield opened


def test_a_database_without_the_unique_keys_is_caught_by_a_race(ground: Ground) -> None:
    """The promise rests on the unique constraints: without them the same races find double numbers."""

    async def races(era: Era) -> list[str]:
        async with era.judge() as judge:
            await judge.execute("ALTER TABLE parcel_key DROP CONSTRAINT parcel_key_pkey")
        async with open_arena(era) as arena:
            seeds = [seed for seed in range(1, 60) if race_plan(seed).kind == "same" and race_plan(seed).workers > 1]
            for seed in seeds[:5]:
                if found := await run_race(arena, seed):
                    return found
        return []

    with ground.era() as era:
        assert asyncio.run(races(era))


def test_a_heart_that_answers_before_it_has_committed_is_caught_by_a_race(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is answered although nothing was written is a lost number."""
    real = waybills.take

    async def hasty(counter: Counter, request: TakeRequest) -> list[Outcome]:
        outcomes = await real(counter, request)
        return [
            replace(one, ref=structs.replace(one.ref, number=f"{one.number[:-1]}X")) if isinstance(one, Taken) else one
            for one in outcomes
        ]

    async def race(era: Era) -> list[str]:
        async with open_arena(era) as arena:
            monkeypatch.setattr(waybills, "take", hasty)
            return await run_race(arena, 1)

    with ground.era() as era:
        assert asyncio.run(race(era))


async def take_one(worker: Worker, merchant_id: int) -> None:
    request = TakeRequest(merchant_id, *await account_of(worker.db, merchant_id, "yto"), (parcel("planted"),))
    [outcome] = await waybills.take(worker.counter, request)
    assert isinstance(outcome, Taken)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE account SET available = available + 1 WHERE merchant_id = $1",
        "DELETE FROM parcel_key WHERE merchant_id = $1",
        "DELETE FROM waybill WHERE merchant_id = $1",
        "UPDATE waybill SET number_state = 'cancelled' WHERE merchant_id = $1",
        "UPDATE lease SET next = first, closed_at = NULL WHERE merchant_id = $1",
    ],
)
def test_damage_planted_in_the_database_is_seen(era: Era, damage: str) -> None:
    async def judged() -> tuple[list[str], list[str]]:
        async with era.program() as [worker], era.judge() as judge:
            merchant_id = await open_merchant(worker.db, {"yto": 20})
            await take_one(worker, merchant_id)
            before = await facts_of(judge, merchant_id)
            await judge.execute(damage, merchant_id)
            after = await facts_of(judge, merchant_id)
        given = [Given(("S1/planted",), number) for number in before.waybills]
        return (
            wrong_with_numbers(before) + wrong_with_units(before) + wrong_with_answers(before, given, may_void=False),
            wrong_with_numbers(after) + wrong_with_units(after) + wrong_with_answers(after, given, may_void=False),
        )

    whole, damaged = asyncio.run(judged())
    assert whole == []
    assert damaged

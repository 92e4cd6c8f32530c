"""Chance against print jobs: agents that die, links that lose words, persons and events between. Paper is the witness.

An agent of these tests keeps its journal as the real one does: begun is on disk before the first byte, and after a kill
it says what its journal says. Whatever happens, no two papers of a number say the same copy, and each is accounted for.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from miandan.cli.check import check
from miandan.labels.agent_link import Outcome
from miandan.orders.standing import OrderEvent
from miandan.printing import jobs, sheets_life, stopping
from miandan.printing.job_model import Leased, PrintJob, PrintSheet, SheetState, Word, read_tag
from miandan.waybills.model import Taken
from tests.printing.conftest import Printery
from tests.printing.floor import LABELLER, PACKER, SECOND, Floor, Machine

MOVES = 200
SHEETS = 12


@dataclass(slots=True)
class Robot:
    """An agent: its journal by sheet, what it has not been able to say yet, and the paper below its printer."""

    floor: Floor
    machine: Machine
    chance: random.Random
    journal: dict[str, tuple[Leased, str, Word | None]] = field(default_factory=dict)
    unsaid: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    paper: list[tuple[str, int]] = field(default_factory=list)

    async def asks(self) -> None:
        for printer in (LABELLER, SECOND):
            for sheet in await self.floor.lease(self.machine, self.chance.randint(1, 4), printer):
                if self.chance.random() < 0.85:  # else it is lost on the way
                    self.journal[sheet.sheet_id] = (sheet, "got", None)

    async def begins(self) -> None:
        for sheet, step, _ in list(self.journal.values()):
            if step == "got" and self.chance.random() < 0.7:
                self.journal[sheet.sheet_id] = (sheet, "begun", None)
                self.paper.append((sheet.number, sheet.copy))
                self.unsaid.append(lambda sheet=sheet: self.floor.begun(self.machine, sheet))  # type: ignore[misc]

    async def ends(self) -> None:
        for sheet, step, _ in list(self.journal.values()):
            if step == "begun" and self.chance.random() < 0.6:
                self._end(sheet, Word(Outcome.PRINTED, self.chance.choice(("device", "sent_only"))))
            elif step == "got" and self.chance.random() < 0.05:
                self._end(sheet, Word(Outcome.FAILED, "", "labels.template_wrong"))

    async def gives_back(self) -> None:
        wanted = {tag for tag, _ in await stopping.stops_for(self.floor.db, self.machine.agent.agent_id)}
        for sheet, step, _ in list(self.journal.values()):
            if step == "got" and (sheet.sheet_id in wanted or self.chance.random() < 0.05):
                self._end(sheet, Word(Outcome.GIVEN_BACK))

    async def speaks(self) -> None:
        """Some of what waits is said, in order, and some of it twice."""
        for _ in range(self.chance.randint(0, len(self.unsaid))):
            say = self.unsaid.pop(0)
            await say()
            if self.chance.random() < 0.2:
                await say()

    async def dies(self) -> None:
        """A kill and a new start: what was unsaid in memory is gone, the journal speaks."""
        self.unsaid.clear()
        for sheet, step, word in list(self.journal.values()):
            if step == "begun":
                self.unsaid.append(lambda sheet=sheet: self.floor.begun(self.machine, sheet))  # type: ignore[misc]
                self._end(sheet, Word(Outcome.DOUBTFUL, "", "agent.stopped_while_printing"))
            elif step == "got":
                self._end(sheet, Word(Outcome.GIVEN_BACK))
            elif word is not None:
                self._end(sheet, word)
        holding = {read_tag(tag) for tag in self.journal}
        await sheets_life.holding(self.floor.desk, self.machine.agent, holding)

    def _end(self, sheet: Leased, word: Word) -> None:
        self.journal[sheet.sheet_id] = (sheet, "end", word)

        async def say() -> None:
            await sheets_life.report(self.floor.desk, self.machine.agent, read_tag(sheet.sheet_id), word)
            self.journal.pop(sheet.sheet_id, None)

        self.unsaid.append(say)


@dataclass(slots=True)
class Storm:
    """What persons and marketplaces do meanwhile."""

    floor: Floor
    chance: random.Random
    robots: list[Robot]
    taken: list[Taken]
    made: list[PrintJob]
    versions: dict[str, int] = field(default_factory=dict)

    async def orders_more(self) -> None:
        some = self.chance.sample(self.taken, 3)
        machine = self.chance.choice(self.robots).machine
        make = self.floor.make if self.chance.random() < 0.5 else self.floor.again
        made: Any = await make(machine, *some)
        if made.job is not None:
            self.made.append(made.job)

    async def handles_a_job(self) -> None:
        job = self.chance.choice(self.made)
        where = self.floor.desk, self.floor.merchant_id, job.job_id
        machine = self.chance.choice(self.robots).machine
        match self.chance.randrange(8):
            case 0:
                await jobs.pause(*where, PACKER)
            case 1 | 2 | 3:
                await jobs.resume(*where, PACKER)
            case 4 | 5 | 6:
                await jobs.move(*where, self.chance.choice((machine.printer, machine.second)), PACKER)
            case _:
                await jobs.cancel_rest(*where, PACKER)

    async def loses_patience(self) -> None:
        out = [one.sheet_id for one in await self._sheets() if one.state in (SheetState.LEASED, SheetState.SENT)]
        ids = self.chance.sample(out, min(2, len(out)))
        where = self.floor.desk, self.floor.merchant_id
        if self.chance.random() < 0.5:
            await sheets_life.take_back(*where, ids, PACKER)
        else:
            await sheets_life.declare_doubtful(*where, ids, PACKER)
        for sheet in await self._sheets():
            if sheet.state is SheetState.DOUBTFUL and self.chance.random() < 0.3:
                outcome = self.chance.choice((Outcome.PRINTED, Outcome.FAILED))
                await sheets_life.settle_doubt(*where, sheet.sheet_id, outcome, PACKER, "looked")

    async def hears_of_an_order(self) -> None:
        order = f"storm-{self.chance.randrange(SHEETS // 3)}"
        self.versions[order] = version = self.versions.get(order, 1) + 1
        event = self.chance.choice((OrderEvent.REFUND_OPENED, OrderEvent.REFUND_WITHDRAWN, OrderEvent.REFUND_WITHDRAWN))
        await self.floor.hears(order, event, version)
        if self.chance.random() < 0.7:
            await self.floor.events()

    async def _sheets(self) -> list[PrintSheet]:
        return [sheet for job in self.made for sheet in await self.floor.sheets(job)]

    async def blows(self) -> None:
        robot = self.chance.choice(self.robots)
        of_robot = (robot.asks, robot.begins, robot.begins, robot.ends, robot.gives_back, robot.speaks)
        of_others = (
            robot.dies,
            self.orders_more,
            self.orders_more,
            self.handles_a_job,
            self.loses_patience,
            self.hears_of_an_order,
        )
        await self.chance.choice(of_robot * 2 + of_others)()

    async def calms_down(self) -> list[PrintSheet]:
        """Every agent starts once more and says all that it has to say."""
        for robot in self.robots:
            await robot.dies()
            while robot.unsaid:
                await robot.unsaid.pop(0)()
        await self.floor.events()
        return await self._sheets()


SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(6, 60))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_two_papers_say_the_same_copy_and_each_is_accounted_for(printery: Printery, seed: int) -> None:
    async with printery.floor() as floor:
        chance = random.Random(seed)
        robots = [Robot(floor, await floor.machine(f"{n} 号机"), chance) for n in range(2)]
        ordered = [await floor.ordered(f"storm-{n}") for n in range(SHEETS // 3)]
        taken = ordered + await floor.many(SHEETS - len(ordered), f"storm{seed}")
        storm = Storm(floor, chance, robots, taken, [await floor.job(robots[0].machine, *taken)])
        for _ in range(MOVES):
            await storm.blows()
        sheets = await storm.calms_down()
        paper = [one for robot in robots for one in robot.paper]
        assert paper, "this storm has printed nothing"
        assert len(set(paper)) == len(paper), "two papers say the same copy"
        for number, copy in paper:
            mine = [one for one in sheets if (one.number, one.copy) == (number, copy)]
            assert not mine or mine[0].state in _MAY_BE_PAPER, (number, copy, mine[0].state)
        told = {(one.number, one.copy) for one in sheets if one.state is SheetState.PRINTED}
        by_hand = {(one.number, one.copy) for one in sheets if one.decided_by == "person"}
        assert told - by_hand <= set(paper), "printed, and there is no paper"
        assert not [one for one in sheets if one.state in (SheetState.LEASED, SheetState.SENT)]
        copies = {one.number: await floor.copies(one) for one in taken}
        assert all(copy <= copies[number] for number, copy in paper)
        report = await check(floor.db)
        assert report.ok, report.broken


_MAY_BE_PAPER = (SheetState.PRINTED, SheetState.DOUBTFUL, SheetState.FAILED)
"""Where a sheet stands that a robot has printed; failed only by a person's word."""

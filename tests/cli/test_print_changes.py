"""`miandan print-jobs` after something broke: jobs paused, moved, cancelled; sheets settled, printed again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miandan.kernel.settings import Settings
from miandan.labels.agent_link import Outcome, PrinterSaid
from miandan.printing import job_views, leasing, pairing, printers, sheets_life
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import Leased, Word, read_tag
from miandan.printing.model import Agent, AgentOwner, OwnerKind
from miandan.server.house import open_hall
from tests.cli.clerk import Clerk, Done
from tests.orders.tables import order_row

ONE, TWO = "标签机 1", "标签机 2"
T = TypeVar("T")


@dataclass(slots=True)
class Bench:
    """A clerk with numbers that a file has printed, and an agent that does what the test says."""

    clerk: Clerk
    agents: list[Agent] = field(default_factory=list)

    def at_desk(self, work: Callable[[PrintDesk], Awaitable[T]]) -> T:
        async def run() -> T:
            async with open_hall(Settings.from_environment(self.clerk.environment)) as hall:
                return await work(hall.printing)

        return asyncio.run(run())

    def pair(self, *names: str) -> Agent:
        async def work(desk: PrintDesk) -> Agent:
            owner = AgentOwner(OwnerKind.MERCHANT, 1001)
            code = await pairing.make_pairing_code(desk.db, owner, "test")
            key = X25519PrivateKey.generate().public_key().public_bytes_raw()
            agent = await pairing.pair(desk.db, code.text, "一号机", key, bytes(range(32)))
            await printers.say_printers(desk.db, agent, [PrinterSaid(name) for name in names])
            return agent

        self.agents.append(self.at_desk(work))
        return self.agents[-1]

    def leased(self, printer: str = ONE, room: int = 50) -> list[Leased]:
        return self.at_desk(lambda desk: leasing.lease_next(desk, self.agents[0], printer, room))

    def report(self, outcome: Outcome, *sheets: Leased) -> None:
        async def work(desk: PrintDesk) -> None:
            for sheet in sheets:
                tag, proof = read_tag(sheet.sheet_id), "device" if outcome is Outcome.PRINTED else ""
                await sheets_life.begun(desk, self.agents[0], tag)
                await sheets_life.report(desk, self.agents[0], tag, Word(outcome, proof, "agent.cable"))

        self.at_desk(work)

    def run(self, *words: str) -> Done:
        return self.clerk.run("print-jobs", *words, "--merchant", "1001")

    def ok(self, *words: str) -> Done:
        done = self.run(*words)
        assert done.code == 0, done.err
        return done

    def sheets(self, job: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ok("show", job, "--json").out)
        return found

    def states(self, job: str) -> list[str]:
        return [sheet["state"] for sheet in self.sheets(job)]

    def job(self, *numbers: str, printer: str = ONE) -> str:
        """The last line is the job's id: nothing else stands on standard output."""
        return self.ok("reprint", *numbers, "--reason", "damaged", "--printer", printer).out.strip()


def bench(clerk: Clerk, orders: int) -> tuple[Bench, list[str]]:
    clerk.orders(*(order_row(place) for place in range(1, orders + 1)))
    assert clerk.ship("--carrier", "zto").code == 0
    made = Bench(clerk)
    made.pair(ONE, TWO)
    return made, list(clerk.numbers().values())


def test_a_job_that_broke_in_the_middle_is_settled_and_printed_again_by_two_commands(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 4)
    job = table.job(*numbers)
    first, *broken = table.leased()
    table.report(Outcome.PRINTED, first)
    table.report(Outcome.DOUBTFUL, *broken)
    done = table.ok("settle", "--job", job, "failed")
    assert "3 张" in done.err
    assert [number in done.out for number in numbers] == [False, True, True, True]
    assert table.states(job) == ["printed", "failed", "failed", "failed"]
    assert "没有存疑" in table.ok("settle", "--job", job, "printed").err

    again = table.ok("reprint", "--job", job, "--reason", "doubtful").out.strip()
    assert [sheet["number"] for sheet in table.sheets(again)] == numbers[1:]
    assert "没有要补打" in table.ok("reprint", "--job", job, "--reason", "doubtful").err, "they are on their way"
    table.report(Outcome.PRINTED, *table.leased())
    assert [sheet["copy"] for sheet in table.sheets(again)] == [3, 3, 3], "a file printed copy 1"
    assert table.ok("reprint", "--job", job, "--reason", "doubtful").out == ""


def test_what_failed_is_printed_again_as_its_job_printed_it(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 1)
    why = ("--reason", "damaged")
    job = table.ok("reprint", *numbers, *why, "--printer", ONE, "--template", "zto-100x180").out.strip()
    table.report(Outcome.FAILED, *table.leased())
    assert table.run("reprint", "--job", job, *why, "--template", "x").error_code == "printing.template_gone"
    again = table.ok("reprint", "--job", job, *why, "--printer", TWO).out.strip()

    async def told(desk: PrintDesk) -> list[tuple[str, str]]:
        cards = [await job_views.job_card(desk.db, 1001, UUID(one)) for one in (job, again)]
        return [(card.job.template.partition("@")[0], card.job.printer) for card in cards]

    assert table.at_desk(told) == [("zto-100x180", ONE), ("zto-100x180", TWO)]


def test_sheets_are_settled_by_id_number_and_copy_each_by_itself(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 3)
    job = table.job(*numbers)
    table.report(Outcome.DOUBTFUL, *table.leased())
    ids = [sheet["sheet"] for sheet in table.sheets(job)]
    some = table.run("settle", ids[0], f"{numbers[1]}#2", str(uuid4()), "12345678", "printed")
    assert some.code == 2
    assert some.err.count("[printing.sheet_unknown]") == 2
    assert table.states(job) == ["printed", "printed", "doubtful"]
    table.ok("settle", ids[0], numbers[1], "printed")
    refused = table.run("settle", ids[0], "failed")
    assert (refused.code, refused.error_code) == (1, "printing.not_doubtful")

    later = table.job(numbers[2])
    table.report(Outcome.DOUBTFUL, *table.leased())
    assert table.run("settle", numbers[2], "failed").error_code == "printing.several_sheets"
    table.ok("settle", f"{numbers[2]}#3", "failed")
    table.ok("settle", numbers[2], "printed")
    assert (table.states(job)[2], table.states(later)) == ("printed", ["failed"])


def test_a_job_is_paused_resumed_moved_and_cancelled_at_the_keyboard(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 3)
    job = table.job(*numbers)
    assert "已暂停" in table.ok("pause", job).err
    assert table.leased() == []
    assert "等待" in table.ok("resume", job).err
    table.ok("move", job, "--printer", TWO)
    assert table.leased() == []
    [begun] = table.leased(TWO, 1)
    table.report(Outcome.PRINTED, begun)
    assert "2 张" in table.ok("cancel-rest", job).err
    assert table.states(job) == ["printed", "cancelled", "cancelled"]
    for command in ("pause", "resume", "cancel-rest"):
        assert table.run(command, str(uuid4())).error_code == "printing.job_unknown"
    assert table.run("move", job, "--printer", "没有的").error_code == "printing.printer_unknown"


def test_sheets_of_a_silent_agent_are_taken_back_or_declared_all_at_once(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 3)
    job = table.job(*numbers)
    assert len(table.leased()) == 3
    assert "1 张" in table.ok("take-back", numbers[0]).err
    assert "2 张" in table.ok("doubt", "--job", job).err
    assert table.states(job) == ["queued", "doubtful", "doubtful"]
    assert "没有可收回" in table.ok("take-back", "--job", job).err
    assert "没有变化" in table.ok("doubt", "--job", job).err


def test_what_is_unclear_at_the_keyboard_is_asked_and_changes_nothing(clerk: Clerk) -> None:
    table, numbers = bench(clerk, 1)
    why = ("--reason", "damaged")
    for words in (("settle", "failed"), ("settle", "x", "failed", "--job", "x"), ("doubt",), ("take-back",)):
        assert table.run(*words).error_code == "print_jobs.which"
    assert table.run("reprint", *why).error_code == "print_jobs.which"
    assert table.run("reprint", numbers[0], *why).error_code == "print_jobs.no_printer"
    assert table.run("reprint", "12345678", *why, "--printer", ONE).error_code == "printing.scan_not_ours"
    assert table.run("reprint", numbers[0], "--reason", "x", "--printer", ONE).error_code == "printing.reason_unknown"
    assert table.run("settle", "--job", str(uuid4()), "failed").error_code == "printing.job_unknown"
    second = table.pair(ONE)
    assert table.run("reprint", numbers[0], *why, "--printer", ONE).error_code == "printing.several_printers"
    assert json.loads(table.ok("list", "--json").out) == []
    made = table.ok("reprint", numbers[0], *why, "--printer", ONE, "--agent", str(second.agent_id)).out
    assert UUID(made.strip())
    waiting = table.run("reprint", numbers[0], *why, "--printer", TWO)
    assert (waiting.code, waiting.error_code) == (1, "printing.sheet_waiting")

"""What components printed from print data stays in the journal until the server has answered, whatever happens."""

from pathlib import Path
from typing import Any

from miandan.agent import data_sheets as module
from miandan.agent.data_sheets import DataSheets
from miandan.agent.journal import Journal, Slip, open_journal
from miandan.agent.log import Log
from miandan.labels.agent_link import DataOf, DataSheet, Evidence, NotTaken, Outcome

DATA = DataOf("1001", "yto", 3, "task", "app:1 https://erp.example")


def slip(name: str = "key-1of1.aa", data: DataOf | None = DATA) -> Slip:
    return Slip(name, "一号", 2, "", 1, "YT7654321000001", "component", data)


class Bench:
    """A journal with what is told out of it."""

    def __init__(self, path: Path) -> None:
        self.journal: Journal = open_journal(path)
        self.journal.start()
        self.log = Log(None)
        self.sheets = DataSheets(self.journal, self.log)
        self.said: list[Any] = []
        self.sheets.say = self.said.append

    async def ends(
        self, slip: Slip, outcome: Outcome = Outcome.PRINTED, *, begun: bool = True, heard: bool = True
    ) -> None:
        self.journal.got(slip)
        if begun:
            await self.journal.begun(slip)
        how = self.journal.end(slip, outcome, Evidence.DEVICE if outcome is Outcome.PRINTED else Evidence.NONE, "code")
        self.sheets.ended(slip, how, has_begun=begun, is_heard=heard)

    @property
    def names(self) -> list[str]:
        return [one.sheet_id for one in self.said]


async def test_it_is_told_again_over_each_link_and_after_a_restart_until_it_is_answered(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.jsonl")
    await bench.ends(slip())
    [said] = bench.said
    assert isinstance(said, DataSheet)
    assert (said.data, said.number, said.copy, said.evidence) == (DATA, "YT7654321000001", 2, Evidence.DEVICE)
    assert list(bench.sheets.opening()) == [said]
    await bench.journal.close()  # the answer never came

    again = Bench(tmp_path / "journal.jsonl")
    assert list(again.sheets.opening()) == [said]
    assert again.sheets.on_settled(said.sheet_id)
    assert not again.sheets.waits
    await again.journal.close()
    last = Bench(tmp_path / "journal.jsonl")
    assert last.journal.open_sheets == []
    await last.journal.close()


async def test_only_what_may_be_on_paper_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.jsonl")
    await bench.ends(slip("a", data=None))
    await bench.ends(slip("b"), Outcome.GIVEN_BACK, begun=False)
    await bench.ends(slip("c"), Outcome.FAILED, begun=False)
    assert bench.said == []
    assert bench.journal.open_sheets == []
    await bench.ends(slip("d"), Outcome.FAILED)
    await bench.ends(slip("e"), Outcome.DOUBTFUL)
    assert bench.names == ["d", "e"]
    await bench.journal.close()


async def test_a_refusal_settles_it_and_stands_in_the_log(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.jsonl")
    await bench.ends(slip())
    bench.sheets.on_not_taken(NotTaken("key-1of1.aa", "printing.component_sheet_refused", "没有计入", "not counted"))
    assert bench.journal.open_sheets == []
    [line] = bench.log.errors
    assert "printing.component_sheet_refused" in line
    assert "YT7654321000001" in line
    await bench.journal.close()


async def test_thousands_are_told_some_at_a_time(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    bench = Bench(tmp_path / "journal.jsonl")
    for place in range(8):
        await bench.ends(slip(f"s{place}"))
    assert bench.names == ["s0", "s1", "s2"]
    while bench.sheets.waits:
        assert bench.sheets.on_settled(bench.names[len(bench.names) - len(bench.sheets._under_way)])
        assert len(bench.sheets._under_way) <= 3
    assert bench.names == [f"s{place}" for place in range(8)]
    await bench.journal.close()


async def test_what_its_page_did_not_hear_is_there_for_the_next_run_although_the_server_knows(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "journal.jsonl")
    await bench.ends(slip(), heard=False)
    assert bench.sheets.on_settled("key-1of1.aa")
    assert not bench.sheets.waits
    assert list(bench.sheets.opening()) == []
    assert len(bench.journal.open_sheets) == 1
    await bench.journal.close()

"""What the journal says after a kill at each point, after a torn write, and while the disk is full."""

import asyncio
import errno
import os
import random
import threading
from pathlib import Path

import pytest

from miandan.agent import journal as journals
from miandan.agent.journal import Entry, Journal, Slip, Step, after_a_kill, open_journal, read_lines
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence, Outcome

SLIP = Slip("1.aa.1", "一号", 2, "job", 7, "YT0001")


def slip(place: int) -> Slip:
    return Slip(f"1.{place:02}.1", "一号", 1, "job", place, f"YT{place:04}")


def left(path: Path) -> list[Entry]:
    """What the next run finds."""
    entries, _ = read_lines(path.read_bytes())
    return list(entries.values())


async def opened(path: Path) -> Journal:
    found = open_journal(path)
    found.start()
    return found


async def on_disk(journal: Journal) -> None:
    """Until everything that was said is written; `begun` is the one that waits."""
    await journal.begun(Slip("barrier", "一号"))
    journal.end(Slip("barrier", "一号"), Outcome.FAILED)
    journal.settled("barrier", Outcome.FAILED)


async def test_each_step_is_there_again_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    journal.got(SLIP)
    await on_disk(journal)
    [entry] = [one for one in left(path) if one.slip == SLIP]
    assert (entry.step, after_a_kill(entry).outcome) == (Step.GOT, Outcome.GIVEN_BACK)

    await journal.begun(SLIP)
    [entry] = [one for one in left(path) if one.slip == SLIP]
    assert (entry.step, after_a_kill(entry).outcome) == (Step.BEGUN, Outcome.DOUBTFUL)

    journal.end(SLIP, Outcome.PRINTED, Evidence.DEVICE)
    await on_disk(journal)
    [entry] = [one for one in left(path) if one.slip == SLIP]
    assert after_a_kill(entry).outcome is Outcome.PRINTED
    assert after_a_kill(entry).evidence is Evidence.DEVICE

    assert journal.settled(SLIP.sheet_id, Outcome.PRINTED)
    await journal.close()
    assert left(path) == []


async def test_a_sheet_that_had_begun_in_vain_is_failed_and_not_given_back(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.jsonl")
    journal.got(SLIP)
    await journal.begun(SLIP)
    journal.unsent(SLIP)
    await journal.close()
    [entry] = left(tmp_path / "journal.jsonl")
    assert after_a_kill(entry).outcome is Outcome.FAILED


async def test_begun_is_on_the_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def to_disk(file: int) -> None:
        os.fsync(file)
        synced.append(os.fstat(file).st_size)

    monkeypatch.setattr(journals, "_to_disk", to_disk)
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    journal.got(SLIP)
    await journal.begun(SLIP)
    assert synced
    assert synced[-1] == path.stat().st_size
    await journal.close()


async def test_sheets_that_begin_together_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def to_disk(file: int) -> None:
        nonlocal count
        os.fsync(file)
        count += 1

    monkeypatch.setattr(journals, "_to_disk", to_disk)
    journal = await opened(tmp_path / "journal.jsonl")
    await asyncio.gather(*(journal.begun(slip(place)) for place in range(50)))
    await journal.close()
    assert count <= 3
    assert len(left(tmp_path / "journal.jsonl")) == 50


@pytest.mark.parametrize("seed", range(20))
async def test_a_write_that_was_torn_anywhere_costs_its_last_line_only(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    for place in range(10):
        journal.got(slip(place))
        await journal.begun(slip(place))
    await journal.close()
    whole = path.read_bytes()
    cut = random.Random(seed).randrange(len(whole))
    path.write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    assert len(left(path)) == (lines + 1) // 2
    again = await opened(path)
    assert path.stat().st_size == whole[:cut].rfind(b"\n") + 1
    again.got(SLIP)
    await again.close()
    assert left(path)[-1].slip == SLIP  # what is written next is not glued to the torn piece


async def test_a_tail_of_zeros_after_a_power_cut_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    await journal.begun(SLIP)
    await journal.close()
    path.write_bytes(path.read_bytes() + bytes(4096))
    again = await opened(path)
    assert [one.step for one in again.open_sheets] == [Step.BEGUN]
    await again.close()
    assert b"\0" not in path.read_bytes()


async def test_a_damaged_line_in_the_middle_turns_what_was_open_into_doubt(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    journal.got(slip(1))
    journal.got(slip(2))
    journal.end(slip(2), Outcome.PRINTED, Evidence.DEVICE)
    await journal.begun(slip(1))
    journal.got(slip(3))
    await journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"#" * (len(lines[3]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    outcomes = {one.slip.place: after_a_kill(one).outcome for one in left(path)}
    assert outcomes == {1: Outcome.DOUBTFUL, 2: Outcome.PRINTED, 3: Outcome.GIVEN_BACK}


async def test_only_the_outcome_that_was_reported_last_is_settled(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.jsonl")
    journal.got(SLIP)
    assert not journal.settled(SLIP.sheet_id, Outcome.GIVEN_BACK)
    journal.end(SLIP, Outcome.GIVEN_BACK)
    journal.got(SLIP)  # it came again before the answer to the first report
    assert not journal.settled(SLIP.sheet_id, Outcome.GIVEN_BACK)
    journal.end(SLIP, Outcome.PRINTED, Evidence.SENT_ONLY)
    assert not journal.settled(SLIP.sheet_id, Outcome.GIVEN_BACK)
    assert journal.settled(SLIP.sheet_id, Outcome.PRINTED)
    await journal.close()


async def test_the_first_word_about_an_end_counts(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.jsonl")
    journal.got(SLIP)
    journal.end(SLIP, Outcome.GIVEN_BACK, reason="agent.recalled")
    assert journal.end(SLIP, Outcome.PRINTED, Evidence.DEVICE).outcome is Outcome.GIVEN_BACK
    await journal.close()


async def test_a_full_disk_lets_nothing_begin_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    journal = await opened(path)
    journal.got(slip(1))
    await journal.begun(slip(1))
    good = path.read_bytes()
    write, full = os.write, True

    def half(file: int, data: memoryview) -> int:
        if not full:
            return write(file, data)
        if len(data) > 10:
            return write(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    disk, append = threading.Lock(), journals.append

    def alone(file: int, size: int, lines: bytes, *, sync: bool) -> None:
        with disk:
            append(file, size, lines, sync=sync)

    monkeypatch.setattr(os, "write", half)
    monkeypatch.setattr(journals, "append", alone)
    waiting = asyncio.create_task(journal.begun(slip(2)))
    async with asyncio.timeout(60):
        while journal.trouble is None:  # noqa: ASYNC110  the journal tells nobody
            await asyncio.sleep(0.01)
    assert not waiting.done()
    assert isinstance(journal.trouble, Refusal)
    assert journal.trouble.code == "agent.journal_full"
    with disk:  # it tries again and again, and writes half a line each time
        assert path.read_bytes() == good  # no half a line stays
    full = False
    await asyncio.wait_for(waiting, 60)
    assert journal.trouble is None
    await journal.close()
    assert [one.slip.place for one in left(path)] == [1, 2]


async def test_a_journal_that_has_grown_keeps_what_is_open_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "COMPACT_BYTES", 20_000)
    path = tmp_path / "journal.jsonl"
    journal = await opened(path)
    await journal.begun(SLIP)
    for place in range(300):
        journal.got(slip(place))
        await journal.begun(slip(place))
        journal.end(slip(place), Outcome.PRINTED, Evidence.DEVICE)
        journal.settled(slip(place).sheet_id, Outcome.PRINTED)
        assert path.stat().st_size < 25_000
        assert SLIP in [one.slip for one in left(path)]
    await journal.close()
    assert [one.slip for one in left(path)] == [SLIP]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_many_sheets_that_are_open_are_not_written_anew_at_every_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "COMPACT_BYTES", 2_000)
    anew, replace = 0, Journal._replace

    def counted(self: Journal, content: bytes) -> None:
        nonlocal anew
        anew += 1
        replace(self, content)

    monkeypatch.setattr(Journal, "_replace", counted)
    journal = await opened(tmp_path / "journal.jsonl")
    for place in range(100):
        journal.got(slip(place))
    for place in range(100):
        await journal.begun(slip(place))
    await journal.close()
    assert anew <= 3
    assert len(left(tmp_path / "journal.jsonl")) == 100


async def test_a_journal_that_cannot_be_opened_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(Refusal) as refused:
        open_journal(tmp_path / "journal.jsonl")
    assert refused.value.code == "agent.journal_unusable"

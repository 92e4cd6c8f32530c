"""The same again: answered with what is known, asked about, or printed as a copy; never swallowed with a success."""

import asyncio
import errno
import json
import os
import time
from copy import deepcopy
from pathlib import Path

import pytest

from miandan.agent.bench import Bench
from miandan.agent.components.ledger import Entry, Ledger, State
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import MediaType, Outcome, SheetRef
from miandan.kernel.errors import Refusal
from tests.agent.components.bench import NAME, PHONE, ROOM, Counter, counter, document, task


async def answered(desk: Counter, answer: str) -> str:
    """Answer the one question that comes up; which label it was about."""
    for _ in range(1_200):
        if found := desk.components.questions.open():
            [(name, question)] = found.items()
            desk.components.questions.answer(name, answer)  # type: ignore[arg-type]
            return question.number
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was asked")


async def test_the_same_task_again_is_answered_with_what_is_known(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        wanted = task(document(), document())
        for _ in range(3):
            async with desk.page("doudian") as page:
                assert (await page.ask("print", task=wanted))["status"] == "success"
                last = (await page.until("printed"))[-1]
                assert [row["status"] for row in last["printStatus"]] == ["success"] * 2
        assert len(desk.papers()) == 2


async def test_many_at_once_of_the_same_task_print_once(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        wanted = task(document())

        async def once() -> None:
            async with desk.page("doudian") as page:
                await page.ask("print", task=wanted)
                await page.until("printed")

        await asyncio.gather(*(once() for _ in range(10)))
        assert len(desk.papers()) == 1


async def test_a_further_document_of_a_known_task_is_printed(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        first, second = document(), document()
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(first, task_id="t"))
            await page.until("printed")
            await page.ask("print", task=task(first, second, task_id="t"))
            assert len((await page.until("printed"))[-1]["printStatus"]) == 2
        assert len(desk.papers()) == 2


async def test_other_content_under_the_same_names_is_refused(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        first = document("73190000000001", documentID="1")
        second = document("73190000000002", documentID="1")
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(first, task_id="t"))
            await page.until("printed")
            await page.ask("print", task=task(second, task_id="t"))
            last = (await page.until("failed"))[-1]
            assert "agent.component_same_name" in last["printStatus"][0]["msg"]
        assert len(desk.papers()) == 1


async def test_the_same_label_in_other_words_is_the_same_document(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        first = document()
        second = deepcopy(first)
        second["contents"][0]["signature"] = "MD:another"
        async with desk.page("doudian") as page:
            for one in (first, second):
                await page.ask("print", task=task(one, task_id="t"))
                await page.until("printed")
        assert len(desk.papers()) == 1


@pytest.mark.parametrize(("answer", "papers"), [("print", 2), ("skip", 1), ("", 1)])
async def test_the_same_label_under_a_new_task_is_asked_about(tmp_path: Path, answer: str, papers: int) -> None:
    async with counter(tmp_path, "cainiao", answer_seconds=60 if answer else 0.5) as desk:
        desk.allow()
        one = document()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task(one))
            await page.until("printed")
            again = task(one)
            await page.ask("print", task=again)
            if answer:
                assert await answered(desk, answer) == one["documentID"]
            last = (await page.until("printed" if papers == 2 else "failed"))[-1]
            if papers == 1:
                assert "agent.component_duplicate" in last["printStatus"][0]["msg"]
                await page.ask("print", task=again)  # what failed left no paper, so it is asked about again
                if answer:
                    await answered(desk, "print")
                    await page.until("printed")
                    papers = 2
                else:
                    await page.until("failed")
        assert len(desk.papers()) == papers
        assert desk.components.questions.open() == {}


async def test_a_page_may_be_set_to_print_copies_that_say_so(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", component={"cainiao": {"duplicates": "copy"}}) as desk:
        desk.allow()
        one = document()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            for _ in range(3):
                await page.ask("print", task=task(one))
                await page.until("printed")
        contents = [path.read_bytes() for path in desk.papers()]
        assert len(set(contents)) == 3  # each says which copy it is
        journal = [json.loads(line) for line in (desk.folder / "journal.jsonl").read_text().splitlines()]
        assert [one.get("copy", 1) for one in journal if one["step"] == "got"] == [1, 2, 3]


async def test_copies_of_one_document_count_on(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(document(copy=3)))
            last = (await page.until("printed"))[-1]
            assert (last["printStatus"][0]["successCount"], last["printStatus"][0]["failCount"]) == (3, 0)
        assert len({path.read_bytes() for path in desk.papers()}) == 3


async def test_two_tasks_at_once_with_the_same_label_do_not_both_print_unasked(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", answer_seconds=0.6) as desk:
        desk.allow()
        one = document()
        async with (
            desk.page("cainiao", query="?notices=0.x") as page,
            desk.page("cainiao", query="?notices=0.x") as two,
        ):
            await asyncio.gather(page.ask("print", task=task(one)), two.ask("print", task=task(one)))
            ends = [await side.until_end() for side in (page, two)]
            assert sorted(ends) == ["failed", "printed"]
        assert len(desk.papers()) == 1


async def test_after_ten_minutes_a_new_task_prints_the_next_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        one = document()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task(one))
            await page.until("printed")
            monkeypatch.setattr("miandan.agent.components.ledger.AGAIN_SECONDS", 0)
            await page.ask("print", task=task(one))
            await page.until("printed")
        first, second = desk.papers()
        assert first.read_bytes() != second.read_bytes()


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    wanted = task(document(), document())
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=wanted)
            await page.until("printed")
    async with counter(tmp_path, "doudian", answer_seconds=0.3) as desk, desk.page("doudian") as page:
        rows = (await page.ask("getTaskStatus", taskID=[wanted["taskID"]]))["printStatus"][0]["detailStatus"]
        assert [row["documentID"] for row in rows] == [one["documentID"] for one in wanted["documents"]]
        assert {row["status"] for row in rows} == {"success"}
        await page.ask("print", task=wanted)
        await page.until("printed")
        await page.ask("print", task=task(*wanted["documents"]))
        assert "agent.component_duplicate" in (await page.until("failed"))[-1]["printStatus"][0]["msg"]
        assert len(desk.papers()) == 2


async def test_what_was_under_way_at_a_kill_is_in_doubt_and_never_printed_unasked(tmp_path: Path) -> None:
    ours = tmp_path / "agent" / "components"
    wanted = task(document())
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=wanted)
            await page.until("printed")
    lines = (ours / "ledger.jsonl").read_bytes().splitlines()
    begun = json.loads(lines[-1]) | {"state": "pending"}
    (ours / "ledger.jsonl").write_bytes(json.dumps(begun).encode() + b'\n{"key": "cut by a k')
    async with counter(tmp_path, "doudian", answer_seconds=0.3) as desk, desk.page("doudian") as page:
        await page.ask("print", task=wanted)
        last = (await page.until("failed"))[-1]
        assert "agent.component_doubtful" in last["printStatus"][0]["msg"]
        await page.ask("print", task=task(*wanted["documents"]))
        assert "agent.component_duplicate" in (await page.until("failed"))[-1]["printStatus"][0]["msg"]
        assert len(desk.papers()) == 1


async def test_the_ledger_says_nothing_of_anybody(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    other = Ledger.open(tmp_path / "other")
    assert ledger.digest("content", PHONE) != other.digest("content", PHONE)
    assert ledger.digest("a", "bc") != ledger.digest("ab", "c")
    assert ledger.unlocked(ledger.locked("运单 1")) == "运单 1"
    assert other.unlocked(ledger.locked("运单 1")) == ""
    assert (tmp_path / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ledger.jsonl").stat().st_mode & 0o777 == 0o600


def written(key: str, state: State, age: float = 0.0) -> Entry:
    return Entry(key, "task", "raw", key, state, time.time() - age)


async def test_a_disk_that_was_full_costs_no_other_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, write = Ledger.open(tmp_path), os.write

    def half(file: int, data: memoryview) -> int:
        if len(data) > 10:
            return write(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    await ledger.write(written("a", State.PENDING))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            await ledger.write(written("b", State.PENDING))
    await ledger.write(written("c", State.PENDING))
    again = Ledger.open(tmp_path)
    assert [again.entry(key) is not None for key in "abc"] == [True, False, True]


async def test_a_ledger_of_an_agent_that_runs_for_long_keeps_what_is_known_and_not_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(tmp_path)
    await ledger.write(written("old", State.PRINTED, age=7_200))
    monkeypatch.setattr("miandan.agent.components.ledger.SPARE_LINES", 30)
    monkeypatch.setattr("miandan.agent.components.ledger.KEPT_SECONDS", 3_600)
    ledger.reserve(written("reserved", State.PENDING))
    for _ in range(50):
        await ledger.write(written("same", State.PENDING))
        await ledger.write(written("same", State.PRINTED))
        assert len((tmp_path / "ledger.jsonl").read_bytes().splitlines()) < 40
    assert ledger.entry("old") is None
    assert ledger.entry("reserved") is not None
    again = Ledger.open(tmp_path)
    assert [again.entry(key) for key in ("old", "reserved")] == [None, None]
    assert again.entry("same") == ledger.entry("same")
    assert (tmp_path / "ledger.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["png", "pdf"])
async def test_no_person_is_left_in_the_agents_folder(tmp_path: Path, kind: str) -> None:
    form = MediaType.PNG if kind == "png" else MediaType.PDF
    async with counter(tmp_path, "doudian", "jd", kind=form, answer_seconds=0.3) as desk:
        desk.allow()
        one = document()
        named = document(documentID=NAME)  # a page that names its documents after people
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(one, named, task_id=PHONE))
            await page.until("printed")
            await page.ask("print", task=task(one))
            await page.until("failed")
            await page.ask("print", task=task(document(contents=[{"data": {NAME: PHONE}}])))
            await page.until("failed")
            preview = await page.ask("print", task=task(document(), preview=True))
            assert preview["previewURL"]
            await page.ask(NAME, PHONE)
        _no_person(desk.folder)
    _no_person(tmp_path / "agent")


def _no_person(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for text in (NAME, PHONE, ROOM, "文一西路969号"):
                assert text.encode() not in content, (file.name, text)
                assert json.dumps(text).encode().strip(b'"') not in content, (file.name, text)


async def test_a_number_that_is_a_phone_is_not_written_down(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        odd = document(PHONE)
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(odd))
            await page.until("printed")
            await page.ask("print", task=task(odd))
            assert await answered(desk, "skip") == ""
            await page.until("failed")
        _no_person(desk.folder)


async def test_an_answer_to_a_question_that_is_over_is_refused(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        with pytest.raises(Refusal, match="component_question_gone"):
            desk.components.questions.answer("no such question", "print")


def test_states_that_left_no_paper_are_told_apart() -> None:
    assert [state for state in State if not state.may_be_on_paper] == [State.FAILED, State.CANCELED]
    assert {state for state in State if state.has_ended}.isdisjoint({State.PENDING, State.RENDERED})


@pytest.mark.parametrize(("came_out", "status"), [(True, "success"), (False, "failed")])
async def test_after_a_kill_the_device_may_know_better(tmp_path: Path, came_out: bool, status: str) -> None:
    """The agent's journal and the folder, which is the paper here, say whether a sheet had come out."""
    wanted = task(document())
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=wanted)
            await page.until("printed")
        [paper] = desk.papers()
    ours, journal = tmp_path / "agent" / "components" / "ledger.jsonl", tmp_path / "agent" / "journal.jsonl"
    begun = json.loads(ours.read_bytes().splitlines()[-1]) | {"state": "pending"}
    ours.write_bytes(json.dumps(begun).encode() + b"\n")
    lines = journal.read_bytes().splitlines()
    kept = [line for line in lines if json.loads(line)["step"] in ("got", "begun")]
    assert len(kept) == 2
    journal.write_bytes(b"\n".join(kept) + b"\n")
    if not came_out:
        paper.unlink()
    async with counter(tmp_path, "doudian"):
        pass  # what was found out is not forgotten by the next start
    async with counter(tmp_path, "doudian") as desk, desk.page("doudian") as page:
        rows = (await page.ask("getTaskStatus", taskID=[wanted["taskID"]]))["printStatus"][0]["detailStatus"]
        assert [row["status"] for row in rows] == [status]
        await page.ask("print", task=wanted)
        await page.until("printed")
        assert len(desk.papers()) == 1


async def test_what_waits_when_the_agent_is_stopped_is_in_no_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first document is in the printer and comes out, the second one waits behind it."""
    wanted = task(document(), document())
    begun, goes_on = asyncio.Event(), asyncio.Event()
    put, stop = FolderPrinter._print, Bench.stop

    async def slowly(one: FolderPrinter, sheet: SheetRef, paper: bytes) -> Outcome:
        begun.set()
        await goes_on.wait()
        return await put(one, sheet, paper)

    async def stopped(bench: Bench, seconds: float) -> None:
        goes_on.set()
        await stop(bench, seconds)

    with monkeypatch.context() as patched:
        patched.setattr(FolderPrinter, "_print", slowly)
        patched.setattr(Bench, "stop", stopped)
        async with counter(tmp_path, "doudian") as desk:
            desk.allow()
            async with desk.page("doudian") as page:
                await page.ask("print", task=wanted)
                await begun.wait()
        assert len(desk.papers()) == 1
    async with counter(tmp_path, "doudian") as desk, desk.page("doudian") as page:
        rows = (await page.ask("getTaskStatus", taskID=[wanted["taskID"]]))["printStatus"][0]["detailStatus"]
        assert (rows[0]["status"], rows[1]["status"]) == ("success", "failed")
        await page.ask("print", task=wanted)
        await page.until("printed")
        assert len(desk.papers()) == 2


async def test_an_afternoon_of_two_hundred_parcels_comes_out_once_and_in_order(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        wanted = [document() for _ in range(200)]
        async with desk.page("doudian") as page:
            for place, one in enumerate(wanted):
                await page.say({"cmd": "print", "requestID": place, "task": task(one, task_id=f"t-{place}")})
            printed: list[str] = []
            while len(printed) < len(wanted):
                heard = await page.hear()
                if heard.get("taskStatus") == "printed":
                    printed.append(heard["printStatus"][0]["documentID"])
        numbers = [one["documentID"] for one in wanted]
        assert printed == numbers
        assert [path.name.split("-")[1] for path in desk.papers()] == numbers


async def test_a_document_that_failed_and_is_tried_again_meanwhile_is_printed_once(tmp_path: Path) -> None:
    """One document of the task fails at once while the others still print; the page tries all of it again and again."""
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        others = [document() for _ in range(15)]
        wrong = document(contents=[{"data": {}}])
        right = document(documentID=wrong["documentID"])
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(wrong, *others, task_id="t"))
            for place in range(6):
                await page.say({"cmd": "print", "requestID": place, "task": task(right, *others, task_id="t")})
                await asyncio.sleep(0.02)
            ends: list[str] = []
            while len(ends) < 7:
                heard = await page.hear()
                if heard["cmd"] == "notifyPrintResult" and heard["taskStatus"] != "rendered":
                    ends.append(heard["taskStatus"])
            assert sorted(ends) == ["failed", *["printed"] * 6]
            await page.ask("print", task=task(right, task_id="t"))
            assert await page.until_end() == "printed"
        assert len(desk.papers()) == 16

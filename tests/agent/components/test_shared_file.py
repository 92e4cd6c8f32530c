"""The agent and a command change the same file at the same moment: nothing that one of them wrote is lost."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from miandan.agent.components import shared_file
from miandan.agent.components.origins import Origins
from miandan.agent.components.questions import Question, Questions
from miandan.kernel.errors import Refusal
from miandan.labels.locked import locked
from tests.agent.components.bench import PAGE


def before_the_next_change(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Another program is quicker: the next change waits for the lock while this happens."""
    lock = locked

    @contextmanager
    def late(path: Path) -> Iterator[None]:
        monkeypatch.setattr(shared_file, "locked", lock)
        happens()
        with lock(path):
            yield

    monkeypatch.setattr(shared_file, "locked", late)


def test_a_page_that_is_decided_on_while_it_comes_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, command = Origins(tmp_path), Origins(tmp_path)
    before_the_next_change(monkeypatch, lambda: command.allow(PAGE))
    assert running.ask(PAGE, "doudian")
    assert list(running.decided()) == [PAGE]
    assert running.waiting() == {}


def test_pages_that_come_to_two_programs_at_once_both_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Origins(tmp_path), Origins(tmp_path)
    before_the_next_change(monkeypatch, lambda: other.ask("https://other.example", "jd"))
    assert one.ask(PAGE, "doudian")
    assert sorted(one.waiting()) == [PAGE, "https://other.example"]


async def test_of_two_answers_at_once_the_first_counts_and_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, command = Questions(tmp_path), Questions(tmp_path)
    now = time.time()
    asking = asyncio.create_task(running.ask(Question("73100000000001", 2, "一号", PAGE, "jd", now, now + 600)))
    await asyncio.sleep(0.05)
    [name] = running.open()
    before_the_next_change(monkeypatch, lambda: command.answer(name, "skip"))
    with pytest.raises(Refusal, match="component_question_gone"):
        running.answer(name, "print")
    assert await asking == "skip"

"""A kill at any moment prints no page's document twice, and loses none without saying so."""

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.agent.components.bench import counter, document, task

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("seed", range(4))
async def test_after_a_kill_the_same_task_again_prints_what_is_missing_and_nothing_twice(
    tmp_path: Path, seed: int
) -> None:
    """Four starts of a program, a second each."""
    wanted = task(*(document() for _ in range(40)))
    command = [sys.executable, "-m", "tests.agent.components.killed", str(tmp_path), json.dumps(wanted)]
    agent = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    assert await asyncio.wait_for(agent.stdout.readline(), 60) == b"taken\n"
    await asyncio.sleep(random.Random(seed).uniform(0, 0.35))
    agent.kill()
    await agent.wait()
    async with counter(tmp_path, "doudian", answer_seconds=0.2) as desk, desk.page("doudian") as page:
        before = len(desk.papers())
        await page.ask("print", task=wanted)
        rows: list[dict[str, str]] = []
        while not rows:
            heard = await page.hear()
            rows = heard["printStatus"] if heard.get("taskStatus") in ("printed", "failed") else []
        papers = Counter(path.name.split("-")[1] for path in desk.papers())
    assert max(papers.values()) == 1
    for row in rows:
        if row["status"] == "success":
            assert papers[row["documentID"]] == 1
        else:
            assert "agent.component_doubtful" in row["msg"]
    assert before <= len(papers) <= 40

"""Sheets on their way from a job to paper, over a real server and a real agent."""

from pathlib import Path

from miandan.printing.job_model import SheetState
from tests.link.depot import Depots, connected, folder_printer, paper, working


async def test_fifty_sheets_come_out_once_each_and_in_their_order(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent)
            numbers = await depot.numbers(50)
            await depot.job(numbers, paired.agent_id)
            assert await depot.all_in(SheetState.PRINTED) == {"printed": 50}
        assert paper(tmp_path / "paper") == [one.number for one in numbers]

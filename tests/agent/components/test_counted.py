"""A page of an ERP prints the platform's print data through a component, and the server knows of the paper."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect

from miandan.agent.folder import Folder, Paired
from miandan.agent.leaving import leave
from miandan.agent.pairing import pair
from miandan.printing import job_views, stations
from miandan.printing.job_model import JobKind
from miandan.printing.job_views import NumberStory
from miandan.printing.model import AgentOwner, Asked, OwnerKind
from miandan.printing.pairing import make_pairing_code
from tests.agent.components.bench import NAME, PAGE, Counter, Page, task
from tests.agent.components.whole import program
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, Erp
from tests.dialects.doudian.partners import strangers
from tests.link.depot import Cable

ROOT = Path(__file__).parents[3]
MERCHANT_OWNS = AgentOwner(OwnerKind.MERCHANT, MERCHANT)


@dataclass(slots=True)
class Warehouse:
    """An ERP at the server, and the folder of an agent that is paired with it through a cable."""

    erp: Erp
    home: Folder
    out: Path
    cable: Cable
    paired: Paired
    infos: dict[str, dict[str, Any]] = field(default_factory=dict)

    def agent(self) -> AbstractAsyncContextManager[Counter]:
        return program(self.home, self.out, self.paired)

    def unplug(self) -> None:
        self.cable.plugged = False
        self.cable.cut()

    async def number(self) -> str:
        number = await self.erp.number(carrier="yuantong")
        await self.sealed(number)
        return number

    async def sealed(self, number: str) -> None:
        asked = {"waybill_applies": [{"logistics_code": "yuantong", "track_no": number}]}
        [self.infos[number]] = (await self.erp.ok("logistics.waybillApply", asked))["waybill_infos"]

    def document(self, number: str, **more: Any) -> dict[str, Any]:
        params = urlencode(self.erp.common("logistics.getShopKey", "{}") | {"param_json": "{}"})
        info = self.infos[number]
        content = {"params": params, "encryptedData": info["print_data"], "signature": info["sign"]}
        return {"documentID": number, "contents": [content]} | more

    async def prints(self, page: Page, *numbers: str, **more: Any) -> None:
        await page.ask("print", task=task(*(self.document(one) for one in numbers), **more))
        await page.until("printed")

    async def story(self, number: str, merchant_id: int = MERCHANT) -> NumberStory:
        return await job_views.story_of(self.erp.running.hall.db, merchant_id, Asked("yto", number))

    async def copies(self, number: str, wanted: int, merchant_id: int = MERCHANT) -> NumberStory:
        """The story once the server has counted so many."""
        end = time.monotonic() + 60
        while (found := await self.story(number, merchant_id)).copies < wanted:
            assert time.monotonic() < end, found.copies
            await asyncio.sleep(0.02)
        return found

    async def checked(self, text: str) -> str:
        return (await stations.scan_to_check(self.erp.running.hall.printing, MERCHANT, text)).code


@asynccontextmanager
async def warehouse(platform: Ground, path: Path) -> AsyncIterator[Warehouse]:
    async with platform.erp() as erp, Cable(erp.running.url) as cable:
        home = Folder(path / "agent")
        code = await make_pairing_code(erp.running.hall.db, MERCHANT_OWNS, "打单员")
        paired = await asyncio.to_thread(pair, home, cable.url, code.text, "打包台")
        yield Warehouse(erp, home, path / "paper", cable, paired)


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_paper_of_a_page_is_known_to_the_server_and_a_reprint_is_copy_2(platform: Ground, tmp_path: Path) -> None:
    async with warehouse(platform, tmp_path) as house, house.agent() as desk, desk.page("doudian") as page:
        number = await house.number()
        await house.prints(page, number)
        told = await house.copies(number, 1)
        assert (told.came_out, told.last_copy) == (True, 1)
        [sheet] = told.sheets
        assert (sheet.job.kind, sheet.sheet.evidence) == (JobKind.COMPONENT, "device")
        assert sheet.job.made_by == f"app:{house.erp.app_key} {PAGE}"
        assert await house.checked(number) == "ok"
        await until(lambda: not desk.agent.journal.open_sheets)
        await house.sealed(number)
        await house.prints(page, number)
        assert [one.sheet.copy for one in (await house.copies(number, 2)).sheets] == [1, 2]
        assert (await house.checked(number), await house.checked(f"{number}#2")) == ("printing.scan_small_code", "ok")
        assert not any(NAME.encode() in file.read_bytes() for file in desk.folder.rglob("*") if file.is_file())


async def test_days_without_a_link_and_a_restart_lose_nothing_and_count_nothing_twice(
    platform: Ground, tmp_path: Path
) -> None:
    async with warehouse(platform, tmp_path) as house:
        async with house.agent() as desk, desk.page("doudian") as page:
            numbers = [await house.number() for _ in range(5)]
            await house.prints(page, numbers[0])  # the key is there now
            await house.copies(numbers[0], 1)
            await until(lambda: not desk.agent.journal.open_sheets)  # it has heard that the server knows
            house.unplug()
            await house.prints(page, *numbers[1:])
            assert (await house.story(numbers[1])).came_out is False
            assert len(desk.agent.journal.open_sheets) == 4
        house.cable.plugged = True
        async with house.agent() as desk:
            for number in numbers[1:]:
                assert (await house.copies(number, 1)).came_out is True
            await until(lambda: not desk.agent.journal.open_sheets)
        async with house.agent():
            await asyncio.sleep(0.5)
        assert [len((await house.story(number)).sheets) for number in numbers] == [1] * 5
        [one, other] = await job_views.job_cards(house.erp.running.hall.db, MERCHANT, most=2)
        assert {one.job.sheets, other.job.sheets} == {4, 1}


async def test_an_answer_that_is_lost_is_asked_for_again_and_counts_once(
    platform: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with warehouse(platform, tmp_path) as house:
        number = await house.number()
        async with house.agent() as desk, desk.page("doudian") as page:
            monkeypatch.setattr(desk.agent._data_sheets, "on_settled", lambda _sheet: True)  # it is lost
            await house.prints(page, number)
            await house.copies(number, 1)
            assert len(desk.agent.journal.open_sheets) == 1
        async with house.agent() as desk:
            await until(lambda: not desk.agent.journal.open_sheets)
        told = await house.story(number)
        assert (told.copies, len(told.sheets)) == (1, 1)


async def test_an_agent_of_another_merchant_is_not_believed_and_its_link_goes_on(
    platform: Ground, tmp_path: Path
) -> None:
    async with warehouse(platform, tmp_path) as house:
        number, other = await house.number(), await house.number()
        house.cable.plugged = True
        async with house.agent() as desk, desk.page("doudian") as page:
            await house.prints(page, number)
            await house.copies(number, 1)
            house.unplug()
            await house.prints(page, other)
        house.cable.plugged = True
        owner = AgentOwner(OwnerKind.MERCHANT, 1002)
        code = await make_pairing_code(house.erp.running.hall.db, owner, "别人")
        house.home.forget()
        house.paired = await asyncio.to_thread(pair, house.home, house.cable.url, code.text, "别人的")
        async with house.agent() as desk:
            await until(lambda: not desk.agent.journal.open_sheets)
            assert any("printing.component_sheet_refused" in line for line in desk.agent.log.errors)
            assert desk.agent.link.state == "connected"
        assert (await house.story(other)).copies == 0


async def test_an_agent_that_leaves_tells_what_it_has_first(platform: Ground, tmp_path: Path) -> None:
    async with warehouse(platform, tmp_path) as house:
        first, number = await house.number(), await house.number()
        async with house.agent() as desk, desk.page("doudian") as page:
            await house.prints(page, first)
            house.unplug()
            await house.prints(page, number)
        house.cable.plugged = True
        assert await leave(house.home, house.paired)
        assert (await house.story(number)).came_out is True


async def test_paper_of_a_killed_agent_is_counted_once_when_it_runs_again(platform: Ground, tmp_path: Path) -> None:
    async with warehouse(platform, tmp_path) as house:
        first, number = await house.number(), await house.number()
        command = [sys.executable, "-m", "tests.agent.components.whole", str(house.home.path), str(house.out)]
        killed = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert killed.stdout is not None
        port = int(await asyncio.wait_for(killed.stdout.readline(), 60))
        headers = {"Origin": PAGE}
        async with connect(f"ws://localhost:{port}/", additional_headers=headers, proxy=None, max_size=None) as line:
            page = Page(line)
            await house.prints(page, first)  # the key is there now
            await house.copies(first, 1)
            house.unplug()
            await house.prints(page, number)
            killed.kill()
            await killed.wait()
        assert (await house.story(number)).copies == 0
        house.cable.plugged = True
        async with house.agent() as desk:
            await house.copies(number, 1)
            await until(lambda: not desk.agent.journal.open_sheets)
        for one in (first, number):
            told = await house.story(one)
            assert (told.came_out, told.copies, len(told.sheets)) == (True, 1, 1)


async def test_a_supplier_prints_for_another_shop_and_the_paper_is_that_shops(platform: Ground, tmp_path: Path) -> None:
    async with warehouse(platform, tmp_path) as house, strangers(house.erp) as pair:
        await pair.relate()
        await pair.lend()
        number = await pair.number(await pair.new())
        await house.sealed(number)
        async with house.agent() as desk, desk.page("doudian") as page:
            await house.prints(page, number)
            told = await house.copies(number, 1, pair.seller_id)
            await until(lambda: not desk.agent.journal.open_sheets)
        assert told.came_out is True

"""Print jobs over HTTP: a job goes to a waiting agent and onto paper, a refund stops it, a reprint replaces it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from miandan.access.model import Scope, shop
from miandan.agent.folder import Folder, Paired
from miandan.agent.pairing import pair
from miandan.printing.leasing import lease_next
from miandan.printing.model import AgentOwner, OwnerKind
from miandan.printing.pairing import make_pairing_code
from miandan.printing.printers import agent_by_id
from tests.api.conftest import Ground, own_app
from tests.api.developer import Developer, client
from tests.link.depot import connected, folder_printer, paper, working

PRINTER = "一号"


@dataclass(frozen=True, slots=True)
class Packer:
    """A shop's packing room: an agent that prints into a folder, and the shop's developer."""

    developer: Developer
    paired: Paired
    path: Path

    @property
    def folder(self) -> Path:
        return self.path / "paper"

    @property
    def where(self) -> dict[str, str]:
        return {"agent_id": self.paired.agent_id, "printer": PRINTER}

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The agent runs until the block ends."""
        async with working(self.path / "agent", [folder_printer(self.folder, PRINTER)], self.paired) as agent:
            await connected(agent, self.developer.running.hall.db)
            yield

    def job_of(self, *numbers: str, **more: Any) -> dict[str, Any]:
        return self.where | {"numbers": [{"carrier": "zto", "number": number} for number in numbers]} | more

    async def made(self, *numbers: str, **more: Any) -> str:
        made = await self.developer.ok("POST", "/print-jobs", self.job_of(*numbers), **more)
        assert made["turned_away"] == [], made
        return str(made["job"]["job_id"])

    async def finished(self, job_id: str) -> dict[str, Any]:
        until = time.monotonic() + 60
        while True:
            job: dict[str, Any] = await self.developer.ok("GET", f"/print-jobs/{job_id}")
            if job["state"] not in ("waiting", "printing"):
                return job
            assert time.monotonic() < until, job
            await asyncio.sleep(0.05)

    async def scan(self, at: str, text: str, **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self.developer.ok("POST", f"/stations/{at}", {"text": text} | more)
        return told


@asynccontextmanager
async def packing(ground: Ground, path: Path) -> AsyncIterator[Packer]:
    """A room whose printer the server has heard of; nobody works there yet."""
    async with ground.shop() as developer:
        owner = AgentOwner(OwnerKind.MERCHANT, 1001)
        code = (await make_pairing_code(developer.running.hall.db, owner, "test")).text
        paired = await asyncio.to_thread(pair, Folder(path / "agent"), developer.running.url, code, "仓库一号机")
        packer = Packer(developer, paired, path)
        async with packer.at_work():
            pass
        yield packer


async def test_a_job_comes_out_in_its_order_and_every_step_is_told(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer, packer.at_work():
        developer = packer.developer
        listed = (await developer.ok("GET", "/printers"))["printers"]
        [mine] = [one for one in listed if one["agent_id"] == packer.paired.agent_id]
        assert (mine["printer"], mine["online"], mine["cloud"]) == (PRINTER, True, False)
        numbers = [await developer.number() for _ in range(3)]
        key = f"job-{numbers[0]}"
        job_id = await packer.made(*reversed(numbers), key=key)
        job = await packer.finished(job_id)
        assert (job["state"], job["counts"]["printed"], job["sheets"]) == ("done", 3, 3)
        assert sum(job["evidence"].values()) == 3
        assert await packer.made(*reversed(numbers), key=key) == job_id  # a retry prints nothing
        assert paper(packer.folder) == numbers[::-1]
        first = await developer.ok("GET", f"/print-jobs/{job_id}/sheets", params={"limit": 2})
        rest = await developer.ok("GET", f"/print-jobs/{job_id}/sheets", params={"after": first["next"]})
        assert [one["number"] for one in first["sheets"] + rest["sheets"]] == numbers[::-1]
        assert ({one["copy"] for one in first["sheets"]}, rest["next"]) == ({1}, None)
        told = await developer.ok("GET", f"/waybills/zto/{numbers[0]}/sheets")
        assert (told["came_out"], told["last_copy"], len(told["sheets"])) == (True, 1, 1)
        assert told["sheets"][0]["steps"][-1]["state"] == "printed"
        again = await developer.ok("POST", "/print-jobs", packer.job_of(numbers[0]))
        assert (again["job"], again["turned_away"][0]["problem"]["code"]) == (None, "printing.printed_before")


async def test_a_key_that_was_used_for_another_job_is_refused_as_it_was_sent(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        one, two = await developer.number(), await developer.number()
        key = f"job-{one}"
        job_id = await packer.made(one, key=key)
        for other in (packer.job_of(two), packer.job_of(one, two), packer.job_of(one, template="zto-100x180")):
            problem = await developer.refused(422, "POST", "/print-jobs", other, key=key)
            assert problem["code"] == "printing.request_reused"
            assert key in problem["en"]
        elsewhere = packer.job_of(one) | {"printer": "二号"}
        await developer.refused(422, "POST", "/print-jobs", elsewhere, key=key)
        assert (await developer.ok("GET", f"/waybills/zto/{two}/sheets"))["sheets"] == []
        assert await packer.made(one, key=key) == job_id

        async with packer.at_work():
            await packer.finished(job_id)
        again = packer.job_of(one, reason="damaged")
        reprint = (await developer.ok("POST", "/reprints", again, key=key))["job"]["job_id"]
        assert reprint != job_id  # a reprint is another request under any key
        refused = await developer.refused(422, "POST", "/reprints", again | {"reason": "lost"}, key=key)
        assert refused["code"] == "printing.request_reused"
        assert (await developer.ok("POST", "/reprints", again, key=key))["job"]["job_id"] == reprint


async def test_a_job_over_http_rings_for_the_agent_that_waits(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        number = await packer.developer.number()
        with packer.developer.running.hall.printing.bells.listen(UUID(packer.paired.agent_id)) as bell:
            await packer.made(number)
            assert bell.is_set()


async def test_a_refund_stops_its_sheet_and_the_rest_comes_out(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        order_id = await developer.put()
        refunded, other = await developer.number(order_id), await developer.number()
        job_id = await packer.made(refunded, other)
        await developer.event(order_id, "refund_opened", 2)
        async with packer.at_work():
            job = await packer.finished(job_id)
        assert (job["counts"]["stopped"], job["counts"]["printed"]) == (1, 1)
        assert paper(packer.folder) == [other]
        told = await developer.ok("GET", f"/waybills/zto/{refunded}/sheets")
        assert (told["came_out"], told["sheets"][0]["reason"]) == (False, "orders.refund_open")
        verdict = await packer.scan("check", refunded)
        assert (verdict["light"], verdict["problem"]["code"]) == ("stop", "printing.scan_stopped")


async def test_a_stopped_parcel_is_listed_let_go_and_stopped_again_until_its_order_may_ship(
    ground: Ground, tmp_path: Path
) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        order_id = await developer.put()
        number = await developer.number(order_id)
        async with packer.at_work():
            await packer.finished(await packer.made(number))
        nothing = await developer.refused(422, "POST", "/stations/let-go", {"text": number})
        assert nothing["code"] == "printing.not_stopped"
        await developer.event(order_id, "refund_opened", 2)

        async def is_listed() -> bool:
            listed = (await developer.ok("GET", "/stations/stopped"))["parcels"]
            return [(one["order_id"], one["reason"]) for one in listed if one["number"] == number] == [
                (order_id, "orders.refund_open")
            ]

        async def may_be_closed() -> bool:
            return str((await packer.scan("check", number))["light"]) == "go"

        await _until(is_listed)  # the server's own messages bring it
        assert (await packer.scan("let-go", number))["light"] == "stop"
        await developer.event(order_id, "refund_closed", 3, refunded=False)
        await _until(may_be_closed)  # a message of before may have stopped it once more; the last one lifts it
        assert (await packer.scan("pack", number))["light"] == "go"
        assert await packer.scan("unpack", f"{number}#1") == {"was_packed": True}
        assert await packer.scan("unpack", number) == {"was_packed": False}
        assert (await packer.scan("check", number))["light"] == "go"


async def _until(it_is_so: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + 60
    while not await it_is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_a_sheet_of_a_silent_agent_is_queued_again_as_the_next_copy(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        number = await developer.number()
        job_id = await packer.made(number)
        printing = developer.running.hall.printing
        agent = await agent_by_id(printing.db, UUID(packer.paired.agent_id))
        assert len(await lease_next(printing, agent, PRINTER, 1)) == 1  # and it says nothing any more
        [sheet] = (await developer.ok("GET", f"/print-jobs/{job_id}/sheets"))["sheets"]
        assert (sheet["state"], sheet["copy"]) == ("leased", 1)
        back = await developer.ok("POST", f"/sheets/{sheet['sheet_id']}/take-back")
        assert back["state"] == "queued"
        async with packer.at_work():
            await packer.finished(job_id)
        assert (await developer.ok("GET", f"/waybills/zto/{number}/sheets"))["last_copy"] == 2


async def test_a_reprint_may_be_packed_and_the_older_copy_may_not(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer, packer.at_work():
        developer = packer.developer
        number = await developer.number()
        made = await developer.ok("POST", "/stations/scan-to-print", packer.where | {"text": number})
        await packer.finished(made["job"]["job_id"])
        assert (await packer.scan("check", number))["light"] == "go"
        body, key = packer.job_of(number, reason="damaged"), f"again-{number}"
        again = await developer.ok("POST", "/reprints", body, key=key)
        assert (await developer.ok("POST", "/reprints", body, key=key))["job"]["job_id"] == again["job"]["job_id"]
        job = await packer.finished(again["job"]["job_id"])
        assert (job["kind"], job["reason"], job["counts"]["printed"]) == ("reprint", "damaged", 1)
        assert paper(packer.folder) == [number] * 2
        asked, older, last = [await packer.scan("check", f"{number}{copy}") for copy in ("", "#1", "#2")]
        assert (asked["light"], older["light"], last["light"], last["copy"]) == ("ask", "stop", "go", 2)
        assert older["problem"]["code"] == "printing.scan_old_copy"
        assert (await packer.scan("pack", f"{number}#2"))["light"] == "go"
        again = await packer.scan("pack", f"{number}#2")  # its answer was lost
        assert (again["light"], again["problem"]) == ("go", None)
        assert (await packer.scan("check", f"{number}#2"))["problem"]["code"] == "printing.scan_packed"
        assert (await packer.scan("weigh", number, grams=1250))["grams"] == 1250
        told = await developer.ok("GET", f"/waybills/zto/{number}/sheets")
        assert sorted(one["copy"] for one in told["sheets"]) == [1, 2]
        unsaid = await developer.refused(422, "POST", "/reprints", body | {"reason": "other"}, key=f"other-{number}")
        assert unsaid["code"] == "printing.reason_without_words"


async def test_a_job_is_paused_goes_on_and_its_rest_is_cancelled(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        job_id = await packer.made(await developer.number(), await developer.number())
        path = f"/print-jobs/{job_id}"
        for _ in range(2):
            assert (await developer.ok("POST", f"{path}/pause"))["state"] == "paused"
        assert (await developer.ok("POST", f"{path}/resume"))["state"] == "waiting"
        away = packer.where | {"printer": "没有的"}
        assert (await developer.refused(404, "POST", f"{path}/move", away))["code"] == "printing.printer_unknown"
        assert (await developer.ok("POST", f"{path}/move", packer.where))["sheets"] == 0
        cancelled = await developer.ok("POST", f"{path}/cancel-rest")
        assert (cancelled["sheets"], cancelled["job"]["state"]) == (2, "cancelled")
        later = await packer.made(await developer.number())
        page = await developer.ok("GET", "/print-jobs", params={"limit": 1})
        behind = await developer.ok("GET", "/print-jobs", params={"cursor": page["next"], "limit": 1})
        assert [one["job_id"] for one in page["jobs"] + behind["jobs"]] == [later, job_id]
        sheet = (await developer.ok("GET", f"{path}/sheets"))["sheets"][0]["sheet_id"]
        refused = await developer.refused(422, "POST", f"/sheets/{sheet}/settle", {"outcome": "printed"})
        assert refused["code"] == "printing.not_doubtful"


async def test_doubts_of_a_broken_line_are_settled_in_one_call_each_by_itself(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer:
        developer = packer.developer
        job_id = await packer.made(*[await developer.number() for _ in range(4)])
        printing = developer.running.hall.printing
        agent = await agent_by_id(printing.db, UUID(packer.paired.agent_id))
        assert len(await lease_next(printing, agent, PRINTER, 3)) == 3
        ids = [one["sheet_id"] for one in (await developer.ok("GET", f"/print-jobs/{job_id}/sheets"))["sheets"]]
        for sheet in ids[:3]:
            await developer.ok("POST", f"/sheets/{sheet}/doubt")

        unknown = str(uuid4())
        body = {"sheet_ids": [ids[3], unknown, ids[0], ids[0]], "outcome": "printed"}
        for _ in range(2):
            told = (await developer.ok("POST", "/sheets/settle", body))["sheets"]
            assert [one["sheet_id"] for one in told] == [ids[3], unknown, ids[0]]
            codes = [one["problem"] and one["problem"]["code"] for one in told]
            assert codes == ["printing.not_doubtful", "printing.sheet_unknown", None]
            assert (told[2]["sheet"]["state"], told[2]["sheet"]["evidence"]) == ("printed", "person")

        told = (await developer.ok("POST", f"/print-jobs/{job_id}/settle", {"outcome": "failed"}))["sheets"]
        assert [(one["sheet_id"], one["sheet"]["state"]) for one in told] == [(one, "failed") for one in ids[1:3]]
        again = await developer.ok("POST", f"/print-jobs/{job_id}/settle", {"outcome": "printed"})
        assert again == {"sheets": []}
        counts = (await developer.ok("GET", f"/print-jobs/{job_id}"))["counts"]
        assert (counts["printed"], counts["failed"], counts["queued"]) == (1, 2, 1)
        nobody = await developer.ok("POST", "/sheets/settle", {"sheet_ids": [unknown], "outcome": "failed"})
        assert nobody["sheets"][0]["problem"]["code"] == "printing.sheet_unknown"
        for wrong in ([], [str(uuid4()) for _ in range(1_001)]):
            await developer.refused(422, "POST", "/sheets/settle", {"sheet_ids": wrong, "outcome": "failed"})


async def test_another_shop_of_the_same_merchant_sees_and_moves_nothing_of_it(ground: Ground, tmp_path: Path) -> None:
    async with packing(ground, tmp_path) as packer, client(packer.developer.running) as http:
        number = await packer.developer.number()
        job_id = await packer.made(number)
        sheet = (await packer.developer.ok("GET", f"/print-jobs/{job_id}/sheets"))["sheets"][0]["sheet_id"]
        running = packer.developer.running
        other = await Developer(http, running).log_in(
            *await own_app(running.hall, {Scope.PRINT}, shop(1001, "S-other"))
        )
        for method, path, body in (
            ("GET", f"/print-jobs/{job_id}", None),
            ("GET", f"/print-jobs/{job_id}/sheets", None),
            ("POST", f"/print-jobs/{job_id}/pause", None),
            ("POST", f"/print-jobs/{job_id}/cancel-rest", None),
            ("POST", f"/print-jobs/{job_id}/move", packer.where),
            ("POST", f"/sheets/{sheet}/doubt", None),
            ("POST", f"/sheets/{sheet}/settle", {"outcome": "failed"}),
            ("POST", f"/print-jobs/{job_id}/settle", {"outcome": "failed"}),
            ("GET", f"/waybills/zto/{number}/sheets", None),
            ("POST", "/stations/scan-to-print", packer.where | {"text": number}),
            ("POST", f"/sheets/{sheet}/take-back", None),
            ("POST", "/stations/weigh", {"text": number, "grams": 100}),
            ("POST", "/stations/unpack", {"text": number}),
            ("POST", "/stations/let-go", {"text": number}),
        ):
            await other.refused(404, method, path, body)
        assert (await other.ok("GET", "/print-jobs"))["jobs"] == []
        many = await other.ok("POST", "/sheets/settle", {"sheet_ids": [sheet], "outcome": "failed"})
        assert [one["problem"]["code"] for one in many["sheets"]] == ["printing.sheet_unknown"]
        for where in ("check", "pack"):
            scanned = await other.ok("POST", f"/stations/{where}", {"text": number})
            assert scanned["problem"]["code"] == "printing.scan_not_ours"
        made = await other.ok("POST", "/print-jobs", packer.job_of(number))
        assert (made["job"], made["turned_away"][0]["problem"]["code"]) == (None, "waybill.unknown")
        assert (await packer.developer.ok("GET", f"/print-jobs/{job_id}"))["counts"]["queued"] == 1

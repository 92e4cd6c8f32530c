"""Print jobs: from created to paper, and sheets per second to twenty folder printers, one server and one agent.

Server in this process, agent in one of its own (`miandan agent run`), as on one machine. Folder printers write a PNG
per sheet; what is measured ends with the finished file, which is later than the first byte.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from bench.folders import bench_folder
from bench.http_shares import processor_seconds
from bench.take import BRANCH, SENDER
from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.agent.folder import Folder
from miandan.agent.pairing import pair
from miandan.branches import service as branches
from miandan.branches.model import Branch
from miandan.hall import Hall
from miandan.kernel.clock import now
from miandan.kernel.settings import Settings
from miandan.merchants import service as merchants
from miandan.printing import jobs
from miandan.printing.job_model import JobAsk, PrinterRef
from miandan.printing.model import AgentOwner, Asked, OwnerKind
from miandan.printing.pairing import make_pairing_code
from miandan.server.app import put_together
from miandan.server.house import open_hall
from miandan.server.serving import listen, open_socket
from miandan.vault.model import Recipient
from miandan.waybills.model import ParcelAsk, Taken, TakeRequest
from miandan.waybills.service import take

MERCHANT, PRINTERS, SHEETS, SINGLE, STEADY_SECONDS, STEADY_RATE = 1, 20, 1_000, 100, 20, 23
NAMES = [f"打印机{place:02}" for place in range(PRINTERS)]
WORST_P50_MS, WORST_P99_MS, LEAST_BURST, MOST_MEGABYTES, MOST_SHARE = 50, 200, 200, 120, 0.15


@dataclass(slots=True)
class Bench:
    """A merchant with numbers, and an agent at work."""

    hall: Hall
    agent_id: UUID
    pid: int
    paper: Path
    numbers: Iterator[Asked]

    async def job(self, printer: str, count: int) -> list[Asked]:
        """A job that is created now; its numbers."""
        chosen = [next(self.numbers) for _ in range(count)]
        await jobs.create_job(self.hall.printing, JobAsk(MERCHANT, PrinterRef(self.agent_id, printer), chosen, "bench"))
        return chosen

    def out(self) -> int:
        """Finished files of all printers."""
        return sum(1 for folder in self.paper.iterdir() for one in folder.iterdir() if one.suffix == ".png")

    async def until(self, wanted: int) -> None:
        """Wait until so many sheets are on paper."""
        end = time.monotonic() + 120
        while self.out() < wanted:
            if time.monotonic() > end:
                raise SystemExit(f"{self.out()} of {wanted} sheets came out in two minutes")
            await asyncio.sleep(0.002)


async def _numbers(hall: Hall, count: int) -> Sequence[Asked]:
    db = hall.db
    await merchants.register_merchant(db, "示例", "enterprise", MERCHANT)
    await branches.open_branch(db, Branch("jt", BRANCH, "示例网点", now()))
    await branches.load_segment(db, "jt", BRANCH, 0, 9_999_999)
    await branches.receive_stock(db, "jt", BRANCH, count)
    asked = await applications.apply(db, MERCHANT, "jt", ship_from=[SENDER], branch_code=BRANCH)
    account = await applications.approve(db, MERCHANT, asked.application_id, carrier_reads=True)
    await accounts.recharge(db, MERCHANT, account.account_id, count)
    [sender] = await accounts.ship_from_of(db, MERCHANT, account.account_id)
    found: list[Asked] = []
    for start in range(0, count, 200):
        parcels = tuple(_parcel(place) for place in range(start, min(start + 200, count)))
        outcomes = await take(
            hall.counter, TakeRequest(MERCHANT, account.account_id, sender.ship_from_id, parcels, "bench")
        )
        found += [Asked(one.ref.carrier, one.number) for one in outcomes if isinstance(one, Taken)]
    return found


def _parcel(place: int) -> ParcelAsk:
    to = Recipient(
        f"收件人{place % 977}", f"190{place:08}", "", "浙江省", "杭州市", "余杭区", "仓前街道",
        f"文一西路 {place % 1999} 号 {place % 31} 幢 {place % 901} 室", "330110",
    )  # fmt: skip
    goods = ({"line_id": str(place), "title": "不锈钢保温杯", "spec": "500ml/雾蓝", "quantity": 1},)
    return ParcelAsk((f"/{place}",), f"/{place}", to, goods, "330110")


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """Everything started, the agent connected."""
    settings = Settings(data=folder / "server", sandbox=True)
    settings.data.mkdir()
    listening = open_socket("127.0.0.1", 0)
    async with open_hall(settings) as hall:
        stop = asyncio.Event()
        front, loops = put_together(hall)
        server = asyncio.create_task(listen(front, [listening], loops, stop))
        numbers = await _numbers(hall, 2 * SINGLE + SHEETS + STEADY_SECONDS * STEADY_RATE + PRINTERS)
        code = await make_pairing_code(hall.db, AgentOwner(OwnerKind.MERCHANT, MERCHANT), "bench")
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        home = Folder(folder / "agent")
        paired = await asyncio.to_thread(pair, home, url, code.text, "bench")
        paper = folder / "paper"
        _configure(home.path, paper)
        agent_id = UUID(paired.agent_id)
        try:
            async with _agent(home.path) as pid:
                await _connected(hall, agent_id)
                yield Bench(hall, agent_id, pid, paper, iter(numbers))
        finally:
            stop.set()
            await server


def _configure(home: Path, paper: Path) -> None:
    sections = []
    for name in NAMES:
        (paper / name).mkdir(parents=True)
        sections.append(
            f'[[printer]]\nname = "{name}"\ndriver = "folder"\nprofile = "zpl-203"\nform = "png"\n'
            f'folder = "{paper / name}"\n'
        )
    (home / "printers.toml").write_text("\n".join(sections), encoding="utf-8")


@asynccontextmanager
async def _agent(home: Path) -> AsyncIterator[int]:
    environment = {**os.environ, "MIANDAN_AGENT": str(home), "MIANDAN_AGENT_PAGE": "0"}
    program = str(Path(sys.executable).with_name("miandan"))
    process = await asyncio.create_subprocess_exec(
        program, "agent", "run", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _connected(hall: Hall, agent_id: UUID) -> None:
    for _ in range(600):
        known = await hall.db.fetchval("SELECT count(*) FROM print_printer WHERE agent_id = $1", agent_id)
        if known == PRINTERS:
            return
        await asyncio.sleep(0.05)
    raise SystemExit("the agent did not say its printers")


async def latencies(bench: Bench) -> list[float]:
    """Milliseconds from a job being asked for to its one sheet lying in the folder."""
    found = []
    for place in range(SINGLE):
        before, began = bench.out(), time.perf_counter()
        await bench.job(NAMES[place % PRINTERS], 1)
        await bench.until(before + 1)
        found.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.02)
    return found


async def burst(bench: Bench) -> float:
    """Sheets per second of 1,000 labels to 20 printers, all at once."""
    before, began = bench.out(), time.perf_counter()
    for name in NAMES:
        await bench.job(name, SHEETS // PRINTERS)
    await bench.until(before + SHEETS)
    return SHEETS / (time.perf_counter() - began)


async def steady(bench: Bench) -> tuple[float, float]:
    """At 23 sheets a second: those that came out per second, and the agent's share of a core."""
    before, began, cpu = bench.out(), time.perf_counter(), processor_seconds([bench.pid])
    for second in range(STEADY_SECONDS):
        for place in range(STEADY_RATE):
            await bench.job(NAMES[(second + place) % PRINTERS], 1)
            await asyncio.sleep(max(0.0, began + second + (place + 1) / STEADY_RATE - time.perf_counter()))
    await bench.until(before + STEADY_SECONDS * STEADY_RATE)
    seconds = time.perf_counter() - began
    return STEADY_SECONDS * STEADY_RATE / seconds, (processor_seconds([bench.pid]) - cpu) / seconds


def peak_megabytes(pid: int) -> float:
    """Most memory that the process has had."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmHWM")) / 1024


def _verdict(holds: bool) -> str:
    return "ok" if holds else "MISSED"


async def run(write: Callable[[str], Any]) -> None:
    """Latency, burst, steady rate, memory and share of a core."""
    with bench_folder() as folder:
        async with open_bench(folder) as bench:
            await latencies(bench)  # templates compiled, fonts loaded
            found = await latencies(bench)
            p50, p99 = median(found), quantiles(found, n=100)[98]
            write(
                f"job created to finished sheet, p50 {p50:.1f} ms, target below {WORST_P50_MS}: "
                f"{_verdict(p50 < WORST_P50_MS)}; p99 {p99:.1f} ms, target below {WORST_P99_MS}: "
                f"{_verdict(p99 < WORST_P99_MS)}"
            )
            rate, share = await steady(bench)
            write(
                f"steady, {STEADY_RATE} sheets/s to {PRINTERS} folder printers: {rate:.1f} sheets/s, the agent uses "
                f"{share:.1%} of a core, target below {MOST_SHARE:.0%}: {_verdict(share < MOST_SHARE)}"
            )
            rate = await burst(bench)
            write(
                f"burst, {SHEETS:,} labels to {PRINTERS} folder printers: {rate:.0f} sheets/s, target {LEAST_BURST}: "
                f"{_verdict(rate >= LEAST_BURST)}"
            )
            megabytes = peak_megabytes(bench.pid)
            write(
                f"peak memory of the agent: {megabytes:.0f} MB, target below {MOST_MEGABYTES}: "
                f"{_verdict(megabytes < MOST_MEGABYTES)}"
            )


def main() -> None:
    """Print the lines."""
    asyncio.run(run(lambda line: sys.stdout.write(line + "\n")))


if __name__ == "__main__":
    main()

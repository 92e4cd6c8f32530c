"""Signed newCreateOrder with 10 orders over HTTP against RAW of bench/take.py, alternating in the same run.

One server process (`miandan serve`), 32 connections kept alive, the load generator on the same machine; its requests
are signed before the clock starts, as ERPs sign on their own machines. RAW inserts the same rows without anything else.
"""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any
from urllib.parse import quote

from bench.folders import bench_folder
from bench.http_shares import database_pids, line, parts, processor_seconds
from bench.pairs import Comparison, alternate_async
from bench.take import SENDER, Bench, open_bench, raw_rate
from miandan.access import service as access
from miandan.access import tokens
from miandan.access.model import AppKind, Registration, SubjectKind, shop
from miandan.access.scopes import scopes_for
from miandan.vault.root import open_root_key

ORDERS = 10
CONNECTIONS = 32
REQUESTS = 2_500
"""Of one round: about two seconds."""

APP, SECRET = "7000000000000000009", "bench-secret"
WORST_P99_MS = 100
METHOD = "logistics.newCreateOrder"


class _Client(asyncio.Protocol):
    """One connection that sends request after request and measures each."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], done: "asyncio.Future[int]") -> None:
        self._requests = requests
        self._latencies = latencies
        self._done = done
        self._buffer = b""
        self._started = 0.0
        self._taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._latencies.append(time.perf_counter() - self._started)
            self._taken += body.count(b'"track_no":')
            self._buffer = b""
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed a connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(self._taken)
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(request)


async def http_rate(port: int, requests: Sequence[bytes], latencies: list[float]) -> float:
    """Numbers per second that the server answers."""
    loop = asyncio.get_running_loop()
    source = iter(requests)
    start = time.perf_counter()
    finished = []
    for _ in range(CONNECTIONS):
        done: asyncio.Future[int] = loop.create_future()
        await loop.create_connection(lambda done=done: _Client(source, latencies, done), "127.0.0.1", port)  # type: ignore[misc]
        finished.append(done)
    taken = sum(await asyncio.gather(*finished))
    rate = taken / (time.perf_counter() - start)
    if taken != len(requests) * ORDERS:
        raise SystemExit(f"{taken} numbers for {len(requests) * ORDERS} orders")
    return rate


def signed_request(bench: Bench, token: str) -> bytes:
    """What an official SDK sends: common parameters in the URL, sorted JSON as the body."""
    orders = []
    for _ in range(ORDERS):
        to = bench.parcel()
        plain = to.recipient
        orders.append(
            {
                "items": [{"item_count": 2, "item_name": "不锈钢保温杯", "item_specs": "500ml/雾蓝"}],
                "order_id": to.order_ref.removeprefix("S/"),
                "receiver_info": {
                    "address": {
                        "city_name": plain.city,  # type: ignore[union-attr]
                        "country_code": "CHN",
                        "detail_address": plain.detail,  # type: ignore[union-attr]
                        "district_name": plain.district,  # type: ignore[union-attr]
                        "province_name": plain.province,  # type: ignore[union-attr]
                        "street_name": plain.town,  # type: ignore[union-attr]
                    },
                    "contact": {"mobile": plain.phone, "name": plain.name},  # type: ignore[union-attr]
                },
            }
        )
    address = {
        "city_name": SENDER.city,
        "country_code": "CHN",
        "detail_address": SENDER.detail,
        "district_name": SENDER.district,
        "province_name": SENDER.province,
    }
    call = {
        "logistics_code": "jtexpress",
        "order_channel": "1",
        "order_infos": orders,
        "sender_info": {"address": address, "contact": {"mobile": SENDER.phone, "name": SENDER.contact}},
    }
    text = json.dumps(call, ensure_ascii=False, separators=(",", ":"))
    at = str(int(time.time()))
    plain_text = f"{SECRET}app_key{APP}method{METHOD}param_json{text}timestamp{at}v2{SECRET}"
    sign = hmac.new(SECRET.encode(), plain_text.encode(), hashlib.sha256).hexdigest()
    query = f"app_key={APP}&method={METHOD}&timestamp={at}&v=2&sign={sign}&sign_method=hmac-sha256&access_token={token}"
    body = text.encode()
    head = (
        f"POST /doudian/logistics/newCreateOrder?{quote(query, safe='=&')} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def tokens_of(bench: Bench, folder: Path) -> dict[int, str]:
    """A token of every merchant's shop for one app."""
    root = open_root_key(folder, None, sandbox=True)
    own = [shop(merchant_id, f"S{merchant_id}") for merchant_id in bench.accounts]
    form = Registration("bench", AppKind.SELF_USE, scopes_for("shop"), tuple(own[:1]), calls_per_second=100_000)
    await access.register_sandbox_app(bench.db, root, form, APP, SECRET)
    gate = asyncio.Semaphore(8)

    async def one(merchant_id: int) -> str:
        async with gate:
            subject = shop(merchant_id, f"S{merchant_id}")
            await tokens.authorise_own(bench.db, APP, subject)
            return (await tokens.self_authorise(bench.db, root, APP, SubjectKind.SHOP, subject.name)).access_token

    return dict(zip(bench.accounts, await asyncio.gather(*map(one, bench.accounts)), strict=True))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """`miandan serve` as a process of its own, on the bench's database: the port it listens on, and its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MIANDAN_DATA": str(folder), "MIANDAN_SANDBOX": "1"}
    command = [str(Path(sys.executable).with_name("miandan")), "serve", "--port", str(port)]
    server = await asyncio.to_thread(subprocess.Popen, command, env=environment, stderr=subprocess.DEVNULL)
    try:
        await _until_up(port, server)
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.wait, 60)


async def _until_up(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise SystemExit("the server did not start")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit("the server did not start in time")


async def compare(
    bench: Bench, port: int, token_of: dict[int, str], name: str, merchants: int
) -> tuple[Comparison, float]:
    """The comparison, and p99 of all rounds in milliseconds."""
    random = Random(11)
    latencies: list[float] = []

    def merchant_of() -> int:
        return 1 + random.randrange(merchants)

    everyone = [signed_request(bench, token_of[merchant_id]) for merchant_id in range(1, merchants + 1)]
    await http_rate(port, everyone, [])  # leases and caches

    async def candidate() -> float:
        return await http_rate(
            port, [signed_request(bench, token_of[merchant_of()]) for _ in range(REQUESTS)], latencies
        )

    async def baseline() -> float:
        return await raw_rate(bench, merchant_of, ORDERS, 16)

    comparison = await alternate_async(name, candidate, baseline)
    return comparison, quantiles(latencies, n=100)[98] * 1000


async def costs(bench: Bench, folder: Path, port: int, pid: int, token: str) -> str:
    """Where the time of a request goes."""
    ready = [signed_request(bench, token) for _ in range(REQUESTS)]
    before = processor_seconds([pid]), processor_seconds(database_pids(folder))
    await http_rate(port, ready, [])
    after = processor_seconds([pid]), processor_seconds(database_pids(folder))
    worker, database = ((now - then) / REQUESTS * 1e6 for now, then in zip(after, before, strict=True))
    return line(await parts(bench, signed_request(bench, token), SECRET, ORDERS), worker, database)


async def run(write: Callable[[str], Any]) -> None:
    """Both comparisons, the latencies, and where the time of a request goes."""
    with bench_folder() as folder:
        async with open_bench(folder, 1000) as bench:
            token_of = await tokens_of(bench, folder)
            async with serving(folder) as (port, pid):
                for title, merchants, target in (("hot merchant", 1, 0.40), ("1,000 merchants", 1000, 0.28)):
                    what = (
                        f"newCreateOrder over HTTP, {ORDERS} orders x {CONNECTIONS} connections, {title}, against RAW"
                    )
                    comparison, p99 = await compare(bench, port, token_of, what, merchants)
                    write(comparison.line(target, "numbers"))
                    verdict = "ok" if p99 < WORST_P99_MS else "MISSED"
                    write(f"  p99 of a request: {p99:.1f} ms, target below {WORST_P99_MS}: {verdict}")
                write(await costs(bench, folder, port, pid, token_of[1]))


def main() -> None:
    """Print the lines."""
    asyncio.run(run(lambda line: sys.stdout.write(line + "\n")))


if __name__ == "__main__":
    main()

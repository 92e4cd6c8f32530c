"""Taking numbers against RAW: one prepared statement per batch that inserts the same key and waybill rows.

RAW gets its rows from ready arrays and writes them into unpartitioned copies that have only their primary key. Same
callers, connections, pool, database and fsync. The take does everything else besides: sealing and digest, lease, key
row with its unique constraints, ledger, durable commit.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from bench.folders import bench_folder
from bench.pairs import Comparison, alternate_async
from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.accounts.model import Sender
from miandan.branches import routes
from miandan.branches import service as branches
from miandan.branches.model import Branch
from miandan.cli.sandbox import route_rows
from miandan.kernel.clock import now
from miandan.kernel.database import Database, open_database
from miandan.kernel.settings import Settings
from miandan.merchants import service as merchants
from miandan.vault.model import Recipient
from miandan.vault.root import open_root_key
from miandan.vault.service import Vault
from miandan.waybills.counter import Counter, open_counter
from miandan.waybills.desk import month_of
from miandan.waybills.model import ParcelAsk, Taken, TakeRequest
from miandan.waybills.service import take

BRANCH = "57100"
SENDER = Sender("示例仓", "0571-00000000", "浙江省", "杭州市", "余杭区", "示例路 1 号", "330110")
UNITS = 100_000_000
SECONDS = 2.0
CONNECTIONS = 16


@dataclass(slots=True)
class Bench:
    """A database with many merchants, each with an account of plenty."""

    db: Database
    vault: Vault
    accounts: dict[int, tuple[UUID, UUID]] = field(default_factory=dict)
    serial: "count[int]" = field(default_factory=count)

    def parcel(self) -> ParcelAsk:
        place = next(self.serial)
        to = Recipient(
            f"收件人{place % 977}", f"190{place % 100_000_000:08}", "", "浙江省", "杭州市", "余杭区", "仓前街道",
            f"文一西路 {place % 1999} 号 {place % 31} 幢 {place % 17} 单元 {place % 901} 室", "330110",
        )  # fmt: skip
        goods = ({"line_id": str(place), "title": "不锈钢保温杯", "spec": "500ml/雾蓝", "quantity": 1 + place % 3},)
        return ParcelAsk((f"S/{place}",), f"S/{place}", to, goods, "330110", "S")

    def request(self, merchant_id: int, size: int) -> TakeRequest:
        account_id, ship_from_id = self.accounts[merchant_id]
        return TakeRequest(merchant_id, account_id, ship_from_id, tuple(self.parcel() for _ in range(size)), "bench")


@asynccontextmanager
async def open_bench(folder: Path, merchant_count: int) -> AsyncIterator[Bench]:
    settings = Settings(data=folder, sandbox=True)
    async with open_database(settings, pool_size=CONNECTIONS + 2) as db:
        vault = await Vault.open(db, open_root_key(folder, None, sandbox=True))
        bench = Bench(db, vault)
        await branches.open_branch(db, Branch("jt", BRANCH, "示例网点", now()))
        await branches.load_segment(db, "jt", BRANCH, 0, 9_000_000_000_000)
        await branches.receive_stock(db, "jt", BRANCH, UNITS * merchant_count)
        await routes.load_route_table(db, "jt", route_rows(), sandbox=True)
        for merchant_id in range(1, merchant_count + 1):
            bench.accounts[merchant_id] = await _open_account(db, merchant_id)
        await make_raw_tables(db)
        yield bench


async def _open_account(db: Database, merchant_id: int) -> tuple[UUID, UUID]:
    await merchants.register_merchant(db, f"示例 {merchant_id}", "enterprise", merchant_id)
    asked = await applications.apply(db, merchant_id, "jt", ship_from=[SENDER], branch_code=BRANCH)
    account = await applications.approve(db, merchant_id, asked.application_id, carrier_reads=True)
    await accounts.recharge(db, merchant_id, account.account_id, UNITS)
    [ship_from] = await accounts.ship_from_of(db, merchant_id, account.account_id)
    return account.account_id, ship_from.ship_from_id


async def make_raw_tables(db: Database) -> None:
    """Copies of the key and waybill tables: same columns and types, no partitions, only the primary key."""
    for table, key in (
        ("parcel_key", "merchant_id, parcel_key, ended_at"),
        ("waybill", "merchant_id, carrier, number, month"),
    ):
        await db.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING DEFAULTS, PRIMARY KEY ({key}))")


_KEY_COLUMNS = {
    "merchant_id": "bigint", "parcel_key": "text", "carrier": "text", "number": "text", "seat": "smallint",
}  # fmt: skip
_WAYBILL_COLUMNS = {
    "merchant_id": "bigint", "carrier": "text", "number": "text", "account_id": "uuid", "lease_id": "uuid",
    "units": "smallint", "shop_id": "text", "order_ref": "text", "parent_number": "text", "piece": "smallint",
    "pieces": "smallint", "ship_from_id": "uuid", "product": "text", "goods": "text", "services": "text",
    "division_code": "text", "sort_code": "text", "big_mark": "text", "bag_centre": "text", "barcode_text": "text",
    "qr_text": "text", "route_version": "integer", "recipient_token": "uuid", "recipient_key": "bytea",
    "recipient": "bytea", "recipient_digest": "bytea", "recipient_index": "bytea", "taken_by": "text",
}  # fmt: skip


def _insert(table: str, columns: dict[str, str], constants: dict[str, str], first: int) -> str:
    arrays = ", ".join(f"${first + place}::{kind}[]" for place, kind in enumerate(columns.values()))
    values = ", ".join(f"{name}::jsonb" if name in ("goods", "services") else name for name in columns)
    return f"""INSERT INTO {table} ({", ".join([*columns, *constants])})
               SELECT {", ".join([values, *constants.values()])} FROM unnest({arrays}) AS r ({", ".join(columns)})"""


_RAW = f"""
    WITH keyed AS ({_insert("raw_parcel_key", _KEY_COLUMNS, {"month": "$2"}, 3)})
    {_insert("raw_waybill", _WAYBILL_COLUMNS, {"taken_at": "$1", "month": "$2"}, 3 + len(_KEY_COLUMNS))}
"""


async def raw_rows(bench: Bench, merchant_of: Callable[[], int], size: int, batches: int) -> list[list[Any]]:
    """Ready arrays: what the takes of `batches` batches would write."""
    arrays = []
    at = now()
    for _ in range(batches):
        merchant_id = merchant_of()
        keys = await bench.vault.keys_of(merchant_id)
        account_id, ship_from_id = bench.accounts[merchant_id]
        waybills: list[tuple[Any, ...]] = []
        key_rows: list[tuple[Any, ...]] = []
        for _ in range(size):
            parcel = bench.parcel()
            assert isinstance(parcel.recipient, Recipient)
            sealed = keys.seal(parcel.recipient, parcel.order_ref)
            number = f"RW{next(bench.serial):013}"
            goods = f'[{{"line_id":"{number}","title":"不锈钢保温杯","spec":"500ml/雾蓝","quantity":2}}]'
            key_rows.append((merchant_id, parcel.keys[0], "jt", number, 0))
            waybills.append((
                merchant_id, "jt", number, account_id, account_id, 1, "S", parcel.order_ref, None, 1, 1,
                ship_from_id, "", goods, "{}", "330110", "3301-10 000", "示例 杭州", "杭州集", number, number, 1,
                sealed.token, sealed.key, sealed.body, sealed.digest, sealed.index, "bench",
            ))  # fmt: skip
        arrays.append([at, month_of(at), *zip(*key_rows, strict=True), *zip(*waybills, strict=True)])
    return arrays


async def raw_rate(bench: Bench, merchant_of: Callable[[], int], size: int, callers: int) -> float:
    """Numbers per second of RAW."""
    ready = await raw_rows(bench, merchant_of, size, int(callers * 40 * (10 / size) ** 0.5))
    source = iter(ready)

    async def one() -> None:
        for arrays in source:
            async with bench.db.connection() as connection:
                await connection.execute(_RAW, *arrays)

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(callers)))
    return len(ready) * size / (time.perf_counter() - start)


async def take_rate(bench: Bench, counter: Counter, merchant_of: Callable[[], int], size: int, callers: int) -> float:
    """Numbers per second through the public service function."""
    end = time.perf_counter() + SECONDS
    taken = 0

    async def one() -> None:
        nonlocal taken
        while time.perf_counter() < end:
            outcomes = await take(counter, bench.request(merchant_of(), size))
            taken += sum(isinstance(outcome, Taken) for outcome in outcomes)

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(callers)))
    return taken / (time.perf_counter() - start)


async def batches_of_ten(bench: Bench, name: str, merchants_in_play: int) -> Comparison:
    random = Random(7)

    def merchant_of() -> int:
        return 1 + random.randrange(merchants_in_play)

    async with open_counter(bench.db, bench.vault) as counter:
        everyone = range(1, merchants_in_play + 1)
        await asyncio.gather(*(take(counter, bench.request(merchant_id, 1)) for merchant_id in everyone))

        async def candidate() -> float:
            return await take_rate(bench, counter, merchant_of, 10, 16)

        async def baseline() -> float:
            return await raw_rate(bench, merchant_of, 10, 16)

        return await alternate_async(name, candidate, baseline)


async def singles(bench: Bench, folder: Path) -> Comparison:
    """Grouped takes against the best of 8, 16 and 64 connections without grouping, leases on in both."""

    async def grouped() -> float:
        async with open_counter(bench.db, bench.vault) as counter:
            return await take_rate(bench, counter, lambda: 1, 1, 64)

    async def ungrouped() -> float:
        rates = []
        for lanes in (8, 16, 64):
            settings = Settings(data=folder, sandbox=True)
            async with (
                open_database(settings, pool_size=lanes + 2) as db,
                open_counter(db, bench.vault, lanes=lanes, most_parcels=1) as counter,
            ):
                same = Bench(db, bench.vault, bench.accounts, bench.serial)
                rates.append(await take_rate(same, counter, lambda: 1, 1, 64))
        return max(rates)

    return await alternate_async(
        "take, single numbers x 64 callers, hot merchant, against ungrouped", grouped, ungrouped
    )


async def run(write: Callable[[str], Any]) -> None:
    """All three comparisons."""
    with bench_folder() as folder:
        async with open_bench(folder, 1000) as bench:
            hot = await batches_of_ten(bench, "take, batch 10 x 16 callers, hot merchant, against RAW", 1)
            write(hot.line(0.45, "numbers"))
            spread = await batches_of_ten(bench, "take, batch 10 x 16 callers, 1,000 merchants, against RAW", 1000)
            write(spread.line(0.40, "numbers"))
            write((await singles(bench, folder)).line(3, "numbers"))


def main() -> None:
    """Print the lines."""
    asyncio.run(run(lambda line: sys.stdout.write(line + "\n")))


if __name__ == "__main__":
    main()

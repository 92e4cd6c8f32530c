"""`miandan branches`: a carrier's offices and what they hand out. Whatever is loaded twice is loaded once."""

import csv
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from miandan.branches import loaded, routes, service
from miandan.branches.model import HEAD_OFFICE, Branch, PoolLevel, Stock
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier
from miandan.carriers.numbers import NumberKind, NumberRule
from miandan.cli import known, typed
from miandan.cli.installation import open_installation
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, write_list
from miandan.cli.words import carrier_words
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

_BRANCHES = (
    Column("carrier", "快递 carrier", carrier_words),
    Column("branch", "网点编号 code"),
    Column("stock", "库存 stock"),
    Column("sold", "已售 sold"),
    Column("pool_left", "号池剩余 pool left"),
    Column("pool_loaded", "号池总数 loaded"),
    Column("route_table", "路由表 routes"),
    Column("name", "名称 name"),
)
_KINDS = (NumberKind.STANDARD, NumberKind.INTERNATIONAL, NumberKind.CHILD, NumberKind.RETURN)
"""What an operator loads; numbers of the sandbox kind are for the sandbox."""


@dataclass(frozen=True, slots=True)
class Office:
    """What was typed about an office."""

    name: str
    province: str = ""
    city: str = ""
    district: str = ""
    address: str = ""
    phone: str = ""


async def add(carrier: str, code: str, office: Office) -> int:
    """Open an office. Raises carrier.unknown, setup.*, branch.exists where the open one has another name."""
    owner, branch_code = catalogue().find(carrier), typed.branch_code(code)
    name = typed.name(office.name, "网点名称 branch's name")
    places = {part: getattr(office, part).strip() for part in ("province", "city", "district", "address", "phone")}
    async with open_installation() as session:
        try:
            branch = await service.open_branch(session.db, Branch(owner.code, branch_code, name, now(), **places))
            done = "已登记 opened"
        except Refusal as refusal:
            if refusal.code != "branch.exists":
                raise
            branch = await service.find_branch(session.db, owner.code, branch_code)
            if branch.name != name:
                raise
            done = "早已登记，没有变化 was open already"
    say(f"✓ {done}: {_named(owner, branch_code)} {shown(branch.name)}")
    return 0


async def list_branches(carrier: str | None, as_json: bool) -> int:
    """Open offices of one carrier or of all, with their stock and what their pools still hold."""
    carriers = [catalogue().find(carrier)] if carrier else list(catalogue())
    async with open_session() as session:
        rows = [row for one in carriers for row in await _rows(session.db, one)]
    printed = [row | {"branch": row["branch"] or "总部 head office"} for row in rows]
    write_list(_BRANCHES, rows if as_json else printed, as_json=as_json)
    say(f"  网点 {len(rows)} 个 branches" if rows else "✓ 没有网点 no branch is open")
    return 0


async def _rows(db: Database, carrier: Carrier) -> list[dict[str, Any]]:
    version = await routes.current_version(db, carrier.code)
    return [
        _row(
            branch,
            await service.stock_of(db, carrier.code, branch.branch_code),
            await service.pool_levels(db, carrier.code, branch.branch_code),
            version,
        )
        for branch in await service.branches_of(db, carrier.code)
    ]


def _row(branch: Branch, stock: Stock, pools: tuple[PoolLevel, ...], version: int | None) -> dict[str, Any]:
    return {
        "carrier": branch.carrier,
        "branch": branch.branch_code,
        "name": branch.name,
        "opened_at": branch.opened_at,
        "stock": stock.left,
        "received": stock.received,
        "returned": stock.returned,
        "sold": stock.sold,
        "pool_left": sum(pool.left for pool in pools),
        "pool_loaded": sum(pool.loaded for pool in pools),
        "pools": {pool.kind: {"loaded": pool.loaded, "left": pool.left} for pool in pools},
        "route_table": None if version is None else str(version),
    }


async def load_segment(carrier: str, code: str, ends: tuple[str, str], kind: str, wanted_count: int | None) -> int:
    """Add a range of numbers, typed as whole numbers. Raises setup.choice, setup.number_malformed,
    setup.count_differs and what `service.load_segment` raises; segment.overlaps only where it is not this very range of
    this office."""
    owner, branch_code = catalogue().find(carrier), typed.branch_code(code)
    wanted = NumberKind(typed.choice(kind, _KINDS, "--kind"))
    rule = owner.rule(wanted)
    serials = _serial(rule, ends[0]), _serial(rule, ends[1])
    count = serials[1] - serials[0] + 1
    if wanted_count not in (None, count):
        raise Refusal("setup.count_differs", count=count, wanted=wanted_count)
    async with open_installation() as session:
        try:
            await service.load_segment(session.db, owner.code, branch_code, *serials, wanted)
            done = "已导入 loaded"
        except Refusal as refusal:
            if refusal.code != "segment.overlaps":
                raise
            if not await loaded.has_segment(session.db, owner.code, branch_code, rule.kind.value, *serials):
                raise
            done = "早已导入，没有变化 was loaded already"
        await _say_pool(session.db, owner, branch_code)
    say(f"✓ {done}: {rule.format(serials[0])} 至 to {rule.format(serials[1])}，{count:,} 个单号 numbers")
    return 0


def _serial(rule: NumberRule, text: str) -> int:
    """The serial of a whole number. A bare serial is none: a number that lacks a digit would pass for one.

    Raises setup.number_malformed.
    """
    number = text.strip().upper()
    serial = rule.serial_of(number)
    if serial is None:
        lowest, highest = rule.format(rule.first), rule.format(rule.capacity - 1)
        raise Refusal("setup.number_malformed", text=shown(number), lowest=lowest, highest=highest)
    return serial


async def load_numbers(carrier: str, code: str, file: Path) -> int:
    """Add a list of numbers, one a line or the first column of a CSV file. Raises setup.file_unreadable and what
    `service.load_list` raises; list.number_twice only where the office does not have all of them."""
    owner, branch_code = catalogue().find(carrier), typed.branch_code(code)
    numbers = _numbers(typed.text_of(file))
    async with open_installation() as session:
        try:
            await service.load_list(session.db, owner.code, branch_code, numbers)
            done = "已导入 loaded"
        except Refusal as refusal:
            if refusal.code != "list.number_twice":
                raise
            if not await loaded.has_list(session.db, owner.code, branch_code, numbers):
                raise
            done = "早已导入，没有变化 was loaded already"
        await _say_pool(session.db, owner, branch_code)
    say(f"✓ {done}: {len(numbers):,} 个单号 numbers")
    return 0


def _numbers(text: str) -> list[str]:
    """First cells; a head that holds no digit is passed over."""
    cells = [row[0].strip().upper() for row in csv.reader(io.StringIO(text)) if row and row[0].strip()]
    has_head = bool(cells) and not any(character.isdigit() for character in cells[0])
    return cells[1:] if has_head else cells


async def receive(carrier: str, code: str, units: int, key: str) -> int:
    """Book units that the carrier gave the office. Raises setup.entry_missing and what `service.receive_stock` does."""
    return await _book(("receive", "已入库 received"), service.receive_stock, (carrier, code, units, key))


async def give_back(carrier: str, code: str, units: int, key: str) -> int:
    """Book units that the office gave back. Raises setup.entry_missing and what `service.give_back_stock` does."""
    return await _book(("give_back", "已退回 given back"), service.give_back_stock, (carrier, code, units, key))


async def _book(words: tuple[str, str], verb: Callable[..., Awaitable[Stock]], asked: tuple[str, str, int, str]) -> int:
    (kind, done), (carrier, code, units, key) = words, asked
    owner, branch_code = catalogue().find(carrier), typed.branch_code(code)
    entry = typed.entry(kind, owner.code, key)
    async with open_installation() as session:
        stock, before = await known.booked(
            session.db, owner.code, entry, key, lambda: verb(session.db, owner.code, branch_code, units, entry)
        )
    said = "早已登记，没有变化 was booked already" if before else done
    say(f"✓ {said}: {_named(owner, branch_code)} {units:,} 单 units（{shown(key.strip())}）")
    say(f"  库存 stock {stock.left:,}，累计入库 received {stock.received:,}，已售 sold {stock.sold:,}")
    return 0


async def load_routes(carrier: str, file: Path, since: datetime | None) -> int:
    """Store a route table that holds from a Beijing day on. Raises setup.file_unreadable, route.*."""
    owner, data = catalogue().find(carrier), typed.content(file)
    rows = routes.read_toml(data) if file.suffix.lower() == ".toml" else routes.read_csv(data)
    day = trade_day(now()) if since is None else since.date()
    async with open_installation() as session:
        version = await loaded.route_version_with(session.db, owner.code, rows, day, sandbox=session.sandbox)
        done = "早已导入，没有变化 was loaded already"
        if version is None:
            table = await routes.load_route_table(session.db, owner.code, rows, day, sandbox=session.sandbox)
            version, done = table.version, "已导入 loaded"
    say(f"✓ {done}: {owner.zh} 路由表第 {version} 版 route table, {len(rows):,} 行 rows, {day} 起生效 from then on")
    return 0


async def _say_pool(db: Database, carrier: Carrier, branch_code: str) -> None:
    for level in await service.pool_levels(db, carrier.code, branch_code):
        words = f"{level.kind}: 剩余 left {level.left:,} / {level.loaded:,}"
        say(f"  {_named(carrier, branch_code)} 号池 pool {words}")


def _named(carrier: Carrier, branch_code: str) -> str:
    office = "总部 head office" if branch_code == HEAD_OFFICE else f"网点 {shown(branch_code)}"
    return f"{carrier.zh} {office}"

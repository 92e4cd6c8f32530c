"""Nobody's name, phone, address or remark is left in a log, a stream or a book of calls, whatever clients do wrong.

Planted people go through every door of a real server, in every place of a request; then all that the server said, and
every table where calls, messages and acts are written down, is searched for them in every spelling.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import structs

from miandan.access import pushes
from miandan.kernel.database import Database, open_database
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.settings import Settings
from miandan.orders import intake
from miandan.orders.model import OrderRef
from miandan.orders.standing import OrderEvent
from tests.cli.clerk import PROGRAM
from tests.dialects.doudian.erp import MERCHANT, SHOP, order, receiver, take
from tests.dialects.doudian.listener import Listener
from tests.dialects.doudian.orders import put_order, recipient
from tests.dialects.doudian.storm import GOOD, TAKE, Storm, ask
from tests.sandboxes import load
from tests.served import Served, served
from tests.vault.planted import Finding, planted_in_database, planted_in_text

BOOKS = ("api_call", "outbox", "push_delivery", "audit_entry")
"""Tables that say what happened: ids of orders and numbers at most, never what else a client wrote."""

_PATIENCE_SECONDS = 30
_TROUBLED_SECONDS = 120
"""For an answer while the database is in trouble: a take tries again for a while."""


class _Everything(logging.Handler):
    """Every record of every logger as it would be written, with its traceback."""

    def __init__(self) -> None:
        super().__init__(1)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r} {record.__dict__!r}")


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """What any logger of this process says at any level until the block ends."""
    handler, root = _Everything(), logging.getLogger()
    before = {name: logging.getLogger(name).level for name in ("", *logging.root.manager.loggerDict)}
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(1)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def in_books(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if any(f".{book}." in one.place for book in BOOKS)]


async def assert_nobody_is_kept(db: Database, storm: Storm) -> None:
    """Books of what happened hold no text of any client, and no table holds anybody where nobody belongs."""
    assert in_books(await planted_in_database(db, storm.words)) == []
    assert await planted_in_database(db, storm.words_of_nobody) == []


async def break_over(storm: Storm, *, url: str) -> int:
    """Every mistake once; how many requests that were."""
    storm.url = url
    await storm.begin()
    number, order_id = await storm.number()
    sent = [(one.place, await ask(url, one.raw, one.patience)) for one in storm.requests(number, order_id)]
    answered = [(place, json.loads(answer)) for place, answer in sent if answer.startswith(b"{")]
    assert set(GOOD) <= {place for place, _ in answered}
    for place, answer in answered:
        if place in GOOD:
            assert answer["code"] == 10000, (place, answer)
            assert not answer["data"].get("err_infos"), (place, answer)
    codes = {answer.get("code") for _, answer in answered}
    assert {10000, 40001, 40003, 40004, 50002} <= codes, codes  # the storm reached what it was made for
    return len(sent)


@asynccontextmanager
async def sandbox(settings: Settings) -> AsyncIterator[Served]:
    settings.data.mkdir(parents=True, exist_ok=True)
    await load(settings)
    async with served(settings) as running:
        yield running


async def test_no_log_and_no_book_of_a_server_holds_anybody_whatever_a_client_sends(settings: Settings) -> None:
    streams = io.StringIO()
    with all_logs() as lines, contextlib.redirect_stdout(streams), contextlib.redirect_stderr(streams):
        async with sandbox(settings) as running, Listener().listening() as listener:
            hall = running.hall
            storm = Storm(running.url)
            await pushes.subscribe(hall.db, storm.erp.app_key, listener.url)
            assert await break_over(storm, url=running.url) > 50
            one = storm.somebody("order of ours")
            order_id = await put_order(hall, name=one.name, mobile=one.phone, detail=one.detail)
            await _change_address(running, storm, order_id)
            await _pushed(listener)
            await hall.calls.flush()
            await assert_nobody_is_kept(hall.db, storm)
            for book in BOOKS:
                assert await hall.db.fetchval(f"SELECT count(*) FROM {book}") > 0, book
    said = "\n".join(lines)
    assert planted_in_text(said + streams.getvalue(), storm.words) == []
    assert "uvicorn" in said, "the logs were listened to"


async def _change_address(running: Served, storm: Storm, order_id: str) -> None:
    one = storm.somebody("new address")
    moved = structs.replace(
        recipient(name=one.name, mobile=one.phone, detail=one.detail), buyer_remark=one.buyer_remark
    )
    keys = await running.hall.vault.keys_of(MERCHANT)
    where = OrderRef(SHOP, order_id)
    await intake.hear(running.hall.db, keys, where, OrderEvent.ADDRESS_CHANGED, 2, recipient=moved)


async def _pushed(listener: Listener) -> None:
    for _ in range(_PATIENCE_SECONDS * 20):
        if len(listener.messages) > 1:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was pushed")


TROUBLES = {
    "a constraint that quotes the row": (
        "ALTER TABLE waybill ADD CONSTRAINT never CHECK (shop_id = 'never') NOT VALID",
        "ALTER TABLE waybill DROP CONSTRAINT never",
    ),
    "a table that is gone": ("ALTER TABLE parcel_key RENAME TO away", "ALTER TABLE away RENAME TO parcel_key"),
    "a column that is gone": (
        "ALTER TABLE trade_order RENAME COLUMN recipient TO away",
        "ALTER TABLE trade_order RENAME COLUMN away TO recipient",
    ),
}


async def test_trouble_of_the_database_names_nobody(settings: Settings, server_settings: Settings) -> None:
    storm = Storm("")
    with all_logs() as lines:
        async with sandbox(settings) as running:
            storm.url = running.url
            await storm.begin()
            known = await put_order(running.hall)
            for breaking, mending in TROUBLES.values():
                await running.hall.db.execute(breaking)
                answers = await _takes(storm, known, breaking)
                await running.hall.db.execute(mending)
                assert any(answer["code"] != 10000 or answer["data"]["err_infos"] for answer in answers), breaking
                assert planted_in_text(json.dumps(answers, ensure_ascii=False), storm.words) == []
            answers = await _takes_while_connections_die(storm, known, settings)
            assert planted_in_text(json.dumps(answers, ensure_ascii=False), storm.words) == []
            await _noted(running)
            async with open_database(settings, pool_size=2) as db:  # the server's own connections may be dying still
                await assert_nobody_is_kept(db, storm)
    assert planted_in_text("\n".join(lines), storm.words) == []
    log = Layout.of(server_settings.data).log.read_text(encoding="utf-8", errors="replace")
    assert planted_in_text(log, storm.words) == []


async def _noted(running: Served) -> None:
    """Every call so far is written down, over a connection that lives."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await running.hall.calls.flush()
                return
            await asyncio.sleep(0.05)


async def _takes(storm: Storm, known: str, place: str, times: int = 3) -> list[dict[str, Any]]:
    """Orders of another channel and of our own, each with people of its own."""
    raw = []
    for turn in range(times):
        for channel in ("1", ""):
            one = storm.somebody(f"{place} {turn} {channel}")
            info = receiver(one.name, one.phone, one.detail)
            asked = order(known if not channel else None, receiver_info=info, remark=one.buyer_remark)
            text = json.dumps(take(asked, carrier="yuantong", order_channel=channel))
            raw.append(storm.post(storm.erp, TAKE, text))
    return [json.loads(one) for one in await asyncio.gather(*(ask(storm.url, one, _TROUBLED_SECONDS) for one in raw))]


async def _takes_while_connections_die(storm: Storm, known: str, settings: Settings) -> list[dict[str, Any]]:
    killer = await asyncpg.connect(settings.database_url)
    done = asyncio.Event()

    async def kill() -> None:
        for turn in count():
            if done.is_set():
                return
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.02 if turn % 20 else 0.5)  # a take that never finds the database gives up too late

    def failed(answer: dict[str, Any]) -> bool:
        return answer["code"] != 10000 or bool(answer["data"]["err_infos"])

    killing = asyncio.create_task(kill())
    answers: list[dict[str, Any]] = []
    try:
        for turn in range(100):
            if turn >= 5 and any(map(failed, answers)):
                break
            answers += await _takes(storm, known, f"connections die {turn}")
    finally:
        done.set()
        await killing
        await killer.close()
    assert any(map(failed, answers))
    return answers


def test_a_server_that_is_started_called_and_stopped_says_nobody_on_its_streams(settings: Settings) -> None:
    settings.data.mkdir(parents=True, exist_ok=True)
    asyncio.run(load(settings))
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "MIANDAN_DATA": str(settings.data),
        "MIANDAN_DATABASE_URL": settings.database_url or "",
        "MIANDAN_SANDBOX": "1",
        "PYTHONDEVMODE": "1",
    }
    command = [str(PROGRAM), "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    storm = Storm("")
    try:
        assert process.stderr is not None
        begun = _until_it_listens(process.stderr)
        url = re.findall(r"(http://127\.0\.0\.1:\d+)/doudian", begun)[0]
        assert asyncio.run(break_over(storm, url=url)) > 50
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Stopped" in err
    assert planted_in_text(begun + out + err, storm.words) == []
    asyncio.run(_nobody_is_kept(settings, storm))


def _until_it_listens(stream: Iterable[str]) -> str:
    said = ""
    for line in stream:  # it ends with the program
        said += line
        if "/api/v1" in line:
            return said
    raise AssertionError(said)


async def _nobody_is_kept(settings: Settings, storm: Storm) -> None:
    async with open_database(settings, pool_size=2) as db:
        await assert_nobody_is_kept(db, storm)
        assert await db.fetchval("SELECT count(*) FROM api_call") > 40


def test_the_search_finds_a_person_in_a_log_of_any_spelling(tmp_path: Path) -> None:
    storm = Storm("")
    one = storm.somebody("somewhere")
    with all_logs() as lines:
        try:
            raise ValueError(one.phone)
        except ValueError:
            logging.getLogger("uvicorn.error").debug("%r failed", {"to": one.name}, exc_info=True)
    assert {found.word for found in planted_in_text("\n".join(lines), storm.words)} == {
        "somewhere: name",
        "somewhere: phone",
    }

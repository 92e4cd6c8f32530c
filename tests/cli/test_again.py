"""Running again: the same numbers, labels marked as copies; after an interruption the rest; two runs at once."""

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.clerk import Clerk, finish, states
from tests.orders.tables import order_row

MANY = 600
_GATE = 815_493_001
_GATE_AFTER_THE_FIRST = f"""
    CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM waybill) THEN PERFORM pg_advisory_xact_lock_shared({_GATE}); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait_at_the_gate BEFORE INSERT ON waybill
        FOR EACH STATEMENT EXECUTE FUNCTION wait_at_the_gate();
"""
"""Once some numbers are there, further ones are written down only while nobody holds the gate."""


def asked(clerk: Clerk, sql: str) -> list[Any]:
    """Rows of the clerk's database."""

    async def fetch() -> list[Any]:
        import asyncpg

        connection = await asyncpg.connect(clerk.environment["MIANDAN_DATABASE_URL"])
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def numbers_in_the_books(clerk: Clerk) -> int:
    [(count,)] = asked(clerk, "SELECT count(*) FROM waybill")
    return int(count)


@contextmanager
def held(clerk: Clerk, sql: str) -> Iterator[None]:
    """A transaction of somebody else that has done this and is open until the block ends."""
    import asyncpg

    with asyncio.Runner() as runner:
        connection: Any = runner.run(asyncpg.connect(clerk.environment["MIANDAN_DATABASE_URL"]))
        try:
            runner.run(connection.execute(f"BEGIN; {sql}"))
            yield
        finally:
            runner.run(connection.close())


@contextmanager
def stopped_while_taking(clerk: Clerk, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`miandan ship orders.csv` when some of the numbers are in the books; it gets no more before the block ends."""
    with held(clerk, f"{_GATE_AFTER_THE_FIRST} COMMIT; BEGIN; SELECT pg_advisory_xact_lock({_GATE})"):
        process = clerk.start("ship", "orders.csv", *arguments)
        while not numbers_in_the_books(clerk):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.002)
        yield process


def assert_every_promise_holds(clerk: Clerk) -> None:
    done = clerk.run("check")
    assert done.code == 0, json.loads(done.out)


def copies(clerk: Clerk, name: str = "labels.pdf") -> list[int]:
    """Which copy each label says it is; the first says nothing."""
    found = [re.search(r"补打第(\d+)份", sheet) for sheet in clerk.sheets(name)]
    return [int(match[1]) if match else 1 for match in found]


@pytest.mark.parametrize("carrier", ["zto", "sf", "zto_intl"], ids=["segment", "live", "list"])
def test_a_second_run_takes_no_number_and_its_labels_are_copies(clerk: Clerk, carrier: str) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 9)))
    assert clerk.ship("--carrier", carrier).code == 0
    first = clerk.numbers()
    assert copies(clerk) == [1] * 8
    done = clerk.ship("--carrier", carrier)
    assert (done.code, clerk.numbers(), set(states(clerk.report()))) == (0, first, {"kept"})
    assert copies(clerk) == [2] * 8
    assert numbers_in_the_books(clerk) == 8
    assert "labels marked as copies" in done.err


def test_orders_added_to_the_file_get_numbers_beside_those_that_have_one(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(3))
    clerk.ship()
    first = clerk.numbers()
    clerk.orders(*(order_row(number) for number in range(1, 5)))
    assert clerk.ship().code == 0
    assert states(clerk.report()) == ["kept", "taken", "kept", "taken"]
    assert first.items() <= clerk.numbers().items()
    assert copies(clerk) == [2, 1, 2, 1]


@pytest.mark.parametrize("carrier", ["yto", "jd"], ids=["segment", "live"])
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_what_was_cut_short_is_finished_by_the_next_run_without_a_second_number(
    clerk: Clerk, carrier: str, blow: signal.Signals
) -> None:
    many = MANY if carrier == "yto" else MANY // 10
    clerk.orders(*(order_row(number) for number in range(1, many + 1)))
    _cut_while_taking(clerk, carrier, blow)
    assert 0 < numbers_in_the_books(clerk) < many
    if carrier == "jd":
        time.sleep(1.1)  # JD's settle time: before it "not found" says nothing about an answer that was lost
    done = clerk.ship("--carrier", carrier)
    assert done.code == 0, done.err
    assert len(set(clerk.numbers().values())) == clerk.pages() == many
    assert numbers_in_the_books(clerk) == many
    assert set(states(clerk.report())) == {"kept", "taken"}
    assert_every_promise_holds(clerk)


def _cut_while_taking(clerk: Clerk, carrier: str, blow: signal.Signals) -> None:
    """Strike once some orders have their numbers."""
    with stopped_while_taking(clerk, "--carrier", carrier) as process:
        process.send_signal(blow)
    done = finish(process)
    if blow is signal.SIGINT:
        assert done.code == 130, done.err
        assert "不会重复取号" in done.err
        assert asked(clerk, "SELECT count(*) FROM lease WHERE closed_at IS NULL") == [(0,)]
    assert not (clerk.folder / "report.csv").exists()


@pytest.mark.parametrize("carrier", ["sto", "deppon"], ids=["segment", "live"])
def test_two_runs_at_the_same_moment_agree_on_every_number_and_no_label_exists_twice(
    clerk: Clerk, carrier: str
) -> None:
    many = MANY if carrier == "sto" else MANY // 10
    clerk.orders(*(order_row(number) for number in range(1, many + 1)))
    runs = [
        clerk.start("ship", "orders.csv", "--carrier", carrier, "--out", f"{run}.pdf", "--report", f"{run}.csv")
        for run in range(2)
    ]
    done = [finish(run) for run in runs]
    assert [one.code for one in done] == [0, 0], "\n".join(one.err for one in done)
    assert clerk.numbers("0.csv") == clerk.numbers("1.csv")
    assert len(clerk.numbers("0.csv")) == numbers_in_the_books(clerk) == many
    taken = [{row.order for row in clerk.report(f"{run}.csv") if row.state.endswith("taken")} for run in range(2)]
    assert len(taken[0] | taken[1]) == many
    assert not taken[0] & taken[1]
    labels = [
        (order, copy)
        for run in range(2)
        for order, copy in zip(clerk.numbers(f"{run}.csv"), copies(clerk, f"{run}.pdf"), strict=True)
    ]
    assert len(set(labels)) == len(labels) == 2 * many
    assert {copy for _, copy in labels} == {1, 2}


def test_two_first_runs_at_once_on_an_empty_folder_make_one_key(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    runs = [clerk.start("ship", "orders.csv", "--out", f"{run}.pdf", "--report", f"{run}.csv") for run in range(3)]
    assert [finish(run).code for run in runs] == [0, 0, 0]
    assert len({tuple(clerk.numbers(f"{run}.csv").items()) for run in range(3)}) == 1


def test_a_label_of_a_suspended_account_is_printed_again_and_new_orders_are_refused(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    clerk.ship()
    number = clerk.numbers()
    asked(clerk, "UPDATE account SET state = 'suspended' WHERE merchant_id = 1001 AND carrier = 'zto' RETURNING 1")
    clerk.orders(order_row(1), order_row(2))
    done = clerk.ship("--carrier", "zto")
    assert (done.code, clerk.numbers()) == (2, number)
    assert "account.not_active" in done.err
    assert copies(clerk) == [2]


def test_units_that_run_out_stop_only_the_rest_which_the_next_run_finishes(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 121)))
    _leave_units(clerk, 70)
    done = clerk.ship("--carrier", "zto")
    assert done.code == 2
    assert states(clerk.report()).count("taken") == numbers_in_the_books(clerk) == clerk.pages() == 70
    assert {row.number == "" for row in clerk.report() if row.state.endswith("refused")} == {True}
    assert "units.exhausted" in done.err
    assert_every_promise_holds(clerk)
    first = clerk.numbers()
    _recharge(clerk, 100)
    assert clerk.ship("--carrier", "zto").code == 0
    assert first.items() <= clerk.numbers().items()
    assert numbers_in_the_books(clerk) == 120
    assert_every_promise_holds(clerk)


def _leave_units(clerk: Clerk, units: int) -> None:
    asyncio.run(_with_account(clerk, lambda accounts, db, one: accounts.reclaim(db, 1001, one, 50_000 - units)))


def _recharge(clerk: Clerk, units: int) -> None:
    asyncio.run(_with_account(clerk, lambda accounts, db, one: accounts.recharge(db, 1001, one, units)))


async def _with_account(clerk: Clerk, verb: Any) -> None:
    from miandan.accounts import service as accounts
    from miandan.kernel.database import open_database
    from miandan.kernel.settings import Settings

    async with open_database(Settings.from_environment(clerk.environment), pool_size=2) as db:
        [account] = await accounts.accounts_of(db, 1001, "zto")
        await verb(accounts, db, account.account_id)

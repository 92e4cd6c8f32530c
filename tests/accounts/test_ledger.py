"""The ledger adds up after every step of any history: Hypothesis makes the histories, a real PostgreSQL keeps them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from miandan.accounts import service, shares
from miandan.accounts.leases import Lease
from miandan.accounts.model import Account, GrantState, ShareGrant
from miandan.branches import service as branches
from miandan.kernel import outbox
from miandan.kernel.database import Database, open_database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings
from tests.accounts import trade
from tests.accounts.trade import CARRIER, Town

T = TypeVar("T")
UNITS = st.integers(1, 40)
PICK = st.integers(0, 10**6)

# Sums taken straight from the rows: this is not the balance of the service.
_LEDGER_DIFFERS = """
    SELECT a.account_id, a.available, sum(e.units)
      FROM account a LEFT JOIN unit_entry e USING (merchant_id, account_id)
     GROUP BY a.merchant_id, a.account_id
    HAVING a.available <> coalesce(sum(e.units), 0)
"""

_STOCK_DIFFERS = """
    SELECT s.branch_code, s.sold, sum(a.received - a.reclaimed)
      FROM stock s LEFT JOIN account a USING (carrier, branch_code)
     WHERE a.grant_id IS NULL
     GROUP BY s.carrier, s.branch_code
    HAVING s.sold <> sum(a.received - a.reclaimed) OR s.received - s.returned - s.sold < 0
"""

_BOOKS_DIFFER = """
    SELECT entry_id
      FROM stock_entry s FULL JOIN (SELECT * FROM unit_entry WHERE kind IN ('recharge', 'reclaim')) u USING (entry_id)
     WHERE coalesce(s.kind, 'recharge') IN ('recharge', 'reclaim')
       AND (s.units IS DISTINCT FROM abs(u.units) OR s.kind IS DISTINCT FROM u.kind
            OR s.account_id IS DISTINCT FROM u.account_id)
"""

_UNITS_LOST = """
    SELECT g.grant_id
      FROM share_grant g JOIN account a ON a.merchant_id = g.user_id AND a.grant_id = g.grant_id
     WHERE g.state <> 'revoking' AND g.units - g.returned <> a.received - a.reclaimed
       AND NOT EXISTS (SELECT FROM outbox WHERE done_at IS NULL)
"""


class Histories(RuleBasedStateMachine):
    """Two merchants at one branch who buy, give back, lend, take, cancel, stop and go on."""

    runner: asyncio.Runner
    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.accounts: list[Account] = []
        self.grants: list[ShareGrant] = []
        self.leases: list[Lease] = []
        self.numbers: list[tuple[int, str]] = []

    def do(self, step: Coroutine[Any, Any, T]) -> T | None:
        """Run a step; a refusal is an answer like any other."""

        async def tried() -> T | None:
            try:
                return await step
            except Refusal:
                return None

        return self.runner.run(tried())

    @initialize(first=st.integers(50, 150), second=st.integers(50, 150), lent=UNITS)
    def open(self, first: int, second: int, lent: int) -> None:
        # Every history has a branch and merchants of its own in the one database of the test.
        count = self.runner.run(self.db.fetchval("SELECT count(*) FROM branch"))
        town: Town = self.runner.run(trade.new_town(self.db, f"{57000 + count}"))
        self.branch = town.branch_code
        self.accounts = [self.runner.run(town.account(units=units)) for units in (first, second)]
        self.grant(0, lent)

    def pick(self, at: int) -> tuple[int, Any]:
        account = self.accounts[at % len(self.accounts)]
        return account.merchant_id, account.account_id

    @rule(units=UNITS)
    def the_carrier_delivers(self, units: int) -> None:
        self.do(branches.receive_stock(self.db, CARRIER, self.branch, units))

    @rule(units=UNITS)
    def the_branch_gives_back(self, units: int) -> None:
        self.do(branches.give_back_stock(self.db, CARRIER, self.branch, units))

    @rule(at=PICK, units=UNITS)
    def recharge(self, at: int, units: int) -> None:
        self.do(service.recharge(self.db, *self.pick(at), units))

    @rule(at=PICK, units=UNITS)
    def reclaim(self, at: int, units: int) -> None:
        self.do(service.reclaim(self.db, *self.pick(at), units))

    @rule(at=PICK)
    def suspend(self, at: int) -> None:
        self.do(service.suspend(self.db, *self.pick(at), "停用"))

    @rule(at=PICK)
    def reactivate(self, at: int) -> None:
        self.do(service.reactivate(self.db, *self.pick(at)))

    @rule(at=PICK, units=UNITS)
    def grant(self, at: int, units: int) -> None:
        owner, account_id = self.pick(at)
        user = self.accounts[0 if owner != self.accounts[0].merchant_id else 1].merchant_id
        given = self.do(shares.grant(self.db, owner, account_id, user, units))
        if given is not None:
            self.grants.append(given[0])
            self.accounts.append(given[1])

    @rule(at=PICK)
    def revoke(self, at: int) -> None:
        if self.grants:
            share = self.grants[at % len(self.grants)]
            revoked = self.do(shares.revoke(self.db, share.merchant_id, share.grant_id))
            assert revoked is not None
            assert revoked.state is not GrantState.ACTIVE

    @rule()
    def the_post_comes(self) -> None:
        self.do(shares.return_rests(self.db))
        self.do(outbox.deliver(self.db, shares.HANDLERS))

    @rule(at=PICK, units=UNITS)
    def lease(self, at: int, units: int) -> None:
        held = self.do(trade.lease(self.db, self.accounts[at % len(self.accounts)], units))
        self.leases += [held] if held else []

    @rule(at=PICK, units=st.integers(1, 4))
    def take(self, at: int, units: int) -> None:
        if self.leases:
            held = self.leases[at % len(self.leases)]
            number = self.do(trade.take(self.db, held, units))
            self.numbers += [(held.merchant_id, number)] if number else []

    @rule(at=PICK)
    def cancel(self, at: int) -> None:
        if self.numbers:
            self.do(trade.cancel(self.db, *self.numbers[at % len(self.numbers)]))

    @rule(at=PICK)
    def recycle(self, at: int) -> None:
        if self.numbers:
            self.do(trade.recycle(self.db, *self.numbers[at % len(self.numbers)]))

    @invariant()
    def every_unit_is_accounted_for(self) -> None:
        for account in self.accounts:
            balance = self.do(service.balance(self.db, account.merchant_id, account.account_id))
            assert balance is not None
            assert balance.adds_up, balance
            assert min(balance.available, balance.leased, balance.granted) >= 0, balance

    @invariant()
    def the_books_agree(self) -> None:
        for difference in (_LEDGER_DIFFERS, _STOCK_DIFFERS, _BOOKS_DIFFER, _UNITS_LOST):
            assert self.runner.run(self.db.fetch(difference)) == []


def test_every_unit_is_accounted_for_whatever_happens(settings: Settings) -> None:
    run_histories(settings, examples=15, steps=30)


@pytest.mark.prove
def test_every_unit_is_accounted_for_in_long_histories(settings: Settings) -> None:
    run_histories(settings, examples=150, steps=80)


def run_histories(settings: Settings, examples: int, steps: int) -> None:
    async def on_one_database(enter: Callable[[Database], None]) -> Any:
        opened = open_database(settings, pool_size=2)
        enter(await opened.__aenter__())
        return opened

    with asyncio.Runner() as runner:
        opened = runner.run(on_one_database(lambda db: setattr(Histories, "db", db)))
        Histories.runner = runner
        try:
            run_state_machine_as_test(
                Histories,
                settings=hypothesis_settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))

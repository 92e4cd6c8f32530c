"""The account that a call means: by carrier, codes and sender; for another's shop only what is lent and agreed on."""

import asyncio
import time
from statistics import median
from typing import Any

import pytest
from msgspec import structs

from miandan.accounts import applications, service, shares, supply
from miandan.accounts.account_book import FRESH_SECONDS, AccountBook, account_for, account_of, lent_account
from miandan.accounts.choosing import Chosen, Wish
from miandan.accounts.model import Account, Billing, Sender
from miandan.kernel import outbox
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from tests.accounts.partners import SHOP, Partners, new_partners
from tests.accounts.trade import CARRIER, OTHER_SENDER, SENDER, Town, new_town
from tests.conftest import FreshDatabase

WISH = Wish(CARRIER, SENDER)


async def further_account(town: Town, merchant: int, *senders: Sender, settlement: str = "", **more: Any) -> Account:
    """One more account of a merchant, at the branch of `town`."""
    asked = await applications.apply(
        town.db,
        merchant,
        CARRIER,
        branch_code=town.branch_code,
        settlement_code=settlement,
        ship_from=senders or [SENDER],
        **more,
    )
    return await applications.approve(town.db, merchant, asked.application_id, carrier_reads=True)


async def code_of(asking: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await asking
    assert refused.value.zh
    return refused.value.code


async def test_the_sender_decides_among_accounts_at_one_carrier(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        east = await new_town(db)
        west = await new_town(db, "57102")
        first = await east.account()
        second = await further_account(west, first.merchant_id, OTHER_SENDER)
        assert (await account_of(db, first.merchant_id, WISH)).account == first
        chosen = await account_of(db, first.merchant_id, Wish(CARRIER, OTHER_SENDER))
        assert (chosen.account, chosen.ship_from.sender) == (second, OTHER_SENDER)


async def test_a_sender_at_two_branches_needs_the_branch_code(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        first = await (await new_town(db)).account()
        second = await further_account(await new_town(db, "57102"), first.merchant_id)
        with pytest.raises(Refusal) as refused:
            await account_of(db, first.merchant_id, WISH)
        assert refused.value.code == "account.ambiguous"
        assert refused.value.fields["choices"] == "57101, 57102"
        chosen = await account_of(db, first.merchant_id, structs.replace(WISH, net_code="57102"))
        assert chosen.account == second
        wrong = account_of(db, first.merchant_id, structs.replace(WISH, net_code="57103"))
        assert await code_of(wrong) == "account.none_fits"


async def test_a_settlement_code_tells_two_accounts_at_one_branch_apart(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        first = await town.account()
        second = await further_account(town, first.merchant_id, settlement="M2", billing=Billing.MONTHLY)
        assert await code_of(account_of(db, first.merchant_id, WISH)) == "account.ambiguous"
        assert (await account_of(db, first.merchant_id, structs.replace(WISH, monthly_account="M2"))).account == second


async def test_the_refusal_of_a_sender_names_the_approved_places_without_rooms(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        roomy = structs.replace(SENDER, detail="示例路 9 号 3 幢 501 室")
        await service.approve_ship_from(db, account.merchant_id, account.account_id, roomy)
        with pytest.raises(Refusal) as refused:
            await account_of(db, account.merchant_id, Wish(CARRIER, OTHER_SENDER))
        assert refused.value.code == "account.no_sender_fits"
        approved = str(refused.value.fields["approved"])
        assert "浙江省杭州市余杭区示例路1号" in approved
        assert "501" not in approved
        assert SENDER.contact not in approved
        assert SENDER.phone not in approved


@pytest.mark.parametrize(
    "wish",
    [
        Wish(CARRIER, structs.replace(SENDER, province="浙江", city="杭州", district="余杭")),
        Wish(CARRIER, structs.replace(SENDER, detail="1号"), street="示例路"),
        Wish(CARRIER, SENDER, street="仓前街道"),
        Wish(CARRIER, structs.replace(SENDER, contact="别人", phone="")),
    ],
    ids=["short names", "street of its own", "street on top", "another person"],
)
async def test_an_approved_place_is_known_however_it_is_spelled(fresh_database: FreshDatabase, wish: Wish) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        assert (await account_of(db, account.merchant_id, wish)).ship_from.sender == SENDER


async def test_of_two_persons_at_one_place_the_one_in_the_call_is_meant(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        second = structs.replace(SENDER, contact="示例发货人乙", phone="057100000009")
        await service.approve_ship_from(db, account.merchant_id, account.account_id, second)
        chosen = await account_of(db, account.merchant_id, Wish(CARRIER, second))
        assert chosen.ship_from.sender == second


async def test_an_account_that_is_not_active_is_named_with_its_state(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        await service.suspend(db, account.merchant_id, account.account_id, "欠款")
        with pytest.raises(Refusal, match=r"account\.not_active.*suspended"):
            await account_of(db, account.merchant_id, WISH)
        assert await code_of(account_of(db, account.merchant_id, Wish("zto", SENDER))) == "account.none_fits"


async def share(town: Town, both: Partners, units: int = 10, owner: Account | None = None) -> tuple[Account, Account]:
    """The supplier's own account at this town's branch, and the seller's account of a grant on it."""
    owned = owner or await further_account(town, both.supplier)
    if owner is None:
        await service.recharge(town.db, both.supplier, owned.account_id, 100)
    [row] = await service.ship_from_of(town.db, both.supplier, owned.account_id)
    _, shared = await shares.grant(
        town.db, both.supplier, owned.account_id, both.seller, units, ship_from=[row.ship_from_id]
    )
    return owned, shared


async def deliver(db: Database) -> None:
    await outbox.deliver(db, shares.HANDLERS)


async def test_a_supplier_takes_on_the_account_that_it_lent_to_the_seller(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        owned, shared = await share(town, both)
        await both.relation()
        chosen = await account_for(db, both.supplier, both.seller, SHOP, WISH)
        assert (chosen.account.merchant_id, chosen.account.account_id) == (both.seller, shared.account_id)
        assert chosen.account.owner_id == both.supplier, "waybill -> account -> owner: who lent it stays on record"
        own = await account_for(db, both.supplier, both.supplier, "", WISH)
        assert own.account.account_id == owned.account_id
        assert (await account_for(db, both.seller, both.seller, SHOP, WISH)).account == chosen.account


async def test_the_refusal_names_which_of_share_relation_and_grant_is_missing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        asking = (db, both.supplier, both.seller, SHOP, WISH)
        await further_account(town, both.seller)  # an own account of the seller is none of the supplier's business
        assert await code_of(account_for(*asking)) == "supply.nothing_lent"
        _, shared = await share(town, both)
        assert await code_of(account_for(*asking)) == "supply.no_relation"
        relation = await both.relation(active=False)
        assert await code_of(account_for(*asking)) == "supply.no_relation"
        await supply.accept(db, both.supplier, both.seller, relation.relation_id, by="x")
        assert (await account_for(*asking)).account.account_id == shared.account_id
        await service.suspend(db, both.seller, shared.account_id, "欠款")
        assert await code_of(account_for(*asking)) == "supply.share_not_active"
        await service.reactivate(db, both.seller, shared.account_id)
        await supply.end(db, both.seller, both.seller, relation.relation_id, by="x")
        assert await code_of(account_for(*asking)) == "supply.no_relation"


async def test_a_relation_with_one_shop_says_nothing_of_another(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        await share(town, both)
        await both.relation()
        await merchants.open_shop(db, both.seller, "S89", "示例二店", Platform.DOUDIAN, "enterprise")
        assert await code_of(account_for(db, both.supplier, both.seller, "S89", WISH)) == "supply.no_relation"
        assert await code_of(account_for(db, both.supplier, both.seller, "", WISH)) == "supply.no_relation"


async def test_wrong_pairs_of_seller_and_supplier_take_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        _, shared = await share(town, both)
        await both.relation()
        other = await new_partners(db, seller=both.seller)
        await other.relation()
        asked_by_other = account_for(db, other.supplier, both.seller, SHOP, WISH)
        assert await code_of(asked_by_other) == "supply.nothing_lent"
        turned = account_for(db, both.seller, both.supplier, SHOP, WISH)
        assert await code_of(turned) == "supply.nothing_lent"
        assert (await lent_account(db, both.supplier, both.seller, shared.account_id)).account_id == shared.account_id
        for owner, user, account in (
            (other.supplier, both.seller, shared.account_id),
            (both.seller, both.seller, shared.account_id),
            (both.supplier, both.seller, new_id()),
        ):
            assert await code_of(lent_account(db, owner, user, account)) == "supply.nothing_lent"


async def test_a_revoked_grant_stops_takes_before_its_outbox_is_delivered(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        owned, shared = await share(town, both)
        await both.relation()
        asking = (db, both.supplier, both.seller, SHOP, WISH)
        await shares.revoke(db, both.supplier, shared.grant_id)  # type: ignore[arg-type]
        with pytest.raises(Refusal, match=r"supply\.share_not_active.*revoked"):
            await account_for(*asking)
        await deliver(db)
        with pytest.raises(Refusal, match=r"supply\.share_not_active.*closed"):
            await account_for(*asking)
        _, second = await share(town, both, owner=owned)
        assert (await account_for(*asking)).account.account_id == second.account_id
        assert (await lent_account(db, both.supplier, both.seller, shared.account_id)).account_id == shared.account_id


async def test_revoking_while_accounts_are_asked_for_never_answers_a_revoked_one_late(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database(pool_size=8) as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        _, shared = await share(town, both)
        await both.relation()
        revoked = asyncio.Event()

        async def ask_until_revoked() -> list[tuple[bool, str]]:
            """Whether the answer was asked for after the revocation, and the code of its refusal."""
            outcomes: list[tuple[bool, str]] = []
            while not outcomes or not outcomes[-1][0]:
                late, code = revoked.is_set(), ""
                try:
                    await account_for(db, both.supplier, both.seller, SHOP, WISH)
                except Refusal as refusal:
                    code = refusal.code
                outcomes.append((late, code))
            return outcomes

        askers = [asyncio.create_task(ask_until_revoked()) for _ in range(6)]
        await asyncio.sleep(0.05)
        await shares.revoke(db, both.supplier, shared.grant_id)  # type: ignore[arg-type]
        revoked.set()
        outcomes = [one for answers in await asyncio.gather(*askers) for one in answers]
        assert {code for late, code in outcomes if late} == {"supply.share_not_active"}
        assert {code for late, code in outcomes if not late} <= {"", "supply.share_not_active"}


async def test_a_second_grant_serves_once_the_first_is_used_up(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        owned, first = await share(town, both, units=1)
        _, second = await share(town, both, owner=owned)
        await both.relation()
        asking = (db, both.supplier, both.seller, SHOP, WISH)
        assert (await account_for(*asking)).account.account_id == first.account_id
        await db.execute("UPDATE account SET available = 0 WHERE account_id = $1", first.account_id)
        assert (await account_for(*asking)).account.account_id == second.account_id


async def test_the_book_answers_the_same_and_hears_of_changes_after_some_seconds(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        town, both = await new_town(db, stock=1000), await new_partners(db)
        _, shared = await share(town, both)
        relation = await both.relation()
        at = 0.0
        book = AccountBook(db, lambda: at)
        asking = (both.supplier, both.seller, SHOP, WISH)
        assert await book.account_for(*asking) == await account_for(db, *asking)
        assert await book.account_of(both.supplier, WISH) == await account_of(db, both.supplier, WISH)
        await supply.end(db, both.seller, both.seller, relation.relation_id, by="x")
        assert (await book.account_for(*asking)).account.account_id == shared.account_id, "read some seconds ago"
        at = FRESH_SECONDS
        assert await code_of(book.account_for(*asking)) == "supply.no_relation"
        await both.relation()
        assert await code_of(book.account_for(*asking)) == "supply.no_relation", "read just now"
        book.forget()
        assert (await book.account_for(*asking)).account.account_id == shared.account_id


async def test_many_callers_at_once_cost_few_readings(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        accounts = [await town.account() for _ in range(4)]
        counting = Counting(db)
        book = AccountBook(counting)
        answers = await asyncio.gather(*(book.account_of(accounts[i % 4].merchant_id, WISH) for i in range(200)))
        assert [one.account for one in answers] == [accounts[i % 4] for i in range(200)]
        assert counting.statements <= 4


async def test_a_reading_that_fails_is_told_to_who_waits_and_tried_anew(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        failing = Counting(db, broken=True)
        book = AccountBook(failing)
        answers = await asyncio.gather(
            *(book.account_of(account.merchant_id, WISH) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(one, OSError) for one in answers)
        failing.broken = False
        assert (await book.account_of(account.merchant_id, WISH)).account == account


async def test_a_kept_card_answers_in_microseconds(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        account = await (await new_town(db)).account()
        counting = Counting(db)
        book = AccountBook(counting, lambda: 0.0)  # the card is not too old by the end
        chosen, asking = await book.account_of(account.merchant_id, WISH), []
        asked = counting.statements
        for _ in range(500):
            start = time.thread_time()
            assert await book.account_of(account.merchant_id, WISH) == chosen
            asking.append(time.thread_time() - start)
        assert isinstance(chosen, Chosen)
        assert counting.statements == asked, "every take asks"
        assert median(asking) < 0.000_5


class Counting(Database):
    """The database, counting what is fetched, or out of reach."""

    def __init__(self, db: Database, *, broken: bool = False) -> None:
        super().__init__(db._pool)
        self.statements = 0
        self.broken = broken

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        self.statements += 1
        if self.broken:
            raise OSError
        return await super().fetch(sql, *args)

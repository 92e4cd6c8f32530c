"""News reach every subscriber that may hear them, at least once, in their order; what cannot be told is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from miandan.access import pushes
from miandan.access.push_model import (
    Delivery,
    DeliveryState,
    Failure,
    Outcome,
    Subscription,
    SubscriptionState,
    schedule_on,
)
from miandan.access.service import allow, forbid
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.access.push_ground import (
    APP,
    DOWN,
    NEVER,
    OTHER_APP,
    QUICK,
    TAKEN,
    URL,
    Subscriber,
    let_in,
    news,
    states,
    subscribed,
    tell,
    until,
    until_quiet,
)
from tests.conftest import FreshDatabase

# --- who hears what ---------------------------------------------------------------------------------------------------


async def test_news_go_to_every_subscription_of_the_tag_whose_app_the_shop_lets_in(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await let_in(db)
        await let_in(db, OTHER_APP, "S20002")
        everything = await pushes.subscribe(db, APP, URL)
        await pushes.subscribe(db, APP, "http://erp.example/paid", {"101"})
        await pushes.subscribe(db, OTHER_APP, URL)
        assert await tell(db, news(1, tag="101"), news(2, tag="102")) == 3
        assert await tell(db, news(3, shop_id="S20002")) == 1
        assert await tell(db, news(4, shop_id="S30003")) == 0
        kept = await pushes.deliveries(db, APP, everything.subscription_id)
        assert [one.tag for one in kept] == ["101", "102"]


async def test_the_same_news_told_twice_leave_one_message(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, subscribed(db):
        assert await tell(db, news(1)) == 1
        assert await tell(db, news(1)) == 0


async def test_a_shop_that_has_shut_the_app_out_is_not_spoken_of_any_more(fresh_database: FreshDatabase) -> None:
    there = Subscriber()
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1))
        await db.execute("UPDATE app_authorisation SET revoked_at = now()")
        assert await tell(db, news(2)) == 0
        await pushes.deliver_due(db, there.send, QUICK)
        (dead,) = await pushes.dead_letters(db)
        assert dead.last_failure is Failure.REVOKED
    assert there.posts == []


async def test_a_forbidden_app_hears_nothing_until_it_is_allowed_again(fresh_database: FreshDatabase) -> None:
    there = Subscriber()
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1))
        await forbid(db, APP)
        assert await pushes.deliver_due(db, there.send, QUICK) == 0
        await allow(db, APP)
        assert await pushes.deliver_due(db, there.send, QUICK) == 1


async def test_an_app_listens_once_at_a_url(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, subscribed(db):
        other = await pushes.subscribe(db, APP, "https://erp.example/b?k=v", ["101", "101"])
        assert other.tags == frozenset({"101"})
        with pytest.raises(Refusal, match=r"push\.subscribed_already"):
            await pushes.subscribe(db, APP, URL)
        with pytest.raises(Refusal, match=r"push\.subscribed_already"):
            await pushes.change(db, APP, other.subscription_id, URL, None)
        assert len(await pushes.subscriptions(db, APP)) == 2


WRONG_URLS = (
    "",
    "erp.example/push",
    "ftp://erp.example/",
    "http://",
    "http://user:word@erp.example/",
    "http://erp.example/#part",
    "http://erp.example:99999/",
    "http://erp.example:0/",
    "http://erp.example/a b",
    "http://erp.example/\r\nx: y",
    "http://快递.example/",
    "http://[::1",
    f"http://erp.example/{'x' * 500}",
)


async def test_a_url_that_cannot_be_called_is_refused_and_not_repeated(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await let_in(db)
        for url in WRONG_URLS:
            with pytest.raises(Refusal) as refused:
                await pushes.subscribe(db, APP, url)
            assert refused.value.code == "push.url_malformed"
            assert "url" not in refused.value.fields
        assert await pushes.subscriptions(db) == []


async def test_a_tag_that_is_none_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await let_in(db)
        for tags in ([], [""], ["a b"], ["x" * 41], ["'"]):
            with pytest.raises(Refusal, match=r"push\.tag_malformed"):
                await pushes.subscribe(db, APP, URL, tags)


async def test_what_does_not_exist_is_said_to(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        with pytest.raises(Refusal, match=r"access\.app_unknown"):
            await pushes.subscribe(db, APP, URL)
        for verb in (pushes.pause, pushes.resume, pushes.unsubscribe, pushes.replay_dead):
            with pytest.raises(Refusal, match=r"push\.subscription_unknown"):
                await verb(db, APP, new_id())
        with pytest.raises(Refusal, match=r"push\.delivery_unknown"):
            await pushes.replay(db, APP, new_id())


# --- sending ----------------------------------------------------------------------------------------------------------


async def test_everything_due_goes_out_once_in_few_requests_and_in_order(fresh_database: FreshDatabase) -> None:
    there = Subscriber()
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number, order="one order") for number in (3, 1, 4, 2, 7, 6, 5)))
        assert await pushes.deliver_due(db, there.send, QUICK) == 7
        assert await pushes.deliver_due(db, there.send, QUICK) == 0
        (counted,) = await pushes.subscriptions(db)
        assert (counted.waiting, counted.sent, counted.dead) == (0, 7, 0)
        assert counted.subscription.last_status == 200
    assert there.posts == [["m1", "m2", "m3", "m4", "m5"], ["m6", "m7"]]


async def test_a_subscriber_that_was_down_gets_everything_in_order_when_it_is_back(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(DOWN)
    plan = replace(QUICK, retry_after_seconds=(0.02,) * 50, order_holds_for_tries=50)
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number, order="one order") for number in range(1, 13)))
        for _ in range(4):
            await pushes.deliver_due(db, there.send, plan)
            await asyncio.sleep(0.04)
        there.answer, there.posts = TAKEN, []
        await until_quiet(db, there, plan)
    assert there.heard == [f"m{number}" for number in range(1, 13)]


async def test_the_end_of_an_outage_makes_everything_due_that_only_failed_because_of_it(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(DOWN)
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number) for number in range(1, 31)))
        for _ in range(4):
            await pushes.deliver_due(db, there.send, NEVER)
            await asyncio.sleep(0.04)
        (down,) = await pushes.subscriptions(db)
        assert down.subscription.failures >= NEVER.outage_failures
        assert (down.subscription.last_failure, down.waiting) == (Failure.UNREACHABLE, 30)
        there.answer = TAKEN
        await until_quiet(db, there, NEVER)  # although those that were tried were to wait for an hour
        (up,) = await pushes.subscriptions(db)
        assert (up.subscription.failures, up.subscription.failing_since, up.sent) == (0, None, 30)


async def test_a_host_that_is_down_is_asked_seldom_and_with_one_message(fresh_database: FreshDatabase) -> None:
    there = Subscriber(DOWN)
    plan = replace(QUICK, pause_seconds=(0.0, 60.0))
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number) for number in range(1, 50)))
        for _ in range(5):
            await pushes.deliver_due(db, there.send, plan)
            await asyncio.sleep(0.02)
    assert [len(post) for post in there.posts] == [5, 1]


async def test_one_message_that_is_never_taken_does_not_keep_the_others_back(fresh_database: FreshDatabase) -> None:
    there = Subscriber(refuses=frozenset({"m3"}))
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number) for number in range(1, 9)))
        await until_quiet(db, there)
        assert await states(db) == {f"m{n}": "dead" if n == 3 else "sent" for n in range(1, 9)}
    assert there.heard.count("m3") == len(QUICK.retry_after_seconds) + 1


async def test_later_messages_of_an_order_wait_for_the_first_tries_of_an_earlier_one_only(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(refuses=frozenset({"m1"}))
    plan = replace(NEVER, batch=1)
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1, order="A"), news(2, order="A"), news(3, order="B"))
        await pushes.deliver_due(db, there.send, plan)
        assert await states(db) == {"m1": "waiting", "m2": "waiting", "m3": "sent"}
        for _ in plan.retry_after_seconds:
            await db.execute("UPDATE push_delivery SET due_at = now() WHERE msg_id = 'm1'")
            await pushes.deliver_due(db, there.send, plan)
        assert await states(db) == {"m1": "dead", "m2": "sent", "m3": "sent"}
    assert there.heard == ["m1", "m3", "m1", "m2", "m1", "m1"]  # m2 after the second try of m1, before its third


async def test_what_is_older_than_the_whole_schedule_dies_untried_behind_a_host_that_is_gone(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(DOWN)
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number) for number in range(1, 20)))
        await db.execute("UPDATE push_delivery SET gives_up_at = now() WHERE position > 10")
        await pushes.deliver_due(db, there.send, NEVER)
        dead = await pushes.dead_letters(db)
        assert {one.msg_id for one in dead} == {f"m{n}" for n in range(11, 20)}
        assert {one.attempts for one in dead} == {0}
        assert {one.last_failure for one in dead} == {Failure.UNREACHABLE}


async def test_a_sender_that_raises_fails_its_own_messages_only(fresh_database: FreshDatabase) -> None:
    async def raises(*_: object) -> Outcome:
        raise ValueError("13800001234")

    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1))
        assert await pushes.deliver_due(db, raises, NEVER) == 0
        (counted,) = await pushes.subscriptions(db)
        assert counted.subscription.last_failure is Failure.UNPREPARED
        assert counted.waiting == 1


async def test_a_slow_subscriber_does_not_hold_up_another(fresh_database: FreshDatabase) -> None:
    slow, quick = Subscriber(answers=asyncio.Event()), Subscriber()

    async def send(subscription: Subscription, batch: Sequence[Delivery]) -> Outcome:
        return await (slow if "slow" in subscription.url else quick).send(subscription, batch)

    async def quick_heard(messages: int) -> bool:
        return len(quick.heard) == messages

    async with fresh_database(pool_size=2) as db, subscribed(db):
        await pushes.subscribe(db, APP, "http://slow.example/")
        await tell(db, *(news(number) for number in range(1, 21)))
        delivering = asyncio.create_task(pushes.deliver_due(db, send, replace(QUICK, claim_seconds=600)))
        await until(lambda: quick_heard(20))
        await tell(db, news(21))  # what falls due meanwhile is not kept waiting either
        await until(lambda: quick_heard(21))
        assert len(slow.posts) == 1
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)


async def test_two_programs_that_deliver_together_send_each_message_once(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(delay_seconds=0.002)
    async with fresh_database() as db, fresh_database() as other, subscribed(db):
        for number in range(4):
            await pushes.subscribe(db, APP, f"http://erp{number}.example/")
        await tell(db, *(news(number, order="one order") for number in range(1, 31)))
        taken = await asyncio.gather(*(pushes.deliver_due(one, there.send, QUICK) for one in (db, other, db, other)))
    assert sum(taken) == 5 * 30
    assert len(there.heard) == 5 * 30
    assert len(set(zip(there.sends_to, map(tuple, there.posts), strict=True))) == len(there.posts)


async def test_a_program_killed_between_sending_and_writing_it_down_sends_again_under_the_same_id(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(answers=asyncio.Event())
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1))
        killed = asyncio.create_task(pushes.deliver_due(db, there.send, QUICK))
        await there.asked.wait()
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        there.answers.set()
        assert await pushes.deliver_due(db, there.send, QUICK) == 0  # its claim still stands
        await db.execute("UPDATE push_subscription SET claimed_until = now()")
        assert await pushes.deliver_due(db, there.send, QUICK) == 1
        assert await states(db) == {"m1": "sent"}
    assert there.posts == [["m1"], ["m1"]]


async def test_an_answer_that_comes_after_the_claim_has_ended_counts_as_none(fresh_database: FreshDatabase) -> None:
    there = Subscriber(delay_seconds=5)
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1))
        await pushes.deliver_due(db, there.send, replace(NEVER, claim_seconds=0.1))
        (counted,) = await pushes.subscriptions(db)
        assert counted.subscription.last_failure is Failure.TIMED_OUT


async def test_after_stop_only_what_is_on_its_way_is_finished(fresh_database: FreshDatabase) -> None:
    there, stop = Subscriber(delay_seconds=0.1), asyncio.Event()
    async with fresh_database() as db, subscribed(db):
        await tell(db, *(news(number) for number in range(1, 12)))
        delivering = asyncio.create_task(pushes.deliver_due(db, there.send, QUICK, stop=stop))
        await there.asked.wait()
        stop.set()
        assert await delivering == 5
        assert list((await states(db)).values()).count("waiting") == 6


# --- by hand ----------------------------------------------------------------------------------------------------------


async def test_a_paused_subscription_collects_and_sends_all_when_it_is_resumed(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber()
    async with fresh_database() as db, subscribed(db) as one:
        paused = await pushes.pause(db, APP, one.subscription_id)
        assert paused.state is SubscriptionState.PAUSED
        await tell(db, *(news(number) for number in range(1, 8)))
        await db.execute("UPDATE push_delivery SET gives_up_at = now()")  # a pause longer than the schedule
        assert await pushes.deliver_due(db, there.send, QUICK) == 0
        await pushes.resume(db, APP, one.subscription_id)
        there.answer = DOWN
        await pushes.deliver_due(db, there.send, NEVER)
        assert await pushes.dead_letters(db) == []
        there.answer = TAKEN
        await pushes.pause(db, APP, one.subscription_id)
        await pushes.resume(db, APP, one.subscription_id)
        assert await pushes.deliver_due(db, there.send, QUICK) == 7


async def test_a_try_that_fails_after_its_subscription_was_resumed_does_not_bring_old_failures_back(
    fresh_database: FreshDatabase,
) -> None:
    there = Subscriber(DOWN, answers=asyncio.Event())
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1))
        await db.execute("UPDATE push_subscription SET failures = 5, failing_since = now()")
        delivering = asyncio.create_task(pushes.deliver_due(db, there.send, replace(NEVER, claim_seconds=60)))
        await there.asked.wait()
        await pushes.pause(db, APP, one.subscription_id)
        await pushes.resume(db, APP, one.subscription_id)
        there.answers.set()
        await delivering
        (counted,) = await pushes.subscriptions(db)
        assert (counted.subscription.failures, counted.subscription.last_failure) == (1, Failure.UNREACHABLE)


async def test_dead_messages_are_listed_and_replayed_under_their_old_ids(fresh_database: FreshDatabase) -> None:
    there = Subscriber(answer=Outcome(500, Failure.STATUS))
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1), news(2), news(3))
        await until_quiet(db, there)
        dead = await pushes.dead_letters(db, APP, one.subscription_id)
        assert {(letter.state, letter.attempts, letter.last_status) for letter in dead} == {
            (DeliveryState.DEAD, 4, 500)
        }
        there.answer, there.posts = TAKEN, []
        await pushes.replay(db, APP, dead[0].delivery_id)
        with pytest.raises(Refusal, match=r"push\.waits_already"):
            await pushes.replay(db, APP, dead[0].delivery_id)
        await pushes.deliver_due(db, there.send, QUICK)
        assert there.heard == [dead[0].msg_id]
        assert await pushes.replay_dead(db, APP, one.subscription_id) == 2
        await pushes.deliver_due(db, there.send, QUICK)
        assert sorted(there.heard) == ["m1", "m2", "m3"]
        kept = await pushes.deliveries(db, APP, one.subscription_id)
        assert {(message.attempts, message.replays) for message in kept} == {(1, 1)}


async def test_what_was_taken_can_be_sent_once_more(fresh_database: FreshDatabase) -> None:
    there = Subscriber()
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1))
        await pushes.deliver_due(db, there.send, QUICK)
        (sent,) = await pushes.deliveries(db, APP, one.subscription_id)
        await pushes.replay(db, APP, sent.delivery_id)
        await pushes.deliver_due(db, there.send, QUICK)
    assert there.posts == [["m1"], ["m1"]]


async def test_what_waits_goes_to_the_new_url_at_once(fresh_database: FreshDatabase) -> None:
    there = Subscriber(DOWN)
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1))
        await pushes.deliver_due(db, there.send, replace(NEVER, pause_seconds=(60.0,)))
        there.answer = TAKEN
        await pushes.change(db, APP, one.subscription_id, "http://new.example/", {"102"})
        assert await pushes.deliver_due(db, there.send, NEVER) == 1
        assert await tell(db, news(2, tag="101")) == 0
    assert there.sends_to[-1] == "http://new.example/"


async def test_unsubscribing_says_what_goes_with_it(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1), news(2))
        assert await pushes.unsubscribe(db, APP, one.subscription_id) == 2
        assert await states(db) == {}


async def test_unsubscribing_while_a_message_is_on_its_way_breaks_nothing(fresh_database: FreshDatabase) -> None:
    there = Subscriber(answers=asyncio.Event())
    async with fresh_database() as db, subscribed(db) as one:
        await tell(db, news(1))
        delivering = asyncio.create_task(pushes.deliver_due(db, there.send, replace(QUICK, claim_seconds=60)))
        await there.asked.wait()
        await pushes.unsubscribe(db, APP, one.subscription_id)
        there.answers.set()
        assert await delivering == 0


async def test_old_messages_are_forgotten_and_waiting_ones_never(fresh_database: FreshDatabase) -> None:
    there = Subscriber(refuses=frozenset({"m2"}))
    plan = schedule_on()
    async with fresh_database() as db, subscribed(db):
        await tell(db, news(1), news(2))
        await until_quiet(db, there)
        await tell(db, news(3))
        days = "UPDATE push_delivery SET last_tried_at = now() - $1 * interval '1 day', made_at = '2020-01-01'"
        await db.execute(days, plan.keep_sent_days + 1)
        assert await pushes.forget_old(db) == 1
        assert await states(db) == {"m2": "dead", "m3": "waiting"}
        await db.execute(days, plan.keep_dead_days + 1)
        assert await pushes.forget_old(db) == 1
        assert await states(db) == {"m3": "waiting"}


def test_the_schedule_covers_a_weekend_and_never_tries_faster_than_before() -> None:
    plan = schedule_on()
    assert plan.whole.total_seconds() >= 63 * 3600  # Friday 18:00 to Monday 9:00
    assert list(plan.retry_after_seconds) == sorted(plan.retry_after_seconds)
    assert list(plan.pause_seconds) == sorted(plan.pause_seconds)
    assert plan.request_seconds < plan.claim_seconds

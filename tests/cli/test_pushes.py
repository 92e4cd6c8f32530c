"""`miandan pushes` at the keyboard: subscribe, see what was not heard, send it again. A dozen runs of the real program,
so it takes its seconds."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from miandan.access import pushes
from miandan.access.push_model import Failure, News, Outcome
from miandan.cli.sandbox import apps_of_the_sandbox, load_sandbox_apps
from miandan.kernel.database import Database, open_database
from miandan.kernel.settings import Settings
from tests.access.push_ground import QUICK, ROOT, Subscriber, until_quiet
from tests.cli.clerk import Clerk, Done

APP = apps_of_the_sandbox()[0].app_key
URL = "http://127.0.0.1:9/push?token=hidden"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
T = TypeVar("T")


def in_database(clerk: Clerk, work: Callable[[Database], Awaitable[T]]) -> T:
    """What another program does meanwhile."""

    async def run() -> T:
        async with open_database(Settings.from_environment(clerk.environment)) as db:
            return await work(db)

    return asyncio.run(run())


async def happen(db: Database) -> int:
    async with db.transaction() as tx:
        return sum(
            [
                await pushes.enqueue(tx, News(1001, "S10001", "101", f"m{n}", f"o{n}", n, {"order": f"o{n}"}))
                for n in range(1, 4)
            ]
        )


def pushed(clerk: Clerk, *words: str) -> Done:
    done = clerk.run("pushes", *words)
    assert done.code == 0, done.err
    return done


def test_a_subscription_is_made_watched_and_its_dead_messages_replayed(clerk: Clerk) -> None:
    in_database(clerk, lambda db: load_sandbox_apps(db, ROOT))
    one = pushed(clerk, "add", APP, URL, "--tag", "101").out.strip()
    assert ID.fullmatch(one)
    assert in_database(clerk, happen) == 3
    in_database(clerk, lambda db: until_quiet(db, Subscriber(Outcome(500, Failure.STATUS)), QUICK))
    listed = pushed(clerk, "list", APP)
    assert "死信 dead 3" in listed.out
    assert "status HTTP 500" in listed.out
    assert ("http://127.0.0.1:9/push?…" in listed.out, "hidden" in listed.out) == (True, False)
    letters = pushed(clerk, "dead").out.splitlines()
    assert len(letters) == 3
    message = ID.findall(letters[0])[0]
    assert clerk.run("pushes", "replay", APP, message, message).error_code == "push.waits_already"  # all or none
    pushed(clerk, "replay", APP, message)
    assert "2 messages" in pushed(clerk, "replay-dead", APP, one).err
    pushed(clerk, "change", APP, one, "http://127.0.0.1:9/other")
    pushed(clerk, "pause", APP, one)
    assert "已暂停 paused  待发 waiting 3" in pushed(clerk, "list").out
    pushed(clerk, "resume", APP, one)
    assert in_database(clerk, lambda db: pushes.deliver_due(db, Subscriber().send, QUICK)) == 3
    assert "0 messages" in pushed(clerk, "remove", APP, one).err
    assert pushed(clerk, "list").out == ""


def test_what_is_mistyped_is_said(clerk: Clerk) -> None:
    assert clerk.run("pushes", "add", "7", URL).error_code == "access.app_unknown"
    assert clerk.run("pushes", "add", APP, "erp").error_code == "push.url_malformed"
    assert clerk.run("pushes", "pause", APP, "x\x1b").error_code == "push.subscription_unknown"
    assert clerk.run("pushes", "replay", APP, "x").error_code == "push.delivery_unknown"

"""`miandan scans` and `miandan apps budget`: what the operator of a platform has to look at and to set."""

import re
from datetime import timedelta

from miandan.kernel.clock import now
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.tracking.model import Action, Scan
from miandan.tracking.service import push
from miandan.vault.reveals import reveal_limit
from tests.cli.clerk import Clerk

KEY = re.compile(r"^应用 app_key +(\d{19})$", re.MULTILINE)


def scan(number: str, **more: object) -> Scan:
    at = now() - timedelta(hours=1)
    return Scan("zto", number, more.pop("action", Action.COLLECTED), at, "已揽收", **more)  # type: ignore[arg-type]


async def test_numbers_that_nobody_took_and_codes_that_nobody_reads_are_listed(clerk: Clerk) -> None:
    settings = Settings.from_environment(clerk.environment)
    async with open_database(settings) as db:
        unread = scan("73999999999998", action=Action.OTHER, namespace="zto", raw_code="XQ-7")
        assert (await push(db, [scan("73999999999999"), unread])).accepted == 2
    assert clerk.run("jobs").code == 0  # asks whose the numbers are
    taken = clerk.run("scans", "untaken", "--carrier", "中通")
    assert (taken.code, "73999999999999" in taken.out) == (0, True)
    assert clerk.run("scans", "untaken", "--carrier", "圆通").out == ""
    codes = clerk.run("scans", "unread")
    assert (codes.code, "XQ-7" in codes.out) == (0, True)
    assert clerk.run("scans", "unread", "--carrier", "yto").out == ""
    assert clerk.run("scans", "unread", "--carrier", "某某快递").error_code == "carrier.unknown"


async def test_a_budget_is_set_shown_and_given_back_to_the_rule(clerk: Clerk) -> None:
    settings = Settings.from_environment(clerk.environment)
    (app,) = KEY.findall(clerk.run("apps", "add", "售后软件").out)
    assert "按订单量" in clerk.run("apps", "budget", app).out
    assert "每天 5 条" in clerk.run("apps", "budget", app, "--limit", "5").out
    async with open_database(settings) as db:
        assert await reveal_limit(db, app) == 5
    assert "每天 5 条" in clerk.run("apps", "budget", app).out
    assert "按订单量" in clerk.run("apps", "budget", app, "--by-volume").out
    async with open_database(settings) as db:
        assert await reveal_limit(db, app) is None
    assert clerk.run("apps", "budget", app, "--limit", "5", "--by-volume").error_code == "apps.budget"
    assert clerk.run("apps", "budget", "1", "--limit", "5").error_code == "access.app_unknown"

"""The authorisation page over real HTTP: from the ERP's link to its token, and every way in which it must not go."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from miandan.access import consents, service, tokens
from miandan.access.model import App, AppKind, Registration, Scope, carrier, shop
from miandan.access.scopes import scopes_for, usual_scopes
from miandan.access.turnstile import address_of
from miandan.console.web import BrowserCookie
from miandan.kernel.clock import now
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from tests.console.conftest import Serving
from tests.console.owner import CALLBACK, SECOND_CALLBACK, SHOP, Page, owner, read, tool, word_of
from tests.served import Served

NAMES = ("示例百货旗舰店", "示例百货有限公司", "S10001", "1001")


def sent_to(page: Page) -> tuple[str, dict[str, list[str]]]:
    """Where a redirect leads, and its parameters."""
    assert page.status == 303, page.text
    parts = urlsplit(page.answer.headers["location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query, keep_blank_values=True)


def undrawn(page: Page, app: App) -> str:
    """The page without what is drawn by chance and may hold any digits: the app's key and the seal."""
    return page.answer.text.replace(app.app_key, "").replace(page.hidden["seal"], "")


async def codes_of(running: Served, app: App) -> int:
    """How many codes the app was given."""
    count: int = await running.hall.db.fetchval("SELECT count(*) FROM app_code WHERE app_key = $1", app.app_key)
    return count


async def test_a_shop_lets_an_erp_in_and_the_public_client_gets_its_token(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        form = Registration("示例 ERP", AppKind.TOOL, scopes_for("shop"), redirect_urls=(CALLBACK,))
        app, secret = await service.register_app(running.hall.db, running.hall.root, form)
        first = await someone.open(app, state="xyz 中文&=")
        assert first.status == 200
        assert "示例 ERP" in first.text
        assert "https://erp.example" in first.text
        assert not [name for name in NAMES if name in undrawn(first, app)]
        second = await someone.type_word(first, await word_of(running))
        assert [name for name in NAMES if name not in second.text] == []
        assert second.ticks == {scope.value: scope in usual_scopes("shop") for scope in Scope if scope != "carrier"}
        where, given = sent_to(await someone.agree(second))
        assert where == CALLBACK
        assert given["state"] == ["xyz 中文&="]
        asked = {"url": f"{running.url}/doudian", "key": app.app_key, "secret": secret, "code": given["code"][0]}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, str(Path(__file__).with_name("client.py")), json.dumps(asked)],
            capture_output=True,
            text=True,
            timeout=120,
            env={"TZ": "Asia/Shanghai", "PATH": "", "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert json.loads(done.stdout)["code"] == 10000
        (granted,) = await tokens.authorisations_of_app(running.hall.db, app.app_key)
        assert (granted.subject, granted.scopes) == (SHOP, usual_scopes("shop"))


async def test_an_app_without_a_url_is_given_its_code_on_the_page(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        page = await someone.type_word(await someone.open(app), await word_of(running))
        shown = await someone.agree(page, "orders", "reveal")
        assert shown.status == 200
        assert "10 分钟" in shown.text
        pair = await tokens.exchange_code(running.hall.db, running.hall.root, app.app_key, shown.code)
        assert pair.scopes == {Scope.ORDERS, Scope.REVEAL}


async def test_a_merchant_without_shops_and_a_carrier_agree_too(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        erp = await tool(running)
        page = await someone.type_word(await someone.open(erp), await word_of(running, shop(1002)))
        assert "示例农场" in page.text
        assert "店铺Shop" not in page.text.replace(" ", "")
        assert (await someone.agree(page)).code
        gateway = await tool(running, "网关", scopes=frozenset({Scope.CARRIER}))
        page = await someone.type_word(await someone.open(gateway), await word_of(running, carrier("zto")))
        assert "中通" in page.text
        assert page.ticks == {"carrier": True}
        assert (await someone.agree(page)).code


async def test_letting_an_app_in_again_says_so(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        for told in (False, True):
            page = await someone.type_word(await someone.open(app), await word_of(running))
            assert ("已经授权过" in page.text) is told
            code = (await someone.agree(page)).code
            await tokens.exchange_code(running.hall.db, running.hall.root, app.app_key, code)


@pytest.mark.parametrize(
    "raw",
    [
        "plain-1234_~.",
        "a+b/c==",
        "%E4%B8%AD%E6%96%87",
        "%D6%D0%CE%C4",  # GBK: bytes that are no UTF-8 go back as they came
        "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "x%0D%0ASet-Cookie:%20a=b",
        "%00%zz%",
        "{%22a%22:1}",
        "",
        "1" * 2000,
    ],
)
async def test_state_goes_back_as_it_came(serving: Serving, raw: str) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running, "示例", SECOND_CALLBACK)
        answer = await someone.http.get(f"/authorize?state={raw}&service_id={app.app_key}")
        assert "<script" not in answer.text
        page = await someone.type_word(read(answer), await word_of(running))
        assert "<script" not in page.answer.text
        done = await someone.agree(page)
        start, _, state = done.answer.headers["location"].partition("&state=")
        assert start.startswith(f"{SECOND_CALLBACK}&code=mdc_")
        assert state == raw.replace("{", "%7B").replace("}", "%7D")
        assert "a" not in done.answer.cookies


async def test_without_state_none_is_made_up(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        page = await someone.type_word(
            await someone.open(await tool(running, "示例", CALLBACK)), await word_of(running)
        )
        assert set(sent_to(await someone.agree(page))[1]) == {"code"}


async def test_a_name_full_of_markup_is_only_a_name(serving: Serving) -> None:
    name = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\u202e"
    async with serving() as running, owner(running) as someone:
        app = await tool(running, name)
        first = await someone.open(app, state="\"'><b>")
        second = await someone.type_word(first, await word_of(running))
        last = await someone.agree(second)
        for page in (first, second, last):
            assert page.status == 200
            assert name in page.text
            assert not re.search(r"<(script|img|b>[^面])", page.answer.text)
            assert "default-src 'none'" in page.answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("", CALLBACK),
        (SECOND_CALLBACK, "https://erp.example/second"),
        ("https://thief.example/callback", None),
        (f"{CALLBACK}/", None),
        (f"{CALLBACK}?x=1", None),
        ("https://erp.example@thief.example/callback", None),
        ("//thief.example", None),
        ("javascript:alert(1)", None),
        ("https://erp.example/callback\r\nx: y", None),
    ],
)
async def test_codes_go_to_registered_urls_only(serving: Serving, wanted: str, reached: str | None) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running, "示例", CALLBACK, SECOND_CALLBACK)
        page = await someone.open(app, redirect_url=wanted)
        if reached is None:
            assert page.status == 400
            assert "location" not in page.answer.headers
            assert "thief" not in page.answer.text
            return
        page = await someone.type_word(page, await word_of(running))
        assert sent_to(await someone.agree(page))[0] == reached


async def test_no_form_goes_through_that_was_not_made_for_this_browser(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone, owner(running) as other:
        app = await tool(running, "示例", CALLBACK, SECOND_CALLBACK)
        word = await word_of(running)
        first, foreign = await someone.open(app, state="1"), await other.open(app, state="1")
        for changed in (
            {"seal": ""},
            {"seal": foreign.hidden["seal"]},
            {"state": "2"},
            {"redirect_url": SECOND_CALLBACK},
            {"step": "consent"},
            {"ticket": "x"},
        ):
            page = await someone.post(first.hidden | changed | {"word": word})
            assert (page.status, "console.page_stale" in page.text) == (403, True), changed
        without_seal = {name: value for name, value in first.hidden.items() if name != "seal"}
        assert (await someone.post(without_seal | {"word": word})).status == 403
        second = await someone.type_word(first, word)
        assert second.status == 200
        stolen = second.hidden | {"scope": "orders", "decision": "agree"}
        assert (await other.post(stolen)).status == 403
        async with owner(running) as fresh:
            assert (await fresh.post(stolen)).status == 403
        assert await codes_of(running, app) == 0
        assert (await someone.agree(second)).status == 303


async def test_a_confirmation_counts_once_and_of_two_at_once_one_wins(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running, "示例", CALLBACK)
        page = await someone.type_word(await someone.open(app), await word_of(running))
        answers = await asyncio.gather(*(someone.agree(page) for _ in range(8)))
        assert sorted(one.status for one in answers) == [303] + [403] * 7
        assert all("已经用过" in one.text for one in answers if one.status == 403)
        assert (await someone.agree(page)).status == 403
        assert await codes_of(running, app) == 1


async def test_words_that_do_not_count_are_answered_with_what_to_do(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        db = running.hall.db
        app = await tool(running)
        page = await someone.open(app)
        replaced, used = await word_of(running), await word_of(running)
        assert (await someone.agree(await someone.type_word(page, used))).code
        expired, _ = await consents.make_word(db, shop(1002), at=now() - timedelta(hours=25))
        for_carrier = await word_of(running, carrier("zto"))
        for word, status, says in (
            ("0000-0000-0000-0000", 403, "核对"),
            ("", 403, "核对"),
            (used, 403, "已经用过"),
            (replaced, 403, "最新"),
            (expired, 403, "24 小时"),
            (for_carrier, 403, "口令没有用掉"),
        ):
            told = await someone.type_word(page, word)
            assert (told.status, says in told.text) == (status, True), (says, told.text)
            assert not [name for name in NAMES if name in undrawn(told, app)]
            assert 'role="alert"' in told.answer.text
            assert not word or word not in told.answer.text
            assert told.hidden == page.hidden  # may be tried again at once


async def test_nothing_ticked_asks_again_and_declining_spends_nothing(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        word = await word_of(running)
        page = await someone.type_word(await someone.open(app), word)
        again = await someone.post(page.hidden | {"decision": "agree"})
        assert (again.status, again.hidden) == (400, page.hidden)
        assert "没有勾选" in again.text
        declined = await someone.post(page.hidden | {"scope": "orders", "decision": "decline"})
        assert declined.status == 200
        assert "没有授权" in declined.text
        beyond = await someone.post(page.hidden | {"scope": "carrier", "decision": "agree"})
        assert beyond.status == 400
        assert await codes_of(running, app) == 0
        page = await someone.type_word(await someone.open(app), word)
        assert (await someone.agree(page)).code


async def test_guessing_kills_the_word_and_then_shuts_the_address_out(serving: Serving) -> None:
    async with serving() as running:
        app = await tool(running)
        word = await word_of(running)
        async with owner(running, "8.8.4.7") as guesser:
            page = await guesser.open(app)
            statuses = [(await guesser.type_word(page, f"{word[:4]}-0000-0000-{i:04d}")).status for i in range(21)]
            assert statuses == [403] * 20 + [429]
            told = await guesser.type_word(page, word)
            assert told.status == 429
            assert int(told.answer.headers["retry-after"]) > 0
        async with owner(running, "8.8.4.8") as someone:
            told = await someone.type_word(await someone.open(app), word)
            assert "输错了 5 次" in told.text
            page = await someone.type_word(await someone.open(app), await word_of(running))
            assert (await someone.agree(page)).code


async def test_apps_that_are_not_to_be_let_in_have_a_clear_page(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        db, root = running.hall.db, running.hall.root
        forbidden = await tool(running, "停用的应用", CALLBACK)
        await service.forbid(db, forbidden.app_key, "投诉")
        form = Registration("自用", AppKind.SELF_USE, frozenset({Scope.ORDERS}), own=(SHOP,))
        own, _ = await service.register_app(db, root, form)
        for key, status, code in (
            ("1234567890123456789", 404, "access.app_unknown"),
            (forbidden.app_key, 403, "access.app_forbidden"),
            (own.app_key, 400, "consent.app_not_tool"),
            ("", 400, "console.link_bad"),
            ("1; DROP TABLE app", 400, "console.link_bad"),
            ("\x00", 400, "console.link_bad"),
            ("９９", 400, "console.link_bad"),
        ):
            page = await someone.open(key)
            assert (page.status, code in page.text) == (status, True), (key, page.text)
            assert "没有授权任何应用" in page.text
            assert "停用的应用" not in page.text


async def test_an_app_forbidden_between_two_forms_gets_nothing(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running, "示例", CALLBACK)
        page = await someone.type_word(await someone.open(app), await word_of(running))
        await service.forbid(running.hall.db, app.app_key)
        refused = await someone.agree(page)
        assert (refused.status, "access.app_forbidden" in refused.text) == (403, True)
        of_app = "FROM consent_word WHERE ticket_app = $1 AND used_at IS NULL"
        assert await running.hall.db.fetchval(f"SELECT count(*) {of_app}", app.app_key) == 1


async def test_a_shop_that_closed_meanwhile_is_not_asked(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        db = running.hall.db
        await merchants.open_shop(db, 1001, "S-closing", "要关的店", Platform.OWN, "flagship")
        app, word = await tool(running), await word_of(running, shop(1001, "S-closing"))
        await merchants.close_shop(db, 1001, "S-closing")
        page = await someone.type_word(await someone.open(app), word)
        assert "shop.unknown" in page.text
        assert not page.ticks


async def test_every_answer_keeps_to_itself(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running, "示例", CALLBACK)
        first = await someone.open(app)
        cookie = first.answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "set-cookie" not in (await someone.open(app)).answer.headers  # other tabs stay good
        second = await someone.type_word(first, await word_of(running))
        done = await someone.agree(second)
        for page in (first, second, done, await someone.open("1"), await someone.type_word(first, "x")):
            headers = page.answer.headers
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            rules = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in rules
            assert "base-uri 'none'" in rules
            assert "unsafe" not in rules
            assert not re.search(r"<(script|link[^>]+stylesheet|iframe)|\son\w+=|\sstyle=", page.answer.text)
            assert not re.search(r'(?:src|href)="(?!data:,|\?)', page.answer.text)
        assert "form-action 'self';" in first.answer.headers["content-security-policy"]
        assert "form-action 'self' https:;" in second.answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("peer", "told", "counted"),
    [
        ("8.8.4.5", "8.8.8.1", "8.8.4.5"),  # no proxy of ours: it may tell what it likes
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "8.8.8.9, 8.8.8.1", "8.8.8.1"),
        ("10.0.0.2", "8.8.8.9, 8.8.8.1, 10.0.0.7", "8.8.8.1"),
        ("::1", "192.168.1.4", "192.168.1.4"),
        ("127.0.0.1", "unknown", "unknown"),
    ],
)
def test_visitors_are_counted_by_the_address_that_our_proxy_saw(peer: str, told: str, counted: str) -> None:
    headers = [(b"x-forwarded-for", told.encode())] if told else []
    assert address_of(peer, headers) == counted


def test_behind_https_the_cookie_is_nobody_elses() -> None:
    cookie = BrowserCookie(secure=True)
    assert cookie.header("x").startswith("__Host-miandan=x; Path=/; ")
    assert cookie.header("x").endswith("; Secure")
    good = cookie.fresh()
    read = [
        cookie.read({"headers": [(b"cookie", text.encode())]})
        for text in (f"a=b; __Host-miandan={good}", f"miandan={good}", "__Host-miandan=short", "")
    ]
    assert read == [good, "", "", ""]
    twice = f"__Host-miandan={good}; __Host-miandan={cookie.fresh()}"
    assert cookie.read({"headers": [(b"cookie", twice.encode())]}) == ""


async def test_what_is_no_page_and_no_form_is_refused(serving: Serving) -> None:
    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        page = await someone.open(app)
        http = someone.http
        assert (await http.get("/authorize/else")).status_code == 404
        assert (await http.put("/authorize")).status_code == 405
        assert (await http.put("/authorize")).headers["allow"] == "GET, HEAD, POST"
        head = await http.head(f"/authorize?service_id={app.app_key}")
        assert (head.status_code, head.text) == (200, "")
        key = app.app_key
        for query in (
            f"service_id={key}&service_id={key}",
            f"service_id={key}&state=1&state=2",
            f"service_id={key}&state={'1' * 2001}",
        ):
            assert (await http.get(f"/authorize?{query}")).status_code == 400
        assert (await http.post("/authorize", json=page.hidden)).status_code == 400
        assert (await http.post("/authorize", files={"a": b"b"}, data=page.hidden)).status_code == 400
        form = {"content-type": "application/x-www-form-urlencoded"}
        for body in (b"a=" + b"x" * 40_000, b"&".join([b"a=1"] * 100), b"a=%ff", b"\xff\xfe", b""):
            assert (await http.post("/authorize", content=body, headers=form)).status_code in (400, 403)
        assert (await someone.post(page.hidden | {"word": "x", "state": "中"})).status == 400
        assert (await someone.type_word(page, await word_of(running))).status == 200


async def test_what_nobody_foresaw_is_told_by_a_log_id_that_the_servers_log_explains(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*_: object) -> None:
        raise ValueError("a row with 欧阳测试人")

    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        monkeypatch.setattr(consents, "asking", breaks)
        page = await someone.open(app)
    assert (page.status, "failure.at_the_server" in page.text) == (500, True)
    assert "ValueError" not in page.text
    (log_id,) = set(re.findall(r"\b20\d{12}[0-9A-F]{12}\b", page.text))
    assert f"log_id={log_id} kind=ValueError" in caplog.text
    assert "欧阳测试人" not in caplog.text + page.text


async def test_neither_word_nor_code_is_written_anywhere(
    serving: Serving, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving() as running, owner(running) as someone:
        app = await tool(running)
        word = await word_of(running)
        page = await someone.type_word(await someone.open(app), word)
        done = await someone.agree(page)
        assert done.code
        assert str(done.answer.url).endswith("/authorize?")
        await someone.type_word(page, word)
        await running.hall.calls.flush()
        notes = await running.hall.db.fetchval("SELECT string_agg(c::text, '') FROM api_call c") or ""
    output = capfd.readouterr()
    for text in (word, word.replace("-", ""), done.code, quote(done.code), page.hidden["ticket"]):
        assert text not in caplog.text
        assert text not in output.out + output.err
        assert text not in notes

"""`miandan apps` at the keyboard: a secret is shown once, rotated without a gap, and access is seen and taken back."""

import asyncio
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from miandan.access import service, tokens
from miandan.access.model import SubjectKind
from miandan.cli.sandbox import apps_of_the_sandbox
from miandan.dialects.doudian import spi
from miandan.kernel.clock import now
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import FileRootKey, open_root_key
from tests.cli.clerk import Clerk, Done, clerk_of
from tests.dialects.doudian.listener import Listener, says

SECRET = re.compile(r"^密钥 secret +([0-9a-f]{64})$", re.MULTILINE)
KEY = re.compile(r"^应用 app_key +(\d{19})$", re.MULTILINE)


def found(pattern: re.Pattern[str], done: Done) -> str:
    assert done.code == 0, done.err
    (text,) = pattern.findall(done.out)
    return str(text)


def settings_of(clerk: Clerk) -> Settings:
    return Settings.from_environment(clerk.environment)


def root_of(clerk: Clerk) -> FileRootKey:
    return open_root_key(settings_of(clerk).data, None, sandbox=True)


@pytest.fixture(scope="module")
def patient_clerk(shared_sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    """Makes mistakes only, so all of them can be made in one sandbox."""
    return clerk_of(shared_sandbox_url, tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="module")
def developers_app(patient_clerk: Clerk) -> str:
    """Its key."""
    return found(KEY, patient_clerk.run("apps", "add", "开发者"))


async def test_an_app_is_registered_used_rotated_and_shown_the_door(clerk: Clerk) -> None:
    added = clerk.run("apps", "add", "自家打单", "--kind", "self_use", "--shop", "S10001", "--scope", "orders")
    key, first = found(KEY, added), found(SECRET, added)
    assert "只显示这一次" in added.err
    assert "only this once" in added.err
    rotated = clerk.run("apps", "rotate", key)
    second = found(SECRET, rotated)
    old_id = re.search(rf"miandan apps retire {key} (\S+)", rotated.err)
    assert old_id
    root = root_of(clerk)
    async with open_database(settings_of(clerk)) as db:
        for secret in (first, second):
            await service.authenticate(db, root, key, secret)
        pair = await tokens.self_authorise(db, root, key)
        assert clerk.run("apps", "retire", key, old_id[1]).code == 0
        assert [secret.text for secret in await service.secrets_of(db, root, key)] == [second]
        granted = clerk.run("apps", "grants", key).out
        assert granted.startswith(str(pair.authorisation_id))
        assert "店铺 S10001" in granted
        assert clerk.run("apps", "grants", "--shop", "S10001").out == granted
        assert clerk.run("apps", "revoke", key, str(pair.authorisation_id)).code == 0
        (revoked,) = await tokens.authorisations_of_app(db, key)
        assert revoked.revoked_at is not None
    shown = clerk.run("apps", "show", key).out
    assert first not in shown
    assert second not in shown
    assert shown.count("密钥 secret") == 2
    assert clerk.run("apps", "retire", key, old_id[1]).code == 0  # retired before: nothing happens


async def test_an_app_is_forbidden_allowed_and_given_another_shop(clerk: Clerk) -> None:
    key = found(KEY, clerk.run("apps", "add", "自家打单", "--kind", "self_use", "--merchant", "1002"))
    assert clerk.run("apps", "forbid", key, "--reason", "投诉核实中").code == 0
    assert "已停用 forbidden  投诉核实中" in clerk.run("apps", "show", key).out
    assert clerk.run("apps", "grant", key, "--shop", "S10001").error_code == "access.app_forbidden"
    assert clerk.run("apps", "allow", key).code == 0
    assert clerk.run("apps", "grant", key, "--shop", "S10001", "--merchant", "1001").code == 0
    listed = clerk.run("apps", "list").out
    assert f"{key}  自用型 self_use  正常 active  授权 grants 2  自家打单" in listed
    async with open_database(settings_of(clerk)) as db:
        one, other = await tokens.authorisations_of_app(db, key)
    assert [(one.subject.merchant_id, one.subject.shop_id), other.subject.shop_id] == [(1002, ""), "S10001"]
    assert "reveal" not in one.scopes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "自家", "--kind", "self_use"), "access.subject_missing"),
        (("add", "工具", "--shop", "S10001"), "access.subject_not_for_tool"),
        (("add", "自家", "--kind", "self_use", "--shop", "S9"), "shop.unknown"),
        (("add", "自家", "--kind", "self_use", "--shop", "S10001", "--merchant", "1002"), "shop.unknown"),
        (("add", "自家", "--kind", "self_use", "--carrier", "没有"), "carrier.unknown"),
        (
            ("add", "自家", "--kind", "self_use", "--carrier", "zto", "--scope", "orders"),
            "access.scope_not_for_subject",
        ),
        (("add", "工具", "--scope", "everything"), "access.scope_unknown"),
        (("add", "工具", "--limit", "0"), "access.limit_bad"),
        (("add", "工具", "--redirect-url", "ftp://erp.example/"), "access.redirect_bad"),
        (("show", "123"), "access.app_unknown"),
        (("rotate", "123"), "access.app_unknown"),
        (("retire", "123", "no-uuid"), "access.secret_unknown"),
        (("revoke", "123", "no-uuid"), "access.authorisation_unknown"),
        (("grants",), "apps.whom"),
        (("grants", "123", "--shop", "S10001"), "apps.whom"),
        (("grant", "123"), "apps.whom"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(patient_clerk: Clerk, arguments: tuple[str, ...], code: str) -> None:
    done = patient_clerk.run("apps", *arguments)
    assert (done.code, done.error_code) == (1, code)


async def test_the_demo_registers_its_two_apps_once_and_says_their_secrets(clerk: Clerk) -> None:
    first, again = clerk.run("demo"), clerk.run("demo")
    assert (first.code, again.code) == (0, 0)
    erp, gateway = apps_of_the_sandbox()
    assert f"7000000000000000001  example-secret-0001  {erp.name}" in again.err
    async with open_database(settings_of(clerk)) as db:
        root = root_of(clerk)
        assert [app.app_key for app in await service.apps(db)] == [erp.app_key, gateway.app_key]
        for app in (erp, gateway):
            assert [secret.text for secret in await service.secrets_of(db, root, app.app_key)] == [app.secret]
        shop = await tokens.self_authorise(db, root, erp.app_key)
        assert (shop.subject.merchant_id, shop.subject.shop_id) == (1001, "S10001")
        carrier = await tokens.self_authorise(db, root, gateway.app_key, SubjectKind.CARRIER, "zto")
        assert carrier.subject.carrier == "zto"


async def test_a_developers_server_is_asked_as_the_platform_asks(clerk: Clerk) -> None:
    added = clerk.run("apps", "add", "开发者", "--kind", "self_use", "--shop", "S10001")
    key, secret = found(KEY, added), found(SECRET, added)
    clerk.run("apps", "rotate", key)
    (clerk.folder / "params.json").write_text('{"b": "中文 <&>", "a": 1.50}', encoding="utf-8-sig")
    developer = Listener(says('{"code":0,"data":{"答":["\u009b31m"]}}'.encode()))

    def run(*words: str) -> Done:
        return clerk.run("apps", "ask", key, developer.url, *words)

    async with developer.down():
        away = await asyncio.to_thread(run)
        assert (away.error_code, "None" in away.err) == ("spi.unanswered", False)
        async with developer.listening():
            posted = await asyncio.to_thread(run, "params.json")
            assert (posted.code, json.loads(posted.out)) == (0, {"答": ["\u009b31m"]})
            assert "\u009b" not in posted.out
            got = await asyncio.to_thread(run, "--get", "--sign-method", "hmac-sha256")
            assert got.code == 0
            developer.answer = says(b'{"code":6005,"message":"13800001234"}')
            refused = await asyncio.to_thread(run)
            assert (refused.code, refused.error_code, "13800001234" in refused.err) == (1, "spi.refused", False)
            assert "6005" in refused.zh
            clerk.run("apps", "forbid", key)
            assert (await asyncio.to_thread(run)).error_code == "access.app_forbidden"
    post, get, _ = developer.asked
    assert (post.method, post.body.decode(), get.method) == ("POST", '{"a":1.50,"b":"中文 <&>"}', "GET")
    for asked in (post, get):
        query = dict(parse_qsl(urlsplit(asked.target).query))
        text = asked.body.decode() or query["param_json"]
        assert query["app_key"] == key
        assert spi.is_genuine(query, text, [secret], now())  # the older of two


@pytest.mark.parametrize(
    ("url", "params", "words", "code"),
    [
        ("ftp://developer.example/", "{}", (), "push.url_malformed"),
        ("http://256.1.1.1/", "{}", (), "push.url_malformed"),
        ("http://xn--/", "{}", (), "spi.unanswered"),
        ("https://developer.example/", "[1]", (), "setup.file_unreadable"),
        ("https://developer.example/", '{"a":', (), "setup.file_unreadable"),
        ("https://developer.example/", '{"a":' * 150 + "1" + "}" * 150, (), "setup.file_unreadable"),
        ("https://developer.example/", '{"a":"\\ud800"}', (), "setup.file_unreadable"),
        ("https://developer.example/", f'{{"a":"{"x" * 70_000}"}}', ("--get",), "push.url_malformed"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(
    patient_clerk: Clerk, developers_app: str, url: str, params: str, words: tuple[str, ...], code: str
) -> None:
    (patient_clerk.folder / "params.json").write_text(params, encoding="utf-8")
    done = patient_clerk.run("apps", "ask", developers_app, url, "params.json", *words)
    assert (done.code != 0, done.error_code) == (True, code)


def test_an_app_that_nobody_knows_asks_nobody(patient_clerk: Clerk) -> None:
    done = patient_clerk.run("apps", "ask", "7" * 19, "https://developer.example/")
    assert (done.code != 0, done.error_code) == (True, "access.app_unknown")

"""Who is let in, what is refused, and that a failure never tells what was sent."""

import asyncio
from typing import Any

import httpx
import pytest

from miandan.access import service, tokens
from miandan.access.model import AppKind, Registration, Scope, shop
from miandan.api.errors import status_of
from miandan.api.openapi import PROBLEMS
from miandan.kernel.errors import Refusal, catalogue
from tests.api.conftest import Ground, own_app
from tests.api.developer import LINES, NAME, PHONE, RECIPIENT, Developer, client, new_order_id
from tests.docs.raised import placeholders


async def test_without_a_token_with_a_wrong_one_and_with_one_of_another_kind(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (shop_side, carrier):
        bare = Developer(shop_side.http, shop_side.running)
        missing = await bare.refused(401, "GET", "/orders")
        assert missing["code"] == "api.token_missing"
        assert bare.seen[-1].headers["www-authenticate"] == "Bearer"
        for header in ("Basic abc", "Bearer", "mda_x"):
            refused = await bare.refused(401, "GET", "/orders", headers={"Authorization": header})
            assert refused["code"] == "api.token_missing"
        unknown = await bare.refused(401, "GET", "/orders", headers={"Authorization": "Bearer mda_no"})
        assert unknown["code"] == "access.token_unknown"
        assert (await carrier.refused(403, "GET", "/orders"))["code"] == "api.subject_wrong"
        assert (await shop_side.refused(403, "GET", "/applications"))["code"] == "api.subject_wrong"
        assert (await carrier.ok("GET", "/carriers"))["carriers"]


async def test_a_caller_is_refused_before_its_body_is_read(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        bare = Developer(http, running)
        broken = {"content": b"{no json", "headers": {"Content-Type": "application/json"}}
        assert (await bare.refused(401, "PUT", "/orders/1", **broken))["code"] == "api.token_missing"


async def test_every_operation_wants_its_scope(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        app = await own_app(running.hall, {Scope.SUPPLY}, shop(1001, "S10001"))
        narrow = await Developer(http, running).log_in(*app)
        described = await narrow.ok("GET", "/openapi.json")
        asked = 0
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                if operation.get("x-subject") == "shop":
                    assert operation["security"][0]["bearer"], path
                    plain = path.removeprefix("/api/v1").replace("{carrier}", "zto").replace("{number}", "NOSUCH1")
                    problem = await narrow.refused(403, method.upper(), plain.replace("{order_id}", "N0"))
                    assert problem["code"] == "access.scope_missing"
                    asked += 1
        assert asked > 20


async def test_another_merchants_and_another_shops_things_are_as_unknown_as_any(ground: Ground) -> None:
    async with ground.shop() as mine, client(mine.running) as http:
        hall = mine.running.hall
        order_id = await mine.put()
        number = await mine.number(order_id)
        everything = set(Scope) - {Scope.CARRIER}
        for subject in (shop(1002), shop(1001, "S-other")):
            other = await Developer(http, mine.running).log_in(*await own_app(hall, everything, subject))
            for method, path, body in (
                ("GET", "/waybills/zto/{}", None),
                ("POST", "/waybills/zto/{}/cancel", None),
                ("POST", "/waybills/zto/{}/readdress", None),
                ("POST", "/waybills/zto/{}/pieces", {"pieces": 2}),
                ("PATCH", "/waybills/zto/{}", {"goods": [{"title": "别的"}]}),
                ("GET", "/waybills/zto/{}/scans", None),
                ("POST", "/waybills/labels", {"waybills": [{"carrier": "zto", "number": "{}"}]}),
            ):
                seen = [
                    await other.refused(404, method, path.format(text), _with_number(body, text))
                    for text in (number, "70000000009999")
                ]
                told = [
                    {k: str(v).replace(number, "70000000009999") for k, v in one.items() if k != "log_id"}
                    for one in seen
                ]
                assert told[0] == told[1]
            assert (await other.refused(404, "GET", f"/orders/{order_id}"))["code"] == "orders.unknown"
            assert (await other.refused(404, "GET", f"/shipments/{order_id}"))["code"] == "orders.unknown"
            sealed = await other.ok(
                "POST", "/waybills/print-data", {"waybills": [{"carrier": "zto", "number": number}]}
            )
            assert sealed["waybills"][0]["problem"]["code"] == "waybill.unknown"
            asked = {"purpose": "contact", "order_ids": [order_id], "fields": ["name"]}
            assert (await other.ok("POST", "/reveals", asked))["orders"][0]["problem"]["code"] == "orders.unknown"
        stranger = await Developer(http, mine.running).log_in(*await own_app(hall, everything, shop(1002)))
        problem = await stranger.refused(404, "POST", "/waybills", await mine.ask(order_id))
        assert problem["code"] == "account.unknown"


def _with_number(body: Any, number: str) -> Any:
    if body is None or "waybills" not in body:
        return body
    return {"waybills": [{"carrier": "zto", "number": number}]}


async def test_who_calls_too_fast_is_told_when_to_come_back(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        app = await own_app(running.hall, {Scope.ORDERS}, shop(1001, "S10001"), limit=1)
        hasty = await Developer(http, running).log_in(*app)
        answers = await asyncio.gather(*(hasty.call("GET", "/orders", params={"limit": 1}) for _ in range(20)))
        throttled = [one for one in answers if one.status_code == 429]
        assert throttled
        assert throttled[0].json()["code"] == "access.throttled"
        assert int(throttled[0].headers["retry-after"]) >= 1


async def test_a_revoked_token_ends_and_revoking_again_is_the_same(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        app_key, secret = await own_app(running.hall, {Scope.ORDERS}, shop(1001, "S10001"))
        mine = await Developer(http, running).log_in(app_key, secret)
        asked = {"app_key": app_key, "secret": secret, "token": mine.token}
        await mine.ok("POST", "/tokens/revoke", asked)
        await mine.ok("POST", "/tokens/revoke", asked)
        assert (await mine.refused(401, "GET", "/orders"))["code"] == "access.token_revoked"
        sandbox = {"app_key": "7000000000000000001", "secret": "example-secret-0001", "token": mine.token}
        await mine.ok("POST", "/tokens/revoke", sandbox)


async def test_a_tool_trades_the_code_of_a_shop_for_tokens_once(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        hall = running.hall
        form = Registration("示例工具", AppKind.TOOL, frozenset({Scope.ORDERS}))
        app, secret = await service.register_app(hall.db, hall.root, form)
        code = await tokens.authorise(hall.db, app.app_key, shop(1001, "S10001"), {Scope.ORDERS})
        asked = {"grant_type": "authorization_code", "app_key": app.app_key, "secret": secret, "code": code}
        tool = Developer(http, running)
        assert (await tool.ok("POST", "/tokens", asked))["scope"] == "orders"
        assert (await tool.refused(401, "POST", "/tokens", asked))["code"] == "access.code_used"


async def test_a_body_without_a_token_is_small_and_not_all_that_is_wrong_in_it_is_listed(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        bare = Developer(http, running)
        odd = {f"f{place}": "1" for place in range(2_000)}
        for way in ({"json": odd}, {"data": odd}):
            problem = await bare.refused(422, "POST", "/tokens", **way)
            assert problem["code"] == "api.fields_wrong"
            assert len(problem["errors"]) == 20
            large: dict[str, Any] = {name: body | {"code": "x" * 40_000} for name, body in way.items()}
            assert (await bare.refused(413, "POST", "/tokens", **large))["code"] == "api.body_too_large"


WRONG = [
    ({"version": 1, "recipient": RECIPIENT | {"phone": 19912345678}, "lines": LINES}, "body.recipient.phone"),
    ({"version": 1, "recipient": RECIPIENT | {"name": f"{NAME}\x00"}, "lines": LINES}, "body.recipient.name"),
    ({"version": 1, "recipient": RECIPIENT | {"mobile": PHONE}, "lines": LINES}, "body.recipient.mobile"),
    ({"version": 1, "recipient": RECIPIENT | {PHONE: NAME}, "lines": LINES}, "body.recipient.?"),
    ({"version": 1.5, "recipient": RECIPIENT, "lines": LINES}, "body.version"),
    ({"version": True, "recipient": RECIPIENT, "lines": LINES}, "body.version"),
    ({"version": 2**63, "recipient": RECIPIENT, "lines": LINES}, "body.version"),
    ({"version": 1, "recipient": RECIPIENT, "lines": LINES, "paid_at": NAME}, "body.paid_at"),
    ({"version": 1, "recipient": RECIPIENT, "lines": LINES, "paid_at": "2026-03-01 10:00:00"}, "body.paid_at"),
    ({"version": 1, "recipient": RECIPIENT, "lines": LINES, "paid_at": 1770000000}, "body.paid_at"),
    (
        {"version": 1, "recipient": RECIPIENT, "lines": LINES, "created_at": "0001-01-01T00:00:00+23:00"},
        "body.created_at",
    ),
    ({"version": 1, "recipient": RECIPIENT, "lines": [LINES[0] | {"quantity": 0}]}, "body.lines.0.quantity"),
    ({"version": 1, "recipient": RECIPIENT, "lines": [LINES[0] | {"paid_fen": 99.5}]}, "body.lines.0.paid_fen"),
    ({"version": 1, "recipient": NAME, "lines": LINES}, "body.recipient"),
    ({"version": 1, "recipient": RECIPIENT, "lines": LINES, "state": NAME}, "body.state"),
    ({"recipient": RECIPIENT, "lines": LINES}, "body.version"),
]


async def test_a_wrong_field_is_named_and_its_value_is_not(ground: Ground) -> None:
    async with ground.shop() as developer:
        for body, field in WRONG:
            problem = await developer.refused(422, "PUT", f"/orders/{new_order_id()}", body)
            assert problem["code"] == "api.fields_wrong"
            assert [one["field"] for one in problem["errors"]] == [field]
            _says_nobody(developer.seen[-1])


async def test_money_of_a_service_is_fen_that_everybody_can_read(ground: Ground) -> None:
    async with ground.shop() as developer:
        body, number = await developer.ask(await developer.put()), await developer.number()
        for fen in (-1, 10**12 + 1, 2**63, 10**30):
            body["parcels"][0]["services"] = {"insured": fen}
            await developer.refused(422, "POST", "/waybills", body)
            await developer.refused(422, "PATCH", f"/waybills/zto/{number}", {"services": {"insured": fen}})
        told = await developer.ok("PATCH", f"/waybills/zto/{number}", {"services": {"insured": 10**12}})
        assert (told["version"], (await developer.ok("GET", f"/waybills/zto/{number}"))["services"]) == (
            2,
            {"insured": 10**12},
        )


async def test_refusals_of_the_trade_say_nobody_either(ground: Ground) -> None:
    async with ground.shop() as developer:
        order_id = new_order_id()
        masked = {"version": 1, "recipient": RECIPIENT | {"name": f"{NAME}**"}, "lines": LINES}
        bare = {"version": 1, "recipient": {"name": NAME, "phone": PHONE}, "lines": LINES}
        for body in (masked, bare):
            await developer.refused(422, "PUT", f"/orders/{order_id}", body)
            _says_nobody(developer.seen[-1])
        event = {"event": NAME, "version": 1}
        problem = await developer.refused(422, "POST", f"/orders/{order_id}/events", event)
        assert problem["errors"][0]["field"].startswith("body")
        _says_nobody(developer.seen[-1])


def _says_nobody(answer: httpx.Response) -> None:
    said = answer.text.replace(answer.json()["log_id"], "")  # digits by chance
    for planted in (NAME, PHONE, "601", "文一西路"):
        assert planted not in said


async def test_bodies_of_the_wrong_kind_are_refused_in_the_one_shape(ground: Ground) -> None:
    async with ground.shop() as developer:
        path, as_json = f"/orders/{new_order_id()}", {"Content-Type": "application/json"}
        deep = b"[" * 100_000
        for content in (b"{", b"\xff\xfe", b'{"version": 1e999999', deep, b'{"version": ' + b"9" * 5000 + b"}"):
            answer = await developer.call("PUT", path, content=content, headers=as_json)
            assert (answer.status_code, answer.json()["code"]) in (
                (400, "api.body_unreadable"),
                (422, "api.fields_wrong"),
            )
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
            wrong = await developer.refused(415, "PUT", path, content=b"{}", headers={"Content-Type": kind})
            assert wrong["code"] == "api.media_type_wrong"
        surrogate = await developer.call("PUT", path, content=b'{"version": 1, "state": "\\ud800"}', headers=as_json)
        assert surrogate.status_code == 422
        large = await developer.refused(413, "PUT", path, content=b" " * (8 * 1024 * 1024 + 1), headers=as_json)
        assert large["code"] == "api.body_too_large"


async def test_unknown_paths_and_methods_are_answered_in_the_one_shape(ground: Ground) -> None:
    async with ground.shop() as developer:
        for path in ("/nothing", "/orders/", "/orders/a/b", "/waybills/zto"):
            assert (await developer.refused(404, "GET", path))["code"] == "api.path_unknown"
        wrong = await developer.refused(405, "DELETE", "/orders")
        assert wrong["code"] == "api.method_wrong"
        assert developer.seen[-1].headers["allow"] == "GET"
        answer = await developer.http.get(f"{developer.running.url}/api/v2/orders")
        assert answer.json()["code"] == "api.path_unknown"


async def test_odd_names_in_a_path_are_refused_not_failed_on(ground: Ground) -> None:
    async with ground.shop() as developer:
        for text in ("%00", "%ED%A0%80", "%E4%BD%A0%0A", "a" * 65, "%23x", "%7C"):
            for path in (f"/orders/{text}", f"/shipments/{text}", f"/waybills/zto/{text}", f"/calls/{text}"):
                answer = await developer.call("GET", path)
                assert answer.status_code in (404, 422), (path, answer.text)


async def test_what_nobody_foresaw_is_a_500_without_a_traceback_or_a_person(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ValueError(f"a row with {NAME} {PHONE}")

    async with ground.shop() as developer:
        monkeypatch.setattr("miandan.api.routes.orders.intake.put_order", breaks)
        order = {"version": 1, "recipient": RECIPIENT, "lines": LINES}
        problem = await developer.refused(500, "PUT", f"/orders/{new_order_id()}", order)
        assert problem["code"] == "failure.at_the_server"
        assert problem["log_id"] in problem["en"]
        _says_nobody(developer.seen[-1])
        await developer.running.hall.calls.flush()
        assert (await developer.ok("GET", f"/calls/{problem['log_id']}"))["sub_code"] == "failure.at_the_server"
    printed = capfd.readouterr()
    for text in (caplog.text, printed.out, printed.err):
        assert NAME not in text
        assert "Traceback" not in text


def test_every_refusal_of_the_house_has_a_status_that_the_document_names() -> None:
    for code, entry in catalogue().items():
        refusal = Refusal(code, **dict.fromkeys(placeholders(entry), "§"))
        assert status_of(refusal) in {*PROBLEMS, 405}, code


async def test_answers_are_not_to_be_kept_by_caches(ground: Ground) -> None:
    async with ground.shop() as developer:
        answer = await developer.call("GET", "/orders")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"

"""schemathesis against the running server: whatever is sent, the OpenAPI document describes the answer."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import CARRIER_APP, SHOP_APP, Ground
from tests.api.developer import LINES, RECIPIENT, new_order_id
from tests.served import served

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FEW, MANY = 12, 300


@pytest.fixture(scope="module")
def url(ground: Ground) -> Iterator[str]:
    """A server in a thread of its own: schemathesis calls without a loop."""
    ready, done, where = threading.Event(), threading.Event(), list[str]()

    async def serve() -> None:
        async with served(ground.settings) as running:
            where.append(running.url)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield where[0]
    done.set()
    thread.join()


def test_every_answer_to_anything_is_one_that_the_document_describes(url: str) -> None:
    seen = _conform(url, FEW)
    assert seen.keys() >= {200, 404, 409, 422}
    assert seen[200] > sum(seen.values()) / 5


@pytest.mark.prove
def test_the_same_with_hundreds_of_examples_for_each_operation(url: str) -> None:
    _conform(url, MANY)


def _conform(url: str, examples: int) -> Counter[int]:
    """How often each status was seen. Every other call names things that are there, so that it gets further."""
    tokens = {"shop": _token(url, SHOP_APP), "carrier": _token(url, CARRIER_APP, carrier="zto")}
    real = _things(url, tokens["shop"])
    found = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", timeout=30)
    operations: list[Any] = [one.ok() for one in found.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) > 25
    seen: Counter[int] = Counter()
    for operation in operations:
        subject = operation.definition.raw.get("x-subject", "shop")
        _one(operation, url, {"Authorization": f"Bearer {tokens[subject]}"}, real, seen, examples)
    return seen


def _one(
    operation: Any, url: str, headers: dict[str, str], real: dict[str, str], seen: Counter[int], examples: int
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples == FEW,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), there=booleans())
    def answered(case: Any, there: bool) -> None:
        if there:
            _name(case.path_parameters, real)
            _name(case.body, real)
        answer = case.call(base_url=url, headers=headers, timeout=30)
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    answered()


def _name(given_values: Any, real: dict[str, str]) -> None:
    """Put things that are there in the place of made-up ones, at any depth."""
    if isinstance(given_values, dict):
        for name, value in given_values.items():
            if name in real and isinstance(value, str):
                given_values[name] = real[name]
            elif name == "order_ids" and isinstance(value, list):
                given_values[name] = [real["order_id"]]
            else:
                _name(value, real)
    elif isinstance(given_values, list):
        for one in given_values:
            _name(one, real)


def _things(url: str, token: str) -> dict[str, str]:
    """An order with its number, and where it was taken."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=30, trust_env=False) as http:
        order_id = new_order_id()
        order = {"version": 1, "recipient": RECIPIENT, "lines": LINES}
        assert http.put(f"/orders/{order_id}", json=order).status_code == 200
        [account] = http.get("/accounts", params={"carrier": "zto"}).json()["accounts"]
        desk = {"account_id": account["account_id"], "ship_from_id": account["ship_from"][0]["ship_from_id"]}
        taken = http.post("/waybills", json=desk | {"parcels": [{"order_ids": [order_id]}]}).json()
        return desk | {"order_id": order_id, "carrier": "zto", "number": taken["parcels"][0]["number"], "line_id": "1"}


def _token(url: str, app: tuple[str, str], **more: str) -> str:
    asked = {"grant_type": "client_credentials", "app_key": app[0], "secret": app[1]} | more
    return str(httpx.post(f"{url}/api/v1/tokens", json=asked, trust_env=False, timeout=30).json()["access_token"])

"""Contracts of every method that is offered, generated from the field tables and asked over real HTTP.

In each run every field is asked once for each kind of fault; `prove` asks with every wrong value. Nothing that was sent
may stand in a refusal.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest

from miandan.access.model import SubjectKind
from miandan.dialects.doudian.calls import Method, methods
from miandan.dialects.doudian.fields import LONGEST_TEXT, Field, Table, requests
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import Erp
from tests.dialects.doudian.test_fields import sample, with_value

PLANTED = "谢琼琚19876543210"
"""Stands in whatever is wrong, and so must never stand in an answer."""

AT_ONCE = 16
LIMIT_CODES = {"order.batchDecrypt": 50002, "order.batchSensitive": 50002}
"""Methods whose published pair for too many items (300001) rides on another code than 40004."""

REAL = {
    "logistics_code": "yuantong",
    "company_code": "yuantong",
    "company": "zhongtong",
    "trace_msgs.traces.op_time": "2026-01-01 12:00:00",
}
"""What a field holds where a call should get beyond it."""

NEEDED_TOGETHER = ("company_code", "logistics_code", "receiver_info.contact.mobile", "receiver_address")
"""Of several fields the trade needs one, though the tables require none of them."""

_PLANTED_LIST: list[Any] = [PLANTED]
_WRONG: dict[str, list[Any]] = {
    "String": [{"x": PLANTED}, _PLANTED_LIST, True],
    "Int16": [PLANTED, {"x": PLANTED}, _PLANTED_LIST, 19876543210.5, True, 2**15],
    "Int32": [PLANTED, {"x": PLANTED}, _PLANTED_LIST, 19876543210.5, True, 2**31],
    "Int64": [PLANTED, {"x": PLANTED}, _PLANTED_LIST, 19876543210.5, True, 2**63],
    "Bool": [PLANTED, {"x": PLANTED}, _PLANTED_LIST, 19876543210],
    "Number": [PLANTED, {"x": PLANTED}, _PLANTED_LIST],
    "Map": [PLANTED, _PLANTED_LIST, 19876543210],
    "Struct": [PLANTED, _PLANTED_LIST, 19876543210],
    "Any": [],
}


@dataclass(frozen=True, slots=True)
class Case:
    """One wrong call: which field is wrong, and the code that says so."""

    method: Method
    path: str
    code: int
    params: dict[str, Any]


def without_required(method: Method, most: int) -> Iterator[Case]:
    """Each required field missing; null and empty in the long run."""
    table = requests()[method.name]
    for one in (one for one in table if one.required):
        gone: list[Any] = [..., None, *([""] if one.kind == "String" else [])]
        for value in gone[:most]:
            yield Case(method, one.path, 40002, with_value(sample(table), one.path, value))


def of_wrong_type(method: Method, most: int) -> Iterator[Case]:
    """Each field of another type; of lists also their items."""
    table = requests()[method.name]
    for one in table:
        for wrong in islice(_wrong(one), most):
            yield Case(method, one.path, 40004, with_value(sample(table), one.path, wrong))


def _wrong(one: Field) -> Iterator[Any]:
    if not one.is_list:
        yield from _WRONG[one.kind]
        return
    count = max(one.limit.least, 1) if one.limit else 1
    yield from ([wrong] * count for wrong in _WRONG[one.kind[5:-1]])
    yield from (PLANTED, {"x": PLANTED}, 19876543210)


def beyond_limit(method: Method, most: int) -> Iterator[Case]:
    """One more than a field may hold; in the long run also one less, and characters that it may not have."""
    table = requests()[method.name]
    for one in table:
        for value in islice(_beyond(one), most):
            code = LIMIT_CODES.get(method.name, 40004)
            yield Case(method, one.path, code, with_value(sample(table), one.path, value))


def _beyond(one: Field) -> Iterator[Any]:
    limit = one.limit
    if limit is None:
        if one.kind == "String":
            yield _long(LONGEST_TEXT + 1)
        return
    if limit.words:
        yield PLANTED
    elif one.is_list:
        items = sample_of(one)
        yield items[:1] * (limit.most + 1)
        if one.required and limit.least > 0:
            yield items[:1] * (limit.least - 1)
    elif one.kind == "String":
        yield _long(limit.most + 1)
        if limit.pattern is not None:
            yield "谢"
    else:
        yield limit.most + 1
        yield limit.least - 1


def _long(length: int) -> str:
    return (PLANTED * (length // len(PLANTED) + 1))[:length]


def sample_of(one: Field) -> list[Any]:
    """The items of a list in a whole call."""
    alone = Table("")
    alone.root.put("it", one)
    items: list[Any] = sample(alone)["it"]
    return items


@dataclass(slots=True)
class Callers:
    """A shop's and a carrier's program at the same server."""

    shop: Erp
    carrier: Erp

    def of(self, method: Method) -> Erp:
        return self.shop if not method.scopes or SubjectKind.SHOP in method.scopes else self.carrier


@asynccontextmanager
async def callers(ground: Ground) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(ground.erp())
        key = {"app_key": "7000000000000000002", "secret": "example-secret-0002"}
        carrier = await stack.enter_async_context(Erp.at(shop.running, **key))
        await carrier.log_in(auth_subject_type="WuLiuShang", auth_id="zto")
        yield Callers(shop, carrier)


async def broken_contracts(ground: Ground, cases: Iterable[Case]) -> list[str]:
    """What the gateway answers otherwise than the tables say."""
    found: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)
    asked = 0

    async def ask(caller: Erp, case: Case) -> None:
        async with gate:
            envelope = await caller.call(case.method.name, case.params)
        where = f"{case.method.name} {case.path}"
        if envelope["code"] != case.code:
            found.append(f"{where}: {envelope['code']} {envelope['sub_msg']}, not {case.code}")
        elif case.path not in envelope["sub_msg"]:
            found.append(f"{where} is not named: {envelope['sub_msg']}")
        elif envelope["data"] is not None or envelope["err_no"] != case.code or not envelope["log_id"]:
            found.append(f"{where}: {envelope}")
        shown = json.dumps(envelope | {"log_id": ""}, ensure_ascii=False)  # whose signs are drawn
        found.extend(f"{where} shows {piece}" for piece in ("谢", "98765") if piece in shown)

    async with callers(ground) as at_door:
        jobs = [ask(at_door.of(case.method), case) for case in cases]
        asked = len(jobs)
        await asyncio.gather(*jobs)
    assert asked > 50
    return found


FAULTS = [without_required, of_wrong_type, beyond_limit]


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_field_is_asked_for_and_named_when_it_is_wrong(
    ground: Ground, fault: Callable[[Method, int], Iterator[Case]]
) -> None:
    cases = [case for method in methods().values() for case in fault(method, 1)]
    assert await broken_contracts(ground, cases) == []


@pytest.mark.prove
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_wrong_value_of_every_field_is_refused_and_none_is_shown(
    ground: Ground, fault: Callable[[Method, int], Iterator[Case]]
) -> None:
    cases = [case for method in methods().values() for case in fault(method, 100)]
    assert await broken_contracts(ground, cases) == []


async def test_unknown_fields_and_explicit_nulls_are_no_fault_of_a_call(ground: Ground) -> None:
    """Whatever the trade says to such a call, none of its fields is called missing or wrong."""
    found = []
    async with callers(ground) as at_door:
        for method in methods().values():
            table = requests()[method.name]
            whole = sample(table)
            for one in table:
                if one.path in REAL:
                    whole = with_value(whole, one.path, REAL[one.path])
            for one in table:
                if not one.required and one.kind != "Any":  # whoever reads it names its item
                    whole = with_value(whole, one.path, None) if _is_there(whole, one.path) else whole
            for params in (whole, _with_unknown(whole)):
                envelope = await at_door.of(method).call(method.name, params)
                if "doudian.field" in envelope["sub_msg"] and not _is_needed_together(envelope["sub_msg"]):
                    found.append(f"{method.name}: {envelope['sub_msg']}")
                if envelope["code"] in (20000, 90000):
                    found.append(f"{method.name}: {envelope['sub_msg']}")
    assert found == []


def _is_there(params: Any, path: str) -> bool:
    """Whether nothing above a field was made null before."""
    *above, _ = path.split(".")
    for step in above:
        params = params[step]
        params = params[0] if isinstance(params, list) else params
        if params is None:
            return False
    return True


def _is_needed_together(said: str) -> bool:
    return any(f"The field {name} is missing" in said for name in NEEDED_TOGETHER)


def _with_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {name: _with_unknown(one) for name, one in value.items()}
        return inner | {"no_such_field": {"deep": [1, None, {"er": PLANTED}]}, "另一个": None}
    return [_with_unknown(one) for one in value] if isinstance(value, list) else value

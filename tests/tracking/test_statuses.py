"""The status tables: what each row must say, and how real texts are read."""

import tomllib
from datetime import date
from importlib import resources

import pytest

from miandan.carriers.dated import Confidence
from miandan.tracking.model import Action
from miandan.tracking.statuses import action_in, action_of, state_of, statuses

DATA = tomllib.loads(resources.files("miandan.tracking").joinpath("statuses.toml").read_text(encoding="utf-8"))
NAMESPACES = {row["namespace"] for row in DATA["status"]}
DATED = {"valid_from", "source", "confidence"}


def test_every_row_has_its_date_source_and_confidence() -> None:
    wanted = {
        "status": {"namespace", "codes", "action"},
        "wording": {"words", "action"},
        "state": {"namespace", "action", "code", "zh"},
    }
    assert set(DATA) == set(wanted)
    for table, columns in wanted.items():
        for row in DATA[table]:
            assert columns | DATED <= set(row) <= columns | DATED | {"valid_until", "note", "sub_code"}, row
            assert isinstance(row["valid_from"], date)
            assert row["source"].strip()
            assert row["confidence"] in list(Confidence)
            assert row["action"] in list(Action)


def test_no_code_means_two_things_on_one_day() -> None:
    for rows in [*statuses().read.values(), *statuses().told.values()]:
        days = [row.valid_from for row in rows]
        assert len({*days}) == len(days), rows
        assert all(one.valid_until for one in sorted(rows, key=lambda row: row.valid_from)[:-1])


def test_every_action_is_told_in_doudians_codes_and_read_back() -> None:
    told = [state_of("doudian", action) for action in Action]
    assert len({state.code for state in told}) == len(told)
    for state in told:
        assert action_of("doudian", state.code) is state.action
    assert {state.confidence for state in told} == {Confidence.INFERRED}, "nothing public says them"


@pytest.mark.parametrize("namespace", sorted(NAMESPACES))
def test_every_namespace_knows_collection(namespace: str) -> None:
    actions = {row["action"] for row in DATA["status"] if row["namespace"] == namespace}
    assert "collected" in actions


@pytest.mark.parametrize(
    ("namespace", "code", "sub_code", "action"),
    [
        ("sf", "50", "", Action.COLLECTED),
        ("sf", "80", "9", Action.SIGNED),
        ("doudian", "got", "", Action.COLLECTED),
        ("doudian", " 122 ", "x", Action.AT_STATION),
        ("cainiao_link", "DELIVERING", "", Action.OUT_FOR_DELIVERY),
        ("cainiao_link", "DELIVERING", "STA_INBOUND", Action.AT_STATION),
        ("kuaidi100", "0", "", Action.DEPARTED),
        ("kdniao", "406", "", Action.RETURNING),
        ("nobody", "50", "", Action.OTHER),
        ("doudian", "no such code", "", Action.OTHER),
        ("", "", "", Action.OTHER),
    ],
)
def test_codes_are_read_by_their_namespace(namespace: str, code: str, sub_code: str, action: Action) -> None:
    assert action_of(namespace, code, sub_code) is action


def test_where_the_code_says_nothing_the_text_does() -> None:
    assert action_of("doudian", "777", "", "您的快件已签收") is Action.SIGNED
    assert action_of("kdniao", "4", "", "客户拒收") is Action.REFUSED, "4 is a problem of whatever kind"
    assert action_of("sf", "80", "", "正在派送") is Action.SIGNED, "a code that is known wins"


def test_a_row_holds_from_its_day_on() -> None:
    assert action_of("sf", "50", on=date(2019, 12, 31)) is Action.OTHER


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("商家已下单，等待揽收", Action.ORDERED),
        ("网点已接单", Action.ACCEPTED),
        ("揽收失败，客户取消", Action.COLLECT_FAILED),
        ("【杭州余杭公司】已揽收", Action.COLLECTED),
        ("示例速运 已收取快件", Action.COLLECTED),
        ("浙江临安西部公司-已发往-浙江杭州转运中心", Action.DEPARTED),
        ("快件在【杭州】已装车，发往上海转运中心", Action.DEPARTED),
        ("已到达-湖南长沙转运中心", Action.ARRIVED),
        ("快件到达【杭州中转部】，准备发往下一站", Action.ARRIVED),
        ("示例小区-派件中", Action.OUT_FOR_DELIVERY),
        ("快件正在派送途中,请您准备签收", Action.OUT_FOR_DELIVERY),
        ("快件已由菜鸟驿站代收,请及时取件", Action.AT_STATION),
        ("您的快递已投柜", Action.AT_STATION),
        ("派送不成功，原因：电话无人接听", Action.FAILED_ATTEMPT),
        ("已签收,签收人凭取货码签收。", Action.SIGNED),
        ("客户拒收，快件退回中", Action.REFUSED),
        ("快件退回中", Action.RETURNING),
        ("退回件已签收", Action.RETURNED),
        ("拦截成功，快件退回", Action.RETURNING),
        ("快件已转寄至新地址", Action.FORWARDED),
        ("快件外包装破损", Action.DAMAGED),
        ("快件遗失", Action.LOST),
        ("已取消寄件", Action.CANCELLED),
        ("清关完成", Action.CUSTOMS),
        ("", Action.OTHER),
        ("天气不错", Action.OTHER),
    ],
)
def test_texts_are_read_by_their_words(text: str, action: Action) -> None:
    assert action_in(text) is action

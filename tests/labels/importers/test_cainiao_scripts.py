"""Scripts of Cainiao's language: values, variables and conditions of simple form are read, never run."""

import pytest

from miandan.labels.template import Field, Literally, Text, When
from tests.labels.importers.pages import layout, nodes, one, read, text_of

# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("<%=_data.recipient.name%>", (Field("recipient_name"),)),
        ("收：<%= _data.recipient.name %>!", (Literally("收："), Field("recipient_name"), Literally("!"))),
        ("<%=_data.routingInfo.sortation.name%>", (Field("big_mark"),)),
        ("<%=_data.routingInfo.routeCode%>", (Field("sort_code"),)),
        ("<%=_data.routingInfo.consolidation.name%>", (Field("bag_centre"),)),
        ("<%=_data.shippingOption.title%>", (Field("product"),)),
        ("<%=_data.waybillCode%>", (Field("number"),)),
        ("<%=_data.gift.name%>", (Field("custom.gift.name"),)),
        ("<%=_data['gift']['a b'][0]%>", (Field("custom.gift.a b.0"),)),
        ("<%=_data.custom.waybillCode%>", (Field("custom.waybillCode"),)),
        ("<%=_data.remark || '无'%>", (Field("remark", default="无"),)),
        ("<%=_data.remark ? _data.remark : \"none\"%>", (Field("remark", default="none"),)),
        ("<%='a' + _data.shopName + 'b'%>", (Literally("a"), Field("shop"), Literally("b"))),
        ("<%=_data.order_ids.join(', ')%>", (Field("order_ids", join=", "),)),
        ("<%=_data.shopName.slice(0, 4)%>", (Field("shop", slice=(0, 4)),)),
        ("<%=_data.shopName.substring(2)%>", (Field("shop", slice=(2, 0)),)),
        ("<%=_data.shopName.substr(2, 3).toUpperCase()%>", (Field("shop", slice=(2, 5), upper=True),)),
        ("<%=String(_data.copy)%>", (Field("copy"),)),
        ("<%=_data.cod_fen ? (_data.cod_fen / 100).toFixed(2) : ''%>", (Field("cod_fen", money=True),)),
        ("<%=_data.codAmount%>", (Field("cod_fen", money=True),)),
        ("<\\% no script %>", (Literally("<% no script %>"),)),
    ],
)  # fmt: skip
def test_simple_values_are_read(content: str, value: tuple[Field | Literally, ...]) -> None:
    assert text_of(content).value == value


def test_mobile_and_phone_are_one_field() -> None:
    both = (Field("recipient_phone"),)
    assert text_of("<%=_data.recipient.mobile%> <%=_data.recipient.phone%>").value == both
    assert text_of("<%=_data.recipient.mobile || _data.recipient.phone%>").value == both


def test_the_pieces_of_an_address_are_one_field() -> None:
    pieces = "".join(f"<%=_data.recipient.address.{name}%> " for name in ("province", "city", "district", "detail"))
    assert text_of(pieces).value == (Field("recipient_address"), Literally(" "))


def test_pieces_of_an_address_without_its_detail_stay_custom() -> None:
    imported = read(layout("<text><![CDATA[<%=_data.recipient.address.city%>]]></text>"))
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert node.value == (Field("custom.recipient.address.city"),)
    assert [note.what for note in imported.unsupported] == ["recipient.address.city"]


def test_a_variable_stands_for_its_path() -> None:
    inside = "<% var to = _data.recipient; %>" + layout("<text><![CDATA[<%=to.name%>]]></text>")
    assert [node.value for node in nodes(inside) if isinstance(node, Text)] == [(Field("recipient_name"),)]


def test_a_loop_over_the_goods_within_a_text_is_the_goods_as_one_text() -> None:
    loop = "<% for (var i = 0; i < _data.items.length; ++i) { %><%=_data.items[i].name%>;<% } %>"
    imported = read(layout(f"<text><![CDATA[内件 {loop}]]></text>"))
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert node.value == (Literally("内件 "), Field("goods"))
    assert len(imported.unsupported) == 1


# --- conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "when"),
    [
        ("_data.parentWaybillCode", When("parent_number")),
        ("!_data.parentWaybillCode", When("parent_number", unless=True)),
        ("!!_data.gift", When("custom.gift")),
        ("_data.gift != null", When("custom.gift")),
        ("_data.gift == ''", When("custom.gift", unless=True)),
        ("typeof _data.gift != 'undefined'", When("custom.gift")),
        ("_data.gift && _data.gift.name", When("custom.gift.name")),
        ("_data.level === 'A'", When("custom.level", equals="A")),
        ("'A' == _data.level", When("custom.level", equals="A")),
        ("_data.level != 'A'", When("custom.level", equals="A", unless=True)),
        ("_data.copy >= 2", When("copy", at_least=2)),
        ("_data.copy > 1", When("copy", at_least=2)),
        ("2 <= _data.copy", When("copy", at_least=2)),
        ("_data.copy < 2", When("copy", at_least=2, unless=True)),
        ("_data.codAmount >= 5", When("cod_fen", at_least=500)),
        ("_data.services.length > 0", When("services")),
        ("_data.services.length >= 2", When("services", at_least=2)),
        ("_data.services.indexOf('保价') >= 0", When("services", has="保价")),
        ("_data.services.indexOf('保价') == -1", When("services", has="保价", unless=True)),
        ("_data.remark.includes('急')", When("remark", has="急")),
        ("_data.packageInfo.items.length > 0", When("goods_lines")),
        ("_data.a && !(_data.b)", (When("custom.a"), When("custom.b", unless=True))),
        ("true", None),
    ],
)  # fmt: skip
def test_simple_conditions_are_read(condition: str, when: When | tuple[When, ...] | None) -> None:
    assert one(f"<% if ({condition}) {{ %>{layout('<text>x</text>')}<% }} %>").when == when


def test_else_holds_where_if_does_not() -> None:
    chain = f"<% if (_data.a) {{ %>{layout('<text>1</text>')}<% }} else if (_data.b) {{ %>{layout('<text>2</text>')}"
    chain += f"<% }} else {{ %>{layout('<text>3</text>')}<% }} %>"
    not_a, not_b = When("custom.a", unless=True), When("custom.b", unless=True)
    assert [node.when for node in nodes(chain)] == [When("custom.a"), (not_a, When("custom.b")), (not_a, not_b)]


def test_else_of_two_conditions_is_drawn_wherever_either_fails() -> None:
    both = (
        f"<% if (_data.a && _data.b) {{ %>{layout('<text>1</text>')}<% }} else {{ %>{layout('<text>2</text>')}<% }} %>"
    )
    a, b = When("custom.a"), When("custom.b")
    not_a, not_b = When("custom.a", unless=True), When("custom.b", unless=True)
    assert [node.when for node in nodes(both)] == [(a, b), not_a, (a, not_b)]


def test_conditions_within_each_other_all_hold() -> None:
    inside = f"<% if (_data.a) {{ %><% if (_data.b) {{ %>{layout('<text>x</text>')}<% }} %><% }} %>"
    assert one(inside).when == (When("custom.a"), When("custom.b"))


def test_a_condition_within_a_text_makes_a_text_for_each_way() -> None:
    content = "备注：<% if (_data.remark) { %><%=_data.remark%>！<% } else { %>无<% } %>"
    yes, no = nodes(layout(f"<text><![CDATA[{content}]]></text>"))
    assert isinstance(yes, Text)
    assert isinstance(no, Text)
    assert (yes.value, yes.when) == ((Literally("备注："), Field("remark"), Literally("！")), When("remark"))
    assert (no.value, no.when) == ((Literally("备注：无"),), When("remark", unless=True))


def test_a_choice_between_two_words_makes_a_text_for_each() -> None:
    yes, no = nodes(layout("<text><![CDATA[<%=_data.sandbox ? '示例' : '正式'%>]]></text>"))
    assert [yes.when, no.when] == [When("sandbox"), When("sandbox", unless=True)]


def test_a_condition_that_only_keeps_empty_text_away_is_none() -> None:
    node = text_of("备注：<% if (_data.remark) { %><%=_data.remark%><% } %>")
    assert (node.value, node.when) == ((Literally("备注："), Field("remark")), None)


def test_a_condition_that_cannot_be_expressed_shows_its_content_always_and_leaves_out_the_else() -> None:
    either = (
        f"<% if (_data.a || _data.b) {{ %>{layout('<text>1</text>')}<% }} else {{ %>{layout('<text>2</text>')}<% }} %>"
    )
    imported = read(either)
    (node,) = imported.template.nodes
    assert node.when is None
    assert [note.what for note in imported.unsupported] == ["if (_data.a || _data.b) {", "} else {"]

"""Tables of Cainiao's language: a loop around a row becomes the goods table, anything else cells in their places."""

import pytest

from miandan.labels.importers import import_template
from miandan.labels.importers.imported import Imported
from miandan.labels.template import Box, Column, Field, Line, Literally, Rect, Table, Text, When

LOOP = "<% for (var i = 0; i < _data.packageInfo.items.length; i++) { %>"


def read(rows: str, style: str = "", layout: str = 'height="40" style="overflow:hidden"', page: str = "") -> Imported:
    inside = f'<layout left="2" top="10" width="60" {layout}><table width="60" style="{style}">{rows}</table></layout>'
    return import_template(f'<page width="76" height="130" {page}>{inside}</page>'.encode(), "cainiao", "own")


def goods(rows: str, **changes: str) -> Table:
    """The goods table of which everything is taken over."""
    imported = read(rows, **changes)
    assert imported.unsupported == ()
    (table,) = imported.template.nodes
    assert isinstance(table, Table)
    return table


def row(*contents: str, tag: str = "td") -> str:
    widths = (40, 20)
    cells = (
        f'<{tag} width="{width}" height="6"><text style="fontSize:8;"><![CDATA[{content}]]></text></{tag}>'
        for width, content in zip(widths, contents, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


ROW = row("<%=_data.packageInfo.items[i].name%>", "<%=_data.packageInfo.items[i].count%>")


def test_a_loop_around_a_row_is_the_goods_table_with_the_row_above_as_its_head() -> None:
    table = goods(row("商品", "数量", tag="th") + LOOP + ROW + "<% } %>")
    columns = Column((Field("title"),), 40_000, "商品"), Column((Field("quantity"),), 20_000, "数量")
    assert table == Table(
        Box(2_000, 10_000, 60_000, 40_000), columns, 6_000, 2_822, lines=1, head=True, rules=353, overflow="count"
    )


@pytest.mark.parametrize(
    ("loop", "name"),
    [
        (LOOP, "_data.packageInfo.items[i].name"),
        ("<% for (i = 0; i < _data.goods.length; ++i) { %>", "_data.goods[i].title"),
        ("<% for (var i in _data.goodsList) { %>", "_data.goodsList[i].goodsName"),
        ("<% for (const g of _data.goodsList) { %>", "g.productName"),
        ("<% _data.items.forEach(function (it) { %>", "it.name"),
        ("<% _data.items.forEach((it, n) => { %>", "it.name"),
        ("<% for (var i = 0; i < _data.items.length; i += 1) { var it = _data.items[i]; %>", "it.name"),
        ("<% var list = _data.items; for (var i = 0; i < list.length; i++) { %>", "list[i].name"),
    ],
)
def test_loops_of_every_usual_form_are_read(loop: str, name: str) -> None:
    end = "<% }); %>" if "forEach" in loop else "<% } %>"
    table = goods(loop + row(f"<%={name}%>", "x") + end)
    assert table.columns[0].value == (Field("title"),)


def test_the_counter_of_the_loop_is_the_number_of_the_row() -> None:
    table = goods(LOOP + row("<%=i+1%>. <%=_data.packageInfo.items[i].spec%>", "x") + "<% } %>")
    assert table.columns[0].value == (Field("index"), Literally(". "), Field("spec"))


def test_a_table_on_a_page_that_splits_goes_on_on_further_sheets() -> None:
    table = goods(LOOP + ROW + "<% } %>", page='splitable="true"')
    assert (table.overflow, table.sheets) == ("sheet", "all")


def test_a_table_without_rules_has_none() -> None:
    assert goods(LOOP + ROW + "<% } %>", style="borderWidth:0;cellBorderWidth:0;").rules == 0


def test_a_condition_around_the_table_is_the_tables() -> None:
    cut = '<layout left="2" top="10" width="60" height="40" style="overflow:hidden">'
    inside = f"{cut}<table>{LOOP}{ROW}<% }} %></table></layout>"
    page = f'<page width="76" height="130"><% if (_data.items.length > 0) {{ %>{inside}<% }} %></page>'
    (table,) = import_template(page.encode(), "cainiao", "own").template.nodes
    assert table.when == When("goods_lines")


def test_a_table_that_was_not_cut_reaches_to_the_end_of_the_page() -> None:
    imported = read(LOOP + ROW + "<% } %>", layout='height="12"')
    (table,) = imported.template.nodes
    assert table.box == Box(2_000, 10_000, 60_000, 120_000)
    assert [note.what for note in imported.unsupported] == ["<table>"]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (LOOP + ROW + ROW + "<% } %>", "<tr>"),
        (LOOP + ROW + "<% } %>" + row("合计", "9"), "<tr>"),
        (LOOP + row("<%=_data.packageInfo.items[i].price%>", "x") + "<% } %>", "_data.packageInfo.items[i].price"),
        (LOOP + row("<%=_data.recipient.name%>", "x") + "<% } %>", "<td>"),
        (LOOP + row("<% if (_data.a) { %>a<% } %>", "x") + "<% } %>", "<td>"),
        (LOOP + row("a", "x").replace("fontSize:8", "fontWeight:bold") + "<% } %>", "<td>"),
        (
            "<% for (var i = 0; i < _data.rows.length; i++) { %>" + row("<%=_data.rows[i].name%>", "x") + "<% } %>",
            "rows",
        ),
        ("<% for (var i = 1; i < 5; i++) { %>" + ROW + "<% } %>", "for (var i = 1; i < 5; i++) {"),
        ("<% if (_data.a) { %>" + row("a", "b") + "<% } %>", "if (_data.a) {"),
        ("<div/>", "<div>"),
    ],
)
def test_what_a_goods_table_cannot_show_is_listed(rows: str, what: str) -> None:
    assert what in [note.what for note in read(rows).unsupported]


def test_only_one_table_goes_on_on_further_sheets() -> None:
    layout = '<layout left="2" top="{}" width="60" height="30" style="overflow:hidden"><table>{}</table></layout>'
    both = "".join(layout.format(top, LOOP + ROW + "<% } %>") for top in (10, 50))
    imported = import_template(f'<page width="76" height="130" splitable="true">{both}</page>'.encode(), None, "own")
    assert [node.overflow for node in imported.template.nodes if isinstance(node, Table)] == ["sheet", "count"]
    assert len(imported.unsupported) == 1


def test_cells_stand_in_their_places_across_rows_and_columns() -> None:
    rows = """
      <tr><td width="20" height="8" rowspan="2"><text>a</text></td><td width="25" height="8"><text>b</text></td>
          <td width="15"><rect/></td></tr>
      <tr><td height="6" colspan="2">c <%=_data.remark%></td></tr>"""
    imported = read(rows)
    assert imported.unsupported == ()
    texts = [(node.value, node.box) for node in imported.template.nodes if isinstance(node, Text)]
    assert texts == [
        ((Literally("a"),), Box(2_400, 10_000, 19_200, 14_000)),
        ((Literally("b"),), Box(22_400, 10_000, 24_200, 8_000)),
        ((Literally("c"), Field("remark")), Box(22_400, 18_000, 39_200, 6_000)),
    ]
    assert [node.box for node in imported.template.nodes if isinstance(node, Rect)] == [
        Box(47_000, 10_000, 15_000, 8_000)
    ]


def test_rules_of_cells_are_drawn_once_and_not_through_what_spans_them() -> None:
    rows = '<tr><td width="30" height="8" rowspan="2"/><td width="30" height="8"/></tr><tr><td height="8"/></tr>'
    lines = [node.box for node in read(rows).template.nodes if isinstance(node, Line)]
    across = sorted((box.y, box.x, box.w) for box in lines if box.w > box.h)
    down = sorted((box.x, box.y, box.h) for box in lines if box.h > box.w)
    assert across == [(10_000, 2_000, 60_000), (17_824, 32_000, 30_000), (25_647, 2_000, 60_000)]
    assert down == [(2_000, 10_000, 16_000), (31_824, 10_000, 16_000), (61_647, 10_000, 16_000)]


def test_layouts_within_a_cell_count_from_its_corner() -> None:
    inside = '<layout left="2" top="1" width="9" height="5"><rect/></layout>'
    rows = f'<tr><td width="20" height="8"/><td width="40" height="8">{inside}</td></tr>'
    boxes = [node.box for node in read(rows).template.nodes if isinstance(node, Rect)]
    assert boxes == [Box(24_000, 11_000, 9_000, 5_000)]

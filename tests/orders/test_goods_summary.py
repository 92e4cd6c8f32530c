"""The goods summary of a label: complete where it fits, cut with the whole count where it does not."""

from hypothesis import given
from hypothesis import strategies as st

from miandan.orders.model import OrderLine, goods_summary

MAT = OrderLine("1", "垫子", "10mm/粉", quantity=3)
TOWEL = OrderLine("2", "毛巾", quantity=6)


def test_everything_is_named_where_it_fits() -> None:
    assert goods_summary([MAT, TOWEL]) == "垫子 10mm/粉 x3; 毛巾 x6"


def test_what_does_not_fit_is_counted() -> None:
    assert goods_summary([MAT, TOWEL], limit=18) == "垫子 10mm/粉 x3…等 9 件"
    assert goods_summary([MAT, TOWEL], limit=10) == "垫子 1…等 9 件"


@given(
    st.lists(
        st.builds(OrderLine, st.just("1"), st.text(max_size=90), st.text(max_size=20), quantity=st.integers(1, 9_999)),
        min_size=1,
    ),
    st.integers(12, 120),
)
def test_the_summary_never_exceeds_its_limit_and_never_hides_the_count(lines: list[OrderLine], limit: int) -> None:
    summary = goods_summary(lines, limit)
    assert len(summary) <= max(limit, len(f"…等 {sum(line.quantity for line in lines)} 件"))
    if "…等" in summary:
        assert summary.endswith(f"…等 {sum(line.quantity for line in lines)} 件")

"""The same order again: what is answered where its key is occupied already."""

import pytest
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.waybills.model import Refused, Taken
from tests.waybills.conftest import Heart
from tests.waybills.stall import codes, numbers
from tests.waybills.world import SOMEBODY, parcel

ELSEWHERE = structs.replace(SOMEBODY, detail="测试路 2 号 5 幢 101 室")


async def test_another_account_is_refused_and_names_the_number_that_stands(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("yto", "1")
        refusal = await stall.refusal("sto", "1")
        assert refusal.code == "parcel.account_differs"
        assert refusal.fields["number"] == old.number
        assert await stall.used("sto") == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (parcel("1", recipient=ELSEWHERE), "recipient"),
        (parcel("1", title="盘子"), "goods"),
        (structs.replace(parcel("1"), services={"insured": 100}), "services"),
        (parcel("1", pieces=2), "pieces"),
    ],
    ids=["recipient", "goods", "services", "pieces"],
)
async def test_changed_content_is_refused_unless_accepted_and_then_named(
    heart: Heart, changed: object, field: str
) -> None:
    async with heart.stall() as stall:
        first = await stall.one("yto", "1")
        refusal = await stall.refusal("yto", changed)  # type: ignore[arg-type]
        assert (refusal.code, refusal.fields["fields"]) == ("parcel.differs", field)
        accepted = await stall.one("yto", changed, accept_differences=True)  # type: ignore[arg-type]
        assert (accepted.number, accepted.known, accepted.differs) == (first.number, True, (field,))
        assert await stall.used("yto") == 1


async def test_blanks_in_the_address_and_the_order_of_services_are_no_difference(heart: Heart) -> None:
    async with heart.stall() as stall:
        ask = structs.replace(parcel("1"), services={"a": 1, "b": 2})
        first = await stall.one("yto", ask)
        again = await stall.one("yto", structs.replace(ask, services={"b": 2, "a": 1}))
        assert (again.number, again.differs) == (first.number, ())


async def test_a_parcel_of_several_orders_has_one_number_and_occupies_every_order(heart: Heart) -> None:
    async with heart.stall() as stall:
        together = await stall.one("yto", parcel("1", "2", "3"))
        assert set((await stall.live_numbers()).values()) == {together.number}
        assert len(await stall.live_numbers()) == 3
        assert (await stall.one("yto", parcel("1", "2", "3"))).number == together.number
        assert await stall.used("yto") == 1


@pytest.mark.parametrize("asked", [("2",), ("1", "2", "4"), ("4", "2"), ("1",)], ids=" ".join)
async def test_an_order_that_sits_in_another_parcel_is_never_moved(heart: Heart, asked: tuple[str, ...]) -> None:
    async with heart.stall() as stall:
        together = await stall.one("yto", parcel("1", "2", "3"))
        refusal = await stall.refusal("yto", parcel(*asked))
        assert (refusal.code, refusal.fields["number"]) == ("parcel.overlaps", together.number)
        assert await stall.used("yto") == 1


async def test_retake_does_not_tear_an_order_out_of_a_merged_parcel(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", parcel("1", "2"))
        assert (await stall.refusal("sto", parcel("2"), retake=True)).code == "parcel.overlaps"


async def test_a_parcel_over_two_numbers_is_refused(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.take("yto", parcel("1"), parcel("2"))
        assert (await stall.refusal("yto", parcel("1", "2"))).code == "parcel.overlaps"


async def test_one_order_twice_in_a_request_gets_one_number_and_one_refusal(heart: Heart) -> None:
    async with heart.stall() as stall:
        outcomes = await stall.take("yto", parcel("1"), parcel("1", "2"), parcel("3"), parcel("4", "4"))
        assert codes(outcomes) == ["", "parcel.key_twice", "", "parcel.key_twice"]
        assert await stall.used("yto") == 2


async def test_a_parcel_without_orders_or_with_odd_pieces_is_refused_and_the_rest_goes_on(heart: Heart) -> None:
    async with heart.stall() as stall:
        without = structs.replace(parcel("1"), keys=())
        outcomes = await stall.take("yto", without, parcel("2", pieces=0), parcel("3"), parcel("4", pieces=100))
        assert codes(outcomes) == ["parcel.pieces", "parcel.pieces", "", "parcel.pieces"]
        assert await stall.used("yto") == 1


async def test_new_orders_are_served_beside_known_ones_in_the_order_asked(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.take("yto", parcel("2"), parcel("4"))
        outcomes = await stall.take("yto", *(parcel(order) for order in "12345"))
        assert [isinstance(one, Taken) and one.known for one in outcomes] == [False, True, False, True, False]
        assert len(set(numbers(outcomes))) == 5
        assert await stall.used("yto") == 5


async def test_the_same_request_through_two_programs_has_one_answer(heart: Heart) -> None:
    async with heart.stall() as stall:
        first = await stall.one("yto", "1")
        async with heart.world() as other:
            stall.world = other
            assert (await stall.one("yto", "1")).number == first.number
            assert await stall.used("yto") == 1


async def test_merchants_do_not_meet_each_others_orders(heart: Heart) -> None:
    async with heart.stall() as one, heart.stall() as other:
        assert (await one.one("yto", "1")).number != (await other.one("yto", "1")).number


async def test_refusals_name_nobody(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", "1")
        [outcome] = await stall.take("yto", parcel("1", recipient=ELSEWHERE))
        assert isinstance(outcome, Refused)
        assert isinstance(outcome.refusal, Refusal)
        shown = f"{outcome} {outcome.refusal} {outcome.refusal.zh} {outcome.refusal.fields}"
        assert not any(part in shown for part in (SOMEBODY.name, SOMEBODY.phone, ELSEWHERE.detail))

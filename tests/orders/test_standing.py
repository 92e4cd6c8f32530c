"""Where an order stands, without a database: the same whatever order its messages arrive in."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderState
from miandan.orders.standing import (
    Hearing,
    OrderEvent,
    Standing,
    after_event,
    after_put,
    before_any_word,
    state_of,
)
from tests.orders.histories import Said, histories, told_twice

E = OrderEvent
TO_SHIP, HELD, REFUNDING = OrderState.TO_SHIP, OrderState.HELD, OrderState.REFUNDING


def heard(messages: Sequence[Said], standing: Standing | None = None) -> Standing:
    standing = standing or Standing()
    for said in messages:
        if said.event is None:
            standing, _ = after_put(standing, said.state, said.version)
        else:
            standing, _ = after_event(standing, said.event, said.version)
    return standing


@given(st.data(), histories())
def test_whatever_order_messages_arrive_in_and_however_often_the_order_stands_the_same(
    data: st.DataObject, history: list[Said]
) -> None:
    again = data.draw(st.lists(st.integers(0, 20), max_size=4))
    arrived = data.draw(st.permutations(told_twice(history, again)))
    assert heard(arrived) == heard(history)


@given(histories())
def test_what_was_heard_before_is_never_applied_again(history: list[Said]) -> None:
    standing = heard(history)
    for said in history:
        if said.event is None:
            after, hearing = after_put(standing, said.state, said.version)
        else:
            after, hearing = after_event(standing, said.event, said.version)
        assert hearing is not Hearing.APPLIED
        assert after == standing


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], TO_SHIP),
        ([E.HELD], HELD),
        ([E.HELD, E.RELEASED], TO_SHIP),
        ([E.REFUND_OPENED], REFUNDING),
        ([E.REFUND_OPENED, E.REFUND_WITHDRAWN], TO_SHIP),
        ([E.HELD, E.REFUND_OPENED, E.REFUND_WITHDRAWN], HELD),
        ([E.HELD, E.REFUND_OPENED, E.RELEASED, E.REFUND_WITHDRAWN], TO_SHIP),
        ([E.REFUND_OPENED, E.REFUNDED], OrderState.REFUNDED),
        ([E.REFUND_OPENED, E.REFUNDED, E.REFUND_OPENED, E.REFUND_WITHDRAWN], OrderState.REFUNDED),
        ([E.CANCELLED, E.RELEASED, E.PAID], OrderState.CANCELLED),
        ([E.SHIPPED, E.REFUND_OPENED], OrderState.SHIPPED),
    ],
    ids=lambda value: "-".join(value) or "nothing" if isinstance(value, list) else value.value,
)
def test_the_state_follows_from_what_happened(events: list[OrderEvent], state: OrderState) -> None:
    history = [Said(1), *(Said(version, event) for version, event in enumerate(events, 2))]
    assert state_of(heard(history))[0] is state


def test_an_unpaid_order_ships_once_it_is_paid_even_if_that_was_heard_first() -> None:
    put, paid = Said(1, None, OrderState.AWAITING_PAYMENT), Said(2, E.PAID)
    assert state_of(heard([put]))[0] is OrderState.AWAITING_PAYMENT
    assert state_of(heard([paid, put]))[0] is TO_SHIP


def test_a_later_version_of_the_contents_ends_no_hold_and_no_refund() -> None:
    assert state_of(heard([Said(1), Said(2, E.HELD), Said(3)])) == (HELD, HELD_FOR_REVIEW)
    assert state_of(heard([Said(1), Said(2, E.REFUND_OPENED), Said(3)]))[0] is REFUNDING


def test_what_only_puts_have_said_a_later_put_unsays() -> None:
    assert state_of(heard([Said(1), Said(2, None, REFUNDING), Said(3)]))[0] is TO_SHIP
    assert state_of(heard([Said(1, None, REFUNDING), Said(2, E.REFUND_WITHDRAWN)]))[0] is TO_SHIP
    assert state_of(heard([Said(1, None, HELD), Said(2, E.RELEASED)]))[0] is TO_SHIP
    assert state_of(heard([Said(2, E.RELEASED), Said(3, None, HELD)]))[0] is HELD


def test_at_one_version_the_more_careful_word_counts() -> None:
    for careful, careless in ((E.HELD, E.RELEASED), (E.REFUND_OPENED, E.REFUND_WITHDRAWN)):
        assert heard([Said(5, careful), Said(5, careless)]) == heard([Said(5, careless), Said(5, careful)])
        assert state_of(heard([Said(5, careless), Said(5, careful)]))[0] is not TO_SHIP


def test_late_and_repeated_are_told_apart() -> None:
    standing = heard([Said(1), Said(2, E.HELD), Said(3, E.RELEASED)])
    assert after_event(standing, E.HELD, 2)[1] is Hearing.LATE
    assert after_event(standing, E.RELEASED, 3)[1] is Hearing.REPEATED
    assert after_put(standing, TO_SHIP, 1)[1] is Hearing.REPEATED
    assert after_put(standing, TO_SHIP, 0)[1] is Hearing.LATE


def test_what_files_and_hands_said_before_goes_on_counting() -> None:
    by_hand = before_any_word(HELD, HELD_BY_HAND)
    assert state_of(by_hand) == (HELD, HELD_BY_HAND)
    assert state_of(heard([Said(1, E.REFUND_OPENED)], by_hand))[0] is REFUNDING
    assert state_of(heard([Said(1, E.REFUND_OPENED), Said(2, E.REFUND_WITHDRAWN)], by_hand)) == (HELD, HELD_BY_HAND)
    closed = before_any_word(OrderState.CLOSED, None)
    assert state_of(heard([Said(1, E.PAID), Said(2)], closed))[0] is OrderState.CLOSED
    refunding = before_any_word(REFUNDING, None)
    assert state_of(refunding)[0] is REFUNDING
    assert state_of(heard([Said(1, E.REFUND_WITHDRAWN)], refunding))[0] is TO_SHIP

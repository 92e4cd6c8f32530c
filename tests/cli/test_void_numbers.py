"""Numbers that must not go out: of orders closed meanwhile, of parcels replaced by another program; and who listens."""

import os

from tests.cli.clerk import Clerk, finish, states
from tests.orders.tables import order_row


def test_an_order_closed_after_its_label_was_printed_names_the_label_to_throw_away(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(2))
    clerk.ship()
    before = clerk.numbers()
    clerk.orders(order_row(1, 订单状态="已关闭"), order_row(2))
    clerk.ship()
    closed, other = clerk.report()
    assert states([closed, other]) == ["shipped", "kept"]
    assert closed.number == before[closed.order]
    assert "作废" in closed.remedy
    assert clerk.pages() == 1


def test_a_changed_order_shows_the_number_that_it_has_although_it_is_not_printed(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(2))
    clerk.ship()
    before = clerk.numbers()
    clerk.orders(order_row(1, 商品数量="7"), order_row(2))
    assert clerk.ship().code == 2
    assert states(clerk.report()) == ["refused", "kept"]
    assert {one.order: one.number for one in clerk.report()} == before
    assert clerk.pages() == 1


def test_the_job_is_done_although_nobody_can_hear_of_it(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(2))
    screen = os.open("/dev/full", os.O_WRONLY)
    program = clerk.start("ship", "orders.csv", screen=screen)
    os.close(screen)
    assert program.wait(60) == 0
    assert clerk.pages() == len(clerk.numbers()) == 2


def test_the_job_is_done_without_a_screen(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(2))
    assert finish(clerk.start("ship", "orders.csv", preexec=lambda: os.close(2))).code == 0
    assert clerk.pages() == len(clerk.numbers()) == 2


def test_a_terminal_without_chinese_gets_the_rest(clerk: Clerk) -> None:
    done = clerk.but(PYTHONIOENCODING="ascii").run("--help")
    assert done.code == 0
    assert "miandan: an open electronic-waybill platform" in done.out


def test_too_few_connections_are_refused_instead_of_waiting_for_ever(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    assert clerk.but(MIANDAN_POOL="2").ship().error_code == "settings.bad_value"

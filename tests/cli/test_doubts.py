"""`miandan doubts`: a call that nobody answered is listed, and ends with what a person learnt from the carrier."""

import re
from pathlib import Path

import pytest

from miandan.connectors.fake import FakeCarrier, Issue
from miandan.connectors.faults import Fault, FaultPlan
from miandan.connectors.registry import sandbox_file
from tests.cli.clerk import Clerk, Done, states
from tests.cli.test_again import asked, assert_every_promise_holds, numbers_in_the_books
from tests.orders.tables import order_row

NOBODYS_CALL = "01890a5d-ac96-774b-bcce-b302099a8057"
SAID = "SELECT actor, action FROM audit_entry WHERE action LIKE 'intent.%' ORDER BY chain, seq"


def carrier_of(clerk: Clerk, code: str) -> FakeCarrier:
    return FakeCarrier(code, sandbox_file(Path(clerk.environment["MIANDAN_DATA"])))


def leave_in_doubt(clerk: Clerk, code: str, fault: Fault = Fault.DROP_ANSWER) -> Done:
    """Ship one order whose answer is lost."""
    clerk.run("jobs")  # makes the data folder
    carrier = carrier_of(clerk, code)
    carrier.plan(FaultPlan(fault, seconds=0.1))
    clerk.orders(order_row(1))
    done = clerk.ship("--carrier", code)
    carrier.behave()
    carrier.close()
    return done


def at_carrier(clerk: Clerk, code: str) -> list[Issue]:
    carrier = carrier_of(clerk, code)
    try:
        return carrier.issued()
    finally:
        carrier.close()


def listed(done: Done) -> list[str]:
    return re.findall(r"intent +(\S+)", done.out)


def test_a_call_that_cannot_be_asked_about_is_listed_and_ends_with_the_number_named(clerk: Clerk) -> None:
    assert "miandan doubts" in leave_in_doubt(clerk, "ems").err + clerk.report()[0].remedy
    [issue] = at_carrier(clerk, "ems")
    done = clerk.run("doubts")
    assert (done.code, listed(done)) == (0, [issue.key])
    for word in ("EMS  商家 merchant 1001", "orders", "北京时间", "您：", "you: ask the carrier"):
        assert word in done.out
    assert clerk.report()[0].order in done.out
    said = clerk.run("doubts", issue.key, "--issued", issue.number, "--by", "clerk-1")
    assert (said.code, said.out.split()) == (0, [issue.number])
    assert asked(clerk, SAID) == [("clerk-1", "intent.said_issued")]
    assert clerk.run("doubts").out == ""
    assert clerk.ship("--carrier", "ems").code == 0
    assert list(clerk.numbers().values()) == [issue.number]
    assert len(at_carrier(clerk, "ems")) == 1
    assert_every_promise_holds(clerk)


def test_a_call_that_the_carrier_knows_nothing_of_frees_unit_and_order(clerk: Clerk) -> None:
    leave_in_doubt(clerk, "ems", Fault.HANG)
    [intent] = listed(clerk.run("doubts"))
    again = clerk.ship("--carrier", "ems")
    assert (states(clerk.report()), numbers_in_the_books(clerk)) == (["refused"], 0), again.err
    assert clerk.run("doubts", intent, "--lost", "--by", "clerk-1").code == 0
    assert asked(clerk, SAID) == [("clerk-1", "intent.said_lost")]
    assert_every_promise_holds(clerk)
    assert clerk.ship("--carrier", "ems").code == 0
    assert states(clerk.report()) == ["taken"]
    assert_every_promise_holds(clerk)


def test_what_the_carrier_can_be_asked_is_found_out_before_anything_is_listed(clerk: Clerk) -> None:
    leave_in_doubt(clerk, "deppon")
    assert asked(clerk, "SELECT state FROM live_intent") == [("in_doubt",)]
    done = clerk.run("doubts")
    assert (done.code, done.out) == (0, "")
    assert "no call is in doubt" in done.err
    assert asked(clerk, "SELECT state, number FROM live_intent") == [("known", at_carrier(clerk, "deppon")[0].number)]


def test_a_carrier_that_can_be_asked_again_has_the_turn_while_it_is_silent(clerk: Clerk) -> None:
    leave_in_doubt(clerk, "deppon")
    carrier = carrier_of(clerk, "deppon")
    carrier.plan(FaultPlan(Fault.DROP_ANSWER))
    done = clerk.run("doubts", "--merchant", "1001")
    assert len(listed(done)) == 1
    assert "快递公司：" in done.out
    assert listed(clerk.run("doubts", "--merchant", "1002")) == []
    carrier.behave()
    carrier.close()
    [intent] = listed(done)
    refused = clerk.run("doubts", intent, "--lost", "--by", "clerk-1")  # the carrier's own answer comes first
    assert (refused.code, refused.error_code) == (1, "intent.not_in_doubt")
    assert asked(clerk, "SELECT state FROM live_intent") == [("known",)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--lost", "--by", "clerk-1"), "doubts.one_answer"),
        ((NOBODYS_CALL,), "doubts.one_answer"),
        ((NOBODYS_CALL, "--lost", "--issued", "1099999999995", "--by", "clerk-1"), "doubts.one_answer"),
        ((NOBODYS_CALL, "--lost"), "doubts.who"),
        ((NOBODYS_CALL, "--lost", "--by", "张三"), "doubts.who"),
        ((NOBODYS_CALL, "--lost", "--by", "clerk-1"), "intent.not_in_doubt"),
        (("张三", "--lost", "--by", "clerk-1"), "intent.not_in_doubt"),
        (("--merchant", "77"), "merchant.unknown"),
    ],
)
def test_what_cannot_be_done_is_said_and_nobody_is_named(clerk: Clerk, arguments: tuple[str, ...], code: str) -> None:
    done = clerk.run("doubts", *arguments)
    assert (done.code, done.error_code) == (1, code)
    assert "张三" not in done.out + done.err


def test_a_mistyped_number_and_another_merchants_name_change_nothing(clerk: Clerk) -> None:
    leave_in_doubt(clerk, "ems")
    [issue] = at_carrier(clerk, "ems")
    typed = clerk.run("doubts", issue.key, "--issued", "12345", "--by", "clerk-1")
    assert (typed.code, typed.error_code) == (1, "doubts.not_its_numbers")
    other = clerk.run("doubts", issue.key, "--issued", issue.number, "--by", "clerk-1", "--merchant", "1002")
    assert (other.code, other.error_code) == (1, "intent.not_in_doubt")
    assert listed(clerk.run("doubts")) == [issue.key]
    assert asked(clerk, SAID) == []

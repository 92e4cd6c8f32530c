"""Whose turn it is: the step that an application or its account waits for, since when, and when to remind."""

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

from miandan.accounts.model import Account, AccountState, Application, ApplicationState, Billing
from miandan.carriers.dated import Confidence, Dated
from miandan.kernel.clock import now, trade_day
from miandan.kernel.errors import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Dated):
    """A step of turns.toml: who has to act, what they have to do, when they are reminded (0: never)."""

    step: str
    turn: Turn
    remind_after_hours: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that somebody has to take, and since when it waits."""

    step: Step
    since: datetime

    @property
    def turn(self) -> Turn:
        return self.step.turn

    @property
    def remind_at(self) -> datetime | None:
        hours = self.step.remind_after_hours
        return self.since + timedelta(hours=hours) if hours else None


@cache
def steps() -> tuple[Step, ...]:
    """The table of this installation, read once."""
    file = resources.files("miandan.accounts") / "turns.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["turn"]
    return tuple(Step(**r | {"turn": Turn(r["turn"]), "confidence": Confidence(r["confidence"])}) for r in rows)


def step_named(name: str, on: date | None = None) -> Step:
    """The step as it stands on a Beijing day. Raises KeyError for one that turns.toml does not have."""
    day = on or trade_day(now())
    for step in steps():
        if step.step == name and step.holds_on(day):
            return step
    raise KeyError(name)


def whose_turn(application: Application, account: Account | None = None) -> Waiting | None:
    """What the merchant still waits for before numbers can be taken; None when nothing is in the way."""
    if application.state is ApplicationState.APPLIED:
        return Waiting(step_named("decide"), application.applied_at)
    if application.state is ApplicationState.REJECTED:
        return Waiting(step_named("apply_again"), application.decided_at or application.applied_at)
    return None if account is None else whose_turn_at(account)


def whose_turn_at(account: Account) -> Waiting | None:
    """The same for an account that is open."""
    if account.state is AccountState.SUSPENDED:
        return Waiting(step_named("lift_suspension"), account.state_at)
    if account.state is AccountState.DORMANT:
        return Waiting(step_named("wake"), account.state_at)
    if account.state is AccountState.CLOSED:
        return None
    if not account.carrier_reads and account.full_label_by is None:
        return Waiting(step_named("choose_label"), account.state_at)
    if account.billing is Billing.PREPAID and account.received == account.reclaimed:
        return Waiting(step_named("recharge"), account.state_at)
    return None

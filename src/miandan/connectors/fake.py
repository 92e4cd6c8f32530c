"""The sandbox's carrier: issues sandbox numbers durably, and fails on command in every way that a real one does.

Its promises (repeat-safe, queryable, settle time) are those of its profile, so that the four combinations exist.
All route data it gives is marked 示例.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import CancelRule, Carrier, ChildNumbers
from miandan.carriers.numbers import CheckDigit, NumberKind
from miandan.connectors.fake_books import Books, Shipment
from miandan.connectors.faults import Fault, FaultPlan, Verb
from miandan.connectors.model import CarrierAnswer, CarrierRefused, CarrierSilent, NumberAsk, RouteData
from miandan.vault.model import Recipient

MARK = "示例"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a fake carrier promises about repeated and doubtful calls."""

    repeat_safe: bool
    queryable: bool
    settle: timedelta = timedelta(seconds=1)


# SF's interface returns its first result for a repeated order id; all other promises are the sandbox's own choice.
PROFILES = {
    "sf": Profile(repeat_safe=True, queryable=True),
    "jd": Profile(repeat_safe=False, queryable=True),
    "deppon": Profile(repeat_safe=True, queryable=False),
    "ems": Profile(repeat_safe=False, queryable=False),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One number that the carrier believes it issued, piece 1 being the mother."""

    key: str
    number: str
    piece: int
    cancelled: bool


class FakeCarrier:
    """One carrier of the sandbox; state and faults live in `file`, which other programs may use at the same time."""

    def __init__(self, carrier: str, file: Path, profile: Profile | None = None) -> None:
        profile = profile or PROFILES[carrier]
        self.carrier = carrier
        self.repeat_safe = profile.repeat_safe
        self.queryable = profile.queryable
        self.settle = profile.settle
        self._known: Carrier = catalogue().get(carrier)
        self._rule = self._known.rule(NumberKind.SANDBOX)
        self._books = Books(file, carrier)

    def plan(self, *plans: FaultPlan) -> None:
        """Commit these faults from now on, in addition to those planned before."""
        for plan in plans:
            self._books.plan(plan)

    def behave(self) -> None:
        """Forget every planned fault."""
        self._books.forget_plans()

    def issued(self) -> list[Issue]:
        """Everything that the carrier believes it issued, in order; for reconciliation."""
        return [
            Issue(shipment.key, number, piece, number in shipment.cancelled)
            for shipment in self._books.all()
            for piece, number in enumerate(shipment.numbers, start=1)
        ]

    def close(self) -> None:
        self._books.close()

    async def take(self, ask: NumberAsk) -> CarrierAnswer:
        """See Connector. A key whose shipment was cancelled is refused: the carrier wants a new one."""
        if ask.carrier != self.carrier:
            raise ValueError(f"{self.carrier} was asked for a number of {ask.carrier}")
        if not 1 <= ask.parcels <= self._known.terms().most_parcels:
            raise CarrierRefused("too_many_parcels", f"【{MARK}】件数超出限制")
        with self._books.writing():
            faults = self._books.strike(Verb.TAKE, ask.key)
            if self.repeat_safe and self._books.of_key(ask.key):
                faults.pop(Fault.REFUSE, None)  # its promise: what it has issued it answers again, if it answers
            answer = None if {Fault.REFUSE, Fault.HANG} & faults.keys() else self._issue(ask, faults)
        if hang := faults.get(Fault.HANG):
            await asyncio.sleep(hang.seconds)
            raise CarrierSilent("time-out")
        if answer is None:
            refuse = faults.get(Fault.REFUSE)
            code = "refused" if refuse else "key_cancelled"
            raise CarrierRefused(code, (refuse.text if refuse else "") or f"【{MARK}】订单被拒绝：{code}")
        if {Fault.DROP_ANSWER, Fault.SETTLE_LATE} & faults.keys():
            raise CarrierSilent("answer lost")
        return answer

    async def find(self, key: str) -> CarrierAnswer | None:
        """See Connector."""
        if not self.queryable:
            raise CarrierRefused("not_supported", f"【{MARK}】不支持按订单号查询")
        with self._books.writing():
            silent = Fault.SILENT_QUERY in self._books.strike(Verb.FIND, key)
        if silent:
            raise CarrierSilent("answer lost")
        # half of what is promised: the caller counts from its question, the books from the commit that came later
        settled = time.time() - self.settle.total_seconds() / 2
        seen = [shipment for shipment in self._books.of_key(key) if not shipment.hidden or shipment.taken_at <= settled]
        return _answer(seen[0]) if seen else None

    async def cancel(self, number: str, key: str) -> None:
        """See Connector. Cancelling the mother cancels the whole shipment."""
        with self._books.writing():
            faults = self._books.strike(Verb.CANCEL, key)
            shipment = next((s for s in self._books.of_key(key) if number in s.numbers), None)
            gone = shipment is not None and number in shipment.cancelled  # cannot be refused any more
            refused = not gone and (Fault.REFUSE_CANCEL in faults or self._known.terms().cancel is CancelRule.NEVER)
            if shipment and not refused:
                self._books.cancel(shipment, shipment.numbers if number == shipment.numbers[0] else (number,))
        if refused:
            plan = faults.get(Fault.REFUSE_CANCEL)
            raise CarrierRefused("cancel_refused", (plan.text if plan else "") or f"【{MARK}】不能取消：已揽收")
        if shipment is None:
            raise CarrierRefused("unknown_number", f"【{MARK}】单号不存在")
        if Fault.DROP_CANCEL_ANSWER in faults:
            raise CarrierSilent("answer lost")

    def _issue(self, ask: NumberAsk, faults: dict[Fault, FaultPlan]) -> CarrierAnswer | None:
        """The answer, entered into the books; None for a cancelled key. Inside `writing`."""
        before = self._books.of_key(ask.key) if self.repeat_safe else []
        if before:
            return None if before[0].numbers[0] in before[0].cancelled else _answer(before[0])
        numbers = self._numbers(ask, faults)
        route = None if Fault.NO_ROUTE in faults else self._route(ask.recipient, numbers)
        self._books.enter(ask.key, numbers, route, Fault.SETTLE_LATE in faults, time.time())
        return CarrierAnswer(ask.key, numbers, route, _raw(numbers))

    def _numbers(self, ask: NumberAsk, faults: dict[Fault, FaultPlan]) -> tuple[str, ...]:
        """Numbers of the sandbox rule, mother first; wrong ones where a fault says so."""
        suffixed = self._known.terms().child_numbers is ChildNumbers.SUFFIX
        count = 1 if suffixed else ask.parcels
        first = self._books.draw_serials(count, self._rule.first)
        mother, *children = [self._rule.format(serial) for serial in range(first, first + count)]
        other = self._books.latest_of_others(ask.key) if Fault.SAME_NUMBER in faults else None
        if other:
            mother = other.numbers[0]
        if Fault.BREAK_RULE in faults:
            mother = self._broken(mother)
        if suffixed:
            children = [self._known.child_number(mother, i, ask.parcels) for i in range(2, ask.parcels + 1)]
        return (mother, *children)

    def _broken(self, number: str) -> str:
        if self._rule.check is CheckDigit.NONE:
            return f"{number}X"
        at = len(self._rule.prefix) + self._rule.width
        return f"{number[:at]}{(int(number[at]) + 1) % 10}{number[at + 1 :]}"

    def _route(self, recipient: Recipient, numbers: tuple[str, ...]) -> RouteData:
        """Plausible and the same for the same district; nothing below the district enters it."""
        place = f"{recipient.province}{recipient.city}{recipient.district}"
        drawn = int.from_bytes(blake2b(place.encode(), digest_size=4).digest(), "big")
        return RouteData(
            sort_code=f"{MARK} {drawn % 900 + 100}-{drawn // 900 % 90 + 10}-{drawn // 81000 % 90 + 10}",
            big_mark=f"{MARK} {recipient.city or recipient.province} {recipient.district}".rstrip(),
            bag_centre=f"{MARK}集包 {recipient.city or recipient.province}".rstrip(),
            barcode_text=self._known.barcode_text(numbers[0], len(numbers)),
            qr_text=f"{MARK} {numbers[0]}",
        )


def _answer(shipment: Shipment) -> CarrierAnswer:
    return CarrierAnswer(shipment.key, shipment.numbers, shipment.route, _raw(shipment.numbers))


def _raw(numbers: tuple[str, ...]) -> str:
    return json.dumps({"mark": MARK, "code": "ok", "numbers": numbers}, ensure_ascii=False)

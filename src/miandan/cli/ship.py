"""`miandan ship`: progress while it works, a summary at the end, an exit code for scripts."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from miandan.cli.session import NOTHING_DONE, SOME_REFUSED, complain, open_session, say
from miandan.kernel.errors import Refusal

if TYPE_CHECKING:
    from miandan.cli.choosing import Wish
    from miandan.cli.shipping import Shipment


async def ship(orders: Path, wish: "Wish", out: Path, report: Path) -> int:
    """Exit code 0 when all that is to ship was taken and printed, 2 when some was not, 1 when nothing was printed."""
    from miandan.cli import shipping
    from miandan.cli.places import refuse_unusable
    from miandan.cli.report import summary, write_report
    from miandan.orders.reading import read_orders

    start = time.perf_counter()
    refuse_unusable(orders, out, report)
    read = read_orders(orders, wish.shop_id)  # before the database: a wrong file is answered at once
    async with open_session() as session:
        with _Progress() as progress:
            shipment = await shipping.ship(session, read, wish, out, progress)
    unreported = None
    try:
        write_report(shipment, report)
    except Refusal as refusal:
        unreported = refusal
    for line in summary(shipment, out, None if unreported else report, time.perf_counter() - start):
        say(line)
    for trouble in filter(None, (shipment.unprinted, unreported)):
        complain(trouble)
    return _exit_code(shipment, reported=unreported is None)


def _exit_code(shipment: "Shipment", *, reported: bool) -> int:
    from miandan.cli.shipping import State

    if shipment.printed is None:
        return NOTHING_DONE
    return SOME_REFUSED if shipment.count(State.REFUSED) or not reported else 0


def account_id(text: str | None) -> UUID | None:
    """What was typed after --account. Raises account.unknown."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Refusal("account.unknown", account=text) from None


class _Progress:
    """A bar with counts and time left on a terminal; a line per phase where output goes to a file."""

    WORDS = {"take": "取号 taking numbers", "print": "打印 printing labels"}  # noqa: RUF012  # never changed

    def __init__(self) -> None:
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._begin(phase, total)
        if self._bar is not None:
            self._bar.update(self._tasks[phase], completed=done)

    def _begin(self, phase: str, total: int) -> object:
        if self._bar is not None:
            return self._bar.add_task(self.WORDS[phase], total=total)
        if total:
            say(f"{self.WORDS[phase]}  {total:,} ...")
        return None

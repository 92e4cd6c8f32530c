"""`miandan ship`: progress while it works, a summary at the end, an exit code for scripts."""

import sys
import time
from pathlib import Path
from uuid import UUID

from miandan.cli.session import NOTHING_DONE, SOME_REFUSED, open_session, say


async def ship(
    orders: Path,
    carrier: str | None,
    account: str | None,
    shop: str | None,
    merchant: int | None,
    retake: bool,
    out: Path,
    report: Path,
) -> int:
    """Exit code 0 when all that is to ship was taken and printed, 2 when some was refused, 1 when nothing was done."""
    from miandan.cli import shipping
    from miandan.cli.report import summary, write_report
    from miandan.orders.reading import read_orders

    start = time.perf_counter()
    async with open_session() as session:
        wish = shipping.Wish(carrier, _account_id(account), shop, merchant, retake)
        read = read_orders(orders, shop)
        with _Progress() as progress:
            shipment = await shipping.ship(session, read, wish, out, progress)
    write_report(shipment, report)
    for line in summary(shipment, out, report, time.perf_counter() - start):
        say(line)
    if shipment.printed is None:
        return NOTHING_DONE
    return SOME_REFUSED if shipment.count(shipping.State.REFUSED) else 0


def _account_id(text: str | None) -> UUID | None:
    from miandan.kernel.errors import Refusal

    try:
        return UUID(text) if text else None
    except ValueError:
        raise Refusal("account.unknown", account=text) from None


class _Progress:
    """A bar with counts and time left on a terminal; a line per phase where output goes to a file."""

    WORDS = {"take": "取号 taking numbers", "print": "打印 printing labels"}  # noqa: RUF012  # never changed

    def __init__(self) -> None:
        self._bar: object | None = None
        self._tasks: dict[str, object] = {}

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
            self._bar.stop()  # type: ignore[attr-defined]

    def __call__(self, phase: str, done: int, total: int) -> None:
        if self._bar is None:
            return
        if phase not in self._tasks:
            self._tasks[phase] = self._bar.add_task(self.WORDS[phase], total=total)  # type: ignore[attr-defined]
        self._bar.update(self._tasks[phase], completed=done)  # type: ignore[attr-defined]

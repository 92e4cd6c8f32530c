"""Where a rule about shops can say no to a number, such as the no-source policy of governance. None is built in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class StatedNumber:
    """A number that a shop is about to state. `taken_here` is false for one that no account of ours gave out."""

    merchant_id: int
    shop_id: str
    order_ids: tuple[str, ...]
    carrier: str
    number: str
    taken_here: bool


NumberPolicy: TypeAlias = Callable[[Reads, StatedNumber], Awaitable[Refusal | None]]
"""Why this shop may not ship with this number; None when it may. Asked inside the transaction of the statement, after
the number itself was found good; what it reads it reads there."""


async def any_number(_: Reads, __: StatedNumber) -> Refusal | None:
    """The policy of a house that has none: every shop may ship with numbers from elsewhere."""
    return None

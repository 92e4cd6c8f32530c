"""A scan (轨迹节点) as every room sees it: what happened to a parcel, in words of our own. No I/O.

Persons. A text of a scan often names who receives or signed, where, and holds phones. Before a scan is kept, phones
in its texts are made stars, names keep their first character where a rule finds them, and a pick-up code (取件码),
with which anybody could take the parcel, is hidden (`masking.py`). A courier's phone is business data that the buyer is
meant to call: it is kept, apart from the text, also when only the text said it, unless it may be somebody else's. Once
the number's waybill is known, its recipient is hidden in all of it (`cleaning.py`); no merchant sees it before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2s
from typing import Final

from miandan.kernel.errors import Refusal

MOST_AGE = timedelta(days=100)
"""Older scans are refused. It must stay below the days that scans are kept, or a repeat would be taken for new."""
CLOCKS_DIFFER = timedelta(minutes=15)
"""How far in the future a scan may lie: hand-held scanners have clocks of their own."""


class Action(StrEnum):
    """What was done with the parcel, in the order in which it usually happens."""

    ORDERED = "ordered"  # 已下单
    ACCEPTED = "accepted"  # 已接单: a courier or branch will come for it
    COLLECT_FAILED = "collect_failed"  # 揽收失败
    CANCELLED = "cancelled"  # 快递公司取消
    COLLECTED = "collected"  # 揽收
    DEPARTED = "departed"  # 发出
    ARRIVED = "arrived"  # 到达
    CUSTOMS = "customs"  # 清关
    OTHER = "other"  # said in words or codes that we cannot read
    FORWARDED = "forwarded"  # 转寄, often under a new number
    INTERCEPTED = "intercepted"  # 拦截
    OUT_FOR_DELIVERY = "out_for_delivery"  # 派送中
    AT_STATION = "at_station"  # 待取: in a station or locker
    FAILED_ATTEMPT = "failed_attempt"  # 派送失败
    DAMAGED = "damaged"  # 破损
    LOST = "lost"  # 遗失
    REFUSED = "refused"  # 拒收
    SIGNED = "signed"  # 签收
    RETURNING = "returning"  # 退回中
    RETURNED = "returned"  # 退回已签收

    @property
    def moves(self) -> bool:
        """Whether the carrier had the parcel in hand. What we cannot read counts: no unit may come back by mistake."""
        return self not in BEFORE_COLLECTION


BEFORE_COLLECTION = frozenset({Action.ORDERED, Action.ACCEPTED, Action.COLLECT_FAILED, Action.CANCELLED})
"""Said about a number before anybody holds the parcel; none of it is a first scan."""


WORDS: Final[Mapping[Action, str]] = {
    Action.ORDERED: "已下单",
    Action.ACCEPTED: "已接单",
    Action.COLLECT_FAILED: "揽收失败",
    Action.CANCELLED: "快递公司已取消",
    Action.COLLECTED: "已揽收",
    Action.DEPARTED: "运输中，已发出",
    Action.ARRIVED: "运输中，已到达",
    Action.CUSTOMS: "清关中",
    Action.OTHER: "运输中",
    Action.FORWARDED: "已转寄",
    Action.INTERCEPTED: "已拦截",
    Action.OUT_FOR_DELIVERY: "派送中",
    Action.AT_STATION: "已入库，待取件",
    Action.FAILED_ATTEMPT: "派送失败",
    Action.DAMAGED: "快件破损",
    Action.LOST: "快件遗失",
    Action.REFUSED: "已拒收",
    Action.SIGNED: "已签收",
    Action.RETURNING: "退回中",
    Action.RETURNED: "已退回签收",
}
"""What happened, said without anybody: stands for a text in which nobody has hidden the recipient yet."""
NO_CODE: Final = "~"
"""Begins what stands in place of a code that is none, so that two scans can still be told apart."""


@dataclass(frozen=True, slots=True, repr=False)
class Scan:
    """One thing that a carrier says about a number. Raises ValueError for a time without a zone.

    A door fills it with what it was given, persons included; what is kept and read back is masked (see above), and
    `cleaned` of the number's recipient or not yet. `number` is what the bars say. `namespace`, `raw_code` and
    `raw_sub_code` are the carrier's own words.
    """

    carrier: str
    number: str
    action: Action
    happened_at: datetime
    text: str = ""
    site_code: str = ""
    site_name: str = ""
    city: str = ""
    division_code: str = ""
    next_site: str = ""
    signer: str = ""
    courier: str = ""
    courier_phone: str = ""
    new_carrier: str = ""
    new_number: str = ""
    namespace: str = ""
    raw_code: str = ""
    raw_sub_code: str = ""
    cleaned: bool = False

    def __post_init__(self) -> None:
        if self.happened_at.tzinfo is None:
            raise ValueError("a scan needs a time with its zone")

    def __repr__(self) -> str:
        return f"Scan({self.carrier!r}, {self.action.value}, {self.happened_at.isoformat()}, ***)"

    @property
    def unread(self) -> str:
        """The code that nobody here can read; "" for a scan that was understood."""
        return self.raw_code if self.action is Action.OTHER else ""

    @property
    def site(self) -> str:
        """What tells two sites apart: the code, else a mark of the name, which must be free to change."""
        return self.site_code or mark(self.number, self.site_name)

    @property
    def key(self) -> tuple[object, ...]:
        """Two scans with the same key are one."""
        return self.carrier, self.number, self.happened_at, self.action.value, self.site, self.unread


def mark(number: str, text: str) -> str:
    """Tells texts about one number apart and leads back to none of them: 32 bits. "" for no text."""
    return NO_CODE + blake2s(f"{number}|{text}".encode(), digest_size=4).hexdigest() if text else ""


def as_shown(scan: Scan) -> Scan:
    """A scan as a merchant sees it: without any word of the carrier's while the recipient may stand in one."""
    if scan.cleaned:
        return scan
    return replace(
        scan,
        text=WORDS[scan.action],
        site_name="",
        city="",
        next_site="",
        signer="",
        courier="",
        courier_phone="",
        new_carrier="",
    )


@dataclass(frozen=True, slots=True)
class NotKept:
    """A scan that was refused by itself; `place` is its index among those pushed."""

    place: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push: `accepted` are new and committed, `repeated` were known, `refused` never will be.

    `unread` of the accepted ones were kept as Action.OTHER because nobody here can read their code.
    """

    accepted: int = 0
    repeated: int = 0
    unread: int = 0
    refused: tuple[NotKept, ...] = ()


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a parcel is by its latest scan, and the dates that matter."""

    carrier: str
    number: str
    last_action: Action
    last_scan_at: datetime
    last_site: str
    last_city: str
    first_scan_at: datetime | None
    signed_at: datetime | None
    returned_at: datetime | None
    scans: int


@dataclass(frozen=True, slots=True)
class Untaken:
    """A number that is scanned although nobody took it. `merchant_id` says whose unused number it is, if anybody's."""

    stand: Stand
    merchant_id: int | None
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class UnreadCode:
    """A carrier's code that stands in no table, how often it came and when last: work for statuses.toml."""

    carrier: str
    namespace: str
    code: str
    times: int
    last_at: datetime


def in_order(scans: Iterable[Scan]) -> list[Scan]:
    """Oldest first; within one second in the order in which things usually happen."""
    rank = {action: place for place, action in enumerate(Action)}
    return sorted(scans, key=lambda scan: (scan.happened_at, rank[scan.action]))

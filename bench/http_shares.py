"""Where the time of a signed request goes: processor time of worker and database, and of the parts that can be named.

The processes' own counters say what a request costs altogether (Linux keeps them in /proc); signing, JSON and sealing
are timed alone, with a request of the same run.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.take import Bench
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.asking import read_call
from miandan.dialects.doudian.fields import requests
from miandan.dialects.doudian.signing import sign, signed_as_sent
from miandan.vault.model import Recipient

_TURNS = 300
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time that the processes have used so far."""
    total = 0
    for pid in pids:
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        total += int(after_name[11]) + int(after_name[12])
    return total / _TICK


def database_pids(folder: Path) -> list[int]:
    """The embedded server's processes; none where it is another program's."""
    found = []
    for file in folder.rglob("postmaster.pid"):
        parent = int(file.read_text().split()[0])
        found += [parent, *(pid for pid in _all_pids() if _parent_of(pid) == parent)]
    return found


def _all_pids() -> list[int]:
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


async def parts(bench: Bench, request: bytes, secret: str, orders: int) -> dict[str, float]:
    """Microseconds of one request in each part."""
    head, _, body = request.partition(b"\r\n\r\n")
    query = head.split(b" ")[1].partition(b"?")[2]
    asked = read_call(query, "application/json", body)
    table, text = requests()[asked.method], asked.texts[0]
    signature = sign(asked.signed, text, secret)
    info = {"company": "jtexpress", "hint_msg": "", "order_id": "1", "pack_id": "", "track_no": "JT0000000000001"}
    info |= {"sort_code": "3301-10 000", "package_center_code": "", "package_center_name": "杭州集"}
    info |= {"short_address_code": "", "short_address_name": "杭州", "extra_resp": "", "sub_waybill_codes": ""}
    data = {"ebill_infos": [info] * orders, "err_infos": []}
    keys = await bench.vault.keys_of(1)
    people = [(one.recipient, one.order_ref) for one in (bench.parcel() for _ in range(orders))]

    def seal() -> None:
        for recipient, order_ref in people:
            assert isinstance(recipient, Recipient)
            keys.seal(recipient, order_ref)

    return {
        "signing": _timed(lambda: signed_as_sent(asked.signed, asked.texts, signature, [secret], "hmac-sha256")),
        "JSON": _timed(lambda: (table.read(text), answers.done(data, "1"))),
        "sealing": _timed(seal),
    }


def _timed(work: Callable[[], object]) -> float:
    work()
    start = time.perf_counter()
    for _ in range(_TURNS):
        work()
    return (time.perf_counter() - start) / _TURNS * 1e6


def line(named: dict[str, float], worker: float, database: float) -> str:
    """One line for the reader; times are microseconds of processor time per request."""
    rest = max(worker - sum(named.values()), 0.0)
    whole = worker + database
    shares = {**named, "SQL in the database": database, "the rest of the worker (HTTP, rows, driver)": rest}
    said = ", ".join(f"{name} {value / whole:.0%} ({value:,.0f} µs)" for name, value in shares.items())
    return f"  a request costs {whole:,.0f} µs of processor time: {said}"

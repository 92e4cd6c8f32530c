"""Address parser: speed against jionlp on the same texts, and how many rows of the labelled set are right.

The rows were split by a hash of their text before the parser was written: DEV could be looked at, HELD-OUT not. (The
first 29 rows were shown by accident when the file was opened and count as DEV.)
"""

import contextlib
import hashlib
import io
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench.pairs import alternate
from miandan import addresses

DATA = Path(__file__).resolve().parents[1] / "../shared/data/parcel-addresses.tsv"
TARGET_RATIO = 15.0
TARGET_RIGHT = 0.97
_SHOWN_BY_ACCIDENT = 29
_SPEED_ROWS = 300

_SUFFIX = re.compile(
    r"(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|新区|街道办事处|街道|办事处|地区|省|市|区|县|镇|乡|盟|旗|州)$"
)


class Row(NamedTuple):
    """A text and the levels as they stand in it, empty where it does not say them."""

    text: str
    province: str
    city: str
    district: str
    town: str
    held_out: bool

    @property
    def states_a_level(self) -> bool:
        return bool(self.province or self.city or self.district or self.town)


def rows() -> Iterator[Row]:
    """The labelled rows in the order of the file."""
    lines = DATA.read_text(encoding="utf-8").splitlines()[1:]
    for number, line in enumerate(lines):
        text, province, city, district, town = line.split("\t")
        held_out = hashlib.sha256(text.encode()).digest()[0] % 10 >= 6 and number >= _SHOWN_BY_ACCIDENT
        yield Row(text, province, city, district, town, held_out)


class Judge:
    """Compares without suffixes; a retired name is right when returned or mapped to a successor."""

    def __init__(self) -> None:
        table = addresses.divisions()
        self._short = {division.name: division.short for division in table}
        self._successors: dict[str, set[str]] = {}
        for code_and_name, successors in table.retired.items():
            names = {_stem(table.name_of(code)) for code in successors}
            self._successors.setdefault(_stem(code_and_name[6:]), set()).update(names)

    def is_right(self, row: Row, answer: addresses.ParsedAddress) -> bool:
        """All stated levels; a county-level city in the city column may come back as district."""
        return (
            self._same(row.province, answer.province)
            and self._same(row.city, answer.city, answer.district)
            and self._same(row.district, answer.district)
            and self._same(row.town, answer.town)
        )

    def _same(self, label: str, *answers: str) -> bool:
        if not label:
            return True
        wanted = {label, _stem(label)} | self._successors.get(_stem(label), set())
        return any({answer, _stem(answer), self._short.get(answer)} & wanted for answer in answers if answer)


def _stem(name: str) -> str:
    return _SUFFIX.sub("", name) or name


def right_share(held_out: bool) -> tuple[int, int]:
    """How many rows that state a level are right, of how many."""
    judge = Judge()
    chosen = [row for row in rows() if row.states_a_level and row.held_out is held_out]
    return sum(judge.is_right(row, addresses.parse_address(row.text)) for row in chosen), len(chosen)


def _rate(read: Callable[[str], object], texts: list[str]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        for text in texts:
            read(text)
        return len(texts) / (time.perf_counter() - started)

    return run


def _jionlp() -> Callable[[str], object]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import jionlp

        read: Callable[[str], object] = jionlp.parse_location
        read("浙江省杭州市西湖区文三路1号")
    return read


def main() -> None:
    """Prints one line for speed and one for each half of the labelled rows."""
    if not DATA.is_file():
        sys.stdout.write(f"addresses: skipped, {DATA.name} is not beside the project\n")
        return
    texts = [row.text for row in rows()][:: 4000 // _SPEED_ROWS]
    recipients = [f"收件人：张三丰\n手机号码：19900001111转8831\n详细地址：{text}" for text in texts]
    theirs = _rate(_jionlp(), texts)
    for name, ours in (
        ("addresses, address alone", _rate(addresses.parse_address, texts)),
        ("addresses, whole recipient", _rate(addresses.parse, recipients)),
    ):
        sys.stdout.write(alternate(name, ours, theirs).line(TARGET_RATIO, "texts") + "\n")
    for held_out, which in ((False, "rows seen while writing"), (True, "held-out rows")):
        right, total = right_share(held_out)
        verdict = "ok" if right / total >= TARGET_RIGHT else "MISSED"
        sys.stdout.write(f"addresses, {which}: {right} of {total} right, {right / total:.2%}, target 97 %: {verdict}\n")


if __name__ == "__main__":
    main()

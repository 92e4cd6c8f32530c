"""What the Doudian pages say that the code says too: `python -m tests.docs.doudian_codes --write`, or without to look.

docs/dialects/doudian-codes.md is made whole: every refusal that a call can meet, with its code, sub_code and number.
docs/dialects/doudian.md is written by hand but for its tables of methods, which stand between two marks.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from textwrap import wrap
from typing import Any, Final, NamedTuple

from miandan.access.model import SubjectKind
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Method, methods
from miandan.dialects.doudian.fields import requests, responses
from miandan.kernel.errors import ErrorEntry, Refusal, catalogue
from tests.docs.raised import ROOT, SOURCE, placeholders
from tests.docs.reachable import met

FOLDER = ROOT / "docs" / "dialects"
PAGE = FOLDER / "doudian.md"
CODES_PAGE = FOLDER / "doudian-codes.md"
DIALECT = SOURCE / "dialects" / "doudian"
NOTES = ROOT / "tests" / "docs" / "doudian_notes.toml"

BEGIN: Final = "<!-- methods: made by python -m tests.docs.doudian_codes --write -->"
END: Final = "<!-- end of methods -->"
WIDTH: Final = 120
FIELDS: Final = "{fields}"
"""In a note: the fields of request and answer, two levels deep, for methods whose fields only we have."""

_SUBJECTS: Final = {SubjectKind.SHOP: "店铺", SubjectKind.CARRIER: "快递公司"}
_SEEN, _READ, _OWN = "公开 seen", "解读 read", "自定 own"

_HEAD = """\
# 抖店接口的错误码 / Error codes of the Doudian interface

怎样读这张表见[开发者页](doudian.md#错误--errors)。`sub_msg` 末尾方括号里的代码（第三列）从不变化，最适合写进程序。
`{花括号}` 处是具体内容。来源：**公开**，公开资料里就有这一对；**解读**，码是公开的，用在这里是我们的理解；
**自定**，公开资料里没有。
How to read it: [developer's page](doudian.md#错误--errors). The code in brackets at the end of `sub_msg` (third column)
never changes. **seen**: the pair stands in public material; **read**: the pair is public, what it means here is our
reading; **own**: nothing public says it. The list follows from the source and may name a few that no call meets.

逐条失败（`err_infos`、`decrypt_infos`）里的 `err_code`、`err_no` 就是 sub_code 冒号后的数字；没有数字时是 code。
In answers item by item (`err_infos`, `decrypt_infos`) the number behind the colon is `err_code` or `err_no`; where
there is none, the code.

This page is made from `codes.toml` and the catalogue by `python -m tests.docs.doudian_codes --write`; a test compares.
"""
_TABLE = """
| sub_code | 接口 / methods | 代码 / ours | 中文 | English | 来源 / source |
|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    """One refusal as one group of methods answers it; `methods` is empty for all that no other row is for."""

    code: int
    sub_code: str
    number: int
    refusal: str
    methods: tuple[str, ...]
    source: str

    @property
    def whole_sub_code(self) -> str:
        return f"{self.sub_code}:{self.number}" if self.number else self.sub_code


def rows() -> list[Row]:
    """Every refusal that a call can meet, by code, sub_code and number."""
    listed: dict[tuple[int, str, int, str, str], list[str]] = {}
    for given in listed_codes():
        for refusal in set(given["refusals"]) & met():
            code = answers.code_of(made(catalogue()[refusal]), given.get("method", ""))
            key = (code.code, code.sub_code, code.number, refusal, _mark(given["source"], code.number))
            listed.setdefault(key, []).append(given.get("method", ""))
    found = [Row(*key[:4], tuple(filter(None, sorted(names))), key[4]) for key, names in listed.items()]
    usual = {row.refusal for row in found if not row.methods}
    for refusal in sorted(met() - usual):
        code = answers.code_of(made(catalogue()[refusal]))
        found.append(Row(code.code, code.sub_code, code.number, refusal, (), _OWN))
    return sorted(found)


@cache
def listed_codes() -> list[dict[str, Any]]:
    """The rows of codes.toml."""
    found: list[dict[str, Any]] = tomllib.loads((DIALECT / "codes.toml").read_text(encoding="utf-8"))["code"]
    return found


def made(entry: ErrorEntry) -> Refusal:
    """A refusal with nothing particular in its texts."""
    return Refusal(entry.code, **dict.fromkeys(placeholders(entry), "…"))


def _mark(source: str, number: int) -> str:
    if number >= answers.OWN_NUMBERS or "our own:" in source or "sub_code is our own" in source:
        return _OWN
    return _SEEN if source.startswith("seen") else _READ


def codes_page() -> str:
    """The page of codes, whole."""
    parts = [_HEAD]
    found = rows()
    for code in sorted({row.code for row in found}):
        title = answers.Code(code, "", 0).msg
        parts += [f"\n## {code} {title}\n", _TABLE, *(_code_row(row) for row in found if row.code == code)]
    return "".join(parts)


def _code_row(row: Row) -> str:
    entry = catalogue()[row.refusal]
    cells = (
        f"`{row.whole_sub_code}`",
        "<br>".join(f"`{name}`" for name in row.methods),
        f"`{row.refusal}`",
        f"{entry.zh}<br>**下一步** {entry.next_zh}",
        f"{entry.en}<br>**Next** {entry.next_en}",
        row.source,
    )
    return _line(cells)


def methods_part() -> str:
    """The table of methods, and the names that are known but not offered."""
    offered = {one.name: one for one in methods().values()}
    parts = [
        f"{BEGIN}\n\n| 接口 / method | 权限 / scope | 说明与不同 | what, and where we differ |\n|---|---|---|---|\n"
    ]
    for group in notes():
        parts.append(_line((f"**{group['title']}**", "", "", "")))
        names = [name for name in group["method"] if name in offered]
        parts += [_line(_method_cells(offered[name], *group["method"][name])) for name in names]
    missing = "\n".join(wrap(", ".join(f"`{name}`" for name in known_but_not_offered()), WIDTH))
    return "".join([*parts, f"\n已知但未开放 / Known but not offered, answered with 70000:\n{missing}.\n\n{END}"])


def _method_cells(one: Method, zh: str, en: str) -> tuple[str, ...]:
    asked = "<br>".join(f"`{scope}` {_SUBJECTS[kind]}" for kind, scope in one.scopes.items())
    return f"`{one.name}`", asked or "不用令牌 none", zh.replace(FIELDS, _fields(one.name)), en


def _fields(method: str) -> str:
    given = " ".join(f"`{name}`" for name in requests()[method].root.below)
    paths = list(responses()[method])
    names = (path for path in paths if "." not in path)
    below = {name: [path.split(".")[1] for path in paths if path.startswith(f"{name}.")] for name in names}
    found = (f"{name} {{{', '.join(dict.fromkeys(inner))}}}" if inner else name for name, inner in below.items())
    return f"{f'传 {given}' if given else '不传参数'} → {' '.join(f'`{one}`' for one in found)}"


@cache
def notes() -> list[dict[str, Any]]:
    """Groups of methods with what the page says of each."""
    found: list[dict[str, Any]] = tomllib.loads(NOTES.read_text(encoding="utf-8"))["group"]
    return found


def known_but_not_offered() -> list[str]:
    """In the order of known_methods.txt."""
    lines = (DIALECT / "known_methods.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#") and line.lower() not in methods()]


def page_with_methods(text: str) -> str:
    """The developer's page with its tables as they are now."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{methods_part()}{after}" if end else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |\n"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("{{", "{").replace("}}", "}")


def numbered() -> Iterator[tuple[str, Row]]:
    """What each method may answer with a number, by method; "" stands for those without rows of their own."""
    found = [row for row in rows() if row.number]
    for method in ("", *sorted({name for row in found for name in row.methods})):
        own = {row.refusal for row in found if method and method in row.methods}
        for row in found:
            if method in row.methods if row.methods else row.refusal not in own:
                yield method, row


def main(arguments: list[str]) -> int:
    """Write both pages with --write; else 1 when one of them is not up to date."""
    pages = {CODES_PAGE: codes_page(), PAGE: page_with_methods(PAGE.read_text(encoding="utf-8"))}
    if "--write" in arguments:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    return int(any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in pages.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

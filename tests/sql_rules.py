"""The rules of DESIGN section 10 for every statement of the program: `python -m tests.sql_rules`, part of `make lint`.

They keep the schema fit for a cluster (merchant_id first in every key of a merchant's table), the counts right (no
row count of a command tag) and pooled connections clean (no statement changes its session). A table that is not a
merchant's says so in the line right above its CREATE TABLE, such as `-- keyed by: carrier`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.sql_text import Table, added_key, statements, table, without_literals

ROOT = Path(__file__).parents[1]
MERCHANT = "merchant_id"

_STARTS_LIKE_SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|SET|LISTEN|TRUNCATE|COPY|LOCK|MERGE"
    r"|DO|GRANT)\s",
)
_FORBIDDEN = {
    r"\bGENERATED\s+(ALWAYS|BY\s+DEFAULT)\s+AS\s+IDENTITY\b": "identity column: ids are made by kernel/ids.py",
    r"(TABLE\b[^;]*[(,]|\bADD(\s+COLUMN)?)\s*\w+\s+(small|big)?serial\b": "serial column: ids come from kernel/ids.py",
    r"\bCREATE\s+EXTENSION\b": "extension: the core schema uses none",
    r"\bEXCLUDE\s+(USING|\()": "exclusion constraint: it cannot be distributed",
    r"\b(IN|FROM|USING)\s*\(\s*SELECT\b[^()]*\bLIMIT\b[^()]*\bFOR\s+(NO\s+KEY\s+)?UPDATE\b": (
        "a locking choice in a subquery may be made again for every row: choose in WITH ... AS MATERIALIZED"
    ),
}
_FORBIDDEN_IN_SESSIONS = {
    r"^\s*SET\s+(?!LOCAL\b)": "SET changes a pooled connection: use SET LOCAL",
    r"^\s*(UN)?LISTEN\b": "LISTEN changes a pooled connection",
    r"\bCREATE\s+(LOCAL\s+)?TEMP(ORARY)?\b": "temporary table: it stays on a pooled connection",
}


def in_sql(name: str, text: str, tables: dict[str, Table] | None = None) -> Iterator[str]:
    """Violations of a file of statements; `tables` collects what it creates, for keys added later."""
    tables = {} if tables is None else tables
    for statement in statements(text):
        words = without_literals(statement)
        for pattern, why in _FORBIDDEN.items():
            if re.search(pattern, words, re.IGNORECASE):
                yield f"{name}: {why}"
        made = table(statement)
        if made is not None:
            tables[made.name] = made
            yield from (f"{name}: {made.name}: {why}" for why in _of_table(made))
        added = added_key(statement)
        if added is not None and added[0] in tables:
            yield from (f"{name}: {added[0]}: {why}" for why in _of_key(tables[added[0]], added[1]))


def _of_table(made: Table) -> Iterator[str]:
    if not made.keyed_by and MERCHANT not in made.columns:
        yield f"has no {MERCHANT}; if it is not a merchant's table, say `-- keyed by: ...` right above it"
        return
    if not made.has_primary_key:
        yield "has no primary key"
    for key in made.keys:
        yield from _of_key(made, key)
    leading = _leading(made)
    for key in made.foreign_keys:
        if leading and leading not in key:
            yield f"foreign key ({', '.join(key)}) lacks {leading}"


def _of_key(made: Table, key: tuple[str, ...]) -> Iterator[str]:
    leading = _leading(made)
    if leading and key[:1] != (leading,):
        yield f"unique key ({', '.join(key)}) does not begin with {leading}"


def _leading(made: Table) -> str:
    """The column that every key begins with; empty where the declaration names no column."""
    if not made.keyed_by:
        return MERCHANT
    return made.keyed_by if made.keyed_by in made.columns else ""


def in_python(name: str, text: str) -> Iterator[str]:
    """Violations in the statements and calls of a module."""
    tree = ast.parse(text)
    if _speaks_to_sqlite(tree):
        return
    for sql in _sql_of(tree):
        yield from in_sql(name, sql)
        words = without_literals(sql)
        for pattern, why in _FORBIDDEN_IN_SESSIONS.items():
            if re.search(pattern, words, re.IGNORECASE):
                yield f"{name}: {why}"
    if re.search(r"pg_(try_)?advisory_lock(_shared)?\(", text) and "pg_advisory_unlock" not in text:
        yield f"{name}: session lock without an unlock: it would stay on a pooled connection"
    yield from (f"{name}:{line}: what `execute` returns is no row count: use RETURNING" for line in _used_tags(tree))


def _speaks_to_sqlite(tree: ast.AST) -> bool:
    """The fake carrier keeps books of its own, outside our database."""
    return any(isinstance(node, ast.Import) and node.names[0].name == "sqlite3" for node in ast.walk(tree))


def _sql_of(tree: ast.AST) -> Iterator[str]:
    parts_of_f_strings = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if id(node) in parts_of_f_strings:
            continue
        text = _text(node)
        if text is not None and _STARTS_LIKE_SQL.match(text):
            yield text


def _text(node: ast.AST) -> str | None:
    """A literal string; the holes of an f-string become a name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "hole" for part in node.values)
    return None


def _used_tags(tree: ast.AST) -> Iterator[int]:
    """Lines where the answer of `await ....execute(...)` is not thrown away."""
    thrown_away = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Await) and _is_execute(node.value) and id(node) not in thrown_away:
            yield node.lineno


def _is_execute(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "execute"


def violations() -> list[str]:
    """Everything that is wrong in this tree."""
    found: list[str] = []
    tables: dict[str, Table] = {}
    for file in sorted((ROOT / "src/miandan/kernel/migrations").glob("*.sql")):
        found += in_sql(file.name, file.read_text(encoding="utf-8"), tables)
    for file in sorted((ROOT / "src").rglob("*.py")):
        found += in_python(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
    return found


def main() -> int:
    found = violations()
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Just enough of a reader of SQL for the rules in sql_rules.py: statements, tables, keys. No database is needed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_QUOTED = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*")
_TABLE = re.compile(r"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s*(\(|PARTITION\s+OF)", re.I)
_KEYED_BY = re.compile(r"--\s*keyed by:\s*(.+?)\s*$", re.MULTILINE)
_KEY = re.compile(r"\b(PRIMARY\s+KEY|UNIQUE)\b(?:\s+NULLS\s+NOT\s+DISTINCT)?\s*(?:\(([^)]*)\))?", re.I)
_FOREIGN = re.compile(r"\bFOREIGN\s+KEY\s*\(([^)]*)\)", re.I)
_TABLE_CONSTRAINT = re.compile(r"\s*(?:CONSTRAINT\s+\w+\s+)?(PRIMARY\s+KEY|UNIQUE|FOREIGN\s+KEY|CHECK|EXCLUDE)\b", re.I)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its CREATE TABLE states it. `keyed_by` is empty for a merchant's table."""

    name: str
    keyed_by: str
    columns: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    has_primary_key: bool
    foreign_keys: tuple[tuple[str, ...], ...]


def without_literals(sql: str) -> str:
    """The text with comments gone and string literals empty, so that words can be looked for."""
    return _QUOTED.sub("''", _COMMENT.sub("", sql))


def statements(sql: str) -> Iterator[str]:
    """Statements with the comments in front of them. A semicolon in a literal or a comment ends nothing."""
    masked = _QUOTED.sub(lambda match: "x" * len(match[0]), _COMMENT.sub(lambda match: "x" * len(match[0]), sql))
    start = 0
    for position, sign in enumerate(masked + ";"):
        if sign == ";":
            if sql[start:position].strip():
                yield sql[start:position]
            start = position + 1


def table(statement: str) -> Table | None:
    """The table that a statement creates; None for other statements and for partitions, which inherit their keys."""
    bare = _COMMENT.sub("", statement)
    match = _TABLE.search(bare)
    if match is None or match[2] != "(":
        return None
    columns: list[str] = []
    keys: list[tuple[str, ...]] = []
    foreign: list[tuple[str, ...]] = []
    primary = False
    for item in _items(bare, match.end()):
        is_constraint = _TABLE_CONSTRAINT.match(item) is not None
        name = item.split()[0].strip('"')
        if not is_constraint:
            columns.append(name)
            if re.search(r"\bREFERENCES\b", item, re.I):
                foreign.append((name,))
        for key in _KEY.finditer(item):
            keys.append(_names(key[2]) if is_constraint else (name,))
            primary = primary or key[1].upper().startswith("PRIMARY")
        foreign += [_names(found[1]) for found in _FOREIGN.finditer(item)]
    return Table(match[1], keyed_by(statement), tuple(columns), tuple(keys), primary, tuple(foreign))


def keyed_by(statement: str) -> str:
    """What the comment right above CREATE TABLE declares; empty without one."""
    above = re.split(r"\bCREATE\b", statement, maxsplit=1, flags=re.I)[0]
    found = _KEYED_BY.search(above.rstrip().rsplit("\n", 1)[-1])
    return found[1] if found else ""


def added_key(statement: str) -> tuple[str, tuple[str, ...]] | None:
    """Table and columns of a key that CREATE UNIQUE INDEX or ALTER TABLE adds."""
    bare = _COMMENT.sub("", statement)
    index = re.search(r"CREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+(\w+)\s*(?:USING\s+\w+\s*)?\(([^)]*)\)", bare, re.I | re.S)
    if index:
        return index[1], _names(index[2])
    alter = re.search(r"ALTER\s+TABLE\s+(?:ONLY\s+)?(\w+)\s+ADD\b(.*)", bare, re.I | re.S)
    key = _KEY.search(alter[2]) if alter else None
    return (alter[1], _names(key[2])) if alter and key else None


def _items(text: str, start: int) -> Iterator[str]:
    """The comma-separated parts of a parenthesis that opened just before `start`."""
    depth, begin = 1, start
    for position in range(start, len(text)):
        sign = text[position]
        depth += (sign == "(") - (sign == ")")
        if (sign == "," and depth == 1) or depth == 0:
            if text[begin:position].strip():
                yield text[begin:position]
            begin = position + 1
        if depth == 0:
            return


def _names(columns: str | None) -> tuple[str, ...]:
    return tuple(part.split()[0].strip('"') for part in (columns or "").split(",") if part.strip())

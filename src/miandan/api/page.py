"""The reference as a page: made from the OpenAPI document and the error catalogue, Chinese first, nothing fetched."""

from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final

from miandan.kernel.errors import Turn, catalogue

_METHODS: Final = ("get", "put", "post", "patch", "delete")
_MODELS: Final = "数据结构 models"
_TURNS: Final = {
    Turn.MERCHANT: "商家 merchant",
    Turn.BRANCH: "网点 branch",
    Turn.CARRIER: "快递公司 carrier",
    Turn.PLATFORM: "平台 platform",
}


def reference_page(described: Mapping[str, Any]) -> str:
    """Every operation with its fields and answers."""
    operations = list(_operations(described))
    tags = list(dict.fromkeys(one["tags"][0] for _, _, one in operations))
    links = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in tags)
    sections = [
        f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
        + "".join(_operation(described, *found) for found in operations if found[2]["tags"][0] == tag)
        for tag in tags
    ]
    about = "".join(f"<p>{escape(part)}</p>" for part in described["info"]["description"].split("\n\n"))
    models = "".join(_model(described, name) for name in described["components"]["schemas"])
    links += f'<a href="#models">{_MODELS}</a>'
    sections.append(f'<h2 id="models">{_MODELS}</h2>{models}')
    head = f'<p class="links"><a href="openapi.json">openapi.json</a><a href="errors">错误代码 errors</a>{links}</p>'
    return _page(
        "面单接口 miandan API", f"<h1>面单接口 <small>miandan API v1</small></h1>{about}{head}{''.join(sections)}"
    )


@cache
def errors_page() -> str:
    """Every error code: what is wrong, the next step, whose turn it is, whether a retry is safe."""
    rows = "".join(
        f'<tr id="{escape(one.code)}"><td><code>{escape(one.code)}</code><br><small>{_TURNS[one.turn]}<br>'
        f"{'可重试 retry' if one.retry_safe else '先处理 act first'}</small></td>"
        f"<td>{escape(one.zh)}<br><b>{escape(one.next_zh)}</b></td>"
        f"<td>{escape(one.en)}<br><b>{escape(one.next_en)}</b></td></tr>"
        for one in catalogue().values()
    )
    head = '<h1>错误代码 <small>errors</small></h1><p class="links"><a href="docs">接口 reference</a></p>'
    return _page("错误代码 errors", f"{head}<table><tr><th>code</th><th>中文</th><th>English</th></tr>{rows}</table>")


def _operations(described: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method, path, methods[method]


def _operation(described: Mapping[str, Any], method: str, path: str, one: Mapping[str, Any]) -> str:
    scopes = one["security"][0]["bearer"] if "security" in one else None
    token = "不需要令牌 no token" if scopes is None else f"令牌 token {' '.join(scopes)}"
    parameters = "".join(
        _row(given["name"], given.get("schema", {}), given.get("description", given["in"]), given.get("required"))
        for given in one.get("parameters", ())
    )
    body = _first_schema(described, one.get("requestBody", {}))
    answer = _first_schema(described, next(iter(one["responses"].values())))
    statuses = " ".join(str(status) for status in one["responses"])
    return (
        f'<details><summary><span class="{method}">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(one['summary'])}</summary><p>{escape(one.get('description', ''))}</p>"
        f"<p><small>{token} · {statuses}</small></p>"
        f"{_table('参数 parameters', parameters)}{_table('正文 body', body)}{_table('回答 answer', answer)}</details>"
    )


def _model(described: Mapping[str, Any], name: str) -> str:
    schema = described["components"]["schemas"][name]
    rows = _fields(described, schema) or _row("", schema, "", needed=False)
    about = escape(schema.get("description", ""))
    return f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{about}</p><table>{rows}</table></section>'


def _table(title: str, rows: str) -> str:
    return f"<h4>{title}</h4><table>{rows}</table>" if rows else ""


def _first_schema(described: Mapping[str, Any], holder: Mapping[str, Any]) -> str:
    """The fields of a body; of a choice those of each possibility."""
    kinds = list(holder.get("content", {}).values())
    schema = kinds[0].get("schema", {}) if kinds else {}
    return "".join(_fields(described, one) for one in (schema.get("oneOf") or [schema]))


def _fields(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    known = _resolved(described, schema)
    needed = known.get("required", ())
    return "".join(
        _row(name, one, one.get("description", ""), name in needed) for name, one in known.get("properties", {}).items()
    )


def _resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _row(name: str, schema: Mapping[str, Any], words: str, needed: bool | None) -> str:
    mark = "<b>*</b>" if needed else ""
    return f"<tr><td><code>{escape(name)}</code>{mark}</td><td>{_kind(schema)}</td><td>{escape(words)}</td></tr>"


def _kind(schema: Mapping[str, Any]) -> str:
    """A field's kind in a few words, as HTML; a structure leads to its fields."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return escape(" | ".join(map(str, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return escape(str(schema.get("format") or schema.get("type", "any")))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_style()}</style><main>{body}</main></html>'
    )


@cache
def _style() -> str:
    return resources.files("miandan.api").joinpath("page.css.txt").read_text(encoding="utf-8")

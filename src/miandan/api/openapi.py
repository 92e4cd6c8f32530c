"""The OpenAPI document: what FastAPI finds in the routes, and what all of them share: failures, headers, the token."""

from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from miandan.access.scopes import meanings
from miandan.api.errors import MEDIA_TYPE, Problem

_REF: Final = "#/components/schemas/{model}"

PROBLEMS: Final = {
    400: "正文读不懂 / the body cannot be read",
    401: "没有令牌、令牌无效或已过期 / no token, or one that does not count",
    403: "权限不够，或规则不允许 / beyond the token's scopes, or against a rule",
    404: "没有，或不属于这个店铺 / not there, or not this shop's",
    409: "当前状态下不能这样做 / not in the state that things are in",
    413: "正文超过 8 MB，取令牌超过 32 KB / the body is larger than 8 MB, for tokens than 32 KB",
    415: "正文不是 JSON / the body is no JSON",
    422: "字段不对 / a field is wrong",
    429: "太快了，Retry-After 说几秒后再来 / too fast; Retry-After says when to come back",
    500: "程序内部出错 / the program failed inside",
    503: "暂时不能服务，稍后原样重试 / cannot serve now; the same again later is safe",
}
"""Every status of a failure that an operation may answer."""

_ABOUT: Final = """\
面单平台的原生接口：推送订单、取号、打印、发货、查轨迹。编号都是文本，金额是分，重量是克，时间带时区（RFC 3339），
没有的字段一律拒收。失败只有一种形状（application/problem+json），说明哪里不对、该谁处理、下一步、能否原样重试。

The native interface: put orders, take numbers, print, ship, track. Ids are text, money is fen, weights are grams, times
carry their zone (RFC 3339), unknown fields are refused. Every failure has one shape (application/problem+json): what is
wrong, whose turn it is, the next step, whether the same again is safe.
"""


@cache
def problem_answers() -> dict[int | str, dict[str, Any]]:
    """The failures of an operation, for its route."""
    body = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
    return {status: {"description": words, "content": body} for status, words in PROBLEMS.items()}


def document(app: FastAPI, models: tuple[type[BaseModel], ...], public_url: str) -> dict[str, Any]:
    """The whole document; `models` are those that a route reads by itself."""
    found = get_openapi(
        title=app.title,
        version=app.version,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": public_url}],
        separate_input_output_schemas=False,
    )
    components = found.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "description": _scopes()}}
    schemas = components.setdefault("schemas", {})
    shared: tuple[type[BaseModel], ...] = (Problem, *models)
    for model in shared:
        own = model.model_json_schema(ref_template=_REF)
        schemas |= own.pop("$defs", {}) | {model.__name__: own}
    for operations in found["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                answer.setdefault("headers", {})["X-Log-Id"] = {
                    "description": "调用编号 / the id of the call",
                    "schema": {"type": "string"},
                }
    return found


def _scopes() -> str:
    rows = "\n".join(f"- `{one.scope}`: {one.zh} / {one.en}" for one in meanings())
    return f"POST /api/v1/tokens 取得的访问令牌 / an access token of POST /api/v1/tokens. Scopes:\n{rows}"

"""Label templates as files: print components fetch them by the addresses that lists name."""

from typing import Final

from miandan.kernel.asgi import Door, Receive, Scope, Send, answer_json
from miandan.kernel.errors import Refusal
from miandan.printing.desk import PrintDesk
from miandan.printing.model import Served
from miandan.printing.templates import template_file

_GONE: Final = ("printing.template_gone", "labels.template_not_ours")
_METHODS: Final = ("GET", "HEAD")


def template_door(desk: PrintDesk) -> Door:
    """GET /templates/...: the file, or 404 in both languages; 304 for a client that has it already."""

    async def templates(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] not in _METHODS:
            await answer_json(send, 405, {"zh": "只能 GET。", "en": "GET only."})
            return
        try:
            served = await template_file(desk, scope["path"])
        except Refusal as refusal:
            if refusal.code not in _GONE:
                raise
            await answer_json(send, 404, {"code": refusal.code, "zh": refusal.zh, "en": refusal.en})
            return
        known = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
        await _send(send, served, fresh=known != served.etag, with_body=scope["method"] == "GET")

    return templates


async def _send(send: Send, served: Served, *, fresh: bool, with_body: bool) -> None:
    headers = [
        (b"etag", served.etag.encode()),
        (b"cache-control", served.cache_control.encode()),
        # print components run in pages of other origins; nothing here is secret
        (b"access-control-allow-origin", b"*"),
    ]
    body = served.content if fresh and with_body else b""
    if fresh:
        headers += [
            (b"content-type", served.media_type.encode()),
            (b"content-length", str(len(served.content)).encode()),
        ]
    await send({"type": "http.response.start", "status": 200 if fresh else 304, "headers": headers})
    await send({"type": "http.response.body", "body": body})

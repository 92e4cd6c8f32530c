"""The native API put together: routes by subject, one shape of failure, one document that describes it."""

from functools import cache
from threading import Lock
from typing import Final

import msgspec
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

from miandan.api.failures import speak_of_failures
from miandan.api.models.access import RevokeIn, TokenIn
from miandan.api.notes import Notes
from miandan.api.openapi import document
from miandan.api.page import errors_page, reference_page
from miandan.api.routes import carrier, looking, orders, print_jobs, printing, shipments, stations, tokens, waybills
from miandan.api.routes.given import PREFIX
from miandan.hall import Hall

_SUBJECTS: Final = (tokens, orders, waybills, printing, print_jobs, stations, shipments, looking, carrier)


def make_api(hall: Hall) -> FastAPI:
    """The ASGI application under /api/v1. Nothing of it needs another server: no CDN, no font, no script."""
    app = FastAPI(
        title="miandan 面单",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.hall = hall
    for subject in _SUBJECTS:
        app.include_router(subject.router)
    _add_pages(app, hall.public_url)
    speak_of_failures(app)
    app.add_middleware(Notes, hall=hall)
    return app


def _add_pages(app: FastAPI, public_url: str) -> None:
    """The document for programs, and two pages for people made from it.

    Putting it together takes a quarter of a second, so that is done when somebody first asks, once, and in a thread:
    calls are answered meanwhile.
    """
    being_made = Lock()

    @cache
    def made() -> tuple[bytes, str]:
        described = document(app, (TokenIn, RevokeIn), public_url)
        return msgspec.json.encode(described), reference_page(described)

    def ready() -> tuple[bytes, str]:
        with being_made:
            return made()

    def openapi_json() -> Response:
        return Response(ready()[0], media_type="application/json")

    def reference() -> HTMLResponse:
        return HTMLResponse(ready()[1], headers=_OWN_STYLE_ONLY)

    def errors() -> HTMLResponse:
        return HTMLResponse(errors_page(), headers=_OWN_STYLE_ONLY)

    for path, answer in (("openapi.json", openapi_json), ("docs", reference), ("errors", errors)):
        app.add_api_route(f"{PREFIX}/{path}", answer, methods=["GET"], include_in_schema=False)


_OWN_STYLE_ONLY: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

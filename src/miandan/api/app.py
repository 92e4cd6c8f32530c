"""The native API put together: routes by subject, one shape of error, one document that describes it."""

from fastapi import FastAPI

from miandan.hall import Hall


def make_api(hall: Hall) -> FastAPI:
    """The ASGI application under /api/v1."""
    app = FastAPI(title="miandan 面单", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.hall = hall
    return app

"""Bodies that may come as a form or as JSON: the token operations, where OAuth clients send forms."""

import json
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from miandan.api.failures import FieldsWrong
from miandan.api.security import must_be
from miandan.api.wording import field_problems
from miandan.kernel.errors import Refusal

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
LARGEST: Final = 32_768
"""Bytes; nobody has proven anything yet when these bodies are read, field by field."""

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, model: type[Model]) -> Model:
    """The body as the model. Raises api.media_type_wrong, api.body_too_large, api.body_unreadable, api.fields_wrong."""
    is_form = must_be(request, JSON, FORM) == FORM
    if len(await request.body()) > LARGEST:
        raise Refusal("api.body_too_large", limit=LARGEST)
    given = await (_form(request) if is_form else _json(request))
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise FieldsWrong(field_problems(found, "body")) from None


async def _form(request: Request) -> dict[str, Any]:
    try:
        form = await request.form(max_files=0, max_fields=LARGEST)  # the size of the body bounds them
    except HTTPException:
        raise
    except Exception:
        raise Refusal("api.body_unreadable") from None
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _json(request: Request) -> Any:
    body = await request.body()
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("api.body_unreadable") from None


def form_or_json(model: type[BaseModel]) -> dict[str, Any]:
    """The body of such an operation, for its route."""
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {"requestBody": {"required": True, "content": {JSON: schema, FORM: schema}}}

"""Tokens: asked for, renewed, given back. The only operations without one."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from miandan.access import service, tokens
from miandan.access.model import SubjectKind, Tokens
from miandan.api.failures import FieldsWrong
from miandan.api.models.access import RevokeIn, TokenIn, TokenOut
from miandan.api.openapi import problem_answers
from miandan.api.reading import read_body
from miandan.api.routes.given import PREFIX
from miandan.api.security import Guarded, hall_of, note_of
from miandan.hall import Hall
from miandan.kernel.errors import Refusal

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["令牌 tokens"])

"""Tokens: asked for, renewed, given back. The only operations without one."""

from fastapi import APIRouter, Request, Response

from miandan.access import service, tokens
from miandan.access.model import SubjectKind, Tokens
from miandan.access.turnstile import address_of
from miandan.api.models.access import RevokeIn, TokenIn, TokenOut
from miandan.api.openapi import problem_answers
from miandan.api.reading import form_or_json, read_body
from miandan.api.routes.given import PREFIX
from miandan.api.security import Guarded, hall_of, note_of
from miandan.hall import Hall
from miandan.kernel.errors import Refusal

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["令牌 tokens"])


@router.post("/tokens", summary="取令牌 Get tokens", openapi_extra=form_or_json(TokenIn), responses=problem_answers())
async def get_tokens(request: Request) -> TokenOut:
    """Tokens of an app, as a form or JSON. Asked again before the last hour it is the same pair, so many servers of one
    app never cut each other off, and a lost answer is no harm."""
    asked, hall = await read_body(request, TokenIn), hall_of(request)
    await _prove(request, hall, asked.app_key, asked.secret)
    pair = await _pair(hall, asked)
    note_of(request).subject = pair.subject.name
    return TokenOut.of(pair)


@router.post(
    "/tokens/revoke",
    summary="撤销授权 Revoke",
    status_code=204,
    openapi_extra=form_or_json(RevokeIn),
    responses=problem_answers(),
)
async def revoke(request: Request) -> Response:
    """End the authorisation that a token belongs to; a token that does not count any more is answered the same.

    A self-use app gets new tokens only after the platform has let it in again.
    """
    asked, hall = await read_body(request, RevokeIn), hall_of(request)
    await _prove(request, hall, asked.app_key, asked.secret)
    try:
        who = await tokens.who(hall.db, asked.token)
        who.must_be_of(asked.app_key)
    except Refusal:
        return Response(status_code=204)
    for one in await tokens.authorisations_of_subject(hall.db, who.subject):
        if one.app_key == asked.app_key and one.revoked_at is None:
            await tokens.revoke(hall.db, asked.app_key, one.authorisation_id, by=f"app:{asked.app_key}")
    return Response(status_code=204)


async def _prove(request: Request, hall: Hall, app_key: str, secret: str) -> None:
    """Raises access.app_unknown, access.secret_wrong, access.app_forbidden, access.throttled."""
    keeper, peer = hall.doorkeeper, request.client.host if request.client else ""
    address = address_of(peer, request.headers.raw)
    known = await keeper.app(app_key)
    keeper.admit_stranger(address)
    try:
        await service.authenticate(hall.db, hall.root, app_key, secret)
    except Refusal:
        keeper.count_failure(address)
        raise
    keeper.admit(app_key)
    note_of(request).app_key = known.app.app_key


async def _pair(hall: Hall, asked: TokenIn) -> Tokens:
    if asked.grant_type == "authorization_code":
        return await tokens.exchange_code(hall.db, hall.root, asked.app_key, asked.code)
    if asked.grant_type == "refresh_token":
        return await tokens.refresh(hall.db, hall.root, asked.app_key, asked.refresh_token)
    kind = SubjectKind.CARRIER if asked.carrier else SubjectKind.SHOP
    return await tokens.self_authorise(hall.db, hall.root, asked.app_key, kind, asked.carrier or asked.shop_id)

"""token.create and token.refresh: the only calls without an access token."""

from typing import Any, Final

from miandan.access import tokens
from miandan.access.model import GrantType, SubjectKind, Tokens, read_grant_type
from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.calls import Call, method_without_token
from miandan.dialects.doudian.reading import carrier_named
from miandan.dialects.doudian.using import authorisations
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.merchants.service import find_shop

CARRIER_SUBJECT: Final = "WuLiuShang"
"""What the platform calls a carrier among the subjects of a token."""


@method_without_token("token.create")
async def create(call: Call) -> dict[str, Any]:
    """By an authorisation code, or by a self-use app for a shop (shop_id) or carrier (auth_id) of its own."""
    grant = read_grant_type(call.params["grant_type"])
    if grant is GrantType.REFRESH_TOKEN:
        raise Refusal("access.grant_type_wrong")
    if grant is GrantType.AUTHORIZATION_CODE:
        pair = await tokens.exchange_code(call.db, call.hall.root, call.app.app_key, call.params.get("code", ""))
    else:
        pair = await tokens.self_authorise(call.db, call.hall.root, call.app.app_key, *await _own_subject(call))
    return await _answer(call, pair)


async def _own_subject(call: Call) -> tuple[SubjectKind, str]:
    """Whom a self-use app asks tokens for. `auth_subject_type` says that it is a carrier; an app that has nothing but
    carriers need not say it."""
    params = call.params
    kinds = {one.subject.kind for one in await authorisations(call)}
    said = params.get("auth_subject_type", "")
    if said != CARRIER_SUBJECT and (said or kinds != {SubjectKind.CARRIER}):
        return SubjectKind.SHOP, params.get("shop_id", "")
    return SubjectKind.CARRIER, _carrier(params.get("auth_id", ""))


def _carrier(named: str) -> str:
    """Our code of a carrier, also by the platform's (zhongtong); "" and what is no carrier stay what they are."""
    try:
        return carrier_named(named).code if named else ""
    except Refusal:
        return named


@method_without_token("token.refresh")
async def refresh(call: Call) -> dict[str, Any]:
    """The same pair until its last hour, then a new one; the old one lives an hour more."""
    if read_grant_type(call.params["grant_type"]) is not GrantType.REFRESH_TOKEN:
        raise Refusal("access.grant_type_wrong")
    pair = await tokens.refresh(call.db, call.hall.root, call.app.app_key, call.params["refresh_token"])
    return await _answer(call, pair)


async def _answer(call: Call, pair: Tokens) -> dict[str, Any]:
    """`shop_id` as text: a number makes the official Go client lose the field, and text suits every client seen."""
    subject = pair.subject
    if subject.kind is SubjectKind.CARRIER:
        name = catalogue().get(subject.carrier).zh
    elif subject.shop_id:
        name = (await find_shop(call.db, subject.merchant_id, subject.shop_id)).name
    else:
        name = ""
    return {
        "access_token": pair.access_token,
        "expires_in": pair.expires_in(now()),
        "refresh_token": pair.refresh_token,
        "scope": ",".join(sorted(pair.scopes)),
        "shop_id": subject.name if subject.kind is SubjectKind.SHOP else "",
        "shop_name": name,
        "authority_id": subject.name,
        "auth_subject_type": CARRIER_SUBJECT if subject.kind is SubjectKind.CARRIER else "",
    }

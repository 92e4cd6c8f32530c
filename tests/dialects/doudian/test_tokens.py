"""Whom a self-use app asks tokens for: a shop, or a carrier that it names or is all that it has."""

from typing import Any

import pytest

from miandan.access import service as access
from miandan.access import tokens
from miandan.access.model import AppKind, Registration
from miandan.access.model import carrier as carrier_subject
from miandan.access.model import shop as shop_subject
from miandan.access.scopes import scopes_for
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp
from tests.dialects.doudian.partners import CARRIER_APP

SELF: dict[str, Any] = {"code": "", "grant_type": "authorization_self"}
AS_CARRIER = {"auth_subject_type": "WuLiuShang"}


@pytest.mark.parametrize(
    "said",
    [
        {},
        AS_CARRIER,
        AS_CARRIER | {"auth_id": "zto"},
        AS_CARRIER | {"auth_id": "zhongtong"},
        {"auth_id": "zhongtong"},
    ],
)
async def test_an_app_of_a_carrier_alone_need_not_say_so_and_may_name_it_by_either_code(
    ground: Ground, said: dict[str, str]
) -> None:
    async with ground.serving() as running, Erp.at(running, **CARRIER_APP) as gateway:
        pair = await gateway.ok("token.create", SELF | said)
        assert (pair["authority_id"], pair["auth_subject_type"]) == ("zto", "WuLiuShang")


async def test_another_carrier_is_refused(ground: Ground) -> None:
    async with ground.serving() as running, Erp.at(running, **CARRIER_APP) as gateway:
        for auth_id in ("yuantong", "nobody-express"):
            said = await gateway.refused("token.create", SELF | AS_CARRIER | {"auth_id": auth_id})
            assert said.endswith("no-authorization")


async def test_an_app_of_a_shop_and_a_carrier_says_when_it_means_the_carrier(ground: Ground) -> None:
    async with ground.serving() as running:
        hall = running.hall
        own = (shop_subject(MERCHANT, SHOP), carrier_subject("yto"))
        scopes = frozenset(scopes_for(own[0].kind)) | frozenset(scopes_for(own[1].kind))
        form = Registration("示例两用软件", AppKind.SELF_USE, scopes, own)
        app, secret = await access.register_app(hall.db, hall.root, form)
        async with Erp.at(running, app_key=app.app_key, secret=secret) as both:
            assert (await both.ok("token.create", SELF))["authority_id"] == SHOP
            assert (await both.ok("token.create", SELF | AS_CARRIER))["authority_id"] == "yto"
            for one in await tokens.authorisations_of_app(hall.db, app.app_key):
                if not one.subject.carrier:
                    await tokens.revoke(hall.db, app.app_key, one.authorisation_id)
            assert (await both.ok("token.create", SELF))["authority_id"] == "yto"

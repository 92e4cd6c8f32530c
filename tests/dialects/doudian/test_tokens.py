"""Whom a self-use app asks tokens for: a shop, or a carrier that it names or is all that it has."""

from typing import Any

import pytest

from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import SHOP, Erp
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


async def test_an_app_of_a_shop_stays_one_whatever_it_names(ground: Ground) -> None:
    async with ground.serving() as running, Erp.at(running) as erp:
        assert (await erp.ok("token.create", SELF))["authority_id"] == SHOP
        assert (await erp.ok("token.create", SELF | {"auth_id": "zto"}))["authority_id"] == SHOP
        assert (await erp.refused("token.create", SELF | AS_CARRIER)).endswith("no-authorization")

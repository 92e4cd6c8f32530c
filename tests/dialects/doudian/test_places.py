"""Addresses, divisions and stores over real HTTP."""

from typing import Any

import pytest

from miandan.addresses.areas import find_area
from miandan.dialects.doudian.area_tree import district
from miandan.merchants.address_book import find_address
from miandan.merchants.model import Place, Store
from miandan.merchants.stores import StoreDraft, create_stores
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, Erp, new_order_id
from tests.dialects.doudian.shapes import misfits


def _street() -> int:
    county = find_area("330110")
    assert county is not None
    return int(county.parts[0].code)


def address(**more: Any) -> dict[str, Any]:
    given = {
        "user_name": "示例退货仓",
        "mobile": "0571-00000009",
        "province_id": 330000,
        "city_id": 330100,
        "town_id": 330110,
        "street_id": _street(),
        "detail": "示例路 9 号",
        "link_type": 0,
        "remark": "退货",
    }
    return {"address": given | more}


def store(**more: Any) -> dict[str, Any]:
    return {
        "row_id": 1,
        "name": "示例门店",
        "store_code": f"C{new_order_id()}",
        "longitude": "120.1",
        "latitude": "30.2",
        "province": "浙江省",
        "city": "杭州市",
        "district": "余杭区",
        "address": "示例路 10 号",
        "contact": "0571-00000010",
        "open_time": {"day_map": {"1": "09:00-21:00"}},
    } | more


# --- addresses --------------------------------------------------------------------------------------------------------


async def test_an_address_is_written_down_and_listed_with_its_names(ground: Ground) -> None:
    async with ground.erp() as erp:
        made = await erp.ok("address.create", address())
        assert misfits("address.create", made) == []
        asked = {"page_size": 100, "page_no": 1, "order_by": "desc", "order_field": "create_time"}
        found = await erp.ok("address.list", asked)
        assert misfits("address.list", found) == []
        row = next(one for one in found["address_list"] if one["address_id"] == made["address_id"])
        assert (row["receiver_provinc"], row["receiver_city"], row["receiver_district"]) == (
            "浙江省",
            "杭州市",
            "余杭区",
        )
        assert row["receiver_street"]
        assert row["receiver_detail"] == "示例路 9 号"
        kept = await find_address(erp.running.hall.db, MERCHANT, made["address_id"])
        assert kept.place.division_code == str(_street())
        await erp.ok("address.create", address(street_id=0, user_name="第二"))
        total = (await erp.ok("address.list", asked))["total"]
        pages = [await erp.ok("address.list", asked | {"page_size": 1, "page_no": one + 1}) for one in range(total + 1)]
        ids = [one["address_id"] for page in pages for one in page["address_list"]]
        assert (len(ids), len(set(ids))) == (total, total)
        oldest = await erp.ok("address.list", asked | {"order_by": "asc"})
        assert [one["address_id"] for one in oldest["address_list"]] == ids[::-1]


@pytest.mark.parametrize(
    "changed",
    [{"town_id": 440106}, {"street_id": 330102001}, {"city_id": 330200}, {"street_id": 999999999}, {"mobile": ""},
     {"link_type": 1}, {"detail": " "}, {"link_type": 3}],
)  # fmt: skip
async def test_an_address_that_contradicts_itself_is_not_written(ground: Ground, changed: dict[str, Any]) -> None:
    async with ground.erp() as erp:
        before = await erp.ok("address.list", {"page_size": 1, "page_no": 1})
        await erp.refused("address.create", address(**changed))
        assert (await erp.ok("address.list", {"page_size": 1, "page_no": 1}))["total"] == before["total"]


async def test_another_shops_addresses_are_not_shown(ground: Ground) -> None:
    async with ground.erp() as erp:
        asked = {"page_size": 1, "page_no": 1, "shop_id": "S99999"}
        assert await erp.refused("address.list", asked) == "isv.app-permissions-insufficient"
        for own in ("S10001", 0, ""):
            await erp.ok("address.list", asked | {"shop_id": own})


# --- divisions --------------------------------------------------------------------------------------------------------


async def test_provinces_and_what_lies_below_them_are_lists_without_a_name(ground: Ground) -> None:
    async with ground.erp() as erp:
        provinces = await erp.ok("address.getProvince")
        assert misfits("address.getProvince", provinces) == []
        assert {"province_id": 330000, "province": "浙江省"} in provinces
        assert len(provinces) == 34
        for province_id in (330000, 33, 440000, 500000):
            cities = await erp.ok("address.getAreasByProvince", {"province_id": province_id})
            assert {city["father_code"] // 10000 for city in cities} == {
                province_id // 10 ** (len(str(province_id)) - 2)
            }
        hangzhou = next(
            one for one in await erp.ok("address.getAreasByProvince", {"province_id": 330000}) if one["code"] == 330100
        )
        county = next(one for one in hangzhou["sub_districts"] if one["code"] == 330110)
        assert (county["name"], county["level"], county["father_code"]) == ("余杭区", "3", 330100)
        assert _street() in [one["code"] for one in county["sub_districts"]]
        for unknown in (0, 999999, 330100, -1):
            await erp.refused("address.getAreasByProvince", {"province_id": unknown})


async def test_a_district_comes_with_as_many_levels_as_are_asked_for(ground: Ground) -> None:
    async with ground.erp() as erp:
        answer = await erp.ok("logistics.getDistrict", {"code": "330110", "subdistrict": 0})
        found = answer["district"]
        assert (found["name"], found["level"], found["sub_region"]) == ("余杭区", 3, [])
        assert [one["name"] for one in found["par_regions"]] == ["中华人民共和国", "浙江省", "杭州市"]
        whole = (await erp.ok("logistics.getDistrict", {"code": "33", "subdistrict": 9}))["district"]
        town = whole["sub_region"][0]["sub_region"][0]["sub_region"][0]
        assert (town["level"], town["sub_region"]) == (4, [])
        country = (await erp.ok("logistics.getDistrict"))["district"]
        assert (country["level"], len(country["sub_region"])) == (0, 34)
        assert country["sub_region"][0]["sub_region"] == []
        assert {"version", "update_time"} <= answer.keys()
        await erp.refused("logistics.getDistrict", {"code": "杭州"})


def test_however_many_levels_are_asked_for_one_answer_is_kept() -> None:
    for code, deepest in (("", 3), ("33", 3), ("330100", 2), ("330110", 1), (str(_street()), 0)):
        assert all(district(code, levels) is district(code, deepest) for levels in (deepest + 1, 9, 2**31 - 1)), code
    assert district("33", 3) is district("330000", 3)


async def test_a_carrier_may_ask_for_a_district_too_but_not_for_orders(ground: Ground) -> None:
    async with (
        ground.serving() as running,
        Erp.at(running, app_key="7000000000000000002", secret="example-secret-0002") as carrier,
    ):
        await carrier.log_in(auth_subject_type="WuLiuShang")
        assert (await carrier.ok("logistics.getDistrict", {"code": "330100"}))["district"]["name"] == "杭州市"
        asked = {"page": 0, "size": 1}
        assert await carrier.refused("order.searchList", asked) == "isv.app-permissions-insufficient"


# --- stores -----------------------------------------------------------------------------------------------------------


async def test_stores_are_written_found_and_changed(ground: Ground) -> None:
    async with ground.erp() as erp:
        good, bad = store(), store(row_id=2, store_code=" ", longitude="east")
        made = await erp.ok("shop.batchCreateStore", {"store_list": [good, bad]})
        assert misfits("shop.batchCreateStore", made) == []
        assert [(row["is_success"], row["store"]["row_id"]) for row in made["result_list"]] == [(True, 1), (False, 2)]
        store_id = made["result_list"][0]["store"]["store_id"]
        asked = {"page": 1, "page_size": 10, "store_code_list": [good["store_code"]], "store_id_list": []}
        found = await erp.ok("shop.getStoreList", asked)
        assert misfits("shop.getStoreList", found) == []
        assert (found["total"], found["store_detail_list"][0]["store"]["store_id"]) == (1, store_id)
        await erp.ok("shop.editStore", {"store_id": store_id, "name": "新名", "open_time": {"day_map": {"2": "9-18"}}})
        detail = await erp.ok("shop.getStoreDetail", {"store_id": store_id})
        assert misfits("shop.getStoreDetail", detail) == []
        shown = detail["store_detail"]["store"]
        assert (shown["name"], shown["address"], shown["district_code"]) == ("新名", "示例路 10 号", "330110")
        assert (shown["open_time"]["day_map"], shown["state"], shown["is_open_now"]) == ({"2": "9-18"}, 5, True)
        again = await erp.ok("shop.batchCreateStore", {"store_list": [good]})
        assert again["result_list"][0]["is_success"] is False
        for filter_ in ({"poi_id_list": [1]}, {"state": 6}):
            await erp.refused("shop.getStoreList", filter_)
        assert (await erp.ok("shop.getStoreList", {"state": 1, "store_code_list": [good["store_code"]]}))["total"] == 0


async def test_a_store_of_another_merchant_is_unknown(ground: Ground) -> None:
    async with ground.erp() as erp:
        place = Place("浙江省", "杭州市", "余杭区", "示例路 11 号")
        draft = StoreDraft("1", "别家门店", f"C{new_order_id()}", place)
        [made] = await create_stores(erp.running.hall.db, 1002, [draft])
        assert isinstance(made, Store)
        for method in ("shop.getStoreDetail", "shop.editStore"):
            await erp.refused(method, {"store_id": int(made.store_id)})
        found = await erp.ok("shop.getStoreList", {"store_id_list": [int(made.store_id)]})
        assert found["total"] == 0

"""Places: the address book, the tables of divisions, and stores."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from miandan.access.model import Scope, SubjectKind
from miandan.addresses.areas import chain_of, find_area, provinces
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.area_tree import areas_below, district
from miandan.dialects.doudian.calls import Call, method, method_of_each
from miandan.dialects.doudian.order_search import refuse_filters
from miandan.dialects.doudian.store_rows import STATES, store_detail, written
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal
from miandan.merchants.address_book import add_address, addresses_of
from miandan.merchants.address_book_model import AddressDraft, BusinessAddress, LinkType, Sorting
from miandan.merchants.model import Place, Shop, Store
from miandan.merchants.service import find_merchant, find_shop
from miandan.merchants.stores import (
    StoreChange,
    StoreDraft,
    StoreFilter,
    create_stores,
    edit_store,
    find_store,
    stores_like,
)

_LINKS: Final = {0: LinkType.MOBILE, 1: LinkType.LANDLINE, 2: LinkType.BUSINESS_LINE}
_SORTING: Final = {
    ("asc", "create_time"): Sorting.OLDEST_FIRST,
    ("desc", "create_time"): Sorting.NEWEST_FIRST,
    ("asc", "update_time"): Sorting.CHANGED_LAST,
    ("desc", "update_time"): Sorting.CHANGED_FIRST,
}
_USUAL_PAGE: Final = 20
_NO_STORE: Final = 0


# --- the address book -------------------------------------------------------------------------------------------------


@method("address.list", Scope.ORDERS)
async def address_list(call: Call) -> dict[str, Any]:
    """Addresses of the shop, or of one of its stores. Raises doudian.shop_differs for another shop than the token's."""
    params = call.params
    _refuse_other_shop(call)
    size, number = params["page_size"], params["page_no"]
    found = await addresses_of(
        call.db,
        call.merchant_id,
        shop_id=call.shop_id,
        store_id=_store_id(params) or None,
        sorting=_SORTING[params.get("order_by") or "desc", params.get("order_field") or "create_time"],
        limit=size,
        offset=(number - 1) * size,
    )
    rows = [_address(row) for row in found.rows]
    return {"total": found.total, "page_size": size, "page_no": number, "address_list": rows}


@method("address.create", Scope.ORDERS)
async def address_create(call: Call) -> dict[str, Any]:
    """Raises doudian.area_unknown for divisions that do not lie in one another, and what the address book raises."""
    given = call.params["address"]
    draft = AddressDraft(
        given["user_name"],
        Place("", "", "", given["detail"], _division(given)),
        link_type=_LINKS[given["link_type"]],
        phone=given.get("mobile", ""),
        fixed_phone=given.get("fixed_phone", ""),
        remark=given.get("remark", ""),
        shop_id=call.shop_id,
        store_id=_store_id(call.params),
    )
    return {"address_id": (await add_address(call.db, call.merchant_id, draft)).address_id}


def _refuse_other_shop(call: Call) -> None:
    if call.params.get("shop_id", "") not in ("", "0", call.shop_id):
        raise Refusal("doudian.shop_differs", field="shop_id")


def _store_id(params: Mapping[str, Any]) -> str:
    store_id = params.get("store_id", _NO_STORE)
    return str(store_id) if store_id > 0 else ""


def _division(given: Mapping[str, Any]) -> str:
    """The code of the lowest division that is named; those above it must be the ones it lies in, 0 says nothing."""
    ids = [str(given[name]) for name in ("province_id", "city_id", "town_id", "street_id") if given[name] > 0]
    areas = [find_area(code) for code in ids]
    lowest = areas[-1] if areas else None
    above = set(chain_of(lowest.code)) if lowest is not None else set()
    if lowest is None or any(area not in above for area in areas):
        raise Refusal("doudian.area_unknown", code=ids[-1][:20] if ids else "0")
    return lowest.code


def _address(row: BusinessAddress) -> dict[str, Any]:
    return {
        "address_id": row.address_id,
        "reciever_name": row.contact,
        "is_default": int(row.returns_here),
        "is_send_default": int(row.ships_here),
        "create_time": _time(row.created_at),
        "update_time": _time(row.updated_at),
        "receiver_provinc": row.place.province,
        "receiver_city": row.place.city,
        "receiver_district": row.place.district,
        "receiver_street": row.town,
        "receiver_detail": row.place.detail,
        "remark": row.remark,
    }


def _time(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


# --- divisions --------------------------------------------------------------------------------------------------------


@method("address.getProvince", Scope.ORDERS)
async def get_province(_call: Call) -> list[dict[str, Any]]:
    """All provinces; the envelope's data is the list itself."""
    return [{"province_id": int(one.code), "province": one.name} for one in provinces()]


@method("address.getAreasByProvince", Scope.ORDERS)
async def get_areas_by_province(call: Call) -> list[dict[str, Any]]:
    """Cities of a province down to its towns. Raises doudian.area_unknown."""
    return areas_below(call.params["province_id"])


@method_of_each("logistics.getDistrict", {SubjectKind.SHOP: Scope.ORDERS, SubjectKind.CARRIER: Scope.CARRIER})
async def get_district(call: Call) -> dict[str, Any]:
    """An area with the levels below it, one unless the call says otherwise. Raises doudian.area_unknown."""
    return district(call.params.get("code", "").strip(), max(0, call.params.get("subdistrict", 1)))


# --- stores -----------------------------------------------------------------------------------------------------------


@method("shop.getStoreList", Scope.ORDERS)
async def get_store_list(call: Call) -> dict[str, Any]:
    """Stores of the shop, and those of its merchant that belong to no shop."""
    params = call.params
    refuse_filters(params, ("poi_audit_state", "poi_id_list", "qual_state", "remit_state", "open_account_state"))
    state = params.get("state", 0)
    if state and state not in STATES:
        raise Refusal("doudian.field_limit", field="state", limit="1..5")
    wanted = StoreFilter(
        store_ids=[str(one) for one in params.get("store_id_list", ())] or None,
        names=params.get("store_name_list") or None,
        store_codes=params.get("store_code_list") or None,
        state=STATES.get(state),
        province=params.get("province") or None,
        city=params.get("city") or None,
        district=params.get("district") or None,
        name_part=params.get("name_fuzzy") or None,
        code_part=params.get("store_code_fuzzy") or None,
        shop_id=call.shop_id,
    )
    size, number = params.get("page_size", _USUAL_PAGE), params.get("page", 1)
    found = await stores_like(call.db, call.merchant_id, wanted, limit=size, offset=(number - 1) * size)
    merchant, shop = await find_merchant(call.db, call.merchant_id), await _shop(call)
    rows = [store_detail(store, merchant, shop) for store in found.rows]
    return {"ret_code": 0, "ret_msg": "success", "total": found.total, "store_detail_list": rows}


@method("shop.getStoreDetail", Scope.ORDERS)
async def get_store_detail(call: Call) -> dict[str, Any]:
    """Raises store.unknown, also for a store of another shop."""
    store = await _store_of(call)
    detail = store_detail(store, await find_merchant(call.db, call.merchant_id), await _shop(call))
    return {"ret_code": 0, "ret_msg": "success", "store_detail": detail}


@method("shop.batchCreateStore", Scope.ORDERS)
async def batch_create_store(call: Call) -> dict[str, Any]:
    """One answer per row, in the order asked."""
    rows = call.params["store_list"]
    made = await create_stores(call.db, call.merchant_id, [_draft(call, row) for row in rows])
    return {"result_list": [_result(row, one) for row, one in zip(rows, made, strict=True)]}


@method("shop.editStore", Scope.ORDERS)
async def edit_store_method(call: Call) -> dict[str, Any]:
    """What the call leaves out or empty stays. Raises store.unknown and what `edit_store` raises."""
    params = call.params
    store = await _store_of(call)
    change = StoreChange(
        hours=params["open_time"]["day_map"] if "open_time" in params else None,
        detail=params.get("address") or None,
        **{name: params.get(name) or None for name in
           ("name", "store_code", "contact", "longitude", "latitude", "province", "city", "district")},
    )  # fmt: skip
    await edit_store(call.db, call.merchant_id, store.store_id, change)
    return {}


async def _shop(call: Call) -> Shop | None:
    return await find_shop(call.db, call.merchant_id, call.shop_id) if call.shop_id else None


async def _store_of(call: Call) -> Store:
    store_id = str(call.params["store_id"])
    store = await find_store(call.db, call.merchant_id, store_id)
    if store.shop_id not in ("", call.shop_id):
        raise Refusal("store.unknown", store=store_id)
    return store


def _draft(call: Call, row: Mapping[str, Any]) -> StoreDraft:
    return StoreDraft(
        str(row["row_id"]),
        row["name"],
        row["store_code"],
        Place(row["province"], row["city"], row["district"], row["address"]),
        row["contact"],
        row["open_time"].get("day_map", {}),
        row["longitude"],
        row["latitude"],
        call.shop_id,
    )


def _result(row: Mapping[str, Any], made: Store | Refusal) -> dict[str, Any]:
    """A row that was refused is sent back as it was asked, without an id."""
    if isinstance(made, Refusal):
        asked = {name: value for name, value in row.items() if name != "open_time"}
        hours = {"day_map": row["open_time"].get("day_map", {}), "custom": ""}
        store = asked | {"open_time": hours, "rel_shop_id": 0, "store_id": 0}
        return {"is_success": False, "msg": answers.words(made), "store": store}
    return {"is_success": True, "msg": "success", "store": {"row_id": row["row_id"]} | written(made)}

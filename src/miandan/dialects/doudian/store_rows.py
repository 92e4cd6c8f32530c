"""Stores (门店) as the platform's documents lay them out. What only the platform's own pages know is empty."""

from collections.abc import Mapping
from typing import Any, Final

from miandan.addresses.areas import chain_of
from miandan.dialects.doudian.writing import id_of, seconds
from miandan.merchants.model import Merchant, Shop, Store, StoreState, SuspendedBy

STATES: Final = {
    1: StoreState.BINDING,
    2: StoreState.BOUND,
    3: StoreState.CHECKING_PAPERS,
    4: StoreState.CHECKING_ACCOUNT,
    5: StoreState.OPEN,
}
_STATE_NUMBERS: Final = {state: number for number, state in STATES.items()}
_SUSPENDED: Final = {SuspendedBy.MERCHANT: 1, SuspendedBy.PLATFORM: 2}
_MERCHANT_TYPES: Final = {"enterprise": 0, "individual_business": 41, "natural_person": 11}
_SHOP_TYPES: Final = {"multi_brand": 1, "exclusive": 2, "flagship": 3, "official_flagship": 3}
"""v_type and shop_type (reference/doudian.md, section 2.5: seen); which of our types is which is our own reading."""


def store_detail(store: Store, merchant: Merchant, shop: Shop | None) -> dict[str, Any]:
    """One row of getStoreList."""
    return {
        "store": _store(store),
        "rel_shop_user": _owner(merchant, shop),
        "poi_audit_info": _no_review(store),
        "store_charge_info": {"charge_name": "", "charge_mobile": ""},
    }


def _store(store: Store) -> dict[str, Any]:
    place = store.place
    codes = {area.level: area.code for area in chain_of(place.division_code)}
    return written(store) | {
        "poi_id": 0,
        "province_code": codes.get(1, ""),
        "city_code": codes.get(2, ""),
        "district_code": codes.get(3, ""),
        "town": "",
        "town_code": "",
        "is_open_now": store.state is StoreState.OPEN and store.suspended_by is None,
        "state": _STATE_NUMBERS[store.state],
        "poi_audit_state": 0,
        "qual_state": 0,
        "remit_state": 0,
        "open_account_state": 0,
        "suspend_type": _SUSPENDED[store.suspended_by] if store.suspended_by is not None else 0,
        "bound_time": seconds(store.opened_at),
        "create_time": seconds(store.opened_at),
        "update_time": seconds(store.updated_at or store.opened_at),
        "qual_pass_time": 0,
        "remit_pass_time": 0,
        "open_account_time": 0,
    }


def written(store: Store) -> dict[str, Any]:
    """What a merchant writes down of a store."""
    place = store.place
    return {
        "store_id": id_of(store.store_id),
        "name": store.name,
        "store_code": store.store_code,
        "rel_shop_id": _number(store.shop_id),
        "longitude": store.longitude,
        "latitude": store.latitude,
        "province": place.province,
        "city": place.city,
        "district": place.district,
        "address": place.detail,
        "contact": store.contact,
        "open_time": _hours(store.hours),
    }


def _number(shop_id: str) -> int:
    """A shop's id where it is a number; 0 for one with letters, which a typed client could not read at all."""
    number = id_of(shop_id)
    return number if isinstance(number, int) else 0


def _hours(hours: Mapping[str, Any]) -> dict[str, Any]:
    return {"day_map": dict(hours), "custom": ""}


def _owner(merchant: Merchant, shop: Shop | None) -> dict[str, Any]:
    return {
        "id": _number(shop.shop_id) if shop is not None else 0,
        "shop_name": shop.name if shop is not None else merchant.name,
        "shop_charge_name": "",
        "toutiao_id": 0,
        "ocean_id": 0,
        "operate_status": 0,
        "biz_type": 0,
        "v_type": _MERCHANT_TYPES.get(merchant.applicant, 0),
        "shop_type": _SHOP_TYPES.get(shop.shop_type, 0) if shop is not None else 0,
    }


def _no_review(store: Store) -> dict[str, Any]:
    """Nobody reviews points on a map here (poi_audit_state 0: none)."""
    texts = ("poi_audit_id", "name", "store_code", "longitude", "latitude", "province", "city", "district", "address",
             "contact", "reject_reason", "town")  # fmt: skip
    return dict.fromkeys(texts, "") | {
        "poi_audit_state": 0,
        "store_id": id_of(store.store_id),
        "open_time": _hours({}),
    }

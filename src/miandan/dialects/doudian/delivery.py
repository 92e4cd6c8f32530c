"""What a carrier may know of its own numbers: the whole waybill for delivery, or only that it is ours."""

import re
from collections.abc import Mapping
from typing import Any, Final

from miandan.accounts.model import Account
from miandan.addresses import divisions
from miandan.connectors.model import Sender
from miandan.dialects.doudian.reading import division
from miandan.dialects.doudian.receivers import SCREEN
from miandan.kernel.masks import mask_name, mask_phone
from miandan.vault.issued import text_of
from miandan.vault.model import Recipient
from miandan.vault.purposes import RecipientField
from miandan.waybills.model import Waybill

_NO_PLACE: Final = {
    f"{part}_{what}": "" for part in ("province", "city", "district", "street") for what in ("code", "name")
}
_NO_PERSON: Final = {
    "name": "",
    "mobile": "",
    "is_virtual_no": "0",
    "virtual_no": "",
    "virtual_status": "",
    "auth_flag": "0",
    "auth_start_time": "",
    "auth_end_time": "",
}
_UNDERSCORE: Final = re.compile(r"_(\w)")


def whole_waybill(waybill: Waybill, sender: Sender, to: Recipient, account: Account) -> dict[str, Any]:
    """`data` of ebillInfoGet: every documented field, empty where we keep nothing (virtual numbers, weights)."""
    shop_id, _, order_id = waybill.order_ref.partition("/")
    from_where = (sender.province, sender.city, sender.district)
    to_where = (to.province, to.city, to.district)
    return {
        "order_id": order_id,
        "shop_id": shop_id,
        "waybill_code": waybill.ref.number,
        "sender": {
            "contact": _contact(sender.contact, sender.phone),
            "address": _place(division(*from_where), *from_where, "", sender.detail) | {"address_id": 0},
        },
        "receiver": {
            "contact": _contact(to.name, text_of(to, RecipientField.PHONE)) | {"virtualMobile": "", "mobileId": ""},
            "address": _place(waybill.division_code, *to_where, to.town, to.detail) | {"address_id": 0},
        },
        "cargo_list": [_cargo(line) for line in waybill.goods],
        "net_info": {
            "category": "",
            "net_code": account.branch_code,
            "monthly_account": account.settlement_code,
            "secret_key": "",
            "verification_code": "",
        },
        "service_list": [
            {"service_code": code, "service_value": "" if stated is True else str(stated)}
            for code, stated in waybill.services.items()
        ],
        "product_type": waybill.product,
        "pod_model_address": {"country_code": "", **_NO_PLACE, "detail_address": ""},
    }


def _contact(name: str, phone: str) -> dict[str, Any]:
    is_mobile = phone.startswith("1")
    return {"name": name, "phone": "" if is_mobile else phone, "mobile": phone if is_mobile else "", "email": ""}


def _place(code: str, province: str, city: str, district: str, town: str, detail: str) -> dict[str, Any]:
    found = divisions().by_code(code[:6])
    codes = [one.code for one in found.path] if found is not None else []
    province_code, city_code, district_code = (*codes, "", "", "")[:3]
    return {
        "country_code": "CHN",
        "province_code": province_code,
        "province_name": province,
        "city_code": city_code,
        "city_name": city,
        "district_code": district_code,
        "district_name": district,
        "street_code": "",
        "street_name": town,
        "detail_address": detail,
    }


def _cargo(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": line["title"],
        "quantity": line["quantity"],
        "volume": 0,
        "total_weight": 0,
        "total_net_weight": 0,
        "unit": "",
    }


def nobodys_package() -> dict[str, Any]:
    """What is said of a number that was not taken here."""
    return {
        "is_bytedance_waybill": "0",
        "is_bytedance_dec": "0",
        "sender": dict(_NO_PERSON),
        "receiver": dict(_NO_PERSON),
        "privacy_flag": "0",
    }


def our_package(sender: Sender, to: Recipient, *, full_label: bool) -> dict[str, Any]:
    """That a number is ours; `to` is masked already. The flags are "1" where the label hides the recipient.

    The words of the values are not public: yes and no are said as "1" and "0" here.
    """
    hidden = "0" if full_label else "1"
    return {
        "is_bytedance_waybill": "1",
        "is_bytedance_dec": hidden,
        "sender": _NO_PERSON | {"name": mask_name(sender.contact), "mobile": mask_phone(sender.phone, SCREEN)},
        "receiver": _NO_PERSON | {"name": to.name, "mobile": to.phone},
        "privacy_flag": hidden,
    }


def camel(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with camelCase names, as one of two methods for the same thing has them."""
    return {
        _UNDERSCORE.sub(lambda found: found[1].upper(), name): camel(value) if isinstance(value, dict) else value
        for name, value in given.items()
    }

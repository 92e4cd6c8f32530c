"""A recipient as a rule shows it: the rules of `kernel.masks` applied to each field."""

from miandan.kernel.masks import RULES, hide_person, mask_extension, mask_name, mask_numbers, mask_room
from miandan.vault.model import Recipient


def mask(recipient: Recipient, rule: str = "label") -> Recipient:
    """The recipient as the rule shows it; division names and code stay, they lead the parcel.

    The recipient's own name and phone are hidden wherever they stand in address and remarks. Raises KeyError for a
    rule that does not exist.
    """
    r = recipient
    name = mask_name(r.name)
    detail, buyer, seller = (
        hide_person(text, r.name, r.phone) if text else "" for text in (r.detail, r.buyer_remark, r.seller_remark)
    )
    return Recipient(
        name,
        mask_numbers(r.phone, RULES[rule].mobile),
        mask_extension(r.extension),
        r.province,
        r.city,
        r.district,
        r.town,
        mask_room(detail),
        r.division_code,
        buyer,
        seller,
    )

"""What the parser answers: a recipient or an address taken apart, with what could not be decided."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """Levels by their current official names; empty where the text neither says nor implies them.

    `division_code` is the six-digit code of the lowest level that is certain. For a city or county directly under its
    province (仙桃, 石河子) `city` and `district` are the same name; a city without districts (东莞) has no `district`.
    `uncertain` holds one line per doubt, "field: what", never a person's data.
    """

    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    detail: str = ""
    division_code: str = ""
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class ParsedRecipient:
    """A pasted recipient; `phone` holds digits and at most a dash after an area code, `extension` digits only."""

    name: str = ""
    phone: str = ""
    extension: str = ""
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    detail: str = ""
    division_code: str = ""
    uncertain: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "ParsedRecipient(***)"

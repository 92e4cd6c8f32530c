"""Where print components fetch templates: paths under our own host that name carrier, template and version.

What stands behind an address never changes, so it may be kept for ever. `check_template` is for the agent: it fetches
nothing that another host, another path or another carrier's name would bring.
"""

import re
from dataclasses import dataclass
from typing import Final

from miandan.kernel.errors import Refusal

ANY_CARRIER: Final = "any"
"""Stands in the address of a template that is no single carrier's."""

TEMPLATES: Final = "/templates/"
_TEMPLATE = re.compile(
    r"(?P<carrier>[a-z0-9_]{1,40})/(?:own/(?P<merchant>[1-9]\d{0,18})/(?P<token>[0-9a-f]{32})/)?"
    r"(?P<name>[a-z0-9][a-z0-9._-]{0,79})@(?P<version>[1-9]\d{0,8})\.(?P<kind>json|png)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TemplateAddress:
    """One version of a template under our host: a standard one, or a merchant's own. `kind` is json or png."""

    carrier: str
    name: str
    version: int
    merchant_id: int = 0
    token: str = ""
    kind: str = "json"

    @property
    def path(self) -> str:
        """Behind the host; what stands there never changes."""
        own = f"own/{self.merchant_id}/{self.token}/" if self.merchant_id else ""
        return f"{TEMPLATES}{self.carrier}/{own}{self.name}@{self.version}.{self.kind}"


def template_address(path: str) -> TemplateAddress:
    """Which template a path names. Raises Refusal labels.template_not_ours."""
    found = _TEMPLATE.fullmatch(path.removeprefix(TEMPLATES)) if path.startswith(TEMPLATES) else None
    if found is None:
        raise Refusal("labels.template_not_ours")
    merchant = int(found["merchant"] or 0)
    return TemplateAddress(
        found["carrier"], found["name"], int(found["version"]), merchant, found["token"] or "", found["kind"]
    )


def check_template(url: str, carrier: str, host: str) -> TemplateAddress:
    """What a print component may fetch for a label of this carrier: a template file under `host`, the public address
    of the platform such as https://waybills.example, that is this carrier's or nobody's.

    Raises Refusal labels.template_not_ours, labels.template_of_other_carrier.
    """
    before = host.rstrip("/")
    if not before or not url.startswith(before + TEMPLATES):
        raise Refusal("labels.template_not_ours")
    address = template_address(url.removeprefix(before))
    if address.kind != "json":
        raise Refusal("labels.template_not_ours")
    if address.carrier not in (carrier, ANY_CARRIER):
        raise Refusal("labels.template_of_other_carrier", owner=address.carrier, carrier=carrier)
    return address

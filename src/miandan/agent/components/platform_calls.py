"""What the components ask of our own server: the shop's print key, and templates. Nothing else is called, and no page
says where: the address comes from the agent's pairing."""

import asyncio
import re
import time
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from weakref import WeakValueDictionary

import httpx

from miandan.agent.components.model import Pairing
from miandan.kernel.errors import Refusal
from miandan.labels.checking import read_own
from miandan.labels.model import Purpose
from miandan.labels.print_data import ShopKey, header_of, unwrap
from miandan.labels.standards import standard
from miandan.labels.template import CustomArea, Template
from miandan.labels.template_addresses import TemplateAddress, check_template

GATEWAY: Final = "/doudian/logistics/getShopKey"
METHOD: Final = "logistics.getShopKey"
KEY_SECONDS: Final = 600
"""A key is used so long for the page, app and token that it was given to."""

_DONE: Final = 10000
_MOST_ANSWER: Final = 100_000
_MOST_TEMPLATE: Final = 4_000_000
_MOST_KEPT: Final = 64
_PARAMS = re.compile(r"[!-~]{1,6000}", re.ASCII)
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_WHY = re.compile(r"[\w.:,;+\- ]{1,120}")


class PlatformCalls:
    """One client for one agent; keys and templates are kept in memory for a while."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=10.0)
        self._keys: OrderedDict[tuple[str, ...], tuple[ShopKey, float]] = OrderedDict()
        self._templates: OrderedDict[str, Template | CustomArea] = OrderedDict()
        self._asking: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        await self._http.aclose()

    async def shop_key(self, pairing: Pairing, origin: str, params: str, print_data: str) -> ShopKey:
        """The key that opens the print data, asked for with the page's signed query as it is.

        Raises agent.component_params_wrong, agent.component_server_silent, agent.component_key_refused,
        labels.print_data_damaged, labels.shop_key_damaged.
        """
        header, whose = header_of(print_data), _whose(params)
        name = (pairing.server, pairing.agent_id, origin, *whose, header.app, header.shop, header.key)
        async with self._one_at_a_time(name):
            kept = self._keys.get(name)
            if kept is not None and kept[1] > time.monotonic():
                return kept[0]
            form = urlencode({"deviceInfo": pairing.agent_id, "cipher_text": print_data})
            url = httpx.URL(f"{pairing.server}{GATEWAY}").copy_with(query=params.encode())
            answer = _answer(await self._fetched("POST", url, form.encode(), _MOST_ANSWER))
            key = unwrap(str(answer), pairing.agent_id, pairing.opening_key)
            _keep(self._keys, name, (key, time.monotonic() + KEY_SECONDS))
            return key

    async def template(self, pairing: Pairing, url: str, carrier: str) -> Template | CustomArea:
        """A template of our own host that fits the carrier.

        Raises labels.template_not_ours, labels.template_of_other_carrier, labels.template_wrong,
        agent.component_template_missing, agent.component_server_silent.
        """
        address = check_template(url, carrier, pairing.public_url)
        async with self._one_at_a_time((address.path,)):
            kept = self._templates.get(address.path)
            if kept is None:
                kept = read_own(await self._template_file(pairing, address), standard, Purpose.PRINT_FULL)
                _keep(self._templates, address.path, kept)
            return kept

    def _one_at_a_time(self, name: tuple[str, ...]) -> asyncio.Lock:
        """So that a task of many documents asks once for what they share."""
        lock = self._asking.get(name)
        if lock is None:
            lock = self._asking[name] = asyncio.Lock()
        return lock

    async def _template_file(self, pairing: Pairing, address: TemplateAddress) -> bytes:
        status, body = await self._fetched("GET", httpx.URL(pairing.server + address.path), b"", _MOST_TEMPLATE)
        if status != httpx.codes.OK:
            raise Refusal("agent.component_template_missing", name=f"{address.name}@{address.version}", status=status)
        return body

    async def _fetched(self, method: str, url: httpx.URL, form: bytes, most: int) -> tuple[int, bytes]:
        """Status and body, no larger than `most`. Raises agent.component_server_silent."""
        try:
            async with self._http.stream(method, url, content=form, headers=_FORM if form else {}) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > most:
                        raise Refusal("agent.component_server_silent", reason=f"> {most} bytes")
                return answer.status_code, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as failed:
            raise Refusal("agent.component_server_silent", reason=type(failed).__name__) from None


def _whose(params: str) -> tuple[str, str]:
    """App and token of a query of getShopKey, in which nothing stands that is the component's to say.

    Raises agent.component_params_missing, agent.component_params_wrong.
    """
    if not params:
        raise Refusal("agent.component_params_missing")
    pairs = parse_qsl(params, keep_blank_values=True) if _PARAMS.fullmatch(params) and "#" not in params else []
    names = [name for name, _ in pairs]
    given = dict(pairs)
    if given.get("method") != METHOD or len(set(names)) != len(names) or {"deviceInfo", "cipher_text"} & set(names):
        raise Refusal("agent.component_params_wrong", method=METHOD)
    return given.get("app_key", ""), given.get("access_token", "")


def _answer(found: tuple[int, bytes]) -> Any:
    """The key in an answer of the gateway. Raises agent.component_key_refused, agent.component_server_silent."""
    status, body = found
    try:
        plain = httpx.Response(status, content=body).json()
        if plain["code"] == _DONE:
            return plain["data"]["key"]
        why = f"{plain['code']} {plain.get('sub_code', '')}"
        code = re.search(r"\[[a-z_.]{3,60}\]", str(plain.get("sub_msg", "")))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refusal("agent.component_server_silent", reason=f"HTTP {status}") from None
    why = f"{why} {code[0].strip('[]') if code else ''}".strip()
    raise Refusal("agent.component_key_refused", why=why if _WHY.fullmatch(why) else "?")


def _keep(kept: "OrderedDict[Any, Any]", name: Any, value: Any) -> None:
    kept[name] = value
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)

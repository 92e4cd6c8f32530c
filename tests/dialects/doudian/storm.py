"""Calls with planted people in every place where a client can put one, as raw HTTP: no client library logs a word."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

from miandan.vault.model import Recipient
from tests.dialects.doudian.erp import Erp, new_order_id, order, receiver, take
from tests.vault.planted import planted_words

TAKE = "logistics.newCreateOrder"
_LIST = "logistics.listShopNetsite"
GOOD = ("raw body", "query of a GET", "form", "multipart", "update", "encrypt", "range", "id")
"""Places of requests with which nothing is wrong."""

PATIENCE_SECONDS = 20.0
SHORT_SECONDS = 0.3
"""For requests that have no end, so that no answer may come."""

_serials = count(1)


class Sent(NamedTuple):
    """One request and where its person stands. `is_kept`: our books may hold that text, as an id or an article."""

    place: str
    raw: bytes
    is_kept: bool
    patience: float


def person() -> Recipient:
    """Somebody invented whose every part is found nowhere else."""
    place = next(_serials)
    return Recipient(
        f"{'欧阳司马上官夏侯诸葛'[place % 5 * 2 :][:2]}{'拾柒玖陌仟佰捌伍'[place % 7 :][:2]}{chr(0x9E80 + place)}",
        f"1937{place:03}8642",
        province="浙江省",
        city="杭州市",
        district="余杭区",
        detail=f"鹤唳坊{place}93号栖梧院{place}幢18{place:02}室",
        buyer_remark=f"请放鹤唳坊{place}号门卫老缪处再拨1947{place:03}7531",
    )


def http(verb: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    """A whole request; the connection ends with its answer."""
    lines = [f"{verb} {target} HTTP/1.1", "host: x", "connection: close", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ask(url: str, raw: bytes, patience: float = PATIENCE_SECONDS) -> bytes:
    """The body of the answer, or whatever came until the caller lost its patience and hung up."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(raw)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), patience)
    except (ConnectionError, TimeoutError):  # a body that is too large is not read to its end
        return b""
    finally:
        writer.close()
    return answer.partition(b"\r\n\r\n")[2]


@dataclass(slots=True)
class Storm:
    """An ERP and a carrier that make every mistake, and the people they make them with."""

    url: str
    people: dict[str, Recipient] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    erp: Erp = field(default_factory=lambda: Erp(cast(Any, None), cast(Any, None)))
    carrier: Erp = field(
        default_factory=lambda: Erp(
            cast(Any, None), cast(Any, None), app_key="7000000000000000002", secret="example-secret-0002"
        )
    )

    @property
    def words(self) -> dict[str, str]:
        """What must not be found anywhere but in our books, as {place: text}."""
        return {
            f"{place}: {label}": text
            for place, one in self.people.items()
            for label, text in planted_words(one).items()
        }

    @property
    def words_of_nobody(self) -> dict[str, str]:
        """What must not be found in our books either."""
        return {label: text for label, text in self.words.items() if label.partition(":")[0] not in self.kept}

    async def begin(self) -> None:
        """Both log in, and take a number to speak of."""
        self.erp.token = (await self.data(self.erp, "token.create", {"grant_type": "authorization_self"}))[
            "access_token"
        ]
        asked = {"grant_type": "authorization_self", "auth_subject_type": "WuLiuShang", "auth_id": "zto"}
        self.carrier.token = (await self.data(self.carrier, "token.create", asked))["access_token"]

    async def data(self, who: Erp, method: str, params: Mapping[str, Any]) -> Any:
        envelope = json.loads(await ask(self.url, self.post(who, method, json.dumps(params))))
        assert envelope["code"] == 10000, envelope
        return envelope["data"]

    def post(self, who: Erp, method: str, text: str, changed: Mapping[str, str] | None = None) -> bytes:
        common = who.common(method, text) | dict(changed or {})
        return http("POST", f"/doudian/{method.replace('.', '/')}?{urlencode(common)}", text.encode())

    def somebody(self, place: str, *, is_kept: bool = False) -> Recipient:
        one = self.people[place] = person()
        if is_kept:
            self.kept.add(place)
        return one

    def requests(self, number: str, order_id: str) -> Iterator[Sent]:
        """Every mistake once. `number` was taken for `order_id`, an order of another channel."""
        yield from self._good()
        yield from self._broken()
        yield from self._common()
        yield from self._of_trade(number, order_id)
        yield from self._of_carriers(number)
        yield from self._beside_the_gateway()

    def _sent(self, place: str, raw: bytes) -> Sent:
        patience = SHORT_SECONDS if place in ("no http", "chunks", "left early") else PATIENCE_SECONDS
        return Sent(place, raw, place in self.kept, patience)

    def _taking(self, place: str) -> str:
        one = self.somebody(place)
        asked = order(receiver_info=receiver(one.name, one.phone, one.detail), remark=one.buyer_remark)
        return json.dumps(take(asked, carrier="yuantong"), ensure_ascii=False)

    def _good(self) -> Iterator[Sent]:
        """Takes that succeed, in every way of sending them."""
        path = "/doudian/logistics/newCreateOrder"
        yield self._sent("raw body", self.post(self.erp, TAKE, self._taking("raw body")))
        text = self._taking("query of a GET")
        whole = self.erp.common(TAKE, text) | {"param_json": text}
        yield self._sent("query of a GET", http("GET", f"{path}?{urlencode(whole)}"))
        text = self._taking("form")
        whole = self.erp.common(TAKE, text) | {"param_json": text}
        kind = "content-type: application/x-www-form-urlencoded"
        yield self._sent("form", http("POST", path, urlencode(whole).encode(), kind))
        text = self._taking("multipart")
        part = f'--b\r\ncontent-disposition: form-data; name="param_json"\r\n\r\n{text}\r\n--b--\r\n'.encode()
        target = f"{path}?{urlencode(self.erp.common(TAKE, text))}"
        yield self._sent("multipart", http("POST", target, part, "content-type: multipart/form-data; boundary=b"))

    def _broken(self) -> Iterator[Sent]:
        """Takes whose JSON, types, signature or size are wrong."""
        yield self._sent("malformed", self.post(self.erp, TAKE, self._taking("malformed")[:-2]))
        one = self.somebody("wrong type")
        wrong = order(receiver_info=f"{one.name} {one.phone} {one.detail} {one.buyer_remark}")
        yield self._sent("wrong type", self.post(self.erp, TAKE, json.dumps(take(wrong, carrier="yuantong"))))
        one = self.somebody("wrong number")
        wrong = order(total_pack_count=one.name, pay_amount=one.phone + "0000000000", pack_id=one.detail)
        yield self._sent("wrong number", self.post(self.erp, TAKE, json.dumps(take(wrong, carrier="yuantong"))))
        yield self._sent("signature", self.post(self.erp, TAKE, self._taking("signature"), {"sign": "0" * 64}))
        body = self._taking("other alphabet").encode("gb18030")
        target = f"/doudian/logistics/newCreateOrder?{urlencode(self.erp.common(TAKE, '{}'))}"
        yield self._sent("other alphabet", http("POST", target, body))
        huge = self._taking("too large").encode() + b" " * (9 * 1024 * 1024)
        yield self._sent("too large", http("POST", target, huge))
        one = self.somebody("no place")
        asked = order(receiver_info=receiver(one.name, "", one.detail))
        asked["receiver_info"]["address"] |= {"province_name": one.name, "city_name": one.phone}
        yield self._sent("no place", self.post(self.erp, TAKE, json.dumps(take(asked, carrier="yuantong"))))

    def _common(self) -> Iterator[Sent]:
        """People where common parameters, paths and headers stand."""
        for name in ("app_key", "timestamp", "v", "sign", "sign_method", "access_token", "method", "unknown"):
            one = self.somebody(f"parameter {name}")
            changed = {name: f"{one.name}{one.phone}{one.detail}"}
            yield self._sent(f"parameter {name}", self.post(self.erp, _LIST, '{"logistics_code":""}', changed))
        one = self.somebody("method and path")
        method = f"{one.name}.{one.phone}"
        common = self.erp.common(method, "{}")
        target = f"/doudian/{quote(one.name)}/{one.phone}?{urlencode(common)}"
        yield self._sent("method and path", http("POST", target, b"{}"))
        one = self.somebody("path alone")
        yield self._sent("path alone", http("GET", f"/doudian/{quote(one.name)}/{one.phone}/{quote(one.detail)}"))
        one = self.somebody("headers")
        told = quote(one.name) + one.phone
        headers = [f"{name}: {told}" for name in ("content-type", "user-agent", "cookie", "x-open-no-old-err-code")]
        target = f"/doudian/logistics/listShopNetsite?{urlencode(self.erp.common(_LIST, '{}'))}"
        yield self._sent("headers", http("POST", target, b"{}", *headers))

    def _of_trade(self, number: str, order_id: str) -> Iterator[Sent]:
        """People in fields of other methods, where they belong and where they do not."""
        one = self.somebody("update")
        which = {"logistics_code": "yuantong", "track_no": number}
        info = receiver(one.name, one.phone, one.detail)
        yield self._call("update", "logistics.updateOrder", which | {"receiver_info": info})
        one = self.somebody("encrypt")
        texts = [(one.name, 2), (one.phone, 3), (one.detail, 1)]
        infos = [{"auth_id": order_id, "plain_text": text, "sensitive_type": kind} for text, kind in texts]
        infos = [info | {"is_support_index": True} for info in infos]
        yield self._call("encrypt", "order.batchEncrypt", {"batch_encrypt_list": infos})
        one = self.somebody("decrypt")
        infos = [{"auth_id": order_id, "cipher_text": text} for text in (one.name, one.phone, one.detail)]
        for method in ("order.batchDecrypt", "order.batchSensitive"):
            yield self._call("decrypt", method, {"cipher_infos": infos})
        asked: dict[str, Any] = {}
        one = self.somebody("index")
        infos = [{"plain_text": one.phone, "encrypt_type": 1}, {"plain_text": one.name, "encrypt_type": 2}]
        yield self._call("index", "order.BatchSearchIndex", {"plain_text_list": infos})
        for method in ("order.logisticsAdd", "order.logisticsEdit", "order.logisticsEditByPack"):
            one = self.somebody(method)
            asked = {"order_id": one.name, "logistics_code": one.phone, "company_code": one.detail, "pack_id": one.name}
            yield self._call(method, method, asked)
            yield self._call(method, method, asked | {"company_code": "yuantong"})
        one = self.somebody("track")
        for method in ("logistics.trackNoRouteDetail", "logistics.cancelOrder", "logistics.waybillApply"):
            applies = [{"logistics_code": one.name, "track_no": one.phone}]
            asked = {"logistics_code": "yuantong", "track_no": one.phone, "waybill_applies": applies}
            yield self._call("track", method, asked)
            yield self._call("track", method, asked | {"logistics_code": one.name})
        one = self.somebody("range")
        place = receiver(detail=one.detail)["address"] | {"street_name": one.name}
        asked = {"logistics_code": "yuantong", "type": 2, "receiver_address": place}
        yield self._call("range", "logistics.getOutRange", asked)
        one = self.somebody("id", is_kept=True)
        asked = order(one.phone, pack_id=None, items=[{"item_name": one.name, "item_count": 1}])
        yield self._call("id", TAKE, take(asked, carrier="yuantong"))
        one = self.somebody("order list")
        yield self._call(
            "order list", "order.searchList", {"page": 0, "size": 10, "product": one.name, "tracking_no": one.phone}
        )
        yield self._call("order list", "order.orderDetail", {"shop_order_id": one.phone})

    def _call(self, place: str, method: str, params: Mapping[str, Any]) -> Sent:
        return self._sent(place, self.post(self.erp, method, json.dumps(params, ensure_ascii=False)))

    def _of_carriers(self, number: str) -> Iterator[Sent]:
        """People in what a carrier tells: its scans name who signed."""
        one = self.somebody("scan", is_kept=True)
        trace = {
            "trace_type": "SIGN",
            "trace_sub_type": "SIGN",
            "op_time": "2026-11-26 12:00:00",
            "content": f"已签收，签收人：{one.name}，电话{one.phone}，{one.detail}",
            "reason": one.buyer_remark,
        }
        asked = {
            "cur_time": one.name,
            "company": "zhongtong",
            "trace_msgs": [{"track_no": number, "traces": [trace]}, {"track_no": "没有", "traces": [trace]}],
        }
        for params in (asked, asked | {"cur_time": "2026-11-26 12:00:00"}):
            yield self._sent("scan", self.post(self.carrier, "logistics.trackPush", json.dumps(params)))

    def _beside_the_gateway(self) -> Iterator[Sent]:
        """People where other doors stand, or no door, or no HTTP."""
        for start in ("/", "/templates/", "/api/v1/", "/health/", "/doudian"):
            one = self.somebody(f"path {start}")
            target = f"{start}{quote(one.name)}/{one.phone}?q={quote(one.detail)}"
            yield self._sent(f"path {start}", http("GET", target))
            yield self._sent(
                f"path {start}", http("POST", target, one.buyer_remark.encode(), f"authorization: Bearer {one.phone}")
            )
        one = self.somebody("no http")
        yield self._sent("no http", f"{one.phone} {one.name} SIP/9.9\r\n{one.detail}\r\n\r\n".encode())
        yield self._sent("no http", f"GET /{one.name} HTTP/1.1\r\nhost: x\r\n{one.name} {one.phone}\r\n\r\n".encode())
        one = self.somebody("chunks")
        chunked = (
            f"POST /doudian/{one.phone} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz{one.phone}\r\n"
        )
        yield self._sent("chunks", chunked.encode() + one.name.encode())
        one = self.somebody("left early")
        text = self._taking("left early")
        target = f"/doudian/logistics/newCreateOrder?{urlencode(self.erp.common(TAKE, text))}"
        yield self._sent("left early", http("POST", target, text.encode())[:-50])

    async def number(self) -> tuple[str, str]:
        """A number of an order of another channel, and that order."""
        order_id = new_order_id()
        data = await self.data(self.erp, TAKE, take(order(order_id), carrier="yuantong"))
        return data["ebill_infos"][0]["track_no"], order_id

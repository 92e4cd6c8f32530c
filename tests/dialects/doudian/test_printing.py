"""From a number to what a print component opens and prints, over real HTTP."""

import base64
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miandan.kernel.clock import now
from miandan.labels.checking import read_template
from miandan.labels.print_data import open_sealed, unwrap
from miandan.printing import service
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, Erp, order, take
from tests.printing.press import paired


async def _apply(erp: Erp, *numbers: str, carrier: str = "yuantong") -> dict[str, list[dict[str, object]]]:
    asked = [{"logistics_code": carrier, "track_no": number} for number in numbers]
    data: dict[str, list[dict[str, object]]] = await erp.ok("logistics.waybillApply", {"waybill_applies": asked})
    return data


async def test_a_paired_agent_opens_what_the_erp_was_given_and_nobody_else_does(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await erp.number(carrier="yuantong")
        [info] = (await _apply(erp, number))["waybill_infos"]
        secret = X25519PrivateKey.generate()
        public = secret.public_key().public_bytes_raw()
        hall = erp.running.hall
        agent = await paired(hall.db, MERCHANT, public, "打包台 1")
        # What an ERP hands to the print component as `params`; the component adds what only it knows, unsigned.
        params = urlencode(erp.common("logistics.getShopKey", "{}") | {"param_json": "{}"})
        beside = urlencode({"deviceInfo": str(agent.agent_id), "cipher_text": str(info["print_data"])})
        answer = await erp.http.get(f"/doudian/logistics/getShopKey?{params}&{beside}")
        wrapped = answer.json()["data"]["key"]
        key = unwrap(wrapped, str(agent.agent_id), secret.private_bytes_raw())
        platform = await service.public_key(hall.printing)
        opened = open_sealed(str(info["print_data"]), str(info["sign"]), platform, key, now())
        assert opened.label.number == number
        assert opened.label.recipient_name == "示**"
        without_agent = await erp.http.get(f"/doudian/logistics/getShopKey?{params}")
        assert without_agent.json()["code"] == 50002


async def test_print_data_of_many_numbers_fails_number_by_number_with_a_numeric_code(ground: Ground) -> None:
    async with ground.erp() as erp:
        number, gone = await erp.number(carrier="yuantong"), await erp.number(carrier="yuantong")
        await erp.ok("logistics.cancelOrder", {"logistics_code": "yuantong", "track_no": gone})
        data = await _apply(erp, number, gone, "ZT000")
        assert [one["track_no"] for one in data["waybill_infos"]] == [number]
        assert [one["track_no"] for one in data["err_infos"]] == [gone, "ZT000"]
        assert all(isinstance(one["err_code"], int) for one in data["err_infos"])
        [other] = (await _apply(erp, number, carrier="no such carrier"))["err_infos"]
        assert other["track_no"] == number


async def test_every_template_of_the_list_is_served_by_us_and_pictured(ground: Ground) -> None:
    async with ground.erp() as erp:
        data = (await erp.ok("logistics.templateList"))["template_data"]
        infos = [info for carrier in data for info in carrier["template_infos"]]
        assert {carrier["logistics_code"] for carrier in data} > {"zhongtong", "yuantong", "shunfeng"}
        assert len({info["template_code"] for info in infos}) == len(infos)
        for info in infos[:6]:
            path = str(info["template_url"]).removeprefix(erp.running.hall.public_url)
            file = await erp.http.get(path)
            assert read_template(file.content).version == info["version"]
            again = await erp.http.get(path, headers={"if-none-match": file.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        picture = await erp.http.get(str(infos[0]["perview_url"]).removeprefix(erp.running.hall.public_url))
        assert picture.content.startswith(b"\x89PNG")
        assert (await erp.http.get("/templates/zto/no-such@1.json")).status_code == 404
        assert (await erp.http.get("/templates/../../etc/passwd")).status_code == 404


async def test_lists_of_own_templates_are_empty_for_a_shop_that_has_none(ground: Ground) -> None:
    async with ground.erp() as erp:
        for method, name in (
            ("logistics.customTemplateList", "custom_template_data"),
            ("logistics.getCustomTemplateList", "custom_template_data"),
            ("logistics.getDesignTemplateList", "design_template_data"),
        ):
            assert await erp.ok(method) == {name: []}


async def test_a_bluetooth_printer_gets_its_commands_and_the_copy_is_counted(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await erp.number()
        data = (await erp.ok("logistics.templateList"))["template_data"]
        code = next(one for one in data if one["logistics_code"] == "zhongtong")["template_infos"][0]["template_code"]
        sheet = {"track_no": number, "std_template_code": code}
        asked = {"waybill_applies": [sheet, sheet | {"track_no": "ZT000"}], "cmd_type": "TSPL", "cmd_encode": "origin"}
        data = await erp.ok("logistics.fetchBluetoothCmd", asked | {"remote_print_config": {"printer_name": "QR-386"}})
        [info], [failed] = data["waybill_infos"], data["err_infos"]
        assert base64.b64decode(info["print_data"]).startswith(b"SIZE")
        assert failed["track_no"] == "ZT000"
        copies = await erp.running.hall.db.fetchval("SELECT copies FROM waybill WHERE number = $1", number)
        assert copies == 1


async def test_a_shop_prints_only_its_own_numbers(ground: Ground) -> None:
    async with ground.erp() as erp:
        data = await erp.ok("logistics.newCreateOrder", take(order(), carrier="yuantong"))
        number = data["ebill_infos"][0]["track_no"]
        db = erp.running.hall.db
        await db.execute("UPDATE waybill SET shop_id = 'another' WHERE number = $1", number)
        [refused] = (await _apply(erp, number, carrier="yuantong"))["err_infos"]
        assert "waybill.unknown" in str(refused["err_msg"])

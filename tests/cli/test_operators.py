"""An operator sets up a real installation: everything once however often it is typed, and slips are told at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from miandan.access import tokens
from miandan.access.model import Authorisation
from miandan.access.model import shop as shop_subject
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from tests.cli.keyboard import Keyboard, keyboard_of

ALREADY = "没有变化"
CONTACT, PHONE = "尹十七仓管", "19000001007"
ADDRESS = "浙江省杭州市余杭区仓前街道示例路100号1号仓"
SENDER = ("--contact", CONTACT, "--phone", PHONE, "--address", ADDRESS)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Keyboard:
    return keyboard_of(database_url, tmp_path)


def register(desk: Keyboard) -> str:
    """A merchant with a shop."""
    merchant = desk.ok("merchants", "add", "示例百货有限公司", "--applicant", "enterprise")
    desk.ok("shops", "add", "S1", "--merchant", merchant, "--name", "示例店", "--platform", "own", "--type", "flagship")
    return merchant


def supply_branch(desk: Keyboard) -> None:
    """An office with 1,000 numbers and 1,000 units."""
    desk.ok("branches", "add", "中通", "57100", "--name", "余杭示例网点")
    desk.ok("branches", "segment", "中通", "57100", "73000000000001", "73000000001000")
    desk.ok("branches", "stock", "中通", "57100", "1000", "--entry", "RK-1")


def open_account(desk: Keyboard, merchant: str, *options: str) -> str:
    """An account that may take numbers."""
    wish = ("--merchant", merchant, "--carrier", "zto", "--branch", "57100")
    application = desk.ok("accounts", "apply", *wish, *SENDER)
    return desk.ok("accounts", "approve", application, "--carrier-reads", *options)


def set_up(desk: Keyboard) -> dict[str, Any]:
    """A whole set-up, and what there is afterwards."""
    merchant = register(desk)
    supply_branch(desk)
    account = open_account(desk, merchant)
    desk.ok("accounts", "recharge", account, "500", "--entry", "CZ-1")
    return {
        "merchants": desk.rows("merchants", "list"),
        "merchant": desk.rows("merchants", "show", merchant),
        "shops": desk.rows("shops", "list"),
        "branches": desk.rows("branches", "list"),
        "applications": desk.rows("accounts", "applications"),
        "account": desk.rows("accounts", "show", account),
    }


def test_a_set_up_that_is_typed_twice_is_there_once(desk: Keyboard) -> None:
    first = set_up(desk)
    assert set_up(desk) == first
    assert [len(first[kind]) for kind in ("merchants", "shops", "branches", "applications")] == [1, 1, 1, 1]
    (branch,) = first["branches"]
    assert (branch["stock"], branch["sold"], branch["received"]) == (500, 500, 1000)
    assert branch["pools"] == {"standard": {"loaded": 1000, "left": 1000}}
    assert (first["account"]["available"], first["account"]["received"]) == (500, 500)
    (account,) = first["merchant"]["accounts"]
    assert account["account"] == first["account"]["account"] == first["applications"][0]["account"]
    assert isinstance(first["merchant"]["merchant_id"], str)


def test_every_repeat_says_that_it_changed_nothing(desk: Keyboard) -> None:
    merchant = register(desk)
    supply_branch(desk)
    application = desk.ok("accounts", "apply", "--merchant", merchant, "--carrier", "zto", "--branch", "57100", *SENDER)
    account = desk.ok("accounts", "approve", application)
    shop = ("S1", "--merchant", merchant, "--name", "示例店", "--platform", "own", "--type", "flagship")
    desk.ok("accounts", "recharge", account, "100", "--entry", "CZ-1")
    desk.ok("accounts", "reclaim", account, "10", "--entry", "CZ-1")  # a key counts for its own kind of entry
    desk.ok("branches", "give-back", "zto", "57100", "10", "--entry", "RK-1")
    desk.ok("accounts", "full-label", account, "--by", "clerk-1")
    for again in (
        ("merchants", "add", "示例百货有限公司", "--applicant", "enterprise"),
        ("shops", "add", *shop),
        ("branches", "add", "ZTO", "57100", "--name", "余杭示例网点"),
        ("branches", "segment", "zto", "57100", "73000000000001", "73000000001000"),
        ("branches", "stock", "zto", "57100", "1000", "--entry", " RK-1 "),
        ("branches", "give-back", "zto", "57100", "10", "--entry", "RK-1"),
        ("accounts", "apply", "--merchant", merchant, "--carrier", "中通快递", "--branch", "57100", *SENDER),
        ("accounts", "approve", application),
        ("accounts", "recharge", account, "100", "--entry", "CZ-1"),
        ("accounts", "reclaim", account, "10", "--entry", "CZ-1"),
        ("accounts", "full-label", account, "--by", "clerk-2"),
        ("accounts", "resume", account),
    ):
        done = desk.run(*again)
        assert (done.code, ALREADY in done.err) == (0, True), (again, done.err)
    shown = desk.rows("accounts", "show", account)
    assert (shown["available"], shown["full_label_by"]) == (90, "clerk-1")
    assert desk.rows("branches", "list", "zto")[0]["stock"] == 1000 - 100 + 10 - 10


def test_what_contradicts_what_is_there_is_refused_and_changes_nothing(desk: Keyboard) -> None:
    before = set_up(desk)
    merchant, account = before["merchant"]["merchant_id"], before["account"]["account"]
    shop = ("--name", "示例店", "--platform", "own", "--type")
    for arguments, code in (
        (("merchants", "add", "别家", "--applicant", "enterprise", "--id", merchant), "merchant.exists"),
        (("shops", "add", "S1", "--merchant", merchant, *shop, "enterprise"), "shop.exists"),
        (("branches", "add", "zto", "57100", "--name", "别的网点"), "branch.exists"),
        (("branches", "segment", "zto", "57100", "73000000000001", "73000000000999"), "segment.overlaps"),
        (("branches", "stock", "zto", "57100", "1001", "--entry", "RK-1"), "stock.entry_reused"),
        (("accounts", "recharge", account, "501", "--entry", "CZ-1"), "stock.entry_reused"),
        (("accounts", "recharge", account, "501", "--entry", "CZ-2"), "stock.short"),
        (("accounts", "reject", before["applications"][0]["application"], "--reason", "晚了"), "application.decided"),
        (("accounts", "limit", account, "5"), "account.not_monthly"),
    ):
        done = desk.run(*arguments)
        assert (done.code, done.error_code) == (1, code), (arguments, done.err)
    assert "RK-1" in desk.run("branches", "stock", "zto", "57100", "1001", "--entry", "RK-1").zh
    assert set_up(desk) == before


def test_slips_of_the_keyboard_are_told_in_words_and_write_nothing(desk: Keyboard) -> None:
    merchant = register(desk)
    desk.ok("branches", "add", "zto", "57100", "--name", "余杭示例网点")
    shop = ("--name", "店", "--platform", "own", "--type", "flagship")
    segment = ("branches", "segment", "zto", "57100")
    apply = ("accounts", "apply", "--merchant", merchant, "--carrier", "zto", "--branch", "57100")
    nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
    for arguments, code in (
        (("merchants", "add", "  ", "--applicant", "enterprise"), "setup.name_missing"),
        (("merchants", "add", "两行\n", "--applicant", "company"), "merchant.applicant_unknown"),
        (("merchants", "add", "名", "--applicant", "enterprise", "--id", "12a"), "merchant.id_malformed"),
        (("merchants", "show", "77"), "merchant.unknown"),
        (("shops", "add", "S 1", "--merchant", merchant, *shop), "setup.id_malformed"),
        (("shops", "add", "S/1", "--merchant", merchant, *shop), "setup.id_malformed"),
        (("shops", "add", "S2", "--merchant", "77", *shop), "merchant.unknown"),
        (("shops", "add", "S2", "--merchant", merchant, *shop[:3], "douyin", *shop[4:]), "setup.choice"),
        (("shops", "add", "S2", "--merchant", merchant, *shop[:5], "flagshp"), "shop.type_not_open"),
        (("shops", "close", "S2", "--merchant", merchant), "shop.unknown"),
        (("shops", "close", "S1", "--merchant", merchant, "--by", "张三"), "doubts.who"),
        (("branches", "add", "没有快递", "1", "--name", "网点"), "carrier.unknown"),
        (("branches", "list", "没有快递"), "carrier.unknown"),
        ((*segment, "73000000000001", "7300000000100"), "setup.number_malformed"),  # a digit is missing
        ((*segment, "3000000000001", "3000000001000"), "setup.number_malformed"),  # serials
        ((*segment, "73000000001000", "73000000000001"), "segment.outside_rule"),
        ((*segment, "73000000000001", "7300000000100O"), "setup.number_malformed"),
        ((*segment, "73000000000001", "73000000010000", "--count", "1000"), "setup.count_differs"),
        ((*segment, "73000000000001", "73000000001000", "--kind", "sandbox"), "setup.choice"),
        (("branches", "segment", "zto", "57101", "73000000000001", "73000000001000"), "branch.unknown"),
        (("branches", "segment", "zto_intl", "-", "1", "2"), "carrier.no_rule"),
        (("branches", "numbers", "zto", "57100", "nowhere.txt"), "setup.file_unreadable"),
        (("branches", "stock", "zto", "57100", "10", "--entry", " "), "setup.entry_missing"),
        (("branches", "stock", "zto", "57100", "0", "--entry", "K"), "units.not_positive"),
        (("branches", "routes", "zto", "nowhere.csv"), "setup.file_unreadable"),
        (apply, "setup.sender_which"),
        ((*apply, "--contact", CONTACT, "--sender-file", "sender.toml"), "setup.sender_which"),
        ((*apply, "--contact", CONTACT, "--phone", PHONE), "setup.sender_place"),
        ((*apply, "--contact", CONTACT, "--address", ADDRESS), "setup.sender_field"),
        ((*apply, *SENDER[:3], "123", *SENDER[4:]), "setup.sender_field"),
        ((*apply, *SENDER[:5], "浙江省杭州市示例路100号"), "setup.sender_place"),
        ((*apply, *SENDER[:5], "示例路100号"), "setup.sender_place"),
        ((*apply, *SENDER, "--billing", "free"), "setup.choice"),
        ((*apply[:6], *SENDER), "application.branch_missing"),
        (("accounts", "apply", "--merchant", merchant, "--carrier", "丰网", *SENDER), "carrier.retired"),
        (("accounts", "approve", "no-uuid"), "application.unknown"),
        (("accounts", "approve", nobody), "application.unknown"),
        (("accounts", "reject", nobody, "--reason", " "), "application.reason_missing"),
        (("accounts", "recharge", "no-uuid", "1", "--entry", "K"), "account.unknown"),
        (("accounts", "show", nobody), "account.unknown"),
        (("accounts", "list", "--merchant", "77"), "merchant.unknown"),
        (("supply", "accept", "no-uuid"), "supply.unknown"),
        (("supply", "end", nobody), "supply.unknown"),
        (("shares", "revoke", nobody), "share.unknown"),
        (("shares", "grant", nobody, "--to", merchant, "--units", "1", "--entry", "K"), "account.unknown"),
        (("templates", "offer", "no-such", "--merchant", merchant), "labels.template_unknown"),
        (("templates", "withdraw", "no-such", "--merchant", merchant), "printing.template_gone"),
    ):
        done = desk.run(*arguments)
        assert (done.code, done.error_code) == (1, code), (arguments, done.err)
        assert CONTACT not in done.err + done.out
        assert PHONE not in done.err + done.out
    assert desk.rows("accounts", "applications") == []
    assert [row["pool_loaded"] for row in desk.rows("branches", "list")] == [0]


def test_nothing_is_set_up_without_a_passphrase_and_the_demo_keeps_out(desk: Keyboard) -> None:
    without = Keyboard(desk.folder, desk.environment | {"MIANDAN_PASSPHRASE": ""})
    assert without.run("merchants", "add", "商家", "--applicant", "enterprise").error_code == "vault.passphrase_missing"
    assert without.rows("merchants", "list") == []
    short = Keyboard(desk.folder, desk.environment | {"MIANDAN_PASSPHRASE": "short"})
    assert short.run("merchants", "add", "商家", "--applicant", "enterprise").error_code == "vault.passphrase_short"
    register(desk)
    for keyboard in (desk, without):
        assert keyboard.run("demo").error_code == "demo.real_data"


def test_another_data_folder_on_the_same_database_is_noticed_at_the_first_command(desk: Keyboard) -> None:
    register(desk)
    elsewhere = Keyboard(desk.folder, desk.environment | {"MIANDAN_DATA": str(desk.folder / "mistyped")})
    assert elsewhere.run("merchants", "add", "商家", "--applicant", "enterprise").code == 1
    assert len(desk.rows("merchants", "list")) == 1


def test_a_closed_shop_lets_no_app_act_for_it(desk: Keyboard) -> None:
    merchant = register(desk)
    desk.ok("apps", "add", "自家打单", "--kind", "self_use", "--merchant", merchant, "--shop", "S1")
    assert [one.revoked_at for one in authorisations(desk, merchant)] == [None]
    done = desk.run("shops", "close", "S1", "--merchant", merchant, "--by", "clerk-1")
    assert "撤销授权 1 个" in done.err
    (revoked,) = authorisations(desk, merchant)
    assert revoked.revoked_by == "clerk-1"
    assert desk.rows("shops", "list") == []
    again = desk.run("shops", "close", "S1", "--merchant", merchant)
    assert (again.code, "早已关闭" in again.err, "撤销授权 0 个" in again.err) == (0, True, True)
    assert "重新开店" in desk.run(
        "shops", "add", "S1", "--merchant", merchant, "--name", "店", "--platform", "own", "--type", "flagship"
    ).err  # fmt: skip
    assert [one.revoked_at for one in authorisations(desk, merchant)] == [revoked.revoked_at]


def authorisations(desk: Keyboard, merchant: str) -> list[Authorisation]:
    async def read() -> list[Authorisation]:
        async with open_database(Settings.from_environment(desk.environment)) as db:
            return await tokens.authorisations_of_subject(db, shop_subject(int(merchant), "S1"))

    return asyncio.run(read())


def test_a_shop_id_that_two_merchants_have_is_pointed_out(desk: Keyboard) -> None:
    register(desk)
    other = desk.ok("merchants", "add", "别家有限公司", "--applicant", "enterprise")
    shop = ("--merchant", other, "--name", "别家店", "--platform", "jd", "--type", "flagship")
    assert "belongs to another merchant" in desk.run("shops", "add", "S1", *shop).err
    assert "belongs to another" not in desk.run("shops", "add", "S2", *shop).err

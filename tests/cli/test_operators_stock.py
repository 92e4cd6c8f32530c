"""Numbers, units, route tables, accounts, shares and templates at an operator's keyboard, in less common turns."""

from pathlib import Path

import pytest

from tests.cli.keyboard import Keyboard, keyboard_of
from tests.cli.test_operators import ADDRESS, ALREADY, CONTACT, PHONE, SENDER, open_account, register, supply_branch

ROUTES = "区划前缀,三段码,大头笔,集包地\n3205,310-A02-015,苏州,苏州集包\n4403,755-B01-002,深圳,深圳集包\n"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Keyboard:
    return keyboard_of(database_url, tmp_path)


def test_a_list_of_numbers_is_loaded_once_whatever_its_encoding_and_head(desk: Keyboard) -> None:
    desk.ok("branches", "add", "中通国际", "-", "--name", "中通国际总部")
    numbers = [f"ZTI{serial:012d}" for serial in range(1, 41)]
    (desk.folder / "list.csv").write_text("单号,备注\n" + "".join(f"{one},件\n" for one in numbers), encoding="gb18030")
    (desk.folder / "list.txt").write_text("\n".join(numbers[::-1]).lower() + "\n\n", encoding="utf-8-sig")
    assert ALREADY not in desk.run("branches", "numbers", "zto_intl", "-", "list.csv").err
    assert ALREADY in desk.run("branches", "numbers", "zto_intl", "-", "list.txt").err
    (desk.folder / "more.txt").write_text("\n".join([*numbers[:5], "ZTI000000000099"]))
    done = desk.run("branches", "numbers", "zto_intl", "-", "more.txt")
    assert (done.code, done.error_code) == (1, "list.number_twice")
    assert "5 of 6" in done.err
    (desk.folder / "empty.txt").write_text("单号\n")
    assert desk.run("branches", "numbers", "zto_intl", "-", "empty.txt").error_code == "list.empty"
    (branch,) = desk.rows("branches", "list", "中通国际")
    assert (branch["branch"], branch["pools"]) == ("", {"list": {"loaded": 40, "left": 40}})


def test_a_route_table_gets_a_new_version_only_when_it_says_something_new(desk: Keyboard) -> None:
    desk.ok("branches", "add", "zto", "57100", "--name", "余杭示例网点")
    (desk.folder / "routes.csv").write_text(ROUTES)
    rows = [line.split(",") for line in ROUTES.splitlines()[:0:-1]]
    toml = "".join(
        f'[[route]]\nprefix = "{a}"\nsort_code = "{b}"\nbig_mark = "{c}"\nbag_centre = "{d}"\n' for a, b, c, d in rows
    )
    (desk.folder / "routes.toml").write_text(toml)
    (desk.folder / "changed.csv").write_text(ROUTES.replace("苏州,", "吴中,"))
    said = [
        desk.run("branches", "routes", "zto", *arguments).err
        for arguments in (
            ("routes.csv",),
            ("routes.toml",),
            ("changed.csv", "--from", "2099-01-01"),
            ("routes.csv", "--from", "2098-12-31"),
            ("changed.csv", "--from", "2099-02-01"),
            ("routes.csv", "--from", "2099-02-01"),
        )
    ]
    versions = [line.partition("路由表第 ")[2].partition(" 版")[0] for line in said]
    assert versions == ["1", "1", "2", "1", "2", "3"]
    assert [ALREADY in line for line in said] == [False, True, False, True, True, False]
    assert desk.rows("branches", "list")[0]["route_table"] == "1"
    (desk.folder / "half.csv").write_text(ROUTES.replace("大头笔", "笔"))
    assert desk.run("branches", "routes", "zto", "half.csv").error_code == "route.columns_missing"


def test_an_account_is_stopped_limited_and_given_senders(desk: Keyboard) -> None:
    merchant = register(desk)
    desk.ok("branches", "add", "邮政", "-", "--name", "邮政总部")
    wish = ("accounts", "apply", "--merchant", merchant, "--carrier", "邮政", "--settlement", "YJ-1", *SENDER)
    application = desk.ok(*wish)
    account = desk.ok("accounts", "approve", application, "--limit", "100")
    assert "takes stop" in desk.run("accounts", "approve", application).err
    assert desk.rows("accounts", "list")[0]["label"] == "停 stopped"
    desk.ok("accounts", "carrier-reads", account)
    desk.ok("accounts", "limit", account, "50")
    desk.ok("accounts", "suspend", account, "--reason", "欠款核对中")
    shown = desk.rows("accounts", "show", account)
    facts = ("billing", "settlement", "state", "state_reason", "unit_limit", "carrier_reads")
    assert [shown[fact] for fact in facts] == ["monthly", "YJ-1", "suspended", "欠款核对中", 50, True]
    assert ALREADY not in desk.run("accounts", "resume", account).err
    desk.ok("accounts", "no-limit", account)
    assert desk.rows("accounts", "show", account)["unit_limit"] is None
    second = desk.ok("accounts", "add-sender", account, *SENDER[:5], "浙江省杭州市滨江区示例路2号")
    assert desk.ok("accounts", "add-sender", account, *SENDER[:5], "浙江省杭州市滨江区示例路2号") == second
    assert [row["sender"] for row in desk.rows("accounts", "show", account)["senders"]][1:] == [second]
    desk.ok("accounts", "withdraw-sender", account, second)
    assert desk.run("accounts", "withdraw-sender", account, second).error_code == "account.sender_unknown"
    done = desk.run("accounts", "recharge", account, "1", "--entry", "K")
    assert (done.code, done.error_code) == (1, "account.monthly")


def test_a_rejected_merchant_applies_again_and_another_address_is_another_application(desk: Keyboard) -> None:
    merchant = register(desk)
    supply_branch(desk)
    wish = ("accounts", "apply", "--merchant", merchant, "--carrier", "zto", "--branch", "57100")
    first = desk.ok(*wish, *SENDER)
    elsewhere = (*SENDER[:5], "浙江省杭州市滨江区示例路2号")
    assert desk.run(*wish, *elsewhere).error_code == "application.undecided"
    desk.ok("accounts", "reject", first, "--reason", "地址不在服务范围")
    assert ALREADY in desk.run("accounts", "reject", first, "--reason", "地址不在服务范围").err
    assert desk.run("accounts", "approve", first).error_code == "application.decided"
    second = desk.ok(*wish, *SENDER)
    assert second != first
    account = desk.ok("accounts", "approve", second)
    third = desk.ok(*wish, *elsewhere)
    assert desk.ok("accounts", "approve", third) == account
    assert len(desk.rows("accounts", "show", account)["senders"]) == 2
    assert [row["state"] for row in desk.rows("accounts", "applications")] == ["rejected", "approved", "approved"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ('adress = "浙江省杭州市余杭区示例路1号"', "setup.sender_field"),
        ("address = 5", "setup.sender_field"),
        ('province = "浙江"\ncity = "苏州"\ndistrict = "余杭"\ndetail = "示例路1号"', "setup.sender_place"),
        ('address = "浙江省杭州市余杭区示例路1号"\ncity = "杭州"', "setup.sender_place"),
        ("", "setup.sender_place"),
        ("address = [", "setup.file_unreadable"),
        ('[other]\naddress = "1"', "setup.file_unreadable"),
    ],
)
def test_a_sender_file_with_a_slip_is_refused_without_its_person(desk: Keyboard, fields: str, code: str) -> None:
    person = '[[sender]]\ncontact = "甲仓"\nphone = "0571-88880000"\n'
    (desk.folder / "sender.toml").write_text(person + fields)
    wish = ("--merchant", "1", "--carrier", "zto", "--branch", "57100")
    done = desk.run("accounts", "apply", *wish, "--sender-file", "sender.toml")
    assert (done.code, done.error_code) == (1, code)
    assert "甲仓" not in done.err
    assert "88880000" not in done.err


def test_a_sender_file_may_write_an_address_either_way_and_lists_show_no_person(desk: Keyboard) -> None:
    merchant = register(desk)
    supply_branch(desk)
    account = open_account(desk, merchant)
    levels = 'province = "浙江"\ncity = "杭州"\ndistrict = "余杭"\ndetail = "仓前街道示例路100号1号仓"\n'
    person = f'contact = "{CONTACT}"\nphone = "{PHONE}"\n'
    (desk.folder / "sender.toml").write_text(
        f"[[sender]]\n{person}{levels}\n[[sender]]\n{person}address = '{ADDRESS}'\n"
    )
    done = desk.run("accounts", "add-sender", account, "--sender-file", "sender.toml")
    assert "新增 new 0，早已有 there already 1" in done.err
    for arguments in (("show", account), ("list",), ("applications",), ("show", account, "--json")):
        answer = desk.run("accounts", *arguments)
        assert CONTACT not in answer.out + answer.err
        assert PHONE not in answer.out + answer.err


def test_a_supply_relation_and_a_share_go_their_way_once(desk: Keyboard) -> None:
    seller = register(desk)
    supplier = desk.ok("merchants", "add", "示例工厂", "--applicant", "individual_business")
    supply_branch(desk)
    account = open_account(desk, seller)
    desk.ok("accounts", "recharge", account, "500", "--entry", "CZ-1")
    wish = ("supply", "propose", "--seller", seller, "--shop", "S1", "--supplier", supplier, "--asked-by", "supplier")
    relation = desk.ok(*wish, "--evidence", "HT-1", "--by", "clerk-1")
    assert desk.ok(*wish, "--evidence", "HT-1") == relation
    assert desk.run(*wish, "--evidence", "HT-2").error_code == "supply.exists"
    without_shop = [word for word in wish if word not in ("--shop", "S1")]
    refused = desk.run(*without_shop, "--evidence", "HT-1")
    assert refused.error_code == "setup.shop_needed"
    assert "S1" in refused.err
    desk.ok("supply", "accept", relation, "--by", "clerk-2")
    assert ALREADY in desk.run("supply", "accept", relation, "--by", "clerk-3").err
    (row,) = desk.rows("supply", "list", "--merchant", supplier)
    assert [row[fact] for fact in ("state", "asked_by", "stated_by", "accepted_by")] == [
        "active", "supplier", "clerk-1", "clerk-2",
    ]  # fmt: skip
    desk.ok("supply", "end", relation, "--by", "clerk-1")
    assert ALREADY in desk.run("supply", "end", relation).err
    assert desk.run("supply", "accept", relation).error_code == "supply.ended"

    lend = ("shares", "grant", account, "--to", supplier, "--units", "100", "--entry", "GX-1")
    grant = desk.ok(*lend)
    assert desk.ok(*lend) == grant
    assert desk.run(*lend[:6], "101", *lend[7:]).error_code == "share.grant_reused"
    assert desk.rows("accounts", "show", account)["available"] == 400
    (shared,) = desk.rows("accounts", "list", "--merchant", supplier)
    assert (shared["shared_by"], shared["available"]) == (seller, 100)
    assert len(desk.rows("accounts", "show", shared["account"])["senders"]) == 1
    desk.ok("shares", "revoke", grant)
    assert ALREADY in desk.run("shares", "revoke", grant).err
    desk.ok("jobs")
    (row,) = desk.rows("shares", "list")
    assert (row["state"], row["returned"]) == ("revoked", 100)
    assert desk.rows("accounts", "show", account)["available"] == 500


def test_a_template_is_offered_once_and_withdrawn_once(desk: Keyboard) -> None:
    merchant = register(desk)
    (desk.folder / "my.json").write_text(desk.ok("templates", "show", "zto-76x130"), encoding="utf-8")
    desk.ok("templates", "import", "my.json", "--name", "my-shop")
    offer = ("templates", "offer", "my-shop", "--merchant", merchant)
    assert [ALREADY in desk.run(*offer).err for _ in range(2)] == [False, True]
    (row,) = desk.rows("templates", "offered", "--merchant", merchant)
    assert (row["name"], row["version"], row["carrier"]) == ("my-shop", "1", "zto")
    withdraw = ("templates", "withdraw", "my-shop", "--merchant", merchant)
    assert [ALREADY in desk.run(*withdraw).err for _ in range(2)] == [False, True]
    assert desk.rows("templates", "offered", "--merchant", merchant) == []
    assert ALREADY not in desk.run(*offer).err
    assert desk.run("templates", "offer", "zto-76x130", "--merchant", merchant).error_code == "labels.template_locked"


def test_tables_are_aligned_although_characters_differ_in_width(desk: Keyboard) -> None:
    from rich.cells import cell_len

    register(desk)
    desk.ok("merchants", "add", "Plain Ltd", "--applicant", "individual_business", "--id", "7")
    head, *lines = desk.ok("merchants", "list").splitlines()
    starts = {cell_len(line[: line.index(name)]) for line, name in zip(lines, ("示例百货", "Plain"), strict=True)}
    assert starts == {cell_len(head[: head.index("名称")])}

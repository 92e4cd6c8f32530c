"""What is found without asking the network. The folders stand in for /dev and /sys; CUPS is a real one."""

import tomllib
from pathlib import Path

from miandan.agent.printers.configured import configured
from miandan.agent.printers.discovery import device_id, discovered, serial_lines, usb_devices
from miandan.agent.printers.ipp.transport import Server
from miandan.agent.printers.model import Driver, State
from miandan.labels.printers.profile import Language
from tests.labels.public_judges import CUPSD, LPADMIN, needs, running_cups


def machine(tmp_path: Path) -> tuple[Path, Path]:
    dev, sys_ = tmp_path / "dev", tmp_path / "sys"
    (dev / "usb").mkdir(parents=True)
    (dev / "serial" / "by-id").mkdir(parents=True)
    (dev / "usb" / "lp0").touch()
    (dev / "usb" / "lp1").touch()
    (dev / "ttyUSB0").touch()
    (dev / "ttyUSB1").touch()
    (dev / "ttyS0").touch()
    (dev / "serial" / "by-id" / "usb-Prolific_x").symlink_to(dev / "ttyUSB0")
    about = sys_ / "class" / "usbmisc" / "lp0" / "device"
    about.mkdir(parents=True)
    (about / "ieee1284_id").write_text('MANUFACTURER:Gprinter "x";COMMAND SET:TSPL,EPL;MODEL:GP-1324D;CLASS:PRINTER;\n')
    return dev, sys_


def test_a_usb_printer_says_who_it_is_and_what_it_speaks(tmp_path: Path) -> None:
    first, second = usb_devices(*machine(tmp_path))
    assert (first.what, first.language) == ('Gprinter "x" GP-1324D', Language.TSPL)
    assert (second.what, second.language) == ("", None)
    (section,) = tomllib.loads(first.section)["printer"]
    assert section["profile"] == "tspl-203"


def test_a_serial_line_is_found_once_and_by_the_name_that_stays(tmp_path: Path) -> None:
    dev, _ = machine(tmp_path)
    assert [Path(one.address).name for one in serial_lines(dev)] == ["usb-Prolific_x", "ttyUSB1"]


def test_device_ids_of_any_kind_are_read() -> None:
    assert device_id("MFG:Zebra;CMD:ZPL;MDL:ZD420") == {"MFG": "Zebra", "CMD": "ZPL", "MDL": "ZD420"}
    assert device_id("") == {}
    assert device_id(";;:;x") == {}


async def test_queues_of_cups_are_found_and_what_is_proposed_can_be_written_into_the_file(tmp_path: Path) -> None:
    dev, sys_ = machine(tmp_path)
    needs(CUPSD, LPADMIN)
    with running_cups() as cups:
        cups.run(LPADMIN, "-p", "label", "-E", "-v", "socket://127.0.0.1:9/", "-D", '打包台 "1"\\')
        found = await discovered(Server(socket=cups.folder / "socket"), dev, sys_)
    assert [one.driver for one in found] == [Driver.CUPS, *[Driver.USBLP] * 2, *[Driver.SERIAL] * 2]
    assert (found[0].what, found[0].condition.state) == ('打包台 "1"\\', State.READY)
    file = tmp_path / "printers.toml"
    file.write_text("\n".join(one.section for one in found), encoding="utf-8")
    assert next((one.driver, one.own) for one in configured(file)) == (Driver.CUPS, {"queue": "label"})


async def test_a_machine_with_nothing_has_nothing(tmp_path: Path) -> None:
    assert await discovered(Server(socket=tmp_path / "none"), tmp_path, tmp_path) == []

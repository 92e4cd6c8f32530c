"""docs/operators.md, typed from top to bottom by somebody in an empty folder: a real shell and the real program."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.clerk import PROGRAM
from tests.docs.pages import fenced, read
from tests.docs.raised import ROOT

PAGE = read(ROOT / "docs" / "operators.md")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
AGAIN = "再运行一次"


@pytest.mark.skipif(shutil.which("bash") is None, reason="the page is written for bash")
def test_every_block_of_the_page_works_in_order_in_an_empty_folder(database_url: str, tmp_path: Path) -> None:
    """Some twenty-five runs of the program, so it takes a while."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("MIANDAN_")}
    environment = others | {"MIANDAN_DATABASE_URL": database_url, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    script = "set -euo pipefail\n" + "".join(f"{block}echo '=== {place}' >&2\n" for place, block in enumerate(BLOCKS))
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, timeout=600)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    report = (tmp_path / "report.csv").read_text(encoding="utf-8-sig").splitlines()
    assert sum("73000000000" in line for line in report) == 2
    assert (tmp_path / "labels.pdf").read_bytes().count(b"/Type/Page/") == 2
    assert json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))["ok"] is True
    assert "没有变化" not in said.partition(_mark_before_again())[0]
    again = said.partition(_mark_before_again())[2].partition("===")[0]
    assert again.count("没有变化") == 6
    assert "可用 available 498，累计充值 received 500" in again


def _mark_before_again() -> str:
    """What the script says when the block under "once more" begins."""
    first = PAGE.partition(AGAIN)[2].partition("```bash\n")[2].partition("```")[0]
    return f"=== {BLOCKS.index(first) - 1}\n"


def test_the_page_holds_no_block_that_is_not_run() -> None:
    assert len(BLOCKS) >= 9
    assert sum(block.count("\n") for block in BLOCKS) == len([line for line in fenced(PAGE) if line])

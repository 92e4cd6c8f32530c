"""Writing the file: complete or untouched, whatever the disk says; a wrong template says where."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.checking import read_template
from miandan.labels.model import LabelData
from miandan.labels.pdf import write_pdf
from tests.labels.sheets import ORDINARY

REPOSITORY = Path(__file__).resolve().parents[2]

# Files may not grow beyond 20 kB in this process: for the writer the same as a disk that fills up.
ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from miandan.kernel.errors import Refusal
from miandan.labels.pdf import write_pdf
from tests.labels.sheets import ORDINARY
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_pdf([ORDINARY] * 500, Path(sys.argv[1]))
except Refusal as refused:
    sys.stdout.write(refused.code)
"""


def refusal_of(path: Path, labels: list[LabelData] | Iterator[LabelData]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        write_pdf(labels, path)
    return refused.value


def test_a_full_disk_leaves_the_former_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "labels.pdf"
    path.write_bytes(b"labels of yesterday")
    program = [sys.executable, "-c", ON_A_FULL_DISK, str(path)]
    answer = subprocess.run(program, cwd=REPOSITORY, capture_output=True, check=True, timeout=60)
    assert answer.stdout == b"labels.disk_full"
    assert path.read_bytes() == b"labels of yesterday"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_refused_with_the_next_step() -> None:
    refused = refusal_of(Path("/dev/full"), [ORDINARY])
    assert refused.code == "labels.disk_full"
    assert "full" in refused.zh
    assert "--out" in refused.next_zh


def test_a_failing_source_leaves_the_former_file_whole(tmp_path: Path) -> None:
    def labels() -> Iterator[LabelData]:
        yield ORDINARY
        raise RuntimeError("the source broke")

    path = tmp_path / "labels.pdf"
    path.write_bytes(b"labels of yesterday")
    with pytest.raises(RuntimeError):
        write_pdf(labels(), path)
    assert path.read_bytes() == b"labels of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing_is_named_with_the_reason(tmp_path: Path) -> None:
    refused = refusal_of(tmp_path / "missing" / "labels.pdf", [ORDINARY])
    assert refused.code == "labels.not_writable"
    assert refused.fields["file"] == "labels.pdf"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal_of(tmp_path, [ORDINARY]).code == "labels.not_writable"


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    link, real = tmp_path / "labels.pdf", tmp_path / "real.pdf"
    real.write_bytes(b"")
    link.symlink_to(real)
    write_pdf([ORDINARY], link)
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"%PDF-")


def test_no_label_leaves_no_file(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "labels.pdf", []).code == "labels.nothing_to_print"
    assert list(tmp_path.iterdir()) == []


PAGE = '{{"name": "t", "version": 1, "width": 20000, "height": 20000, "nodes": [{}]}}'
TEXT = (
    '{{"type": "text", "box": {{"x": 1, "y": 1, "w": 5000, "h": {}}}, "size": 2000,'
    ' "value": [{{"of": "field", "path": "{}"}}]}}'
)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        (TEXT.format(1.5, "goods"), "$.nodes[0].box.h"),
        (TEXT.format(-1, "goods"), "$.nodes[0].box.h"),
        ('{"type": "circle"}', "$.nodes[0].type"),
        (TEXT.format(5000, "goods").replace('"size": 2000,', ""), "`size`"),
        (TEXT.format(5000, "goods").replace('"size"', '"colour"'), "`colour`"),
        ("nonsense", "no valid JSON"),
        (TEXT.format(5000, "buyer"), "$.nodes[0].value[0].path there is no field buyer"),
    ],
)
def test_a_wrong_template_is_refused_with_its_place(nodes: str, told: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_template(PAGE.format(nodes))
    assert refused.value.code == "labels.template_wrong"
    assert told in refused.value.en

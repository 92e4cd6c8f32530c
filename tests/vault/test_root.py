"""The root key's file: opened by its passphrase only, never replaced, readable by its owner only."""

import json
import stat
import threading
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.vault.root import KEY_FILE, SANDBOX_PASSPHRASE_FILE, FileRootKey, open_root_key

PASSPHRASE = "four words nobody knows"
CHEAP = 1 << 10


def refusal_of(path: Path, passphrase: str) -> str:
    with pytest.raises(Refusal) as refusal:
        FileRootKey.open(path, passphrase)
    assert passphrase not in str(refusal.value)
    return refusal.value.code


def test_what_one_program_wraps_another_unwraps(tmp_path: Path) -> None:
    path = tmp_path / "deep" / KEY_FILE
    wrapped = FileRootKey.create(path, PASSPHRASE).wrap(b"k" * 32, b"merchant 1")
    again = FileRootKey.open(path, PASSPHRASE)
    assert again.unwrap(wrapped, b"merchant 1", 1) == b"k" * 32
    for context, version in ((b"merchant 2", 1), (b"merchant 1", 2)):
        with pytest.raises(Refusal, match=r"vault\.root_differs"):
            again.unwrap(wrapped, context, version)


def test_a_wrong_passphrase_is_refused(tmp_path: Path) -> None:
    FileRootKey.create(tmp_path / KEY_FILE, PASSPHRASE, cost=CHEAP)
    assert refusal_of(tmp_path / KEY_FILE, PASSPHRASE + "!") == "vault.passphrase_wrong"


def test_a_missing_and_a_damaged_file_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    assert refusal_of(path, PASSPHRASE) == "vault.root_missing"
    for text in ("", "{}", "[]", '{"format": "miandan root key 1", "scrypt": 1, "keys": {}}', "\x00"):
        path.write_text(text)
        assert refusal_of(path, PASSPHRASE) == "vault.root_damaged"


def test_a_file_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    FileRootKey.create(path, PASSPHRASE, cost=CHEAP)
    content = json.loads(path.read_text())
    content["scrypt"]["n"] = 1 << 40
    path.write_text(json.dumps(content))
    assert refusal_of(path, PASSPHRASE) == "vault.root_damaged"


def test_only_the_owner_can_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    FileRootKey.create(path, PASSPHRASE, cost=CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert PASSPHRASE not in path.read_text()


def test_creating_again_keeps_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    wrapped = FileRootKey.create(path, PASSPHRASE, cost=CHEAP).wrap(b"k", b"")
    before = path.read_bytes()
    assert FileRootKey.create(path, PASSPHRASE, cost=CHEAP).unwrap(wrapped, b"", 1) == b"k"
    assert path.read_bytes() == before


def test_programs_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    keys: list[FileRootKey] = []
    starters = [
        threading.Thread(target=lambda: keys.append(open_root_key(tmp_path, None, sandbox=True))) for _ in range(8)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    wrapped = keys[0].wrap(b"k", b"")
    assert [key.unwrap(wrapped, b"", 1) for key in keys] == [b"k"] * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([KEY_FILE, SANDBOX_PASSPHRASE_FILE])


def test_outside_the_sandbox_there_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"vault\.passphrase_missing"):
        open_root_key(tmp_path, None)
    with pytest.raises(Refusal, match=r"vault\.passphrase_short"):
        open_root_key(tmp_path, "changeme")
    assert list(tmp_path.iterdir()) == []
    wrapped = open_root_key(tmp_path, PASSPHRASE).wrap(b"k", b"")
    assert open_root_key(tmp_path, PASSPHRASE).unwrap(wrapped, b"", 1) == b"k"


def test_a_sandbox_keeps_its_passphrase_beside_the_key_and_says_so(tmp_path: Path) -> None:
    wrapped = open_root_key(tmp_path, None, sandbox=True).wrap(b"k", b"")
    assert open_root_key(tmp_path, None, sandbox=True).unwrap(wrapped, b"", 1) == b"k"
    note = tmp_path / SANDBOX_PASSPHRASE_FILE
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert "SANDBOX ONLY" in note.read_text()
    with pytest.raises(Refusal, match=r"vault\.passphrase_missing"):
        open_root_key(tmp_path, None, sandbox=False)


def test_a_sandbox_does_not_touch_a_real_key(tmp_path: Path) -> None:
    FileRootKey.create(tmp_path / KEY_FILE, PASSPHRASE, cost=CHEAP)
    with pytest.raises(Refusal, match=r"vault\.passphrase_missing"):
        open_root_key(tmp_path, None, sandbox=True)


def test_two_versions_of_the_root_key_can_be_read_and_the_newest_wraps() -> None:
    old = FileRootKey({1: b"a" * 32})
    both = FileRootKey({1: b"a" * 32, 2: b"b" * 32})
    assert both.version == 2
    assert both.unwrap(old.wrap(b"k", b""), b"", 1) == b"k"
    assert both.unwrap(both.wrap(b"k", b""), b"", 2) == b"k"
    assert "b" * 8 not in repr(both)

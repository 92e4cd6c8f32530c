"""How a server process gets less power than its supervisor, and how it learns that the supervisor died.

PostgreSQL refuses to run as root. As root the cluster belongs to uid 65534 and the server runs as that uid, holding
only the right to pass closed folders, so that neither a user is created nor a foreign folder opened. All of it
happens between fork and exec with prctl(2) and capset(2).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

SERVER_UID = 65534
"""The kernel's overflow id, "nobody": it exists everywhere and owns nothing."""

_CAP_CHOWN, _CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 0, 1, 2
_CAP_SETGID, _CAP_SETUID, _CAP_SETPCAP, _CAP_KILL = 6, 7, 8, 5
_NEEDED = {
    _CAP_CHOWN: "CHOWN",
    _CAP_DAC_OVERRIDE: "DAC_OVERRIDE",
    _CAP_KILL: "KILL",
    _CAP_SETGID: "SETGID",
    _CAP_SETUID: "SETUID",
    _CAP_SETPCAP: "SETPCAP",
}
_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
# Without it access(2), which initdb uses to look for its neighbours, ignores the capabilities of a non-root user.
_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def is_root() -> bool:
    return os.geteuid() == 0


def server_uid() -> int:
    """Who the server runs as."""
    return SERVER_UID if is_root() else os.geteuid()


def server_has_name() -> bool:
    """Whether the system knows a name for that uid, without which initdb refuses (some containers have bare uids)."""
    import pwd

    try:
        pwd.getpwuid(server_uid())
    except KeyError:
        return False
    return True


def missing_capabilities() -> list[str]:
    """What root would need here and does not hold (containers may withhold it); empty for a plain user."""
    if not is_root() or sys.platform != "linux":
        return []
    held = _permitted()
    return [name for bit, name in _NEEDED.items() if not held >> bit & 1]


def _permitted() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def give_to_server(path: Path) -> None:
    """Make `path` the server's own where it runs as another user."""
    if is_root():
        os.chown(path, SERVER_UID, SERVER_UID)


def before_exec(death_signal: signal.Signals) -> Callable[[], None]:
    """What a child of this process runs between fork and exec: drop root, ask for `death_signal` at our death.

    The death signal belongs to the thread that forks, so only the main thread of the supervisor may start servers;
    a change of uid clears it, so it is asked for last.
    """
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None, use_errno=True) if linux else None
    parent, drop = os.getpid(), is_root()
    kept = [bit for bit in (_CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH) if drop and linux and _permitted() >> bit & 1]

    def prepare() -> None:
        os.umask(0o077)
        if libc is None:
            return
        if drop:
            become(SERVER_UID, kept)
        _call(libc.prctl, _PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the request was in place
            os._exit(1)

    return prepare


def become(uid: int, kept: list[int]) -> None:
    """Take user and group `uid` for good, keeping nothing of root but the capabilities `kept`, across exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    _call(libc.prctl, _PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    mask = sum(1 << bit for bit in kept)
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapData * 2)(_CapData(mask, mask, mask), _CapData(0, 0, 0))
    _call(libc.capset, ctypes.byref(header), data)
    for bit in kept:
        _call(libc.prctl, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, bit, 0, 0)


def _call(function: Callable[..., int], *args: object) -> None:
    if function(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""Loopback up, then a command: `unshare --net python -m tests.offline COMMAND ...` has no other network."""

import os
import socket
import struct
import sys
from fcntl import ioctl

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
"""SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of Linux (netdevice(7))."""


def main() -> None:
    """Does not come back."""
    with socket.socket() as any_socket:
        flags = struct.unpack("16sH22x", ioctl(any_socket, _GET_FLAGS, struct.pack("16sH22x", b"lo", 0)))[1]
        ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", flags | _UP))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()

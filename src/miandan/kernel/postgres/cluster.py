"""Makes a cluster (initdb, our role, our database) and writes the server's configuration.

The application's role is no superuser, and the superuser cannot log in at all: whoever can read the data folder can
still use `postgres --single`.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from miandan.kernel.postgres import binaries
from miandan.kernel.postgres.layout import DATABASE, PORT, ROLE, Layout, write_privately
from miandan.kernel.postgres.privileges import before_exec, give_to_server

_ACCESS_RULES = """\
# Written anew at each start. The superuser cannot log in; everybody else needs the generated password.
local all postgres reject
local all all scram-sha-256
"""

_CONFIG = """\
# Written anew at each start. Put your own settings into operator.conf beside this file: it is read last.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
hba_file = '{access_rules}'

# Every answered waybill number must survive a power cut.
fsync = on
synchronous_commit = on

max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
{linux_only}
# Texts of errors and statements can hold a person's data; the log keeps what the server itself has to say.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = none
log_checkpoints = off
log_line_prefix = '%m [%p] '
"""
# Only when it is there: a missing file would be noted in the log at each start.
_INCLUDE = "include 'operator.conf'\n"
# A backend that waits for a lock notices that its program was killed; only Linux offers it.
_LINUX_ONLY = "client_connection_check_interval = '1s'\n"


def server_environment() -> dict[str, str]:
    """A clean environment: no PG... variable of the user's shell may steer our server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/"}


def ensure(layout: Layout) -> None:
    """Make the cluster unless it is there. A kill on the way leaves only a draft, which the next start removes."""
    for draft in layout.root.glob("cluster.new-*"):
        shutil.rmtree(draft, ignore_errors=True)
    if layout.cluster.exists():
        return
    draft = layout.root / f"cluster.new-{os.getpid()}"
    draft.mkdir(mode=0o700)
    give_to_server(draft)
    password = secrets.token_urlsafe(32)
    write_privately(layout.password, password)
    version = binaries.major_version()
    _initdb(draft, version)
    _create_role(draft, password, version)
    draft.rename(layout.cluster)
    _sync_folder(layout.root)


def _initdb(folder: Path, version: int) -> None:
    locale = ["--locale=C"]
    if version >= 17:  # the same order and case rules on every system, without ICU
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # "trust" never takes effect: the server runs with rules of our own (_ACCESS_RULES).
    _run(["initdb", f"--pgdata={folder}", "--username=postgres", "--encoding=UTF8", "--auth=trust", *locale])


def _create_role(folder: Path, password: str, version: int) -> None:
    # 32 random bytes need no stretching, and each new connection would pay for it.
    cheap = ["-c", "scram_iterations=1"] if version >= 16 else []
    statements = (
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
        f"GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO {ROLE}",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
    )
    # Single-user mode takes one statement per line.
    _run(["postgres", "--single", "-D", str(folder), *cheap, "postgres"], "".join(f"{line}\n" for line in statements))


def _run(command: list[str], given: str = "") -> None:
    """Run one of PostgreSQL's programs as the server's user. Raises OSError with its last words."""
    ended = subprocess.run(
        [binaries.program(command[0]), *command[1:]],
        input=given,
        text=True,
        capture_output=True,
        env=server_environment(),
        preexec_fn=before_exec(signal.SIGKILL),
        check=False,
    )
    # Single-user mode ends well even when a statement failed.
    errors = [line for line in ended.stderr.splitlines() if "FATAL" in line or "ERROR" in line or "error:" in line]
    if ended.returncode or errors:
        raise OSError(f"{command[0]}: {(errors or ended.stderr.splitlines() or ['no message'])[-1].strip()}")


def configure(layout: Layout) -> None:
    """Write configuration and access rules for the next start."""
    write_privately(layout.access_rules, _ACCESS_RULES)
    config = _CONFIG.format(
        port=PORT,
        socket_folder=_quoted(layout.make_socket_folder()),
        access_rules=_quoted(layout.access_rules),
        linux_only=_LINUX_ONLY if sys.platform == "linux" else "",
    )
    write_privately(layout.config, config + (_INCLUDE if (layout.root / "operator.conf").exists() else ""))


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "''")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The command line: each command translates what was typed, calls a verb and says in two languages what came of it.

Commands hold no rule and no SQL. Heavy modules are imported inside them, so that `miandan --help` is quick.
"""

import gc
import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType

_COLLECT_AFTER = 50_000
"""Objects made between two collections. What a program loads stays, and looking through it for rings again and again
costs a tenth of every command."""

_INTERRUPTED, _TERMINATED = 130, 143


def main() -> None:
    """Run the command line. Whatever fails is told in words, Ctrl-C is quiet from the first moment, and to be asked to
    end (SIGTERM) is like Ctrl-C: what is half done is cleared away."""
    _have_streams()
    asked = _asked_to_end()
    try:
        _run()
    except SystemExit as end:
        if asked and end.code == _INTERRUPTED:
            raise SystemExit(_TERMINATED) from None
        raise


def _run() -> None:
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    try:
        from miandan.cli.app import app

        app()
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    except Exception as error:
        from miandan.cli.session import complain
        from miandan.kernel.failures import explained

        complain(explained(error))
        raise SystemExit(1) from None


def _asked_to_end() -> list[int]:
    """Holds the signal once it has come. Whoever made us ignore it keeps their way."""
    asked: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # asyncio has its own while it runs
        if not callable(interrupt):  # ignored, as in the background of a script
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, end)
    return asked


def _have_streams() -> None:
    """Whoever closed a stream wants to hear nothing; a terminal that cannot show Chinese shows the rest."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")

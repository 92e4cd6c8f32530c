"""The command line: each command translates what was typed, calls a verb and says in two languages what came of it.

Commands hold no rule and no SQL. Heavy modules are imported inside them, so that `miandan --help` is quick.
"""

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line. Whatever fails is told in words, and Ctrl-C is quiet from the first moment."""
    _have_streams()
    try:
        from miandan.cli.app import app

        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        from miandan.cli.failures import explained
        from miandan.cli.session import complain

        complain(explained(error))
        raise SystemExit(1) from None


def _have_streams() -> None:
    """Whoever closed a stream wants to hear nothing; a terminal that cannot show Chinese shows the rest."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")

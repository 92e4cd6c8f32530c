"""The command line: each command translates what was typed, calls a verb and says in two languages what came of it.

Commands hold no rule and no SQL. Heavy modules are imported inside them, so that `miandan --help` is quick.
"""

from miandan.cli.app import main

__all__ = ["main"]

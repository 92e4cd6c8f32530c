"""The command line: each command translates what was typed, calls a verb and says in two languages what came of it.

Commands hold no rule and no SQL. Heavy modules are imported inside them, so that `miandan --help` is quick.
"""


def main() -> None:
    """Run the command line. Whatever fails is told in words, and Ctrl-C is quiet from the first moment."""
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

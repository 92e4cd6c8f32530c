"""The commands and their options. What they do is in the files beside this one, imported when they run."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def miandan() -> None:
    """面单 miandan: an open electronic-waybill platform."""


def main() -> None:
    """Run the command line."""
    app()

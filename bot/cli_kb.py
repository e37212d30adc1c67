"""``python -m bot kb``: the commands of the library, each group of them in a module of its own."""

import typer

from bot import cli_kb_eval, cli_kb_files

app = typer.Typer(no_args_is_help=True, help="The library of articles.")
app.add_typer(cli_kb_eval.app)
app.add_typer(cli_kb_files.app)

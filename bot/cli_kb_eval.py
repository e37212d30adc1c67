"""``python -m bot kb check``: is the library in order, and does it still know what it knew?"""

import typer

from bot.cli_terminal import Json, json_line, waiting
from bot.settings import StartError, policy, settings

app = typer.Typer()


@app.command("check", epilog="Example:  python -m bot kb check")
def library_check(as_json: Json = False) -> None:
    """Everything wrong with articles, topics and tables, by file and key."""
    from bot import wiring
    from knowledge.library import LibraryError

    found = settings()
    rules = policy(found.config)
    with waiting("reading the library"):
        try:
            findings = wiring.library(found, rules, background=True).check()
        except LibraryError as error:
            findings = error.findings
    for finding in findings:
        if as_json:
            json_line(
                {
                    "where": finding.where,
                    "problem": finding.problem,
                    "remedy": finding.remedy,
                    "fatal": finding.fatal,
                }
            )
        else:
            print(f"{'error' if finding.fatal else 'note'}\t{finding}")
    if any(finding.fatal for finding in findings):
        raise StartError(f"{sum(f.fatal for f in findings)} findings keep the bot from starting")
    if not findings and not as_json:
        print("the library is in order")

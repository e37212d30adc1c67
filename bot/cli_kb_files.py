"""``python -m bot kb export`` and ``import``: the library as Markdown or as a workbook, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.cli_house import confirmed_versions, content, opened, operator, running
from bot.cli_terminal import Json, json_line, table, told, waiting
from bot.settings import StartError, policy, settings
from knowledge.articles import LANGUAGES
from knowledge.files import Files
from knowledge.library import ARTICLES, KNOWLEDGE, LibraryError
from services import article_files, articles
from services.article_files import Incoming, Plan, Problem

app = typer.Typer()
_MEGABYTE = 1024 * 1024
_SHOWN = 40


@app.command("export", epilog="Example:  python -m bot kb export --format xlsx data/library.xlsx")
def export(
    to: Annotated[Path, typer.Argument(help="A folder for Markdown, a file for a workbook.")],
    form: Annotated[str, typer.Option("--format", help="md or xlsx.")] = "md",
    as_json: Json = False,
) -> None:
    """Write the library with everything that the house confirmed; kb import reads it back."""
    if form not in ("md", "xlsx"):
        raise typer.BadParameter("--format is md or xlsx")
    with waiting("reading the library"):
        shelf = _files().shelf.articles
    if form == "xlsx":
        try:
            data = article_files.as_workbook(shelf)
        except ValueError as error:
            raise StartError(f"{error}: export as md") from None
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
    else:
        for name, raw in article_files.markdown_files(shelf):
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(raw, "utf-8", newline="\n")
    if as_json:
        json_line({"to": str(to), "articles": len(shelf)})
    else:
        print(f"{to}: {len(shelf)} versions of articles")


@app.command("import", epilog="Example:  python -m bot kb import data/library.xlsx --dry-run")
def import_(
    source: Annotated[
        Path, typer.Argument(help="A workbook, a Markdown file, or a folder with zh/ and en/.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take changed articles in as drafts: compared by the running bot, confirmed by a supervisor or compliance."""
    with waiting("reading the library"):
        files = _files()
        incoming, problems = _read(source)
        found = settings()
        rules = policy(found.config)
        from bot import wiring

        plan = article_files.plan(
            files.shelf.articles,
            incoming,
            files.topics,
            articles.facts(rules),
            wiring.today(found)(),
            problems=problems,
        )
    _show(plan, as_json)
    if plan.problems:
        count = len(plan.problems)
        raise StartError(f"nothing was imported: {count} {'problem' if count == 1 else 'problems'}")
    if dry_run or not plan.changes:
        told("nothing to import" if not plan.changes else "dry run: nothing was changed")
        return
    batch = running(_submit(plan))
    count = len(plan.changes)
    told(f"{count} {'draft' if count == 1 else 'drafts'} (batch {batch}) for a second person: /gaps in chat")


async def _submit(plan: Plan) -> str:
    from services.work import carried_out

    async with opened() as deps:
        return await carried_out(
            deps, lambda work: article_files.submit(work, operator(), plan.changes, deps.new_token)
        )


def _files() -> Files:
    """The shipped files with the house's confirmed versions on them."""
    found = settings()
    rules = policy(found.config)
    files = Files.read(ARTICLES, KNOWLEDGE, articles.facts(rules), running(confirmed_versions(found)))
    if fatal := [finding for finding in files.findings if finding.fatal]:
        raise LibraryError(fatal)
    return files


def _read(source: Path) -> tuple[Sequence[Incoming], Sequence[Problem]]:
    if source.is_dir():
        incoming, problems = article_files.read_folder(source)
        if not incoming and not problems:
            raise StartError(f"{source} has no articles: put Markdown files into zh/ and en/")
        return incoming, problems
    data = content(source, policy(settings().config).imports.max_megabytes * _MEGABYTE)
    if source.suffix.lower() == ".xlsx":
        return article_files.read_table(source.name, data)
    if source.suffix.lower() not in (".md", ".markdown"):
        raise StartError(f"{source}: give a workbook (.xlsx), a Markdown file (.md) or a folder")
    lang = source.parent.name if source.parent.name in LANGUAGES else None
    return article_files.read_one(source.name, data, lang)


def _show(plan: Plan, as_json: bool) -> None:
    if as_json:
        for change in plan.changes:
            article = change.article
            json_line(
                {
                    "where": change.where,
                    "change": change.kind,
                    "lang": article.lang,
                    "article": article.id,
                    "effective_from": article.effective_from,
                    "title": article.title,
                }
            )
        for problem in plan.problems:
            json_line({"where": problem.where, "problem": problem.problem, "remedy": problem.remedy})
        return
    told(f"{len(plan.changes)} would change, {plan.unchanged} say what the library says")
    if plan.changes:
        shown = [
            (c.where, c.kind, c.article.lang, c.article.id, c.article.effective_from) for c in plan.changes
        ]
        table(("where", "change", "lang", "article", "from"), shown[:_SHOWN])
        if len(shown) > _SHOWN:
            told(f"... and {len(shown) - _SHOWN} more (--json lists all)")
    if plan.problems:
        wrong = [(p.where, p.problem, p.remedy) for p in plan.problems]
        table(("where", "problem", "what to do"), wrong[:_SHOWN])
        if len(wrong) > _SHOWN:
            told(f"... and {len(wrong) - _SHOWN} more (--json lists all)")

"""The library as files and back: exported as Markdown or as a workbook, changed elsewhere, imported as drafts.

What an import changes waits for a second person like any draft. Files that say what the library says change nothing.
"""

import io
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from db.models import ArticleVersion
from domain.errors import Refusal
from domain.knowledge import Article, Status
from domain.settlement import StatementError
from knowledge.articles import LANGUAGES, FaultError, read_article
from knowledge.transfer import COLUMNS, LONGEST_CELL, from_cells, table_of, to_cells
from knowledge.writing import same, take_apart
from messages.workbooks import workbook
from services import audit
from services.articles import language_of
from services.work import Work
from statements.limits import Limits
from statements.workbook import read_workbook

SHEET = "articles"
MOST_ROWS = 20_000
_MERGED = b"<mergeCell "


@dataclass(frozen=True, slots=True)
class Incoming:
    """An article of a file: ``where`` is the file, or the row of the workbook."""

    where: str
    lang: str
    raw: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file or a row cannot be taken."""

    where: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an article of a file would change: ``new``, ``version`` (another first day) or ``text`` (the same first day)."""

    where: str
    kind: str
    article: Article


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do. With problems nothing is done."""

    changes: tuple[Change, ...]
    unchanged: int
    problems: tuple[Problem, ...]


# --- out ----------------------------------------------------------------------------------------------------


def markdown_files(articles: Iterable[Article]) -> Iterator[tuple[str, str]]:
    """(``zh/margin-call.md``, text) of every version; one of several has its first day in its name."""
    used: set[str] = set()
    for article in articles:
        name = article.path if article.path.endswith(".md") else f"{article.lang}/{article.id}.md"
        if name in used:
            name = f"{article.lang}/{article.id}@{article.effective_from}.md"
        used.add(name)
        yield name, article.raw


def as_workbook(articles: Iterable[Article]) -> bytes:
    """The workbook of every version, a row each. Raises ``ValueError`` for a text that no cell holds."""
    rows = []
    for article in articles:
        cells = to_cells(article.lang, article.raw)
        for column, cell in zip(COLUMNS, cells, strict=True):
            if len(cell) > LONGEST_CELL:
                raise ValueError(
                    f"{article.lang}/{article.id}: {column} has {len(cell)} characters, a cell holds {LONGEST_CELL}"
                )
        rows.append(cells)
    return workbook(SHEET, COLUMNS, rows)


# --- in -----------------------------------------------------------------------------------------------------


def read_folder(folder: Path) -> tuple[list[Incoming], list[Problem]]:
    """The Markdown files of ``folder/<lang>/``."""
    found, problems = [], []
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        lang = name.partition("/")[0]
        if lang not in LANGUAGES:
            problems.append(
                Problem(name, "does not lie in zh/ or en/", "move it into the folder of its language")
            )
            continue
        try:
            found.append(Incoming(name, lang, path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")))
        except UnicodeDecodeError as error:
            problems.append(Problem(name, f"is not UTF-8 (byte {error.start})", "save it as UTF-8"))
    return found, problems


def read_one(name: str, data: bytes, lang: str | None) -> tuple[list[Incoming], list[Problem]]:
    """One Markdown file; its language is that of its words where its folder does not say it."""
    try:
        raw = data.decode("utf-8-sig").replace("\r\n", "\n")
        return [Incoming(name, lang or language_of(raw), raw)], []
    except UnicodeDecodeError as error:
        return [], [Problem(name, f"is not UTF-8 (byte {error.start})", "save it as UTF-8")]
    except FaultError as fault:
        return [], [Problem(f"{name}{fault.at}", fault.problem, fault.remedy)]


def read_table(name: str, data: bytes) -> tuple[list[Incoming], list[Problem]]:
    """The rows of a workbook, by their numbers. Merged cells and formulas are refused; so is what is too long to read."""
    try:
        if _merged(data):
            return [], [
                Problem(name, "has merged cells", "undo the merging: each row is an article of its own")
            ]
        sheets = read_workbook(data, Limits(max_rows=MOST_ROWS, max_columns=200))
    except StatementError as error:
        line = error.facts["line"]
        return [], [Problem(f"{name}: row {line}" if line else name, str(error.facts["reason"]))]
    rows = next(iter(sheets.values()), [])
    if not rows:
        return [], [Problem(name, "has no rows", f"the first row names the columns: {', '.join(COLUMNS)}")]
    places, wrong = table_of(rows[0].cells)
    if wrong:
        remedy = f"the columns are {', '.join(COLUMNS)}"
        return [], [Problem(f"{name}: row {rows[0].number}", problem, remedy) for problem in wrong]
    found, problems = [], []
    for row in rows[1:]:
        where = f"{name}: row {row.number}"
        lang, raw = from_cells(
            {column: row.cells[at] for at, column in places.items() if at < len(row.cells)}
        )
        if lang not in LANGUAGES:
            problems.append(Problem(where, f"lang is {lang!r}", "write zh or en"))
        else:
            found.append(Incoming(where, lang, raw))
    return found, problems


def _merged(data: bytes) -> bool:
    """Whether any sheet has merged cells; a file that is no workbook is found out by its reader."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sheets = [part for part in archive.infolist() if part.filename.startswith("xl/worksheets/sheet")]
            # Merged cells stand behind the rows. What unfolds without end is left to the reader's own check.
            return any(
                _MERGED in archive.read(part)
                for part in sheets
                if part.file_size <= Limits().max_unpacked_bytes
            )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return False


def plan(
    shelf: Sequence[Article],
    incoming: Sequence[Incoming],
    topics: Collection[str],
    facts: Mapping[str, Mapping[str, object]],
    today: date,
    *,
    problems: Sequence[Problem] = (),
) -> Plan:
    """What the files would change on the shelf, and everything that keeps them from it, by file or row."""
    present = {_key(article): article for article in shelf}
    ids = {(article.lang, article.id) for article in shelf}
    changes: list[Change] = []
    found: list[Problem] = list(problems)
    seen: dict[tuple[str, str, date | None], str] = {}
    unchanged = 0
    for one in incoming:
        article, wrong = _read(one, topics, facts)
        found += wrong
        if article is None:
            continue
        key = _key(article)
        if key in seen:
            what = f"{article.id} is there twice from the same day (also {seen[key]})"
            found.append(Problem(one.where, what, "keep one"))
            continue
        seen[key] = one.where
        before = present.get(key)
        if before is not None and same(before.raw, one.raw):
            unchanged += 1
            continue
        if article.expires_on is not None and article.expires_on <= today:
            found.append(
                Problem(one.where, f"expired on {article.expires_on}", "give it a later expires_on, or none")
            )
        kind = "text" if before else "version" if (article.lang, article.id) in ids else "new"
        changes.append(Change(one.where, kind, article))
    found += _said_twice(shelf, changes)
    return Plan(tuple(changes), unchanged, tuple(found))


def _key(article: Article) -> tuple[str, str, date | None]:
    return article.lang, article.id, article.effective_from


def _read(
    one: Incoming, topics: Collection[str], facts: Mapping[str, Mapping[str, object]]
) -> tuple[Article | None, list[Problem]]:
    try:
        take_apart(one.raw)
    except FaultError as fault:
        return None, [Problem(one.where, fault.problem, fault.remedy)]
    article, findings = read_article(one.raw.encode(), one.where, one.lang, topics, facts)
    wrong = [
        Problem(
            one.where,
            f"{finding.where.removeprefix(one.where).strip(': ')} {finding.problem}".strip(),
            finding.remedy,
        )
        for finding in findings
        if finding.fatal
    ]
    return (None if wrong else article), wrong


def _said_twice(shelf: Sequence[Article], changes: Sequence[Change]) -> Iterator[Problem]:
    """Phrasings of a changed article that another one has too."""
    changed = {(change.article.lang, change.article.id) for change in changes}
    said: dict[tuple[str, str], tuple[str, str]] = {}
    for article in shelf:
        if article.status is Status.CONFIRMED and (article.lang, article.id) not in changed:
            for phrasing in article.phrasings:
                said.setdefault((article.lang, phrasing.lower()), (article.id, article.path))
    for change in changes:
        for phrasing in change.article.phrasings:
            key = (change.article.lang, phrasing.lower())
            other, where = said.setdefault(key, (change.article.id, change.where))
            if other != change.article.id:
                yield Problem(
                    change.where, f"{phrasing!r} is also a phrasing of {other} ({where})", "leave it in one"
                )


async def submit(work: Work, by: str, changes: Sequence[Change], new_token: Callable[[int], str]) -> str:
    """Stores the changes as drafts that are compared and decided together; the name of their batch."""
    if not changes:
        raise Refusal("draft_unchanged", title="")
    batch = new_token(8)
    for change in changes:
        article = change.article
        work.session.add(
            ArticleVersion(
                article=article.id,
                lang=article.lang,
                kind="new" if change.kind == "new" else "change",
                state="checking",
                text=article.raw,
                effective_from=article.effective_from,
                batch=batch,
                written_by=by,
                written_at=work.now,
            )
        )
    await audit.note(work, by, "articles.imported", f"batch:{batch}", count=len(changes))
    return batch

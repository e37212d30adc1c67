"""Files of the library to ``Article`` values: front matter checked key by key, company facts filled in.

Every fault becomes a ``Finding`` that names the file and the line or key; the article is left out.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from domain.knowledge import Article, Finding, NextStep, Status
from knowledge.lexicon import has_han
from knowledge.markup import escape, to_html, to_plain

LANGUAGES = ("zh", "en")
AUDIENCES = ("public", "client", "staff")
FEWEST_PHRASINGS = 5
_REQUIRED = ("id", "topic", "title", "phrasings")
_SHIPPED = ("audience", "effective_from", "status", "source")
KEYS = (
    "id",
    "topic",
    "title",
    "phrasings",
    "keywords",
    "not_for",
    "audience",
    "effective_from",
    "expires_on",
    "review_by",
    "status",
    "basis",
    "source",
    "related",
    "next",
)
"""Every key of an article's front matter, in the order in which the house writes them."""
_MARKED_UP = re.compile(r"[*_#>`\[\]|~&<]|^\s*[-+\d]", re.MULTILINE)
# What a source says to staff alone: that compliance has yet to confirm it, with the clause that is in question.
_UNCONFIRMED = re.compile(
    r"（[^（）]*待(?:公司)?合规确认[^（）]*）|[，；]?[^，；（）]*待(?:公司)?合规确认(?:（[^（）]*）)?"
    r"|\s*\([^()]*to be confirmed by (?:the company's )?compliance\)"
    r"|[,;]?[^,;()]*to be confirmed by (?:the company's )?compliance(?: \([^()]*\))?"
)
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FaultError(Exception):
    """What is wrong with one file, at which key or line, and what to do."""

    def __init__(self, problem: str, remedy: str = "", at: str = "") -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.at = problem, remedy, at


@dataclass(frozen=True, slots=True)
class Shelf:
    """The articles of a folder and what was wrong with the rest."""

    articles: tuple[Article, ...]
    findings: tuple[Finding, ...]

    def versions(self) -> dict[tuple[str, str], list[Article]]:
        """(language, id) -> its versions, oldest first."""
        found: dict[tuple[str, str], list[Article]] = {}
        for article in sorted(self.articles, key=lambda a: a.effective_from or date.min):
            found.setdefault((article.lang, article.id), []).append(article)
        return found

    def wordings(self, day: date | None) -> dict[tuple[str, str], tuple[Article, ...]]:
        """(language, id) -> the confirmed versions by whose phrasings an article is found on a day, oldest first.

        They are the one in force and those that begin later; what only former versions said leads nowhere any more. An
        article that has neither keeps its last version, for questions about the past.
        """
        found = {}
        for key, versions in self.versions().items():
            confirmed = [v for v in versions if v.status is Status.CONFIRMED]
            in_force = [v for v in confirmed if v.in_force(day)][-1:]
            later = [v for v in confirmed if day and v.effective_from and v.effective_from > day]
            if confirmed:
                found[key] = tuple(in_force + later or confirmed[-1:])
        return found


def read_shelf(
    folder: Path, topics: Collection[str], facts: Mapping[str, Mapping[str, object]] | None
) -> Shelf:
    """Read ``folder/<lang>/*.md`` of the shipped kind; ``facts`` by language fill Jinja variables."""
    environment = _environment()
    articles: list[Article] = []
    findings: list[Finding] = []
    for lang in LANGUAGES:
        for path in sorted((folder / lang).glob("*.md")):
            name = f"{lang}/{path.name}"
            article, wrong = read_article(path.read_bytes(), name, lang, topics, facts, environment)
            findings.extend(wrong)
            if article is not None:
                articles.append(article)
    findings.extend(across(articles))
    return Shelf(tuple(articles), tuple(findings))


def read_article(
    raw: bytes,
    name: str,
    lang: str,
    topics: Collection[str],
    facts: Mapping[str, Mapping[str, object]] | None,
    environment: SandboxedEnvironment | None = None,
) -> tuple[Article | None, tuple[Finding, ...]]:
    """Read one article file of the shipped kind; ``name`` is what findings call it. None where it cannot be used."""
    environment = environment or _environment()
    try:
        article = _read(raw, name, lang, strict=True, facts=(facts or {}).get(lang, {}), env=environment)
    except FaultError as fault:
        return None, (Finding(name + fault.at, fault.problem, fault.remedy),)
    return article, tuple(_remarks(article, name, topics))


def _environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


def read_plain(folder: Path) -> Shelf:
    """Read every ``*.md`` below a folder (``--kb``): id, topic, title, phrasings and a text are enough."""
    articles: list[Article] = []
    findings: list[Finding] = []
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        lang = next((part for part in path.relative_to(folder).parts[:-1] if part in LANGUAGES), "")
        try:
            articles.append(_read(path.read_bytes(), name, lang, strict=False, facts={}, env=None))
        except FaultError as fault:
            findings.append(Finding(name + fault.at, fault.problem, fault.remedy))
    findings.extend(across(articles))
    return Shelf(tuple(articles), tuple(findings))


def _read(
    raw: bytes,
    name: str,
    lang: str,
    *,
    strict: bool,
    facts: Mapping[str, object],
    env: SandboxedEnvironment | None,
) -> Article:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FaultError(f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    front, body, first_line = split(text)
    head = front_matter(front)
    if strict:
        _check_keys(head)
    for key in _REQUIRED:
        if not head.get(key):
            raise FaultError("is missing or empty", "every article needs it", f": {key}")
    if not body.strip():
        raise FaultError("has no text below the front matter", "write the answer")
    phrasings = _words(head, "phrasings")
    title = str(head["title"]).strip()
    markdown = _fill(body, facts, env, first_line) if env else body
    html = to_html(markdown) if _MARKED_UP.search(markdown) else escape(markdown.strip())
    return Article(
        id=str(head["id"]).strip(),
        lang=lang or ("zh" if has_han(title + "".join(phrasings)) else "en"),
        topic=str(head["topic"]).strip(),
        title=title,
        phrasings=phrasings,
        text=to_plain(html),
        html=html,
        version=hashlib.sha256(raw).hexdigest()[:8],
        audience=_one_of(head, "audience", AUDIENCES, "public"),
        effective_from=_day(head, "effective_from"),
        expires_on=_day(head, "expires_on"),
        review_by=_day(head, "review_by"),
        status=Status(_one_of(head, "status", tuple(Status), Status.CONFIRMED.value)),
        source=str(head.get("source") or "").strip(),
        keywords=_words(head, "keywords"),
        not_for=_words(head, "not_for"),
        related=_words(head, "related"),
        next_steps=tuple(_steps(head)),
        basis=str(head.get("basis") or ""),
        path=name,
        raw=text,
    )


def split(text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line on which the body begins."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "---":
        raise FaultError("does not begin with front matter", "the first line must be ---", ":1")
    for at, line in enumerate(lines[1:], start=1):
        if line.strip() == "---":
            return "\n".join(lines[1:at]), "\n".join(lines[at + 1 :]), at + 2
    raise FaultError("has front matter that does not end", "close it with a line ---", ":1")


def front_matter(front: str) -> dict[str, Any]:
    """The keys and values between the two lines of dashes."""
    try:
        head = yaml.load(front, Loader=SAFE_LOADER)  # noqa: S506 - a safe loader, in C where it is there
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        problem = getattr(error, "problem", None) or "cannot be read"
        raise FaultError(f"is not YAML: {problem}", "quote text with : or # in it", f":{line}") from None
    if not isinstance(head, dict):
        raise FaultError("has front matter without keys", "write key: value lines", ":2")
    return head


def _check_keys(head: Mapping[str, Any]) -> None:
    for key in head:
        if key not in KEYS:
            raise FaultError(
                "is not a key that articles have", f"one of {', '.join(sorted(KEYS))}", f": {key}"
            )
    for key in _SHIPPED:
        if not head.get(key):
            raise FaultError("is missing or empty", "every shipped article needs it", f": {key}")


def _fill(body: str, facts: Mapping[str, object], env: SandboxedEnvironment, first_line: int) -> str:
    if "{{" not in body and "{%" not in body:
        return body
    try:
        return env.from_string(body).render(**facts)
    except TemplateSyntaxError as error:
        at = f":{first_line + error.lineno - 1}"
        raise FaultError(f"has a variable that cannot be read: {error.message}", "", at) from None
    except UndefinedError as error:
        wanted = re.findall(r"{{\s*([\w.]+)", body)
        unknown = next((w for w in wanted if not _known(w, facts)), "?")
        line = first_line + body[: max(0, body.find(unknown))].count("\n")
        problem = f"uses the variable {unknown}, which config.yaml does not have ({error.message})"
        raise FaultError(problem, "add it to company or facts", f":{line}") from None


def _known(name: str, facts: Mapping[str, object]) -> bool:
    value: object = facts
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def _words(head: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = head.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value.strip(),) if value.strip() else ()
    if not isinstance(value, list) or any(isinstance(v, dict | list) for v in value):
        raise FaultError("is not a list of words", "write [one, another]", f": {key}")
    return tuple(dict.fromkeys(str(v).strip() for v in value if v is not None and str(v).strip()))


def _day(head: Mapping[str, Any], key: str) -> date | None:
    value = head.get(key)
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise FaultError(f"is no date: {value}", "write it as 2022-08-01", f": {key}") from None


def _one_of(head: Mapping[str, Any], key: str, allowed: Sequence[str], default: str) -> str:
    value = str(head.get(key) or default)
    if value not in allowed:
        raise FaultError(f"is {value}, not one of {', '.join(allowed)}", "", f": {key}")
    return value


def _steps(head: Mapping[str, Any]) -> Iterator[NextStep]:
    for step in head.get("next") or ():
        if not isinstance(step, dict) or not {"label", "do"} <= step.keys():
            raise FaultError("has a step without label and do", "write {label: ..., do: ...}", ": next")
        yield NextStep(str(step["label"]), str(step["do"]))


def _remarks(article: Article, name: str, topics: Collection[str]) -> Iterator[Finding]:
    if article.topic not in topics:
        yield Finding(
            f"{name}: topic", f"{article.topic} is not in topics.yaml", "add it there or correct it"
        )
    if len(article.phrasings) < FEWEST_PHRASINGS:
        yield Finding(
            f"{name}: phrasings",
            f"has {len(article.phrasings)}, at least {FEWEST_PHRASINGS} are needed",
            "add what people really type",
            fatal=False,
        )
    both = set(article.phrasings) & set(article.not_for)
    if both:
        yield Finding(
            f"{name}: not_for", f"also a phrasing: {sorted(both)[0]}", "keep one of the two", fatal=False
        )


def source_for_clients(article: Article) -> str:
    """The source as a client reads it: without the mark of what is to be confirmed, which is for staff."""
    return _UNCONFIRMED.sub("", article.source).strip(" ，；,;") or article.title


def across(articles: Sequence[Article]) -> Iterator[Finding]:
    """What only shows between articles: the same id and first day twice, one phrasing in two articles."""
    first: dict[tuple[str, str, date | None], str] = {}
    said: dict[tuple[str, str], tuple[str, str]] = {}
    ids = {(a.lang, a.id) for a in articles}
    for article in articles:
        key = (article.lang, article.id, article.effective_from)
        if key in first:
            problem = f"{article.id} is there twice from the same day (also {first[key]})"
            yield Finding(f"{article.path}: id", problem, "rename one, or give it its own effective_from")
        first.setdefault(key, article.path)
        for phrasing in article.phrasings:
            other, path = said.setdefault((article.lang, phrasing.lower()), (article.id, article.path))
            if other != article.id:
                problem = f"{phrasing!r} is also a phrasing of {path}"
                yield Finding(f"{article.path}: phrasings", problem, "leave it in one of them", fatal=False)
        for related in article.related:
            if (article.lang, related) not in ids:
                yield Finding(
                    f"{article.path}: related",
                    f"there is no article {related}",
                    "correct the id",
                    fatal=False,
                )

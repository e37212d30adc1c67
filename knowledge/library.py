"""The way into the library: load it once, ask it questions, check its files."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from domain.knowledge import Answer, Article, Context, Finding
from domain.market import ClientPlan, CompanyRates, Prices

KNOWLEDGE = Path(__file__).parent
ARTICLES = KNOWLEDGE / "articles"
CACHE = Path("data/cache")

Lang = Literal["zh", "en"]
Settlements = Prices | Mapping[str, tuple[Decimal, date]]
"""Either a callable (``domain.market.Prices``) or a mapping contract -> (settlement price, trading day)."""


class Library:
    """Articles, tables and the index over them. ``ask`` waits for the index where it is still being built."""

    @classmethod
    def load(
        cls,
        folder: Path = ARTICLES,
        *,
        facts: Mapping[str, object] | None = None,
        tables: Path = KNOWLEDGE,
        rates: CompanyRates | None = None,
        today: Callable[[], date] | None = None,
        cache_dir: Path | None = CACHE,
        background: bool = False,
    ) -> Self:
        """Load the shipped kind of library: ``folder/<lang>/*.md``, ``contracts.csv`` and ``tables/`` below
        ``tables``.

        ``facts`` are the company facts that articles name as Jinja variables; ``today`` gives the business
        day of a question without a date (None: the latest versions known, and nothing is called stale);
        ``cache_dir`` keeps the built index (None: not kept); ``background`` returns before the index stands.
        Raises ``LibraryError`` where files cannot be used, with every finding in its text.
        """
        raise NotImplementedError

    @classmethod
    def load_plain(cls, folder: Path, *, cache_dir: Path | None = CACHE) -> Self:
        """Load a folder of plain articles (``--kb``): only the library, no calculator and no rules of
        ours.
        """
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether the index stands."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the index stands; False when the time is up. Raises what the building of it raised."""
        raise NotImplementedError

    def ask(
        self,
        q: str,
        *,
        lang: Lang | None = None,
        as_of: date | None = None,
        plan: ClientPlan | None = None,
        prices: Settlements | None = None,
        context: Context | None = None,
        audience: str = "public",
        explain: bool = False,
    ) -> Answer:
        """Answer a question as of a day, in its own language unless ``lang`` says otherwise.

        ``audience`` is public, client or staff: each sees its own articles and those of the ones before it.
        ``explain`` fills ``Answer.explanation`` for staff.
        """
        raise NotImplementedError

    def article(self, article: str, lang: Lang, as_of: date | None = None) -> Article | None:
        """An article by id, in the version in force; None where there is none (for buttons and related
        links).
        """
        raise NotImplementedError

    def answer_with(
        self, article: str, lang: Lang, *, q: str = "", as_of: date | None = None
    ) -> Answer | None:
        """The answer that an article gives (a pressed button); None where it is not in force."""
        raise NotImplementedError

    def topics(self) -> Mapping[str, str]:
        """Slug -> what a client wants to know, from ``topics.yaml``."""
        raise NotImplementedError

    def check(self) -> tuple[Finding, ...]:
        """Everything wrong with the files: the bot does not start with a fatal one."""
        raise NotImplementedError


class LibraryError(Exception):
    """The library's files cannot be used; the text names each file and what to do."""

"""The way into the library: load it once, ask it questions, check its files."""

import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from domain.knowledge import Answer, Article, Ask, Candidate, Citation, Context, Finding, Kind, Status
from domain.market import ClientPlan, CompanyRates, Prices, Quote
from knowledge.articles import AUDIENCES, Shelf, read_plain, source_for_clients
from knowledge.calculation import plain
from knowledge.conversation import Followed, fold, remembered
from knowledge.files import Desk, Files, corpora_of, read_yaml
from knowledge.files import LibraryError as LibraryError
from knowledge.lexicon import has_han
from knowledge.markup import escape, to_plain
from knowledge.overlay import Sheet
from knowledge.slots import Slots
from knowledge.understanding import Rules, Verdict, split_questions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from knowledge.confidence import Ranking
    from knowledge.index import Corpus, Engine, Found

KNOWLEDGE = Path(__file__).parent
ARTICLES = KNOWLEDGE / "articles"
CACHE = Path("data/cache")

Lang = Literal["zh", "en"]
Settlements = Prices | Mapping[str, tuple[Decimal, date]]
"""Either a callable (``domain.market.Prices``) or a mapping contract -> (settlement price, trading day)."""

# From here on the best article answers; below, the person chooses; below that, nothing is offered.
ANSWER_FROM = 0.7
CLARIFY_FROM = 0.25
# A plain library has no examples of what lies outside it: it needs less to answer, and offers what it has.
PLAIN_ANSWER_FROM = 0.35
PLAIN_CLARIFY_FROM = 0.08
# A kind that the search itself recognised, without a rule.
_KIND_FROM = 0.4
# From here on examples alone decide, whatever speaks against them.
_EXAMPLES_DECIDE = 0.9
_SURE, _KIND_OVER_SURE = 0.8, 0.75
# A request for advice that is answered as an article weighs more than an article that is withheld.
_ADVICE_OVER_LIBRARY = 0.75
_MOST_CHOICES = 4
# Below this a person is named before the choices, and a choice likelier to be beside the point is left out.
_WEAK, _WORTH_OFFERING = 0.4, 0.1
_ENOUGH = 0.9
_LONGEST = 600


_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Question:
    """A question with everything that its answer depends on. ``heard`` is its language, ``lang`` the
    answer's; ``followed`` what it means after the turns before it.
    """

    q: str
    heard: str
    lang: str
    day: date | None
    today: date | None
    plan: ClientPlan | None
    prices: Prices | None
    context: Context
    audience: str
    explain: bool
    followed: Followed

    def months(self, product: str) -> tuple[str, ...]:
        """The product's contracts with a settlement price, where prices are known."""
        return self.prices.months(product) if isinstance(self.prices, _Book) else ()


class Library:
    """Articles, tables and the index over them. ``ask`` waits for the index where it is still being built."""

    def __init__(
        self,
        shelf: Shelf,
        topics: Mapping[str, str],
        desk: Desk | None,
        today: Callable[[], date] | None,
        findings: Sequence[Finding],
    ) -> None:
        self._shelf = shelf
        self._versions = shelf.versions()
        self._topics = topics
        self._desk = desk
        self._today = today
        self._indexed_on = today() if today else None
        self._findings = tuple(findings)
        self._engines: dict[str, Engine] = {}
        self._awaited: frozenset[str] = frozenset()
        self._stands = threading.Condition()
        self._failed: BaseException | None = None
        self._masks: dict[tuple[str, date | None, str], NDArray[Any]] = {}

    @classmethod
    def load(
        cls,
        folder: Path = ARTICLES,
        *,
        facts: Mapping[str, Mapping[str, object]] | None = None,
        tables: Path = KNOWLEDGE,
        rates: CompanyRates | None = None,
        today: Callable[[], date] | None = None,
        major_amount: Decimal = Decimal(100_000),
        major_words: Sequence[str] = (),
        cache_dir: Path | None = CACHE,
        background: bool = False,
        overlay: Sequence[Sheet] = (),
    ) -> Self:
        """Load the shipped kind of library: ``folder/<lang>/*.md``, and ``contracts.csv``, ``topics.yaml``,
        ``synonyms.yaml`` and ``tables/`` below ``tables``.

        ``facts`` are the variables that articles may name, by language; ``today`` gives the business day of a
        question without a date (None: the latest versions known, and nothing is called stale); a claimed loss
        from ``major_amount`` on, or one of ``major_words``, makes a complaint major; ``cache_dir`` keeps the built index (None: not
        kept); ``background`` returns before the index stands; ``overlay`` are the house's own confirmed versions,
        laid over the files. Raises ``LibraryError`` where files cannot be
        used.
        """
        files = Files.read(folder, tables, facts, overlay)
        fatal = [finding for finding in files.findings if finding.fatal]
        if fatal:
            raise LibraryError(fatal)
        desk = files.desk(rates or CompanyRates(), facts or {}, major_amount, major_words)
        library = cls(files.shelf, files.topics, desk, today, files.findings)
        library._raise_index(files.corpora(library._indexed_on), cache_dir, background=background)
        return library

    @classmethod
    def load_plain(cls, folder: Path, *, cache_dir: Path | None = CACHE) -> Self:
        """Load a folder of plain articles (``--kb``): only the library, no calculator and no rules of
        ours.
        """
        if not folder.is_dir():
            raise LibraryError([Finding(str(folder), "is no folder", "give the folder of the articles")])
        shelf = read_plain(folder)
        if shelf.findings or not shelf.articles:
            empty = Finding(str(folder), "has no articles (*.md)", "give the folder of the articles")
            raise LibraryError(shelf.findings or [empty])
        topics = {article.topic: article.title for article in shelf.articles}
        library = cls(shelf, topics, None, None, shelf.findings)
        synonyms = read_yaml(KNOWLEDGE / "synonyms.yaml", [])
        library._raise_index(corpora_of(shelf, None, synonyms, {}, (), {}), cache_dir, background=False)
        return library

    @classmethod
    def inspect(
        cls,
        folder: Path = ARTICLES,
        *,
        facts: Mapping[str, Mapping[str, object]] | None = None,
        tables: Path = KNOWLEDGE,
    ) -> tuple[Finding, ...]:
        """Every finding about the files, fatal or not, without building an index and without raising."""
        return Files.read(folder, tables, facts).findings

    @property
    def ready(self) -> bool:
        """Whether the index of every language stands."""
        return self._failed is None and self._awaited <= self._engines.keys()

    @property
    def outdated(self) -> bool:
        """Whether versions came into force or ended since it was loaded, so that the index holds phrasings of theirs
        too many or too few.
        """
        today = self._today() if self._today else None
        return today != self._indexed_on and self._shelf.wordings(today) != self._shelf.wordings(
            self._indexed_on
        )

    def wait(self, timeout: float | None = None, *, lang: str | None = None) -> bool:
        """Wait until the index stands, of one language or of all; False when the time is up. Raises what the
        building of it raised.
        """
        wanted = frozenset((lang,)) if lang in self._awaited else self._awaited
        with self._stands:
            standing = self._stands.wait_for(
                lambda: self._failed is not None or wanted <= self._engines.keys(), timeout
            )
        if self._failed is not None:
            raise self._failed
        return standing

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
        # Chinese is recognised without an index: such a question need not wait for the English one.
        self.wait(lang="zh" if has_han(q) else None)
        begun = perf_counter()
        text = q.strip()[:_LONGEST]
        today = self._today() if self._today else None
        heard = self._language(text, before=context.lang if context else "")
        text = self._spelled(text, heard)
        question = _Question(
            q=text,
            heard=heard,
            lang=lang or heard,
            day=as_of or today,
            today=today,
            plan=plan,
            prices=prices if prices is None or callable(prices) else _Book(prices),
            context=context or Context(),
            audience=audience,
            explain=explain,
            followed=Followed(text),
        )
        answer = replace(self._answer(question), q=q)
        parts = self._parts(question, answer)
        if parts:
            answer = replace(parts[0], q=q, parts=parts, context=parts[-1].context)
        return replace(answer, ms=(perf_counter() - begun) * 1000)

    def article(self, article: str, lang: Lang, as_of: date | None = None) -> Article | None:
        """An article by id, in the version in force; None where there is none (for buttons and related
        links).
        """
        day = as_of or (self._today() if self._today else None)
        return self._version(article, lang, day, AUDIENCES[-1])

    def answer_with(
        self, article: str, lang: Lang, *, q: str = "", as_of: date | None = None
    ) -> Answer | None:
        """The answer that an article gives (a pressed button); None where it is not in force."""
        day = as_of or (self._today() if self._today else None)
        found = self._version(article, lang, day, AUDIENCES[1])
        if found is None:
            return None
        candidate = Candidate(found.topic, found.id, 1.0, found.title)
        return replace(
            self._told(found, lang, day), q=q or found.title, confidence=1.0, candidates=(candidate,)
        )

    def of_topic(self, topic: str, lang: Lang, as_of: date | None = None) -> Article | None:
        """The first article of a topic that is in force (an article's next step); None where there is
        none.
        """
        day = as_of or (self._today() if self._today else None)
        ids = sorted(a for language, a in self._versions if language == lang)
        found = (self._version(article, lang, day, AUDIENCES[1]) for article in ids)
        return next((article for article in found if article is not None and article.topic == topic), None)

    def engine(self, lang: Lang) -> "Engine | None":
        """The index of a language, for whoever compares texts as the search does."""
        self.wait()
        return self._engines.get(lang)

    def offered_products(self, lang: str) -> tuple[str, ...]:
        """Names of the products to choose from where a question names none."""
        if self._desk is None:
            return ()
        name = 0 if lang == "zh" else 1
        return tuple(self._desk.table.names(code)[name] for code in self._desk.follow_ups[lang].products)

    def products_in(self, text: str, lang: str) -> frozenset[str]:
        """Codes of the products that a text names."""
        if self._desk is None:
            return frozenset()
        found = self._desk.readers[lang].mentions(text, self._day_of_tables(None))
        return frozenset(product for mention in found for product in mention.products)

    def topics(self) -> Mapping[str, str]:
        """Slug -> what a client wants to know, from ``topics.yaml``."""
        return self._topics

    def articles(self) -> tuple[Article, ...]:
        """Every article that was read: drafts and former versions too."""
        return self._shelf.articles

    def answering(self, lang: Lang, as_of: date | None = None) -> frozenset[str]:
        """Ids of the articles that the index can answer with on a day, whoever asks."""
        self.wait()
        engine = self._engines.get(lang)
        if engine is None:
            return frozenset()
        day = as_of or (self._today() if self._today else None)
        allowed = self._allowed(engine, day, AUDIENCES[-1])
        return frozenset(name for name, can in zip(engine.keys, allowed, strict=True) if can)

    def phrasings(self, lang: Lang) -> Mapping[str, frozenset[str]]:
        """Article -> the phrasings by which the index finds it."""
        self.wait()
        engine = self._engines.get(lang)
        return engine.phrasings() if engine else {}

    def check(self) -> tuple[Finding, ...]:
        """Everything found about the files when they were read; the bot does not start with a fatal one."""
        return self._findings

    # The index ------------------------------------------------------------------------------------------------

    def _raise_index(self, corpora: Sequence["Corpus"], cache_dir: Path | None, *, background: bool) -> None:
        self._awaited = frozenset(corpus.lang for corpus in corpora)

        def build() -> None:
            from knowledge.cache import load_or_build

            try:
                for engine in load_or_build(corpora, cache_dir, apart=background):
                    with self._stands:
                        self._engines[engine.lang] = engine
                        self._stands.notify_all()
            except BaseException as error:  # noqa: BLE001 - kept and raised to whoever waits
                with self._stands:
                    self._failed = error
                    self._stands.notify_all()

        if background:
            threading.Thread(target=build, name="library-index", daemon=True).start()
        else:
            build()
            self.wait()

    def _spelled(self, text: str, heard: str) -> str:
        """Chinese as the rules and tables spell it: half width, simplified, in characters where it was typed in
        pinyin.
        """
        engine = self._engines.get(heard)
        if heard != "zh" or engine is None:
            return text
        text = unicodedata.normalize("NFKC", text).translate(engine.lexicon.traditional)
        if has_han(text) or not engine.lexicon.typed_in_pinyin(text.lower()):
            return text
        return engine.lexicon.from_pinyin(text)

    def _language(self, text: str, *, before: str = "") -> str:
        """Chinese where there are Han characters or typed pinyin; with nothing but codes and figures the language
        spoken ``before``, else Chinese.
        """
        if has_han(text):
            return "zh"
        chinese, text = self._engines.get("zh"), _LINK.sub(" ", text)
        words = re.findall(r"[a-z]{2,}", text.lower())
        if chinese is None or "en" not in self._engines:
            return "en" if words else "zh"
        if chinese.lexicon.typed_in_pinyin(text.lower()):
            return "zh"
        if self._desk and words:
            near = self._day_of_tables(None)
            mentions = self._desk.readers["en"].mentions(text, near)
            rest = "".join(
                " " if any(m.start <= at < m.end for m in mentions) else c for at, c in enumerate(text)
            )
            return "en" if re.search(r"[A-Za-z]{2,}", rest) else before or "zh"
        return "en" if words else before or "zh"

    def _allowed(self, engine: "Engine", day: date | None, audience: str) -> "NDArray[Any]":
        import numpy as np

        key = (engine.lang, day, audience)
        if key not in self._masks:
            if len(self._masks) > 64:
                self._masks.clear()
            self._masks[key] = np.asarray(
                [
                    not topic.startswith("kind:")
                    and self._version(name, engine.lang, day, audience) is not None
                    for name, topic in zip(engine.keys, engine.topics, strict=True)
                ]
            )
        return self._masks[key]

    def _version(self, article: str, lang: str, day: date | None, audience: str) -> Article | None:
        """The newest confirmed version in force that the audience may see."""
        seen = AUDIENCES[: AUDIENCES.index(audience) + 1]
        for version in reversed(self._versions.get((lang, article), ())):
            if version.status is Status.CONFIRMED and version.in_force(day):
                return version if version.audience in seen else None
        return None

    # Answering ------------------------------------------------------------------------------------------------

    def _answer(self, question: _Question) -> Answer:
        """The answer to a message after the ones before it; what was carried over is told."""
        desk = self._desk
        if desk is None:
            return self._searched(question)
        near = self._day_of_tables(question.day)
        followed = desk.follow_ups[question.heard].follow(question.q, question.context, near)
        answer = self._explained(question, followed)
        if answer is None:
            answer = self._searched(replace(question, q=followed.q, followed=followed))
        if self._needs_subject(question, answer):
            named = replace(question, q=f"{question.context.question} {question.q}")
            again = self._searched(replace(named, followed=Followed(named.q)))
            repeats = again.article == question.context.article
            if again.kind is Kind.ANSWER and not (repeats and answer.choices):
                heard = question.context.question if repeats else named.q
                followed, answer = Followed(heard, carried=("question",)), again
        return self._told_what_was_carried(question, followed, answer)

    def _searched(self, question: _Question) -> Answer:
        engine = self._engines.get(question.heard) or next(iter(self._engines.values()))
        found = engine.search(question.q)
        ranking = self._rank(engine, found, question)
        desk = self._desk
        if desk is None:
            return self._by_article(question, engine, found, ranking)
        rules, reader = desk.rules[question.heard], desk.readers[question.heard]
        text = engine.lexicon.normalise(
            reader.without_products(question.q, self._day_of_tables(question.day))
        )
        verdict = rules.before_calculation(text, desk.major_amount)
        if verdict is None:
            if question.followed.slots is not None:
                return self._calculated(question, engine, found, ranking, question.followed.slots)
            verdict = rules.after_calculation(text)
        if verdict is None:
            told = self._by_timetable(question, engine, found, ranking, text)
            if told is not None:
                return told
            verdict = self._by_example(rules, text, ranking)
        if verdict is not None:
            return self._by_verdict(question, engine, found, ranking, verdict)
        return self._by_article(question, engine, found, ranking)

    def _explained(self, question: _Question, followed: Followed) -> Answer | None:
        """What 为什么 asks for: the article that explains the last figure, or the rest of the last article."""
        lang = cast(Lang, question.lang)
        if followed.explains is not None:
            article = self.of_topic(followed.explains, lang, question.day)
            return self.answer_with(article.id, lang, q=question.q, as_of=question.day) if article else None
        if followed.more is None:
            return None
        whole = self.answer_with(followed.more, lang, q=question.q, as_of=question.day)
        if whole is not None and whole.rest:
            return replace(whole, html=whole.rest, text=to_plain(whole.rest), rest="")
        if whole is None or len(whole.related) < 2 or self._desk is None:
            return None
        return self._offered(question.q, lang, whole.related[:_MOST_CHOICES], "related")

    def _needs_subject(self, question: _Question, answer: Answer) -> bool:
        """Whether a short question was not understood by itself and may be about the last article: 要多久."""
        assert self._desk is not None
        guessed = answer.reason in ("unknown", "out_of_scope.example", "complaint.example")
        if question.context.article is None or not (guessed or answer.reason == "close"):
            return False
        return self._desk.follow_ups[question.heard].lacks_subject(question.q)

    def _told_what_was_carried(self, question: _Question, followed: Followed, answer: Answer) -> Answer:
        """The answer with what it took from earlier turns, what is missing, and what the next may take up."""
        context = replace(self._remembered(question, followed, answer), lang=answer.lang)
        answer = self._asked_for_product(question, followed, replace(answer, context=context))
        if not followed.carried or answer.kind not in (Kind.CALC, Kind.ANSWER):
            return answer
        told = self._carried(question, followed, answer)
        return replace(
            answer,
            carried=told,
            text=f"{told}\n{answer.text}",
            html=f"<i>{escape(told)}</i>\n{answer.html}",
        )

    def _remembered(self, question: _Question, followed: Followed, answer: Answer) -> Context:
        """What the next turn may take up. Small talk and what was not understood leave it as it was."""
        assert self._desk is not None
        if answer.kind is Kind.CALC:
            return answer.context
        if answer.kind is not Kind.ANSWER:
            return question.context
        reader, near = self._desk.readers[question.heard], self._day_of_tables(question.day)
        products = tuple(dict.fromkeys(p for m in reader.mentions(followed.q, near) for p in m.products))
        kept = Context(products=products) if products else question.context
        title = answer.title or ""
        return replace(kept, question=followed.q, topic=answer.topic, article=answer.article, title=title)

    def _asked_for_product(self, question: _Question, followed: Followed, answer: Answer) -> Answer:
        """Where a figure was asked for and no product named, the product is missing and the figure remembered."""
        assert self._desk is not None
        wanted = followed.wanted
        if wanted is None:
            return answer
        told = answer.kind is Kind.ANSWER
        not_understood = answer.kind is Kind.CLARIFY or answer.reason == "unknown"
        calculable = wanted.lots or self._desk.follow_ups[question.heard].asks_for_product(answer.topic)
        if not not_understood and not (told and calculable):
            return answer
        figures = remembered(wanted, followed.q, None, followed.day)
        last = answer.context if told else Context()
        context = replace(figures, topic=last.topic, article=last.article, title=last.title, lang=answer.lang)
        answer = replace(answer, missing=("product",), context=context)
        if told:
            return answer
        text = str(self._desk.texts[question.lang]["which_product"])
        return replace(answer, text=text, html=escape(text))

    def _carried(self, question: _Question, followed: Followed, answer: Answer) -> str:
        """What an answer took from earlier turns, in words: 按豆粕、2 手计算（沿用上文）."""
        assert self._desk is not None
        texts = self._desk.texts[question.lang]["carried"]
        if followed.slots is None or answer.calc is None:
            return str(texts["question"]).format(q=followed.q)
        slots, calc = followed.slots, answer.calc
        name = 0 if question.lang == "zh" else 1
        said = [calc.contract or self._desk.table.names(p)[name] for p in slots.products]
        if calc.lots is not None:
            said.append(str(texts["lots"]).format(lots=calc.lots))
        if slots.capital is not None:
            said.append(str(texts["capital"]).format(capital=plain(slots.capital)))
        if slots.price is not None:
            said.append(str(texts["price"]).format(price=plain(slots.price)))
        if followed.day is not None:
            said.append(str(texts["day"]).format(day=followed.day))
        return str(texts["figures"]).format(what=str(texts["joint"]).join(said))

    def _rank(self, engine: "Engine", found: "Found", question: _Question) -> "Ranking":
        from knowledge.confidence import rank

        return rank(engine, found.scores, found.known, self._allowed(engine, question.day, question.audience))

    def _by_example(self, rules: Rules, text: str, ranking: "Ranking") -> Verdict | None:
        """A kind that the question is likelier to be of than to be one for the library, by the kinds'
        examples.
        """
        if not ranking.kind_shares:
            return None
        name, share = max(ranking.kind_shares.items(), key=lambda item: item[1])
        kind = Kind(name)
        library = 1.0 - sum(ranking.kind_shares.values())
        if ranking.confidence >= _SURE:
            needed = _KIND_OVER_SURE
        elif kind is Kind.ADVICE:
            needed = _ADVICE_OVER_LIBRARY * max(library, _KIND_FROM)
        else:
            needed = max(library, _KIND_FROM)
        if share < needed:
            return None
        if share < _EXAMPLES_DECIDE or kind is Kind.ACCOUNT:
            sure = kind is Kind.OUT_OF_SCOPE and ranking.confidence >= ANSWER_FROM
            if sure or rules.speaks_against(kind, text):
                return None
        if kind is Kind.COMPLAINT and self._desk:
            return rules.complaint(text, self._desk.major_amount, "complaint.example")
        return Verdict(kind, f"{kind.value}.example")

    def _day_of_tables(self, day: date | None) -> date:
        assert self._desk is not None
        return day or self._desk.table.last_day()

    def _calculated(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", slots: Slots
    ) -> Answer:
        assert self._desk is not None
        reckoned = self._desk.calculator.reckon(
            slots,
            lang=question.lang,
            day=question.followed.day or self._day_of_tables(question.day),
            today=question.today,
            plan=question.plan,
            prices=question.prices,
        )
        text = "\n".join((*self._expired(question, slots), reckoned.text))
        head, _, rest = text.partition("\n")
        html = f"<b>{escape(head)}</b>" + (f"\n{escape(rest)}" if rest else "")
        calc = reckoned.calc
        contract = calc.contract if isinstance(calc.product, str) else None
        return self._framed(
            question,
            engine,
            found,
            ranking,
            Answer(
                q=question.q,
                kind=Kind.CALC,
                text=text,
                html=html,
                lang=question.lang,
                calc=calc,
                citations=reckoned.citations,
                reason=f"calc.{calc.ask.value}",
                missing=reckoned.missing,
                related=tuple(self._explaining(question, calc.ask)),
                context=remembered(slots, question.q, contract, question.followed.day),
            ),
        )

    def _by_timetable(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", text: str
    ) -> Answer | None:
        """When is traded: answered from the tables, where the question is of that kind."""
        assert self._desk is not None
        day = question.day
        if day is None:
            return None
        asked = self._desk.timetable_readers[question.heard].read(text, day)
        if asked is None:
            return None
        mentions = self._desk.readers[question.heard].mentions(question.q, day)
        told = self._desk.timetables[question.lang].answer(asked, mentions, day, question.months)
        if told is None:
            return None
        head, *rest = told.lines
        article = self.of_topic(told.topic, cast(Lang, question.lang), day)
        answer = Answer(
            q=question.q,
            kind=Kind.ANSWER,
            text="\n".join(told.lines),
            html="\n".join((f"<b>{escape(head)}</b>", *map(escape, rest))),
            lang=question.lang,
            topic=told.topic,
            title=question.q,
            citations=told.citations,
            related=(Candidate(article.topic, article.id, 0.0, article.title),) if article else (),
            reason="timetable",
        )
        return self._framed(question, engine, found, ranking, answer)

    def _expired(self, question: _Question, slots: Slots) -> list[str]:
        """That a contract asked about has expired, and which ones are traded; empty where all are alive."""
        assert self._desk is not None
        timetable, day = self._desk.timetables[question.lang], question.followed.day or question.day
        named = [m.contract for m in slots.mentions if m.contract is not None]
        if day is None or not (over := [c for c in named if timetable.expired(c, day)]):
            return []
        lines = [line for c in over for line in timetable.expired_lines(c, day, question.months(c.product))]
        return [*lines, timetable.say("for_reference")]

    def _explaining(self, question: _Question, ask: Ask) -> Iterator[Candidate]:
        """What may be asked next after a figure."""
        assert self._desk is not None
        for topic in self._desk.follow_ups[question.heard].about(ask):
            article = self.of_topic(topic, cast(Lang, question.lang), question.day)
            if article is not None:
                yield Candidate(article.topic, article.id, 0.0, article.title)

    def _by_verdict(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", verdict: Verdict
    ) -> Answer:
        text = self._say(question.lang, verdict)
        return self._framed(
            question,
            engine,
            found,
            ranking,
            Answer(
                q=question.q,
                kind=verdict.kind,
                text=text,
                html=escape(text),
                lang=question.lang,
                severity=verdict.severity,
                category=verdict.category,
                reason=verdict.reason,
                emergency=verdict.emergency,
            ),
        )

    def _say(self, lang: str, verdict: Verdict) -> str:
        if self._desk is None:
            return ""
        texts = self._desk.texts[lang]
        for key in (verdict.reason, verdict.kind.value):
            if key in texts:
                return str(texts[key])
        return self._unknown(lang)

    def _unknown(self, lang: str) -> str:
        if self._desk is None:
            return "知识库里没有依据。" if lang == "zh" else "The library has no source for this."
        texts, hours = self._desk.texts[lang], self._desk.hours.get(lang)
        return str(texts["unknown"]).format(hours=hours) if hours else str(texts["unknown_no_hours"])

    def _by_article(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking"
    ) -> Answer:
        plain = self._desk is None
        answer_from, clarify_from = (
            (PLAIN_ANSWER_FROM, PLAIN_CLARIFY_FROM) if plain else (ANSWER_FROM, CLARIFY_FROM)
        )
        earlier = self._not_in_force(question, engine, found, ranking, answer_from)
        if earlier is not None:
            return self._framed(question, engine, found, ranking, earlier)
        if not ranking.groups or ranking.confidence < clarify_from:
            text = self._unknown(question.lang)
            nothing = Answer(
                question.q, Kind.OUT_OF_SCOPE, text, escape(text), question.lang, reason="unknown"
            )
            return self._framed(question, engine, found, ranking, nothing)
        best = self._in_language(engine.keys[ranking.groups[0]], engine.lang, question)
        if ranking.confidence >= answer_from or len(ranking.groups) == 1:
            return self._framed(
                question, engine, found, ranking, self._told(best, question.lang, question.day)
            )
        choices = tuple(self._choices(question, engine, ranking))
        lead = "clarify_weak" if ranking.confidence < _WEAK else "clarify"
        clarify = self._offered(question.q, question.lang, choices, "close", lead)
        return self._framed(question, engine, found, ranking, clarify)

    def _offered(
        self, q: str, lang: str, choices: tuple[Candidate, ...], reason: str, lead: str = "clarify"
    ) -> Answer:
        """Candidates to choose from; listed in the plain text, buttons elsewhere. ``lead`` names the sentence."""
        text = str(self._desk.texts[lang][lead]) if self._desk else ""
        listed = "\n".join(f"{number}. {choice.title}" for number, choice in enumerate(choices, start=1))
        return Answer(
            q=q,
            kind=Kind.CLARIFY,
            text=f"{text}\n{listed}".strip(),
            html=escape(text) or escape(listed),
            lang=lang,
            topic=choices[0].topic,
            article=choices[0].article,
            choices=choices,
            reason=reason,
        )

    def _choices(self, question: _Question, engine: "Engine", ranking: "Ranking") -> Iterator[Candidate]:
        """Up to four topics, as many as are needed to cover most of the probability; none that is unlikely but
        the second.
        """
        covered = 0.0
        for number, (group, share) in enumerate(zip(ranking.groups, ranking.shares, strict=True)):
            unlikely = self._desk is not None and share < _WORTH_OFFERING
            if number >= _MOST_CHOICES or (number >= 2 and (unlikely or covered >= _ENOUGH)):
                return
            if unlikely and number == 1 and ranking.confidence < _WEAK:
                return
            covered += share
            yield self._candidate(engine, group, share, question)

    def _candidate(self, engine: "Engine", group: int, share: float, question: _Question) -> Candidate:
        article = self._in_language(engine.keys[group], engine.lang, question)
        return Candidate(engine.topics[group], engine.keys[group], share, article.title)

    def _in_language(self, article: str, heard: str, question: _Question) -> Article:
        """The article in the answer's language, else in the one it was found in."""
        for lang in (question.lang, heard):
            found = self._version(article, lang, question.day, question.audience)
            if found is not None:
                return found
        return self._versions[(heard, article)][-1]

    def _not_in_force(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", answer_from: float
    ) -> Answer | None:
        """Where an article would answer, had the day asked for not been before its first day."""
        from knowledge.confidence import rank

        if self._desk is None or question.day is None or question.day == question.today:
            return None
        whenever = rank(engine, found.scores, found.known, self._allowed(engine, None, question.audience))
        if not whenever.groups or whenever.confidence < answer_from:
            return None
        article = engine.keys[whenever.groups[0]]
        first = self._versions[(engine.lang, article)][0].effective_from
        if (
            first is None
            or first <= question.day
            or self._allowed(engine, question.day, question.audience)[whenever.groups[0]]
        ):
            return None
        if ranking.groups and engine.topics[ranking.groups[0]] == engine.topics[whenever.groups[0]]:
            return None
        text = str(self._desk.texts[question.lang]["not_in_force"]).format(day=first, asked=question.day)
        return Answer(question.q, Kind.OUT_OF_SCOPE, text, escape(text), question.lang, reason="not_in_force")

    def _told(self, article: Article, lang: str, day: date | None) -> Answer:
        """An article as an answer: its text, then its source on the last line."""
        source = self._source_line(article, lang)
        citation = Citation(
            article=article.id,
            version=article.version,
            effective_from=article.effective_from,
            source=article.source,
        )
        related = tuple(
            Candidate(other.topic, other.id, 0.0, other.title)
            for name in article.related
            if (other := self._version(name, article.lang, day, "public")) is not None
        )
        told = f"\n\n<i>{escape(source)}</i>"
        html, rest = fold(article.html, str(self._desk.texts[lang]["more"]) if self._desk else "")
        return Answer(
            q="",
            kind=Kind.ANSWER,
            text=f"{article.text}\n\n{source}",
            html=html + told,
            rest=rest + told if rest else "",
            lang=lang,
            topic=article.topic,
            article=article.id,
            title=article.title,
            citations=(citation,),
            related=related,
            next_steps=article.next_steps,
            reason="article",
            context=Context(
                question=article.title, topic=article.topic, article=article.id, title=article.title
            ),
        )

    def _source_line(self, article: Article, lang: str) -> str:
        source = source_for_clients(article)
        if self._desk is None:
            return f"{'依据：' if lang == 'zh' else 'Source: '}{source}"
        texts = self._desk.texts[lang]
        if article.effective_from is None:
            return str(texts["source"]).format(source=source)
        return str(texts["source_from"]).format(source=source, day=article.effective_from)

    def _framed(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", answer: Answer
    ) -> Answer:
        """The answer with what the search found, whatever the kind."""
        candidates = tuple(
            self._candidate(engine, group, share, question)
            for group, share in list(zip(ranking.groups, ranking.shares, strict=True))[:_MOST_CHOICES]
        )
        return replace(
            answer,
            q=question.q,
            confidence=ranking.confidence,
            candidates=candidates,
            explanation=self._explained_to_staff(question, engine, found, ranking, answer)
            if question.explain
            else {},
        )

    def _explained_to_staff(
        self, question: _Question, engine: "Engine", found: "Found", ranking: "Ranking", answer: Answer
    ) -> dict[str, Any]:
        article = answer.article and self._version(
            answer.article, answer.lang, question.day, question.audience
        )
        because = _declined_because(engine, ranking, answer)
        return {
            **({"declined_because": because} if because else {}),
            **({"to_be_confirmed": "by compliance"} if article and article.basis in ("K", "D") else {}),
            **_explain(engine, found, ranking, answer),
        }

    def _parts(self, question: _Question, whole: Answer) -> tuple[Answer, ...]:
        """Several questions in one message, each answered; empty where it is one, or where a piece alone says
        nothing certain.
        """
        if self._desk is None or whole.kind in (Kind.COMPLAINT, Kind.HANDOFF):
            return ()
        pieces = split_questions(question.q)
        if len(pieces) < 2:
            return ()
        answers: list[Answer] = []
        context = question.context
        for piece in pieces:
            begun = perf_counter()
            answer = self._answer(replace(question, q=piece, context=context))
            if answer.reason == "smalltalk":
                continue
            context = answer.context
            answers.append(replace(answer, ms=(perf_counter() - begun) * 1000))
        settled = [a for a in answers if a.kind not in (Kind.OUT_OF_SCOPE, Kind.CLARIFY)]
        told = {(a.kind, a.article, a.calc) for a in settled}
        return tuple(settled) if len(settled) == len(answers) and len(told) > 1 else ()


class _Book:
    """A mapping of settlements as ``Prices``: without a contract, the product's newest, then its nearest
    month.
    """

    def __init__(self, settlements: Mapping[str, tuple[Decimal, date]]) -> None:
        self._settlements = settlements
        self._by_product: dict[str, list[Quote]] = {}
        for contract, (price, day) in settlements.items():
            match = re.fullmatch(r"([A-Za-z]+)\d{3,4}(F?)", contract)
            if match:
                product = match[1] + ("_f" if match[2] else "")
                self._by_product.setdefault(product, []).append(Quote(contract, price, day))

    def __call__(self, product: str, contract: str | None) -> Quote | None:
        if contract is not None:
            known = self._settlements.get(contract)
            return Quote(contract, *known) if known else None
        quotes = self._by_product.get(product, ())
        return min(quotes, key=lambda q: (-q.day.toordinal(), q.contract), default=None)

    def months(self, product: str) -> tuple[str, ...]:
        """The contracts of a product that have a settlement."""
        return tuple(quote.contract for quote in self._by_product.get(product, ()))


def _declined_because(engine: "Engine", ranking: "Ranking", answer: Answer) -> str:
    """One sentence for staff where a question was declined or asked back; empty where it was answered."""
    best = engine.keys[ranking.groups[0]] if ranking.groups else "none"
    close = f"the nearest article, {best}, is right with probability {ranking.confidence:.2f}"
    if answer.kind is Kind.CLARIFY:
        return f"asked back because {close}, and {ANSWER_FROM} is needed to answer at once"
    if answer.kind is Kind.OUT_OF_SCOPE and answer.reason == "unknown" and ranking.confidence < CLARIFY_FROM:
        return f"declined because {close}, and {CLARIFY_FROM} is needed to offer it"
    if answer.kind in (Kind.ADVICE, Kind.OUT_OF_SCOPE):
        by = "the examples of its kind" if answer.reason.endswith(".example") else "a rule"
        return f"declined because {by} ({answer.reason}) recognised it before the search was asked; {close}"
    return ""


def _explain(engine: "Engine", found: "Found", ranking: "Ranking", answer: Answer) -> dict[str, Any]:
    """Why this answer: what was read, what decided, what came close and was rejected."""
    from knowledge.index import SCORES

    reading = found.reading
    return {
        "language": engine.lang,
        "rule": answer.reason,
        "read_as": reading.text,
        "words": list(reading.tokens),
        "added_terms": list(reading.appended),
        "concepts": list(reading.concepts),
        "known_words": round(found.known, 3),
        "confidence": round(ranking.confidence, 4),
        "answers_from": ANSWER_FROM,
        "offers_from": CLARIFY_FROM,
        "kinds": {kind: round(share, 4) for kind, share in ranking.kind_shares.items()},
        "candidates": [
            {
                "article": engine.keys[group],
                "topic": engine.topics[group],
                "share": round(share, 4),
                "scores": {name: round(float(found.scores[at][group]), 4) for at, name in enumerate(SCORES)},
                "nearest": [[text, round(value, 3)] for text, value in engine.nearest(found, group)],
            }
            for group, share in list(zip(ranking.groups, ranking.shares, strict=True))[:_MOST_CHOICES]
        ],
    }

"""Answers a question from the library and remembers what was said, from what, and whether it helped."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import cast

from db import answers
from db.models import Exchange
from domain.errors import Refusal
from domain.knowledge import Answer, Context, Kind, Severity
from domain.masking import masked_words
from domain.people import Actor
from knowledge.conversation import MOST_MISSES, misses
from knowledge.guard_rails import Rail
from knowledge.library import Lang
from services import plans
from services.work import Work

LONGEST = 2000
_MOST_QUOTES = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as the chat shows it, and the number under which its usefulness is reported.

    ``quotes`` are settlements to choose from where a price is missing; ``products`` the names of products to choose
    from where one is. ``person_due``: it was not understood after the second chance either. ``rail``: the words
    tell of something that compliance should hear of, or hold what should not be sent in chat.
    """

    answer: Answer
    exchange_id: int
    quotes: tuple[tuple[str, Decimal], ...] = ()
    products: tuple[str, ...] = ()
    person_due: bool = False
    rail: Rail | None = None


async def ask(work: Work, who: Actor, text: str, *, after: int | None = None) -> Reply:
    """Answers a client's or a stranger's words. Refuses texts over ``LONGEST`` characters with ``too_long``.

    The turns before are taken up while ``chat.carry_minutes`` last. ``after`` names the exchange that a pressed
    button completes, however long ago it was.
    """
    question = text.replace("\x00", "").strip()
    if len(question) > LONGEST:
        raise Refusal("too_long", longest=LONGEST)
    last = await _last(work, who) if after is None else await _own(work, who, after)
    context = Context.read(last.context) if last is not None else Context()
    answer = await _answer(work, who, question, context)
    offered = last is not None and last.kind == Kind.CLARIFY.value and last.helpful is None
    missed = misses(_misses(last), answer, offered=offered)
    hit = work.deps.rails().of_client(question)
    if hit is not None and hit.rail.client == "hint":
        question = masked_words(question)
    exchange_id = await _remember(work, who, question, answer, missed)
    return Reply(
        answer,
        exchange_id,
        await _quotes(work, answer) if "price" in answer.missing else (),
        work.deps.library().offered_products(answer.lang) if "product" in answer.missing else (),
        missed >= MOST_MISSES,
        hit.rail if hit is not None and not _only_asked(answer, hit.rail) else None,
    )


def _only_asked(answer: Answer, rail: Rail) -> bool:
    """Whoever asks for a promise or a forecast has been declined; he does not report that he was given one."""
    return answer.kind is Kind.ADVICE and rail.code in ("promised_return", "recommendation")


async def ask_article(work: Work, who: Actor, article: str) -> Reply:
    """The answer that one article gives: a candidate or a related article that was pressed."""
    last = await _last(work, who)
    if last is not None and last.missed == "unchosen":
        last.missed = None
    found = work.deps.library().answer_with(article, cast(Lang, who.lang), as_of=work.today)
    if found is None:
        raise Refusal("withdrawn")
    if last is not None:
        carried = replace(
            Context.read(last.context),
            question=found.context.question,
            topic=found.topic,
            article=found.article,
            title=found.context.title,
        )
        found = replace(found, context=carried)
    return Reply(found, await _remember(work, who, found.title or article, found))


async def rest_of(work: Work, who: Actor, article: str) -> str:
    """The part of an article that its first message left out, as HTML."""
    found = work.deps.library().answer_with(article, cast(Lang, who.lang), as_of=work.today)
    if found is None or not found.rest:
        raise Refusal("withdrawn")
    return found.rest


async def ask_topic(work: Work, who: Actor, topic: str) -> Reply:
    """A next step that was pressed: the article that it names, or a topic's first (topics have a dot, ids none)."""
    if "." not in topic:
        return await ask_article(work, who, topic)
    found = work.deps.library().of_topic(topic, cast(Lang, who.lang), as_of=work.today)
    if found is None:
        raise Refusal("withdrawn")
    return await ask_article(work, who, found.id)


async def rate(work: Work, who: Actor, exchange_id: int, helpful: bool) -> None:
    """Stores whether an answer helped; the last press counts."""
    exchange = await _own(work, who, exchange_id)
    exchange.helpful = helpful
    if not helpful:
        exchange.missed = exchange.missed or "unhelpful"
    elif exchange.gap_id is None:
        exchange.missed = None


async def none_fits(work: Work, who: Actor, exchange_id: int) -> bool:
    """None of the candidates was meant; whether a person is due. The same press twice counts once."""
    exchange = await _own(work, who, exchange_id)
    missed = _misses(exchange) + (exchange.helpful is None)
    await rate(work, who, exchange_id, False)
    exchange.context = {**exchange.context, "misses": missed}
    return missed >= MOST_MISSES


async def asked_in(work: Work, who: Actor, exchange_id: int) -> str:
    """The words of an exchange, for the person who takes it over."""
    return (await _own(work, who, exchange_id)).question


def complaint_of(said: str, lang: str, category: str) -> Answer:
    """A complaint of conduct, as the library would have heard it."""
    return Answer(
        said, Kind.COMPLAINT, "", "", lang, severity=Severity.MAJOR, category=int(category), reason="rail"
    )


async def _own(work: Work, who: Actor, exchange_id: int) -> Exchange:
    exchange = await work.session.get(Exchange, exchange_id)
    if exchange is None or exchange.chat_id != who.chat_id:
        raise Refusal("not_found")
    return exchange


async def _last(work: Work, who: Actor) -> Exchange | None:
    carry = timedelta(minutes=work.policy.chat.carry_minutes)
    return await answers.last_exchange(work.session, who.chat_id, since=work.now - carry)


def _misses(exchange: Exchange | None) -> int:
    return int(exchange.context.get("misses", 0)) if exchange is not None else 0


async def _quotes(work: Work, answer: Answer) -> tuple[tuple[str, Decimal], ...]:
    """The nearest months of the product with their settlements, where the month asked for has none."""
    calc = answer.calc
    if calc is None or not isinstance(calc.product, str):
        return ()
    known = await work.deps.prices.latest(work.session)
    months = sorted(c for c in known if c.rstrip("0123456789") == calc.product)
    return tuple((contract, known[contract][0]) for contract in months[:_MOST_QUOTES])


async def _answer(work: Work, who: Actor, question: str, context: Context) -> Answer:
    # A bare figure has no language: it is answered in the chat's.
    lang = None if any(c.isalpha() for c in question) else cast(Lang, who.lang)
    return work.deps.library().ask(
        question,
        lang=lang,
        as_of=work.today,
        plan=plans.of(work.policy, who.client),
        prices=await work.deps.prices.latest(work.session),
        context=context,
        audience="client" if who.clients else "public",
    )


async def _remember(work: Work, who: Actor, question: str, answer: Answer, missed: int = 0) -> int:
    return await answers.add_exchange(
        work.session,
        chat_id=who.chat_id,
        client_id=who.client.id if who.client else None,
        at=work.now,
        question=question,
        kind=answer.kind.value,
        topic=answer.topic,
        article=answer.article,
        confidence=answer.confidence,
        citations=[c.as_json() for c in answer.citations],
        answer=answer.text,
        missed=_missed(answer),
        context=answer.context.as_json() | ({"misses": missed} if missed else {}),
    )


def _missed(answer: Answer) -> str | None:
    """Why the library has to learn from a question (services/gaps.py); None where it need not."""
    if answer.kind is Kind.OUT_OF_SCOPE and answer.reason in ("unknown", "out_of_scope.example"):
        return "unanswered"
    return "unchosen" if answer.kind is Kind.CLARIFY else None

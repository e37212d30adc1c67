"""Answers a question from the library and remembers what was said, from what, and whether it helped."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from db import answers
from db.models import Exchange
from domain.errors import Refusal
from domain.knowledge import Answer, Kind
from domain.people import Actor
from knowledge.library import Lang
from services import plans
from services.work import Work

LONGEST = 2000
# For how long the last question is what a bare number or "and for soybean meal?" belongs to.
_CARRY = timedelta(minutes=15)
_BARE_PRICE = re.compile(r"\s*(?:按|价格|at)?\s*(\d{1,7}(?:\.\d{1,4})?)\s*(?:元|点|块)?\s*")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as the chat shows it, and the number under which its usefulness is reported."""

    answer: Answer
    exchange_id: int


async def ask(work: Work, who: Actor, text: str) -> Reply:
    """Answers a client's or a stranger's words. Refuses texts over ``LONGEST`` characters with ``too_long``."""
    question = text.replace("\x00", "").strip()
    if len(question) > LONGEST:
        raise Refusal("too_long", longest=LONGEST)
    last = await answers.last_exchange(work.session, who.chat_id, since=work.now - _CARRY)
    asked = _with_price(last, question)
    answer = await _answer(work, who, asked)
    return Reply(answer, await _remember(work, who, asked, answer))


async def ask_article(work: Work, who: Actor, article: str) -> Reply:
    """The answer that one article gives: a candidate or a related article that was pressed."""
    last = await answers.last_exchange(work.session, who.chat_id, since=work.now - _CARRY)
    if last is not None and last.missed == "unchosen":
        last.missed = None
    found = work.deps.library().answer_with(article, cast(Lang, who.lang), as_of=work.today)
    if found is None:
        raise Refusal("withdrawn")
    return Reply(found, await _remember(work, who, found.title or article, found))


async def ask_topic(work: Work, who: Actor, topic: str) -> Reply:
    """The answer of a topic's first article: a next step that was pressed."""
    found = work.deps.library().of_topic(topic, cast(Lang, who.lang), as_of=work.today)
    if found is None:
        raise Refusal("withdrawn")
    return await ask_article(work, who, found.id)


async def rate(work: Work, who: Actor, exchange_id: int, helpful: bool) -> None:
    """Stores whether an answer helped; the last press counts."""
    exchange = await work.session.get(Exchange, exchange_id)
    if exchange is None or exchange.chat_id != who.chat_id:
        raise Refusal("not_found")
    exchange.helpful = helpful
    if not helpful:
        exchange.missed = exchange.missed or "unhelpful"
    elif exchange.gap_id is None:
        exchange.missed = None


async def _answer(work: Work, who: Actor, question: str) -> Answer:
    return work.deps.library().ask(
        question,
        as_of=work.today,
        plan=plans.of(work.policy, who.client),
        prices=await work.deps.prices.latest(work.session),
        audience="client" if who.clients else "public",
    )


async def _remember(work: Work, who: Actor, question: str, answer: Answer) -> int:
    exchange = Exchange(
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
    )
    work.session.add(exchange)
    await work.session.flush()
    return exchange.id


def _missed(answer: Answer) -> str | None:
    """Why the library has to learn from a question (services/gaps.py); None where it need not."""
    if answer.kind is Kind.OUT_OF_SCOPE and answer.reason == "unknown":
        return "unanswered"
    return "unchosen" if answer.kind is Kind.CLARIFY else None


def _with_price(last: Exchange | None, question: str) -> str:
    """A bare number after a calculation that lacked its price completes that question."""
    price = _BARE_PRICE.fullmatch(question)
    if last is None or price is None or last.kind != Kind.CALC.value:
        return question
    return f"{last.question} 按{price[1]}算"

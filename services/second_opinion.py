"""A model looks at an answer that waits in the outbox: for a moment, after the commit, and never instead of the library.

The message is held back for ``model.patience_seconds`` at most, then it leaves by itself: whatever becomes of the call
or of this process. What the model may do is reorder or settle close candidates, and restate an article in words that
a checker has passed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import cast

import structlog

from db import locks, queues
from db.models import Exchange, OutboxMessage
from domain.errors import place
from domain.knowledge import Answer, Kind
from domain.masking import masked_words
from domain.people import Actor
from gateways.model import Model, ModelError
from knowledge.library import Lang, Library
from knowledge.markup import escape, to_plain
from knowledge.restating import faults
from knowledge.second_opinion import cosines, weighed
from services import outbox
from services.outbox import Row
from services.work import Deps, Work, working

log = structlog.get_logger()

Buttons = Callable[[Answer], Sequence[Row]]

_LONGEST = 3000
# What is left of the patience to store what came, so that the message does not leave in between.
_TO_ASK = 0.85
_running: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class _Asked:
    """An answer that waits: ``question`` is masked already."""

    question: str
    answer: Answer
    chat_id: int
    lang: str
    today: date
    exchange_id: int
    outbox_id: int
    buttons: Buttons


async def ask_for(
    work: Work, who: Actor, exchange_id: int, answer: Answer, outbox_id: int | None, buttons: Buttons
) -> None:
    """Holds the message back for a moment and lets the model look, where one is configured and may be asked."""
    model = work.deps.model
    if model is None or outbox_id is None or not model.ready or not _worth(work.deps, answer):
        return
    if await queues.next_number(work.session, f"model/{work.today}") > work.policy.model.daily_calls:
        return
    patience = timedelta(seconds=float(work.policy.model.patience_seconds))
    await queues.set_messages(work.session, [outbox_id], not_before=work.deps.wall() + patience)
    work.written = [message for message in work.written if message.id != outbox_id]
    names = [who.client.name] if who.client else []
    asked = _Asked(
        question=masked_words(answer.q, names),
        answer=answer,
        chat_id=who.chat_id,
        lang=who.lang,
        today=work.today,
        exchange_id=exchange_id,
        outbox_id=outbox_id,
        buttons=buttons,
    )
    deps = work.deps
    work.after_commit.append(lambda: _start(deps, model, asked))


def _worth(deps: Deps, answer: Answer) -> bool:
    """Close candidates; or an article that the search found, where wording is wanted."""
    policy = deps.policy.model
    if answer.kind is Kind.CLARIFY:
        return len(answer.choices) > 1 and not answer.missing
    return answer.kind is Kind.ANSWER and policy.reword and len(answer.html) <= _LONGEST


def _start(deps: Deps, model: Model, asked: _Asked) -> None:
    task = asyncio.get_running_loop().create_task(_give(deps, model, asked))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _give(deps: Deps, model: Model, asked: _Asked) -> None:
    better: Answer | None = None
    try:
        async with asyncio.timeout(float(deps.policy.model.patience_seconds) * _TO_ASK):
            better = await _better(deps, model, asked)
    except (ModelError, TimeoutError) as error:
        log.info("model not used", reason=str(error) or "patience")
    except Exception as error:  # noqa: BLE001  # the message leaves by itself, whatever a model's reply has upset
        log.error("model's reply could not be used", error=type(error).__name__, place=place(error))
    async with working(deps) as work:
        await _let_go(work, asked, better)


async def _better(deps: Deps, model: Model, asked: _Asked) -> Answer | None:
    if asked.answer.kind is Kind.CLARIFY:
        return await _settled(deps, model, asked)
    return await _reworded(deps, model, asked)


async def _settled(deps: Deps, model: Model, asked: _Asked) -> Answer | None:
    """The candidates in a better order, or the answer of the one that everything points to."""
    choices = asked.answer.choices
    titles = [choice.title for choice in choices]
    closeness = None
    if deps.policy.model.embedding_model is not None:
        question, *others = await model.embed([asked.question, *titles])
        closeness = cosines(question, others)
    chosen = await model.choose(asked.question, titles) if deps.policy.model.chat_model is not None else None
    opinion = weighed([choice.score for choice in choices], closeness, chosen)
    if opinion.sure:
        lang = cast(Lang, asked.answer.lang)
        found = deps.library().answer_with(choices[opinion.order[0]].article, lang, as_of=asked.today)
        if found is not None:
            return replace(found, confidence=asked.answer.confidence)
    return replace(asked.answer, choices=tuple(choices[at] for at in opinion.order))


async def _reworded(deps: Deps, model: Model, asked: _Asked) -> Answer | None:
    """The article in other words, where they say nothing that it does not say; its source stays."""
    text, mark, source = asked.answer.html.rpartition("\n\n<i>")
    cited = to_plain(text)
    wording = await model.reword(asked.question, cited, asked.answer.lang)
    found = _faults(deps, deps.library(), asked, wording, cited)
    if found:
        log.info("model's wording refused", faults=list(found))
        return None
    return replace(asked.answer, html=f"{escape(wording)}{mark}{source}", text=wording)


def _faults(deps: Deps, library: Library, asked: _Asked, wording: str, cited: str) -> tuple[str, ...]:
    lang = asked.answer.lang
    return faults(
        wording,
        cited,
        lang=lang,
        question=asked.question,
        products=lambda text: library.products_in(text, lang),
        rails=deps.rails(),
    )


async def _let_go(work: Work, asked: _Asked, better: Answer | None) -> None:
    """The message may leave, with the better answer in it where there is one. One that has left is left alone."""
    row = await locks.locked(work.session, OutboxMessage, asked.outbox_id)
    if row is None or row.state != "pending":
        return
    row.not_before = None
    if better is None:
        return
    message = outbox.message(
        work, asked.chat_id, "text", {"html": better.html}, lang=asked.lang, buttons=asked.buttons(better)
    )
    row.body, row.token, row.actions = message["body"], message["token"], message["actions"]
    exchange = await work.session.get(Exchange, asked.exchange_id)
    if exchange is None:
        return
    exchange.answer = better.text
    if better.kind is not asked.answer.kind:
        exchange.kind, exchange.missed = better.kind.value, None
        exchange.topic, exchange.article = better.topic, better.article
        exchange.citations = [citation.as_json() for citation in better.citations]
        exchange.context = {**exchange.context, **better.context.as_json()}

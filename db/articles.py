"""Versions of articles that the house wrote."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import ArticleVersion


async def confirmed(session: AsyncSession) -> Sequence[ArticleVersion]:
    """Every confirmed version, withdrawals included, in the order of their confirmation."""
    return list(
        await session.scalars(
            select(ArticleVersion)
            .where(ArticleVersion.sequence.is_not(None))
            .order_by(ArticleVersion.sequence)
        )
    )


async def newest_sequence(session: AsyncSession) -> int:
    """The number of the latest confirmation; 0 before the first."""
    return int(await session.scalar(select(func.max(ArticleVersion.sequence))) or 0)


async def locked(session: AsyncSession, version_id: int) -> ArticleVersion | None:
    """A version to be changed: two presses take turns."""
    return await locks.locked(session, ArticleVersion, version_id)


async def in_state(session: AsyncSession, state: str, limit: int = 50) -> Sequence[ArticleVersion]:
    """Versions in a state, oldest first."""
    return list(
        await session.scalars(
            select(ArticleVersion)
            .where(ArticleVersion.state == state)
            .order_by(ArticleVersion.id)
            .limit(limit)
        )
    )


async def of_batch(session: AsyncSession, batch: str, *states: str) -> Sequence[ArticleVersion]:
    """The drafts of one imported file in these states, to be changed."""
    return list(
        await session.scalars(
            select(ArticleVersion)
            .where(ArticleVersion.batch == batch, ArticleVersion.state.in_(states))
            .order_by(ArticleVersion.id)
            .with_for_update()
        )
    )


async def untold(session: AsyncSession, sequence: int) -> Sequence[ArticleVersion]:
    """Confirmed versions up to a number whose people do not know yet that the index stands with them."""
    return list(
        await session.scalars(
            select(ArticleVersion)
            .where(ArticleVersion.sequence <= sequence, ArticleVersion.told.is_(False))
            .order_by(ArticleVersion.sequence)
        )
    )


async def of_article(session: AsyncSession, lang: str, article: str) -> Sequence[ArticleVersion]:
    """The confirmed versions of an article, newest first."""
    return list(
        await session.scalars(
            select(ArticleVersion)
            .where(
                ArticleVersion.lang == lang,
                ArticleVersion.article == article,
                ArticleVersion.sequence.is_not(None),
            )
            .order_by(ArticleVersion.sequence.desc())
        )
    )


async def ids(session: AsyncSession, lang: str) -> set[str]:
    """The ids of everything that was ever written in a language, drafts included."""
    return set(
        await session.scalars(select(ArticleVersion.article).where(ArticleVersion.lang == lang).distinct())
    )

"""The library that answers now, and the next one that takes its place when its index stands."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date

from knowledge.drafts import Recipe
from knowledge.library import Library
from knowledge.overlay import Sheet


class LiveLibrary:
    """The library that answers now. Calling it gives the present one, whose index may still be on its way at the start."""

    def __init__(
        self,
        recipe: Recipe,
        today: Callable[[], date],
        sheets: Sequence[Sheet] = (),
        sequence: int = 0,
        present: Library | None = None,
    ) -> None:
        """``sheets`` are the versions confirmed up to ``sequence``; ``present`` is one that was loaded already."""
        self.recipe = recipe
        self.sequence = sequence
        self._today = today
        self._present = present or recipe.load(sheets, today=today, background=True)

    def __call__(self) -> Library:
        return self._present

    @property
    def outdated(self) -> bool:
        """Whether a day has come on which another version holds than when it was loaded."""
        return self._present.outdated

    async def renew(self, sheets: Sequence[Sheet], sequence: int) -> None:
        """Puts a library with these versions in the place of the present one when its index stands."""
        fresh = await asyncio.to_thread(self._load, sheets)
        while not await asyncio.to_thread(fresh.wait, 0.5):
            pass
        self._present, self.sequence = fresh, sequence

    def _load(self, sheets: Sequence[Sheet]) -> Library:
        return self.recipe.load(sheets, today=self._today, background=True)

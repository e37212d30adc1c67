"""Files that come by themselves: settlements sent in chat or put into a watched folder, and evidence to be digested.

Fetching needs the network and importing takes long, so neither happens while an update is handled. A file of the folder
is imported once it stands still, by the same path as any other, and moved to ``done`` or ``refused``.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from telegram.error import BadRequest, TelegramError

from bot.raw import RawBot
from domain.errors import Refusal, place
from messages.phrases import LANGUAGES
from messages.split import plain
from services import credit, evidence, incoming_files, ratings, risk, settlements, standing
from services.evidence import Unread
from services.incoming_files import Incoming
from services.settlements import ImportSummary
from services.work import Deps

log = structlog.get_logger()
_PAUSE = 1.0
_GO_ON_EVERY = 5.0
_TRIES = 5
_STILL = 1.5


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    changed: int
    since: float


class Watch:
    """Looks for files until cancelled."""

    def __init__(self, deps: Deps, bot: RawBot | None) -> None:
        self.deps = deps
        self.bot = bot
        self._standing: dict[Path, _Seen] = {}
        self._went_on = float("-inf")
        self._fetch_after: dict[int, float] = {}
        self._evidence_after: dict[int, float] = {}

    async def run(self) -> None:
        """A defect of one file keeps nobody else's from being imported."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  # the program goes on without imports rather than not at all
                log.error("watching for files failed", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Imports what is there now, finishes what a killed import left to be told, rates clients by day and week."""
        if time.monotonic() - self._went_on > _GO_ON_EVERY:
            self._went_on = time.monotonic()
            await risk.go_on(self.deps)
            await ratings.daily(self.deps)
            await credit.weekly(self.deps)
            await standing.weekly(self.deps)
        if self.bot is not None:
            for document in await incoming_files.waiting(self.deps):
                await self._document(self.bot, document)
            for file in await evidence.waiting(self.deps):
                await self._evidence(self.bot, file)
        if folder := self.deps.policy.imports.watch_folder:
            for path in await asyncio.to_thread(self._ready, Path(folder)):
                await self._file(path)

    # --- documents ----------------------------------------------------------------------------------------

    async def _document(self, bot: RawBot, document: Incoming) -> None:
        if time.monotonic() < self._fetch_after.get(document.id, 0.0):
            return
        try:
            data = await _fetch(bot, document.file_id)
        except TelegramError as error:
            log.warning("document not fetched", document=document.id, error=type(error).__name__)
            self._fetch_after[document.id] = time.monotonic() + 2.0**document.attempts
            await incoming_files.fetched_in_vain(self.deps, document, tries=_TRIES)
            return
        outcome = await self._import(document.name, data, document.by, document.reason)
        await incoming_files.finished(self.deps, document, outcome)

    async def _evidence(self, bot: RawBot, file: Unread) -> None:
        if time.monotonic() < self._evidence_after.get(file.id, 0.0):
            return
        try:
            data = await _fetch(bot, file.file_id)
        except TelegramError as error:
            # A 400 is final: deleted, or larger than bots may fetch.
            final = isinstance(error, BadRequest) or file.attempts + 1 >= _TRIES
            log.warning("evidence not fetched", evidence=file.id, error=type(error).__name__, final=final)
            self._evidence_after[file.id] = time.monotonic() + 2.0**file.attempts
            await evidence.fetched_in_vain(self.deps, file, final=final)
            return
        self._evidence_after.pop(file.id, None)
        await evidence.fetched(self.deps, file, data)

    # --- the folder ---------------------------------------------------------------------------------------

    def _ready(self, folder: Path) -> list[Path]:
        """Files that have not changed since they were last looked at, by name."""
        folder.mkdir(parents=True, exist_ok=True)
        standing: dict[Path, _Seen] = {}
        ready = []
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            now = path.stat()
            before = self._standing.get(path)
            if before is None or (before.size, before.changed) != (now.st_size, now.st_mtime_ns):
                standing[path] = _Seen(now.st_size, now.st_mtime_ns, time.monotonic())
                continue
            standing[path] = before
            if time.monotonic() - before.since >= _STILL:
                ready.append(path)
        self._standing = standing
        return ready

    async def _file(self, path: Path) -> None:
        outcome: ImportSummary | Refusal
        largest = self.deps.policy.imports.max_megabytes * 1024 * 1024
        size = self._standing[path].size
        if size > largest:
            outcome = Refusal("file_too_large", megabytes=self.deps.policy.imports.max_megabytes)
        else:
            data = await asyncio.to_thread(path.read_bytes)
            outcome = await self._import(path.name, data, "folder", None)
        await asyncio.to_thread(self._put_away, path, outcome)
        await incoming_files.tell_risk_desk(self.deps, path.name, outcome)

    def _put_away(self, path: Path, outcome: ImportSummary | Refusal) -> None:
        refused = isinstance(outcome, Refusal)
        to = _free_name(path.parent / ("refused" if refused else "done"), path.name)
        to.parent.mkdir(exist_ok=True)
        if isinstance(outcome, Refusal):
            words = [plain(incoming_files.in_words(self.deps, outcome, lang)) for lang in LANGUAGES]
            to.with_name(f"{to.name}.txt").write_text("\n".join(words) + "\n", "utf-8")
        path.rename(to)

    # --- both ---------------------------------------------------------------------------------------------

    async def _import(self, name: str, data: bytes, by: str, reason: str | None) -> ImportSummary | Refusal:
        try:
            return await settlements.import_file(self.deps, name, data, by, replace_reason=reason)
        except Refusal as refusal:
            return refusal
        except Exception as error:  # noqa: BLE001  # a defect becomes a reference that its finder can name
            reference = f"I{self.deps.new_token(6).upper()}"
            log.error("import failed", reference=reference, error=type(error).__name__, place=place(error))
            return Refusal("import_failed", reference=reference)


async def _fetch(bot: RawBot, file_id: str) -> bytes:
    found = await bot.get_file(file_id)
    return bytes(await found.download_as_bytearray())


def _free_name(folder: Path, name: str) -> Path:
    """``name`` in the folder, with a number where a file of that name is there already."""
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return path

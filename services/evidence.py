"""The digest of each file that a client gave with a complaint: whoever has the file later can prove that it is it.

The files themselves stay at Telegram. They are fetched once, outside of the update that brought them, and not kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from db import evidence as rows
from db.models import Case
from services import audit
from services.casebook import File
from services.work import Deps, Work, reading, working

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is still to be fetched; ``attempts`` failed so far."""

    id: int
    case_id: int
    file_id: str
    attempts: int


async def note(work: Work, case_id: int, files: Iterable[File]) -> None:
    """Files of a case, to be fetched."""
    await rows.add(
        work.session,
        [
            {"case_id": case_id, "file_id": f.file_id, "kind": f.kind, "state": "new", "at": work.now}
            for f in files
        ],
    )


async def waiting(deps: Deps) -> list[Unread]:
    """What is to be fetched, oldest first."""
    async with reading(deps) as work:
        found = await rows.waiting(work.session, _AT_ONCE)
    return [Unread(row.id, row.case_id, row.file_id, row.attempts) for row in found]


async def fetched(deps: Deps, file: Unread, data: bytes) -> None:
    """Stores the digest of a file, in its row and in the audit trail."""
    digest = sha256(data).hexdigest()
    async with working(deps) as work:
        if await rows.settle(work.session, file.id, state="done", sha256=digest, size=len(data)):
            case = await work.session.get_one(Case, file.case_id)
            await audit.note(
                work, "house", "evidence.read", f"case:{case.number}", sha256=digest, size=len(data)
            )


async def fetched_in_vain(deps: Deps, file: Unread, *, final: bool) -> None:
    """One more attempt failed; after the last one the file has no digest, which stands in the audit trail."""
    async with working(deps) as work:
        state = "failed" if final else "new"
        settled = await rows.settle(work.session, file.id, state=state, attempts=file.attempts + 1)
        if settled and final:
            case = await work.session.get_one(Case, file.case_id)
            await audit.note(work, "house", "evidence.not_read", f"case:{case.number}", evidence=file.id)

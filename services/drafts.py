"""The guided filing of a complaint: one question at a time, kept in the chat's dialog, confirmed once.

The draft is forgotten when it is filed, cancelled, or older than the configured hours.
"""

import re
from dataclasses import dataclass
from typing import Any

from db import cases as rows
from db import people, talks
from domain.complaints import Kind
from domain.errors import Refusal
from domain.people import Actor, ClientRef, StaffMember
from services import access, cases, routing
from services.case_client import put_dialog
from services.casebook import File, books, checked
from services.cases import Filing, Receipt
from services.work import Work

DIALOG = "complaint"
LONGEST = 10_000  # characters of what happened
_LONGEST_REACH = 300
_LONGEST_DEMAND = 4_000
# A name alone: everything longer is a sentence, and belongs to what happened.
_NAME = re.compile(r"[\u4e00-\u9fff·]{2,5}|[A-Za-z][A-Za-z.'-]*(?: [A-Za-z][A-Za-z.'-]*){0,3}")
_NOTHING = {"无", "没有", "没", "不涉及", "不知道", "没有具体诉求", "none", "no", "nobody", "nothing"}
_ROLE_WORDS = 6  # 客户经理 and the like beside a name say nothing of what happened
_HOUSE = {"公司", "你们", "你们公司", "期货公司", "客服", "平台", "交易所", "the company", "you"}  # no person
_PERSON = {
    *(
        "人工",
        "转人工",
        "人工客服",
        "转人工客服",
        "人工服务",
        "真人",
        "找人工",
        "接人工",
        "我要人工",
        "我要转人工",
    ),
    *("human", "agent", "a person", "talk to a person", "talk to a human"),
}
_KEEPERS = {
    "manager": {"客户经理", "我的客户经理", "经理", "my account manager", "account manager", "my manager"},
    "officer": {"服务专员", "我的服务专员", "专员", "my service officer", "service officer"},
}
STEPS = ("category", "account", "reach", "about", "facts", "demand", "evidence", "confirm")


@dataclass(frozen=True, slots=True)
class Draft:
    """A complaint being told. ``steps`` are those that this person is asked, ``step`` the one that is open."""

    id: str
    step: str
    steps: tuple[str, ...]
    category: str | None
    client: ClientRef | None
    facts: str
    demand: str | None
    about: StaffMember | None
    about_name: str | None
    reach: str | None
    files: tuple[File, ...]
    guessed: bool
    earlier: str | None

    @property
    def number_of_step(self) -> tuple[int, int]:
        return self.steps.index(self.step) + 1, len(self.steps)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message: ``moved`` on to another question, ``noted`` at the same one."""

    draft: Draft
    moved: bool


def asks_for_a_person(text: str) -> bool:
    """Whether a message is nothing but the wish for a person, which is no part of a complaint."""
    return text.strip().rstrip("。.！!？?").casefold() in _PERSON


async def current(work: Work, who: Actor) -> Draft | None:
    """The draft of this chat that is not older than it may be."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != DIALOG or standing.expires_at <= work.now:
        return None
    return await _draft(work, who, _asked(who, standing.step), dict(standing.data))


async def begin(
    work: Work,
    who: Actor,
    *,
    said: str = "",
    category: str | None = None,
    major: bool = False,
    earlier: str | None = None,
) -> Draft:
    """A new draft; the words said are the first of what happened, a guessed category need not be asked for."""
    if who.staff is not None and not who.clients:
        raise Refusal("complaint_staff")
    known = {c.code for c in work.policy.complaints.categories}
    chosen = category if category in known else None
    data: dict[str, Any] = {
        "id": work.deps.new_token(4),
        "category": chosen,
        "guessed": chosen is not None,
        "client": who.clients[0].id if len(who.clients) == 1 else None,
        "facts": checked(said, LONGEST),
        "demand": None,
        "about": None,
        "about_name": None,
        "reach": None,
        "files": [],
        "messages": {},
        "major": major,
        "earlier": earlier,
    }
    steps = _steps(who)
    step = steps[1] if chosen is not None else steps[0]
    return await _keep(work, who, step, data)


def _steps(who: Actor) -> tuple[str, ...]:
    left_out = {"account"} if len(who.clients) < 2 else set()
    if who.clients:
        left_out.add("reach")
    return tuple(step for step in STEPS if step not in left_out)


async def _keep(work: Work, who: Actor, step: str, data: dict[str, Any]) -> Draft:
    await put_dialog(work, who.chat_id, DIALOG, step, data)
    return await _draft(work, who, step, data)


async def _draft(work: Work, who: Actor, step: str, data: dict[str, Any]) -> Draft:
    steps = _steps(who)
    about = data["about"]
    if data["client"] is None and len(who.clients) == 1:
        data["client"] = who.clients[0].id  # linked while the complaint was being told
    return Draft(
        id=data["id"],
        step=step,
        steps=steps,
        category=data["category"],
        client=next((c for c in who.clients if c.id == data["client"]), None),
        facts=data["facts"],
        demand=data["demand"],
        about=await access.staff(work, about) if about is not None else None,
        about_name=data["about_name"],
        reach=data["reach"],
        files=tuple(File(**file) for file in data["files"]),
        guessed=data["guessed"],
        earlier=data["earlier"],
    )


async def _open(work: Work, who: Actor, draft_id: str | None = None) -> tuple[str, dict[str, Any]]:
    """Step and data of the chat's draft. A button of a draft that is no longer there is refused."""
    standing = await people.dialog(work.session, who.chat_id)
    alive = standing is not None and standing.name == DIALOG and standing.expires_at > work.now
    if standing is None or not alive or (draft_id is not None and standing.data["id"] != draft_id):
        raise Refusal("draft_gone")
    return _asked(who, standing.step), dict(standing.data)


def _asked(who: Actor, step: str) -> str:
    """The step, or the first one where the person is no longer asked this (linked or unlinked meanwhile)."""
    return step if step in _steps(who) else STEPS[0]


def _after(who: Actor, step: str, data: dict[str, Any]) -> str:
    """The next question; back to the summary where one answer was to be changed."""
    if data.pop("changing", False):
        return STEPS[-1]
    steps = _steps(who)
    return steps[min(steps.index(step) + 1, len(steps) - 1)]


# --- answers ------------------------------------------------------------------------------------------------------


async def choose(work: Work, who: Actor, draft_id: str, step: str, value: Any) -> Taken:
    """A pressed choice: a category, an account, a person. Pressed again later, it changes that answer alone."""
    now_at, data = await _open(work, who, draft_id)
    match step:
        case "category" if any(c.code == value for c in work.policy.complaints.categories):
            change: dict[str, Any] = {"category": value, "guessed": False}
        case "account" if any(c.id == value for c in who.clients):
            change = {"client": value, "about": None, "about_name": None}
        case "about":
            if value is not None and value not in [m.id for m in await choices(work, who)]:
                raise Refusal("not_found")
            change = {"about": value, "about_name": None}
        case "reach":
            change = {"reach": None}
        case "demand":
            change = {"demand": None}
        case _:
            raise Refusal("draft_gone")
    same = all(data[key] == new for key, new in change.items())
    data |= change
    if now_at == step:
        return Taken(await _keep(work, who, _after(who, step, data), data), True)
    return Taken(await _keep(work, who, now_at, data), not same)


async def go_on(work: Work, who: Actor, draft_id: str, step: str) -> Taken:
    """Done with the facts or the evidence; pressed twice, it goes one step only."""
    now_at, data = await _open(work, who, draft_id)
    if now_at != step:
        return Taken(await _draft(work, who, now_at, data), False)
    if step == "facts" and not data["facts"]:
        raise Refusal("complaint_no_facts")
    return Taken(await _keep(work, who, _after(who, step, data), data), True)


async def back(work: Work, who: Actor, draft_id: str, step: str) -> Taken:
    """The question before ``step``, with what was answered kept."""
    now_at, data = await _open(work, who, draft_id)
    steps = _steps(who)
    if now_at != step:
        return Taken(await _draft(work, who, now_at, data), False)
    before = steps[max(steps.index(step) - 1, 0)]
    if data.pop("changing", False):
        before = STEPS[-1]
    return Taken(await _keep(work, who, before, data), True)


async def resume(work: Work, who: Actor, draft_id: str) -> Draft:
    """The open question of the draft, to be shown again."""
    step, data = await _open(work, who, draft_id)
    return await _keep(work, who, step, data)


async def note(work: Work, who: Actor, words: str) -> Draft:
    """Adds words to what happened, wherever the draft stands."""
    step, data = await _open(work, who)
    data["facts"] = _joined(data["facts"], checked(words, LONGEST))
    return await _keep(work, who, step, data)


async def rewrite(work: Work, who: Actor, draft_id: str, step: str) -> Taken:
    """Goes to one question from the summary and back; what happened and the files begin anew."""
    _, data = await _open(work, who, draft_id)
    if step not in _steps(who):
        raise Refusal("draft_gone")
    if step == "facts":
        data["facts"] = ""
    if step == "evidence":
        data["files"] = []
    data["changing"] = True
    return Taken(await _keep(work, who, step, data), True)


async def edited(work: Work, who: Actor, message_id: int, text: str) -> Draft | None:
    """The person changed a message that is part of the draft: it says the new words. None where it is no part."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != DIALOG or standing.expires_at <= work.now:
        return None
    step, data = _asked(who, standing.step), dict(standing.data)
    before, words = data["messages"].get(str(message_id)), checked(text, LONGEST)
    field = next((f for f in ("facts", "demand") if before and before in (data[f] or "")), None)
    if field is None or not words or words == before:
        return None
    longest = LONGEST if field == "facts" else _LONGEST_DEMAND
    data[field] = checked(data[field].replace(before, words, 1), longest)
    data["messages"] = {**data["messages"], str(message_id): words}
    return await _keep(work, who, step, data)


async def said(
    work: Work, who: Actor, text: str, file: File | None = None, message_id: int | None = None
) -> Taken | None:
    """Takes a message for the open question; None where no draft is open, or a person has the conversation."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != DIALOG or standing.expires_at <= work.now:
        return None
    talk = await talks.open_in_chat(work.session, who.chat_id)
    if talk is not None and talk.opened_at > standing.updated_at:
        return None
    step, data = _asked(who, standing.step), dict(standing.data)
    words = checked(text, LONGEST)
    if message_id is not None:
        data["messages"] = {**data["messages"], str(message_id): words}
    if file is not None:
        _add_file(work, data, file)
        if words:
            data["facts"] = _joined(data["facts"], words)
        return Taken(await _keep(work, who, step, data), False)
    if not words:
        return Taken(await _keep(work, who, step, data), False)
    return await _words(work, who, step, data, words)


async def _words(work: Work, who: Actor, step: str, data: dict[str, Any], words: str) -> Taken:
    match step:
        case "category" if (code := _category_named(work, words)) is not None:
            data |= {"category": code, "guessed": False}
        case "reach":
            data["reach"] = checked(words, _LONGEST_REACH)
        case "about" if _says_nobody(words) or words.casefold() in _HOUSE:
            data |= {"about": None, "about_name": None}
        case "about" if (found := await _named(work, who, data, words)) is not None:
            data |= {"about": found.id, "about_name": None}
            if len(words) > len(found.name) + _ROLE_WORDS:
                data["facts"] = _joined(data["facts"], words)
        case "about" if _NAME.fullmatch(words):
            data |= {"about": None, "about_name": words}
        case "demand":
            data["demand"] = None if _says_nobody(words) else checked(words, _LONGEST_DEMAND)
        case _:  # what happened; words at any other question are kept there too, so that none is lost
            data["facts"] = _joined(data["facts"], words)
            return Taken(await _keep(work, who, step, data), False)
    return Taken(await _keep(work, who, _after(who, step, data), data), True)


def _says_nobody(words: str) -> bool:
    return words.casefold().rstrip("。.") in _NOTHING


def _joined(before: str, words: str) -> str:
    joined = f"{before}\n{words}" if before else words
    if len(joined) > LONGEST:
        raise Refusal("complaint_facts_full", longest=LONGEST)
    return joined


def _add_file(work: Work, data: dict[str, Any], file: File) -> None:
    most = work.policy.complaints.max_files
    if len(data["files"]) >= most:
        raise Refusal("case_files_full", most=most)
    if not any(f["message_id"] == file.message_id for f in data["files"]):
        data["files"] = [*data["files"], file.as_json()]


def _category_named(work: Work, words: str) -> str | None:
    wanted = words.casefold()
    for c in work.policy.complaints.categories:
        if wanted in (c.code, c.name.zh.casefold(), c.name.en.casefold()):
            return c.code
    return None


async def choices(work: Work, who: Actor) -> list[StaffMember]:
    """Whom the client may name: those who look or looked after the accounts, the present keepers first."""
    ids = await rows.ever_assigned(work.session, [c.id for c in who.clients])
    return [await access.staff(work, staff_id) for staff_id in ids]


async def keepers(work: Work, client: ClientRef) -> dict[str, StaffMember]:
    """``manager`` and ``officer`` of an account, as far as it has them."""
    found = {kind: await access.keeper(work, client.id, kind) for kind in ("manager", "officer")}
    return {kind: member for kind, member in found.items() if member is not None}


async def _named(work: Work, who: Actor, data: dict[str, Any], words: str) -> StaffMember | None:
    """The one employee meant: the own keeper by what he is, an assigned one by name, else the one so named at all."""
    own = next((c for c in who.clients if c.id == data["client"]), None)
    kind = next((kind for kind, said in _KEEPERS.items() if words.casefold() in said), None)
    if own is not None and kind is not None:
        return (await keepers(work, own)).get(kind)
    assigned = [m for m in await choices(work, who) if m.name in words]
    if len(assigned) == 1:
        return assigned[0]
    found = [m for m in await routing.house(work) if m.name == words]
    return found[0] if len(found) == 1 else None


# --- the end ------------------------------------------------------------------------------------------------------


async def drop(work: Work, who: Actor, draft_id: str | None = None) -> bool:
    """Forgets the draft; False when it was gone already."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != DIALOG:
        return False
    if draft_id is not None and standing.data["id"] != draft_id:
        return False
    await people.drop_dialog(work.session, who.chat_id)
    return True


async def confirm(work: Work, who: Actor, draft_id: str) -> tuple[Receipt, bool]:
    """Files the draft. The receipt, and whether it is new: pressing twice files one complaint."""
    filed = await _filed(work, who, draft_id)
    if filed is not None:
        return filed, False
    _, data = await _open(work, who, draft_id)
    draft = await _draft(work, who, "confirm", data)
    missing = _missing(draft)
    if missing is not None:
        raise Refusal(f"complaint_no_{missing}")
    receipt = await cases.file(
        work,
        who,
        Filing(
            draft=draft.id,
            category=draft.category or "",
            client=draft.client,
            facts=draft.facts,
            demand=draft.demand,
            about_id=draft.about.id if draft.about else None,
            about_name=draft.about_name,
            reach=draft.reach,
            files=draft.files,
            said_major=bool(data["major"]),
            earlier=draft.earlier,
            messages=tuple(int(number) for number in data["messages"]),
        ),
    )
    await people.drop_dialog(work.session, who.chat_id)
    return receipt, True


def _missing(draft: Draft) -> str | None:
    if draft.category is None:
        return "category"
    if "account" in draft.steps and draft.client is None:
        return "account"
    return None if draft.facts else "facts"


async def _filed(work: Work, who: Actor, draft_id: str) -> Receipt | None:
    """The receipt of a draft that became a complaint, or part of one, before."""
    newest = await rows.newest_in_chat(work.session, who.chat_id, work.policy.complaints.max_open + 1)
    for found in await books(work, newest):
        for event in found.events:
            if event.data.get("draft") == draft_id:
                return cases.receipt(work, found, appended=event.kind != Kind.OPENED)
    return None

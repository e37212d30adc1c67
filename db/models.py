"""Every table of the house. Rows never leave ``services/``; values in ``domain/`` do."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.types import Exact, Fen, Utc

Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Utc,
        Decimal: Fen,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


# --- the two durable queues ------------------------------------------------------------------------------


class InboxUpdate(Base):
    """One update as Telegram gave it, stored before Telegram is told that it was received."""

    __tablename__ = "inbox"

    update_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    lane: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[str]
    state: Mapped[str] = mapped_column(String(8))  # new | done | failed
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    error: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_inbox_waiting",
            "update_id",
            sqlite_where=text("state = 'new'"),
            postgresql_where=text("state = 'new'"),
        ),
        Index(
            "ix_inbox_failed",
            "update_id",
            sqlite_where=text("state = 'failed'"),
            postgresql_where=text("state = 'failed'"),
        ),
        Index(
            "ix_inbox_done",
            "done_at",
            sqlite_where=text("state = 'done'"),
            postgresql_where=text("state = 'done'"),
        ),
    )


class OutboxMessage(Base):
    """One call that Telegram shall get, written in the transaction of the fact that it reports."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    account: Mapped[str | None]  # whose data it carries: withdrawn where the chat's link to that account ends
    priority: Mapped[int]
    on_doubt: Mapped[str] = mapped_column(String(6))  # resend | hold
    method: Mapped[str] = mapped_column(String(24))
    body: Mapped[dict[str, Any]]
    template: Mapped[str | None]
    token: Mapped[str | None] = mapped_column(unique=True)
    actions: Mapped[list[Any] | None]
    state: Mapped[str] = mapped_column(
        String(8), default="pending"
    )  # pending sending sent held failed expired
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None]
    # What must happen when this message is sent or fails: {"notice": id} {"relay": id} ...
    about: Mapped[dict[str, Any] | None]

    __table_args__ = (
        # "=" and not "IN": SQLite uses a partial index only where the query says the same words (db/queues.py).
        Index(
            "ix_outbox_waiting",
            "priority",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_outbox_sending",
            "id",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index(
            "ix_outbox_held",
            "id",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
        Index(
            "ix_outbox_answers",
            "created_at",
            sqlite_where=text("method = 'answer'"),
            postgresql_where=text("method = 'answer'"),
        ),
        Index("ix_outbox_chat_id_message_id", "chat_id", "message_id"),
    )


class Lease(Base):
    """Who runs intake, timetable and delivery. A second process waits here and takes over."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    renewed_at: Mapped[datetime]
    beat: Mapped[int] = mapped_column(BigInteger)


class Counter(Base):
    """The last number given in a sequence, such as ``CP-20260817``."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class JobRun(Base):
    """A job of the timetable that was done for its day: the unique key makes it happen once."""

    __tablename__ = "job_run"

    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]


# --- people -----------------------------------------------------------------------------------------------


class Chat(Base):
    """A Telegram chat that spoke to the bot, known or stranger."""

    __tablename__ = "chat"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    lang: Mapped[str] = mapped_column(String(2))
    lang_chosen: Mapped[bool] = mapped_column(default=False)
    blocked_at: Mapped[datetime | None]
    client_id: Mapped[int | None] = mapped_column(
        ForeignKey("client.id")
    )  # the account spoken of, of several
    muted: Mapped[list[Any]] = mapped_column(default=list)  # optional notice kinds that the person refused
    menu: Mapped[str | None]  # the command menu last set: role:lang
    created_at: Mapped[datetime]


class Dialog(Base):
    """Where a guided conversation stands in a chat: one a chat, resumable, expiring."""

    __tablename__ = "dialog"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str]
    step: Mapped[str]
    data: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Client(Base):
    """An account holder of the register (or an account that settlement brought before the register)."""

    __tablename__ = "client"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(12))  # person | institution | unknown
    phone: Mapped[str | None]
    lang: Mapped[str | None] = mapped_column(
        String(2)
    )  # as the register has it; the chat's own choice is above it
    tier: Mapped[str] = mapped_column(String(8))  # retail | key | premier | active
    tier_source: Mapped[str] = mapped_column(String(12))  # register | rule | default | override
    fee_plan: Mapped[str | None]
    margin_plan: Mapped[str | None]
    # An add-on that two people granted: {"number", "addons": {product: share}, "since", "until"}.
    margin_grant: Mapped[dict[str, Any] | None]
    opened_on: Mapped[date | None]
    registered: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Staff(Base):
    """An employee. Telegram ids stand in ``Link`` only."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(String(12))  # manager officer risk supervisor compliance operator
    line: Mapped[str]
    registration_no: Mapped[str | None]
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    stand_in_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    active: Mapped[bool] = mapped_column(default=True)
    on_duty: Mapped[bool] = mapped_column(default=True)
    leave_until: Mapped[date | None]
    created_at: Mapped[datetime]


class Assignment(Base):
    """Who looks after whom, from and until: kept as history."""

    __tablename__ = "assignment"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))  # manager | officer
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Invite(Base):
    """A single-use, expiring invitation. Only the hash of its code is stored."""

    __tablename__ = "invite"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(8))  # client | relink | staff
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    person: Mapped[str] = mapped_column(String(10), default="holder")  # holder | authorised
    phone: Mapped[str | None]  # of an authorised person; the holder's stands in the register
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_by: Mapped[int | None] = mapped_column(BigInteger)
    tries: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(8), default="open")  # open | used | locked | expired | revoked


class Link(Base):
    """(channel, address) to a client or a member of staff: the only place where a Telegram id means a person."""

    __tablename__ = "link"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), default="telegram")
    chat_id: Mapped[int] = mapped_column(BigInteger, index=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    person: Mapped[str] = mapped_column(String(10), default="holder")  # holder | authorised
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    ended_why: Mapped[str | None]

    __table_args__ = (
        Index(
            "uq_link_live_staff",
            "chat_id",
            unique=True,
            sqlite_where=text("staff_id IS NOT NULL AND until IS NULL"),
            postgresql_where=text("staff_id IS NOT NULL AND until IS NULL"),
        ),
        Index(
            "uq_link_live_staff_id",
            "staff_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index(
            "uq_link_live_client",
            "chat_id",
            "client_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )


class Consent(Base):
    """A person's separate consent to one purpose, with the version of the text that was shown."""

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    purpose: Mapped[str]  # figures | abroad
    text_version: Mapped[str]
    given_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did, read or exported what, when, why. Append-only; each row carries the hash of the one before."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


# --- conversations, answers, cases --------------------------------------------------------------------------


class Exchange(Base):
    """What was asked, what was answered, from what, how sure, was it helpful."""

    __tablename__ = "exchange"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, index=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    at: Mapped[datetime]
    question: Mapped[str]
    kind: Mapped[str] = mapped_column(String(12))
    topic: Mapped[str | None]
    article: Mapped[str | None]
    confidence: Mapped[float]
    citations: Mapped[list[Any]]
    answer: Mapped[str]
    helpful: Mapped[bool | None]
    # What the next turn may take up, and how often running the bot did not understand (services/questions.py).
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)
    missed: Mapped[str | None] = mapped_column(String(10))  # unanswered | unchosen | unhelpful
    gap_id: Mapped[int | None] = mapped_column(ForeignKey("gap.id"), index=True)

    __table_args__ = (
        Index(
            "ix_exchange_missed",
            "id",
            sqlite_where=text("missed IS NOT NULL AND gap_id IS NULL"),
            postgresql_where=text("missed IS NOT NULL AND gap_id IS NULL"),
        ),
    )


class Gap(Base):
    """Questions of one kind that the library did not answer, or not well: somebody's to close until a day."""

    __tablename__ = "gap"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    lang: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(8), index=True)  # open | closed
    origin: Mapped[str] = mapped_column(String(8), default="asked")  # asked | talk
    question: Mapped[str]  # how it is called: its first question, masked
    proposal: Mapped[str | None]  # a good answer that a person gave, masked, with the consent of its writer
    talk_id: Mapped[int | None] = mapped_column(ForeignKey("conversation.id"))
    count: Mapped[int] = mapped_column(default=0)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    due: Mapped[date]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    outcome: Mapped[str | None] = mapped_column(String(10))  # article | not_ours
    reason: Mapped[str | None]


class ArticleVersion(Base):
    """A text of the library that the house wrote: confirmed ones lie over the shipped files, in order of
    ``sequence``.

    ``text`` is the whole article file; null withdraws the article. Append-only once confirmed.
    """

    __tablename__ = "article_version"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    article: Mapped[str]
    lang: Mapped[str] = mapped_column(String(2))
    kind: Mapped[str] = mapped_column(String(10))  # new | change | rollback | withdrawal
    # fetching | checking | drafted | waiting | confirmed | sent_back | dropped | refused
    state: Mapped[str] = mapped_column(String(10), index=True)
    sequence: Mapped[int | None] = mapped_column(unique=True)  # of its confirmation; null until then
    text: Mapped[str | None]
    effective_from: Mapped[date | None]
    effect: Mapped[dict[str, Any] | None]  # what it would change, as it was computed before it was submitted
    gap_id: Mapped[int | None] = mapped_column(ForeignKey("gap.id"), index=True)
    batch: Mapped[str | None]  # drafts of one imported file are decided together
    file_id: Mapped[str | None]  # of a Markdown file that is still to be fetched
    told: Mapped[bool] = mapped_column(default=False)  # its people know that the index stands with it
    progress: Mapped[dict[str, Any] | None]  # the message that shows how far the comparison is
    chat_id: Mapped[int | None] = mapped_column(BigInteger)
    written_by: Mapped[str]
    written_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (Index("ix_article_version_lang_article", "lang", "article"),)


class Conversation(Base):
    """A client (or a stranger) and a person of the house talking through the bot."""

    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, index=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), index=True
    )  # null: the pool has not taken it
    state: Mapped[str] = mapped_column(String(8))  # open | ended
    emergency: Mapped[str | None] = mapped_column(String(16))  # what it is about
    opened_at: Mapped[datetime]
    promised_by: Mapped[datetime]
    first_reply_at: Mapped[datetime | None]
    last_at: Mapped[datetime]
    reminded: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]

    __table_args__ = (
        Index(
            "uq_conversation_open",
            "chat_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class Relay(Base):
    """A message that was passed on: both ends, so that replies and edits find their way."""

    __tablename__ = "relay"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"), index=True)
    at: Mapped[datetime]
    from_chat: Mapped[int] = mapped_column(BigInteger)
    from_message: Mapped[int] = mapped_column(BigInteger)
    to_chat: Mapped[int] = mapped_column(BigInteger)
    to_message: Mapped[int | None] = mapped_column(BigInteger)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"))
    edition: Mapped[int] = mapped_column(default=0)
    text: Mapped[str | None]

    __table_args__ = (
        Index("ix_relay_from_chat_from_message", "from_chat", "from_message"),
        Index("ix_relay_to_chat_to_message", "to_chat", "to_message"),
    )


class HeldText(Base):
    """A text of staff that a guard rail kept back, and what became of it."""

    __tablename__ = "held_text"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"), index=True)
    from_chat: Mapped[int] = mapped_column(BigInteger)
    from_message: Mapped[int] = mapped_column(BigInteger)
    is_file: Mapped[bool]
    text: Mapped[str]
    rail: Mapped[str] = mapped_column(String(20))  # knowledge/tables/guard_rails.yaml
    words: Mapped[str]  # what met it
    state: Mapped[str] = mapped_column(String(8))  # held | edited | sent | dropped
    reason: Mapped[str | None]
    disputed_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("from_chat", "from_message"),)


class Case(Base):
    """Anything that a person must finish: complaint, request, task. Its state follows from its events."""

    __tablename__ = "case"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(10))  # complaint | task
    category: Mapped[str]
    severity: Mapped[str] = mapped_column(String(8))  # general | major
    state: Mapped[str] = mapped_column(String(10))  # open | waiting | resolved | closed
    chat_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"), index=True)
    tier: Mapped[str | None] = mapped_column(String(8))
    facts: Mapped[str]
    demand: Mapped[str | None]
    about_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    desk: Mapped[str]
    level: Mapped[int] = mapped_column(default=0)  # how far up the chain
    restricted: Mapped[bool] = mapped_column(default=False)  # compliance alone may know of it
    reach: Mapped[str | None]  # how somebody without an account asked to be reached
    amount: Mapped[Decimal | None]  # the sum demanded, CNY
    opened_at: Mapped[datetime]
    contact_due: Mapped[datetime | None]  # null where the trading calendar ends before it
    result_due: Mapped[datetime | None]
    look_at: Mapped[datetime | None] = mapped_column(index=True)  # when the next mark of a clock is reached
    contacted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    cause: Mapped[str | None]
    remedy: Mapped[str | None]
    rating: Mapped[int | None]
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))

    __table_args__ = (Index("ix_case_state_contact_due", "state", "contact_due"),)


class CaseEvent(Base):
    """One thing that happened to a case. Append-only."""

    __tablename__ = "case_event"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    kind: Mapped[str] = mapped_column(String(12))
    text: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)


# --- tiers, credit, introducers ---------------------------------------------------------------------------


class TierMonth(Base):
    """What the tier rule said of a client in a month, and which tier held afterwards. Months count from year 0."""

    __tablename__ = "tier_month"

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    month: Mapped[int] = mapped_column(primary_key=True)
    decided: Mapped[str] = mapped_column(String(8))
    held: Mapped[str] = mapped_column(String(8))
    before: Mapped[str | None] = mapped_column(String(8))  # the tier that the rule took away, where it did
    told: Mapped[bool] = mapped_column(default=True)
    months: Mapped[int]  # how many months of settlement it rests on
    fee: Mapped[Decimal]  # retained, reckoned up to a year
    capital: Mapped[Decimal]
    reasons: Mapped[list[Any]]
    flags: Mapped[list[Any]]

    __table_args__ = (
        Index("ix_tier_month_month", "month", "client_id"),
        Index(
            "ix_tier_month_untold",
            "client_id",
            sqlite_where=text("told = 0"),
            postgresql_where=text("told = false"),
        ),
    )


class ScoreRun(Base):
    """One run of the score over trading days. Its lines count once its state is ``in``; one cut off is deleted."""

    __tablename__ = "score_run"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[str] = mapped_column(String(16), index=True)
    data_hash: Mapped[str] = mapped_column(String(64))
    first: Mapped[date]
    last: Mapped[date]
    accounts: Mapped[int]
    rated: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))  # loading | in
    model: Mapped[dict[str, Any]]
    clustering: Mapped[dict[str, Any]]
    card: Mapped[dict[str, Any]]
    by: Mapped[str]
    at: Mapped[datetime]


class Score(Base):
    """One account in a run: raw figures, what each gave, its class (``proposed`` where that was held back)."""

    __tablename__ = "score"

    run: Mapped[int] = mapped_column(ForeignKey("score_run.id"), primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int]
    active_days: Mapped[int]
    score: Mapped[Decimal | None] = mapped_column(Exact)
    rank: Mapped[int | None]
    percentile: Mapped[Decimal | None] = mapped_column(Exact)
    cluster: Mapped[str | None] = mapped_column(String(1))
    proposed: Mapped[str | None] = mapped_column(String(1))
    indicators: Mapped[dict[str, Any]]
    aligned: Mapped[dict[str, Any]]
    parts: Mapped[dict[str, Any]]
    factors: Mapped[list[Any]]
    marks: Mapped[list[Any]]

    __table_args__ = (Index("ix_score_account", "account"),)


class ClientCredit(Base):
    """A client's scorecard of the newest survey. ``lines``: {code, value, points, most}."""

    __tablename__ = "client_credit"

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    day: Mapped[date]
    grade: Mapped[str | None] = mapped_column(String(4))
    points: Mapped[int]
    why: Mapped[str]
    days: Mapped[int]
    lines: Mapped[list[Any]]


class CreditProof(Base):
    """How often the exchange's line would have been crossed overnight by the accounts of a grade, as of a day."""

    __tablename__ = "credit_proof"

    day: Mapped[date] = mapped_column(primary_key=True)
    grade: Mapped[str] = mapped_column(String(4), primary_key=True)
    accounts: Mapped[int]
    nights: Mapped[int]
    now: Mapped[int]
    crossed: Mapped[int]
    worst_night: Mapped[int]
    share: Mapped[Decimal] = mapped_column(Exact)
    low: Mapped[Decimal] = mapped_column(Exact)
    high: Mapped[Decimal] = mapped_column(Exact)


class ProductMove(Base):
    """The one-day move of a product's settlement prices that its margin must cover, as of a day."""

    __tablename__ = "product_move"

    product: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date]
    move: Mapped[Decimal] = mapped_column(Exact)


class LeavingChance(Base):
    """The model's probability that a client leaves, as of a month; only while the model beats the rule."""

    __tablename__ = "leaving_chance"

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    month: Mapped[int]
    chance: Mapped[Decimal] = mapped_column(Exact)


class IntroducerRow(Base):
    """Who introduces clients for pay: a natural person or a licensed institution (居间人)."""

    __tablename__ = "introducer"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(12))  # person | institution
    born: Mapped[date | None]
    exam_on: Mapped[date | None]
    trained_until: Mapped[date | None]
    promised_on: Mapped[date | None]
    licence: Mapped[str | None]
    elsewhere: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Introduction(Base):
    """A client whom an introducer brought: one at a time, kept as history."""

    __tablename__ = "introduction"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    introducer_id: Mapped[int] = mapped_column(ForeignKey("introducer.id"), index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    since: Mapped[date]
    until: Mapped[date | None]

    __table_args__ = (
        Index(
            "uq_introduction_live",
            "client_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )


class IntroducerMonth(Base):
    """An introducer's monthly statement. Months count from year 0; ``lines`` are its clients' parts."""

    __tablename__ = "introducer_month"

    introducer_id: Mapped[int] = mapped_column(ForeignKey("introducer.id"), primary_key=True)
    month: Mapped[int] = mapped_column(primary_key=True)
    turnover: Mapped[Decimal]
    fee: Mapped[Decimal]
    exchange_fee: Mapped[Decimal]
    gross: Mapped[Decimal]
    carried_in: Mapped[Decimal]
    deductions: Mapped[Decimal]
    net: Mapped[Decimal]
    carried_out: Mapped[Decimal]
    company: Mapped[Decimal]
    lines: Mapped[list[Any]]
    made_at: Mapped[datetime]


class Proposal(Base):
    """What one person proposes for a client and a second one decides: another tier, another margin add-on."""

    __tablename__ = "proposal"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(8))  # tier | margin
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    value: Mapped[dict[str, Any]]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(String(8))  # waiting | in_force | rejected | lapsed | ended
    proposed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    until: Mapped[date]  # the last day on which it holds
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_proposal_waiting",
            "client_id",
            "kind",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "uq_proposal_in_force",
            "client_id",
            "kind",
            unique=True,
            sqlite_where=text("state = 'in_force'"),
            postgresql_where=text("state = 'in_force'"),
        ),
        Index("ix_proposal_state_until", "state", "until"),
    )


class EvidenceFile(Base):
    """A file that a client gave with a complaint: fetched once for its SHA-256, never kept."""

    __tablename__ = "evidence_file"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    file_id: Mapped[str]
    kind: Mapped[str]
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8), default="new")  # new | done | failed
    attempts: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_evidence_file_new",
            "id",
            sqlite_where=text("state = 'new'"),
            postgresql_where=text("state = 'new'"),
        ),
    )


class Erasure(Base):
    """A person's request that what may go be erased: decided by a second person, done once."""

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    chat_id: Mapped[int | None] = mapped_column(
        BigInteger
    )  # who is told; null where it came by letter or phone
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))  # null: somebody whom nobody knows
    state: Mapped[str] = mapped_column(String(8))  # waiting | done | refused | withdrawn
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    erased: Mapped[dict[str, Any] | None]  # how many rows of what


# --- settlement, risk, notices --------------------------------------------------------------------------------


class ImportedFile(Base):
    """A file of the broker that was read. Rows of a file count once its state is ``in``."""

    __tablename__ = "imported_file"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str]
    format: Mapped[str]
    day: Mapped[date]
    state: Mapped[str] = mapped_column(String(8))  # loading | in | replaced
    accounts: Mapped[int]
    positions: Mapped[int]
    trades: Mapped[int]
    by: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[datetime]
    judged_at: Mapped[datetime | None]  # null in a file that is in: the ladder still has to go through it


class IncomingFile(Base):
    """A document that a member of staff sent to be imported: fetched and imported outside of the update."""

    __tablename__ = "incoming_file"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int] = mapped_column(BigInteger)
    file_id: Mapped[str]
    name: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str | None]
    state: Mapped[str] = mapped_column(String(8))  # new | done | refused
    attempts: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("chat_id", "message_id"),)


class AccountDay(Base):
    """One account's money on one trading day, in CTP's names. All amounts CNY."""

    __tablename__ = "account_day"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("imported_file.id"), index=True)
    account: Mapped[str]
    day: Mapped[date]
    pre_balance: Mapped[Decimal | None]
    cash_flow: Mapped[Decimal | None]
    close_profit: Mapped[Decimal | None]
    position_profit: Mapped[Decimal | None]
    commission: Mapped[Decimal | None]
    equity: Mapped[Decimal]
    available: Mapped[Decimal | None]
    curr_margin: Mapped[Decimal]
    delivery_margin: Mapped[Decimal]
    exchange_margin: Mapped[Decimal | None]
    exchange_margin_estimated: Mapped[bool] = mapped_column(default=False)
    exchange_delivery_margin: Mapped[Decimal | None]
    digest: Mapped[str] = mapped_column(String(16))

    __table_args__ = (UniqueConstraint("account", "day", "file_id"), Index("ix_account_day_day", "day"))


class PositionDay(Base):
    """One position row of an account on a trading day."""

    __tablename__ = "position_day"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("imported_file.id"), index=True)
    account: Mapped[str]
    day: Mapped[date]
    exchange: Mapped[str]
    instrument: Mapped[str]
    product: Mapped[str]
    direction: Mapped[str] = mapped_column(String(5))  # long | short
    hedge: Mapped[str]
    lots: Mapped[int]
    settlement_price: Mapped[Decimal | None] = mapped_column(Exact)
    position_profit: Mapped[Decimal | None]
    margin: Mapped[Decimal | None]

    __table_args__ = (Index("ix_position_day_account_day", "account", "day"),)


class TradeDay(Base):
    """One trade of an account on a trading day."""

    __tablename__ = "trade_day"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("imported_file.id"), index=True)
    account: Mapped[str]
    day: Mapped[date]
    exchange: Mapped[str]
    instrument: Mapped[str]
    direction: Mapped[str] = mapped_column(String(4))  # buy | sell
    offset: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Exact)
    lots: Mapped[int]
    fee: Mapped[Decimal]

    __table_args__ = (Index("ix_trade_day_account_day", "account", "day"),)


class SettlementPrice(Base):
    """The settlement price of a contract on a trading day, as the statements told it."""

    __tablename__ = "settlement_price"

    instrument: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    price: Mapped[Decimal] = mapped_column(Exact)


class Rung(Base):
    """The rung of the risk ladder that an account stands on; no row means normal."""

    __tablename__ = "rung"

    account: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(String(20))
    decile: Mapped[int] = mapped_column(default=0)  # how many full ten points above 100 %
    day: Mapped[date]
    since: Mapped[date]
    fixed_time: Mapped[datetime | None]  # the last fixed time at which the account was looked at
    why: Mapped[str] = mapped_column(String(12), default="climbed")
    client_told: Mapped[bool] = mapped_column(default=True)  # false: the figures were too old to be told
    staff_told: Mapped[bool] = mapped_column(default=True)
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))


class Notice(Base):
    """An approved text (its hash), for frozen recipients: a margin reminder for one account or a notice to many."""

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(12))  # margin | market
    state: Mapped[str] = mapped_column(String(10))  # draft | waiting | releasing | sent | stopped | expired
    account: Mapped[str | None] = mapped_column(index=True)
    level: Mapped[str | None]
    day: Mapped[date | None]
    segment: Mapped[str | None]
    mandatory: Mapped[bool] = mapped_column(default=True)
    text_zh: Mapped[str]
    text_en: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    written_by: Mapped[str]
    written_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]


class Delivery(Base):
    """One recipient's ledger line of a notice."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    chat_id: Mapped[int | None] = mapped_column(BigInteger)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"))
    state: Mapped[str] = mapped_column(
        String(12)
    )  # queued sent failed blocked no_chat muted stopped acknowledged
    form: Mapped[str] = mapped_column(String(4), default="full")  # full | hint: no consent to figures in chat
    error: Mapped[str | None]
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    acknowledged_at: Mapped[datetime | None]
    acknowledge_by: Mapped[datetime | None]
    task_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))

    __table_args__ = (UniqueConstraint("notice_id", "client_id", "chat_id"),)

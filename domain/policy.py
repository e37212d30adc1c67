"""The shape of ``config.yaml``: everything a brokerage may change without a programmer. Unknown keys are refused."""

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.calendar import DAY_DEADLINE, NIGHT_DEADLINE

Share = Annotated[Decimal, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
TierCode = Literal["retail", "key", "premier", "active"]
Lang = Literal["zh", "en"]


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}%"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Section):
    """The same words in both languages."""

    zh: str
    en: str

    def __getitem__(self, lang: str) -> str:
        return str(getattr(self, lang))


class Fact(Section):
    """A figure or a phrase that articles use by name, with its confidence mark."""

    value: Words | str
    note: str = ""
    mark: Literal["S", "K", "D"] = "D"

    def words(self, lang: str) -> str:
        return self.value if isinstance(self.value, str) else self.value[lang]


class Company(Section):
    """What the brokerage says of itself. Every value is shown to clients."""

    sample: bool = False
    name: Words
    short_name: Words
    hotline: str
    risk_phone: str
    complaint_phone: str
    complaint_email: str
    address: Words
    service_hours: Words
    website: str
    open_account_url: str
    app_name: Words
    contract_clause: Words

    def words(self, lang: str) -> dict[str, str]:
        """Every fact in one language, as articles and messages use it."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "sample"}
        return {name: v[lang] if isinstance(v, Words) else str(v) for name, v in values.items()}


class Interval(Section):
    opens: time
    closes: time

    @property
    def minutes(self) -> int:
        """Its length; an interval that closes at or before its opening ends on the next day."""
        opens, closes = self.opens.hour * 60 + self.opens.minute, self.closes.hour * 60 + self.closes.minute
        return closes - opens if closes > opens else closes - opens + 24 * 60


class ServiceHours(Section):
    """When people answer: any number of intervals a working day; ``night`` may cross midnight."""

    working_day: list[Interval]


class TierPolicy(Section):
    name: Words
    services: Words
    promise_minutes: Positive
    contact_minutes: Positive
    acknowledge_minutes: Positive
    alert: list[Literal["manager", "officer", "risk"]]


class TierBounds(Section):
    """Bounds of the tier rule (yearly retained fee and average capital, CNY)."""

    fee_low: Decimal
    fee_high: Decimal
    capital_low: Decimal
    capital_high: Decimal
    active_round_trips_per_day: Positive
    active_days: Positive
    active_same_day_share: Share
    active_median_minutes: Positive
    active_fee_per_turnover: Decimal | None
    min_months: Positive
    act_from_months: Annotated[int, Field(ge=1, le=12)]
    downgrade_after: Positive
    override_days: list[Positive]
    digest_lines: Positive


class Addon(Section):
    """The company's margin above the exchange's, in points of the rate (0.05 = five points)."""

    default: Share
    products: dict[str, Share] = {}


class FeeAddon(Section):
    """The company's fee: exchange fee times (1 + share), plus CNY a lot."""

    share: Decimal = Decimal(0)
    per_lot: Decimal = Decimal(0)


class FeePolicy(Section):
    """With ``of_turnover`` every product is charged that share of its turnover, whatever the exchange's way."""

    default: FeeAddon
    products: dict[str, FeeAddon] = {}
    of_turnover: Share | None = None


class FeeGrade(Section):
    """The fee plan of clients from this day-average equity and this monthly turnover on, CNY."""

    plan: str
    equity_from: Decimal
    turnover_from: Decimal


class IntroducerPolicy(Section):
    wholesale: Share
    deductions: Share
    carry_forward: bool
    least_age: Positive


class Rates(Section):
    stale_after_days: Positive
    margin_addon: Addon
    fee_addon: FeePolicy
    fee_plans: dict[str, FeePolicy] = {}
    fee_grades: list[FeeGrade] = []
    fee_grades_need: Literal["both", "either"] = "both"
    margin_plans: dict[str, Addon] = {}


Sign = Literal["activity", "equity", "outflow", "complaint", "unanswered"]


class LeavingPolicy(Section):
    """The rule of scoring/leaving.py: limits and points by sign."""

    limits: dict[Sign, Decimal]
    points: dict[Sign, Positive]
    flagged_from: Positive
    horizon_months: Positive
    left_below: Share
    model_margin: Share
    model_from: Share


class StandingPolicy(Section):
    """The six standing questions about clients, as weekly lists for whoever looks after them."""

    weekday: Annotated[int, Field(ge=1, le=7)]
    lines: Positive
    days: Positive
    long_term_months: Positive
    star_share: Share
    unhappy_rating: Annotated[int, Field(ge=1, le=5)]
    switch_topics: list[str]
    switch_asked: Positive
    leaving: LeavingPolicy


class CreditBand(Section):
    limit: Decimal
    points: int


class CreditFactor(Section):
    """Bands of one factor of the scorecard, best first: a value within ``limit`` gets ``points``, else none."""

    why: Words
    bands: list[CreditBand]
    unknown: int


class CreditGrade(Section):
    """The least points of a grade, and which share of the standard add-on it keeps, by product group."""

    code: str
    points: int
    share: Share
    groups: dict[str, Share] = {}


class ProductGroup(Section):
    name: Words
    products: list[str]


class CreditPolicy(Section):
    days: Positive
    least_days: Positive
    factors: dict[Literal["calls", "met", "forced", "cover", "swing"], CreditFactor]
    grades: list[CreditGrade]
    groups: dict[str, ProductGroup]
    step: Share
    coverage_quantile: Share
    coverage_days: Positive
    crossing_limit: Share
    confidence: Share
    grant_days: list[Positive]


class Band(Section):
    """From ``low`` to ``high``, both included."""

    low: Share
    high: Share


class ComponentPolicy(Section):
    """What principal components ask of the data; below it the score uses ``fallback_weights``."""

    rows_per_column: Positive
    least_kmo: Share
    most_p: Share


class ScoringPolicy(Section):
    """The score of all clients (scoring/run.py): twelve indicators, factors, classes."""

    after: time
    days: Positive
    least_active_days: Positive
    classes: Annotated[int, Field(ge=2, le=10)]
    most_moved: Share
    close: Decimal
    keep_runs: Positive
    degree_cap: Annotated[Decimal, Field(ge=1, le=20)]
    var_days: Positive
    use_band: Band
    winsorised: Annotated[Decimal, Field(ge=0, le=Decimal("0.4"))]
    choices: dict[
        Literal["turnover_share", "fee_share", "net_profit_rate", "stability"],
        Literal["amount", "lots", "retained", "gross", "on_gains", "on_turnover", "deviation", "over_mean"],
    ]
    components: ComponentPolicy
    fallback_weights: dict[Literal["contribution", "risk", "profit", "funds"], Share]


class RiskPolicy(Section):
    """The ladder (domain/risk.py): shares of equity, 1 = 100 %."""

    watch: Share
    warning: Share
    call: Share
    exchange_notice: Share
    exchange_liquidation: Decimal
    step_above_call: Share
    after_deadline: Literal["liquidation_notice", "liquidation"] = "liquidation_notice"
    contract_lists_this_channel: bool


class Category(Section):
    code: str
    name: Words
    compliance: bool = False  # goes straight to compliance, hidden from the person complained of
    major: bool = False


class Route(Section):
    """One line of the routing table; the first whose conditions hold decides. Empty means any."""

    tiers: list[TierCode] = []
    categories: list[str] = []
    severity: Literal["general", "major"] | None = None
    desk: Literal["officer", "supervisor", "compliance"]


class ComplaintPolicy(Section):
    categories: list[Category]
    routes: list[Route]
    major_amount: Decimal
    major_words: list[str] = []
    report_words: list[str] = []
    cluster_clients: Positive
    cluster_days: Positive
    repeat_days: Positive
    acceptance_days: Positive
    result_days: Positive
    result_days_major: Positive
    extension_days: Positive
    reopen_days: Positive
    chain: list[Literal["officer", "supervisor", "compliance"]]
    max_open: Positive
    max_files: Positive
    resume_hours: Positive


class LibraryPolicy(Section):
    """The loop from unanswered questions to confirmed articles."""

    gather_minutes: Positive
    due_days: Positive
    due_days_frequent: Positive
    frequent_count: Positive
    alike: Share
    overlap: Share


class EmergencyPolicy(Section):
    """An emergency: whom it goes to besides the client's own, how soon, and when they are there. For every tier."""

    promise_minutes: Positive
    roles: Annotated[list[Literal["risk", "officer", "supervisor"]], Field(min_length=1)]
    working_day: Annotated[list[Interval], Field(min_length=1)]
    night: list[Interval]


class TalkPolicy(Section):
    idle_minutes: Positive
    reminder_minutes: Positive
    emergency: EmergencyPolicy


class InvitePolicy(Section):
    client_hours: Positive
    staff_hours: Positive
    tries: Positive


class DeliveryPolicy(Section):
    per_second: Positive
    per_chat_per_second: Positive
    per_group_per_minute: Positive
    in_flight: Annotated[int, Field(gt=0, le=4)]


class Timetable(Section):
    """Beijing times. Trading days come from knowledge/tables/calendar.csv."""

    recheck_evening: time
    recheck_morning: time
    quiet_from: time
    quiet_until: time
    calendar_warning_days: Positive


class ImportPolicy(Section):
    max_megabytes: Positive
    watch_folder: str | None = None


class PrivacyPolicy(Section):
    mask_client_names_for_staff: bool
    consent_version: str
    purposes: dict[Literal["figures", "abroad"], Words]


class ChatPolicy(Section):
    suggested: dict[Lang, list[str]]
    allowed_groups: list[int] = []
    carry_minutes: Positive
    messages_per_minute: Positive


class ModelPolicy(Section):
    """A language model behind an OpenAI-compatible address; its key is ``QIFU_MODEL_KEY``. Off: nothing is asked."""

    enabled: bool = False
    url: str | None = None
    chat_model: str | None = None
    embedding_model: str | None = None
    reword: bool = False
    patience_seconds: Annotated[Decimal, Field(gt=0, le=10)] = Decimal("1.5")
    timeout_seconds: Annotated[Decimal, Field(gt=0, le=60)] = Decimal(4)
    daily_calls: Positive = 2000
    break_after: Positive = 5
    rest_seconds: Positive = 60
    proxy: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.enabled and not (self.url and (self.chat_model or self.embedding_model)):
            raise ValueError("an enabled model needs url, and chat_model or embedding_model")
        if self.enabled and self.reword and not self.chat_model:
            raise ValueError("reword needs chat_model")
        return self


class Policy(Section):
    company: Company
    facts: dict[str, Fact]
    hours: ServiceHours
    tiers: dict[TierCode, TierPolicy]
    tier_bounds: TierBounds
    rates: Rates
    credit: CreditPolicy
    introducers: IntroducerPolicy
    standing: StandingPolicy
    scoring: ScoringPolicy
    risk: RiskPolicy
    complaints: ComplaintPolicy
    library: LibraryPolicy
    talk: TalkPolicy
    invites: InvitePolicy
    delivery: DeliveryPolicy
    timetable: Timetable
    imports: ImportPolicy
    privacy: PrivacyPolicy
    chat: ChatPolicy
    model: ModelPolicy = ModelPolicy()

    @model_validator(mode="after")
    def _emergencies_first(self) -> Self:
        soonest = min(tier.promise_minutes for tier in self.tiers.values())
        if self.talk.emergency.promise_minutes > soonest:
            raise ValueError(f"talk.emergency.promise_minutes is longer than a tier's ({soonest})")
        return self

    def fact_words(self, lang: str) -> dict[str, str]:
        """Facts by name, in one language. What the house acts on follows from where it acts on it: the terms of
        complaints, the lines of the risk ladder, the deadlines of margin calls.
        """
        slowest = max(tier.contact_minutes for tier in self.tiers.values())
        a_day = sum(i.minutes for i in self.hours.working_day)
        terms = {
            "complaint_first_contact_days": -(-slowest // a_day),
            "complaint_accept_days": self.complaints.acceptance_days,
            "complaint_result_days": self.complaints.result_days,
            "complaint_major_days": self.complaints.result_days_major,
            "complaint_reopen_days": self.complaints.reopen_days,
        }
        return {
            **{name: fact.words(lang) for name, fact in self.facts.items()},
            **{name: str(days) for name, days in terms.items()},
            "risk_call_line": _percent(self.risk.call),
            "risk_exchange_line": _percent(self.risk.exchange_liquidation),
            "margin_call_deadline_night": f"{NIGHT_DEADLINE:%H:%M}",
            "margin_call_deadline_day": f"{DAY_DEADLINE:%H:%M}",
        }

    def tier_name(self, tier: str, lang: str) -> str:
        """The tier as staff see it. Never for a client."""
        return self.tiers[tier].name[lang]  # type: ignore[index]  # tier codes come from the register, checked there

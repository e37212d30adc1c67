"""Margins, fees and results from the tables, with the arithmetic line by line and the row each figure came
from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from domain import margin
from domain.knowledge import Ask, Calc, Citation
from domain.margin import AppliedRates, applied_rates
from domain.market import EXCHANGES, ClientPlan, CompanyRates, ContractSpec, Fee, Prices, Quote, RowSource
from knowledge.contracts import ContractTable
from knowledge.slots import Mention, Slots

_NEEDS_NO_PRICE = (Ask.TICK_VALUE, Ask.PNL)


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A calculation with its text (without markup), its citations and what is still missing."""

    calc: Calc
    text: str
    citations: tuple[Citation, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _One:
    """One product worked out: figures, lines of arithmetic, remarks."""

    calc: Calc
    spec: ContractSpec
    head: str
    lines: tuple[str, ...]
    remarks: tuple[str, ...]
    sources: tuple[RowSource, ...]
    missing: tuple[str, ...]


class Calculator:
    """Works out what ``Slots`` ask for. ``texts`` is the section ``calc`` of ``texts.yaml``, by language."""

    def __init__(
        self, table: ContractTable, rates: CompanyRates, texts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._table = table
        self._rates = rates
        self._texts = texts

    def reckon(
        self,
        slots: Slots,
        *,
        lang: str,
        day: date,
        today: date | None,
        plan: ClientPlan | None,
        prices: Prices | None,
    ) -> Reckoned:
        """Figures for every product named; ``day`` chooses the rows, ``today`` (None: unknown) makes them
        stale.
        """
        work = _Work(self._table, self._rates, self._texts[lang], lang, day, today, plan, prices, slots)
        ones = [work.one(m, product) for m in slots.mentions for product in m.products]
        if len(ones) == 1:
            one = ones[0]
            tail = (*one.remarks, *work.stale_line(ones), *work.source_lines(ones))
            text = "\n".join((one.head, *one.lines, *tail))
            return Reckoned(one.calc, text, _citations(one.sources), one.missing)
        return _several(work, ones)


def _several(work: "_Work", ones: Sequence[_One]) -> Reckoned:
    calcs = tuple(one.calc for one in ones)
    lots = {calc.lots for calc in calcs}
    together = Calc(
        product=tuple(str(calc.product) for calc in calcs),
        contract=None,
        lots=lots.pop() if len(lots) == 1 else None,
        ask=calcs[0].ask,
        price=None,
        as_of=min((c.as_of for c in calcs if c.as_of), default=None),
        capital=calcs[0].capital,
        items=calcs,
    )
    totals: dict[str, Any] = {name: _total([getattr(calc, name) for calc in calcs]) for name in _SUMMED}
    together = replace(together, **totals)
    blocks = ["\n".join((one.head, *one.lines)) for one in ones]
    tail: list[str] = []
    if together.margin_company is not None and together.ask in (Ask.MARGIN, Ask.MARGIN_AND_FEE):
        tail.append(work.say("total", amount=money(together.margin_company)))
    if together.fee_company_open is not None and together.ask in (Ask.FEE, Ask.MARGIN_AND_FEE):
        tail.append(work.say("total_fee", amount=money(together.fee_company_open)))
    tail.extend(dict.fromkeys(remark for one in ones for remark in one.remarks))
    tail.extend(work.stale_line(ones))
    tail.extend(work.source_lines(ones))
    sources = tuple(source for one in ones for source in one.sources)
    missing = tuple(dict.fromkeys(slot for one in ones for slot in one.missing))
    return Reckoned(together, "\n\n".join((*blocks, "\n".join(tail))), _citations(sources), missing)


_SUMMED = (
    "margin_exchange",
    "margin_company",
    "fee_exchange_open",
    "fee_exchange_close",
    "fee_exchange_close_today",
    "fee_company_open",
    "fee_company_close",
    "fee_company_close_today",
)


def _total(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


@dataclass(frozen=True, slots=True)
class _Work:
    """Everything that one question's figures depend on."""

    table: ContractTable
    rates: CompanyRates
    texts: Mapping[str, Any]
    lang: str
    day: date
    today: date | None
    plan: ClientPlan | None
    prices: Prices | None
    slots: Slots

    def say(self, key: str, /, **facts: object) -> str:
        return str(self.texts[key]).format(**facts)

    def one(self, mention: Mention, product: str) -> _One:
        contract = str(mention.contract) if mention.contract and len(mention.products) == 1 else None
        spec = self.table.spec(product, contract, self.day)
        applied = applied_rates(spec, self.rates, self.plan, self.day)
        price = mention.price if mention.price is not None else self.slots.price
        said = price is not None
        quote = None if said else self._quote(product, contract)
        if quote is not None:
            price = quote.price
        source = "question" if said else f"settlement {quote.contract} {quote.day}" if quote else None
        lots = mention.lots or self.slots.lots or 1
        calc = self._figures(spec, applied, contract, lots, price, source)
        head, lines = self._lines(spec, applied, calc, lots)
        missing = self._missing(calc, applied)
        remarks = []
        if "price" in missing:
            remarks.append(self.say("no_price"))
        if "capital" in missing:
            remarks.append(self.say("no_capital"))
        if quote and not said:
            remarks.append(
                self.say("settlement", contract=quote.contract, day=quote.day, price=plain(quote.price))
            )
        remarks.extend(self._remarks(spec, applied))
        return _One(calc, spec, head, tuple(lines), tuple(remarks), self._sources(spec), missing)

    def _quote(self, product: str, contract: str | None) -> Quote | None:
        if self.prices is None or (self.slots.ask in _NEEDS_NO_PRICE and not self.slots.with_fee):
            return None
        return self.prices(product, contract)

    def _figures(
        self,
        spec: ContractSpec,
        applied: AppliedRates,
        contract: str | None,
        lots: int,
        price: Decimal | None,
        price_source: str | None,
    ) -> Calc:
        ask = self.slots.ask or Ask.MARGIN
        multiplier = spec.multiplier
        exchange, company = spec.fees, applied.fees

        def fee(rate: Fee) -> Decimal | None:
            return margin.fee(rate, price, multiplier, lots)

        def held(ratio: Decimal) -> Decimal | None:
            return None if price is None else margin.margin(price, multiplier, lots, ratio)

        return Calc(
            product=spec.product,
            contract=contract,
            lots=None if ask is Ask.MAX_LOTS else lots,
            ask=ask,
            price=price,
            price_source=price_source,
            margin_exchange=held(spec.margin_ratio),
            margin_company=held(applied.margin_ratio),
            fee_exchange_open=fee(exchange.open),
            fee_exchange_close=fee(exchange.close),
            fee_exchange_close_today=fee(exchange.close_today),
            fee_company_open=fee(company.open),
            fee_company_close=fee(company.close),
            fee_company_close_today=fee(company.close_today),
            result=self._result(spec, applied, lots, price),
            as_of=min(source.as_of for source in self._sources(spec)),
            capital=self.slots.capital,
            price_from=self.slots.price_from,
            price_to=self.slots.price_to,
            move=self._move(spec),
        )

    def _move(self, spec: ContractSpec) -> Decimal | None:
        move = self.slots.move
        return move * spec.tick if move is not None and self.slots.move_in_ticks else move

    def _result(
        self, spec: ContractSpec, applied: AppliedRates, lots: int, price: Decimal | None
    ) -> Decimal | None:
        slots = self.slots
        match slots.ask:
            case Ask.MAX_LOTS if price is not None and slots.capital is not None:
                one = margin.margin(price, spec.multiplier, 1, applied.margin_ratio)
                return Decimal(margin.max_lots(slots.capital, one))
            case Ask.TICK_VALUE:
                return margin.tick_value(spec.tick, spec.multiplier, lots)
            case Ask.CONTRACT_VALUE if price is not None:
                return margin.contract_value(price, spec.multiplier, lots)
            case Ask.PNL if slots.price_from is not None and slots.price_to is not None:
                span = slots.price_to - slots.price_from
                return margin.pnl(span, spec.multiplier, lots, long=not slots.short)
            case Ask.PNL if (move := self._move(spec)) is not None:
                if slots.loss is not None:
                    return margin.pnl(move, spec.multiplier, lots, long=not slots.loss)
                return margin.pnl(move, spec.multiplier, lots, long=not slots.short)
        return None

    def _missing(self, calc: Calc, applied: AppliedRates) -> tuple[str, ...]:
        missing: list[str] = []
        if calc.ask is Ask.MAX_LOTS and calc.capital is None:
            missing.append("capital")
        needs_price = calc.ask not in _NEEDS_NO_PRICE
        if self.slots.with_fee or calc.ask is Ask.FEE:
            fees = (applied.fees.open, applied.fees.close, applied.fees.close_today)
            needs_price = any(fee.by_turnover for fee in fees)
        if calc.price is None and needs_price:
            missing.append("price")
        return tuple(missing)

    def _lines(
        self, spec: ContractSpec, applied: AppliedRates, calc: Calc, lots: int
    ) -> tuple[str, list[str]]:
        name = spec.name(self.lang) + (f" {calc.contract}" if calc.contract else "")
        shown = self.say("head", name=name, lots=lots)
        match calc.ask:
            case Ask.MARGIN | Ask.MARGIN_AND_FEE | Ask.FEE:
                return self._rate_lines(spec, applied, calc, lots, shown)
            case Ask.MAX_LOTS:
                return self._max_lots_lines(spec, applied, calc, name)
            case Ask.TICK_VALUE:
                return self._tick_lines(spec, applied, calc, lots, shown if lots > 1 else name)
            case Ask.CONTRACT_VALUE:
                return self._value_lines(spec, calc, lots, name, shown)
            case Ask.PNL:
                return self._pnl_lines(spec, calc, lots, name)

    def _rate_lines(
        self, spec: ContractSpec, applied: AppliedRates, calc: Calc, lots: int, shown: str
    ) -> tuple[str, list[str]]:
        lines: list[str] = []
        told: list[str] = []
        if calc.ask is not Ask.FEE:
            if calc.margin_company is not None and calc.margin_exchange is not None:
                told.append(self.say("margin", amount=money(calc.margin_company)))
                facts = {"price": plain(calc.price), "multiplier": plain(spec.multiplier), "lots": lots}
                for key, ratio, amount in (
                    ("company_line", applied.margin_ratio, calc.margin_company),
                    ("exchange_line", spec.margin_ratio, calc.margin_exchange),
                ):
                    lines.append(self.say(key, ratio=percent(ratio), amount=money(amount), **facts))
            else:
                company, exchange = percent(applied.margin_ratio), percent(spec.margin_ratio)
                told.append(self.say("ratio", ratio=company))
                lines.append(self.say("ratio_line", company=company, exchange=exchange))
        if calc.ask is not Ask.MARGIN:
            told.extend(self._fee_asked_for(calc, applied))
            lines.extend(self._fee_lines(spec, applied, calc.price, lots))
        head = (
            self.say("with_price", head=shown, price=plain(calc.price)) if calc.price is not None else shown
        )
        return self.say("comma").join((head, *told)) + self.say("stop"), lines

    def _tick_lines(
        self, spec: ContractSpec, applied: AppliedRates, calc: Calc, lots: int, name: str
    ) -> tuple[str, list[str]]:
        """The tick's value or, where the size of a lot was asked for, the multiplier first; the fee too on wish."""
        amount = margin.tick_value(spec.tick, spec.multiplier, lots)
        point = money(margin.tick_value(Decimal(1), spec.multiplier, lots))
        facts = {"tick": plain(spec.tick), "multiplier": plain(spec.multiplier), "lots": lots}
        tick = self.say("tick_value", amount=money(amount), **facts)
        told, lines = [tick], [self.say("tick_line", amount=money(amount), point=point, **facts)]
        size = self._size(spec)
        if self.slots.size:
            told, lines = [size], [tick, *lines]
        else:
            lines.append(size)
        if self.slots.with_fee:
            told.extend(self._fee_asked_for(calc, applied))
            lines.extend(self._fee_lines(spec, applied, calc.price, lots))
        return self.say("of", name=name, what=self.say("comma").join(told)), lines

    def _size(self, spec: ContractSpec) -> str:
        """How much one lot is; the bare multiplier where the table's unit is a quotation of its own."""
        unit = self.texts["units"].get(spec.unit)
        multiplier = plain(spec.multiplier)
        if unit is None:
            return self.say("multiplier", multiplier=multiplier)
        return self.say("unit_line", multiplier=multiplier, unit=unit)

    def _fee_asked_for(self, calc: Calc, applied: AppliedRates) -> list[str]:
        """The company's fee for the parts that were asked for (opening where none was), in the first line; the
        rate of each where no price is known.
        """
        parts = self.slots.fee_parts or ("open",)
        amounts = {
            "open": calc.fee_company_open,
            "close": calc.fee_company_close,
            "close_today": calc.fee_company_close_today,
        }
        total = _total([amounts[part] for part in parts])
        if total is None:
            rates = {part: getattr(applied.fees, part).by_turnover for part in parts}
            return [
                self.say("fee_rate", part=self.say(part), rate=per_ten_thousand(rate, self.lang))
                for part, rate in rates.items()
                if rate
            ]
        joint = self.say("and")
        return [self.say("fee", parts=joint.join(self.say(part) for part in parts), amount=money(total))]

    def _fee_lines(
        self, spec: ContractSpec, applied: AppliedRates, price: Decimal | None, lots: int
    ) -> list[str]:
        """One line for each rate, the parts of an order that share it named together."""
        lines = []
        joint = "、" if self.lang == "zh" else ", "
        for title, fees in (("fee_title_company", applied.fees), ("fee_title_exchange", spec.fees)):
            shared: dict[Fee, list[str]] = {}
            for part, rate in (("open", fees.open), ("close", fees.close), ("close_today", fees.close_today)):
                shared.setdefault(rate, []).append(self.say(part))
            for rate, parts in shared.items():
                named = self.say("parts", parts=joint.join(parts))
                lines.append(self._fee_line(self.say(title), named, rate, price, spec, lots))
        return lines

    def _fee_line(
        self, title: str, part: str, rate: Fee, price: Decimal | None, spec: ContractSpec, lots: int
    ) -> str:
        if rate.is_free:
            return self.say("fee_free", title=title, part=part)
        amount = margin.fee(rate, price, spec.multiplier, lots)
        if amount is None or (rate.by_turnover and price is None):
            return self.say(
                "fee_rate_only", title=title, part=part, rate=per_ten_thousand(rate.by_turnover, self.lang)
            )
        facts = {"title": title, "part": part, "lots": lots, "amount": money(amount)}
        if not rate.by_turnover:
            return self.say("fee_lot", rate=plain(rate.by_lot), **facts)
        facts |= {"price": plain(price), "multiplier": plain(spec.multiplier)}
        by_turnover = per_ten_thousand(rate.by_turnover, self.lang)
        if rate.by_lot:
            return self.say("fee_both", by_turnover=by_turnover, by_lot=plain(rate.by_lot), **facts)
        return self.say("fee_turnover", rate=by_turnover, **facts)

    def _max_lots_lines(
        self, spec: ContractSpec, applied: AppliedRates, calc: Calc, name: str
    ) -> tuple[str, list[str]]:
        one = calc.margin_company
        if calc.result is None or calc.capital is None or one is None:
            return self._lots_without_price(spec, applied, calc, name)
        facts = {"price": plain(calc.price), "multiplier": plain(spec.multiplier), "lots": 1}
        exact = (calc.capital / one).quantize(margin.CENT) if one else Decimal(0)
        result = int(calc.result)
        head = self.say("max_lots", capital=money(calc.capital), result=result, name=name)
        if (lots := self.slots.enough_for) is not None:
            spare = calc.capital - one * lots
            head = self.say(
                "not_enough" if spare < 0 else "enough",
                capital=money(calc.capital),
                lots=lots,
                name=name,
                margin=money(one * lots),
                spare=money(abs(spare)),
            )
        return head, [
            self.say("company_line", ratio=percent(applied.margin_ratio), amount=money(one), **facts),
            self.say(
                "max_lots_line", capital=money(calc.capital), margin=money(one), exact=exact, result=result
            ),
        ]

    def _lots_without_price(
        self, spec: ContractSpec, applied: AppliedRates, calc: Calc, name: str
    ) -> tuple[str, list[str]]:
        """What is missing, first; and up to which price the capital would do, where it was asked whether it does."""
        company, exchange = percent(applied.margin_ratio), percent(spec.margin_ratio)
        lines = [self.say("ratio_line", company=company, exchange=exchange)]
        if calc.capital is None:
            return self.say("needs_capital", name=name), lines
        if (lots := self.slots.enough_for) is not None:
            factor = spec.multiplier * lots * applied.margin_ratio
            facts = {"capital": money(calc.capital), "multiplier": plain(spec.multiplier), "lots": lots}
            limit = plain((calc.capital / factor).quantize(margin.CENT, ROUND_DOWN))
            lines.append(self.say("enough_below", ratio=company, limit=limit, **facts))
        return self.say("needs_price", name=name), lines

    def _value_lines(
        self, spec: ContractSpec, calc: Calc, lots: int, name: str, shown: str
    ) -> tuple[str, list[str]]:
        if calc.result is None:
            return shown, []
        facts = {"lots": lots, "amount": money(calc.result)}
        line = self.say(
            "contract_value_line", price=plain(calc.price), multiplier=plain(spec.multiplier), **facts
        )
        return self.say("contract_value", name=name, **facts), [line]

    def _pnl_lines(self, spec: ContractSpec, calc: Calc, lots: int, name: str) -> tuple[str, list[str]]:
        slots, amount = self.slots, calc.result or Decimal(0)
        side = self.say("short" if slots.short else "long")
        outcome = self.say("loss" if amount < 0 else "profit")
        head = self.say("pnl", name=name, lots=lots, side=side, outcome=outcome, amount=money(abs(amount)))
        facts = {"multiplier": plain(spec.multiplier), "lots": lots, "amount": money(amount)}
        if calc.price_from is not None:
            key = "pnl_span_short" if slots.short else "pnl_span"
            facts |= {"from": plain(calc.price_from), "to": plain(calc.price_to)}
            return head, [self.say(key, **facts)]
        if slots.move_in_ticks:
            facts |= {"ticks": plain(slots.move), "tick": plain(spec.tick)}
            return head, [self.say("pnl_ticks", **facts)]
        signed = calc.move or Decimal(0)
        if slots.loss or (slots.loss is None and slots.short):
            signed = -signed
        return head, [self.say("pnl_move", move=plain(signed), **facts)]

    def _sources(self, spec: ContractSpec) -> tuple[RowSource, ...]:
        match self.slots.ask:
            case Ask.FEE:
                return (spec.fee_source,)
            case Ask.TICK_VALUE if self.slots.with_fee and spec.fee_source != spec.margin_source:
                return (spec.margin_source, spec.fee_source)
            case Ask.MARGIN_AND_FEE if spec.fee_source != spec.margin_source:
                return (spec.margin_source, spec.fee_source)
        return (spec.margin_source,)

    def _remarks(self, spec: ContractSpec, applied: AppliedRates) -> list[str]:
        """Whose rates and for which contract, said once for margin and once for fees."""
        remarks: list[str] = []
        uses_margin = self.slots.ask in (Ask.MARGIN, Ask.MARGIN_AND_FEE, Ask.MAX_LOTS)
        uses_fee = self.slots.with_fee or self.slots.ask in (Ask.FEE, Ask.MARGIN_AND_FEE)
        if uses_margin and applied.margin_of != "company":
            remarks.append(self.say("plan_margin", plan=applied.margin_of))
        if uses_fee and applied.fees_of != "company":
            remarks.append(self.say("plan_fee", plan=applied.fees_of))
        margin_word, fee_word = self.say("what_margin"), self.say("what_fee")
        if uses_margin and uses_fee and spec.margin_source == spec.fee_source:
            return remarks + self._source_remarks(
                spec, spec.fee_source, self.say("both", one=margin_word, other=fee_word)
            )
        if uses_margin:
            remarks.extend(self._source_remarks(spec, spec.margin_source, margin_word))
        if uses_fee:
            remarks.extend(self._source_remarks(spec, spec.fee_source, fee_word))
        return remarks

    def _source_remarks(self, spec: ContractSpec, source: RowSource, what: str) -> list[str]:
        remarks = []
        if source.for_contract:
            remarks.append(self.say("very_contract", what=what, contract=spec.contract))
        else:
            remarks.append(self.say("main_only", what=what))
        if source.first_known:
            remarks.append(self.say("first_known", what=what, day=source.effective_from))
        return remarks

    def stale_line(self, ones: Sequence[_One]) -> list[str]:
        """That rates of the answer are old, said once however many are; terms of a contract do not age."""
        uses_rates = self.slots.with_fee or self.slots.ask not in (
            Ask.TICK_VALUE,
            Ask.PNL,
            Ask.CONTRACT_VALUE,
        )
        if self.today is None or not uses_rates:
            return []
        asked, limit = min(self.today, self.day), self.rates.stale_after_days
        dated = [source for one in ones for source in one.sources if not source.first_known]
        old = any((asked - source.as_of).days > limit for source in dated)
        return [self.say("stale", days=limit)] if old else []

    def source_lines(self, ones: Sequence[_One]) -> list[str]:
        """The last lines: which rate of which exchange, as of which day."""
        margin_word, fee_word = self.say("what_margin"), self.say("what_fee")
        words = {Ask.FEE: [fee_word], Ask.MARGIN_AND_FEE: [margin_word, fee_word]}
        lines: list[str] = []
        for one in ones:
            what = words.get(self.slots.ask or Ask.MARGIN, [margin_word])
            if self.slots.ask in (Ask.TICK_VALUE, Ask.PNL, Ask.CONTRACT_VALUE):
                what = [self.say("what_contract"), *([fee_word] if self.slots.with_fee else [])]
            name = one.spec.full_name(self.lang)
            exchange = EXCHANGES[one.spec.exchange][0 if self.lang == "zh" else 1]
            if len(one.sources) == 1:
                joined = self.say("both", one=what[0], other=what[1]) if len(what) > 1 else what[0]
                lines.append(
                    self.say("source", name=name, exchange=exchange, what=joined, day=one.sources[0].as_of)
                )
                continue
            for word, source in zip(what, one.sources, strict=False):
                lines.append(self.say("source", name=name, exchange=exchange, what=word, day=source.as_of))
        return lines


def _citations(sources: Sequence[RowSource]) -> tuple[Citation, ...]:
    return tuple(
        Citation(table=s.table, row=s.row, as_of=s.as_of, source=s.source) for s in dict.fromkeys(sources)
    )


def money(amount: Decimal) -> str:
    """12,921.50"""
    return f"{amount:,.2f}"


def plain(value: Decimal | None) -> str:
    """3,030 or 0.005: as many decimals as the figure has."""
    if value is None:
        return ""
    shown = format(value.normalize(), "f")
    whole, point, decimals = shown.partition(".")
    return f"{int(whole):,}{point}{decimals}" if whole not in ("-0",) else shown


def percent(ratio: Decimal) -> str:
    """0.12 -> 12%."""
    return f"{format((ratio * 100).normalize(), 'f')}%"


def per_ten_thousand(rate: Decimal, lang: str) -> str:
    """0.0001 as 万分之1, in English as 0.01%."""
    if lang == "zh":
        return f"万分之{format((rate * 10_000).normalize(), 'f')}"
    return percent(rate)

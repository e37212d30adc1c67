"""The sample brokerage: its products, prices and clients, and what every trading day does to each
account.

All people, accounts, prices and trades are invented. Margin and fee rates are the exchanges' of
2026-08-18 plus the sample company's add-ons; sums are exact to the cent, and every day begins where the
last one ended.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

COMPANY = "示例期货有限公司"
DAYS = ("20260813", "20260814", "20260817", "20260818", "20260819", "20260820", "20260821", "20260824")
CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Product:
    """Exchange, names, multiplier, exchange margin, and the exchange's fee by turnover or by lot."""

    exchange: str
    exchange_zh: str
    name: str
    multiplier: int
    margin: Decimal
    by_turnover: Decimal = Decimal(0)
    by_lot: Decimal = Decimal(0)
    addon: Decimal = Decimal("0.05")


PRODUCTS = {
    "rb": Product("SHFE", "上期所", "螺纹钢", 10, Decimal("0.07"), by_turnover=Decimal("0.0001")),
    "cu": Product("SHFE", "上期所", "阴极铜", 5, Decimal("0.11"), Decimal("0.00005"), addon=Decimal("0.06")),
    "m": Product("DCE", "大商所", "豆粕", 10, Decimal("0.07"), by_lot=Decimal("1.5"), addon=Decimal("0.06")),
    "y": Product("DCE", "大商所", "豆油", 10, Decimal("0.07"), by_lot=Decimal("2.5"), addon=Decimal("0.07")),
    "i": Product("DCE", "大商所", "铁矿石", 100, Decimal("0.11"), Decimal("0.0001"), addon=Decimal("0.07")),
    "SA": Product("CZCE", "郑商所", "纯碱", 20, Decimal("0.08"), Decimal("0.0001"), addon=Decimal("0.12")),
    "FG": Product("CZCE", "郑商所", "玻璃", 20, Decimal("0.09"), by_lot=Decimal(2), addon=Decimal("0.13")),
    "IF": Product(
        "CFFEX", "中金所", "沪深300", 300, Decimal("0.12"), Decimal("0.000023"), addon=Decimal("0.03")
    ),
    "ps": Product("GFEX", "广期所", "多晶硅", 3, Decimal("0.13"), Decimal("0.0001"), addon=Decimal("0.10")),
}
PRICES = {
    "rb2610": "3055 3042 3030 3107 3030 3044 3052 3060",
    "cu2611": "79450 79180 78960 79320 79610 79240 78870 79050",
    "m2701": "3262 3250 3247 3163 3247 3236 3225 3218",
    "m2701-P-3200": "58.5 61 62.5 96.5 63 66.5 70 72.5",
    "y2701": "8590 8606 8612 8629 8618 8570 8486 8502",
    "i2701": "780 776.5 782 785.5 779 774 771 775.5",
    "SA701": "1268 1259 1264 1281 1272 1266 1258 1263",
    "FG701": "1104 1098 1101 1117 1109 1102 1096 1099",
    "IF2609": "4652.4 4661.8 4670.2 4655.6 4544.0 4572.0 4590.2 4601.8",
    "ps2611": "53000 52600 52000 49140 44720 39800 39905 40300",
}
# The day before the first, for the first day's 昨结算.
BEFORE = dict.fromkeys(PRICES, "") | {"rb2610": "3048", "y2701": "8568", "i2701": "783", "cu2611": "79300"}
BEFORE |= {"SA701": "1270", "FG701": "1107"}


def settle(instrument: str, day: str) -> Decimal:
    return Decimal(PRICES[instrument].split()[DAYS.index(day)])


def settle_before(instrument: str, day: str) -> Decimal:
    place = DAYS.index(day)
    return Decimal(PRICES[instrument].split()[place - 1] if place else BEFORE[instrument])


def product_of(instrument: str) -> Product:
    return PRODUCTS["".join(character for character in instrument.split("-")[0] if character.isalpha())]


def is_option(instrument: str) -> bool:
    return "-" in instrument


@dataclass(frozen=True)
class Order:
    """A trade to be made: ``offset`` 开, 平, 平今, 平昨 or 强平; ``fee`` only where the sample
    statement fixes it.
    """

    instrument: str
    side: str
    offset: str
    price: str
    lots: int
    hedge: str = ""
    fee: str = ""


@dataclass
class Lot:
    opened: str
    instrument: str
    side: str
    hedge: str
    price: Decimal
    lots: int


@dataclass
class Account:
    number: str
    name: str
    opening: Decimal
    margin_plan: dict[str, str]
    fee_share: Decimal
    cash: dict[str, list[tuple[str, str]]]
    orders: dict[str, list[Order]]
    lots: list[Lot] = field(default_factory=list)

    def addon(self, instrument: str) -> Decimal:
        product = "".join(character for character in instrument if character.isalpha())
        plan = self.margin_plan
        return Decimal(plan.get(product, plan["default"])) if plan else product_of(instrument).addon


@dataclass
class TradeRow:
    order: Order
    hedge: str
    turnover: Decimal
    fee: Decimal
    profit: Decimal
    profit_by_trade: Decimal
    premium: Decimal
    number: str


@dataclass
class ClosedRow:
    order: Order
    lot: Lot
    lots: int
    previous: Decimal
    profit: Decimal
    profit_by_trade: Decimal


@dataclass
class HeldRow:
    lot: Lot
    previous: Decimal
    settlement: Decimal
    floating: Decimal
    mtm: Decimal
    margin: Decimal
    exchange_margin: Decimal
    option_value: Decimal


@dataclass
class Day:
    """One account's day, ready to be printed in any format."""

    account: Account
    day: str
    before: Decimal
    cash: list[tuple[str, Decimal]]
    trades: list[TradeRow] = field(default_factory=list)
    closed: list[ClosedRow] = field(default_factory=list)
    held: list[HeldRow] = field(default_factory=list)
    floating_before: Decimal = ZERO

    @property
    def deposit(self) -> Decimal:
        return sum((amount for _, amount in self.cash if amount > 0), ZERO)

    @property
    def withdraw(self) -> Decimal:
        return -sum((amount for _, amount in self.cash if amount < 0), ZERO)

    def total(self, rows: str, item: str) -> Decimal:
        return sum((getattr(row, item) for row in getattr(self, rows)), ZERO)

    @property
    def balance(self) -> Decimal:
        gains = self.total("trades", "profit") + self.total("held", "mtm") + self.total("trades", "premium")
        return self.before + self.deposit - self.withdraw + gains - self.total("trades", "fee")

    @property
    def margin(self) -> Decimal:
        return self.total("held", "margin")

    @property
    def option_value(self) -> Decimal:
        return self.total("held", "option_value")

    @property
    def available(self) -> Decimal:
        return self.balance - self.margin

    @property
    def risk(self) -> str:
        if self.balance <= 0:
            return "0.00%"
        return f"{cents(self.margin / self.balance * 100)}%"


_SERIALS = {"SHFE": 100000, "DCE": 200000, "CZCE": 300000, "CFFEX": 400000, "GFEX": 500000}


def run_day(account: Account, day: str, before: Decimal, serials: dict[str, int]) -> Day:
    result = Day(account, day, before, [(word, Decimal(text)) for word, text in account.cash.get(day, [])])
    result.floating_before = sum(
        (floating(lot, settle_before(lot.instrument, day)) for lot in account.lots), ZERO
    )
    for order in account.orders.get(day, []):
        make_trade(result, order, serials)
    for lot in account.lots:
        result.held.append(held_row(account, lot, day))
    return result


def floating(lot: Lot, price: Decimal) -> Decimal:
    if is_option(lot.instrument):
        return ZERO
    sign = 1 if lot.side == "买" else -1
    return cents((price - lot.price) * sign * lot.lots * product_of(lot.instrument).multiplier)


def make_trade(result: Day, order: Order, serials: dict[str, int]) -> None:
    product, account, day = product_of(order.instrument), result.account, result.day
    price = Decimal(order.price)
    hedge = order.hedge or ("交易" if product.exchange == "CFFEX" else "投机")
    turnover = cents(price * order.lots * product.multiplier)
    rate = product.by_turnover * turnover + product.by_lot * order.lots
    fee = Decimal(order.fee) if order.fee else cents(rate * (1 + account.fee_share))
    premium = ZERO
    if is_option(order.instrument):
        premium = -turnover if order.side == "买" else turnover
    profit = by_trade = ZERO
    if order.offset == "开":
        account.lots.append(Lot(day, order.instrument, order.side, hedge, price, order.lots))
    else:
        for row in close_lots(account, order, day):
            result.closed.append(row)
            profit += row.profit
            by_trade += row.profit_by_trade
    serials[product.exchange] += 1
    number = str(serials[product.exchange])
    result.trades.append(TradeRow(order, hedge, turnover, fee, profit, by_trade, premium, number))


def close_lots(account: Account, order: Order, day: str) -> list[ClosedRow]:
    """Closes by the flag at SHFE, elsewhere the oldest lots first."""
    rows, left = [], order.lots
    opposite = "卖" if order.side == "买" else "买"
    for lot in list(account.lots):
        fits = lot.instrument == order.instrument and lot.side == opposite
        if order.offset in ("平今", "平昨"):
            fits = fits and (lot.opened == day) == (order.offset == "平今")
        if not fits or not left:
            continue
        count = min(lot.lots, left)
        rows.append(closed_row(order, lot, count, day))
        lot.lots -= count
        left -= count
    account.lots[:] = [lot for lot in account.lots if lot.lots]
    if left:
        raise ValueError(f"{account.number} {day}: {left} lots of {order.instrument} are not there")
    return rows


def closed_row(order: Order, lot: Lot, count: int, day: str) -> ClosedRow:
    price, previous = Decimal(order.price), settle_before(lot.instrument, day)
    base = lot.price if lot.opened == day else previous
    sign = 1 if lot.side == "买" else -1
    size = sign * count * product_of(lot.instrument).multiplier
    kept = Lot(lot.opened, lot.instrument, lot.side, lot.hedge, lot.price, count)
    return ClosedRow(
        order, kept, count, previous, cents((price - base) * size), cents((price - lot.price) * size)
    )


def held_row(account: Account, lot: Lot, day: str) -> HeldRow:
    product, price = product_of(lot.instrument), settle(lot.instrument, day)
    previous = settle_before(lot.instrument, day)
    value = price * lot.lots * product.multiplier
    copy = Lot(lot.opened, lot.instrument, lot.side, lot.hedge, lot.price, lot.lots)
    if is_option(lot.instrument):
        return HeldRow(copy, previous, price, ZERO, ZERO, ZERO, ZERO, cents(value))
    base = lot.price if lot.opened == day else previous
    sign = 1 if lot.side == "买" else -1
    return HeldRow(
        lot=copy,
        previous=previous,
        settlement=price,
        floating=floating(lot, price),
        mtm=cents((price - base) * sign * lot.lots * product.multiplier),
        margin=cents(value * (product.margin + account.addon(lot.instrument))),
        exchange_margin=cents(value * product.margin),
        option_value=ZERO,
    )


@dataclass
class Sum:
    """A contract's rows put together, as 持仓汇总 prints them."""

    first: HeldRow
    long: int = 0
    short: int = 0
    long_paid: Decimal = ZERO
    short_paid: Decimal = ZERO
    profit: Decimal = ZERO
    margin: Decimal = ZERO
    exchange_margin: Decimal = ZERO
    option_value: Decimal = ZERO


def sums(day: Day, by_trade: bool) -> list[Sum]:
    groups: dict[tuple[str, str], Sum] = {}
    for held in day.held:
        group = groups.setdefault((held.lot.instrument, held.lot.hedge), Sum(held))
        if held.lot.side == "买":
            group.long += held.lot.lots
            group.long_paid += held.lot.price * held.lot.lots
        else:
            group.short += held.lot.lots
            group.short_paid += held.lot.price * held.lot.lots
        group.profit += held.floating if by_trade else held.mtm
        group.margin += held.margin
        group.exchange_margin += held.exchange_margin
        group.option_value += held.option_value
    return list(groups.values())


def exchange_margin(day: Day) -> Decimal:
    return day.total("held", "exchange_margin")


STANDARD = {"default": "0.05", "rb": "0.05", "m": "0.06"}
PREFERRED = {"default": "0.02"}
HOUSE: dict[str, str] = {}


def accounts() -> list[Account]:
    """Eight invented clients. Comments say where each account stands after settlement, by the company's
    line.
    """
    return [
        client_who_is_called(),
        quiet_premier(),
        day_trader(),
        iron_ore_short(),
        wiped_out(),
        cash_only(),
        index_long(),
        hedger(),
    ]


def client_who_is_called() -> Account:
    # 8.26 % on 08-17 (the published sample statement), 80.64 % on 08-18, 107.30 % company and 60.23 %
    # exchange on 08-19 with 2,921.50 to add, 98.99 % on 08-20, about 81 % on 08-21, normal on 08-24.
    cash = {
        "20260813": [("银期转账(入金)", "500000.00")],
        "20260817": [("银期转账(入金)", "20000.00")],
        "20260818": [("银期转账(出金)", "-475000.00")],
        "20260819": [("银期转账(出金)", "-4415.43")],
        "20260820": [("银期转账(入金)", "2000.00")],
        "20260824": [("银期转账(入金)", "15000.00")],
    }
    orders = {
        "20260813": [Order("rb2610", "买", "开", "3050", 10)],
        "20260817": [
            Order("rb2610", "卖", "平昨", "3036", 4),
            Order("m2701", "卖", "开", "3255", 5, fee="10.00"),
        ],
        "20260821": [Order("rb2610", "卖", "平昨", "3040", 2)],
    }
    return Account("80012345", "王明", Decimal("836.60"), STANDARD, Decimal("0.2"), cash, orders)


def quiet_premier() -> Account:
    # Far from every line until the withdrawal of 08-21.
    cash = {"20260814": [("银期转账(入金)", "600000.00")], "20260821": [("银期转账(出金)", "-2395000.00")]}
    orders = {
        "20260813": [Order("y2701", "买", "开", "8575", 20)],
        "20260818": [Order("cu2611", "买", "开", "79150", 2)],
        "20260820": [Order("cu2611", "卖", "平昨", "79300", 2)],
        "20260824": [Order("y2701", "卖", "平", "8498", 8)],
    }
    return Account("80023456", "李静", Decimal("2000000.00"), PREFERRED, Decimal("0.05"), cash, orders)


def day_trader() -> Account:
    prices = {
        "20260813": ("1271", "1266", "1269", "1273"),
        "20260814": ("1266", "1261", "1258", "1263"),
        "20260817": ("1259", "1263", "1265", "1262"),
        "20260818": ("1268", "1275", "1279", "1276"),
        "20260819": ("1280", "1276", "1271", "1275"),
        "20260820": ("1271", "1268", "1265", "1269"),
        "20260821": ("1264", "1260", "1257", "1261"),
        "20260824": ("1259", "1264", "1262", "1266"),
    }
    orders = {}
    for day, (first, second, third, fourth) in prices.items():
        orders[day] = [
            Order("SA701", "买", "开", first, 2),
            Order("SA701", "卖", "平", second, 2),
            Order("SA701", "卖", "开", second, 2),
            Order("SA701", "买", "平", third, 2),
            Order("SA701", "买", "开", third, 2),
            Order("SA701", "卖", "平", fourth, 2),
        ]
    orders["20260813"].append(Order("FG701", "买", "开", "1105", 3))
    return Account("80034567", "陈刚", Decimal("86000.00"), HOUSE, Decimal("0.2"), {}, orders)


def iron_ore_short() -> Account:
    # An option bought on 08-18: premium paid, market value outside the equity.
    cash = {"20260817": [("银期转账(入金)", "50000.00")]}
    orders = {
        "20260813": [Order("i2701", "卖", "开", "782.5", 8)],
        "20260818": [Order("m2701-P-3200", "买", "开", "88", 2)],
        "20260820": [Order("i2701", "买", "平", "775.5", 3)],
    }
    return Account("80045678", "周芳", Decimal("210000.00"), HOUSE, Decimal("0.2"), cash, orders)


def wiped_out() -> Account:
    # Three falling days: warning, call, over the exchange's line on 08-19, liquidated below zero on 08-20.
    cash = {"20260821": [("银期转账(入金)", "1000.00")]}
    orders = {
        "20260817": [Order("ps2611", "买", "开", "52100", 2)],
        "20260820": [Order("ps2611", "卖", "强平", "39800", 2)],
    }
    return Account("80056789", "孙伟", Decimal("73137.51"), HOUSE, Decimal("0.2"), cash, orders)


def cash_only() -> Account:
    cash = {"20260819": [("银期转账(入金)", "5000.00")]}
    return Account("80067890", "吴丽", Decimal("35000.00"), HOUSE, Decimal("0.2"), cash, {})


def index_long() -> Account:
    # 97.50 % on 08-18; on 08-19 112.73 % company and 90.18 % exchange.
    cash = {"20260820": [("银期转账(入金)", "100000.00")]}
    orders = {
        "20260818": [Order("IF2609", "买", "开", "4668.0", 2)],
        "20260824": [Order("IF2609", "卖", "平", "4598.4", 1)],
    }
    return Account("80078901", "郑浩", Decimal("437267.30"), HOUSE, Decimal("0.2"), cash, orders)


def hedger() -> Account:
    cash = {"20260818": [("银期转账(入金)", "200000.00")]}
    orders = {
        "20260813": [Order("cu2611", "卖", "开", "79420", 10, hedge="套保")],
        "20260819": [Order("cu2611", "卖", "开", "79560", 2, hedge="套保")],
        "20260824": [Order("cu2611", "买", "平昨", "79000", 4, hedge="套保")],
    }
    name = "示例物产贸易有限公司"
    return Account("60010001", name, Decimal("1500000.00"), HOUSE, Decimal("0.05"), cash, orders)


def run() -> dict[str, list[Day]]:
    """Every account on every day, in order; yesterday's balance c/f is today's b/f."""
    everyone = accounts()
    balances = {account.number: account.opening for account in everyone}
    found: dict[str, list[Day]] = {}
    for day in DAYS:
        serials = dict(_SERIALS)
        found[day] = [run_day(account, day, balances[account.number], serials) for account in everyone]
        balances = {result.account.number: result.balance for result in found[day]}
    return found

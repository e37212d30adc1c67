"""The words of CTP settlement statements and of monitoring-centre workbooks, and what each of them means.

Keys are compact: no blanks, lower case. A label or column is looked up by its Chinese words first, by its
English words where the statement has no Chinese.
"""

import re

from domain.settlement import Basis, BuySell, Direction, Hedge, Offset

_CHINESE_RUN = re.compile("[\u4e00-\u9fff]+")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if code != 0xFF5C} | {0x3000: 0x20}


def fold(text: str) -> str:
    """Full-width letters, digits, brackets and colons as half-width ones; every character keeps its
    place.
    """
    return text.translate(_FULL_WIDTH)


def compact(text: str) -> str:
    """A label, title or heading without blanks and in lower case."""
    return "".join(fold(text).split()).lower()


def chinese(text: str) -> str:
    """Only the Chinese characters of a text."""
    return "".join(_CHINESE_RUN.findall(text))


SECTIONS = {
    "资金状况": "account",
    "accountsummary": "account",
    "出入金明细": "cash",
    "deposit/withdrawal": "cash",
    "成交记录": "trades",
    "成交明细": "trades",
    "transactionrecord": "trades",
    "平仓明细": "closed",
    "positionclosed": "closed",
    "交割明细": "delivery",
    "delivery": "delivery",
    "行权明细": "exercise",
    "exercise": "exercise",
    "exercisestatement": "exercise",
    "持仓明细": "detail",
    "positionsdetail": "detail",
    "持仓汇总": "summary",
    "positions": "summary",
}

SECTION_NAMES = {
    "account": "资金状况 Account Summary",
    "cash": "出入金明细 Deposit/Withdrawal",
    "trades": "成交记录 Transaction Record",
    "closed": "平仓明细 Position Closed",
    "delivery": "交割明细 Delivery",
    "exercise": "行权明细 Exercise",
    "detail": "持仓明细 Positions Detail",
    "summary": "持仓汇总 Positions",
}

LABELS = {
    "期初结存": "pre_balance",
    "上日结存": "pre_balance",
    "上月结存": "pre_balance",
    "balanceb/f": "pre_balance",
    "出入金": "net_deposit",
    "deposit/withdrawal": "net_deposit",
    "平仓盈亏": "close_profit",
    "realizedp/l": "close_profit",
    "持仓盯市盈亏": "mtm_profit",
    "盯市盈亏": "mtm_profit",
    "mtmp/l": "mtm_profit",
    "浮动盈亏": "floating_profit",
    "accum.p/l": "floating_profit",
    "floatingp/l": "floating_profit",
    "期权执行盈亏": "exercise_profit",
    "行权盈亏": "exercise_profit",
    "exercisep/l": "exercise_profit",
    "交割盈亏": "delivery_profit",
    "deliveryp/l": "delivery_profit",
    "手续费": "commission",
    "commission": "commission",
    "行权手续费": "exercise_fee",
    "exercisefee": "exercise_fee",
    "交割手续费": "delivery_fee",
    "deliveryfee": "delivery_fee",
    "货币质入": "fx_in",
    "newfxpledge": "fx_in",
    "货币质出": "fx_out",
    "fxredemption": "fx_out",
    "质押变化金额": "pledge_change",
    "chginpledgeamt": "pledge_change",
    "权利金收入": "premium_received",
    "premiumreceived": "premium_received",
    "权利金支出": "premium_paid",
    "premiumpaid": "premium_paid",
    "货币质押变化金额": "fx_change",
    "chginfxpledge": "fx_change",
    "基础保证金": "initial_margin",
    "initialmargin": "initial_margin",
    "期末结存": "balance",
    "balancec/f": "balance",
    "质押金": "mortgage",
    "pledgeamount": "mortgage",
    "客户权益": "equity",
    "clientequity": "equity",
    "货币质押保证金占用": "fx_margin",
    "fxpledgeocc": "fx_margin",
    "保证金占用": "margin",
    "marginoccupied": "margin",
    "交割保证金": "delivery_margin",
    "deliverymargin": "delivery_margin",
    "多头期权市值": "long_option_value",
    "marketvalue(long)": "long_option_value",
    "空头期权市值": "short_option_value",
    "marketvalue(short)": "short_option_value",
    "市值权益": "market_equity",
    "marketvalue(equity)": "market_equity",
    "可用资金": "available",
    "fundavail": "available",
    "风险度": "risk_degree",
    "riskdegree": "risk_degree",
    "应追加资金": "margin_call",
    "追加保证金": "margin_call",
    "margincall": "margin_call",
}

LABEL_NAMES = {
    "pre_balance": "期初结存 Balance b/f",
    "net_deposit": "出入金 Deposit/Withdrawal",
    "close_profit": "平仓盈亏 Realized P/L",
    "mtm_profit": "持仓盯市盈亏 MTM P/L",
    "floating_profit": "浮动盈亏 Accum. P/L",
    "exercise_profit": "期权执行盈亏 Exercise P/L",
    "delivery_profit": "交割盈亏 Delivery P/L",
    "commission": "手续费 Commission",
    "exercise_fee": "行权手续费 Exercise Fee",
    "delivery_fee": "交割手续费 Delivery Fee",
    "fx_in": "货币质入 New FX Pledge",
    "fx_out": "货币质出 FX Redemption",
    "pledge_change": "质押变化金额 Chg in Pledge Amt",
    "premium_received": "权利金收入 Premium received",
    "premium_paid": "权利金支出 Premium paid",
    "fx_change": "货币质押变化金额 Chg in FX Pledge",
    "initial_margin": "基础保证金 Initial Margin",
    "balance": "期末结存 Balance c/f",
    "mortgage": "质押金 Pledge Amount",
    "equity": "客户权益 Client Equity",
    "fx_margin": "货币质押保证金占用 FX Pledge Occ.",
    "margin": "保证金占用 Margin Occupied",
    "delivery_margin": "交割保证金 Delivery Margin",
    "long_option_value": "多头期权市值 Market value(long)",
    "short_option_value": "空头期权市值 Market value(short)",
    "market_equity": "市值权益 Market value(equity)",
    "available": "可用资金 Fund Avail.",
    "risk_degree": "风险度 Risk Degree",
    "margin_call": "应追加资金 Margin Call",
}

COLUMNS = {
    "成交日期": "date",
    "实际成交日期": "date",
    "平仓日期": "date",
    "发生日期": "date",
    "日期": "date",
    "date": "date",
    "closedate": "date",
    "成交时间": "time",
    "交易所": "exchange",
    "exchange": "exchange",
    "品种": "product",
    "product": "product",
    "合约": "instrument",
    "品种合约": "instrument",
    "instrument": "instrument",
    "开仓日期": "open_date",
    "opendate": "open_date",
    "买卖": "side",
    "b/s": "side",
    "投保": "hedge",
    "投机套保": "hedge",
    "s/h": "hedge",
    "成交价": "price",
    "权利金单价": "price",
    "price": "price",
    "trans.price": "price",
    "手数": "lots",
    "成交量": "lots",
    "持仓量": "lots",
    "lots": "lots",
    "positon": "lots",
    "position": "lots",
    "成交额": "turnover",
    "turnover": "turnover",
    "开平": "offset",
    "o/c": "offset",
    "手续费": "fee",
    "fee": "fee",
    "平仓盈亏": "close_profit",
    "realizedp/l": "close_profit",
    "totalp/l": "close_profit",
    "权利金收支": "premium",
    "权利金": "premium",
    "premiumreceived/paid": "premium",
    "成交序号": "trade_id",
    "流水号": "trade_id",
    "trans.no": "trade_id",
    "trans.no.": "trade_id",
    "开仓价": "open_price",
    "pos.openprice": "open_price",
    "昨结算": "pre_settlement",
    "昨结算价": "pre_settlement",
    "prev.sttl": "pre_settlement",
    "结算价": "settlement",
    "今结算": "settlement",
    "今结算价": "settlement",
    "settlementprice": "settlement",
    "stltoday": "settlement",
    "sttltoday": "settlement",
    "浮动盈亏": "floating_profit",
    "accum.p/l": "floating_profit",
    "盯市盈亏": "mtm_profit",
    "持仓盯市盈亏": "mtm_profit",
    "mtmp/l": "mtm_profit",
    "持仓盈亏": "position_profit",
    "保证金": "margin",
    "保证金占用": "margin",
    "交易保证金": "margin",
    "margin": "margin",
    "marginoccupied": "margin",
    "期权市值": "option_value",
    "marketvalue(options)": "option_value",
    "买持": "long_lots",
    "买持仓": "long_lots",
    "longpos": "long_lots",
    "longpos.": "long_lots",
    "买均价": "long_price",
    "买开仓均价": "long_price",
    "买入价": "long_price",
    "avgbuyprice": "long_price",
    "卖持": "short_lots",
    "卖持仓": "short_lots",
    "shortpos": "short_lots",
    "shortpos.": "short_lots",
    "卖均价": "short_price",
    "卖开仓均价": "short_price",
    "卖出价": "short_price",
    "avgsellprice": "short_price",
    "多头期权市值": "long_value",
    "marketvalue(long)": "long_value",
    "空头期权市值": "short_value",
    "marketvalue(short)": "short_value",
    "入金": "deposit",
    "deposit": "deposit",
    "出金": "withdraw",
    "withdrawal": "withdraw",
    "出入金类型": "type",
    "type": "type",
    "说明": "remark",
    "note": "remark",
}

COLUMN_NAMES = {
    "instrument": "合约 Instrument",
    "side": "买/卖 B/S",
    "hedge": "投/保 S/H",
    "price": "成交价 Price",
    "lots": "手数 Lots",
    "offset": "开平 O/C",
    "fee": "手续费 Fee",
    "margin": "保证金 Margin",
    "long_lots": "买持 Long Pos.",
    "short_lots": "卖持 Short Pos.",
    "open_price": "开仓价 Pos. Open Price",
    "close_profit": "平仓盈亏 Realized P/L",
    "mtm_profit": "盯市盈亏 MTM P/L",
    "floating_profit": "浮动盈亏 Accum. P/L",
    "settlement": "结算价 Settlement Price",
    "pre_settlement": "昨结算 Prev. Sttl",
    "turnover": "成交额 Turnover",
    "premium": "权利金收支 Premium Received/Paid",
    "date": "日期 Date",
    "open_date": "开仓日期 Open Date",
    "deposit": "入金 Deposit",
    "withdraw": "出金 Withdrawal",
    "long_price": "买均价 Avg Buy Price",
    "short_price": "卖均价 Avg Sell Price",
    "option_value": "期权市值 Market Value(Options)",
    "long_value": "多头期权市值 Market Value(Long)",
    "short_value": "空头期权市值 Market Value(Short)",
    "position_profit": "持仓盈亏",
    "trade_id": "成交序号 Trans.No.",
    "exchange": "交易所 Exchange",
    "product": "品种 Product",
    "time": "成交时间",
    "type": "出入金类型 Type",
    "remark": "说明 Note",
}

# Columns that a total row adds up, in the order in which a table of any section has them.
SUMMED = frozenset(
    {
        "lots",
        "long_lots",
        "short_lots",
        "turnover",
        "fee",
        "close_profit",
        "premium",
        "floating_profit",
        "mtm_profit",
        "position_profit",
        "margin",
        "option_value",
        "long_value",
        "short_value",
        "deposit",
        "withdraw",
    }
)

EXCHANGES = {
    "上期所": "SHFE",
    "上海期货交易所": "SHFE",
    "能源中心": "INE",
    "上期能源": "INE",
    "上海国际能源交易中心": "INE",
    "中金所": "CFFEX",
    "中国金融期货交易所": "CFFEX",
    "大商所": "DCE",
    "大连商品交易所": "DCE",
    "郑商所": "CZCE",
    "郑州商品交易所": "CZCE",
    "广期所": "GFEX",
    "广州期货交易所": "GFEX",
    "shfe": "SHFE",
    "ine": "INE",
    "cffex": "CFFEX",
    "dce": "DCE",
    "czce": "CZCE",
    "gfex": "GFEX",
}

SIDES = {
    "买": BuySell.BUY,
    "buy": BuySell.BUY,
    "b": BuySell.BUY,
    "卖": BuySell.SELL,
    "sell": BuySell.SELL,
} | {
    "s": BuySell.SELL,
    "买入": BuySell.BUY,
    "卖出": BuySell.SELL,
}

HEDGES = {
    "": Hedge.SPECULATION,
    "投机": Hedge.SPECULATION,
    "投": Hedge.SPECULATION,
    "交易": Hedge.SPECULATION,
    "一般": Hedge.SPECULATION,
    "speculation": Hedge.SPECULATION,
    "general": Hedge.SPECULATION,
    "trade": Hedge.SPECULATION,
    "套利": Hedge.ARBITRAGE,
    "arbitrage": Hedge.ARBITRAGE,
    "套保": Hedge.HEDGE,
    "保": Hedge.HEDGE,
    "套期保值": Hedge.HEDGE,
    "hedge": Hedge.HEDGE,
    "做市": Hedge.MARKET_MAKER,
    "做市商": Hedge.MARKET_MAKER,
    "marketmaker": Hedge.MARKET_MAKER,
}

OFFSETS = {
    "开": Offset.OPEN,
    "开仓": Offset.OPEN,
    "open": Offset.OPEN,
    "平": Offset.CLOSE,
    "平仓": Offset.CLOSE,
    "close": Offset.CLOSE,
    "平今": Offset.CLOSE_TODAY,
    "closetoday": Offset.CLOSE_TODAY,
    "平昨": Offset.CLOSE_YESTERDAY,
    "closeprev": Offset.CLOSE_YESTERDAY,
    "closeprev.": Offset.CLOSE_YESTERDAY,
    "强平": Offset.FORCE_CLOSE,
    "forcedliquidation": Offset.FORCE_CLOSE,
    "强减": Offset.FORCE_OFF,
    "forcedreduction": Offset.FORCE_OFF,
    "本地强平": Offset.LOCAL_FORCE_CLOSE,
    "localforcedliquidation": Offset.LOCAL_FORCE_CLOSE,
}

POSITION_SIDES = {BuySell.BUY: Direction.LONG, BuySell.SELL: Direction.SHORT}

_TITLE = re.compile(
    r"(?:(?:交易结算单|交易核算单|结算单)\s*(?:$|\(.*?\)|settlement)|settlement\s+statement\s*(?:\(|$))",
    re.IGNORECASE,
)
_BY_TRADE = re.compile(r"逐笔|trade", re.IGNORECASE)
_BY_DAY = re.compile(r"盯市|mtm|mark", re.IGNORECASE)


def is_title(folded: str) -> bool:
    """Whether a folded line is the title of a statement, not a sentence that mentions one."""
    return _TITLE.match(folded.strip()) is not None


def basis_of(folded_title: str) -> Basis | None:
    """What the title says of the way of counting, or None where it does not say."""
    if _BY_DAY.search(folded_title):
        return Basis.MTM
    if _BY_TRADE.search(folded_title.replace("交易", "")):
        return Basis.TRADE
    return None


def section_of(folded: str) -> str | None:
    """The section that a folded line opens, or None where it is no title of a known section."""
    words = compact(folded)
    if words.startswith(("资金状况", "accountsummary")):
        return "account"
    run = _CHINESE_RUN.match(words)
    return SECTIONS.get(words if run is None else run[0])


def label_of(text: str) -> str | None:
    """The account item that a label names: ``出 入 金 Deposit/Withdrawal`` is ``net_deposit``."""
    words = compact(text)
    run = chinese(words)
    if run and (known := LABELS.get(run)):
        return known
    return LABELS.get(_CHINESE_RUN.sub("", words).rstrip("."))


def column_of(cell: str) -> str | None:
    """The column that a heading names, Chinese or English, or None for a column nobody asks for."""
    words = compact(cell)
    run = chinese(words)
    return COLUMNS.get(run) if run else COLUMNS.get(words)

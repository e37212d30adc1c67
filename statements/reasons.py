"""Why a file or a line was not taken, as a sentence in English and in Chinese. One entry a code."""

from domain.settlement import LineNote, StatementError

REASONS: dict[str, tuple[str, str]] = {
    # The file as such.
    "empty": ("the file is empty", "文件是空的"),
    "too_large": (
        "the file has {size} bytes; the limit is {limit} (statements.max_bytes)",
        "文件有 {size} 字节，超过上限 {limit}（statements.max_bytes）",
    ),
    "not_a_statement": (
        "this is no settlement statement, monitoring-centre workbook or CSV with CTP field names",
        "这不是结算单、监控中心工作簿或 CTP 字段名的 CSV 文件",
    ),
    "old_xls": (
        "this is an old .xls or an encrypted workbook; open it and save it as .xlsx without a password",
        "这是旧版 .xls 或加密的工作簿，请打开后另存为不带密码的 .xlsx",
    ),
    "utf16": (
        "the file is UTF-16; save it as UTF-8 or GBK",
        "文件是 UTF-16 编码，请另存为 UTF-8 或 GBK",
    ),
    "encoding": (
        "the line is neither UTF-8 nor GB18030",
        "该行既不是 UTF-8 也不是 GB18030 编码",
    ),
    "mixed_encoding": (
        "encodings are mixed: line {other} is UTF-8, this line is not",
        "编码混用：第 {other} 行是 UTF-8，本行不是",
    ),
    "long_line": ("the line has more than {limit} characters", "该行超过 {limit} 个字符"),
    "cut": (
        "the statement is cut off: {what} is missing",
        "结算单不完整：缺少 {what}",
    ),
    # One figure or word.
    "bad_account": ("account number {value} is not letters, digits, - or _", "资金账号 {value} 不合规"),
    "bad_date": ("{value} is no date of the calendar", "{value} 不是有效日期"),
    "bad_amount": ("{label}: {value} is no amount", "{label}：{value} 不是金额"),
    "bad_number": ("{label}: {value} is no number", "{label}：{value} 不是数字"),
    "bad_lots": ("{label}: {value} is no number of lots", "{label}：{value} 不是有效手数"),
    "bad_word": ("{label}: {value} is not known", "{label}：无法识别 {value}"),
    "bad_contract": ("{value} is no contract code", "{value} 不是合约代码"),
    "currency": (
        "the currency is {value}; only CNY is read",
        "币种是 {value}，只接受人民币",
    ),
    # The frame of a statement or table.
    "no_account": ("the statement names no client ID", "结算单没有客户号"),
    "no_date": ("the statement has no date", "结算单没有日期"),
    "duplicate_label": ("{label} stands twice with different amounts", "{label} 出现两次且金额不同"),
    "duplicate_section": (
        "section {section} stands twice in the statement",
        "同一结算单中 {section} 出现两次",
    ),
    "missing_columns": ("column missing: {columns}", "缺少列：{columns}"),
    "duplicate_column": ("column {column} stands twice in the header", "表头中 {column} 列出现两次"),
    "row_cells": (
        "the row has {found} cells where the header has {expected}",
        "该行有 {found} 格，表头有 {expected} 格",
    ),
    "total_count": (
        "{section}: the total says {printed} rows, there are {counted}",
        "{section}：合计行写 {printed} 条，实际 {counted} 条",
    ),
    "total_sum": (
        "{section}, {column}: the total says {printed}, the rows add up to {counted}",
        "{section}“{column}”：合计 {printed}，各行相加为 {counted}",
    ),
    "duplicate_account": (
        "account {account} on {day} is already in line {other}",
        "账号 {account} 在 {day} 的数据已出现在第 {other} 行",
    ),
    # Sums of the account.
    "sum_balance": (
        "balance c/f is {printed}, but the items give {computed}",
        "期末结存为 {printed}，按各项计算应为 {computed}",
    ),
    "sum_equity": (
        "client equity is {printed}, but balance and pledge give {computed}",
        "客户权益为 {printed}，按期末结存与质押计算应为 {computed}",
    ),
    "sum_market_equity": (
        "market value equity is {printed}, but client equity and option values give {computed}",
        "市值权益为 {printed}，按客户权益与期权市值计算应为 {computed}",
    ),
    "sum_margin": (
        "margin occupied is {printed}, but {section} adds up to {computed}",
        "保证金占用为 {printed}，{section}合计为 {computed}",
    ),
    "sum_available": (
        "available funds are {printed}, but equity less margin is {computed}",
        "可用资金为 {printed}，客户权益减保证金应为 {computed}",
    ),
    "sum_risk": (
        "risk degree is {printed}%, but margin / equity is {computed}%",
        "风险度为 {printed}%，保证金占用 / 客户权益应为 {computed}%",
    ),
    "sum_call": (
        "margin call is {printed}, but margin less equity gives {computed}",
        "应追加资金为 {printed}，保证金减客户权益应为 {computed}",
    ),
    "sum_section": (
        "{label} is {printed}, but {section} adds up to {computed}",
        "{label}为 {printed}，{section}合计为 {computed}",
    ),
    "sum_pledge": (
        "{label} is {printed}, which does not fit the other pledge amounts",
        "{label}为 {printed}，与其他质押金额不符",
    ),
    "detail_summary": (
        "{instrument}: {what} is {detail} in 持仓明细 and {summary} in 持仓汇总",
        "{instrument}：持仓明细的{what}为 {detail}，持仓汇总为 {summary}",
    ),
    # Rows of a table.
    "repeated_header": ("the header stands here again", "此处重复了表头"),
    "duplicate_row": ("the same row is already in line {other}", "与第 {other} 行重复"),
    "no_rows": ("the table has no row that could be taken", "表中没有可用的行"),
    "broken_csv": ("the CSV is malformed: {detail}", "CSV 格式错误：{detail}"),
    "too_many_rows": ("the table has more than {limit} rows", "行数超过上限 {limit}"),
    "too_many_columns": ("the row has more than {limit} columns", "该行超过 {limit} 列"),
    # Workbooks.
    "zip_bomb": (
        "the workbook unpacks to {size} bytes; the limit is {limit}",
        "工作簿解压后有 {size} 字节，超过上限 {limit}",
    ),
    "zip_ratio": (
        "the workbook unpacks to {ratio} times its size; the limit is {limit} times",
        "工作簿解压后是原大小的 {ratio} 倍，超过上限 {limit} 倍",
    ),
    "broken_workbook": ("the workbook cannot be opened", "工作簿无法打开"),
    "formula": (
        "cell {cell} of sheet {sheet} holds a formula; paste values only",
        "工作表“{sheet}”的 {cell} 是公式，请只保留数值",
    ),
    "no_sheet": ("the workbook has no sheet {sheet}", "工作簿中没有工作表“{sheet}”"),
    # Notes: taken, and worth a look.
    "formula_like": (
        "{column} begins like a formula and is kept as plain text: {value}",
        "{column} 以公式符号开头，已按普通文本保留：{value}",
    ),
    "other_fees": (
        "commission is {amount} more than the fees of the trades (order-message fees)",
        "手续费比成交手续费合计多 {amount}（如申报费）",
    ),
    "large_side": (
        "margin of the rows is {rows}, margin occupied is {printed}: one side or a combination is charged",
        "持仓保证金合计 {rows}，保证金占用 {printed}：按单边或组合收取",
    ),
    "pledge_ratio": (
        "available funds are {amount} less than equity less margin: part of the pledge does not count",
        "可用资金比权益减保证金少 {amount}：部分质押不可用",
    ),
    # The register.
    "twice": ("account {account} is already in line {other}", "账号 {account} 已出现在第 {other} 行"),
    "bad_phone": ("phone {value} is no mainland mobile number", "电话 {value} 不是有效手机号"),
    "formula_text": ("{column} begins like a formula: {value}", "{column} 以公式符号开头：{value}"),
    "empty_cell": ("{column} is empty", "{column} 为空"),
    "too_long": ("{column} is longer than {limit} characters", "{column} 超过 {limit} 个字符"),
}


def sentences(code: str, facts: dict[str, str]) -> tuple[str, str]:
    """The sentence of a code in English and in Chinese, filled with its facts."""
    english, chinese = REASONS[code]
    return english.format(**facts), chinese.format(**facts)


def refuse(code: str, line: int | None = None, **facts: str) -> StatementError:
    """The error that refuses a whole file. Facts that came out of the file are cut to a readable length."""
    short = {name: _shorten(value) for name, value in facts.items()}
    english, chinese = sentences(code, short)
    return StatementError(code, line, short, english, chinese)


def note(code: str, line: int, **facts: str) -> LineNote:
    """What is said about one line, rejected or only remarked on."""
    short = {name: _shorten(value) for name, value in facts.items()}
    english, chinese = sentences(code, short)
    return LineNote(line, code, short, english, chinese)


def _shorten(value: str) -> str:
    shown = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value
    )
    return shown if len(shown) <= 60 else shown[:59] + "…"

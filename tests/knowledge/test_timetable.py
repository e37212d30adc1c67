"""What the calendar and the tables answer: hours, nights, closed days, last trading days."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from domain.knowledge import Answer, Kind
from knowledge.library import KNOWLEDGE, Library

DAY = date(2026, 11, 24)
HOURS, NIGHT, LAST_DAY = "trading.hours", "trading.night_session", "trading.last_trading_day"


def told(library: Library, q: str, day: date = DAY) -> Answer:
    return library.ask(q, as_of=day)


@pytest.mark.parametrize(
    ("q", "topic", "head"),
    [
        ("豆粕夜盘到几点", NIGHT, "豆粕夜盘到 23:00，21:00 开始。"),
        ("白糖有夜盘吗", NIGHT, "白糖有夜盘：21:00 到 23:00。"),
        ("生猪有夜盘没", NIGHT, "生猪没有夜盘。"),
        ("黄金夜盘几点收盘", NIGHT, "黄金夜盘到次日 02:30，21:00 开始。"),
        (
            "螺纹交易时间",
            HOURS,
            "螺纹钢：日盘 09:00–10:15、10:30–11:30、13:30–15:00；夜盘 21:00 到 23:00。",
        ),
        ("股指几点收盘", HOURS, "沪深300股指、上证50股指、中证500股指、中证1000股指 15:00 收盘，没有夜盘。"),
        (
            "10年期国债交易时间",
            HOURS,
            "10年期国债：日盘 09:30–11:30、13:00–15:15；没有夜盘。",
        ),
        (
            "trading hours of rebar",
            HOURS,
            "Steel rebar: day session 09:00–10:15, 10:30–11:30, 13:30–15:00; night session 21:00 to 23:00.",
        ),
        (
            "does soybean meal have a night session",
            NIGHT,
            "Soybean meal: yes, a night session, 21:00 to 23:00.",
        ),
    ],
)
def test_a_products_hours_come_from_its_row(small: Library, q: str, topic: str, head: str) -> None:
    """The first line answers, the last one names the exchange and the day of the row."""
    answer = told(small, q)
    assert (answer.kind, answer.topic, answer.text.splitlines()[0]) == (Kind.ANSWER, topic, head)
    assert "2026-08-18" in answer.text.splitlines()[-1]
    assert {c.table for c in answer.citations} == {"contracts.csv"}


@pytest.mark.parametrize(
    ("q", "topic", "head"),
    [
        ("明天开盘吗", HOURS, "开盘。11月25日（周三）是交易日。"),
        ("明天休市吗", HOURS, "不休市。11月25日（周三）是交易日，正常开盘。"),
        ("下周一交易吗", HOURS, "开盘。11月30日（周一）是交易日。"),
        ("周六开盘吗", HOURS, "不开盘。11月28日（周六）休市。"),
        ("今晚有夜盘吗", NIGHT, "有夜盘。11月24日（周二）晚上 21:00 开始，收盘时间按品种不同。"),
        ("今晚豆粕有夜盘吗", NIGHT, "有。11月24日（周二）晚上，豆粕夜盘 21:00 到 23:00。"),
        ("今晚股指有夜盘吗", NIGHT, "沪深300股指、上证50股指、中证500股指、中证1000股指没有夜盘。"),
        (
            "12月31日有夜盘吗",
            NIGHT,
            "没有夜盘。12月31日（周四）是节前最后一个交易日，当天晚上没有夜盘。",
        ),
        ("is the market open tomorrow", HOURS, "Yes, open: Wed 25 November is a trading day."),
        (
            "is there a night session tonight",
            NIGHT,
            "Yes. There is a night session on the evening of Tue 24 November, from 21:00; "
            "the end depends on the product.",
        ),
    ],
)
def test_a_day_is_looked_up_in_the_calendar(small: Library, q: str, topic: str, head: str) -> None:
    """Yes or no first, and never the refusal of a forecast."""
    answer = told(small, q)
    assert (answer.kind, answer.topic, answer.text.splitlines()[0]) == (Kind.ANSWER, topic, head)
    assert "calendar.csv" in {c.table for c in answer.citations}


@pytest.mark.parametrize(
    ("q", "day", "head"),
    [
        (
            "国庆哪天停夜盘",
            date(2026, 9, 1),
            "2026年国庆：9月30日（周三）晚上没有夜盘，10月8日（周四）晚上恢复。",
        ),
        (
            "国庆放几天假",
            date(2026, 9, 1),
            "2026年国庆：10月1日（周四）至10月7日（周三）休市，10月8日（周四）开盘。",
        ),
        ("2027年春节什么时候休市", DAY, "2027年春节的交易安排还没有公布，暂时不能答复。"),
        ("国庆哪天停夜盘", DAY, "2027年国庆的交易安排还没有公布，暂时不能答复。"),
        ("2027年1月5日开盘吗", DAY, "2027年1月5日（周二）的交易安排还没有公布，暂时不能答复。"),
        (
            "when is the market closed for Spring Festival 2027",
            DAY,
            "The trading days of Spring Festival 2027 are not published yet, so I cannot say.",
        ),
    ],
)
def test_a_holiday_is_told_as_far_as_the_calendar_goes(small: Library, q: str, day: date, head: str) -> None:
    """Beyond its end the answer says so instead of the rule of all holidays."""
    assert told(small, q, day).text.splitlines()[0] == head


def test_the_closure_of_last_year_is_given_for_reference(small: Library) -> None:
    """A fact that is known, and named as what it is."""
    text = told(small, "国庆放几天假").text
    assert "上一次供参考：2026年国庆：10月1日（周四）至10月7日（周三）休市" in text


@pytest.mark.parametrize(
    ("q", "head"),
    [
        ("rb2612什么时候到期", "rb2612 的最后交易日是 12月15日（周二）。"),
        ("IF2612最后交易日", "IF2612 的最后交易日是 12月18日（周五）。"),
        ("豆粕2609还能交易吗", "m2609 已到期，不能再交易：最后交易日是 9月14日（周一）。"),
        (
            "rb2705最后交易日",
            "rb2705 的最后交易日是交割月的第 15 日，遇休市顺延，具体日期要等那一年的交易日历公布。",
        ),
        ("螺纹最后交易日是哪天", "螺纹钢：最后交易日是交割月的第 15 日，遇休市顺延。"),
        ("when does rb2612 expire", "The last trading day of rb2612 is Tue 15 December."),
        (
            "鸡蛋2610还能交易吗",
            "jd2610 已到期，不能再交易：交割月是 2026年10月。",
        ),
    ],
)
def test_the_last_day_of_a_contract_is_computed_where_a_rule_is_known(
    small: Library, q: str, head: str
) -> None:
    """Where none is, a month that is over says enough."""
    answer = told(small, q)
    assert (answer.topic, answer.text.splitlines()[0]) == (LAST_DAY, head)
    assert answer.citations


def test_a_contract_was_alive_as_of_an_earlier_day(small: Library) -> None:
    """Asked as of September, rb2610 had a month to go."""
    head = told(small, "rb2610什么时候到期", date(2026, 9, 1)).text.splitlines()[0]
    assert head == "rb2610 的最后交易日是 10月15日（周四）。"


@pytest.mark.parametrize(
    "q",
    [
        "夜盘能入金吗",
        "夜盘能挂条件单不",
        "国庆期间打电话有人接吗",
        "节前保证金提高多少",
        "明天会涨吗",
        "夜盘算哪天",
    ],
)
def test_other_questions_about_nights_and_holidays_stay_with_the_library(small: Library, q: str) -> None:
    """The tables answer when is traded, nothing else."""
    assert told(small, q).reason != "timetable"


@pytest.mark.parametrize(
    "q", ["明天开盘买什么好", "今晚螺纹能做多吗", "今晚原油会跌吗", "should I buy copper tomorrow"]
)
def test_a_day_in_a_request_for_advice_does_not_make_it_a_question_of_hours(small: Library, q: str) -> None:
    """What to trade is declined, tomorrow as well as today."""
    assert told(small, q).reason != "timetable"


@pytest.mark.parametrize("q", ["can I trade crude oil", "豆粕可以交易吗", "现在开盘了吗"])
def test_whether_a_product_may_be_traded_or_just_now_is_not_guessed(small: Library, q: str) -> None:
    """A permission is no expiry, and the library knows the day but not the hour."""
    assert told(small, q).reason != "timetable"


def test_products_with_one_rule_share_a_line(small: Library) -> None:
    """Four index futures, one third Friday."""
    head = told(small, "股指期货最后交易日").text.splitlines()[0]
    assert head.startswith(
        "沪深300股指、上证50股指、中证500股指、中证1000股指：最后交易日是到期月的第 3 个周五"
    )


def test_the_next_product_takes_the_question_up(small: Library) -> None:
    """螺纹夜盘到几点, then 那豆粕呢."""
    first = told(small, "螺纹夜盘到几点")
    second = small.ask("那豆粕呢", as_of=DAY, context=first.context)
    assert "豆粕夜盘到 23:00，21:00 开始。" in second.text


def test_a_calendar_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """The bot does not start without one, and says which file."""
    shutil.copy(KNOWLEDGE / "contracts.csv", tmp_path)
    found = Library.inspect(tmp_path, tables=tmp_path)
    assert any(finding.where == "calendar.csv" and finding.fatal for finding in found)

"""Rules before the search: what is no question to the library."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from domain.knowledge import Kind, Severity
from knowledge.library import Library
from knowledge.understanding import split_questions
from tests.knowledge.conftest import MAJOR_WORDS

RULES = Path(__file__).parent.parent.parent / "knowledge" / "tables" / "rules.yaml"


def kind_of(library: Library, text: str) -> tuple[str, str | None]:
    answer = library.ask(text)
    return answer.kind.value, answer.severity.value if answer.severity else None


@pytest.mark.parametrize(
    "text",
    [
        "转人工",
        "人工客服",
        "找个真人",
        "我要和客户经理通话",
        "让我的经理给我回电话",
        "不想跟机器人说",
        "有人吗",
        "talk to a human",
        "agent please",
        "please call me back",
    ],
)
def test_a_wish_for_a_person_is_heard(small: Library, text: str) -> None:
    """At any time, in either language."""
    assert small.ask(text).kind is Kind.HANDOFF


@pytest.mark.parametrize(
    "text",
    [
        "快点 系统下不了单了 马上帮我平仓",
        "我被骗子骗了刚转了钱 快帮我",
        "账户好像被盗了",
        "urgent, the system is down and I cannot close my position",
        "somebody hacked my account",
    ],
)
def test_an_emergency_goes_straight_to_a_person(small: Library, text: str) -> None:
    """And says that it is urgent."""
    answer = small.ask(text)
    assert (answer.kind, answer.urgent) == (Kind.HANDOFF, True)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("我要投诉 你们客服不回消息", "general"),
        ("你们服务太差了", "general"),
        ("乱扣我手续费 必须退还", "general"),
        ("你们无故强平我的仓位", "major"),
        ("客户经理带我做单亏了三十万 我要举报", "major"),
        ("居间人承诺保本 现在亏光了 你们必须赔", "major"),
        ("再不处理我就打12386了", "major"),
        ("我已经找了律师", "major"),
        ("我们十几个客户都被你们坑了", "major"),
        ("上次投诉你们根本没解决", "major"),
        ("系统卡死害我亏了15万", "major"),
        ("系统卡死害我亏了三千块", "general"),
        ("i want to complain, nobody answers the phone", "general"),
        ("your staff promised me profits and I lost everything, I want to complain", "major"),
    ],
)
def test_a_complaint_is_heard_with_its_weight(small: Library, text: str, severity: str) -> None:
    """Major by loss, by forced liquidation, by misconduct, by who is involved, by repetition."""
    assert kind_of(small, text) == ("complaint", severity)


@pytest.mark.parametrize(
    "text", ["怎么投诉", "投诉电话是多少", "投诉多久有结果", "怎么投诉客户经理", "how do I file a complaint"]
)
def test_asking_how_to_complain_is_no_complaint(library: Library, text: str) -> None:
    """It is a question for the library."""
    assert library.ask(text).kind is not Kind.COMPLAINT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("明天豆粕会涨吗", "advice.prediction"),
        ("豆粕后市怎么看", "advice.prediction"),
        ("螺纹怎么看", "advice.prediction"),
        ("止损设在哪里", "advice.prediction"),
        ("现在能抄底碳酸锂吗", "advice.trade"),
        ("推荐个品种", "advice.trade"),
        ("国庆前要不要空仓", "advice.trade"),
        ("帮我平掉豆粕", "advice.on_behalf"),
        ("能帮我操作账户吗 盈利分成", "advice.on_behalf"),
        ("保证能赚钱吗", "advice.promise"),
        ("should I buy copper now", "advice.trade"),
        ("will gold go up tomorrow", "advice.prediction"),
        ("do you guarantee profits", "advice.promise"),
        ("buy two lots of rebar for me", "advice.on_behalf"),
    ],
)
def test_advice_predictions_and_promises_are_declined(small: Library, text: str, reason: str) -> None:
    """With the reason, and with what can be done instead."""
    answer = small.ask(text)
    assert (answer.kind, answer.reason) == (Kind.ADVICE, reason)
    assert answer.article is None
    assert len(answer.text) > 20


@pytest.mark.parametrize(
    "text",
    [
        "我的风险度是多少",
        "我的客户经理是谁",
        "帮我查一下可用资金",
        "我要追加多少保证金",
        "我今天亏了多少",
        "我昨天的结算单能发我吗",
        "我的期权权限开了没有",
        "我还能出多少钱",
        "what is my risk degree",
        "who is my account manager",
        "how much can i withdraw right now",
    ],
)
def test_questions_about_the_own_account_are_heard(small: Library, text: str) -> None:
    """They need the person's account, not an article."""
    assert small.ask(text).kind is Kind.ACCOUNT


@pytest.mark.parametrize(
    "text", ["我的手续费能降吗", "我的密码忘了怎么办", "我的风险度怎么算", "我的银行卡怎么换"]
)
def test_my_in_a_question_on_rules_stays_with_the_library(library: Library, text: str) -> None:
    """How something is changed or worked out is the same for everybody."""
    assert library.ask(text).kind is not Kind.ACCOUNT


@pytest.mark.parametrize(
    "text",
    [
        "你好",
        "谢谢",
        "今天天气怎么样",
        "茅台股价多少",
        "hello",
        "what is the weather",
        "😀😀",
        "怎么做红烧肉",
    ],
)
def test_small_talk_and_other_matters_are_declined_plainly(small: Library, text: str) -> None:
    """No article is made to fit."""
    assert small.ask(text).kind is Kind.OUT_OF_SCOPE


def test_a_complaint_has_its_category(small: Library) -> None:
    """The code of the list that complaints are registered under."""
    found = {
        text: small.ask(text).category
        for text in ("你们无故强平我", "乱扣我手续费", "居间人骗我", "你们客服态度恶劣")
    }
    assert list(found.values()) == [7, 5, 11, 12]


def test_the_amount_that_makes_a_complaint_major_is_the_brokerage_s(small: Library) -> None:
    """Thirty thousand is major where the line is at twenty thousand."""
    assert small._desk is not None
    rules, text = small._desk.rules["zh"], "软件卡顿害我亏了3万"
    assert rules.complaint(text, Decimal(20_000)).severity is Severity.MAJOR
    assert rules.complaint(text, Decimal(100_000)).severity is Severity.GENERAL


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("怎么开户？手续费能不能降？", ["怎么开户", "手续费能不能降"]),
        ("怎么开户，另外平今手续费怎么收", ["怎么开户", "平今手续费怎么收"]),
        ("你好，怎么开户", ["你好，怎么开户"]),
        (
            "how do I open an account? what is the close today fee?",
            ["how do I open an account", "what is the close today fee"],
        ),
    ],
)
def test_a_message_falls_into_its_questions(text: str, pieces: list[str]) -> None:
    """At question marks, full stops and words like 另外."""
    assert split_questions(text) == pieces


@pytest.mark.parametrize("word", MAJOR_WORDS)
def test_a_word_that_makes_a_complaint_major_stands_in_one_place(small: Library, word: str) -> None:
    """config.yaml names the words, rules.yaml what happened: what stands in both would be changed in one."""
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    for lang in ("zh", "en"):
        assert not re.search("|".join(rules[lang]["severity"]["major"]), word, re.IGNORECASE)
    lang = "en" if word.isascii() and not word.isdigit() else "zh"
    complaint = f"我要投诉 {word}" if lang == "zh" else f"I want to complain, {word}"
    # Who speaks of ending a life is not asked to fill in a form: a person is called.
    assert kind_of(small, complaint) in (("complaint", "major"), ("handoff", None))


def test_a_word_inside_another_is_not_that_word(small: Library) -> None:
    """An issue is nobody who sues."""
    assert kind_of(small, "I want to complain about an issue with the expressway app") == (
        "complaint",
        "general",
    )

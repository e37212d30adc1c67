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
        assert not re.search("|".join(rules[lang]["severity"]["major"]["any"]), word, re.IGNORECASE)
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


# Wordings that were not there when the rules were written.
EMERGENCIES = (
    "平不了仓了怎么回事价格一直在跌",
    "点了平仓没反应快帮我",
    "软件登不上去我的单子还挂着",
    "你们系统是不是崩了报不进单",
    "撤单撤不掉急死了",
    "交易端卡住了一直转圈，我持仓要爆了",
    "你们正在平我的仓赶紧停下",
    "现在就在强平我，让他们等等我马上打钱",
    "我账户里多了几笔不是我下的单",
    "有人登录了我的账号",
    "刚刚把验证码告诉了一个自称你们客服的人",
    "我被骗了，转了五万给冒充你们的人",
    "账户里的钱突然没了",
    "密码好像泄露了，有人在操作我的户",
    "出金不是我本人操作的",
    "银期转不进去，马上要强平我了",
    "下单失败一直报错，行情在跳水",
    "手机掉了，怕别人动我账户里的钱",
    "無法平倉，系統一直沒反應",
    "委托发不出去，止损也止不了",
    "app闪退进不去仓位还在里面呢",
    "快帮我平掉螺纹我这边软件死机了",
    "我点平仓一直转圈，价格哗哗往下掉",
    "下不进去单子，客户端提示系统繁忙，眼看要穿仓",
    "我没下过这些单，账户里怎么多了五手原油",
    "刚把钱打到一个自称你们老师的私人账户了",
    "密码被人改了我登不进去",
    "风控正在砍我的仓，叫他们停",
    "验证码我给了一个骗子怎么办",
    "银行卡里的钱被转走了，我没操作",
    "撤单一直失败，行情要跌停了快处理",
    "服务器崩了吧我的空单平不掉",
    "手机被偷了，赶紧冻结我账户",
    "I can't close my position, please help",
    "the app froze and I have open orders",
    "your system is down and I can't trade",
    "my order won't cancel",
    "you're liquidating me right now, wait, I'm sending money",
    "there are trades in my account I didn't make",
    "somebody logged into my account",
    "I gave the code to a man pretending to be from your firm",
    "all the money in my account is gone",
    "I transferred money to a scammer using your name",
    "orders are rejected over and over while the price is falling",
    "the close button does nothing",
    "a withdrawal went out that wasn't me",
    "trading terminal not responding, market's moving fast",
    "I'm locked out and my position is about to blow up",
    "close doesn't work and gold is dropping, do something",
    "my terminal died and I'm still long ten lots",
    "I see positions I never opened",
    "I just wired 30k to someone posing as your manager",
    "why are you closing my position, stop it, the money is coming",
    "hacker changed my password",
    "I can't get out of my trade, the screen is frozen",
    "I shared my password with a fake support agent",
    "cannot submit any order, everything hangs, hurry",
)
COMPLAINTS = (
    "你们软件三天两头出问题，能不能用点心",
    "上次问的问题到现在没一个人回我",
    "手续费调了都不通知一声，什么意思啊",
    "打了一上午电话都占线，你们到底有没有人上班",
    "出个金拖我两天，太过分了",
    "多扣了我手续费，给我退回来",
    "你们是不是看我钱少就不理我",
    "开个户折腾我一周，服务真是绝了",
    "客服让我等回电，等到现在三天了一个电话没有",
    "乱扣我手续费，赶紧给我退了",
    "你们答应帮我申请的费率怎么到现在没消息",
    "打了八遍客服都没人接，电话是装饰品吗",
    "你们营业部的人爱搭不理的",
    "your app has been rubbish all week",
    "you overcharged me, I want it back",
    "your agent was rude and hung up on me",
    "two weeks to open an account, what a joke",
    "the fee was changed without telling me, that is not acceptable",
    "this is the worst service I've ever had",
    "your statement is wrong and nobody will fix it",
    "I've emailed you four times, not one reply",
    "I want my commission back, you charged more than agreed",
)
MAJOR_COMPLAINTS = (
    "你们把我的仓强平了，凭什么不通知我",
    "经理跟我保证不亏钱才做的，结果亏了八万",
    "再不解决我就找律师起诉",
    "强平平多了，本来只差一手结果平了我十手",
    "上个月投诉过一次没下文，我再投诉一次",
    "你们业务员收了我两千块钱好处费",
    "不给说法我就发抖音曝光你们",
    "你们的人拿我身份证给别人开了户",
    "你们客户经理拿了我账号密码乱下单",
    "介绍我来的那个人收了我五千块说包赚",
    "系统瘫痪一小时，我亏了三十多万，找谁赔",
    "第三次投诉了，还是没人管",
    "我已经找了律师准备起诉你们",
    "you liquidated me without any warning, I want compensation",
    "my account manager promised guaranteed returns and I lost everything",
    "my lawyer will contact you",
    "your outage cost me 200,000 and I expect you to pay",
    "you closed far more lots than you needed to",
    "I'm going to the press about this",
    "one of your people took cash from me and promised 20 percent a month",
    "I already complained last month and it was ignored",
    "the crash of your platform cost me 150000, pay me back",
)
ORDINARY = (
    "撤单失败是什么原因",
    "对强平有异议怎么处理",
    "强平会提前打电话吗",
    "不满意客户经理能换吗",
    "手机丢了怎么改绑定手机号",
    "登录提示密码错误怎么办",
    "收到短信说要补钱是真的吗",
    "如果系统崩了平不了仓怎么办",
    "投诉员工怎么处理",
    "亲属能替我操作账户吗",
    "软件连不上行情怎么处理",
    "why was my order rejected",
    "what happens if the system is down",
    "I can't log in, what should I do",
    "how do I complain about a staff member",
    "do you phone before liquidation",
    "how do I tell a fake broker",
    "is margin raised without notice before holidays",
)


def test_an_emergency_is_heard_in_other_words(small: Library) -> None:
    """Cannot x order x what hangs on it; somebody else in the account; a code or money given away."""
    assert [q for q in EMERGENCIES if not small.ask(q).urgent] == []


def test_a_complaint_is_heard_in_other_words(small: Library) -> None:
    """Whom it is against x what was done x how it is felt; and what makes it major."""
    assert [q for q in COMPLAINTS if kind_of(small, q) != ("complaint", "general")] == []
    assert [q for q in MAJOR_COMPLAINTS if kind_of(small, q) != ("complaint", "major")] == []


def test_an_ordinary_question_with_the_same_words_is_none_of_these(small: Library) -> None:
    """A false alarm calls a person, or reads a question as an accusation."""
    rules = {"complaint", "handoff.urgent", "handoff.person", "account"}
    found = ((q, small.ask(q).reason) for q in ORDINARY)
    assert [(q, reason) for q, reason in found if reason in rules or reason.startswith("advice.p")] == []

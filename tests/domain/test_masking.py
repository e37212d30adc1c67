"""Questions shown to staff carry no personal data, and still say what was asked."""

import pytest

from domain.masking import masked_words


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("我的手机13800000001收不到验证码", "我的手机***收不到验证码"),
        ("+86 138-0000-0001 换号怎么办", "*** 换号怎么办"),
        ("账号80012345登录不了", "账号***登录不了"),
        ("身份证11010119900101123X过期了", "身份证***过期了"),
        ("邮件发到wang.ming@example.com", "邮件发到***"),
        ("加我@wangming88聊", "加我***聊"),
        ("看 https://t.me/abc 这个群", "看 *** 这个群"),
        ("王建国经理说可以", "*经理说可以"),
        ("我叫李小明，能开户吗", "我叫*，能开户吗"),
        ("My name is John Smith and I lost my password", "My name is * and I lost my password"),
        ("6222 0212 3456 7890 这张卡能绑吗", "*** 这张卡能绑吗"),
    ],
)
def test_personal_data_becomes_stars(said: str, shown: str) -> None:
    """Phones, accounts, identity and bank cards, addresses, names."""
    assert masked_words(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "rb2610 一手保证金多少",
        "10000元能做几手螺纹",
        "2026年国庆夜盘停几天",
        "风险度超过100%怎么办",
        "万一穿仓了要赔吗",
        "资金50000块够吗",
        "金融期货开户要求",
    ],
)
def test_what_was_asked_stays(said: str) -> None:
    """Contract codes, amounts, years and ordinary words are no personal data."""
    assert masked_words(said) == said


def test_a_known_name_goes_wherever_it_stands() -> None:
    """The register knows the speaker's name."""
    assert masked_words("王明的密码忘了", names=["王明"]) == "*的密码忘了"

"""A wording that says more than its source does not go out."""

import pytest

from domain.knowledge import Article
from knowledge.guard_rails import GuardRails
from knowledge.library import Library
from knowledge.restating import faults

SOURCE = (
    "追加保证金的截止时间是 20:55（有夜盘品种），以经纪合同为准。到期未补足的，公司可以强行平仓，损失由客户承担。\n"
    "1. 通过银期转账入金；\n2. 或自行减仓，使公司风险度不高于 100%。\n"
    "豆粕期货保证金比例 12%，一手 10 吨。公司不得承诺收益。"
)
SOURCE_EN = (
    "The deadline of a margin call is 20:55; the brokerage contract prevails. If it is not met the company may close positions, "
    "and the loss is the client's.\n1. Deposit by bank-futures transfer;\n2. or reduce positions yourself, so that the risk degree is "
    "not above 100%."
)


@pytest.fixture(scope="module")
def rails() -> GuardRails:
    return GuardRails.read()


def check(library: Library, rails: GuardRails, wording: str, source: str, lang: str) -> tuple[str, ...]:
    return faults(
        wording,
        source,
        lang=lang,
        question="追保要几点前补 what is the deadline of my margin call",
        products=lambda text: library.products_in(text, lang),
        rails=rails,
    )


@pytest.mark.parametrize(
    "wording",
    [
        "您须在 20:55 前补足追加保证金（有夜盘品种），以经纪合同为准；可以通过银期转账入金，或自行减仓。",
        "追加保证金的截止时间是20:55，以经纪合同为准。到期未补足的，公司可以强行平仓，损失由客户承担。",
        "豆粕一手10吨，保证金比例百分之十二。",
        "公司不得承诺收益。",
        SOURCE,
    ],
)
def test_a_wording_that_restates_goes_out(small: Library, rails: GuardRails, wording: str) -> None:
    """In other words, shorter, with a figure in Chinese characters."""
    assert check(small, rails, wording, SOURCE, "zh") == ()


@pytest.mark.parametrize(
    ("wording", "fault"),
    [
        ("您须在 21:30 前补足追加保证金，以经纪合同为准。", "number"),
        ("追加保证金的截止时间是晚上九点，以经纪合同为准。", "number"),
        ("豆粕期货保证金比例百分之八。", "number"),
        ("豆粕期货保证金比例 12%，一手 5,000 元。", "number"),
        ("螺纹钢期货保证金比例 12%，一手 10 吨。", "product"),
        ("rb2610 保证金比例 12%。", "product"),
        ("追加保证金的截止时间是明天 20:55。", "claim"),
        ("追加保证金的截止时间是 20:55，公司保证到账。", "claim"),
        ("上期所规定追加保证金的截止时间是 20:55。", "claim"),
        ("到期未补足的，公司赔偿损失。", "claim"),
        ("建议您自行减仓。", "claim"),
        ("截止时间是 20:55，详情见 http://evil.example。", "claim"),
        ("截止时间是 20:55，加微信补足。", "claim"),
        ("跟着公司做保证赚钱。", "rail"),
        ("到期未补足的，公司不得强行平仓。", "denial"),
        ("公司可以承诺收益。", "denial"),
        ("到期未补足的，公司可以强行平仓，损失不由客户承担。", "denial"),
        ("The deadline is 20:55.", "language"),
        ("", "length"),
        ("追加保证金。" * 60, "length"),
        ("铜价今年受供需影响波动很大，市场情绪偏向乐观。", "news"),
    ],
)
def test_what_the_source_does_not_say_stops_it(
    small: Library, rails: GuardRails, wording: str, fault: str
) -> None:
    """Invented rates, dates, products, promises, advice, addresses, denials turned round, another language."""
    assert fault in check(small, rails, wording, SOURCE, "zh")


@pytest.mark.parametrize(
    ("wording", "fault"),
    [
        ("The deadline of your margin call is 20:55; the brokerage contract prevails.", None),
        ("The deadline of your margin call is 21:30; the brokerage contract prevails.", "number"),
        ("The deadline of your margin call is 20:55; you have two hours.", "number"),
        ("The deadline of a margin call is 20:55 tomorrow; the contract is not above it.", "claim"),
        ("The deadline is 20:55. We guarantee that the company will not close positions.", "claim"),
        ("Deposit for copper by bank-futures transfer, not above 100%.", "product"),
        ("截止时间是 20:55。", "language"),
    ],
)
def test_english_is_held_to_the_same(
    small: Library, rails: GuardRails, wording: str, fault: str | None
) -> None:
    """Figures in words, days, promises, products."""
    found = check(small, rails, wording, SOURCE_EN, "en")
    if fault is None:
        assert found in ((), ("denial",))
    else:
        assert fault in found


def test_every_curated_text_restates_itself(library: Library, rails: GuardRails) -> None:
    """The checker lets through what it guards."""
    articles = [a for lang in ("zh", "en") for a in articles_of(library, lang)]
    assert len(articles) > 100
    wrong = {
        f"{a.lang}/{a.id}": found
        for a in articles
        if (
            found := faults(
                a.text,
                a.text,
                lang=a.lang,
                question=a.title,
                products=lambda text, lang=a.lang: library.products_in(text, lang),  # type: ignore[misc]
                rails=rails,
            )
        )
    }
    assert wrong == {}


def articles_of(library: Library, lang: str) -> list[Article]:
    found = (library.article(name, lang) for of, name in library._versions if of == lang)  # type: ignore[arg-type]
    return [article for article in found if article is not None and article.audience != "staff"]

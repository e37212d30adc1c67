"""A small library of the shipped kind: the real tables and rules over a few short articles."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bot.settings import policy
from domain.market import CompanyRates
from knowledge.library import Library

TODAY = date(2026, 9, 10)
MAJOR_WORDS = policy(Path(__file__).parent.parent.parent / "config.yaml").complaints.major_words
FACTS = {
    "zh": {
        "company": {"hotline": "400-000-0000", "service_hours": "交易日 8:30–17:30"},
        "facts": {"days": "3"},
    },
    "en": {"company": {"hotline": "400-000-0000", "service_hours": "trading days"}, "facts": {"days": "3"}},
}
RATES = CompanyRates(margin_per_product={"m": Decimal("0.06")}, stale_after_days=30)

ARTICLES = {
    "zh/open.md": """---
id: open
topic: account.online_opening
title: 怎么开户
phrasings: [怎么开户, 手机开户的流程, 想开个期货账户, 网上能开户吗, 开户步骤]
keywords: [开户, 线上, 手机]
audience: public
effective_from: 2022-08-01
status: confirmed
source: 期货和衍生品法第50条
related: [cost]
next: [{label: 转人工, do: human}]
---
**开户全程在手机上办理。** 热线 {{ company.hotline }}。

- 准备身份证
- 审核约 {{ facts.days }} 天
""",
    "zh/cost.md": """---
id: cost
topic: fee.close_today
title: 平今手续费怎么收
phrasings: [平今手续费怎么收, 当天平仓收多少, 日内平仓手续费, 平今是什么, 平今免吗]
not_for: [隔夜仓手续费]
audience: public
effective_from: 2022-08-01
status: confirmed
source: 交易所收费通知
---
平今按交易所标准单列。
""",
    "zh/call-old.md": """---
id: call
topic: risk.margin_call
title: 追加保证金怎么办（旧）
phrasings: [收到追保通知怎么办, 让我补保证金, 追加保证金怎么处理, 追保, 保证金不足怎么办]
audience: public
effective_from: 2022-08-01
expires_on: 2026-09-01
status: confirmed
source: 旧合同
---
旧的规定。
""",
    "zh/call-new.md": """---
id: call
topic: risk.margin_call
title: 追加保证金怎么办
phrasings: [收到追保通知怎么办, 让我补保证金, 追加保证金怎么处理, 追保, 保证金不足怎么办]
audience: public
effective_from: 2026-09-01
status: confirmed
source: 新合同
---
新的规定。
""",
    "zh/draft.md": """---
id: draft
topic: account.closure
title: 怎么销户
phrasings: [怎么销户, 注销账户, 不想做了, 销户流程, 关闭期货账户]
audience: public
effective_from: 2022-08-01
status: draft
source: 草稿
---
草稿不答复。
""",
    "zh/staff.md": """---
id: staff
topic: complaint.how
title: 员工怎么登记投诉
phrasings: [员工如何登记投诉, 内部登记投诉, 投诉台账怎么填, 登记簿填写, 台账字段]
audience: staff
effective_from: 2022-08-01
status: confirmed
source: 内部制度
---
仅员工可见。
""",
    "en/open.md": """---
id: open
topic: account.online_opening
title: How to open an account
phrasings: [how do I open an account, open an account online, sign up by phone, account opening steps, start an account]
audience: public
effective_from: 2022-08-01
status: confirmed
source: Futures and Derivatives Law art. 50
---
**You open the account on your phone.** Hotline {{ company.hotline }}.
""",
    "en/cost.md": """---
id: cost
topic: fee.close_today
title: The close-today fee
phrasings: [close today fee, fee for closing the same day, intraday closing fee, what is close today, day trade fee]
audience: public
effective_from: 2022-08-01
status: confirmed
source: Exchange notice on fees
---
Closing the same day has its own rate.
""",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The small library, loaded once, on 2026-09-10."""
    folder = write(tmp_path_factory.mktemp("articles"), ARTICLES)
    return Library.load(
        folder, facts=FACTS, rates=RATES, major_words=MAJOR_WORDS, today=lambda: TODAY, cache_dir=None
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes article files into a fresh folder."""
    return lambda files: write(tmp_path / "kb", files)

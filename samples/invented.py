"""The register of the invented clients, and the account managers whom they have beside those of ``staff.csv``.

Names are drawn from common family and given names, companies are called 示例: nobody real is meant.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from scoring.sample import SEGMENTS, Clients

MORE_STAFF = tuple(
    {
        "code": code,
        "name": name,
        "role": "manager",
        "line": line,
        "registration_no": f"F000001{code[-1]}",
        "lead": "M00",
        "stand_in": "M02",
    }
    for code, name, line in (
        ("M03", "宋文", "市场一部"),
        ("M04", "沈岚", "市场一部"),
        ("M05", "崔健生", "市场二部"),
        ("M06", "范晓东", "市场二部"),
    )
)
_MANAGERS = {"M01": 0.08, "M02": 0.12, "M03": 0.2, "M04": 0.2, "M05": 0.2, "M06": 0.2}
_OFFICERS = ("S01", "S02")
_FAMILY = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
)
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚英华文辉建国志海燕玲桂兰凤洁梅琳云帆宇晨阳佳欣雨浩然博睿"
_TRADES = ("物产", "贸易", "粮油", "钢铁", "化工", "铝业", "农业", "矿业")
_WEALTHIEST = 15_000_000
_FIRST_OPENED = date(2014, 1, 6)


def register(who: Clients, days: Sequence[date], seed: int) -> bytes:
    """The clients as a register file (CSV): names, kinds, keepers, opening days, fee plans. No phones.

    The house names the tier of the wealthiest and of half of the scalpers; the others' follows from the rule.
    """
    rng = np.random.default_rng([seed, 3])
    heading = ("account", "name", "kind", "tier", "manager", "officer", "opened_on", "fee_plan")
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(heading)
    before = (days[0] - _FIRST_OPENED).days
    for account, segment, first, capital in zip(
        who.accounts, who.segment, who.opened, who.capital, strict=True
    ):
        code = SEGMENTS[segment].code
        hedges = code == "hedger"
        # More opened lately than long ago.
        opened = days[first] if first else days[0] - timedelta(days=int(before * rng.random() ** 2))
        lines.writerow(
            (
                account,
                _company(rng) if hedges else _person(rng),
                "institution" if hedges else "person",
                _tier(code, capital, rng.random()),
                rng.choice(list(_MANAGERS), p=list(_MANAGERS.values())),
                rng.choice(_OFFICERS),
                opened.isoformat(),
                "preferred" if code == "wealthy" else "standard",
            )
        )
    return out.getvalue().encode()


def _tier(code: str, capital: float, chance: float) -> str:
    if code == "wealthy" and capital >= _WEALTHIEST:
        return "premier"
    return "active" if code == "scalper" and chance < 0.5 else ""


def _person(rng: np.random.Generator) -> str:
    given = rng.choice(list(_GIVEN), size=int(rng.integers(1, 3)))
    return str(rng.choice(list(_FAMILY))) + "".join(given)


def _company(rng: np.random.Generator) -> str:
    return f"示例{rng.choice(list(_GIVEN))}{rng.choice(list(_GIVEN))}{rng.choice(_TRADES)}有限公司"

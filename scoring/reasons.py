"""Why an account has its score, in words: what lifted it most and what lowered it most.

The parts of a score add up to it, so that a reason is a figure and not an opinion.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scoring.indicators import INDICATORS

_NAMES = {indicator.code: (indicator.zh, indicator.en) for indicator in INDICATORS}
_LEAST = 0.005


@dataclass(frozen=True, slots=True)
class Reason:
    """An indicator, its raw value (a fraction, None where it was missing) and its part of the score."""

    indicator: str
    value: float | None
    part: float
    zh: str
    en: str


def reasons(
    parts: Mapping[str, float], indicators: Mapping[str, float | None], most: int = 3
) -> tuple[Reason, ...]:
    """At most ``most`` that lifted the score, then as many that lowered it; the strongest first of each."""
    ordered = sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))
    up = [code for code, part in ordered if part >= _LEAST][:most]
    down = [code for code, part in ordered if part <= -_LEAST][:most]
    return tuple(_reason(code, indicators.get(code), parts[code]) for code in (*up, *down))


def _reason(code: str, value: float | None, part: float) -> Reason:
    zh, en = _NAMES[code]
    words = shown(value)
    return Reason(
        code,
        value,
        part,
        f"{zh} {words}，评分 {part:+.2f}" if words else f"{zh}无数据，按同组其他指标计，评分 {part:+.2f}",
        f"{en} {words}: {part:+.2f}" if words else f"{en} missing, as the others of its group: {part:+.2f}",
    )


def shown(value: float | None) -> str:
    """A fraction in percent, empty for None; four digits below one percent, so that a small share is not nothing."""
    if value is None:
        return ""
    return f"{value:.4%}" if 0 < abs(value) < 0.01 else f"{value:.1%}"


def unrated(active_days: int, least: int) -> tuple[str, str]:
    """Why an account has no score, in both languages."""
    return (
        f"未评级：有持仓或成交的交易日 {active_days} 天，少于 {least} 天",
        f"not rated: {active_days} active days, fewer than {least}",
    )

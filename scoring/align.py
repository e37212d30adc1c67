"""From raw indicators to columns that can be compared: one scale, one direction, no extremes, nothing missing.

1. Skewed figures (shares of a total) on a signed logarithmic scale: sign(x) ln(1 + |x| / m), m the median of |x| > 0.
   盈亏稳定性 as 1 / (1 + deviation). 资金利用率 by its distance to the band, outside of it only.
2. Winsorised: the lowest and highest share (1 %) count as the value at that bound.
3. Standardised: mean 0, sample deviation 1. A column without spread is constant: it says nothing and is left out.
4. Turned, so that high is good.
5. A missing value is the mean of the client's other indicators of the same group, 0 where it has none.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.indicators import CODES, INDICATORS, Better, Indicator, Rules

Floats = NDArray[np.float64]

_FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Aligned:
    """``data``: a row an account, a column a code of ``columns``; ``constant``: codes that were left out."""

    columns: tuple[str, ...]
    constant: tuple[str, ...]
    data: Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """``winsorised``: the share cut at each end; ``band``: where the use of funds is best."""

    winsorised: float = 0.01
    band: tuple[float, float] = (0.30, 0.60)


def align(table: pd.DataFrame, rules: Rules, scale: Scale) -> Aligned:
    """Columns of raw indicators (NaN where there is none) as comparable ones."""
    data = np.column_stack([_column(table, indicator, rules, scale) for indicator in INDICATORS])
    spread = np.array([_deviation(column) for column in data.T])
    varied = spread > _FLAT
    means = np.array([_mean(column) for column in data.T])
    data = (data - means) / np.where(varied, spread, 1.0)
    data[:, ~varied] = np.nan
    data = _filled(data)
    kept = np.flatnonzero(varied)
    return Aligned(
        tuple(CODES[place] for place in kept),
        tuple(code for code, says in zip(CODES, varied, strict=True) if not says),
        np.round(data[:, kept], 9) + 0.0,
    )


def _column(table: pd.DataFrame, indicator: Indicator, rules: Rules, scale: Scale) -> Floats:
    raw = table[indicator.code].to_numpy(dtype=np.float64, na_value=np.nan)
    choice = rules.choice(indicator)
    if choice == "deviation":
        return _winsorised(1.0 / (1.0 + raw), scale.winsorised)
    if indicator.better is Better.BAND:
        low, high = scale.band
        return -_winsorised(np.maximum(np.maximum(low - raw, raw - high), 0.0), scale.winsorised)
    if indicator.skewed:
        raw = _logarithmic(raw)
    good_when_low = (indicator.better is Better.LOW) != (choice == indicator.turned)
    return _winsorised(raw, scale.winsorised) * (-1.0 if good_when_low else 1.0)


def _logarithmic(raw: Floats) -> Floats:
    sizes = np.abs(raw[np.isfinite(raw) & (raw != 0)])
    if not len(sizes):
        return raw
    found: Floats = np.sign(raw) * np.log1p(np.abs(raw) / np.median(sizes))
    return found


def _winsorised(column: Floats, share: float) -> Floats:
    known = column[np.isfinite(column)]
    if not len(known):
        return column
    low, high = np.quantile(known, [share, 1 - share])
    found: Floats = np.clip(column, low, high)
    return found


def _mean(column: Floats) -> float:
    known = column[np.isfinite(column)]
    return float(known.mean()) if len(known) else 0.0


def _deviation(column: Floats) -> float:
    known = column[np.isfinite(column)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0


def _filled(data: Floats) -> Floats:
    """Missing values from the client's others of the group."""
    found = data.copy()
    for group in {indicator.group for indicator in INDICATORS}:
        places = [place for place, indicator in enumerate(INDICATORS) if indicator.group is group]
        own = data[:, places]
        known = np.isfinite(own)
        count = known.sum(axis=1)
        mean = np.where(known, own, 0.0).sum(axis=1) / np.maximum(count, 1)
        found[:, places] = np.where(known, own, mean[:, None])
    return found

"""The same SQL on Spark: an extra, outside of the main run, for firms that have outgrown one machine.

Run: pip install pyspark; python -m pytest tests/scoring/spark_engine.py -rs
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring import sums
from scoring.indicators import CODES, INDICATORS, SPARK, Rules, indicators_sql, sums_sql
from tests.scoring import oracle
from tests.scoring.house import sample, stored

COUNTS = ["days", "active_days", "negative_days", "held_days", "returns"]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="NOT PROVEN: pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("NOT PROVEN: there is no Java runtime on this machine, and Spark needs one")
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g"}
    builder = sql.SparkSession.builder.master("local[1]").appName("qifu")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


VARIANTS = [Rules()] + [
    Rules(choices=((indicator.code, name),))
    for indicator in INDICATORS
    for name in list(indicator.choices)[1:]
]


@pytest.mark.parametrize("rules", VARIANTS, ids=lambda rules: "-".join(map(str, rules.choices)) or "usual")
def test_spark_duckdb_and_the_slow_definition_agree(spark: Any, tmp_path: Path, rules: Rules) -> None:
    """Sums to the last digit, every indicator to 1e-9."""
    rows = sample(60, 70)
    files = stored(tmp_path, rows)
    spark.read.parquet(*(str(file.path) for file in files)).createOrReplaceTempView("day_rows")
    summed = f"({sums_sql('day_rows', rules, SPARK)}) AS sums"
    table = _frame(spark, sums_sql("day_rows", rules, SPARK))
    assert sums.differences(table, sums.full(files, rules)) == ()
    theirs = _frame(spark, indicators_sql(summed, rules, SPARK))
    ours = sums.indicators(sums.full(files, rules), rules)
    pd.testing.assert_frame_equal(theirs[COUNTS], ours[COUNTS], check_dtype=False)
    for code in CODES:
        assert theirs[code].tolist() == pytest.approx(ours[code].tolist(), abs=1e-9, rel=1e-9, nan_ok=True), (
            code
        )
    if not rules.choices:
        slow = oracle.indicators(rows)
        for account, values in zip(theirs["account"], theirs[list(CODES)].to_dict("records"), strict=True):
            for code, value in slow[account].items():
                assert values[code] == pytest.approx(
                    float("nan") if value is None else value, abs=1e-9, nan_ok=True
                )


def _frame(spark: Any, query: str) -> pd.DataFrame:
    found = spark.sql(query).orderBy("account")
    return pd.DataFrame([row.asDict() for row in found.collect()], columns=found.columns)

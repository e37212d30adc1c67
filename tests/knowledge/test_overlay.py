"""The house's own confirmed versions over the shipped files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from domain.knowledge import Kind
from knowledge import soundness
from knowledge.library import Library
from knowledge.overlay import Sheet
from tests.knowledge.conftest import ARTICLES, FACTS, RATES, write


def cost(first: str, text: str, article: str = "cost") -> Sheet:
    """A version of the article on the close-today fee."""
    raw = (
        ARTICLES["zh/cost.md"]
        .replace("2022-08-01", first)
        .replace("id: cost", f"id: {article}")
        .replace("平今按交易所标准单列。", text)
    )
    return Sheet("zh", article, raw, f"zh/{article}@{first}")


def said(folder: Path, sheets: list[Sheet], day: str, q: str = "平今手续费怎么收") -> str:
    """The first line of what the library says on a day."""
    library = Library.load(folder, facts=FACTS, rates=RATES, cache_dir=None, overlay=sheets)
    answer = library.ask(q, as_of=date.fromisoformat(day))
    return answer.text.splitlines()[0] if answer.kind is Kind.ANSWER else answer.kind.value


def test_a_confirmed_version_answers_from_its_first_day_on(tmp_path: Path) -> None:
    """Until then the shipped text holds."""
    folder, sheets = write(tmp_path, ARTICLES), [cost("2026-09-01", "新的一版。")]
    assert said(folder, sheets, "2026-08-31") == "平今按交易所标准单列。"
    assert said(folder, sheets, "2026-09-01") == "新的一版。"


def test_a_later_confirmation_with_an_earlier_day_replaces_what_had_not_begun(tmp_path: Path) -> None:
    """Rolling back before the new version began: it never begins."""
    folder = write(tmp_path, ARTICLES)
    sheets = [cost("2026-09-10", "还没生效的一版。"), cost("2026-09-01", "撤回后的一版。")]
    assert said(folder, sheets, "2026-09-20") == "撤回后的一版。"
    assert said(folder, sheets, "2026-08-31") == "平今按交易所标准单列。"


def test_an_expired_version_does_not_bring_the_former_one_back(tmp_path: Path) -> None:
    """What was replaced stays replaced."""
    expiring = cost("2026-09-01", "只管一个月。")
    assert expiring.text is not None
    short = Sheet("zh", "cost", expiring.text.replace("status:", "expires_on: 2026-10-01\nstatus:"), "short")
    folder = write(tmp_path, ARTICLES)
    assert said(folder, [short], "2026-09-30") == "只管一个月。"
    assert said(folder, [short], "2026-10-02") not in ("只管一个月。", "平今按交易所标准单列。")


def test_a_withdrawn_article_never_answers_again_and_may_be_written_anew(tmp_path: Path) -> None:
    """For questions about the past neither; a version confirmed after the withdrawal counts."""
    folder = write(tmp_path, ARTICLES)
    withdrawn = [cost("2026-09-01", "新的一版。"), Sheet("zh", "cost", None, "withdrawal")]
    for day in ("2022-09-01", "2026-09-20"):
        assert said(folder, withdrawn, day) not in ("新的一版。", "平今按交易所标准单列。")
    assert said(folder, [*withdrawn, cost("2026-09-15", "重写的一版。")], "2026-09-20") == "重写的一版。"


def test_a_version_that_no_longer_fits_the_configuration_is_named(
    shelf: Callable[[dict[str, str]], Path],
) -> None:
    """A fact that was taken out of config.yaml: the finding says which version needs it."""
    folder = shelf(ARTICLES)
    from knowledge.files import Files
    from knowledge.library import KNOWLEDGE

    found = Files.read(folder, KNOWLEDGE, FACTS, [cost("2026-09-01", "{{ facts.gone }}")]).findings
    assert [f.where for f in found if f.fatal] == ["zh/cost@2026-09-01:12"]


def test_a_phrasing_that_a_newer_version_drops_leads_nowhere(tmp_path: Path) -> None:
    """From the new version's first day on; until then the old one's phrasings hold. The change of day is noticed."""
    dropped = "隔夜不留仓当日了结的那笔钱"
    old = cost("2026-09-01", "旧的一版。")
    assert old.text is not None
    old = replace(old, text=old.text.replace("平今免吗", dropped))
    days = [date(2026, 9, 19)]
    library = Library.load(
        write(tmp_path, ARTICLES),
        facts=FACTS,
        rates=RATES,
        cache_dir=None,
        today=lambda: days[-1],
        overlay=[old, cost("2026-09-20", "新的一版。")],
    )
    assert dropped in library.phrasings("zh")["cost"]
    assert library.ask(dropped).article == "cost"
    assert not library.outdated

    days.append(date(2026, 9, 20))
    assert library.outdated
    (finding,) = soundness.unequal(library, days[-1])
    assert finding.where == "zh/cost"
    assert dropped in finding.problem

    renewed = Library.load(
        tmp_path,
        facts=FACTS,
        rates=RATES,
        cache_dir=None,
        today=lambda: days[-1],
        overlay=[old, cost("2026-09-20", "新的一版。")],
    )
    assert dropped not in renewed.phrasings("zh")["cost"]
    assert list(soundness.unequal(renewed, days[-1])) == []

"""Every example of the table is held: what must match matches, what must pass passes."""

import re
from pathlib import Path

import pytest
import yaml

from knowledge.guard_rails import TABLE, GuardRails
from knowledge.markup import to_plain

RAW = yaml.safe_load(TABLE.read_text("utf-8"))["rails"]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def rails() -> GuardRails:
    return GuardRails.read()


def first(rails: GuardRails, code: str, text: str) -> str | None:
    """The words that meet a rail, as whoever the rail is for writes them."""
    alone = rails.alone(code)
    hit = alone.of_staff(text) or alone.of_client(text)
    return hit.words if hit else None


@pytest.mark.parametrize(("code", "text"), [(raw["code"], text) for raw in RAW for text in raw["match"]])
def test_what_must_match_matches(rails: GuardRails, code: str, text: str) -> None:
    """As the table says."""
    assert first(rails, code, str(text)) is not None


@pytest.mark.parametrize(("code", "text"), [(raw["code"], text) for raw in RAW for text in raw["pass"]])
def test_what_must_pass_passes(rails: GuardRails, code: str, text: str) -> None:
    """A rail that cries at honest words is switched off by somebody."""
    assert first(rails, code, str(text)) is None


@pytest.mark.parametrize("raw", RAW, ids=[raw["code"] for raw in RAW])
def test_every_rail_is_complete(raw: dict[str, object]) -> None:
    """Reason and way out in both languages, enough examples of both sorts, and a category where it is routed."""
    for key in ("name", "why", "instead"):
        assert set(raw[key]) == {"zh", "en"}  # type: ignore[call-overload]
    assert len(raw["match"]) >= 7  # type: ignore[arg-type]
    assert len(raw["pass"]) >= 7  # type: ignore[arg-type]
    assert raw["client"] != "route" or raw["complaint"]


def test_a_denial_counts_in_its_own_clause_only(rails: GuardRails) -> None:
    """One honest sentence is no licence for the next."""
    hit = rails.of_staff("公司不得承诺收益。不过跟着我保证赚钱")
    assert hit is not None
    assert hit.rail.code == "promised_return"
    assert hit.words == "保证赚"


def test_nothing_the_bot_says_by_itself_meets_a_rail(rails: GuardRails) -> None:
    """Every message as its snapshot, every article as it is written."""
    quoting = re.compile(r"(?:rail|refusal\.rail_|gap|draft)")  # messages that show what somebody wrote
    said = {
        path: to_plain(path.read_text("utf-8"))
        for path in (ROOT / "tests/snapshots").rglob("*.html")
        if not quoting.match(path.name)
    }
    for path in (ROOT / "knowledge/articles").rglob("*.md"):
        said[path] = path.read_text("utf-8").split("---", 2)[2]
    met = {
        f"{path.relative_to(ROOT)}: {hit.rail.code}: {hit.words}"
        for path, text in said.items()
        if (hit := rails.of_staff(text)) is not None
    }
    assert met == set()

"""Every message, in both languages, with its example: rendered, checked, and kept as a snapshot to read."""

import os
import re
from pathlib import Path

import pytest

from bot.settings import policy
from messages.examples import examples
from messages.phrases import LANGUAGES, Phrases
from messages.split import LIMIT, units

ROOT = Path(__file__).parents[2]
SNAPSHOTS = ROOT / "tests" / "snapshots"
PHRASES = Phrases(policy(ROOT / "config.yaml").company.words)
EXAMPLES = examples()
ALLOWED = {"b", "i", "u", "s", "code", "pre", "a", "blockquote"}


def test_every_message_has_both_languages_and_an_example() -> None:
    """A message without its English, its Chinese or its example is not finished."""
    names = {
        lang: {
            p.name.removesuffix(".html.j2") for p in (ROOT / "messages/templates" / lang).glob("*.html.j2")
        }
        for lang in LANGUAGES
    }
    assert names["zh"] == names["en"]
    assert names["zh"] == {name.partition("@")[0] for name in EXAMPLES}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_message_reads_as_its_snapshot(name: str, lang: str) -> None:
    """A change of wording is a diff that compliance can read. QIFU_SNAPSHOTS=write takes the new wording."""
    html = PHRASES.text(name.partition("@")[0], lang, **EXAMPLES[name])
    kept = SNAPSHOTS / lang / f"{name}.html"
    if os.environ.get("QIFU_SNAPSHOTS") == "write":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(html + "\n", "utf-8")
    assert kept.read_text("utf-8") == html + "\n"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_message_keeps_telegrams_limits_and_the_voice(name: str, lang: str) -> None:
    """At most 4,096 units, only Telegram's tags, balanced, no exclamation marks."""
    html = PHRASES.text(name.partition("@")[0], lang, **EXAMPLES[name])
    assert html
    assert units(html) <= LIMIT
    tags = re.findall(r"<(/?)([a-z-]+)[^>]*>", html)
    assert {tag for _, tag in tags} <= ALLOWED
    depth: list[str] = []
    for closing, tag in tags:
        if closing:
            assert depth.pop() == tag
        else:
            depth.append(tag)
    assert not depth
    assert "！" not in html
    assert not re.search(r"\w!(\s|$)", html)


@pytest.mark.parametrize("key", sorted(PHRASES.labels()))
def test_a_label_has_both_languages(key: str) -> None:
    """Words on buttons exist in both languages and stay short enough to be read on a phone."""
    words = PHRASES.labels()[key]
    assert set(words) == set(LANGUAGES)
    assert all(0 < len(w) <= 200 for w in words.values())


def test_the_registration_number_has_one_name() -> None:
    """Messages and articles call it as docs/words.md does."""
    texts = [*(ROOT / "messages/templates/zh").glob("*.j2"), *(ROOT / "knowledge/articles/zh").glob("*.md")]
    other = re.compile("从业资格号|从业资格证号|执业编号|执业证号")
    assert [path.name for path in texts if other.search(path.read_text("utf-8"))] == []

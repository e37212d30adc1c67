"""The library: how often it is right, how sure it is, how long it takes, and what simpler engines reach on the same.

    python -m bench.knowledge                          golden questions, latency, loading cold and from the cache
    python -m bench.knowledge --baselines              the same library under BM25 of jieba words and a Rasa-like pipeline
    python -m bench.knowledge --banking ../shared/data/banking77

Right shares are of the golden questions of knowledge/golden; a typing error is one random change in each question.
"""

import argparse
import csv
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import yaml

from bot.settings import policy
from knowledge.evaluation import judge, report
from knowledge.index import Corpus, Group, build_engine
from knowledge.library import KNOWLEDGE, Library
from knowledge.questions import Golden
from knowledge.questions import shipped as golden_of

ROOT = Path(__file__).parent.parent
LETTERS = {"zh": "的了是在有个人这不和一上下我们", "en": "abcdefghijklmnopqrstuvwxyz"}


def load(cache: Path) -> Library:
    words = policy(ROOT / "config.yaml")
    facts = {
        lang: {"company": words.company.words(lang), "facts": words.fact_words(lang)} for lang in ("zh", "en")
    }
    return Library.load(facts=facts, today=lambda: date(2026, 11, 23), cache_dir=cache)


def typed_wrongly(text: str, lang: str, chance: random.Random) -> str:
    """One character dropped, added, replaced or swapped with the next."""
    at, kind = chance.randrange(len(text)), chance.randrange(4)
    letter = chance.choice(LETTERS[lang])
    middle = {0: "", 1: letter + text[at], 2: letter, 3: text[at + 1 : at + 2] + text[at]}[kind]
    return text[:at] + middle + text[at + (2 if kind == 3 else 1) :]


def first_right(rank: Callable[[str], str], questions: list[tuple[str, str]]) -> float:
    return 100 * sum(rank(q) == topic for q, topic in questions) / len(questions)


def ours() -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        load(Path(folder))
        cold = time.perf_counter() - begun
        begun = time.perf_counter()
        library = load(Path(folder))
        print(f"load: cold {cold:.1f} s, from the cache {time.perf_counter() - begun:.2f} s")
        for lang in ("zh", "en"):
            rows = golden_of(lang)
            found = report([judge(row, library.ask(row.q)) for _ in range(3) for row in rows])
            print(
                f"{lang}: {len(rows)} questions, "
                + ", ".join(f"{k} {v:.1f}" for k, v in found.measures.items())
            )
            print(f"  ms a question: p50 {found.ms_p50:.2f}, p99 {found.ms_p99:.2f}")
            chance = random.Random(7)
            asked = _asked(rows)
            wrong = [(typed_wrongly(q, lang, chance), topic) for q, topic in asked]
            print(
                f"  right first with one typing error: {first_right(lambda q: _best(library, q), wrong):.1f}"
            )
            for one in found.calibration:
                print(f"  confidence {one.confidence:.2f}: right {one.right:.2f} of {one.asked // 3}")


def _asked(rows: Iterable[Golden]) -> list[tuple[str, str]]:
    return [(row.q, row.topic) for row in rows if row.topic]


def _best(library: Library, q: str) -> str:
    candidates = library.ask(q).candidates
    return candidates[0].topic if candidates else ""


def baselines() -> None:
    """The same phrasings, titles and keywords; topics as classes."""
    import jieba
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    jieba.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        library = load(Path(folder))
    for lang in ("zh", "en"):
        articles = [a for a in library._shelf.articles if a.lang == lang]
        rows = [(text, a.topic) for a in articles for text in (*a.phrasings, a.title, " ".join(a.keywords))]
        texts, topics = [t for t, _ in rows], [t for _, t in rows]
        asked = _asked(golden_of(lang))
        cut = jieba.lcut if lang == "zh" else str.split
        word = TfidfVectorizer(tokenizer=cut, token_pattern=None, lowercase=True, sublinear_tf=True)
        documents = defaultdict(list)
        for text, topic in rows:
            documents[topic].append(text)
        names = list(documents)
        table = word.fit_transform(" ".join(documents[name]) for name in names)
        rasa = make_pipeline(
            make_union(
                CountVectorizer(tokenizer=cut, token_pattern=None),
                CountVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
            ),
            LogisticRegression(max_iter=1000),
        ).fit(texts, topics)
        print(f"{lang}: ours {first_right(lambda q: _best(library, q), asked):.1f}", end=", ")

        def by_words(q: str, word=word, names=names, table=table) -> str:  # type: ignore[no-untyped-def]
            return names[int((table @ word.transform([q]).T).toarray().argmax())]

        def by_classes(q: str, rasa=rasa) -> str:  # type: ignore[no-untyped-def]
            return str(rasa.predict([q])[0])

        print(f"words TF-IDF by topic {first_right(by_words, asked):.1f}", end=", ")
        print(f"Rasa-like {first_right(by_classes, asked):.1f}")


def banking(folder: Path) -> None:
    if not (folder / "train.csv").exists():
        raise SystemExit(f"{folder} has no train.csv: give the folder of BANKING77")
    groups: dict[str, list[str]] = defaultdict(list)
    with (folder / "train.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            groups[row["category"]].append(row["text"])
    synonyms = yaml.safe_load((KNOWLEDGE / "synonyms.yaml").read_text("utf-8"))["en"]
    begun = time.perf_counter()
    engine = build_engine(
        Corpus("en", tuple(Group(k, k, k.replace("_", " "), tuple(v)) for k, v in groups.items()), synonyms)
    )
    print(f"BANKING77: index {time.perf_counter() - begun:.1f} s")
    with (folder / "test.csv").open(encoding="utf-8") as rows:
        asked = [(row["text"], row["category"]) for row in csv.DictReader(rows)]
    chance = random.Random(1)
    for name, questions in (
        ("clean", asked),
        ("typo", [(typed_wrongly(q, "en", chance), k) for q, k in asked]),
    ):
        right = first_right(lambda q: engine.keys[int(engine.search(q).blend.argmax())], questions)
        print(f"  {name}: {right:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--banking", type=Path)
    chosen = parser.parse_args()
    if chosen.banking:
        banking(chosen.banking)
    elif chosen.baselines:
        baselines()
    else:
        ours()


if __name__ == "__main__":
    main()

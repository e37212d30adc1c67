"""The library: how often it is right, how sure it is, how long it takes, and what simpler engines reach on the same.

    python -m bench.knowledge                          the golden set's test half, detectors, latency, loading
    python -m bench.knowledge --baselines              the same library under BM25 of jieba words and a Rasa-like pipeline
    python -m bench.knowledge --banking ../shared/data/banking77
    python -m bench.knowledge --clinc ../shared/data/clinc150
    python -m bench.knowledge --size 10000             so many articles of five phrasings: index, memory, latency

A typing error is one random change in each question. What the library is tuned on is the golden set's dev half.
"""

import argparse
import csv
import json
import random
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import yaml

from bot.settings import policy
from domain.knowledge import Answer
from knowledge.confidence import rank
from knowledge.evaluation import judge, report
from knowledge.index import Corpus, Engine, Group, build_engine
from knowledge.library import KNOWLEDGE, Library
from knowledge.questions import Golden, of_half, shipped

ROOT = Path(__file__).parent.parent
LETTERS = {"zh": "的了是在有个人这不和一上下我们", "en": "abcdefghijklmnopqrstuvwxyz"}
LANGUAGES = ("zh", "en")


def load(cache: Path) -> Library:
    words = policy(ROOT / "config.yaml")
    facts = {
        lang: {"company": words.company.words(lang), "facts": words.fact_words(lang)} for lang in LANGUAGES
    }
    return Library.load(
        facts=facts,
        today=lambda: date(2026, 11, 23),
        cache_dir=cache,
        major_amount=words.complaints.major_amount,
        major_words=tuple(words.complaints.major_words),
    )


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
        begun, worked = time.perf_counter(), _processor_time()
        load(Path(folder))
        cold, worked = time.perf_counter() - begun, _processor_time() - worked
        begun = time.perf_counter()
        library = load(Path(folder))
        kept = time.perf_counter() - begun
        print(f"load: cold {cold:.1f} s ({worked:.1f} s of CPU), from the cache {kept:.2f} s")
    for lang in LANGUAGES:
        rows = of_half(shipped(lang), "test")
        answers = [[library.ask(row.q) for row in rows] for _ in range(3)]
        found = report([judge(row, answer) for run in answers for row, answer in zip(rows, run, strict=True)])
        print(f"{lang}, test half: {len(rows)} questions, " + _shown(found.measures))
        print(f"  ms a question: p50 {found.ms_p50:.2f}, p99 {found.ms_p99:.2f}")
        chance = random.Random(7)
        wrong = [(typed_wrongly(q, lang, chance), topic) for q, topic in _asked(rows)]
        print(f"  right first with one typing error: {first_right(lambda q: _best(library, q), wrong):.1f}")
        for one in found.calibration:
            print(f"  confidence {one.confidence:.2f}: right {one.right:.2f} of {one.asked // 3}")
        _detectors(rows, answers[0])


def _processor_time() -> float:
    """Seconds of CPU of this process and of those that it waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _shown(measures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.1f}" for name, share in measures.items())


def _detectors(rows: Sequence[Golden], answers: Sequence[Answer]) -> None:
    """Each detector: of those that it should hear, how many it heard; how many it heard besides."""
    heard = [
        {answer.kind.value} | ({"emergency"} if answer.urgent else set())
        | ({"smalltalk"} if answer.reason == "smalltalk" else set())
        for answer in answers
    ]  # fmt: skip
    meant = [{row.kind.value, row.group} for row in rows]
    for name in (
        "calc",
        "account",
        "complaint",
        "handoff",
        "emergency",
        "advice",
        "smalltalk",
        "out_of_scope",
    ):
        wanted = [name in one for one in meant]
        found = [name in one for one in heard]
        hits = sum(w and f for w, f in zip(wanted, found, strict=True))
        print(f"  {name}: heard {hits} of {sum(wanted)}, {sum(found) - hits} false alarms")


def _asked(rows: Iterable[Golden]) -> list[tuple[str, str]]:
    return [(row.q, row.topic) for row in rows if row.topic]


def _best(library: Library, q: str) -> str:
    candidates = library.ask(q).candidates
    return candidates[0].topic if candidates else ""


def baselines() -> None:
    """The same phrasings, titles and keywords, in the same run; topics as classes."""
    import jieba

    jieba.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        library = load(Path(folder))
    for lang in LANGUAGES:
        articles = [a for a in library.articles() if a.lang == lang]
        texts = [(text, a.topic) for a in articles for text in (*a.phrasings, a.title, " ".join(a.keywords))]
        asked = _asked(of_half(shipped(lang), "test"))
        cut = jieba.lcut if lang == "zh" else str.split
        reached = {
            "ours": first_right(lambda q: _best(library, q), asked),
            "BM25 over words": first_right(_bm25(texts, cut), asked),
            "Rasa-like": first_right(_rasa_like(texts, cut), asked),
        }
        lead = reached["ours"] - max(reached["BM25 over words"], reached["Rasa-like"])
        print(f"{lang}, test half, right first: {_shown(reached)}; lead {lead:+.1f} points")


def _bm25(texts: Sequence[tuple[str, str]], cut: Callable[[str], list[str]]) -> Callable[[str], str]:
    """Okapi BM25 (k1 1.5, b 0.75), a document a phrasing; the best phrasing's topic."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(tokenizer=cut, token_pattern=None)
    counts = counter.fit_transform(text for text, _ in texts).astype(float).tocsr()
    documents = counts.shape[0]
    in_documents = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log(1 + (documents - in_documents + 0.5) / (in_documents + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    norm = 1.5 * (0.25 + 0.75 * lengths / lengths.mean())
    rows = np.repeat(np.arange(documents), np.diff(counts.indptr))
    counts.data = counts.data * 2.5 / (counts.data + norm[rows]) * idf[counts.indices]

    def best(q: str) -> str:
        return texts[int((counts @ counter.transform([q]).T).toarray().argmax())][1]

    return best


def _rasa_like(texts: Sequence[tuple[str, str]], cut: Callable[[str], list[str]]) -> Callable[[str], str]:
    """Counts of words and of characters 1-4 within words, logistic regression."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    counts = make_union(
        CountVectorizer(tokenizer=cut, token_pattern=None),
        CountVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
    )
    fitted = make_pipeline(counts, LogisticRegression(max_iter=300))
    fitted.fit([text for text, _ in texts], [topic for _, topic in texts])
    return lambda q: str(fitted.predict([q])[0])


def _engine(name: str, groups: Mapping[str, Sequence[str]]) -> Engine:
    """The index of a public set, as a plain folder of articles gives it."""
    synonyms = yaml.safe_load((KNOWLEDGE / "synonyms.yaml").read_text("utf-8"))["en"]
    begun = time.perf_counter()
    named = (Group(k, k, k.replace("_", " "), tuple(dict.fromkeys(v))) for k, v in groups.items())
    engine = build_engine(Corpus("en", tuple(named), synonyms))
    print(f"{name}: index {time.perf_counter() - begun:.1f} s")
    return engine


def _ranked(engine: Engine, questions: Iterable[str]) -> list[tuple[str, float]]:
    """Best topic and confidence of each question."""
    everything = np.ones(len(engine.keys), dtype=bool)
    found = (engine.search(q) for q in questions)
    rankings = [rank(engine, one.scores, one.known, everything) for one in found]
    return [(engine.topics[ranking.groups[0]], ranking.confidence) for ranking in rankings]


def _accuracy(found: Sequence[tuple[str, float]], wanted: Sequence[str]) -> float:
    return 100 * float(np.mean([topic == right for (topic, _), right in zip(found, wanted, strict=True)]))


def banking(folder: Path) -> None:
    if not (folder / "train.csv").exists():
        raise SystemExit(f"{folder} has no train.csv: give the folder of BANKING77")
    groups: dict[str, list[str]] = defaultdict(list)
    with (folder / "train.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            groups[row["category"]].append(row["text"])
    with (folder / "test.csv").open(encoding="utf-8") as rows:
        asked, wanted = zip(*((row["text"], row["category"]) for row in csv.DictReader(rows)), strict=True)
    engine, chance = _engine("BANKING77", groups), random.Random(1)
    print(f"  clean: {_accuracy(_ranked(engine, asked), wanted):.2f}")
    mistyped = [typed_wrongly(q, "en", chance) for q in asked]
    print(f"  with one typing error: {_accuracy(_ranked(engine, mistyped), wanted):.2f}")


def clinc(folder: Path) -> None:
    from sklearn.metrics import roc_auc_score

    if not (folder / "data_full.json").exists():
        raise SystemExit(f"{folder} has no data_full.json: give the folder of CLINC150")
    data = json.loads((folder / "data_full.json").read_text("utf-8"))
    groups: dict[str, list[str]] = defaultdict(list)
    for text, intent in data["train"]:
        groups[intent].append(text)
    engine = _engine("CLINC150", groups)
    inside = _ranked(engine, (text for text, _ in data["test"]))
    outside = _ranked(engine, (text for text, _ in data["oos_test"]))
    sure = [confidence for _, confidence in (*inside, *outside)]
    area = roc_auc_score([1] * len(inside) + [0] * len(outside), sure)
    print(f"  in scope {_accuracy(inside, [i for _, i in data['test']]):.2f}, AUROC {100 * area:.2f}")


def size(articles: int) -> None:
    """Invented articles of five phrasings each, asked with a typing error."""
    words = [list(line.split()) for line in _WORDS]
    chance = random.Random(3)
    groups = []
    for number in range(articles):
        subject = [chance.choice(part) for part in words]
        asks = (f"{''.join(subject)}{end}" for end in chance.sample(_ENDINGS, 5))
        groups.append(Group(f"a{number}", f"t{number}", "".join(subject), tuple(asks)))
    synonyms = yaml.safe_load((KNOWLEDGE / "synonyms.yaml").read_text("utf-8"))["zh"]
    begun, worked = time.perf_counter(), time.process_time()
    engine = build_engine(Corpus("zh", tuple(groups), synonyms))
    built, worked = time.perf_counter() - begun, time.process_time() - worked
    took, right = [], 0
    for group in chance.sample(groups, 500):
        q = typed_wrongly(group.phrasings[0], "zh", chance)
        begun = time.process_time()
        found = engine.search(q)
        took.append((time.process_time() - begun) * 1000)
        right += engine.keys[int(found.blend.argmax())] == group.key
    took.sort()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{articles} articles: index {built:.1f} s ({worked:.1f} s of CPU), most memory {memory:.0f} MB, "
        f"ms of CPU a query p50 {took[250]:.2f}, p99 {took[494]:.2f}, right first {right / 5:.1f}"
    )


_WORDS = (
    "螺纹钢 豆粕 沪铜 原油 白糖 棉花 铁矿石 甲醇 玻璃 纯碱 黄金 白银 棕榈油 菜籽油 玉米 淀粉 生猪 鸡蛋 苹果 红枣 股指 国债 焦炭 焦煤 橡胶",
    "近月 远月 主力 夜盘 早盘 交割月 连续 首日 节前 节后 套保 套利 投机 个人 法人 资管 特法 境外 新客户 老客户",
    "手续费 保证金 限仓 交割 移仓 换月 结算价 涨跌停 强平 追保 出金 入金 密码 权限 测评 开户 销户 账单 银期 软件 条件单 撤单 报单 编码 行权",
    "标准 规则 流程 时间 条件 比例 额度 公式 材料 渠道 原因 变化 通知 凭证 限制 办法 费用 区别 说明 明细",
)
_ENDINGS = [
    "是什么",
    "怎么算",
    "怎么办理",
    "在哪里查",
    "多久生效",
    "有什么要求",
    "为什么变了",
    "能不能调整",
    "需要准备什么",
    "找谁确认",
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--banking", type=Path)
    parser.add_argument("--clinc", type=Path)
    parser.add_argument("--size", type=int)
    chosen = parser.parse_args()
    if chosen.banking:
        banking(chosen.banking)
    elif chosen.clinc:
        clinc(chosen.clinc)
    elif chosen.size:
        size(chosen.size)
    elif chosen.baselines:
        baselines()
    else:
        ours()


if __name__ == "__main__":
    main()

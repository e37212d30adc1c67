"""The index: the same from the same texts, whatever the process, and quick to ask when it is large."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import yaml

from knowledge.index import Corpus, Group, build_engine

ROOT = Path(__file__).parent.parent.parent
SUBJECTS = ("开户", "销户", "手续费", "保证金", "夜盘", "出金", "密码", "交割", "结算单", "银期转账")
ENDINGS = (
    "怎么办",
    "在哪看",
    "要多久",
    "是什么",
    "收多少",
    "能改吗",
    "找谁",
    "有什么要求",
    "为什么变了",
    "需要材料吗",
)
DOUBTS = ("请问{}{}", "{}{}", "我想知道{}的事{}", "老师{}到底{}")


def corpus() -> Corpus:
    """Enough phrasings that everything is fitted; two articles share a topic, one kind has examples."""
    groups = [
        Group(
            f"a{number}",
            f"t{number // 2}" if number < 2 else f"t{number}",
            subject,
            tuple(form.format(subject, end) for end in ENDINGS for form in DOUBTS),
            keywords=(subject,),
            not_for=(f"别的{subject}公司",),
        )
        for number, subject in enumerate(SUBJECTS)
    ]
    smalltalk = tuple(
        f"{one}{other}" for one in ("你好", "早安", "谢谢", "再见") for other in ("啊", "呀", "哦", "呢")
    )
    groups.append(Group("kind:out_of_scope", "kind:out_of_scope", "out_of_scope", smalltalk))
    synonyms = yaml.safe_load((ROOT / "knowledge" / "synonyms.yaml").read_text("utf-8"))["zh"]
    return Corpus("zh", tuple(groups), synonyms)


def canonical(value: object) -> Iterator[bytes]:
    """Everything that a value holds, in an order of its own where it has none."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode() + value.tobytes()
    elif is_dataclass(value):
        for field in fields(value):
            yield field.name.encode()
            yield from canonical(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, held in value.items():
            yield repr(key).encode()
            yield from canonical(held)
    elif isinstance(value, tuple | list):
        for held in value:
            yield from canonical(held)
    else:
        yield repr(sorted(value) if isinstance(value, frozenset) else value).encode()


def digest() -> str:
    return hashlib.sha256(b"\0".join(canonical(build_engine(corpus())))).hexdigest()


def test_two_processes_build_the_same_index() -> None:
    """Sets of texts come in another order in each process: nothing of that reaches the index."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.knowledge.test_index"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate()[0].strip() for process in running)
    assert len(first) == 64
    assert first == second


if __name__ == "__main__":
    print(digest())

"""The sample brokerage's files, as bytes and as the text of one statement."""

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "samples"


def statements_in(text: str) -> list[str]:
    """The statements of a text, each from its company's line to its last table."""
    starts = [place for place in range(len(text)) if text.startswith("示例期货有限公司\n", place)]
    starts = [text.rfind("\n", 0, place) + 1 for place in starts]
    return [
        text[start:end].rstrip() + "\n" for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
    ]


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample files."""
    return SAMPLES


@pytest.fixture(scope="session")
def statement() -> str:
    """The statement of 80012345 on 2026-08-17: 519,415.43 of equity, 42,921.50 of margin, two positions."""
    return statements_in((SAMPLES / "settlements" / "20260817.txt").read_text("utf-8"))[0]


@pytest.fixture(scope="session")
def with_option() -> str:
    """The statement of 80045678 on 2026-08-18, who bought a put."""
    text = (SAMPLES / "settlements" / "20260818.txt").read_bytes().decode("gb18030")
    return next(one for one in statements_in(text) if "80045678" in one)

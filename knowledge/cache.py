"""Built indexes kept on disk by the hash of everything they were made from, the engine's own code
included.
"""

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from knowledge.index import Corpus, Engine, build_engine

_CODE = ("lexicon.py", "features.py", "index.py", "training.py", "confidence.py")
_KEPT = 6


def fingerprint(corpus: Corpus) -> str:
    """Hash of a corpus and of the code that turns it into an index."""
    digest = hashlib.sha256(pickle.dumps(corpus, protocol=5))
    for name in _CODE:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:24]


def load_or_build(corpus: Corpus, folder: Path | None, *, apart: bool = False) -> Engine:
    """The engine of a corpus, from the cache where it is there; ``apart`` builds in a process of its own, so
    that a running bot is not slowed down.
    """
    if folder is None:
        return build_engine(corpus)
    path = folder / f"index-{corpus.lang}-{fingerprint(corpus)}.pickle"
    engine = _read(path)
    if engine is not None:
        return engine
    if apart:
        _build_apart(corpus, path)
        engine = _read(path)
        if engine is not None:
            return engine
    engine = build_engine(corpus)
    _write(engine, path)
    return engine


def _read(path: Path) -> Engine | None:
    """The cached engine; None where there is none or it cannot be read (it is then built anew)."""
    try:
        with path.open("rb") as file:
            found = pickle.load(file)  # noqa: S301 - our own file, named by the hash of its sources
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, ValueError):
        return None
    return found if isinstance(found, Engine) else None


def _write(engine: Engine, path: Path) -> None:
    """Write beside and rename: a reader never sees half a file. A folder that cannot be written is no
    fault.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".index-")
        with os.fdopen(handle, "wb") as file:
            pickle.dump(engine, file, protocol=5)
        Path(name).replace(path)
        older = sorted(path.parent.glob(f"index-{engine.lang}-*.pickle"), key=lambda p: p.stat().st_mtime)
        for old in older[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _build_apart(corpus: Corpus, path: Path) -> None:
    """Build in another process; whatever goes wrong there shows when the building is repeated here."""
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "knowledge.cache", str(path)],
        input=pickle.dumps(corpus, protocol=5),
        env=environment,
        check=False,
        capture_output=True,
    )


def main() -> None:
    """``python -m knowledge.cache PATH``: build the corpus on standard input into PATH."""
    _write(build_engine(pickle.loads(sys.stdin.buffer.read())), Path(sys.argv[1]))  # noqa: S301 - from our own process


if __name__ == "__main__":
    main()

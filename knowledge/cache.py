"""Built indexes kept on disk by the hash of everything they were made from, the engine's own code
included.
"""

import contextlib
import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
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


def load_or_build(corpora: Sequence[Corpus], folder: Path | None, *, apart: bool = False) -> Iterator[Engine]:
    """The engine of each language as soon as it stands, from the cache where it is there.

    What has to be built is built at the same time, the first in this process and the others in processes of
    their own; with ``apart`` the first too, so that a running bot is not slowed down.
    """
    if folder is None:
        yield from map(build_engine, corpora)
        return
    missing: list[tuple[Corpus, Path]] = []
    for corpus in corpora:
        path = folder / f"index-{corpus.lang}-{fingerprint(corpus)}.pickle"
        engine = _read(path)
        if engine is not None:
            yield engine
        else:
            missing.append((corpus, path))
    with ThreadPoolExecutor(max_workers=max(1, len(missing))) as threads:
        building = [
            threads.submit(_build, corpus, path, apart=apart or number > 0)
            for number, (corpus, path) in enumerate(missing)
        ]
        for built in as_completed(building):
            yield built.result()


def _build(corpus: Corpus, path: Path, *, apart: bool) -> Engine:
    if apart:
        _build_apart(corpus, path).wait()
        engine = _read(path)
        if engine is not None:
            return engine
    return _kept(build_engine(corpus), path)


def _kept(engine: Engine, path: Path) -> Engine:
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


def _build_apart(corpus: Corpus, path: Path) -> subprocess.Popen[bytes]:
    """Build in another process; whatever goes wrong there shows when the building is repeated here."""
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "knowledge.cache", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    with process.stdin as pipe, contextlib.suppress(BrokenPipeError):
        pipe.write(pickle.dumps(corpus, protocol=5))
    return process


def main() -> None:
    """``python -m knowledge.cache PATH``: build the corpus on standard input into PATH."""
    _write(build_engine(pickle.loads(sys.stdin.buffer.read())), Path(sys.argv[1]))  # noqa: S301 - from our own process


if __name__ == "__main__":
    main()

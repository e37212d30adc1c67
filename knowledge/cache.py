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
from collections.abc import Sequence
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


def load_or_build(
    corpora: Sequence[Corpus], folder: Path | None, *, apart: bool = False
) -> dict[str, Engine]:
    """The engine of each language, from the cache where it is there.

    What has to be built is built at the same time, each language in a process of its own; with
    ``apart`` a single one too, so that a running bot is not slowed down.
    """
    if folder is None:
        return {corpus.lang: build_engine(corpus) for corpus in corpora}
    paths = {corpus.lang: folder / f"index-{corpus.lang}-{fingerprint(corpus)}.pickle" for corpus in corpora}
    engines = {lang: _read(path) for lang, path in paths.items()}
    missing = [corpus for corpus in corpora if engines[corpus.lang] is None]
    here, elsewhere = ([], missing) if apart or len(missing) > 1 else (missing, [])
    running = [_build_apart(corpus, paths[corpus.lang]) for corpus in elsewhere]
    for corpus in here:
        engines[corpus.lang] = _kept(build_engine(corpus), paths[corpus.lang])
    for process in running:
        process.wait()
    for corpus in elsewhere:
        path = paths[corpus.lang]
        engines[corpus.lang] = _read(path) or _kept(build_engine(corpus), path)
    return {lang: engine for lang, engine in engines.items() if engine is not None}


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

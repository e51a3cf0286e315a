"""Feed damaged files to a reader: anything that it raises must be a `CxrError`, in 5 s and 1 GB at most.

With atheris, of the extra dev on Linux, the coverage of `cxr_cli`, pydicom and Pillow guides the mutations; with
`--plain`, or where atheris is missing, they are random, from a seed. Inputs come from `tests/corpus/TARGET/`, which
`scripts/make_fuzz_corpus.py` renders. What fails is written to `--failures`; once it is fixed, it belongs into that
folder, with a name that begins with "found-".

    python scripts/fuzz.py pictures --inputs 100000
    python scripts/fuzz.py all --plain --seconds 60
"""
# ruff: noqa: T201

import argparse
import faulthandler
import importlib
import importlib.util
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
TARGETS = ("records", "tables", "metadata", "pictures", "dicom")  # the quick ones first
SECONDS, BYTES = 5, 10**9  # of processor time, and of memory, for one input
_HUNG = 600  # seconds after which the process ends; on a busy machine a process may wait long
_LONGEST = 100_000  # bytes of a mutated input
Feed = Callable[[bytes], None]


def open_target(target: str, folder: Path) -> Feed:
    """What feeds one input to a reader.

    Args:
        target: one of `TARGETS`.
        folder: an empty one, for the file that is read.
    """
    from cxr_cli.errors import CxrError

    read = _READERS[target](folder)

    def feed(data: bytes) -> None:
        with suppress(CxrError):
            read(data)

    return feed


def record_kinds() -> list[Any]:
    """Every kind of record that a command reads. Those of TensorFlow's checkpoints take too long to import."""
    for module in _modules_with("(Record,"):
        if ".training." not in module:
            importlib.import_module(module)
    from cxr_cli.workspace.records import Record

    return sorted(Record.__subclasses__(), key=lambda kind: kind.__name__)


def csv_tables() -> list[Any]:
    """Every kind of table that a command reads."""
    from cxr_cli.workspace.tables import CsvTable

    modules = [vars(importlib.import_module(name)) for name in _modules_with("= CsvTable(")]
    return [value for module in modules for value in module.values() if isinstance(value, CsvTable)]


def _modules_with(text: str) -> Iterator[str]:
    import cxr_cli

    source = Path(cxr_cli.__file__).parent
    for path in sorted(source.rglob("*.py")):
        if text in path.read_text("utf-8"):
            yield ".".join(("cxr_cli", *path.relative_to(source).with_suffix("").parts))


def _records(folder: Path) -> Feed:
    """A file as every kind of record, whatever its name says, with what is read from it next."""
    from cxr_cli.dataset.classes import read_classes
    from cxr_cli.errors import CxrError
    from cxr_cli.recipe.options import read_options
    from cxr_cli.recipe.record import RunRecord
    from cxr_cli.workspace.records import created, decode_record

    kinds, path = record_kinds(), folder / "record.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        created(path)
        for kind in kinds:
            with suppress(CxrError):
                record = decode_record(data, kind, path)
                list(getattr(record, "classes", ()))
                if kind is RunRecord:
                    read_options(record.options, path)
        read_classes(path)

    return read


def _tables(folder: Path) -> Feed:
    """A file as the kind of table that its header says, or as any kind."""
    tables, path = csv_tables(), folder / "table.csv"
    by_header = {",".join(table.columns).encode(): table for table in tables}

    def read(data: bytes) -> None:
        path.write_bytes(data)
        by_header.get(data.partition(b"\n")[0], tables[len(data) % len(tables)]).read(path)

    return read


def _metadata(folder: Path) -> Feed:
    from cxr_cli.dataset.metadata import select_films

    path = folder / "metadata.csv"
    for name in ("covid.png", "non_covid.png"):  # the seeds name them
        (folder / name).touch()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        select_films([path])

    return read


def _films(folder: Path) -> Feed:
    """The whole film, the quick check of `prepare`, the smaller decode of `predict`, and what the file says."""
    from cxr_cli.dataset.reading import read_one
    from cxr_cli.films.nature import why_no_chest_film
    from cxr_cli.films.reader import read_at

    path = folder / "film"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        if not read_one(path).reason:
            read_at(path, 4)
            why_no_chest_film(path)

    return read


_READERS = dict(zip(TARGETS, (_records, _tables, _metadata, _films, _films), strict=True))


def mutations(seeds: list[bytes], rng: random.Random) -> Iterator[bytes]:
    """Damaged files without end: of one seed, or the beginning of one with the end of another."""
    while True:
        data = bytearray(rng.choice(seeds))
        if rng.random() < 0.1:
            other = rng.choice(seeds)
            data = data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]
        for _ in range(2 ** rng.randrange(5)):
            if data:
                _CHANGES[rng.randrange(len(_CHANGES))](data, rng.randrange(len(data)), rng)
        yield bytes(data[:_LONGEST])


def _flip(data: bytearray, place: int, rng: random.Random) -> None:
    data[place] ^= 1 << rng.randrange(8)


def _replace(data: bytearray, place: int, rng: random.Random) -> None:
    data[place] = rng.randrange(256)


def _number(data: bytearray, place: int, rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice((0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), rng.randrange(2 ** (8 * size))))
    data[place : place + size] = value.to_bytes(size, rng.choice(("big", "little")))


def _cut(data: bytearray, place: int, rng: random.Random) -> None:
    del data[place : place + 2 ** rng.randrange(10)]


def _repeat(data: bytearray, place: int, rng: random.Random) -> None:
    data[place:place] = data[place : place + 2 ** rng.randrange(8)] * rng.randrange(1, 4)


def _token(data: bytearray, place: int, rng: random.Random) -> None:
    tokens = (b'"', b",", b"\n", b"\r", b"\0", b"-1", b"1e999", b"NaN", b"null", b"{}", b"[]", b"9" * 20, b"\xff\xfe")
    data[place:place] = rng.choice(tokens)


_CHANGES = (_flip, _replace, _number, _cut, _repeat, _token)


class Watched:
    """Feeds inputs, counts them, keeps each that fails, and stops the process where one takes too long."""

    def __init__(
        self,
        feed: Feed,
        failures: Path,
        *,
        inputs: int,
        seconds: int = sys.maxsize,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.count = 0
        self.found: dict[str, bytes] = {}  # where it was raised -> the shortest input
        self._feed, self._failures, self._inputs, self._seconds = feed, failures, inputs, seconds
        self._at_end = at_end
        self._last = (failures / "last").open("wb+", buffering=0)  # stays if the process is stopped
        self._started = self._watched = time.monotonic()

    def __call__(self, data: bytes) -> None:
        """Feed one input; end the process when all are done."""
        self.count += 1
        self._last.seek(0)
        self._last.write(data)
        self._last.truncate()
        began = time.process_time()
        if time.monotonic() > self._watched + 1:  # what never returns can't be stopped otherwise
            self._watched = time.monotonic()
            faulthandler.dump_traceback_later(_HUNG, exit=True)
        try:
            self._feed(data)
            if time.process_time() > began + SECONDS:
                raise TimeoutError
        except Exception as error:  # noqa: BLE001 - what is looked for
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {str(error)[:120]}"
            place = where.split(": ")[0]
            if place not in self.found:
                print(f"FAILED {where}", flush=True)
                (self._failures / place.replace(" ", "_").replace(":", "_")).write_bytes(data)
            self.found.setdefault(place, data)
        if self.count >= self._inputs or time.monotonic() > self._started + self._seconds:
            self.end()

    def close(self) -> None:
        """Remove the file of the input that is being fed."""
        self._last.close()
        Path(self._last.name).unlink()

    def end(self) -> None:
        """Say what was found, and end the process; libFuzzer never returns."""
        self.close()
        self._at_end()
        seconds = time.monotonic() - self._started
        print(f"{self.count} inputs in {seconds:.0f} s, {len(self.found)} failures", flush=True)
        os._exit(1 if self.found else 0)


def fuzz(target: str, failures: Path, *, inputs: int, seconds: int, seed: int, plain: bool) -> None:
    """Fuzz one target in this process, which ends with 0 where nothing failed."""
    failures.mkdir(parents=True, exist_ok=True)
    os.environ["CXR_MAX_SECONDS"] = "1"  # for a decoder that is a process of its own: some files keep one busy for ever
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    guided = not plain and importlib.util.find_spec("atheris")
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    if guided:
        import atheris

        with atheris.instrument_imports(include=["cxr_cli", "pydicom", "PIL"]):
            feed = open_target(target, Path(folder.name))
    else:
        feed = open_target(target, Path(folder.name))
    for data in seeds:  # imports what is imported late, before memory is limited
        feed(data)
    watched = Watched(feed, failures, inputs=inputs, seconds=seconds or sys.maxsize, at_end=folder.cleanup)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
    if guided:
        own = Path(folder.name) / "corpus"
        own.mkdir()
        options = [f"-seed={seed}", "-rss_limit_mb=0", f"-max_len={_LONGEST}", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(own), str(CORPUS / target)], watched)
        atheris.Fuzz()
    for data in mutations(seeds, random.Random(seed)):
        watched(data)


def main() -> None:
    """Fuzz one target, or all of them one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--inputs", type=int, default=sys.maxsize, help="number of inputs")
    parser.add_argument("--seconds", type=int, default=0, help="time, in place of a number of inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="mutate at random, without coverage")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    asked = parser.parse_args()
    if asked.target != "all":
        fuzz(
            asked.target,
            asked.failures / asked.target,
            inputs=asked.inputs,
            seconds=asked.seconds,
            seed=asked.seed,
            plain=asked.plain,
        )
    failed = 0
    for target in TARGETS:
        print(f"== {target}", flush=True)
        arguments = [target if word == "all" else word for word in sys.argv[1:]]
        failed += subprocess.run([sys.executable, __file__, *arguments], check=False).returncode != 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

"""A frozen Keras network, run in LiteRT: for MobileNetV2 in half of TensorFlow's time, for none in more."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import numpy as np

from cxr_cli.quiet import native_output_hidden
from cxr_cli.training.engine import keras
from cxr_cli.training.formats import open_litert
from cxr_cli.training.to_litert import convert_to_litert

_AT_ONCE = 2  # films per call: four take as long each, and more longer; all need more memory


def converted(network: keras.Model) -> bytes:
    """Convert a network with one input and one output, (B, ...) -> (B, ...) float32, as its weights are now."""
    with TemporaryDirectory(prefix="cxr-", ignore_cleanup_errors=True) as folder, native_output_hidden():
        file = Path(folder) / "lower.tflite"
        convert_to_litert(network, file)
        return file.read_bytes()


@lru_cache(maxsize=1)
def converted_once(network: keras.Model, fingerprint: tuple[str, ...]) -> bytes:
    """Do what `converted` does; again only for another network, or weights of another fingerprint."""
    return converted(network)


@contextmanager
def in_litert(network: bytes) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Give a function that runs a network on all cores, and gives the same output for the same film each time.

    Args:
        network: what `converted` gave.

    Yields:
        The function, for any number of films: (N, ...) of the input's type -> (N, ...) float32.
    """
    cores = os.cpu_count() or 1
    # One thread for each reader: two readers of one thread each are faster than one reader of two threads.
    idle: SimpleQueue[Callable[[np.ndarray], dict[str, np.ndarray]]] = SimpleQueue()

    def run(films: np.ndarray) -> np.ndarray:
        reader = idle.get()
        try:
            (outputs,) = reader(films).values()
        finally:
            idle.put(reader)
        return outputs

    with ThreadPoolExecutor(cores) as pool:
        with native_output_hidden():
            for _ in range(cores):
                idle.put(open_litert(network, threads=1))

        def predict(films: np.ndarray) -> np.ndarray:
            parts = (films[start : start + _AT_ONCE] for start in range(0, len(films), _AT_ONCE))
            return np.concatenate(list(pool.map(run, parts)))

        yield predict

"""Work on many films at once, in threads, and import what is needed next beside it.

Reading, decoding and copying release Python's global lock.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from importlib import import_module
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
CORES = os.cpu_count() or 1
THREADS = min(32, CORES + 4)  # more than cores: some wait for a disk, or a network
LARGE = min(8, CORES)  # threads of work that holds some 100 MB each
_WAITING = 4  # batches per thread: enough to keep each busy, few enough that an archive fits in memory


def in_threads(work: Callable[[T], R], items: Iterable[T], *, batch: int = 1, threads: int = THREADS) -> Iterator[R]:
    """Give the result of `work` for each item, in their order. Only a few results per thread are held in memory.

    Meanwhile BLAS, NumPy's library for products of matrices, has no threads of its own, which would only wait for cores
    that are busy already.

    Args:
        work: called from several threads.
        items: any number of them; taken as they are needed.
        batch: items that a thread takes at once; more than 1 if one item takes hardly longer than handing it over.
            Defaults to 1.
        threads: number of threads. Defaults to a few more than there are cores.
    """
    from threadpoolctl import threadpool_limits

    rest = iter(items)
    running: deque[Future[list[R]]] = deque()
    pool = ThreadPoolExecutor(threads)
    blas = threadpool_limits(1, user_api="blas")
    try:
        while some := list(islice(rest, batch)):
            # Each in a context of its own: who watches, and which frame of a file is read, holds in threads too.
            running.append(pool.submit(copy_context().run, _all_of, work, some))
            if len(running) > threads * _WAITING:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        blas.restore_original_limits()


def _all_of(work: Callable[[T], R], items: list[T]) -> list[R]:
    return [work(item) for item in items]


@contextmanager
def importing(*modules: str) -> Iterator[None]:
    """Import modules in a thread of its own while the block works on films; it ends when they are there, too.

    scikit-learn and matplotlib take one core a second, for which the others would wait.
    """
    with ThreadPoolExecutor(1) as pool:
        imported = pool.submit(lambda: [import_module(name) for name in modules])
        yield
    imported.result()

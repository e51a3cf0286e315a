"""Work on many films at once, in threads: reading, decoding and copying leave Python's lock to others."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
THREADS = min(32, (os.cpu_count() or 1) + 4)  # more than cores: some wait for a disk, or a network
_WAITING = 4  # batches a thread: enough that none waits for work, few enough that an archive fits in memory


def in_threads(work: Callable[[T], R], items: Iterable[T], *, batch: int = 1, threads: int = THREADS) -> Iterator[R]:
    """What `work` gives for each item, in their order; never more of them wait than a few for each thread.

    Args:
        work: is called from several threads.
        items: of any number.
        batch: items that a thread takes at once; more than 1 where the work on one is hardly more than its handing on.
        threads: how many. Defaults to more than there are cores.
    """
    rest = iter(items)
    running: deque[Future[list[R]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while some := list(islice(rest, batch)):
            running.append(pool.submit(_all_of, work, some))
            if len(running) > threads * _WAITING:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _all_of(work: Callable[[T], R], items: list[T]) -> list[R]:
    return [work(item) for item in items]

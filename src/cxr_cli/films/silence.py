"""What the libraries that read films warn of and log is dropped: it needs no action, and may quote a patient's name."""

import logging
import threading
import warnings
from contextlib import ExitStack

from PIL import Image


class _Reading:
    """Filters of warnings and log lines that are set as long as any thread reads.

    Filters belong to the process: if each thread set and restored them itself, one that ends would remove another's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._filters.enter_context(warnings.catch_warnings())
                # We have a limit of our own; Pillow still raises at twice the size at which it warns.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                # Unusual metadata needs no warning: only the pixels matter.
                warnings.simplefilter("ignore", UserWarning)
                # pydicom logs them too, and quotes the header: a patient's name must not reach a log.
                logger = logging.getLogger("pydicom")
                logger.addFilter(_drop)
                self._filters.callback(logger.removeFilter, _drop)
            self._readers += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._filters.close()


def _drop(_record: logging.LogRecord) -> bool:
    return False


READING = _Reading()

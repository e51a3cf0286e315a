"""Hides what C++ libraries write past Python, to file descriptors 1 and 2: banners that say nothing to a user."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout


@contextmanager
def native_output_hidden() -> Iterator[None]:
    """Hide all output of the process, Python's and native, as long as the block runs.

    Blocks of several threads may overlap: output is hidden until the last of them ends. If a block raises an error,
    the end of what was hidden since it began is added to the error as a note.
    """
    start = _HIDDEN.begin()
    try:
        yield
    except Exception as error:
        error.add_note(_HIDDEN.read(start)[-4000:].decode(errors="replace"))
        raise
    finally:
        _HIDDEN.end()


class _HiddenOutput:
    """A file in place of descriptors 1 and 2, as long as any block needs it.

    Descriptors belong to the process: if each block saved and restored them itself, one that begins second and ends
    last would restore the first one's file, and the process would never print again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._restore = ExitStack()

    def begin(self) -> int:
        """Hide output, if it isn't hidden yet. Returns how many bytes have been hidden so far."""
        with self._lock:
            if not self._blocks:
                self._hide()
            self._blocks += 1
            return os.fstat(self._file.fileno()).st_size

    def read(self, start: int) -> bytes:
        """Read what was hidden, by all blocks, after the first `start` bytes."""
        with self._lock:
            self._file.seek(start)
            return self._file.read()

    def end(self) -> None:
        """Show output again, if no other block needs it hidden."""
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._restore.close()

    def _hide(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        with ExitStack() as stack:
            # To append, so that reading the file doesn't move the place where the next output goes.
            self._file = stack.enter_context(tempfile.TemporaryFile("a+b"))
            for descriptor in (1, 2):
                original = os.dup(descriptor)
                stack.callback(os.close, original)
                stack.callback(os.dup2, original, descriptor)
                os.dup2(self._file.fileno(), descriptor)
            nowhere = stack.enter_context(open(os.devnull, "w"))  # noqa: PTH123 - a device, not a path
            stack.enter_context(redirect_stdout(nowhere))
            self._restore = stack.pop_all()


_HIDDEN = _HiddenOutput()

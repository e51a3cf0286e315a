"""Hides what C++ libraries write past Python, to file descriptors 1 and 2: banners that are no news to a user."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def native_output_hidden() -> Iterator[None]:
    """Hide all output, Python's and native, of the block; what was hidden is added to an error that it raises."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as hidden:
        kept = [os.dup(1), os.dup(2)]
        os.dup2(hidden.fileno(), 1)
        os.dup2(hidden.fileno(), 2)
        try:
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - a device, not a path
                yield
        except Exception as error:
            hidden.seek(0)
            error.add_note(hidden.read()[-4000:].decode(errors="replace"))
            raise
        finally:
            for descriptor, original in zip((1, 2), kept, strict=True):
                os.dup2(original, descriptor)
                os.close(original)

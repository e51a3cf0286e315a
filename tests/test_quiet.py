"""Native output is hidden while at least one block needs it, and shown again afterwards."""

import os
import subprocess
import sys
import threading

import pytest

from cxr_cli.quiet import native_output_hidden

OVERLAP = """
import os, sys, threading
from cxr_cli.quiet import native_output_hidden

first_began, second_began, first_ended = threading.Event(), threading.Event(), threading.Event()

def first():
    with native_output_hidden():
        first_began.set()
        second_began.wait()
        os.write(1, b"hidden of the first\\n")
    first_ended.set()

def second():
    first_began.wait()
    with native_output_hidden():
        second_began.set()
        first_ended.wait()
        os.write(2, b"hidden of the second\\n")
        print("hidden of Python")

threads = [threading.Thread(target=first), threading.Thread(target=second)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.write(1, b"native\\n")
print("Python")
os.write(2, b"native error\\n")
print("Python error", file=sys.stderr)
"""


def test_output_returns_when_the_last_of_two_overlapping_blocks_ends():
    done = subprocess.run([sys.executable, "-c", OVERLAP], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "native\nPython\n"
    assert done.stderr == "native error\nPython error\n"


def fail(output: bytes) -> None:
    with native_output_hidden():
        os.write(1, output)
        raise ValueError("broken")


def test_an_error_includes_what_its_own_block_hid():
    errors = []
    with native_output_hidden():
        os.write(2, b"earlier\n")
        for output in (b"the reason\n", b"another reason\n"):
            with pytest.raises(ValueError, match="broken") as caught:
                fail(output)
            errors.append(caught.value)
            os.write(2, b"later\n")

    assert [error.__notes__ for error in errors] == [["the reason\n"], ["another reason\n"]]


def test_many_threads_do_not_change_the_descriptors(capfd):
    before = [os.fstat(descriptor) for descriptor in (1, 2)]
    stdout = sys.stdout

    def hide() -> None:
        for _ in range(50):
            with native_output_hidden():
                os.write(1, b"hidden\n")

    threads = [threading.Thread(target=hide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    after = [os.fstat(descriptor) for descriptor in (1, 2)]
    assert [(state.st_dev, state.st_ino) for state in after] == [(state.st_dev, state.st_ino) for state in before]
    assert sys.stdout is stdout
    assert capfd.readouterr() == ("", "")

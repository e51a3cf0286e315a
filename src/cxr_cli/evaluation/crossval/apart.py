"""A training in a process of its own: what TensorFlow holds on to, 0.1 GB a fold and more, ends with it."""

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from cxr_cli.errors import CxrError
from cxr_cli.progress import Watcher, watched_by, watcher
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.workspace.layout import Workspace


def train_apart(place: Workspace, options: TrainingOptions) -> None:
    """Train a run on the dataset of `place`, as `train` does; one that was killed in an epoch goes on with that epoch.

    Args:
        place: where the dataset is and the run goes.
        options: how.

    Raises:
        CxrError: what `train` raises; or the process was killed.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads don't survive a fork
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(place, options, watcher(), sender))
    process.start()
    sender.close()  # ours; so that the end of the other is seen
    try:
        problem = receiver.recv()
        process.join()
    except EOFError:
        process.join()
        raise _death(process.exitcode) from None
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
        receiver.close()
    if problem:
        raise problem


def _work(place: Workspace, options: TrainingOptions, watcher: Watcher, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process sees to it
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from cxr_cli.training.checkpoints import is_unfinished
    from cxr_cli.training.train import train  # here, so that the other process never loads TensorFlow

    try:
        with watched_by(watcher):
            train(place, options, resume=is_unfinished(place, options.arch, options))
    except CxrError as problem:
        sender.send(problem)
    else:
        sender.send(None)


def _leave(number: int, frame: Any) -> None:
    """End as an error does: progress bars are taken down, and what was half written is removed."""
    sys.exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _death(exit_code: int | None) -> Exception:
    if exit_code is not None and exit_code < 0:
        return CxrError(
            f"Expected the training to end. Received: its process was killed by signal {-exit_code}.",
            hint="Most often memory is short. The same command goes on with this fold",
        )
    return RuntimeError("the training's process failed; its traceback is above")

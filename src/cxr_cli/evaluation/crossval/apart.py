"""Training in a separate process: the memory that TensorFlow keeps, 0.1 GB per fold and more, is freed with it."""

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
from cxr_cli.workspace.temporary import use_own_temporary_folder


def train_apart(place: Workspace, options: TrainingOptions) -> None:
    """Train a run on the dataset of `place`; a run that was killed is resumed after its last checkpoint.

    Args:
        place: where the dataset is and the run goes.
        options: how to train.

    Raises:
        CxrError: as `make_run` does; or the process was killed.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads don't survive a fork
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(place, options, watcher(), sender))
    process.start()
    sender.close()  # this process's end, so that the death of the other is noticed
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process handles it
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_own_temporary_folder()
    from cxr_cli.training.checkpoints import is_unfinished
    from cxr_cli.training.plan import TrainingPlan

    name = options.arch
    try:
        with watched_by(watcher), place.lock_run(name):
            from cxr_cli.training.make_run import make_run  # here, so that the other process never loads TensorFlow

            make_run(place, TrainingPlan(options, name, resume=is_unfinished(place, name, options)))
    except CxrError as problem:
        sender.send(problem)
    else:
        sender.send(None)


def _leave(number: int, frame: Any) -> None:
    """End as after an error: progress bars and half-written files are removed."""
    sys.exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _death(exit_code: int | None) -> Exception:
    if exit_code is not None and exit_code < 0:
        return CxrError(
            f"Expected training to finish. Received: its process was killed by signal {-exit_code}.",
            hint="The usual cause is too little memory. The same command resumes this fold",
        )
    return RuntimeError("the training process failed; its traceback is above")

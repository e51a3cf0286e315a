"""A run asked by several threads at once, each with an interpreter of its own that has one thread.

That uses less processor time than all threads on one film, and one film is read while another is predicted.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cxr_cli.lungs.unet import open_ahead
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.threads import CORES
from cxr_cli.workspace.folders import RunFolder


class SideBySide:
    """A predictor of the same run for each core; the network that finds lungs is opened as often."""

    def __init__(self, run: RunFolder) -> None:
        """Open the interpreters.

        Raises:
            WorkspaceError: a file of the run is missing or damaged.
        """
        self._idle = deque(open_predictor(run, threads=1) for _ in range(CORES))
        open_ahead(CORES)

    @contextmanager
    def borrow(self) -> Iterator[Predictor]:
        """Lend a predictor to the calling thread. No more threads may ask at once than there are cores."""
        predictor = self._idle.pop()
        try:
            yield predictor
        finally:
            self._idle.append(predictor)

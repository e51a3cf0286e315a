"""Answers of a trained run through LiteRT, without TensorFlow: film in, class and heat map out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.errors import CxrError, ImageError, WorkspaceError
from cxr_cli.imaging.reader import read_film
from cxr_cli.imaging.transforms import resize
from cxr_cli.quiet import native_output_hidden
from cxr_cli.workspace.layout import RunFolder
from cxr_cli.workspace.records import RunRecord, read_class_indices, read_record


@dataclass(frozen=True)
class Answer:
    """What a run says about one film."""

    label: str
    confidence: float  # of `label`, in [0, 1]
    probabilities: dict[str, float]  # by class, the negative first
    cams: dict[str, np.ndarray]  # by class: (h, w) float32, its class activation map, signed, not normalised
    whole: str = ""  # that, and why, a run that is shown lungs alone was shown the whole film

    def blank(self, label: str) -> bool:
        """Whether nothing in the film speaks for `label`."""
        return bool(self.cams[label].max() <= 0)


class Predictor:
    """A trained run, ready to answer. Made by `open_predictor`."""

    def __init__(
        self,
        run: RunFolder,
        record: RunRecord,
        labels: tuple[str, str],
        runner: Any,
        booster: Callable[[np.ndarray], float] | None,
    ) -> None:
        self.run = run
        self.record = record
        self.negative, self.positive = labels
        self._runner = runner
        self._booster = booster
        ((self._input, details),) = runner.get_input_details().items()
        self.input_size = int(details["shape"][1])

    @property
    def explained(self) -> str:
        """Whose heat maps they are: trees have none, and show those of the network below them."""
        return f"the CNN below the trees of {self.run.name}" if self._booster else self.run.name

    def caption(self, answer: Answer, label: str) -> str:
        """What the heat map of `label` shows, in a sentence."""
        if answer.blank(label):
            return f"Nowhere in this film does {self.explained} see evidence for {label}; the map is blank."
        return f"Grad-CAM of {self.explained}: evidence for {label}, blue little, red most."

    def answer(self, film: np.ndarray, *, segmented: bool = False) -> Answer:
        """Answer for one film.

        Args:
            film: (H, W) uint8, 0 is black, any size; resized to the run's input.
            segmented: it shows the lungs alone already, where the run was trained on such films. Otherwise that is
                done here.

        Returns:
            The class at the run's threshold, and Grad-CAM's maps (Selvaraju et al. 2017, arXiv 1610.02391). With two
            classes and one logit the map of the one is the negation of the other's.

        Raises:
            ImageError: `film` is not two-dimensional uint8.
        """
        if film.ndim != 2 or film.dtype != np.uint8:
            raise ImageError(f"Expected a film of (H, W) uint8. Received: {film.shape} {film.dtype}.")
        whole = ""
        if self.record.segment and not segmented:
            from cxr_cli.segmentation.lungs import keep_lungs

            film, reason = keep_lungs(film, self.record.segment)
            if reason:
                whole = f"{reason}; {self.run.name}, trained on lungs alone, saw the whole film"
        pixels = np.repeat(resize(film, self.input_size)[None, ..., None], 3, axis=-1)
        outputs = self._runner(**{self._input: pixels})
        probability = self._booster(outputs["features"]) if self._booster else float(outputs["probability"][0, 0])
        if not 0 <= probability <= 1:
            raise WorkspaceError(
                f"Expected a probability from {self.run.litert_model}. Received: {probability}.",
                hint=f"The model is damaged. Make it again: {RunRecord.MADE_BY}",
            )
        label = self.positive if probability >= self.record.threshold else self.negative
        probabilities = {self.negative: 1 - probability, self.positive: probability}
        cam = outputs["cam"][0]
        return Answer(
            label=label,
            confidence=probabilities[label],
            probabilities=probabilities,
            cams={self.negative: -cam, self.positive: cam},
            whole=whole,
        )

    def answer_all(self, films: Sequence[Path]) -> Iterator[tuple[Path, Answer | CxrError]]:
        """Answer for files, one after the other; a film that can't be read gives its error, and the rest go on."""
        for path in films:
            try:
                yield path, self.answer(read_film(path))
            except ImageError as error:
                yield path, error


def open_predictor(run: RunFolder) -> Predictor:
    """Load a trained run.

    Raises:
        WorkspaceError: a file of the run is missing or damaged.
    """
    import os

    from ai_edge_litert.interpreter import Interpreter

    record = read_record(run.record, RunRecord)
    labels = read_class_indices(run.class_indices)
    try:
        with native_output_hidden():
            interpreter = Interpreter(str(run.litert_model), num_threads=os.cpu_count())
            # Now, while its messages are hidden, and not at the first film.
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner("serving_default")
    except (ValueError, RuntimeError) as error:
        raise WorkspaceError(
            f"Expected a LiteRT model in {run.litert_model}. Received: {str(error).splitlines()[0][:200]}.",
            hint=f"Make it again: {RunRecord.MADE_BY}",
        ) from error
    booster = None
    if record.boosting:
        from cxr_cli.inference.hybrid import open_booster

        booster = open_booster(run.booster)
    return Predictor(run, record, labels, runner, booster)

"""Predict films with a trained run through LiteRT, without TensorFlow: film in, class and class activation maps out."""

import math
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.dataset.classes import Classes, read_classes
from cxr_cli.errors import AbstentionError, ImageError, WorkspaceError
from cxr_cli.films.reader import read_film, read_for
from cxr_cli.films.transforms import WHOLE_FILM, FilmBox, resize
from cxr_cli.lungs.framing import frame_film
from cxr_cli.lungs.unet import open_ahead
from cxr_cli.prediction.abstention import why_no_class, why_unlike
from cxr_cli.prediction.answer import Answer
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.prevalence import shifted_to
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.reference import Reference, load_reference
from cxr_cli.workspace.digests import check_digest
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.records import read_record

_WORTH_OPENING = 8  # films: as long as another interpreter takes to open
_AT_ONCE_AT_MOST = 16  # films; each needs an interpreter of twice the size of the model


@dataclass(frozen=True)
class Evidence:
    """What the last convolution of a network gave for a film; heat maps other than Grad-CAM are computed from it."""

    activations: np.ndarray  # (h, w, C) float32
    gradients: np.ndarray  # (C,) float32, of the positive logit, the same at each place


@dataclass(frozen=True)
class Prediction:
    """What a run says about one film."""

    label: str
    confidence: float  # P(`label`), in [0, 1]; below 0.5 where the operating point calls the less probable class
    probabilities: dict[str, float]  # by class, the negative first; calibrated, where the run is
    cams: dict[str, np.ndarray]  # by class: (h, w) float32, its class activation map, signed, not normalized
    whole: str = ""  # why a run of films cropped to the lungs, or of lungs alone, was shown the whole film
    raw: float = math.nan  # P(positive) before calibration
    threshold: float = 0.5  # the operating point, of P(positive)
    rule: str = ""  # that chose the operating point
    shown: np.ndarray | None = None  # (S, S) uint8, what the model was shown
    small: np.ndarray | None = None  # (S, S) uint8, the whole film, also where the model was shown a part of it
    box: FilmBox = WHOLE_FILM  # the part that the maps are of
    evidence: Evidence | None = None  # None from a run from before this was exported
    doubt: str = ""  # why the film would get no class, if it had not been forced

    @property
    def answer(self) -> Answer:
        """The class with what decided it, in words."""
        _, positive = self.probabilities
        return Answer(self.label, positive, self.probabilities[positive], self.threshold, self.rule)

    @property
    def part(self) -> str:
        """What part of the film the model was shown, in a sentence; empty if that needs no words."""
        if self.whole:
            return f"Note: {self.whole}."
        return "" if self.box == WHOLE_FILM else "The model was shown what is inside the frame, and nothing else."

    def blank(self, label: str) -> bool:
        """Whether nothing in the film is evidence for `label`."""
        return bool(self.cams[label].max() <= 0)


class Predictor:
    """A trained run, ready to predict. Made by `open_predictor`."""

    def __init__(
        self,
        run: RunFolder,
        record: RunRecord,
        classes: Classes,
        runner: Any,
        booster: Callable[[np.ndarray], np.ndarray] | None,
        reference: Reference | None = None,
        *,
        prevalence: float | None = None,
    ) -> None:
        self.run = run
        self.record = record
        self.classes = classes
        self.prevalence = prevalence  # that the record is shifted to; None where it is as in the workspace
        self._runner = runner
        self._booster = booster
        self._reference = reference
        ((self._input, details),) = runner.get_input_details().items()
        self.input_size = int(details["shape"][1])

    @property
    def negative(self) -> str:
        """The negative class."""
        return self.classes.negative

    @property
    def positive(self) -> str:
        """The positive class."""
        return self.classes.positive

    @property
    def explained(self) -> str:
        """The model that heat maps explain: trees have none, so the network below them is shown."""
        return f"the CNN below the trees of {self.run.name}" if self._booster else self.run.name_and_version

    def caption(self, prediction: Prediction, label: str) -> str:
        """What Grad-CAM's heat map of `label` shows, in a sentence."""
        return self.caption_of("Grad-CAM", label, blank=prediction.blank(label))

    def caption_of(self, title: str, label: str, *, blank: bool) -> str:
        """What the heat map of `label` by a method called `title` shows, in a sentence."""
        if blank:
            return f"Nowhere in this film does {self.explained} see evidence for {label}; the map is blank."
        return f"{title} of {self.explained}: evidence for {label}, the lighter the more."

    def predict(
        self, film: np.ndarray, *, framed: bool = False, force: bool = False, path: Path | None = None
    ) -> Prediction:
        """Predict one film.

        Args:
            film: (H, W) uint8, 0 is black, any size; resized to the run's input.
            framed: the film shows what the run is to see already. Otherwise a run of films cropped to the lungs, or of
                lungs alone, finds them here.
            force: predict any picture, also one that should get no class.
            path: the file of the film, which may say what it shows. Defaults to none.

        Returns:
            The class at the run's threshold, of the probability as the run calibrates it, and Grad-CAM's maps
            (Selvaraju et al. 2017, arXiv 1610.02391). With two classes and one logit the map of the one is the negation
            of the other's.

        Raises:
            ImageError: `film` is not two-dimensional uint8.
            AbstentionError: the film gets no class, see `prediction.abstention`; not with `force`.
        """
        if film.ndim != 2 or film.dtype != np.uint8:
            raise ImageError(f"Expected a film of (H, W) uint8. Received: {film.shape} {film.dtype}.")
        small = shown = resize(film, self.input_size)
        whole, box, framing = "", WHOLE_FILM, self.record.framing
        part = frame_film(film, framing) if framing and not framed else None
        # The checks need the whole film.
        doubt = "" if framed else why_no_class(film, path=path, lungs=part.lungs if part else None)
        if doubt and not force:
            raise AbstentionError(path, doubt)
        if part and framing:
            shown, box = resize(part.film, self.input_size), part.box
            if part.reason:
                whole = f"{part.reason}; {self.run.name}, trained on {framing.films}, saw the whole film"
        outputs = self._outputs(shown[None])
        if not doubt and self._reference and self._reference.far(outputs["features"])[0]:
            doubt = why_unlike(self.run.name)
            if not force:
                raise AbstentionError(path, doubt)
        raw = float(self._raw(outputs)[0])
        if not 0 <= raw <= 1:
            raise WorkspaceError(
                f"Expected a probability from {self.run.litert_model}. Received: {raw}.",
                hint=f"The model is damaged. {_make_again(self.run)}",
            )
        probability = float(self.record.calibrated(np.array(raw)))
        label = self.classes.label(probability >= self.record.threshold)
        probabilities = {self.negative: 1 - probability, self.positive: probability}
        cam, point = outputs["cam"][0], self.record.operating_point
        return Prediction(
            label=label,
            confidence=probabilities[label],
            probabilities=probabilities,
            cams={self.negative: -cam, self.positive: cam},
            whole=whole,
            raw=raw,
            threshold=self.record.threshold,
            rule=point.rule if point else "",
            shown=shown,
            small=small,
            box=box,
            evidence=_evidence(outputs),
            doubt=doubt,
        )

    def network_probabilities(self, films: np.ndarray) -> np.ndarray:
        """P(positive) by the network behind the heat maps: not calibrated, and without the trees of a run.

        Args:
            films: (N, S, S) uint8 as the model is shown them, S its input size. Few of them: they are one batch.

        Returns:
            (N,) float32.
        """
        return np.asarray(self._outputs(films)["probability"][:, 0])

    def features(self, films: np.ndarray) -> np.ndarray:
        """What the network's backbone makes of films: the pooled activations of its last layer.

        Args:
            films: (N, S, S) uint8, S the model's input size. Few of them: they are one batch.

        Returns:
            (N, F) float32.
        """
        return np.asarray(self._outputs(films)["features"])

    def answers(self, films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ask the model about films as it is shown them: nothing is found in them, cut out or checked first.

        Args:
            films: (N, S, S) uint8, S its input size. Few of them: they are one batch.

        Returns:
            (N,) float64, P(positive) before calibration; and (N, h, w) float32, the signed class activation maps of
            the positive class.
        """
        outputs = self._outputs(films)
        return np.asarray(self._raw(outputs), dtype=np.float64), outputs["cam"]

    def _raw(self, outputs: dict[str, np.ndarray]) -> np.ndarray:
        """P(positive) of each film before calibration, (N,) float32."""
        return self._booster(outputs["features"]) if self._booster else outputs["probability"][:, 0]

    def _outputs(self, films: np.ndarray) -> dict[str, np.ndarray]:
        """(N, S, S) uint8 -> the model's outputs by name."""
        return dict(self._runner(**{self._input: np.repeat(films[..., None], 3, axis=-1)}))

    def predict_file(
        self, path: Path, *, film: np.ndarray | None = None, framed: bool = False, force: bool = False
    ) -> Prediction:
        """Predict one file, from the same pixels in every command.

        Args:
            path: an image file.
            film: what `read_film` gave for it, if it was read before.
            framed: as for `predict`.
            force: as for `predict`.

        Raises:
            ImageError: it can't be read.
            AbstentionError: as for `predict`.
        """
        if self.record.framing and not framed:  # lungs are found in the film at its own size, as `prepare` does
            film = read_film(path) if film is None else film
        else:
            film = read_for(path, self.input_size, film=film)
        return self.predict(film, framed=framed, force=force, path=path)

    def predict_all(
        self, films: Collection[Path], *, framed: bool = False, force: bool = False
    ) -> Iterator[tuple[Path, Prediction | ImageError]]:
        """Predict files on all cores, in their order. A film without a prediction gives its error; the others go on.

        Many films are predicted side by side, each by an interpreter with one thread. That uses less processor time
        than all threads on one film, and one film is decoded while another is predicted.

        Args:
            films: image files; any number, few of them are in memory at once.
            framed: as for `predict`.
            force: as for `predict`.
        """
        cores = os.cpu_count() or 1
        at_once = max(1, min(cores, len(films) // _WORTH_OPENING, _AT_ONCE_AT_MOST))
        threads = cores // at_once
        predictors = deque(
            [self]
            if at_once == 1
            else [open_predictor(self.run, threads=threads, prevalence=self.prevalence) for _ in range(at_once)]
        )

        def predict_one(path: Path) -> tuple[Path, Prediction | ImageError]:
            predictor = predictors.pop()  # there is one for each thread
            try:
                return path, predictor.predict_file(path, framed=framed, force=force)
            except ImageError as error:
                return path, error
            finally:
                predictors.append(predictor)

        if len(films) < _WORTH_OPENING:
            yield from map(predict_one, films)
            return
        from cxr_cli.threads import in_threads  # not needed for one film

        if not framed:  # every film is checked for lungs
            open_ahead(at_once)
        yield from in_threads(predict_one, films, threads=at_once)


def _evidence(outputs: dict[str, np.ndarray]) -> Evidence | None:
    if "activations" not in outputs:
        return None
    return Evidence(activations=outputs["activations"][0], gradients=outputs["gradients"][0])


def open_predictor(run: RunFolder, *, threads: int | None = None, prevalence: float | None = None) -> Predictor:
    """Load a trained run.

    Args:
        run: its folder.
        threads: number of threads that work on one film. Defaults to one per core.
        prevalence: to shift its probabilities and its threshold to, in (0, 1); see `shifted_to`. Defaults to none.

    Raises:
        UsageError: `prevalence` is not between 0 and 1.
        WorkspaceError: a file of the run is missing or damaged, or its probabilities can't be shifted.
    """
    from ai_edge_litert.interpreter import Interpreter

    record = read_record(run.record, RunRecord)
    if prevalence is not None:
        record = shifted_to(record, prevalence)
    for path in (run.litert_model, run.class_indices, run.reference, run.booster):
        check_digest(path, record.sha256, hint=_make_again(run))
    classes, reference = read_classes(run.class_indices), load_reference(run.reference)
    if classes.indices != record.class_indices:
        raise WorkspaceError(
            f"Expected the classes of {run.record} in {run.class_indices}, {record.class_indices}. "
            f"Received: {classes.indices}.",
            hint=_make_again(run),
        )
    try:
        with native_output_hidden():
            interpreter = Interpreter(str(run.litert_model), num_threads=threads or os.cpu_count())
            # Now, while its messages are hidden, rather than at the first film.
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner("serving_default")
    except (ValueError, RuntimeError) as error:
        raise WorkspaceError(
            f"Expected a LiteRT model in {run.litert_model}. Received: {str(error).splitlines()[0][:200]}.",
            hint=_make_again(run),
        ) from error
    _check_shapes(run, record, runner, reference)
    booster = None
    if record.boosting:
        from cxr_cli.prediction.trees import open_booster

        booster = open_booster(run.booster, features=record.boosting.features)
    return Predictor(run, record, classes, runner, booster, reference, prevalence=prevalence)


def _check_shapes(run: RunFolder, record: RunRecord, runner: Any, reference: Reference | None) -> None:
    """Make sure that a model takes and gives what its record says."""
    inputs = [(one["shape"].tolist(), one["dtype"]) for one in runner.get_input_details().values()]
    outputs = {name: one["shape"].tolist() for name, one in runner.get_output_details().items()}
    size, width = record.input_size, outputs.get("features", [1, 0])[-1]
    widths = {reference.mean.size if reference else width, record.boosting.features if record.boosting else width}
    if (
        inputs != [([1, size, size, 3], np.uint8)]
        or outputs.get("probability") != [1, 1]
        or len(outputs.get("cam", ())) != 3
        or widths != {width}
    ):
        raise WorkspaceError(
            f"Expected the model that {run.record.name} describes in {run.litert_model}: films of {size} × {size} "
            f"pixels in, probability, cam and {' or '.join(map(str, sorted(widths)))} features out. Received: "
            f"{[shape for shape, _ in inputs]} in, {outputs} out.",
            hint=_make_again(run),
        )


def _make_again(run: RunFolder) -> str:
    """What to do about a damaged file of a run."""
    return "Install cxr again" if run.version else f"Make it again: {RunRecord.MADE_BY}"

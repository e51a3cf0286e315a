"""A trained run, to predict and explain films with."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxr_cli.api.arguments import AnyPath, AnyPaths, as_path, as_paths, find_workspace
from cxr_cli.progress import note

if TYPE_CHECKING:
    from cxr_cli.cluster.record import PredictionsRecord
    from cxr_cli.dataset.classes import Classes
    from cxr_cli.explanation.heatmaps import HeatMap
    from cxr_cli.prediction.predictor import Predictor
    from cxr_cli.prediction.rows import PredictionRow
    from cxr_cli.recipe.record import RunRecord
    from cxr_cli.recipe.sets import PredictionSets


class Run:
    """A trained run. `load_run` opens it."""

    def __init__(self, predictor: "Predictor") -> None:
        self._predictor = predictor

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.classes.negative} or {self.classes.positive}>"

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._predictor.run.name

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self._predictor.run.root

    @property
    def classes(self) -> "Classes":
        """The names of the negative and the positive class."""
        return self._predictor.classes

    @property
    def record(self) -> "RunRecord":
        """How the run was trained: options, versions, counts and figures."""
        return self._predictor.record

    def predict(
        self,
        film: AnyPath | np.ndarray,
        *,
        force: bool = False,
        alpha: float | None = None,
        frame: int | None = None,
    ) -> "PredictionRow":
        """Predict one film.

        Args:
            film: an image file, or (H, W) uint8, 0 is black.
            alpha: give the film's prediction set too, which may lack the right class for this share of the patients of
                each class, in (0, 1). Defaults to none.
            force: predict any picture, also one that should get no class. Defaults to False.
            frame: the frame of the file to read, from 1. Defaults to none: a DICOM file must hold one; of pages, the
                first.

        Returns:
            The prediction. A picture that is not an upright frontal chest film, or unlike the run's own films, has a
            `reason` and no class.

        Raises:
            ImageError: the film can't be read, or the array is not (H, W) uint8.
            UsageError: `alpha` is not between 0 and 1.
            WorkspaceError: the run keeps no predictions for its validation films, on which sets are calibrated.
        """
        from cxr_cli.errors import AbstentionError
        from cxr_cli.films.reader import frame_chosen
        from cxr_cli.prediction.rows import make_failed_row, make_row

        name, sets = "" if isinstance(film, np.ndarray) else str(film), self._sets(alpha)
        try:
            if isinstance(film, np.ndarray):
                prediction = self._predictor.predict(film, force=force)
            else:
                with frame_chosen(frame):
                    prediction = self._predictor.predict_file(Path(film), force=force)
        except AbstentionError as error:
            return make_failed_row(self._predictor, name, error)
        return make_row(self._predictor, name, prediction, sets=sets)

    def predict_all(
        self, films: AnyPaths, *, force: bool = False, alpha: float | None = None
    ) -> "Iterator[PredictionRow]":
        """Predict many films on all cores, in their order; ``pandas.DataFrame(run.predict_all(films))`` works.

        Args:
            films: image files, folders or globs.
            alpha: as for `predict`.
            force: predict any picture, also one that should get no class. Defaults to False.

        Yields:
            One row per film. The row of a film that gets no class has a `reason`; that of a film that can't be read
            has an `error`; the others go on.

        Raises:
            ImageError: there is no film at one of the paths.
            UsageError: `alpha` is not between 0 and 1.
        """
        from cxr_cli.films.find import find_films
        from cxr_cli.prediction.files import predict_files
        from cxr_cli.workspace.layout import Workspace

        paths, sets = find_films(as_paths(films)), self._sets(alpha)
        dataset = Workspace(self.folder.absolute().parents[1]).dataset  # where the run was trained; may be gone
        for result in predict_files(self._predictor, paths, dataset=dataset, sets=sets, force=force):
            yield result.row

    def input_of(self, film: AnyPath | np.ndarray) -> np.ndarray:
        """Make a film what the run's model file takes: cropped or masked as the run was trained, and resized.

        Args:
            film: an image file, or (H, W) uint8, 0 is black.

        Returns:
            (S, S, 3) uint8, S the input size, the same gray in each channel.

        Raises:
            ImageError: the film can't be read, or the array is not (H, W) uint8.
        """
        predictor = self._predictor
        made = (
            predictor.predict(film, force=True)
            if isinstance(film, np.ndarray)
            else predictor.predict_file(Path(film), force=True)
        )
        return np.repeat(np.asarray(made.shown)[..., None], 3, axis=-1)

    def explain(
        self,
        film: AnyPath | np.ndarray,
        *,
        method: str = "gradcam",
        target: str | None = None,
        force: bool = False,
        frame: int | None = None,
    ) -> "HeatMap":
        """Make the heat map of one film.

        Args:
            film: an image file, or (H, W) uint8, 0 is black.
            method: gradcam or another name of `cxr gradcam --help`, in any spelling of case and hyphens.
            target: the class whose evidence is shown. Defaults to the predicted class.
            force: explain any picture, also one that should get no class. Defaults to False.
            frame: as for `predict`.

        Returns:
            The map: ``numpy.asarray(heat)`` gives its values, ``heat.save("heat.png")`` writes the picture.

        Raises:
            UsageError: there is no such method or class.
            AbstentionError: the film gets no class.
            ImageError: the film can't be read.
        """
        from cxr_cli.explanation.explain import explain_film
        from cxr_cli.films.reader import frame_chosen

        source = film if isinstance(film, np.ndarray) else Path(film)
        with frame_chosen(frame):
            return explain_film(self._predictor, source, method=method, target=target, force=force)

    def _sets(self, alpha: float | None) -> "PredictionSets | None":
        from cxr_cli.recipe.sets import open_sets

        return None if alpha is None else open_sets(self._predictor.run, alpha)


def load_run(run: AnyPath | None = None, *, prevalence: float | None = None, workspace: AnyPath | None = None) -> Run:
    """Load a trained run.

    Args:
        run: the folder of a run, the name of one in the workspace, or "bundled", the model in the package. Defaults to
            the newest, or to the bundled one where there is none.
        prevalence: give probabilities for this share of people with the disease, in (0, 1); classes stay the same.
            Defaults to that of the validation films.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        NoRunError: there is no such run.
        UsageError: `prevalence` is not between 0 and 1.
        WorkspaceError: a file of the run is missing or damaged, or its probabilities can't be shifted.
    """
    from cxr_cli.prediction.predictor import open_predictor
    from cxr_cli.workspace.folders import RunFolder

    if run is not None and RunFolder(Path(run)).record.is_file():
        return Run(open_predictor(RunFolder(Path(run)), prevalence=prevalence))
    folder = find_workspace(workspace).run(None if run is None else str(run))
    return Run(open_predictor(folder, prevalence=prevalence))


def predict(
    films: AnyPaths | None = None,
    *,
    model: str | None = None,
    csv: AnyPath | None = None,
    dicom_out: AnyPath | None = None,
    dicomweb: str | None = None,
    study: str | None = None,
    series: str | None = None,
    alpha: float | None = None,
    prevalence: float | None = None,
    frame: int | None = None,
    force: bool = False,
    cluster: str | None = None,
    output: AnyPath | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
) -> "list[PredictionRow] | PredictionsRecord":
    """Predict films with a trained run.

    Args:
        films: image files, folders or globs.
        model: the name of a trained run, or "bundled". Defaults to the newest, else the bundled one.
        csv: a CSV file to write the predictions to as well.
        dicom_out: a folder to write a DICOM structured report of each film to as well; the films must be DICOM. Needs
            the extra `dicom`.
        dicomweb: in place of films, the address of a DICOMweb server to fetch them from. Needs the extra `dicom`.
        study: with `dicomweb`, the Study Instance UID.
        series: with `study`, the Series Instance UID of one series. Defaults to all series.
        alpha: give each film's prediction set too, which may lack the right class for this share of the patients of
            each class, in (0, 1). Defaults to none.
        prevalence: as for `load_run`.
        frame: the frame of each file to read, from 1. Defaults to none: a DICOM file must hold one; of pages, the
            first.
        force: predict any picture, also one that should get no class. Defaults to False.
        cluster: address of a Dask cluster, or "local"; its predictions are written to `output`. Defaults to none.
        output: with `cluster`: the folder for the predictions. The same call continues where it was stopped.
        replace: overwrite `csv` if it is there. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        One row per film. The row of a film that gets no class has a `reason`; that of a film that can't be read has an
        `error`. With `cluster`, the record of the folder.

    Raises:
        UsageError: options that don't go together, or `csv` is one of the films.
        ImageError: there is no film at one of the paths.
        PacsError: the DICOMweb server can't be reached, refuses, or has no such film.
        WorkspaceError: there is no run, or it is damaged, or `csv` is there already.
    """
    place, paths = find_workspace(workspace), as_paths(films)
    if cluster or output:
        from cxr_cli.cluster.predicting import check_usage, predict_on_cluster

        address, folder = check_usage(
            cluster, as_path(output), csv=as_path(csv), frame=frame, dicom=dicom_out or dicomweb
        )
        return predict_on_cluster(
            address, place.run(model), paths, folder, alpha=alpha, prevalence=prevalence, force=force
        )
    from cxr_cli.api.opening import opened_films
    from cxr_cli.prediction.files import predict_files
    from cxr_cli.prediction.predictor import open_predictor
    from cxr_cli.recipe.sets import open_sets

    predictor = open_predictor(place.run(model), prevalence=prevalence)
    sets = None if alpha is None else open_sets(predictor.run, alpha)
    with opened_films(
        paths,
        predictor,
        frame=frame,
        dicomweb=dicomweb,
        study=study,
        series=series,
        dicom_out=as_path(dicom_out),
    ) as (found, reports):
        rows = []
        for result in predict_files(
            predictor,
            found,
            dataset=place.dataset,
            csv=as_path(csv),
            replace=replace,
            sets=sets,
            force=force,
            by_name=bool(dicomweb),
        ):
            if reports:
                reports.add(result.film, result.row)
            rows.append(result.row)
    if reports:
        reports.tell()
        for problem in reports.failed:
            note(problem.message)
    return rows

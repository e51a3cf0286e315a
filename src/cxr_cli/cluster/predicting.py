"""Predict an archive on a cluster: a plan of its films, one Parquet part per partition, and a record at the end."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.cluster.connection import connected
from cxr_cli.cluster.partitions import films_a_partition, installed_version, run_partitions
from cxr_cli.cluster.predicting_worker import (
    Counts,
    PartitionTask,
    predict_partition,
    predict_piecewise,
    predictions_fingerprint,
    predictions_in,
)
from cxr_cli.cluster.record import PredictionsPlan, PredictionsRecord
from cxr_cli.cluster.tables import write_films
from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.films.find import find_films, walk_films
from cxr_cli.metrics.conformal import SetRule
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note, track
from cxr_cli.recipe.prevalence import shift_in_words
from cxr_cli.recipe.sets import PredictionSets, open_sets
from cxr_cli.workspace.folders import PredictionsFolder, RunFolder
from cxr_cli.workspace.locks import lock
from cxr_cli.workspace.records import read_record, stamp, write_record

if TYPE_CHECKING:
    from distributed import Client


def predict_on_cluster(
    address: str,
    run: RunFolder,
    places: Sequence[Path],
    output: Path,
    *,
    alpha: float | None = None,
    prevalence: float | None = None,
    force: bool = False,
    partition: int | None = None,
) -> PredictionsRecord:
    """Predict the films of an archive on a cluster that shares the file system; continues where a call was stopped.

    Args:
        address: the address of the cluster; see `connected`.
        run: the trained run.
        places: films, folders and globs.
        output: the folder for the plan, the parts and, once all films are predicted, `answers.json`. The rows of the
            parts are `PredictionRow`s.
        alpha: give each film's prediction set too; see `open_sets`. Defaults to none.
        prevalence: to shift the probabilities to; see `shifted_to`. Defaults to none.
        force: predict any picture, also one that should get no class. Defaults to False.
        partition: number of films in a partition, a divisor of 10,000. Defaults to 20, 100 or 500, depending on the
            number of films.

    Returns:
        The record.

    Raises:
        ClusterError: the cluster failed; what is done by then is kept.
        ImageError: a place holds no film, or isn't there.
        UsageError: `alpha` or `prevalence` is not between 0 and 1.
        WorkspaceError: `output` was begun with another run, alpha, prevalence or other films, or can't be written to.
    """
    run = RunFolder(run.root.absolute())
    predictor = open_predictor(run, prevalence=prevalence)
    sets = None if alpha is None else open_sets(run, alpha)
    folder = PredictionsFolder(output.absolute())
    with connected(address) as client, lock(folder.root):
        plan = _plan(folder, predictor, _listed(places), sets, partition, force=force)
        if folder.record.exists():
            return read_record(folder.record, PredictionsRecord)
        record = _predict_all(client, folder, predictor, plan, sets, force=force)
        for stale in folder.parts.glob(".staged-*"):  # of workers that died
            stale.unlink(missing_ok=True)
        write_record(folder.record, record)
    for sentence in sets.notes if sets else ():
        note(sentence)
    if prevalence is not None:
        note(shift_in_words(predictor.record, prevalence))
    return record


def check_usage(
    cluster: str | None,
    output: Path | None,
    *,
    csv: Path | None = None,
    frame: int | None = None,
    dicom: object = None,
) -> tuple[str, Path]:
    """The address of the cluster and the folder for the predictions, where the options go together.

    Raises:
        UsageError: one of the two is missing, or they are given with a CSV file, a frame, or options of DICOM.
    """
    if not output:
        raise UsageError(
            "Expected output, the folder for the predictions, with cluster. Received: cluster without it.",
            hint="For example: --output predictions",
        )
    if not cluster:
        raise UsageError(
            "Expected output with cluster only. Received: output without it.", hint="Use --csv FILE, or add --cluster"
        )
    if csv:
        raise UsageError(
            "Expected cluster or csv. Received: both.", hint="A cluster writes Parquet files: leave out --csv"
        )
    if frame is not None:
        raise UsageError(
            "Expected cluster or frame. Received: both.",
            hint="A cluster reads films that are alone in their files: leave out --frame, or --cluster and --output",
        )
    if dicom:
        raise UsageError(
            "Expected cluster without dicom_out and dicomweb. Received: both.",
            hint="Leave out --cluster, or --dicom-out and --dicomweb",
        )
    return cluster, output


def _listed(places: Sequence[Path]) -> Iterable[Path]:
    """The absolute paths of the films, as the workers know them; those of a single folder as they are listed."""
    whole = [place.absolute() for place in places]
    films = walk_films(whole[0]) if len(whole) == 1 and whole[0].is_dir() else ()
    first = next(iter(films), None)
    if first is None:
        yield from find_films(whole)
    else:
        yield first
        yield from films


def _plan(
    folder: PredictionsFolder,
    predictor: Predictor,
    films: Iterable[Path],
    sets: PredictionSets | None,
    partition: int | None,
    *,
    force: bool,
) -> PredictionsPlan:
    """The plan of an earlier call for the same run, films and sets, or a new one."""
    hint = "Name another folder: --output FOLDER"
    run, own = predictor.run.name, predictions_fingerprint(predictor, force=force)
    earlier = read_record(folder.plan, PredictionsPlan) if folder.plan.exists() else None
    if earlier and earlier.fingerprint != own:
        other = "another state, or another prevalence, of this run" if earlier.run == run else f"the run {earlier.run}"
        raise WorkspaceError(
            f"Expected predictions of the run {run} in {folder.root}. Received: those of {other}.", hint=hint
        )
    rule = sets.rule if sets else None
    if earlier and earlier.sets != rule:
        raise WorkspaceError(
            f"Expected predictions {_with(rule)} in {folder.root}. Received: those {_with(earlier.sets)}.", hint=hint
        )
    count, names = write_films(films, None if earlier else folder.films)
    if earlier and earlier.films_sha256 != names:
        raise WorkspaceError(
            f"Expected the films that {folder.root} was begun for, {earlier.films:,}. "
            f"Received: {count:,}{'' if count != earlier.films else ' others'}.",
            hint=hint,
        )
    if earlier:
        return earlier
    plan = PredictionsPlan(
        schema_version=PredictionsPlan.VERSION,
        **stamp(),
        run=run,
        fingerprint=own,
        films=count,
        films_sha256=names,
        films_a_partition=partition or films_a_partition(count),
        sets=rule,
    )
    write_record(folder.plan, plan)
    return plan


def _with(rule: SetRule | None) -> str:
    return f"with sets at alpha {rule.alpha:g}" if rule else "without sets"


def _predict_all(
    client: "Client",
    folder: PredictionsFolder,
    predictor: Predictor,
    plan: PredictionsPlan,
    sets: PredictionSets | None,
    *,
    force: bool,
) -> PredictionsRecord:
    size = plan.films_a_partition
    task = PartitionTask(
        folder=folder,
        run=predictor.run,
        fingerprint=plan.fingerprint,
        size=size,
        version=installed_version(),
        prevalence=predictor.prevalence,
        sets=sets,
        force=force,
    )
    sizes = [min(size, plan.films - first) for first in range(0, plan.films, size)]
    counts: Counts = Counter()
    left = _left(folder, sizes, counts)
    before = counts.total()

    def finished() -> Iterator[None]:
        done = run_partitions(
            client, partial(predict_partition, task), left, piecewise=partial(predict_piecewise, task, predictor)
        )
        for part in done:
            counts.update(part)
            yield from [None] * part.total()  # one per film, so that films are counted

    started = time.monotonic()
    for _ in track(finished(), "Predicting films", total=plan.films - before):
        pass
    seconds = time.monotonic() - started
    return PredictionsRecord(
        schema_version=PredictionsRecord.VERSION,
        **stamp(),
        run=plan.run,
        fingerprint=plan.fingerprint,
        positive=predictor.positive,
        threshold=predictor.record.threshold,
        films=plan.films,
        answers={label: counts[label] for label in predictor.classes},
        abstained=counts[""],
        errors=counts[None],
        parts=len(sizes),
        films_before=before,
        seconds=round(seconds, 2),
        films_a_second=round((plan.films - before) / seconds, 2),
        threads=sum(client.nthreads().values()),
    )


def _left(folder: PredictionsFolder, sizes: Sequence[int], counts: Counts) -> list[int]:
    """The partitions without a complete part; the films of the others are added to `counts`."""
    folder.parts.mkdir(exist_ok=True)
    # From the folder's listing: a network file system remembers for a while that a single file was missing.
    there = set(os.listdir(folder.parts))  # noqa: PTH208 - names
    left = []
    for number, size in enumerate(sizes):
        part = folder.part(number)
        done = predictions_in(part, films=size) if part.name in there else None
        if done is None:
            left.append(number)
        else:
            counts.update(done)
    return left

"""Tests of trained runs: `evaluate`, `compare` and `report`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.api.arguments import AnyPath, AnyPaths, as_path, as_paths, as_text, choose_run, find_workspace, split_views

if TYPE_CHECKING:
    from cxr_cli.evaluation.compare import Comparison
    from cxr_cli.evaluation.evaluate import Evaluated
    from cxr_cli.reporting.report import Reported


def evaluate(
    run: str | None = None,
    *,
    model: str | None = None,
    split: str | None = None,
    prevalence: float | None = None,
    alpha: float = 0.1,
    max_fpr: float | None = None,
    drop_seen: bool = False,
    external: bool = False,
    metadata: AnyPaths | None = None,
    folders: AnyPath | None = None,
    images: AnyPath | None = None,
    views: str | Sequence[str] | None = None,
    patient_pattern: str | None = None,
    positive: str | None = None,
    name: str | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
) -> "Evaluated":
    """Test a trained run on the test films, or on films from elsewhere.

    Args:
        run: the name of a trained run, or "bundled". Defaults to the newest, else the bundled one.
        model: the same as `run`.
        split: train, val or test. Defaults to test.
        prevalence: share of people with the disease, in (0, 1), for predictive values and for the calibration of
            probabilities that are shifted to it. Defaults to none.
        alpha: prediction sets may lack the right class for this share of the patients of each class, in (0, 1).
            Defaults to 0.1.
        max_fpr: add the partial AUC up to this 1 - specificity, in (0, 1). Defaults to none.
        drop_seen: leave out films that the run was trained or validated on, near-duplicates of them, and other films
            of their patients.
        external: test on the films of `metadata` or `folders`.
        metadata: with `external`: CSV files in the ieee8023 schema.
        folders: with `external`: a folder of class folders; one class is enough.
        images: with `metadata`: the folder of the image files. Defaults to the folder of the metadata file.
        views: with `metadata`: views to keep. Defaults to PA, AP and AP Supine.
        patient_pattern: with `folders`: a regular expression; its first group in a file name is the patient.
        positive: with `external`: the finding, or class folder, that is positive. Defaults to the run's positive class.
        name: with `external`: the name of the evaluation. Defaults to the name of the folder; where a test on other
            films has that name, with the next free number.
        replace: with `external`: overwrite a test on other films that has this name. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        The record with all metrics, and the folder of the files.

    Raises:
        UsageError: options that don't go together, or a value out of range.
        WorkspaceError: there is no run or no dataset, or their classes differ.
    """
    place, split, run = find_workspace(workspace), as_text(split), choose_run(run, model)
    from cxr_cli.metrics.conformal import check_alpha
    from cxr_cli.metrics.partial_auc import check_max_fpr
    from cxr_cli.recipe.prevalence import check_prevalence

    check_prevalence(prevalence)
    check_alpha(alpha)
    check_max_fpr(max_fpr)
    _check_source(
        external=external,
        split=split,
        metadata=metadata,
        folders=folders,
        of_source={"positive": positive, "name": name, "replace": replace},
        of_metadata={"images": images, "views": views},
        of_folders={"patient_pattern": patient_pattern},
    )
    if not external:
        from cxr_cli.evaluation.evaluate import evaluate as evaluate_part

        return evaluate_part(
            place,
            run=run,
            split=split or "test",
            drop_seen=drop_seen,
            prevalence=prevalence,
            alpha=alpha,
            max_fpr=max_fpr,
        )
    from cxr_cli.dataset.metadata import DEFAULT_VIEWS
    from cxr_cli.evaluation.external import Elsewhere, evaluate_external

    source = Elsewhere(
        metadata=as_paths(metadata),
        folders=as_path(folders),
        images=as_path(images),
        views=split_views(views) or DEFAULT_VIEWS,
        patient_pattern=patient_pattern,
        positive=positive,
    )
    return evaluate_external(
        place,
        source,
        run=run,
        name=name,
        replace=replace,
        drop_seen=drop_seen,
        prevalence=prevalence,
        alpha=alpha,
        max_fpr=max_fpr,
    )


def _check_source(
    *,
    external: bool,
    split: str | None,
    metadata: Any,
    folders: Any,
    of_source: dict[str, Any],
    of_metadata: dict[str, Any],
    of_folders: dict[str, Any],
) -> None:
    from cxr_cli.errors import UsageError

    if external and split:
        raise UsageError(
            f"Expected no split with external: those films have no parts. Received: {split}.", hint="Leave out --split"
        )
    if external and bool(metadata) == bool(folders):
        raise UsageError(
            f"Expected metadata or folders with external. Received: {'both' if metadata else 'neither'}.",
            hint="For example: cxr evaluate --external --metadata FILE",
        )
    needed = (
        ("external", external, {"metadata": metadata, "folders": folders} | of_source),
        ("metadata", metadata, of_metadata),
        ("folders", folders, of_folders),
    )
    for other, given, options in needed:
        for name, value in options.items():
            if value and not given:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"Expected {name} with {other} only. Received: {name} alone.", hint=f"Leave out --{flag}"
                )


def compare(
    runs: Sequence[str] = (),
    *,
    output: AnyPath | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
) -> "Comparison":
    """Compare trained runs on the prepared test films; a run without a current test is tested first.

    Args:
        runs: names of trained runs. Defaults to all.
        output: the folder for tables and chart. Defaults to `comparison` in the workspace.
        replace: overwrite a comparison in `output`. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        WorkspaceError: there is no dataset, no run, or none that can be read.
    """
    from cxr_cli.evaluation.compare import compare as compare_runs
    from cxr_cli.workspace.folders import ComparisonFolder
    from cxr_cli.workspace.outputs import refuse_existing

    if output is not None:
        refuse_existing(ComparisonFolder(Path(output)).csv, replace=replace)
    return compare_runs(find_workspace(workspace), runs, output=as_path(output))


def report(run: str | None = None, *, model: str | None = None, workspace: AnyPath | None = None) -> "Reported":
    """Write the report of a run, and its model card; a run without a current test is tested first.

    Args:
        run: the name of a trained run. Defaults to the newest.
        model: the same as `run`.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        UsageError: `run` and `model` differ.
        WorkspaceError: there is no run or no dataset, or their classes differ, or a file is damaged.
    """
    from cxr_cli.reporting.report import report as report_on

    return report_on(find_workspace(workspace), choose_run(run, model))

"""Trains what `cxr train` was asked for, one run or all, and says what came of it."""

from dataclasses import replace
from pathlib import Path

from cxr_cli.cli import console
from cxr_cli.cli.compare import compare
from cxr_cli.cli.train_output import show_run
from cxr_cli.cli.train_plan import Plan
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.training.checkpoints import is_unfinished, unfinished
from cxr_cli.workspace.layout import Workspace


def preview(workspace: Workspace, options: TrainingOptions, path: Path, *, as_json: bool) -> None:
    """Draw variants of a training film."""
    from cxr_cli.training.augment_preview import draw_augment_preview

    film = draw_augment_preview(workspace, options, path)
    if as_json:
        console.result_json({"film": str(film), "preview": str(path)})
    else:
        console.result(f"Film    : {film}")
        console.result(f"Variants: {path}")


def train_one(workspace: Workspace, plan: Plan, *, as_json: bool = False) -> None:
    """Train one run."""
    from cxr_cli.training.train import train

    name = plan.name or plan.options.arch
    try:
        trained = train(
            workspace,
            plan.options,
            name=name,
            profiled=plan.profiled,
            resume=plan.resume,
            original=plan.original,
        )
    except KeyboardInterrupt:
        if unfinished(workspace, name):
            console.note(f"To go on with it: cxr train --resume {name}")
        raise
    if trained is None:
        console.note("Done. Worker 0 has written the run.")
        return
    if trained.replaced:
        console.note(f"Replaced the earlier run {trained.run.name}.")
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(trained.record))
    else:
        show_run(trained)
        console.result(DISCLAIMER)
    if trained.record.stopped_by == "interrupt" and unfinished(workspace, name):
        console.note(f"To go on with it: cxr train --resume {name}")
    elif not as_json:
        console.note("Test it: cxr evaluate")


def train_all(workspace: Workspace, plan: Plan, *, as_json: bool) -> None:
    """Train the published architectures that are missing, and compare."""
    from cxr_cli.training.checkpoints import is_trained
    from cxr_cli.training.train import train

    names = [name for name, row in ARCHITECTURES.items() if row.published]
    failed: list[CxrError] = []
    for number, name in enumerate(names, start=1):
        own = replace(plan.options, arch=name)
        console.note(f"[{number}/{len(names)}] {name}")
        if is_trained(workspace, own):
            console.note("Trained before, on this dataset with these options: kept.")
            continue
        resume = is_unfinished(workspace, name, own)
        try:
            trained = train(workspace, own, profiled=plan.profiled, resume=resume)
        except CxrError as problem:
            console.error(problem)
            failed.append(problem)
            continue
        assert trained is not None  # it is only with several machines
        if not as_json:
            show_run(trained)
        if trained.record.stopped_by == "interrupt":
            raise KeyboardInterrupt
    compare(
        [name for name in names if workspace.new_run(name).record.is_file()], workspace=workspace.root, as_json=as_json
    )
    if failed:
        raise CxrError(
            f"Expected {len(names)} runs. Received: {len(names) - len(failed)}; {len(failed)} could not be trained.",
            hint="Mend what is said above, and run the same command again: it goes on with what is missing",
        )

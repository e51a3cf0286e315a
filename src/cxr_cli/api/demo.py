"""`demo`: all steps from rendered films to a heat map, with no data and no network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_cli.api.arguments import AnyPath, find_workspace
from cxr_cli.workspace.layout import Workspace

_FILMS = 160
# Added to the seed: `sample_images` has the films of seed 0, and a demo run must not have seen them.
_SEED_OF_FILMS = 1000
_ARCH = "simple-cnn"
_EPOCHS, _BATCH_SIZE = 30, 16


@dataclass(frozen=True)
class DemoStep:
    """One step of the demo: `run` does its work and returns what the function of the command's name returns."""

    command: str  # its name
    title: str
    line: str  # as typed on the command line
    run: Callable[[], Any]


def demo(*, workspace: AnyPath | None = None, seed: int = 0) -> dict[str, Any]:
    """Prepare, train, evaluate, predict and explain rendered phantoms; takes about a minute.

    Args:
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.
        seed: random seed. Defaults to 0.

    Returns:
        What each step returned, by the name of its command.

    Raises:
        WorkspaceError: the workspace has a dataset of the user's own.
    """
    return {step.command: step.run() for step in demo_steps(workspace=workspace, seed=seed)}


def demo_steps(*, workspace: AnyPath | None = None, seed: int = 0) -> Iterator[DemoStep]:
    """Yield the steps of the demo; each must be run before the next is requested.

    Raises:
        WorkspaceError: the workspace has a dataset of the user's own.
    """
    from cxr_cli.api.dataset import phantoms, prepare
    from cxr_cli.api.explaining import gradcam
    from cxr_cli.api.run import predict
    from cxr_cli.api.testing import evaluate
    from cxr_cli.api.training import train
    from cxr_cli.extras import TRAINING, require_modules

    require_modules(*TRAINING, needed_by="training")
    place = find_workspace(workspace)
    root, films = place.root, place.phantoms
    metadata = films / "metadata.csv"
    _refuse_other_dataset(place, metadata)
    yield DemoStep(
        "phantoms",
        "Render radiograph phantoms, half of them with opacities",
        f"cxr phantoms {films} --films {_FILMS} --seed {_SEED_OF_FILMS + seed}",
        lambda: phantoms(films, films=_FILMS, seed=_SEED_OF_FILMS + seed),
    )
    yield DemoStep(
        "prepare",
        "Prepare them: split them by patient",
        f"cxr prepare --metadata {metadata} -w {root}",
        lambda: prepare(metadata=metadata, seed=seed, workspace=root),
    )
    yield DemoStep(
        "train",
        "Train a small CNN from scratch",
        f"cxr train --arch {_ARCH} --epochs {_EPOCHS} --batch-size {_BATCH_SIZE} -w {root}",
        lambda: train(arch=_ARCH, epochs=_EPOCHS, batch_size=_BATCH_SIZE, seed=seed, workspace=root),
    )
    run = place.run().name  # the newest: not that of an earlier demo
    yield DemoStep(
        "evaluate",
        "Test it on films that it has not seen",
        f"cxr evaluate -w {root}",
        lambda: evaluate(model=run, workspace=root),
    )
    film = _positive_test_film(place)
    yield DemoStep(
        "predict",
        "Predict one of the test films",
        f"cxr predict {film} -w {root}",
        lambda: predict(film, model=run, workspace=root),
    )
    heat = place.heatmaps / "demo.png"
    yield DemoStep(
        "gradcam",
        "Draw where the evidence lies",
        f"cxr gradcam {film} -o {heat} -w {root}",
        lambda: gradcam(film, output=heat, replace=True, model=run, workspace=root),
    )


def _refuse_other_dataset(workspace: Workspace, metadata: Path) -> None:
    """Refuse a workspace whose dataset is not from an earlier demo: the demo would replace it."""
    from cxr_cli.dataset.record import DatasetRecord
    from cxr_cli.errors import WorkspaceError
    from cxr_cli.workspace.records import read_record

    if not workspace.dataset.record.exists():
        return
    options = read_record(workspace.dataset.record, DatasetRecord).options
    sources = options["metadata"] or [options["folders"] or "a folder of DICOM"]
    if sources != [str(metadata)]:
        raise WorkspaceError(
            f"Expected a workspace without a dataset of your own. Received: {workspace.root}, prepared from "
            f"{', '.join(sources)}.",
            hint="Give the demo a workspace of its own: cxr demo --workspace demo",
        )


def _positive_test_film(workspace: Workspace) -> Path:
    from cxr_cli.dataset.manifest import read_manifest

    dataset = workspace.prepared()
    films = (film for film in read_manifest(dataset) if film.split == "test" and film.label == "covid")
    return dataset.root / next(films).path

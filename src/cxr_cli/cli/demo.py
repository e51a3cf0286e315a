"""`cxr demo`: the main job on rendered films, with no data and no network."""

from pathlib import Path

from cxr_cli.cli import console
from cxr_cli.cli.evaluate import evaluate
from cxr_cli.cli.gradcam import gradcam
from cxr_cli.cli.options import SeedOption, WorkspaceOption
from cxr_cli.cli.phantoms import phantoms
from cxr_cli.cli.predict import predict
from cxr_cli.cli.prepare import prepare
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.workspace.layout import Workspace

_FILMS = 160


def demo(workspace: WorkspaceOption = None, seed: SeedOption = 0) -> None:
    """Go the whole way on rendered phantoms: prepare, train, evaluate, predict, heat map.

    Needs no data and no network, and takes about a minute.

    Example: cxr demo
    """
    from cxr_cli.cli.train_output import show_run
    from cxr_cli.training.runs import train_run
    from cxr_cli.workspace.layout import Workspace

    found = Workspace.find(workspace)
    films = found.phantoms
    _refuse_other_dataset(found, films)
    place = f"-w {found.root}"

    _step(
        1,
        "Render radiograph phantoms: drawn films, half of them with opacities",
        f"cxr phantoms {films} --films {_FILMS}",
    )
    phantoms(films, films=_FILMS, seed=seed)
    _step(2, "Prepare them: split by patient", f"cxr prepare --metadata {films / 'metadata.csv'} {place}")
    prepare([films / "metadata.csv"], seed=seed, workspace=found.root)
    _step(3, "Train a small CNN from scratch", f"cxr train --arch simple-cnn --epochs 30 --batch-size 16 {place}")
    show_run(train_run(found, arch="simple-cnn", epochs=30, batch_size=16, seed=seed), as_json=False)
    _step(4, "Test it on the films it has never seen", f"cxr evaluate {place}")
    evaluate(workspace=found.root)
    film = _a_positive_test_film(found)
    _step(5, "Ask it about one film of the test", f"cxr predict {film} {place}")
    predict([film], workspace=found.root)
    heat = found.heatmaps / "demo.png"
    _step(6, "See where it looked", f"cxr gradcam {film} -o {heat} {place}")
    gradcam([film], output=heat, workspace=found.root)

    console.result()
    console.result(f"Open {heat}, and {found.evaluation('simple-cnn', 'test').root}.")
    console.result("The phantoms are easy on purpose: such figures say that the tool works, nothing about patients.")
    console.result(f"With films of your own: cxr prepare --metadata dataset/metadata.csv. {DISCLAIMER}")


def _refuse_other_dataset(workspace: Workspace, films: Path) -> None:
    """The demo's dataset takes the place of the one that is there: that must be an earlier demo's."""
    from cxr_cli.dataset.record import DatasetRecord
    from cxr_cli.errors import WorkspaceError
    from cxr_cli.workspace.records import read_record

    if not workspace.dataset.record.exists():
        return
    options = read_record(workspace.dataset.record, DatasetRecord).options
    made_from = options["metadata"] or [options["folders"]]
    if made_from != [str(films / "metadata.csv")]:
        raise WorkspaceError(
            f"Expected a workspace without a dataset of your own. Received: {workspace.root}, prepared from "
            f"{', '.join(made_from)}.",
            hint="Give the demo a workspace of its own: cxr demo --workspace demo",
        )


def _a_positive_test_film(workspace: Workspace) -> Path:
    from cxr_cli.dataset.manifest import read_manifest

    dataset = workspace.prepared()
    return next(
        dataset.root / film.path for film in read_manifest(dataset) if film.split == "test" and film.label == "covid"
    )


def _step(number: int, text: str, command: str) -> None:
    console.result()
    console.result(f"[{number}/6] {text}")
    console.result(f"$ {command}")

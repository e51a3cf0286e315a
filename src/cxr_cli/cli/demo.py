"""`cxr demo`: everything once on rendered films, with no data and no network."""

from collections.abc import Callable
from typing import Any

from cxr_cli.cli import console
from cxr_cli.cli.options import SeedOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER


def demo(workspace: WorkspaceOption = None, seed: SeedOption = 0) -> None:
    """Try everything once on rendered films: no data, no network.

    Prepares, trains, evaluates, predicts and draws a heat map, in about a minute.

    Example: cxr demo
    """
    from cxr_cli.api.demo import demo_steps

    done: dict[str, Any] = {}
    for number, step in enumerate(demo_steps(workspace=workspace, seed=seed), start=1):
        console.result()
        console.result(f"[{number}/6] {step.title}")
        console.result(f"$ {step.line}")
        done[step.command] = step.run()
        _show(step.command, done[step.command])
    console.result()
    console.result(f"Open {done['gradcam'].output}, and {done['evaluate'].folder.root}.")
    console.result(
        "The phantoms are easy on purpose: these figures show that the tool works, and say nothing about patients."
    )
    console.result(f"To use your own films: cxr prepare --metadata dataset/metadata.csv. {DISCLAIMER}")


def _show(command: str, result: Any) -> None:
    """Print the result of a step as its command does."""
    from cxr_cli.cli import evaluate_output, gradcam_output, prepare_output, train_output
    from cxr_cli.cli.phantoms import show_phantoms
    from cxr_cli.cli.predict_output import show_prediction

    show: dict[str, Callable[[], None]] = {
        "phantoms": lambda: show_phantoms(result),
        "prepare": lambda: prepare_output.show_prepared(result, as_json=False),
        "train": lambda: train_output.show_run(result, as_json=False),
        "evaluate": lambda: evaluate_output.show_evaluation(result),
        "predict": lambda: show_prediction(result[0]),
        "gradcam": lambda: gradcam_output.show_heat_maps(result, as_json=False),
    }
    show[command]()

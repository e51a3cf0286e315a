"""Measure what static int8 would gain for `cxr predict` of many films, and what it would lose.

    python benchmarks/static_int8.py -w WORKSPACE [-m RUN] [--external METADATA ...] [--most 400]

In static int8, activations have 8 bits too, with scales from the run's own training films. Three files are made: the
whole network in int8 with scales from 100 training films and from all, and one with a head in float32. The one that
changes the fewest answers on the validation films is then judged on the test films and on other collections. It would
be offered if it lost at most 0.005 of the AUC, changed at most 1 in 200 answers, and made predictions 1.5 times as
fast.
"""
# ruff: noqa: D103, T201 - scripts print

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from harness import record as record_row

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.errors import CxrError
from cxr_cli.films.reader import read_at
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.training.classifier import HIDDEN, PROBABILITY, Classifier
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.export import load_model
from cxr_cli.training.formats import open_litert
from cxr_cli.training.gradcam import with_map
from cxr_cli.training.precision import roc_auc
from cxr_cli.workspace.layout import Workspace

Probabilities = Callable[[np.ndarray], np.ndarray]  # (N, S, S) uint8 -> (N,)
_FEW = 100  # training films that give the scales


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-w", "--workspace", type=Path, required=True, help="workspace with the run and its dataset")
    parser.add_argument("-m", "--model", help="name of the run (default: the latest)")
    parser.add_argument("--external", type=Path, nargs="*", default=[], help="metadata.csv of other collections")
    parser.add_argument("--most", type=int, default=400, help="films of a collection (default: %(default)s)")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    run = workspace.own_run(options.model)
    predictor = open_predictor(run, threads=1)
    films = {split: _of_split(workspace, predictor, split) for split in ("train", "val", "test")}
    with TemporaryDirectory(prefix="cxr-int8-") as folder:
        models = _models(Classifier(load_model(run), predictor.record.weights), films["train"][0], Path(folder))
        models["float32"] = _answers_of(run.litert_model)
        lost = {name: _lost(predictor, model, models["float32"], *films["val"]) for name, model in models.items()}
        for name, words in lost.items():
            print(f"{name}, {len(films['val'][0])} validation films: {words[1]}", flush=True)
        best = min((name for name in models if name != "float32"), key=lambda name: lost[name][0])
        sets = {"test": films["test"]} | {
            path.parent.name: _of_metadata(predictor, path, options.most) for path in options.external
        }
        notes = [
            f"{name}: {_lost(predictor, models[best], models['float32'], *some)[1]}" for name, some in sets.items()
        ]
        alone = {
            name: _milliseconds(lambda film, name=name: models[name](film[None]), films["test"][0]) for name in models
        }
        whole = _whole_films(workspace, predictor, Path(folder) / "all.tflite")
    record_row(
        f"static int8 of {run.name}, {best}",
        data=f"scales from {len(films['train'][0])} training films",
        target="1.5 ×, AUC within 0.005, at most 1 in 200 answers changed",
        columns={
            "cxr": f"{whole['int8']:.1f} ms",
            "peer": f"{whole['float32']:.1f} ms",
            "ratio": f"{whole['float32'] / whole['int8']:.1f}",
            "notes": "processor time of a film on one core, from its file on; the peer is float32; the network alone "
            f"{alone[best]:.1f} and {alone['float32']:.1f} ms; " + "; ".join(notes),
        },
    )


def _models(classifier: Classifier, films: np.ndarray, folder: Path) -> dict[str, Probabilities]:
    whole = with_map(classifier, evidence=True)
    few = films[:: -(-len(films) // _FEW)]
    backbone = keras.Model(classifier.model.input, {"features": classifier.pooled})
    hidden, last = (classifier.model.get_layer(name).get_weights() for name in (HIDDEN, PROBABILITY))
    quantized = _answers_of(_quantized(backbone, films, folder / "backbone.tflite"), "features")

    def with_float_head(some: np.ndarray) -> np.ndarray:
        logits = np.maximum(quantized(some) @ hidden[0] + hidden[1], 0) @ last[0] + last[1]
        return np.asarray(1 / (1 + np.exp(-logits[:, 0])))

    return {
        f"scales from {len(few)} films": _answers_of(_quantized(whole, few, folder / "few.tflite")),
        f"scales from {len(films)} films": _answers_of(_quantized(whole, films, folder / "all.tflite")),
        "head in float32": with_float_head,
    }


def _quantized(model: keras.Model, films: np.ndarray, path: Path) -> Path:
    """Write a model in int8, with uint8 films in and float32 out, as `cxr export` names its inputs and outputs."""
    (film,) = model.inputs
    weights = [[variable.numpy() for variable in model.trainable_variables]]
    weights.append([variable.numpy() for variable in model.non_trainable_variables])

    # Weights as constants, as in `convert_to_litert`: calibration can't read variables.
    @tf.function(input_signature=[tf.TensorSpec((1, *film.shape[1:]), film.dtype, name=film.name)], autograph=False)
    def predict(film: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, _ = model.stateless_call(*tf.nest.map_structure(tf.constant, weights), film, training=False)
        return outputs

    holder = tf.Module()
    holder.predict = predict
    saved = str(path.with_suffix(""))
    tf.saved_model.save(holder, saved, signatures=predict.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([_rgb(some[None])] for some in films)
    path.write_bytes(converter.convert())
    return path


def _answers_of(path: Path, output: str = "probability") -> Probabilities:
    reader = open_litert(path, threads=1)

    def answers(films: np.ndarray) -> np.ndarray:
        rows = [reader(_rgb(film[None]))[output][0] for film in films]
        return np.stack(rows)[:, 0] if output == "probability" else np.stack(rows)

    return answers


def _rgb(films: np.ndarray) -> np.ndarray:
    return np.repeat(films[..., None], 3, axis=-1)


def _of_split(workspace: Workspace, predictor: Predictor, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Films of the dataset, which are framed already, and whether they are positive."""
    dataset = workspace.prepared()
    members = [film for film in read_manifest(dataset) if film.split == split]
    pixels = [read_at(dataset.root / film.path, predictor.input_size) for film in members]
    return np.stack(pixels), np.array([film.label == predictor.positive for film in members])


def _of_metadata(predictor: Predictor, table: Path, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Films of a collection as the run sees them, and whether their finding names COVID-19."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if (table.parent / row["folder"] / row["filename"]).is_file()]
    pixels, positive = [], []
    for row in rows[:: -(-len(rows) // most)]:
        try:
            seen = predictor.predict_file(table.parent / row["folder"] / row["filename"], force=True).shown
        except CxrError:
            continue
        pixels.append(seen)
        positive.append("COVID-19" in row["finding"])
    return np.stack(pixels), np.array(positive)


def _lost(
    predictor: Predictor, model: Probabilities, own: Probabilities, films: np.ndarray, positive: np.ndarray
) -> tuple[int, str]:
    """How many answers change, and what is lost in words."""
    found, expected = model(films), own(films)
    called = [predictor.record.calibrated(some) >= predictor.record.threshold for some in (found, expected)]
    changed = int(np.sum(called[0] != called[1]))
    areas = [roc_auc(positive, some) for some in (expected, found)]
    auc = "" if None in areas else f", AUC {areas[0]:.3f} → {areas[1]:.3f}"
    apart = np.abs(found - expected)
    return changed, f"{changed} of {len(films)} answers changed{auc}, probabilities by {apart.mean():.3f} on average"


def _whole_films(workspace: Workspace, predictor: Predictor, quantized: Path) -> dict[str, float]:
    """Processor milliseconds of a film from its file on, with both files of the network."""
    dataset = workspace.prepared()
    paths = [dataset.root / film.path for film in read_manifest(dataset) if film.split == "test"]
    times: dict[str, list[float]] = {"float32": [], "int8": []}
    own, other = predictor._runner, open_litert(quantized, threads=1)
    for _ in range(5):
        for name, runner in (("float32", own), ("int8", lambda film: other(film))):
            predictor._runner = runner
            times[name].append(_milliseconds(lambda path: predictor.predict_file(path, force=True), paths))
    return {name: median(some) for name, some in times.items()}


def _milliseconds(work: Callable[[object], object], items: object) -> float:
    passes = []
    for _ in range(3):
        started = time.process_time()
        for item in items:
            work(item)
        passes.append((time.process_time() - started) / len(items) * 1000)
    return min(passes)


if __name__ == "__main__":
    main()

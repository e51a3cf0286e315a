"""Which recipe for a classifier holds at a hospital that it never saw? One source is left out at a time.

A logistic head on the pooled features of a frozen MobileNetV2 is fitted without the sources that it is tested on, for
each way of showing a film, each strength of regularization and each choice of training films. Every figure is the AUC
on sources that neither the head nor the choice of its training films has seen.

    python benchmarks/leave_source_out.py --data DATA --weights mobilenetv2_1.0_notop.weights.h5

DATA holds the folders covid-chestxray, nih-frontal, radiography and shenzhen, each with a metadata.csv in the ieee8023
schema. Takes about ten minutes on two cores. Prints a Markdown table.
"""
# ruff: noqa: T201

import argparse
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cxr_cli.dataset.metadata import select_films
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import equalize, resize
from cxr_cli.lungs.framing import CROP_MARGIN, Framing, frame_film

SIZE = 224
FILMS_OF_RADIOGRAPHY = 900  # of each class, drawn at random: the others would add time and nothing else
CROP = Framing(kind="crop", method="unet", margin=CROP_MARGIN)
VIEWS = ("whole", "whole, equalized", "lung crop", "lung crop, equalized")
STRENGTHS = (3e-2, 3e-4, 1e-4, 1e-5)  # scikit-learn's C
# Parts of covid-chestxray by the site that published them: the nearest to a hospital that most of its rows name.
SITES = {
    "radiopaedia.org": "radiopaedia",
    "www.eurorad.org": "eurorad",
    "github.com": "Hannover",
    "www.sirm.org": "SIRM",
}
# Tested on: positives of, negatives of, and what else is left out because it is of the same hospital.
TESTS = {
    "radiopaedia": (("radiopaedia",), ("radiopaedia",), ()),
    "eurorad": (("eurorad",), ("eurorad",), ()),
    "other sites": (("other sites",), ("other sites",), ()),
    "radiography": (("radiography covid",), ("radiography normal",), ("nih normal", "nih pneumonia")),
    "Hannover + SIRM / Shenzhen normal": (("Hannover", "SIRM"), ("shenzhen normal",), ("shenzhen tb",)),
    "Hannover + SIRM / Shenzhen TB": (("Hannover", "SIRM"), ("shenzhen tb",), ("shenzhen normal",)),
    "Hannover + SIRM / NIH normal": (("Hannover", "SIRM"), ("nih normal",), ("nih pneumonia", "radiography normal")),
    "Hannover + SIRM / NIH pneumonia": (("Hannover", "SIRM"), ("nih pneumonia",), ("nih normal", "radiography normal")),
    "radiography / Shenzhen TB": (("radiography covid",), ("shenzhen tb",), ("shenzhen normal",)),
    "radiography / NIH pneumonia": (
        ("radiography covid",),
        ("nih pneumonia",),
        ("nih normal", "radiography normal"),
    ),
}
TRAINED_ON = {
    "covid-chestxray": ("covid-chestxray",),
    "covid-chestxray + radiography": ("covid-chestxray", "radiography"),
    "covid-chestxray + shenzhen": ("covid-chestxray", "shenzhen"),
    "all four": ("covid-chestxray", "radiography", "shenzhen", "nih-frontal"),
}


@dataclass(frozen=True)
class Films:
    """The films of all collections, one row each."""

    images: list[Path]
    positives: np.ndarray  # (N,) bool
    patients: np.ndarray  # (N,) str
    collections: np.ndarray  # (N,) str
    sites: np.ndarray  # (N,) str


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    options = parser.parse_args()
    films = find_films(options.data)
    print(f"| films shown | trained on | sources of a class | C | {' | '.join(TESTS)} | sites | mean |")
    print("| --- " * (len(TESTS) + 6) + "|")
    with TemporaryDirectory() as folder:
        model = build_backbone(options.weights, Path(folder) / "features.tflite")
        for view, features in zip(VIEWS, read_features(films, model), strict=True):
            for trained_on, collections in TRAINED_ON.items():
                if trained_on != "covid-chestxray" and not view.startswith("lung crop, eq"):
                    continue
                for by_source in (False, True):
                    for strength in STRENGTHS:
                        row = [
                            test(films, features, name, collections, strength, by_source=by_source) for name in TESTS
                        ]
                        figures = " | ".join(f"{auc:.3f}" for auc in [*row, np.mean(row[:3]), np.mean(row)])
                        sources = "as they are" if not by_source else "same weight"
                        print(f"| {view} | {trained_on} | {sources} | {strength:g} | {figures} |", flush=True)


def find_films(data: Path) -> Films:
    """Select the frontal films with a known finding, as `cxr prepare` does."""
    names = ("covid-chestxray", "nih-frontal", "radiography", "shenzhen")
    selection = select_films([data / name / "metadata.csv" for name in names])
    sites = _sites(data / "covid-chestxray" / "metadata.csv")
    rows = []
    for film in selection.kept:
        positive = film.label == selection.positive
        site = {
            "covid-chestxray": sites.get(film.image.name, "other sites"),
            "radiography": f"radiography {'covid' if positive else 'normal'}",
            "nih-frontal": "nih normal" if film.finding == "No Finding" else "nih pneumonia",
            "shenzhen": "shenzhen normal" if film.finding == "No Finding" else "shenzhen tb",
        }[film.source]
        patient = f"{film.source}:{film.patient or film.image.name}"
        rows.append((film.image, positive, patient, film.source, site))
    drawn = random.Random(0)
    for positive in (True, False):
        own = [row for row in rows if row[3] == "radiography" and row[1] == positive]
        kept = set(drawn.sample([row[0] for row in own], FILMS_OF_RADIOGRAPHY))
        rows = [row for row in rows if row[3] != "radiography" or row[1] != positive or row[0] in kept]
    images, positives, patients, collections, places = zip(*rows, strict=True)
    return Films(list(images), np.array(positives), np.array(patients), np.array(collections), np.array(places))


def _sites(metadata: Path) -> dict[str, str]:
    """The site that published each film of covid-chestxray, by file name."""
    import csv
    from urllib.parse import urlsplit

    with metadata.open(encoding="latin-1", newline="") as table:
        return {row["filename"]: SITES.get(urlsplit(row["url"]).netloc, "other sites") for row in csv.DictReader(table)}


def build_backbone(weights: Path, file: Path) -> Path:
    """Write MobileNetV2's pooled features as a LiteRT file."""
    import keras

    from cxr_cli.training.to_litert import convert_to_litert

    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    backbone.load_weights(weights)
    film = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="film")
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(keras.layers.Rescaling(1 / 127.5, -1)(film)))
    convert_to_litert(keras.Model(film, {"features": pooled}), file)
    return file


def read_features(films: Films, model: Path) -> np.ndarray:
    """(views, N, 1280) float32: the features of each film and of its mirror image, averaged, for each of `VIEWS`."""
    from ai_edge_litert.interpreter import Interpreter

    def read(images: list[Path]) -> list[list[np.ndarray]]:
        interpreter = Interpreter(str(model), num_threads=1)
        runner = interpreter.get_signature_runner()
        return [[_features(runner, shown) for shown in _views(image)] for image in images]

    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(read, (films.images[::2], films.images[1::2])))
    rows = [halves[place % 2][place // 2] for place in range(len(films.images))]
    return np.array(rows, dtype=np.float32).swapaxes(0, 1)


def _views(image: Path) -> list[np.ndarray]:
    film = read_film(image)
    crop = frame_film(film, CROP).film
    return [resize(shown, SIZE) for shown in (film, equalize(film), crop, equalize(crop))]


def _features(runner: object, film: np.ndarray) -> np.ndarray:
    shown = np.repeat(np.stack([film, film[:, ::-1]])[..., None], 3, axis=-1)
    return runner(film=shown)["features"].mean(axis=0)  # type: ignore[operator]


def test(
    films: Films, features: np.ndarray, name: str, collections: tuple[str, ...], strength: float, *, by_source: bool
) -> float:
    """The AUC on one of `TESTS` of a head that was fitted without its sources, and without its patients."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    positives, negatives, related = TESTS[name]
    tested = (np.isin(films.sites, positives) & films.positives) | (np.isin(films.sites, negatives) & ~films.positives)
    fitted = np.isin(films.collections, collections) & ~np.isin(films.sites, [*positives, *negatives, *related])
    fitted &= ~np.isin(films.patients, films.patients[tested])
    truth, weights = films.positives[fitted], np.zeros(fitted.sum())
    sources = films.sites[fitted] if by_source else np.full(len(truth), "")
    for label in (False, True):
        own = set(sources[truth == label])
        for source in own:
            films_of = (truth == label) & (sources == source)
            weights[films_of] = len(truth) / (2 * len(own) * films_of.sum())
    rows = features[fitted]
    center = np.average(rows, axis=0, weights=weights)
    spread = np.sqrt(np.average((rows - center) ** 2, axis=0, weights=weights) + 1e-8)
    head = LogisticRegression(C=strength, max_iter=200).fit((rows - center) / spread, truth, sample_weight=weights)
    return float(roc_auc_score(films.positives[tested], head.decision_function((features[tested] - center) / spread)))


if __name__ == "__main__":
    main()

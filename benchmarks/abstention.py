"""Count which pictures get a class and which are refused: the table of docs/explanation/abstention.md.

    python benchmarks/abstention.py [--workspace WORKSPACE] [--model RUN] FOLDER [FOLDER …]

Each folder holds frontal chest films, as do the test films of the workspace. They are counted as they are, and
changed in ways that should and should not matter. Photographs, drawings and DICOM files are those that the installed
packages happen to bring: gradio, matplotlib, pydicom, scikit-image and scikit-learn.
"""
# ruff: noqa: D103, T201

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.errors import AbstentionError, ImageError
from cxr_cli.films.find import find_films
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.rendering.render import render
from cxr_cli.training.non_films import NON_FILMS, draw_non_film
from cxr_cli.workspace.layout import Workspace

_SIDE = 320  # pixels, of drawn pictures
_DRAWN = 50  # of each kind
_SEED = 1_000_000  # none of the drawings that the gate was fitted on
_PACKAGES = {
    "gradio": ("media_assets/images", "test_data"),
    "matplotlib": ("mpl-data/sample_data", "mpl-data/images"),
    "sklearn": ("datasets/images",),
    "skimage": ("data",),
}
_PICTURES = {".png", ".jpg", ".jpeg", ".gif"}

Picture = Path | np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--workspace", type=Path, help="workspace with a trained run (default: ./workspace)")
    parser.add_argument("--model", help="name of the run (default: the latest, else the bundled one)")
    parser.add_argument("--films", type=int, default=100, help="films of each folder (default: 100)")
    options = parser.parse_args()
    workspace = Workspace.find(options.workspace)
    predictor = open_predictor(workspace.run(options.model))
    print(f"Run: {predictor.run.name}; reference: {'yes' if predictor.run.reference.is_file() else 'no'}\n")
    print("| pictures | number | refused | share | expected | reasons |\n| --- | ---: | ---: | ---: | --- | --- |")
    collections = {folder.name: sample(find_films([folder]), options.films) for folder in options.folders}
    if workspace.dataset.manifest.is_file():
        test = [workspace.dataset.root / film.path for film in read_manifest(workspace.dataset) if film.split == "test"]
        collections = {"test films of the run's dataset": sample(test, options.films)} | collections
    for name, paths in collections.items():
        show(predictor, name, paths, refuse=False)
    for name, paths in collections.items():
        films = [read_film(path) for path in paths]
        for change, changed in HARMLESS.items():
            show(predictor, f"{name}, {change}", map(changed, films), refuse=False)
        for change, changed in SPOILED.items():
            show(predictor, f"{name}, {change}", map(changed, films), refuse=True)
    for name, pictures in others().items():
        show(predictor, name, pictures, refuse=name != "phantoms")


def sample(paths: Iterable[Path], number: int) -> list[Path]:
    """Return up to `number` paths, evenly spaced; no masks."""
    films = [path for path in paths if "masks" not in path.parts]
    return films[:: -(-len(films) // number)] if films else []


def show(predictor: Predictor, name: str, pictures: Iterable[Picture], *, refuse: bool) -> None:
    reasons, number = Counter[str](), 0
    for picture in pictures:
        try:
            if isinstance(picture, Path):
                predictor.predict_file(picture)
            else:
                predictor.predict(np.ascontiguousarray(picture))
        except AbstentionError as error:
            reasons[error.reason] += 1
        except ImageError as error:
            reasons["an error: " + ("blank" if "is blank" in error.message else "no film in it")] += 1
        number += 1
    refused = reasons.total()
    words = "; ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    share = f"{refused / number:.1%}" if number else ""
    print(f"| {name} | {number} | {refused} | {share} | {'refused' if refuse else 'a class'} | {words} |", flush=True)


def turned(degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda film: np.asarray(Image.fromarray(film).rotate(degrees, Image.Resampling.BILINEAR))


def cut(left: float, top: float, right: float, bottom: float) -> Callable[[np.ndarray], np.ndarray]:
    def cut_film(film: np.ndarray) -> np.ndarray:
        height, width = film.shape
        return film[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]

    return cut_film


def bordered(film: np.ndarray) -> np.ndarray:
    height, width = film.shape
    return np.pad(film, ((height // 8, height // 8), (width // 6, width // 6)))


def faint(film: np.ndarray) -> np.ndarray:
    return np.asarray(film // 3 + 90, dtype=np.uint8)


HARMLESS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda film: film[:, ::-1],
    "turned by 10°": turned(10),
    "a third of the contrast": faint,
    "black borders": bordered,
    "a tenth cut off each side": cut(0.1, 0.1, 0.9, 0.9),
    "96 pixels": lambda film: resize(film, 96),
}
SPOILED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda film: 255 - film,
    "upside down": lambda film: film[::-1],
    "turned by 180°": lambda film: np.rot90(film, 2),
    "turned by 90°": np.rot90,
    "turned by 270°": lambda film: np.rot90(film, 3),
    "left half": cut(0, 0, 0.5, 1),
    "right half": cut(0.5, 0, 1, 1),
    "lower two fifths": cut(0, 0.6, 1, 1),
    "one shoulder": cut(0, 0, 0.4, 0.4),
}


def others() -> dict[str, Iterable[Picture]]:
    """Pictures that are no films, by kind; and phantoms."""
    seeds = range(_SEED, _SEED + _DRAWN)
    kinds: dict[str, Iterable[Picture]] = {"photographs and drawings of packages": packaged()}
    kinds |= dicom_files()
    kinds |= {f"drawn: {kind}": drawn(kind, seeds) for kind in NON_FILMS}
    kinds["drawn: charts by matplotlib"] = charts()
    kinds["blank"] = (np.full((_SIDE, _SIDE), gray, dtype=np.uint8) for gray in range(0, 256, 51))
    kinds["phantoms"] = (render(positive=seed % 2 == 0, seed=seed).film for seed in seeds)
    return kinds


def drawn(kind: str, seeds: Iterable[int]) -> Iterator[np.ndarray]:
    return (draw_non_film(kind, np.random.default_rng([seed]), _SIDE) for seed in seeds)


def packaged() -> Iterator[Path]:
    """Yield the pictures of installed packages that have enough pixels; none twice."""
    known = set()
    for package, folders in _PACKAGES.items():
        found = find_spec(package)
        if not found or not found.origin:
            continue
        for folder in folders:
            for path in sorted((Path(found.origin).parent / folder).glob("*")):
                if path.suffix.lower() in _PICTURES and path.read_bytes() not in known and readable(path):
                    known.add(path.read_bytes())
                    yield path


def dicom_files() -> dict[str, list[Picture]]:
    """Return pydicom's test files that hold one picture: as they are, and their pixels alone; no picture twice."""
    import pydicom

    found = find_spec("pydicom")
    assert found
    assert found.origin
    by_kind: dict[str, list[Picture]] = {}
    known = set()
    for path in sorted((Path(found.origin).parent / "data" / "test_files").glob("*.dcm")):
        if not readable(path) or read_film(path).tobytes() in known:
            continue
        known.add(read_film(path).tobytes())
        modality = pydicom.dcmread(path, stop_before_pixels=True).get("Modality") or "no modality"
        by_kind.setdefault(f"DICOM, {modality}", []).append(path)
        by_kind.setdefault(f"DICOM, {modality}, pixels alone", []).append(read_film(path))
    return by_kind


def readable(path: Path) -> bool:
    try:
        read_film(path)
    except ImageError:
        return False
    return True


def charts() -> Iterator[np.ndarray]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for number in range(20):
        generator = np.random.default_rng(number)
        figure = Figure(figsize=(4, 4), dpi=80)
        canvas, axes = FigureCanvasAgg(figure), figure.subplots()
        if number % 3 == 0:
            axes.plot(generator.normal(size=(40, 3)).cumsum(axis=0))
        elif number % 3 == 1:
            axes.bar(range(12), generator.random(12))
        else:
            axes.scatter(*generator.normal(size=(2, 80)), s=80 * generator.random(80))
        axes.set_title("A chart")
        canvas.draw()
        yield np.asarray(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("L"))


if __name__ == "__main__":
    main()

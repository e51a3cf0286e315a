"""Write a small workspace with every record of this version, for the tests of later versions to open.

    python scripts/write_test_workspace.py [tests/workspaces]

Run it once per release, before the version is raised, and add the archive to git: `0.1.0.zip` is what cxr 0.1.0 wrote.
Never write an archive again that was released. Films are rendered, and small; the networks hardly learn anything. Left
out is what no command reads: charts, pages, caches, and the films and models of the folds.
"""
# ruff: noqa: D103, T201

import argparse
import contextlib
import os
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

from PIL import Image

import cxr_cli as cxr
from cxr_cli.rendering.render import write_phantoms

_FILMS, _SIDE = 24, 64
_LEFT_OUT = {".png", ".html"}  # but for the films of the dataset
_FOLDERS = {"cache", "checkpoints", "reports"}
_MODELS = {"models/lungs/model.keras", "models/lungs/model.tflite", "models/trees/model.keras"}  # of 6 MB
_SMALL = {"image_size": 32, "units": 2, "epochs": 1, "batch_size": 8}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[1] / "tests" / "workspaces")
    target = parser.parse_args().folder.resolve() / f"{version('cxr-cli')}.zip"
    if target.exists():
        parser.error(f"{target} was written for that release, and stays as it is")
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        # Relative paths, so that no record holds a path of this machine.
        os.environ["CXR_WORKSPACE"] = "workspace"
        _fill()
        _pack(Path("workspace"), target)
    print(f"{target.stat().st_size:,} bytes  {target}")


def _fill() -> None:
    """Run every command that writes a record."""
    metadata = write_phantoms(Path("films"), films=_FILMS, masks=True)
    for film in metadata.parent.rglob("*.png"):
        with Image.open(film) as picture:
            small = picture.resize((_SIDE, _SIDE))
        small.save(film)
    cxr.prepare(metadata=[metadata], split="50/25/25")
    cxr.train(name="cnn", arch="simple-cnn", **_SMALL)
    cxr.train(name="trees", arch="cnn-xgboost", **_SMALL)
    masks = [metadata.parent / "masks" / "lungs"]
    cxr.train(name="lungs", arch="lung-unet", masks=masks, weights="none", image_size=64, epochs=1)
    cxr.calibrate(model="cnn", operating_point="sensitivity=0.9")
    cxr.crossval(arch="simple-cnn", folds=2, name="folds", **_SMALL)
    cxr.segment([Path("films/covid.png")])
    cxr.gradcam(model="cnn", split="test")
    cxr.audit()
    for run in ("cnn", "trees"):
        cxr.audit(run)
        cxr.evaluate(model=run)
        cxr.report(run)


def _pack(workspace: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for path in sorted(workspace.rglob("*")):
            place = path.relative_to(workspace)
            if path.is_file() and not _is_left_out(place):
                print(f"{path.stat().st_size:9,}  {place}")
                archive.write(path, place)


def _is_left_out(place: Path) -> bool:
    film = place.parts[:2] == ("dataset", "split")
    return (
        (place.suffix in _LEFT_OUT and not film)
        or place.name.startswith(".")
        or place.as_posix() in _MODELS
        or place.parts[0] in _FOLDERS
        or "fold-" in str(place)
    )


if __name__ == "__main__":
    main()

"""Write the DICOM objects of real films, and count what dciodvfy of dicom3tools says of them.

The films are pictures; each becomes a DICOM film of a study of its own first. Every other one says where in the patient
its rows lead, so that its lungs become two segments.

    python scripts/check_dicom_out.py ../shared/data/covid-chestxray/images --films 24
"""
# ruff: noqa: T201

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cxr_cli as cxr
from cxr_cli.films.find import find_films
from cxr_cli.films.reader import read_film

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.pacs.conftest import write_film


def main() -> None:
    """Print how many objects each command wrote, and each sentence of the validator with its count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="+", help="pictures of frontal chest films, or folders of them")
    parser.add_argument("--films", type=int, default=24, help="number of films, evenly from all (default: 24)")
    arguments = parser.parse_args()
    pictures = list(find_films(arguments.pictures))
    chosen = pictures[:: max(1, len(pictures) // arguments.films)][: arguments.films]
    with tempfile.TemporaryDirectory(prefix="cxr-check-") as folder:
        films, workspace = Path(folder) / "films", Path(folder) / "workspace"
        films.mkdir()
        for number, picture in enumerate(chosen):
            orientation = ["L", "F"] if number % 2 else None
            write_film(films / f"{number:04}.dcm", read_film(picture), PatientOrientation=orientation)
        cxr.predict(films, dicom_out=Path(folder) / "predict", workspace=workspace)
        cxr.gradcam(films, dicom_out=Path(folder) / "gradcam", workspace=workspace)
        cxr.segment(films, dicom_out=Path(folder) / "segment", workspace=workspace)
        print(f"{len(chosen)} films")
        for command in ("predict", "gradcam", "segment"):
            objects = sorted((Path(folder) / command).glob("*.dcm"))
            said = Counter(line for path in objects for line in validate(path))
            errors = sum(count for line, count in said.items() if line.startswith("Error"))
            print(f"{command}: {len(objects)} objects, {errors} errors")
            for line, count in said.most_common():
                print(f"  {count} × {line}")


def validate(path: Path) -> list[str]:
    """The errors and warnings of dciodvfy."""
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))]


if __name__ == "__main__":
    main()

"""Every record and table of a workspace, damaged, emptied or another one's: read, or refused in words.

`scripts/swap_records.py` asks whole commands about the same damages, and more of them.
"""

import importlib.util
import random
import re
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.classes import read_classes
from cxr_cli.dataset.duplicates import read_duplicates, read_small
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.dataset.seen import open_seen, read_seen
from cxr_cli.errors import CxrError
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.predicted import read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.prediction.trees import open_booster
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.options import read_options
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import HISTORY, RunRecord
from cxr_cli.recipe.reference import load_reference
from cxr_cli.workspace.folders import EvaluationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import Record, read_record

ROOT = Path(__file__).parents[2]
PLACE = Workspace(Path("workspace"))
CNN, TREES = (PLACE.new_run(name) for name in ("cnn", "trees"))
_DAMAGES = 100  # of a file, drawn at random beside the first ones


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("swap_records", ROOT / "scripts" / "swap_records.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(path: Path, kind: type[Record]) -> tuple[Path, Callable[[], object]]:
    return path, lambda: read_record(path, kind)


def run_record(path: Path) -> None:
    found = read_record(path, RunRecord)
    assert {*found.classes} == {"covid", "non_covid"} or found.class_indices
    read_options(found.options, path)


def predictions(folder: EvaluationFolder) -> object:
    return read_predictions(folder, read_record(folder.record, EvaluationRecord))


READERS = dict(
    [
        (CNN.record, lambda: run_record(CNN.record)),
        (CNN.class_indices, lambda: read_classes(CNN.class_indices)),
        (CNN.validation, lambda: read_validation(CNN, read_record(CNN.record, RunRecord))),
        (CNN.history, lambda: HISTORY.read(CNN.history)),
        (CNN.seen, lambda: (read_seen(CNN), open_seen(CNN, PLACE.dataset, trained_on="", digests={}))),
        (CNN.reference, lambda: load_reference(CNN.reference)),
        (TREES.booster, lambda: open_booster(TREES.booster, features=64)),
        (PLACE.dataset.manifest, lambda: read_manifest(PLACE.dataset)),
        (PLACE.dataset.duplicates, lambda: read_duplicates(PLACE.dataset)),
        (PLACE.dataset.small, lambda: read_small(PLACE.dataset, films=24)),
        (PLACE.evaluation("cnn", "test").predictions, lambda: predictions(PLACE.evaluation("cnn", "test"))),
        record(PLACE.dataset.record, DatasetRecord),
        record(PLACE.evaluation("cnn", "test").record, EvaluationRecord),
        record(PLACE.crossval("folds").record, CrossvalRecord),
        record(PLACE.gallery("cnn", "gradcam", "test").record, GradesRecord),
        record(PLACE.audit.record, AuditRecord),
        record(PLACE.model_audit("cnn").record, ModelAuditRecord),
        record(PLACE.new_run("lungs").lung_record, LungRunRecord),
    ]
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """A folder with the workspace of version 0.1.0."""
    folder = tmp_path_factory.mktemp("swapped")
    with zipfile.ZipFile(ROOT / "tests" / "workspaces" / "0.1.0.zip") as archive:
        archive.extractall(folder / "workspace")
    audit = folder / PLACE.audit.record
    # An older audit is made again, not read. Its fields are those of today, so it can be damaged like the others.
    audit.write_text(re.sub(r'"schema_version": \d+', f'"schema_version": {AuditRecord.VERSION}', audit.read_text()))
    return folder


@pytest.mark.parametrize("path", READERS, ids=str)
def test_a_damaged_or_swapped_file_is_read_or_refused_in_words(unpacked, monkeypatch, path):
    monkeypatch.chdir(unpacked)
    data, read = path.read_bytes(), READERS[path]
    read()
    others = {str(other): other.read_bytes() for other in READERS if other != path and other.suffix == path.suffix}
    damages = list(load_script().damages(data, path.suffix, others))
    drawn = random.Random(1).sample(damages, min(_DAMAGES if len(data) < 50_000 else 5, len(damages)))
    refused, unclear = 0, []
    try:
        for name, make in [*islice(damages, 20 + len(others)), *drawn]:
            path.unlink(missing_ok=True)
            if (content := make()) is not None:
                path.write_bytes(content)
            try:
                read()
            except CxrError as error:
                refused += 1
                if not (error.message.startswith("Expected") and error.hint):
                    unclear.append(name)
            except Exception as error:
                error.add_note(f"{path}: {name}")
                raise
    finally:
        path.write_bytes(data)
    assert (unclear, refused >= 5) == ([], True)

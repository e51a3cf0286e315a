"""`cxr audit RUN`: the audit of a model, from the command line and from Python."""

import msgspec
import pytest
from PIL import Image

import cxr_cli
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.model_views import VIEWS
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.workspace.records import read_record

RUN = "simple-cnn"


@pytest.fixture
def masks(phantom_masks):
    """The lung masks of the films of `phantoms`."""
    return phantom_masks / "lungs"


def test_a_model_is_audited_on_its_test_films(cxr, own_trained, masks):
    result = cxr("audit", RUN, "--masks", masks, "-w", own_trained.root)

    folder = own_trained.model_audit(RUN)
    record = read_record(folder.record, ModelAuditRecord)
    page = folder.page.read_text(encoding="utf-8")
    tested = [film for film in read_manifest(own_trained.dataset) if film.split == "test"]
    assert result.exit_code == (3 if record.alarms else 0), result.stderr
    assert record.verdict in result.stdout
    assert f"{RUN} on test films; lungs from {masks}" in result.stdout
    assert f"Page: {folder.page}" in result.stdout
    assert [one.view for one in record.views] == list(VIEWS)
    assert sum(record.films.values()) == len(tested)
    assert (record.without_mask, record.seen, record.same_dataset) == (0, 0, True)
    assert record.verdict in page
    assert page.count(DISCLAIMER) == 3  # also on each printed page
    assert page.count("data:image/") >= 2 * len(VIEWS)
    assert all(view.title in result.stdout and view.title in page for view in VIEWS.values())


def test_python_and_json_give_the_same_record(cxr, own_trained, masks):
    audited = cxr_cli.audit(RUN, masks=masks, workspace=own_trained.root)
    result = cxr("audit", RUN, "--masks", masks, "--json", "-w", own_trained.root)

    printed = msgspec.json.decode(result.stdout, type=ModelAuditRecord)
    assert (printed.views, printed.heat, printed.findings) == (
        audited.record.views,
        audited.record.heat,
        audited.record.findings,
    )
    assert audited.folder.page.is_file()


def test_as_they_are_has_the_auc_of_the_evaluation(own_trained, masks):
    audited = cxr_cli.audit(RUN, masks=masks, workspace=own_trained.root)
    evaluated = cxr_cli.evaluate(model=RUN, workspace=own_trained.root)

    assert audited.record.views[0].auc == pytest.approx(evaluated.record.metrics["roc_auc"])


def test_the_report_and_the_card_have_the_audit(cxr, own_audited, masks):
    audited = cxr_cli.audit(RUN, masks=masks, workspace=own_audited.root)

    made = cxr("report", RUN, "-w", own_audited.root)

    assert made.exit_code == 0
    assert f"The model {RUN} was not audited" not in made.stderr
    for path in (own_audited.report(RUN).markdown, own_audited.run().model_card):
        text = path.read_text(encoding="utf-8")
        assert "## Shortcuts of the model" in text
        assert audited.record.verdict in text
        assert "| no chest | " in text


def test_masks_need_a_run_and_exclude_a_method(cxr, own_trained, masks):
    alone = cxr("audit", "--masks", masks, "-w", own_trained.root)
    both = cxr("audit", RUN, "--masks", masks, "--method", "fcm", "-w", own_trained.root)

    assert (alone.exit_code, both.exit_code) == (2, 2)
    assert "Expected masks with the name of a run only." in alone.stderr
    assert "Expected masks or a method to find lungs." in both.stderr


def test_errors_name_what_is_missing(cxr, own_trained, prepared, tmp_path):
    no_run = cxr("audit", "nothing", "-w", own_trained.root)
    (tmp_path / "masks").mkdir()
    no_masks = cxr("audit", RUN, "--masks", tmp_path / "masks", "-w", own_trained.root)
    film = next(film for film in read_manifest(own_trained.dataset) if film.split == "test")
    Image.new("L", (8, 8)).save(own_trained.dataset.root / film.path)
    damaged = cxr("audit", RUN, "-w", own_trained.root)

    assert (no_run.exit_code, no_masks.exit_code, damaged.exit_code) == (1, 1, 1)
    assert "Expected the name of a trained run" in no_run.stderr
    assert "Expected masks of the films in" in no_masks.stderr
    assert "Expected a film of at least 32 × 32 pixels" in damaged.stderr


def test_too_few_patients_with_known_lungs_are_an_error(cxr, own_trained, masks, tmp_path):
    film = next(film for film in read_manifest(own_trained.dataset) if film.split == "test")
    name = film.original.rsplit("/", 1)[-1]
    own = tmp_path / "one"
    own.mkdir()
    (own / f"{name}.png").write_bytes((masks / f"{name}.png").read_bytes())

    result = cxr("audit", RUN, "--masks", own, "-w", own_trained.root)

    assert result.exit_code == 1
    assert "Expected test films of at least 2 " in result.stderr

"""Prepare: films as in the manifest, patients in one part, originals unchanged, and an earlier dataset is safe."""

import csv
import hashlib
import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.dataset import prepare as module
from cxr_cli.dataset.describe import dominated_parts, patients_of_both
from cxr_cli.dataset.manifest import Film, dataset_fingerprint, read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.reading import FilmRead, read_here
from cxr_cli.dataset.record import DatasetRecord, Duplicates, FunnelStep, Leak
from cxr_cli.errors import CxrError, MetadataError, SplitError, WorkspaceError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

SHARED = Path(__file__).parents[3] / "shared" / "data" / "covid-chestxray" / "metadata.csv"


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def file_bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Skip the overview pictures in tests that don't need them."""
    monkeypatch.setattr(module, "draw_distribution", lambda *_: None)
    monkeypatch.setattr(module, "draw_samples", lambda *_, **__: None)


def excluded(workspace: Workspace) -> list[dict[str, str]]:
    with workspace.dataset.excluded.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def part_of(films: list[Film]) -> dict[str, str]:
    """Map each original file name to its part."""
    return {Path(film.original).name: film.split for film in films}


def test_a_part_in_which_one_patient_has_many_films_is_named():
    films = [
        Film(**{**{column.name: "" for column in fields(Film)}, "split": part, "label": "covid", "group": group})
        for part, group, count in (
            ("train", "a", 30),
            ("train", "b", 70),
            ("test", "c", 7),
            ("test", "d", 4),
            ("val", "e", 5),
        )
        for _ in range(count)
    ]

    assert dominated_parts(films) == [
        "One patient has 70 of the 100 covid films in train: figures on them depend on that patient.",
        "One patient has 7 of the 11 covid films in test: figures on them depend on that patient.",
    ]


def test_patients_with_films_of_both_classes_are_counted():
    films = [
        Film(
            **{column.name: "" for column in fields(Film)}
            | {"label": label, "patient": name, "group": name or "copies"}
        )
        for name, label in (
            *(("a", "covid"), ("a", "non_covid"), ("a", "covid"), ("b", "covid"), ("c", "non_covid")),
            *(("", "covid"), ("", "non_covid")),  # a film with two labels is no patient
        )
    ]

    assert patients_of_both(films) == ["1 patient has films of both classes and counts once in each."]
    several = [*films, *(replace(film, patient="d", group="d") for film in films[:2])]
    assert patients_of_both(several) == ["2 patients have films of both classes and count once in each."]
    assert patients_of_both(films[1:2]) == []


def test_films_are_copied_to_the_paths_in_the_manifest(clinic, workspace):
    metadata = clinic()
    prepared = prepare(workspace, metadata=[metadata])
    films = read_manifest(workspace.dataset)

    assert prepared.dataset == workspace.dataset
    assert len(films) == 16
    assert {path.relative_to(workspace.dataset.root).as_posix() for path in workspace.dataset.root.rglob("*.png")} == {
        *(film.path for film in films),
        "overview/class_distribution.png",
        "overview/samples.png",
    }
    for film in films:
        copy, original = workspace.dataset.root / film.path, Path(film.original)
        assert film.path == f"split/{film.split}/{film.label}/{original.name}"
        assert original.parent == metadata.parent / "images"
        assert copy.read_bytes() == original.read_bytes()
        assert film.sha256 == sha256(copy)
        assert copy.stat().st_ino != original.stat().st_ino


@pytest.mark.usefixtures("undrawn")
def test_the_manifest_keeps_the_values_of_the_row(clinic, workspace):
    prepare(workspace, metadata=[clinic()])

    film = next(film for film in read_manifest(workspace.dataset) if film.patient == "3")
    assert (film.label, film.group, film.source, film.view, film.sex, film.age, film.finding) == (
        *("covid", "clinic:3", "clinic", "PA", "M", "33", "COVID-19"),
    )


def test_originals_are_not_changed(clinic, workspace):
    folder = clinic().parent
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}

    prepare(workspace, metadata=[folder / "metadata.csv"])

    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()} == (
        before
    )


@pytest.mark.usefixtures("undrawn")
def test_link_makes_hard_links_and_removing_the_dataset_keeps_the_originals(clinic, workspace):
    folder = clinic().parent
    before = file_bytes(folder)
    for _ in range(2):
        prepare(workspace, metadata=[folder / "metadata.csv"], link=True)
        for film in read_manifest(workspace.dataset):
            assert (workspace.dataset.root / film.path).samefile(film.original)

    shutil.rmtree(workspace.root)
    assert file_bytes(folder) == before


@pytest.mark.usefixtures("undrawn")
def test_link_follows_symbolic_links(clinic, workspace):
    folder = clinic().parent
    (folder / "images").rename(folder / "store")
    (folder / "images").mkdir()
    for path in (folder / "store").iterdir():
        (folder / "images" / path.name).symlink_to(path)

    prepare(workspace, metadata=[folder / "metadata.csv"], link=True)

    assert all(not (workspace.dataset.root / film.path).is_symlink() for film in read_manifest(workspace.dataset))


@pytest.mark.usefixtures("undrawn")
def test_patients_stay_in_one_part_and_each_part_has_both_classes(clinic, workspace):
    record = prepare(workspace, metadata=[clinic()]).record
    films = read_manifest(workspace.dataset)

    assert len({(film.patient, film.split) for film in films}) == 12
    assert {part: len({film.patient for film in films if film.split == part}) for part in PARTS} == record.patients
    assert {(film.split, film.label) for film in films} == {
        (part, label) for part in PARTS for label in ("non_covid", "covid")
    }


def test_the_record_describes_how_the_dataset_was_made(clinic, workspace, rows_of_a_clinic):
    rows = rows_of_a_clinic()
    rows[0]["view"] = "L"
    rows[1]["patientid"] = ""
    metadata = clinic(rows)
    prepared = prepare(workspace, metadata=[metadata], seed=4, split=(60, 20, 20))
    films = read_manifest(workspace.dataset)

    assert read_record(workspace.dataset.record, DatasetRecord) == prepared.record
    record = prepared.record
    assert record.rows == 16
    assert record.options == {
        "metadata": [str(metadata)],
        "images": None,
        "views": ["PA", "AP", "AP Supine"],
        "folders": None,
        "dicom": False,
        "patient_pattern": None,
        "positive": "COVID-19",
        "split": "60/20/20",
        "seed": 4,
        "hold_out": [],
        "link": False,
    }
    assert record.funnel == [
        FunnelStep(rule="modality is X-ray", removed=0, left=16, patients=12),
        FunnelStep(rule="view is PA, AP, AP Supine", removed=1, left=15, patients=11),
        FunnelStep(rule="finding is known", removed=0, left=15, patients=11),
        FunnelStep(rule="image file exists", removed=0, left=15, patients=11),
        FunnelStep(rule="image file is listed once", removed=0, left=15, patients=11),
        FunnelStep(rule="image can be read", removed=0, left=15, patients=11),
    ]
    assert record.findings == {"non_covid": {"Pneumonia/Bacterial": 7}, "covid": {"COVID-19": 8}}
    assert {label: sum(counts[label] for counts in record.films.values()) for label in record.class_indices} == {
        "non_covid": 7,
        "covid": 8,
    }
    assert sum(record.patients.values()) == 12
    assert record.films_without_patient == 1
    assert (record.patients_from, record.patients_apart, record.patients_listed) == ("metadata", False, 12)
    assert record.patients_in("train") == f"at most {record.patients['train']}"
    assert record.fingerprint == dataset_fingerprint(films)
    assert prepared.missing_columns == []


@pytest.mark.usefixtures("undrawn")
def test_missing_columns_are_reported_and_films_without_patient_are_separate(clinic, workspace, rows_of_a_clinic):
    rows = [{"filename": row["filename"], "finding": row["finding"]} for row in rows_of_a_clinic()]
    prepared = prepare(workspace, metadata=[clinic(rows)])

    assert prepared.missing_columns == ["patientid", "view", "modality"]
    assert prepared.record.films_without_patient == 16
    assert sum(prepared.record.patients.values()) == 16
    assert (prepared.record.patients_from, prepared.record.patients_listed) == ("", None)
    assert {prepared.record.patients_in(part) for part in PARTS} == {"unknown"}
    assert {step.patients for step in prepared.record.funnel} == {None}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.usefixtures("undrawn")
def test_the_positive_class_is_1_in_any_order_of_rows_and_folders(clinic, workspace, rows_of_a_clinic, reverse):
    rows = sorted(rows_of_a_clinic(), key=lambda row: row["finding"], reverse=reverse)
    record = prepare(workspace, metadata=[clinic(rows)]).record

    assert record.class_indices == {"non_covid": 0, "covid": 1}
    assert json.loads(workspace.class_indices.read_text()) == {"non_covid": 0, "covid": 1}


@pytest.mark.usefixtures("undrawn")
def test_another_positive_finding_is_1_in_any_alphabetical_order(clinic, workspace):
    record = prepare(workspace, metadata=[clinic()], positive="Pneumonia").record

    assert json.loads(workspace.class_indices.read_text()) == {"non_pneumonia": 0, "pneumonia": 1}
    assert record.findings == {"non_pneumonia": {"COVID-19": 8}, "pneumonia": {"Pneumonia/Bacterial": 8}}
    assert {film.label for film in read_manifest(workspace.dataset) if film.finding == "COVID-19"} == {"non_pneumonia"}


def test_the_seed_determines_the_files(clinic, tmp_path):
    metadata = clinic()
    made = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        workspace = Workspace(tmp_path / name)
        prepare(workspace, metadata=[metadata], seed=seed)
        files = file_bytes(workspace.dataset.root)
        record = json.loads(files.pop("dataset.json"))
        record.pop("created")
        made.append((files, record))

    assert made[0] == made[1]
    assert made[0][0].keys() != made[2][0].keys()
    assert made[0][1]["fingerprint"] != made[2][1]["fingerprint"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seed", range(4))
def test_the_split_does_not_depend_on_the_order_of_the_rows(clinic, tmp_path, rows_of_a_clinic, seed):
    """This also holds when copies join patients."""
    rows = rows_of_a_clinic()
    folder = clinic(rows).parent
    images = folder / "images"
    for copy, original in (("film2a", "film1a"), ("film7a", "film2a"), ("film10a", "film5a")):
        shutil.copyfile(images / f"{original}.png", images / f"{copy}.png")
    parts, groups = [], []
    for name, order in (("as-is", rows), ("turned", rows[::-1])):
        lines = [",".join(order[0]), *(",".join(row.values()) for row in order)]
        (folder / "metadata.csv").write_text("\n".join(lines))
        workspace = Workspace(tmp_path / name)
        prepare(workspace, metadata=[folder / "metadata.csv"], seed=seed)
        films = read_manifest(workspace.dataset)
        parts.append(part_of(films))
        groups.append({Path(film.original).name: film.group for film in films})

    assert parts[0] == parts[1]
    assert groups[0] == groups[1]
    assert {groups[0][f"film{number}a.png"] for number in (1, 2, 7)} == {"clinic:1"}
    assert {groups[0][f"film{number}a.png"] for number in (5, 10)} == {"clinic:10"}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seed", range(6))
def test_exact_copies_of_two_patients_stay_in_one_part(clinic, workspace, rows_of_a_clinic, seed):
    folder = clinic().parent
    images = folder / "images"
    shutil.copyfile(images / "film1a.png", images / "film5a.png")
    shutil.copyfile(images / "film3b.png", images / "film7a.png")
    shutil.copyfile(images / "film7a.png", images / "film11a.png")

    record = prepare(workspace, metadata=[folder / "metadata.csv"], seed=seed).record

    parts = part_of(read_manifest(workspace.dataset))
    assert parts["film1a.png"] == parts["film5a.png"]
    assert len({parts[f"film{name}.png"] for name in ("3a", "3b", "7a", "11a")}) == 1
    assert sum(record.patients.values()) == 12 - 3


@pytest.mark.usefixtures("undrawn")
def test_a_copy_without_a_patient_stays_with_the_patient(clinic, workspace, rows_of_a_clinic):
    rows = rows_of_a_clinic()
    rows[1]["patientid"] = ""
    folder = clinic(rows).parent
    shutil.copyfile(folder / "images" / rows[5]["filename"], folder / "images" / rows[1]["filename"])

    prepare(workspace, metadata=[folder / "metadata.csv"])

    group = {Path(film.original).name: film.group for film in read_manifest(workspace.dataset)}
    assert group[rows[1]["filename"]] == group[rows[5]["filename"]] == f"clinic:{rows[5]['patientid']}"


@pytest.mark.usefixtures("undrawn")
def test_patients_of_two_sources_are_different_with_the_same_number(clinic, workspace):
    record = prepare(workspace, metadata=[clinic(name="north"), clinic(name="south", seed=1)]).record

    assert sum(record.patients.values()) == 24
    assert {film.group for film in read_manifest(workspace.dataset) if film.patient == "1"} == {"north:1", "south:1"}


@pytest.mark.usefixtures("undrawn")
def test_files_of_the_same_name_from_two_sources_are_both_kept(clinic, workspace, rows_of_a_clinic):
    rows = rows_of_a_clinic()
    rows[1]["filename"], rows[2]["filename"] = "film0a-2.png", "FILM3A.PNG"
    prepare(workspace, metadata=[clinic(rows, name="north"), clinic(name="south", seed=1)])

    films = read_manifest(workspace.dataset)
    names = [Path(film.path).name.lower() for film in films]
    assert len(films) == 32
    assert len(set(names)) == 32
    assert {"film0a.png", "film0a-2.png", "film0a-3.png", "film3a-2.png"} <= set(names)
    for film in films:
        assert (workspace.dataset.root / film.path).read_bytes() == Path(film.original).read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_an_unreadable_film_is_excluded_with_its_row_and_the_reason(clinic, workspace):
    metadata = clinic()
    broken = metadata.parent / "images" / "film3a.png"
    broken.write_bytes(broken.read_bytes()[:-300])

    record = prepare(workspace, metadata=[metadata]).record

    assert record.funnel[-1] == FunnelStep(rule="image can be read", removed=1, left=15, patients=12)
    (row,) = excluded(workspace)
    assert row.pop("reason").startswith(f"Expected a film. Received: {broken}, which is damaged or cut short (")
    assert row == {
        "metadata": str(metadata),
        "row": "5",
        "filename": "film3a.png",
        "patient": "3",
        "finding": "COVID-19",
        "view": "PA",
        "modality": "X-ray",
    }
    assert "film3a.png" not in part_of(read_manifest(workspace.dataset))


@pytest.mark.usefixtures("undrawn")
def test_another_reader_can_be_given(clinic, workspace, tmp_path):
    metadata = clinic()
    asked = []

    def elsewhere(paths):
        asked.extend(paths)
        for number, verdict in enumerate(read_here(paths)):
            yield FilmRead("", "Expected a free worker.", b"") if number == 4 else verdict

    prepare(Workspace(tmp_path / "here"), metadata=[metadata])
    record = prepare(workspace, metadata=[metadata], read=elsewhere).record

    rows = list(csv.DictReader(metadata.read_text().splitlines()))
    assert asked == [metadata.parent / "images" / row["filename"] for row in rows]
    assert record.funnel[-1] == FunnelStep(rule="image can be read", removed=1, left=15, patients=12)
    assert [(row["filename"], row["reason"]) for row in excluded(workspace)] == [
        (rows[4]["filename"], "Expected a free worker.")
    ]
    assert {film.sha256 for film in read_manifest(workspace.dataset)} < {
        film.sha256 for film in read_manifest(Workspace(tmp_path / "here").dataset)
    }


@pytest.mark.usefixtures("undrawn")
def test_kept_and_excluded_rows_are_all_rows(clinic, workspace, rows_of_a_clinic):
    rows = rows_of_a_clinic()
    rows[0]["modality"], rows[4]["finding"] = "CT", "todo"
    metadata = clinic(rows)
    (metadata.parent / "images" / rows[6]["filename"]).write_bytes(b"no image")
    (metadata.parent / "images" / rows[7]["filename"]).unlink()

    record = prepare(workspace, metadata=[metadata]).record

    assert [row["row"] for row in excluded(workspace)] == ["1", "5", "8", "7"]
    assert len(read_manifest(workspace.dataset)) + len(excluded(workspace)) == record.rows == 16


def test_an_error_without_readable_films_shows_the_first_reason(clinic, workspace):
    metadata = clinic()
    for path in (metadata.parent / "images").iterdir():
        path.write_bytes(b"")

    with pytest.raises(MetadataError) as caught:
        prepare(workspace, metadata=[metadata])

    first = metadata.parent / "images" / "film0a.png"
    assert caught.value.message == (
        "Expected image files that can be read. Received: 16, none of them. "
        f"Expected a film. Received: {first}, which is empty (0 bytes)."
    )
    assert not workspace.dataset.root.exists()


def test_the_overview_pictures_show_the_films(clinic, workspace):
    prepare(workspace, metadata=[clinic()])

    for path, size in (
        (workspace.dataset.distribution_picture, (840, 480)),
        (workspace.dataset.samples_picture, (1512, 624)),
    ):
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", size)
            pixels = np.asarray(picture.convert("RGB"))
        assert 0.02 < (pixels.min(axis=-1) < 250).mean() < 0.9
    with Image.open(workspace.dataset.distribution_picture) as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)} <= colors


def test_dollar_signs_in_a_finding_are_not_rendered_as_a_formula(clinic, workspace, rows_of_a_clinic):
    rows = rows_of_a_clinic()
    for row in rows[:9]:
        row["finding"] += ", $\\frac$ "

    assert prepare(workspace, metadata=[clinic(rows)]).record.rows == 16


@pytest.mark.usefixtures("undrawn")
def test_progress_follows_each_film_in_each_step(clinic, workspace):
    class Notes(Watcher):
        steps = []  # noqa: RUF012

        def track(self, items, description, *, total):
            items = list(items)
            self.steps.append((description, len(items), total))
            return iter(items)

    with watched_by(Notes()):
        prepare(workspace, metadata=[clinic()])

    assert Notes.steps == [("Reading films", 16, 16), ("Looking for altered copies", 16, 16), ("Copying films", 16, 16)]


def test_an_earlier_dataset_is_replaced_completely(clinic, workspace):
    prepare(workspace, metadata=[clinic()])
    stray = workspace.dataset.root / "stray.txt"
    stray.touch()
    prepare(workspace, metadata=[clinic(name="other", seed=1)], positive="Pneumonia")

    assert not stray.exists()
    assert {film.source for film in read_manifest(workspace.dataset)} == {"other"}
    assert sorted(path.name for path in workspace.root.iterdir()) == [".lock-dataset", "class_indices.json", "dataset"]


def disk_full(*_: object) -> None:
    raise WorkspaceError("disk full")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "failure", "error"),
    [
        ("write_manifest", disk_full, WorkspaceError),
        ("draw_distribution", interrupt, KeyboardInterrupt),
        ("write_record", disk_full, WorkspaceError),
        ("write_record", interrupt, KeyboardInterrupt),
    ],
)
def test_an_earlier_dataset_and_its_classes_survive_a_failed_prepare(
    clinic, workspace, monkeypatch, step, failure, error
):
    prepare(workspace, metadata=[clinic()])
    before = file_bytes(workspace.root)

    monkeypatch.setattr(module, step, failure)
    with pytest.raises(error):
        prepare(workspace, metadata=[clinic(name="other", seed=1)], positive="Pneumonia")

    assert file_bytes(workspace.root) == before
    assert sorted(path.name for path in workspace.root.iterdir()) == [".lock-dataset", "class_indices.json", "dataset"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"positive": "Fracture"}, MetadataError),
        ({"views": ["lateral"]}, MetadataError),
        ({"images": Path("nowhere")}, MetadataError),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_an_earlier_dataset_survives_wrong_options(clinic, workspace, options, error):
    metadata = clinic()
    prepare(workspace, metadata=[metadata])
    before = file_bytes(workspace.root)

    with pytest.raises(error):
        prepare(workspace, metadata=[metadata], **options)

    assert file_bytes(workspace.root) == before


def test_a_link_across_file_systems_is_an_error_with_a_hint(clinic, workspace, monkeypatch):
    def other_device(path: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", other_device)
    with pytest.raises(WorkspaceError) as caught:
        prepare(workspace, metadata=[clinic()], link=True)

    assert caught.value.message.startswith("Expected to link ")
    assert caught.value.message.endswith("Received: Invalid cross-device link.")
    assert caught.value.hint == "Hard links need one file system: leave out --link"
    assert not workspace.dataset.root.exists()


@pytest.mark.usefixtures("undrawn")
def test_metadata_or_images_inside_the_dataset_are_refused_before_any_change(clinic, workspace):
    metadata = clinic()
    prepare(workspace, metadata=[metadata])
    inside = workspace.dataset.root / "metadata.csv"
    shutil.copyfile(metadata, inside)
    before = file_bytes(workspace.root)

    for options in ({"metadata": [inside]}, {"metadata": [metadata], "images": workspace.dataset.root / "split"}):
        place = options.get("images", inside)
        with pytest.raises(WorkspaceError) as caught:
            prepare(workspace, **options)
        assert caught.value.message == (
            f"Expected metadata and images outside {workspace.dataset.root}, which is replaced. Received: {place}."
        )
        assert caught.value.hint == "Name another workspace: --workspace DIR"

    assert file_bytes(workspace.root) == before


def test_a_file_in_place_of_the_workspace_is_an_error_and_is_kept(clinic, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")

    with pytest.raises(WorkspaceError, match=r"^Expected to write to "):
        prepare(Workspace(tmp_path / "file"), metadata=[clinic()])

    assert (tmp_path / "file").read_bytes() == b"mine"


def test_errors_are_shown_by_the_command_line(workspace, tmp_path):
    with pytest.raises(CxrError):
        prepare(workspace, metadata=[tmp_path / "missing.csv"])

    assert not workspace.root.exists()


@pytest.mark.realdata
@pytest.mark.skipif(not SHARED.is_file(), reason="the real radiographs of ../shared are not here")
def test_the_ieee8023_collection_has_the_films_counted_by_hand(workspace):
    record = prepare(workspace, metadata=[SHARED]).record
    films = read_manifest(workspace.dataset)

    assert [(step.rule, step.left) for step in record.funnel] == [
        ("modality is X-ray", 674),
        ("view is PA, AP, AP Supine", 578),
        ("finding is known", 527),
        ("image file exists", 524),
        ("image file is listed once", 524),
        ("image can be read", 524),
    ]
    assert record.rows == 758
    assert len(films) == 524
    assert record.fingerprint == "208c717cdf57148ddd8e3efd6d30e6992b3b16b3d04f85e1668af78be725095c"
    assert sum(film.label == "covid" for film in films) == 427
    assert sum(film.label == "non_covid" for film in films) == 97
    assert len({(film.patient, film.split) for film in films}) == len({film.patient for film in films})
    assert len({(film.sha256, film.split) for film in films}) == len({film.sha256 for film in films})


def test_the_split_does_not_depend_on_the_name_of_the_folder(tmp_path, undrawn):
    parts = []
    for name in ("one", "other"):
        metadata = write_phantoms(tmp_path / name, films=16)
        workspace = Workspace(tmp_path / f"workspace-{name}")
        prepare(workspace, metadata=[metadata], seed=1)
        parts.append([(film.sha256, film.split) for film in read_manifest(workspace.dataset)])

    assert parts[0] == parts[1]


@pytest.fixture
def class_folders(tmp_path, film_at):
    """Write class folders with two films of noise for each of the given patients, and return their parent folder."""

    def write(folders: dict[str, range]) -> Path:
        for number, (name, patients) in enumerate(folders.items()):
            for patient in patients:
                for film in range(2):
                    film_at(
                        tmp_path / "tree" / name / f"{patient:03d}_{film}.png", 10_000 * number + 10 * patient + film
                    )
        return tmp_path / "tree"

    return write


def test_class_folders_become_a_dataset(class_folders, workspace):
    folder = class_folders({"covid": range(12), "normal": range(8, 20)})
    prepared = prepare(workspace, folders=folder, patient_pattern=r"^(\d+)_", seed=2)
    films, record = read_manifest(workspace.dataset), prepared.record

    assert record.rows == len(films) == 48
    assert json.loads(workspace.class_indices.read_text()) == {"normal": 0, "covid": 1}
    assert sum(record.patients.values()) == 20
    assert (record.patients_from, record.patients_apart, record.patients_listed) == ("file names", True, 20)
    assert {step.patients for step in record.funnel} == {20}
    assert [record.patients_in(part) for part in PARTS] == [str(count) for count in record.patients.values()]
    assert len({(film.patient, film.split) for film in films}) == 20
    assert record.findings == {"normal": {"normal": 24}, "covid": {"covid": 24}}
    assert (record.given_parts, record.leaks, record.films_without_patient) == ([], [], 0)
    assert record.notes == ["4 patients have films of both classes and count once in each."]
    assert f"Note: {record.notes[0]}" in prepared.warnings
    assert record.options == {
        "metadata": [],
        "images": None,
        "views": None,
        "folders": str(folder),
        "dicom": False,
        "patient_pattern": r"^(\d+)_",
        "positive": "covid",
        "split": "70/15/15",
        "seed": 2,
        "hold_out": [],
        "link": False,
    }
    film = next(film for film in films if film.original.endswith("covid/003_1.png"))
    assert (film.label, film.finding, film.patient, film.group, film.source, film.view) == (
        *("covid", "covid", "003", "tree:003", "tree", ""),
    )
    assert (workspace.dataset.root / film.path).read_bytes() == Path(film.original).read_bytes()
    assert workspace.dataset.samples_picture.is_file()


@pytest.mark.usefixtures("undrawn")
def test_given_parts_are_kept_and_a_missing_one_is_drawn_from_train(class_folders, workspace):
    folder = class_folders(
        {
            "train/covid": range(12),
            "train/normal": range(20, 32),
            "valid/covid": range(40, 43),
            "valid/normal": range(50, 53),
        }
    )
    record = prepare(workspace, folders=folder, patient_pattern=r"^(\d+)_").record
    films = read_manifest(workspace.dataset)

    assert record.given_parts == ["train", "val"]
    assert {film.split for film in films if "/valid/" in film.original} == {"val"}
    assert {film.split for film in films if "/train/" in film.original} == {"train", "test"}
    assert record.films["val"] == {"normal": 6, "covid": 6}
    assert record.films["test"] == {"normal": 4, "covid": 4}
    assert record.leaks == []


@pytest.mark.usefixtures("undrawn")
def test_a_leak_in_a_given_split_is_kept_and_recorded(class_folders, workspace):
    folder = class_folders(
        {f"{part}/{kind}": range(3) for part in ("train", "val", "test") for kind in ("covid", "normal")}
    )
    for part in ("val", "test"):
        for kind in ("covid", "normal"):
            for path in (folder / part / kind).iterdir():
                path.rename(path.with_name(f"9{part[0] == 'v':d}{path.name}"))
    shutil.copyfile(folder / "train" / "covid" / "001_0.png", folder / "test" / "covid" / "elsewhere.png")
    (folder / "val" / "covid" / "new.png").write_bytes((folder / "train" / "normal" / "002_1.png").read_bytes())
    record = prepare(workspace, folders=folder, patient_pattern=r"^(\d+)_").record

    assert read_record(workspace.dataset.record, DatasetRecord) == record
    assert record.options["split"] == "given"
    assert record.films == {
        "train": {"normal": 6, "covid": 6},
        "val": {"normal": 6, "covid": 7},
        "test": {"normal": 6, "covid": 7},
    }
    assert record.leaks == [
        Leak(earlier="train", later="val", films=1, patients=1, copies=1),
        Leak(earlier="train", later="test", films=1, patients=1, copies=1),
    ]
    assert record.notes == ["9 patients have films of both classes and count once in each."]
    assert record.duplicates == Duplicates(
        exact=2,
        near=0,
        other_class=1,
        other_patient=0,
        other_source=0,
        other_part=2,
        contradictions=[("split/train/normal/002_1-2.png", "split/val/covid/new.png")],
    )
    assert record.films_without_patient == 2


@pytest.mark.usefixtures("undrawn")
def test_patients_of_left_out_files_are_counted_until_the_rule_that_leaves_them_out(class_folders, workspace):
    folder = class_folders({"covid": range(5), "normal": range(5, 10)})
    (folder / "covid" / "000_9.png").write_bytes(b"no image")  # its patient has other films
    (folder / "covid" / "777_0.png").write_bytes(b"no image")
    (folder / "covid" / "888_0.txt").write_bytes(b"no image")
    record = prepare(workspace, folders=folder, patient_pattern=r"^(\d+)_").record

    assert record.patients_listed == 12
    assert [(step.removed, step.patients) for step in record.funnel] == [(1, 11), (0, 11), (0, 11), (2, 10)]


@pytest.mark.usefixtures("undrawn")
def test_shares_for_a_given_split_are_refused(class_folders, workspace):
    folder = class_folders(
        {f"{part}/{kind}": range(2) for part in ("train", "val", "test") for kind in ("covid", "normal")}
    )

    with pytest.raises(SplitError) as caught:
        prepare(workspace, folders=folder, split=(60, 20, 20))
    assert caught.value.message == (
        f"Expected no split, as {folder} has train, val, test, which are kept as they are. Received: 60/20/20."
    )
    assert not workspace.root.exists()


@pytest.mark.usefixtures("undrawn")
def test_a_given_part_without_readable_films_is_not_drawn_again(class_folders, workspace):
    folder = class_folders({f"{part}/{kind}": range(4) for part in ("train", "val") for kind in ("covid", "normal")})
    for path in (folder / "val").rglob("*.png"):
        path.write_bytes(b"")

    with pytest.raises(SplitError, match=r"^Expected films of both classes in the given val\. Received: none"):
        prepare(workspace, folders=folder)


@pytest.mark.usefixtures("undrawn")
def test_an_unreadable_film_in_a_class_folder_is_excluded_with_the_reason(class_folders, workspace):
    folder = class_folders({"covid": range(5), "normal": range(5, 10)})
    (folder / "covid" / "broken.png").write_bytes(b"no image")
    record = prepare(workspace, folders=folder).record

    assert record.funnel[-1] == FunnelStep(rule="image can be read", removed=1, left=20)
    (row,) = excluded(workspace)
    assert row == {
        **dict.fromkeys(("metadata", "row", "patient", "view", "modality"), ""),
        "filename": "covid/broken.png",
        "finding": "covid",
        "reason": f"Expected a film. Received: {folder}/covid/broken.png, which is not an image.",
    }


@pytest.mark.usefixtures("undrawn")
def test_the_workspace_can_be_beside_the_class_folders_but_not_be_their_folder(class_folders):
    folder = class_folders({"covid": range(4), "normal": range(4, 8)})
    workspace = Workspace(folder / "workspace")
    for _ in range(2):
        assert prepare(workspace, folders=folder).record.rows == 16

    with pytest.raises(WorkspaceError, match=r"^Expected class folders outside the workspace\."):
        prepare(Workspace(folder), folders=folder)
    with pytest.raises(WorkspaceError, match=r"^Expected class folders outside .*, which is replaced\."):
        prepare(workspace, folders=workspace.dataset.root / "split" / "train")


@pytest.mark.realdata
@pytest.mark.usefixtures("undrawn")
def test_the_nih_folders_have_the_films_and_patients_counted_by_hand(shared, workspace):
    folder = shared / "data" / "nih-frontal"
    record = prepare(workspace, folders=folder, positive="pneumonia", patient_pattern=r"^(\d+)_").record
    films = read_manifest(workspace.dataset)

    assert record.findings == {"no_findings": {"no_findings": 500}, "pneumonia": {"pneumonia": 500}}
    assert sum(record.patients.values()) == len({film.group for film in films}) == 682
    assert {row["filename"]: row["reason"] for row in excluded(workspace)} == {
        "metadata.csv": "its suffix is not that of an image file"
    }

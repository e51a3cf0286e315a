"""`--dicom-out`: what predict, gradcam and segment write of a study, read back and validated."""

import random
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    ComprehensiveSRStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from tests.pacs.conftest import PLANTED, no_identity_in, write_film

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import UsageError
from cxr_cli.films.reader import read_film
from cxr_cli.pacs.reports import Reports
from cxr_cli.pacs.study_film import check_study_films
from cxr_cli.prediction.rows import make_row


def read_all(folder: Path) -> dict[str, pydicom.Dataset]:
    """The objects of one film in a folder, by class."""
    return {data.SOPClassUID: data for data in map(pydicom.dcmread, sorted(folder.glob("*.dcm")))}


def belongs_to(made: pydicom.Dataset, film: pydicom.Dataset) -> bool:
    """Whether a new object is filed with its film, as something new."""
    same = ("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate")
    new = ("SeriesInstanceUID", "SOPInstanceUID")
    return all(made[name].value == film[name].value for name in same) and all(
        made[name].value != film[name].value for name in new
    )


def contents(item: pydicom.Dataset) -> dict[str, object]:
    """The content items below `item` by their names."""
    found = {}
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in child else "image"
        value = child.get("TextValue") or child.get("UID")
        if "MeasuredValueSequence" in child:
            value = float(child.MeasuredValueSequence[0].NumericValue)
        elif child.ValueType == "CODE":
            value = child.ConceptCodeSequence[0].CodeMeaning
        elif child.ValueType == "IMAGE":
            value = child.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        found.setdefault(name, value)
        found |= {key: one for key, one in contents(child).items() if key not in found}
    return found


def test_a_report_says_what_was_predicted_of_which_film_by_which_model(cxr, studies, tmp_path, predictor, validated):
    film, out = studies / "film0.dcm", tmp_path / "out"
    result = cxr("predict", film, "--dicom-out", out, "--csv", tmp_path / "a.csv", "--alpha", "0.1", "-w", tmp_path)

    assert result.exit_code == 0
    assert f"DICOM reports of 1 film: {out}\n" in result.stderr
    (path,) = out.iterdir()
    report, source = pydicom.dcmread(path), pydicom.dcmread(film)
    assert report.SOPClassUID == ComprehensiveSRStorage
    assert path.name == f"{report.SOPInstanceUID}.dcm"
    assert belongs_to(report, source)
    said, row = contents(report), predictor.predict_file(film)
    assert said["Predicted class"] == row.label
    assert said["Probability of covid"] == pytest.approx(row.probabilities["covid"], abs=1e-6)
    assert said["Operating point: least probability of covid"] == pytest.approx(predictor.record.threshold, abs=1e-6)
    assert said["Algorithm Name"] == "bundled"
    assert said["Algorithm Version"] == predictor.run.version
    assert said["Algorithm Parameters"].startswith("sha256 of the model: ")
    assert said["Comment"] == DISCLAIMER
    assert said["Prediction set"]
    assert said["Source of Measurement"] == source.SOPInstanceUID
    assert no_identity_in(result.stdout, result.stderr, (tmp_path / "a.csv").read_text())
    validated(path)


def test_a_film_without_a_class_has_no_report(cxr, studies, noise, tmp_path):
    cut = tmp_path / "cut.dcm"
    cut.write_bytes((studies / "film1.dcm").read_bytes()[:5000])
    result = cxr("predict", studies / "film0.dcm", noise, cut, "--dicom-out", tmp_path / "out", "-w", tmp_path)

    assert result.exit_code == 4
    assert "DICOM reports of 1 film: " in result.stderr
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_heat_map_is_a_picture_and_a_map_of_values(cxr, studies, tmp_path, predictor, validated):
    from cxr_cli.explanation.explain import explain_film

    film, out = studies / "film0.dcm", tmp_path / "out"
    result = cxr("gradcam", film, "-o", tmp_path / "heat.png", "--dicom-out", out, "-w", tmp_path)

    assert result.exit_code == 0
    assert f"DICOM heat maps of 1 film: {out}\n" in result.stderr
    made, source = read_all(out), pydicom.dcmread(film)
    assert made.keys() == {SecondaryCaptureImageStorage, ParametricMapStorage}
    assert all(belongs_to(one, source) for one in made.values())
    picture = made[SecondaryCaptureImageStorage].pixel_array
    assert picture.shape[1:] == (400, 3)
    assert (picture.max(axis=-1) != picture.min(axis=-1)).any(), "the heat has colors"
    values = made[ParametricMapStorage]
    cam = Image.fromarray(explain_film(predictor, film).cam).resize((400, 450), Image.Resampling.BICUBIC)
    assert np.allclose(values.pixel_array, np.asarray(cam), atol=1e-6)
    derived = values.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert derived.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert no_identity_in(result.stdout, result.stderr)
    validated(*out.iterdir())


def test_a_gallery_has_the_objects_of_each_film(cxr, studies, noise, tmp_path):
    out = tmp_path / "out"
    result = cxr("gradcam", studies, noise, "-o", tmp_path / "gallery", "--dicom-out", out, "-w", tmp_path)

    assert result.exit_code == 4
    assert f"DICOM heat maps of 2 films: {out}\n" in result.stderr
    assert len(list(out.iterdir())) == 4


def test_lungs_are_segments_right_and_left_where_the_film_says_which_is_which(cxr, studies, tmp_path, validated):
    out = tmp_path / "out"
    result = cxr("segment", studies, "--dicom-out", out, "-o", tmp_path / "masks", "-w", tmp_path)

    assert result.exit_code == 0
    assert f"DICOM segmentations of 2 films: {out}\n" in result.stderr
    by_film = {}
    for path in out.iterdir():
        made = hd.seg.segread(path)
        assert made.SOPClassUID == SegmentationStorage
        (source,) = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        by_film[source.ReferencedSOPInstanceUID] = made
    for name, labels in (("film0.dcm", ["Right lung", "Left lung"]), ("film1.dcm", ["Lung"])):
        film = pydicom.dcmread(studies / name)
        made = by_film[film.SOPInstanceUID]
        assert belongs_to(made, film)
        assert [segment.SegmentLabel for segment in made.SegmentSequence] == labels
        pixels = made.get_pixels_by_source_instance([film.SOPInstanceUID])[0] > 0
        mask = read_film(tmp_path / "masks" / "masks" / f"{name}.png") > 0
        assert np.array_equal(pixels.any(axis=-1), mask)
        if len(labels) == 2:
            centers = [np.flatnonzero(pixels[..., lung].any(axis=0)).mean() for lung in (0, 1)]
            assert centers[0] < centers[1], "rows lead to the patient's left: the right lung is on the left"
    codes = [[part.SegmentedPropertyTypeCodeSequence[0] for part in made.SegmentSequence] for made in by_film.values()]
    assert sorted([code.CodeValue for code in one] for one in codes) == [["3341006", "44029006"], ["39607008"]]
    validated(*out.iterdir())


@pytest.mark.parametrize("command", ["predict", "gradcam", "segment"])
def test_a_film_that_has_no_study_is_refused_before_any_work(cxr, studies, tmp_path, command):
    film = tmp_path / "film.png"
    Image.fromarray(read_film(studies / "film0.dcm")).save(film)
    arguments = ("--dicom-out", tmp_path / "out", "-w", tmp_path / "ws")
    note = f"{tmp_path / 'ws'} is no folder; predicted by the bundled model.\n"  # segment needs no run
    picture = cxr(command, studies / "film0.dcm", film, *arguments)
    bare = write_film(tmp_path / "bare.dcm", read_film(studies / "film0.dcm"), StudyInstanceUID=None)
    without = cxr(command, bare, *arguments)

    assert (picture.exit_code, picture.stdout) == (2, "")
    assert picture.stderr.removeprefix(note) == (
        "Error: Expected DICOM films, because DICOM results refer to their studies. Received: "
        f"{film}, which is no DICOM file.\nName DICOM films only, or leave out --dicom-out\n"
    )
    assert (without.exit_code, without.stdout) == (2, "")
    assert without.stderr.removeprefix(note) == (
        "Error: Expected films that a DICOM result can refer to. Received: "
        f"{bare}, whose header lacks StudyInstanceUID.\nLeave out the film, or --dicom-out\n"
    )
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("command", [("predict", "--dicom-out"), ("segment", "--dicom-out"), ("listen", "--keep")])
def test_without_the_extra_one_line_says_how_to_install_it(cxr, studies, tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "highdicom", None)  # makes `import highdicom` fail
    films = [] if command[0] == "listen" else [studies]
    result = cxr(command[0], *films, command[1], tmp_path / "out", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Expected the package highdicom for work with DICOM studies. Received: it is not installed.\n"
        'Install it: pip install "cxr-cli[dicom]"\n'
    )


def test_headers_that_break_the_rules_are_repeated_and_never_printed(cxr, tmp_path, studies):
    odd = {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": "Plantedname Müller",  # no ^, which highdicom logs
        "PatientBirthDate": None,
        "PatientSex": None,
        "StudyID": None,
        "Modality": None,
        "StudyTime": None,
    }
    film = write_film(tmp_path / "odd.dcm", read_film(studies / "film0.dcm"), **odd)
    data = film.read_bytes().replace(b"20200301", b"1.3.2020")  # no date
    film.write_bytes(data)
    result = cxr("predict", film, "--dicom-out", tmp_path / "out", "-w", tmp_path)

    assert result.exit_code == 0
    assert no_identity_in(result.stdout, result.stderr)
    (report,) = map(pydicom.dcmread, (tmp_path / "out").iterdir())
    assert (str(report.PatientName), report["StudyDate"].value) == ("Plantedname Müller", "1.3.2020")


def test_damaged_headers_end_in_a_report_or_in_words(studies, tmp_path, predictor):
    film, damaged = studies / "film0.dcm", tmp_path / "damaged.dcm"
    row = make_row(predictor, "film", predictor.predict_file(film))
    reports = Reports(tmp_path / "out", predictor)
    whole, rng = bytearray(film.read_bytes()), random.Random(1)
    header, faults = whole.index(b"\xe0\x7f\x10\x00"), []
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(132, header)] = rng.choice((0, 255, 0x5C, rng.randrange(256)))
        damaged.write_bytes(data)
        try:
            check_study_films([damaged])
            reports.add(damaged, row)
        except UsageError as error:
            faults.append(error.message)

    assert reports.written + len(reports.failed) + len(faults) == 60
    assert reports.written > 10
    assert len(faults) > 10
    assert no_identity_in(*faults, *(error.message for error in reports.failed))


def test_a_cluster_and_a_part_of_the_dataset_are_refused(cxr, studies, tmp_path):
    cluster = cxr("predict", studies, "--cluster", "local", "-o", tmp_path / "p", "--dicom-out", tmp_path / "out")
    part = cxr("gradcam", "--split", "test", "--dicom-out", tmp_path / "out", "-w", tmp_path)

    assert (cluster.exit_code, part.exit_code) == (2, 2)
    assert cluster.stderr.startswith("Error: Expected cluster without dicom_out and dicomweb. Received: both.\n")
    assert part.stderr.startswith("Error: Expected dicom_out with DICOM films that are named.")


def test_from_python(studies, tmp_path):
    import cxr_cli

    (row,) = cxr_cli.predict(studies / "film0.dcm", dicom_out=tmp_path / "out", workspace=tmp_path)
    (report,) = map(pydicom.dcmread, (tmp_path / "out").iterdir())

    assert contents(report)["Predicted class"] == row.class_
    assert str(report.PatientName) == PLANTED["PatientName"]

"""Each slip on the command line is answered with what was probably meant, before anything is done."""

import os
import re
import socket
from pathlib import Path

import pytest

from cxr_cli.workspace.layout import Workspace

FOLDER = Path(__file__).parent

ARCHITECTURES = (
    "'mobilenetv2', 'simple-cnn', 'cnn-xgboost', 'mobilenet', 'resnet50', 'xception', 'efficientnetv2-b0', "
    "'densenet121', 'convnext-tiny', 'lung-unet', 'all'"
)
MASKS = "'unet', 'fcm', 'dbscan', 'otsu'"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (
            "train --arch mobilenet-v2",
            f"Invalid value for '--arch': 'mobilenet-v2' is not one of {ARCHITECTURES}. Did you mean mobilenetv2?",
        ),
        (
            "train --arch=ResNet50",
            f"Invalid value for '--arch': 'ResNet50' is not one of {ARCHITECTURES}. Did you mean resnet50?",
        ),
        ("train --arch vgg16", f"Invalid value for '--arch': 'vgg16' is not one of {ARCHITECTURES}."),
        ("segment --method u-net", f"Invalid value for '--method': 'u-net' is not one of {MASKS}. Did you mean unet?"),
        (
            "gradcam film.png --method grad-cam++",
            "Invalid value for '--method': 'grad-cam++' is not one of 'gradcam', 'gradcam++', 'hirescam', 'layercam', "
            "'eigencam'. Did you mean gradcam++?",
        ),
        ("train --lr 0.001", "No such option: --lr. Did you mean --learning-rate?"),
        ("train --epoch 3", "No such option: --epoch. Did you mean --epochs?"),
        ("train --epochs -1", "Invalid value for '--epochs': -1 is not in the range 0 or more."),
        ("train --dropout 2", "Invalid value for '--dropout': 2.0 is not in the range 0 to 0.95."),
        ("calibrate --threshold 0.4", "No such option: --threshold. Did you mean --operating-point threshold=0.4?"),
        ("train --threshold=0.4", "No such option: --threshold. Did you mean --operating-point threshold=0.4?"),
        ("calibrate --threshold", "No such option: --threshold. Did you mean --operating-point threshold=0.5?"),
        (
            "predict film.png --threshold 0.4",
            "No such option: --threshold. The operating point belongs to the run: "
            "cxr calibrate --operating-point threshold=0.4.",
        ),
        ("predict film.png --epochs 3", "No such option: --epochs. It is an option of cxr train and cxr crossval."),
        ("predict film.png --quiet", "No such option: --quiet. All options: cxr predict --help"),
        ("train mobilenetv2", "Got unexpected extra argument(s) (mobilenetv2). Did you mean --arch mobilenetv2?"),
        ("train --epochs three", "Invalid value for '--epochs': 'three' is not a whole number."),
        ("train --dropout much", "Invalid value for '--dropout': 'much' is not a number."),
        ("train --epochs", "Option '--epochs' needs a value."),
        ("export", "Missing option --format. Choose from litert, onnx, savedmodel, h5."),
        ("train --config a.toml", "No such option: --config. It comes before the command: cxr --config … train"),
        ("-w study predict", "No such option: -w. It comes after the command: cxr COMMAND -w"),
        (f"prepare {__file__}", f"Got unexpected extra argument(s) ({__file__}). Did you mean --metadata {__file__}?"),
        (
            f"prepare {FOLDER}",
            f"Got unexpected extra argument(s) ({FOLDER}). Did you mean --folders {FOLDER}?",
        ),
        ("train now", "Got unexpected extra argument(s) (now). All options: cxr train --help"),
        ("predikt", "No such command 'predikt'. Did you mean predict?"),
        ("help trian", "No such command 'trian'. Did you mean train?"),
        ("test", "No such command 'test'. Did you mean evaluate?"),
        ("heatmap film.png", "No such command 'heatmap'. Did you mean gradcam?"),
        ("version", "No such command 'version'. Did you mean --version?"),
        ("Help", "No such command 'Help'. Did you mean help?"),
        ("runs delete mine", "No such command 'delete'. Did you mean rm?"),
        ("runs --remove mine", "No such option: --remove. Did you mean cxr runs rm?"),
        (
            "predict",
            "Invalid value: Expected films, or a DICOMweb server with a study. For example: cxr predict film.png, or "
            "cxr predict films",
        ),
        ("--hlep", "No such option: --hlep. Did you mean --help?"),
        ("predict film.png --run mine", "No such option: --run. Did you mean --model?"),
        ("prepare --csv a.csv", "No such option: --csv. Did you mean --metadata?"),
        ("export mine onnx", "Missing option --format. Did you mean --format onnx?"),
        (
            "calibrate mine 0.4",
            "Got unexpected extra argument(s) (0.4). Did you mean --operating-point threshold=0.4?",
        ),
        ("xyz", "No such command 'xyz'. All commands: cxr --help"),
        ("--versoin", "No such option: --versoin. Did you mean --version?"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(cxr, line, answer):
    result = cxr(*line.split())

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == f"Error: {answer}"


def test_help_is_a_command_too(cxr):
    assert cxr("help") == cxr("--help")
    assert cxr("help", "train") == cxr("train", "--help")


POINTS = (
    "Error: Expected an operating point: youden, or sensitivity, specificity, sensitivity-at-least, "
    "specificity-at-least or threshold with a value between 0 and 1. Received: {}.\n{}\n"
)


@pytest.mark.parametrize(
    ("point", "hint"),
    [
        ("0.5", "Say what 0.5 is: --operating-point threshold=0.5, or sensitivity=0.5 or specificity=0.5"),
        ("sens=0.9", "Write it like this: --operating-point sensitivity=0.9"),
        ("sensitivity=95%", "Write it like this: --operating-point sensitivity=0.95"),
        ("threshold=50", "Write it like this: --operating-point threshold=0.5"),
        ("Youden", "Write it like this: --operating-point youden"),
        ("sensitivity", "For example: --operating-point sensitivity=0.95"),
    ],
)
def test_an_operating_point_that_is_written_wrong_is_shown_right(cxr, own_trained, point, hint):
    result = cxr("calibrate", "--operating-point", point, "-w", own_trained.root)

    assert (result.exit_code, result.stderr) == (2, POINTS.format(point, hint))


def test_a_run_of_a_similar_name_is_offered(cxr, trained):
    result = cxr("predict", "film.png", "--model", "simplecnn", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: Expected the name of a trained run in {trained.models}. Received: 'simplecnn'.\n"
        "Did you mean simple-cnn? Trained runs: simple-cnn\n"
    )


def test_a_finding_that_no_film_has_is_answered_with_those_that_there_are(cxr, phantoms, tmp_path):
    result = cxr("prepare", "--metadata", phantoms, "--positive", "Pneumona", "-w", tmp_path / "study")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Expected films with the finding Pneumona. Received: 40 films with Pneumonia (5), No Finding (20), "
        "ARDS (1), Viral (5), COVID-19 (20).\n"
        "Say which is positive, for example: --positive Pneumonia\n"
    )
    assert not (tmp_path / "study").exists()


def test_views_that_no_film_has_are_answered_with_those_that_there_are(cxr, phantoms, tmp_path):
    result = cxr("prepare", "--metadata", phantoms, "--views", "LATERAL", "-w", tmp_path / "study")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "The views there are PA (16), AP (12), AP Supine (12); say which to keep: --views PA"
    )


def test_paths_at_which_nothing_is_are_answered_with_the_nearest(cxr, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "covid.png").write_bytes(b"")
    (tmp_path / "films" / "metadata.csv").write_text("filename,finding\n")
    (tmp_path / "empty").mkdir()
    answers = {
        "predict films/covd.png": "films/covd.png.\nDid you mean films/covid.png?",
        "predict film/covid.png": "film/covid.png.\nDid you mean films?",
        "predict films/*.jpg": "films/*.jpg.\nThe folder films has films of other names, such as covid.png",
        "predict empty/*.png": "empty/*.png.\nThe folder empty has no films",
        "prepare --metadata films": "films: Is a directory.\nDid you mean films/metadata.csv?",
        "prepare --metadata films/metdata.csv": (
            "films/metdata.csv: No such file or directory.\nDid you mean films/metadata.csv?"
        ),
        "prepare --metadata films/*.csv": ("films/*.csv: No such file or directory.\nDid you mean films/metadata.csv?"),
        "prepare --folders flims": "flims: no such folder.\nDid you mean films?",
        "prepare --folders films/metadata.csv": (
            "films/metadata.csv: it is a file.\n"
            "Name the folder that holds the class folders: --folders DIR; or a metadata file: --metadata FILE"
        ),
        "prepare --metadata films/metadata.csv --images flims": "flims: no such folder.\nDid you mean films?",
        "prepare --dicom films/covid.png --findings films/metadata.csv": (
            "films/covid.png: it is a file.\nName it: --dicom DIR"
        ),
        "predict films -w films/metadata.csv": (
            "films/metadata.csv: it is a file.\nName a folder, which need not exist yet: --workspace DIR"
        ),
    }

    for line, answer in answers.items():
        place = [] if "-w" in line else ["-w", trained.root if "predict" in line else "study"]
        assert cxr(*line.split(), *place).stderr.endswith(f" {answer}\n"), line


def test_the_home_folder_is_known_where_no_shell_wrote_it_out(cxr, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "study").write_text("")

    result = cxr("predict", "~/film.png", "--workspace=~/study")

    assert result.stderr.startswith(
        f"Error: Expected a folder for the workspace. Received: {tmp_path / 'study'}: it is a file.\n"
    )


def test_a_run_that_is_being_trained_is_refused_before_tensorflow_loads(cxr, prepared):
    with Workspace(prepared.root).lock_run("again"):
        result = cxr("train", "--name", "again", "-w", prepared.root)

    assert result.exit_code == 1
    first, hint = result.stderr.splitlines()
    assert re.fullmatch(
        rf"Error: Expected {prepared.models / 'again'} to be free. Received: Python \(process {os.getpid()} on "
        rf"{socket.gethostname()}, since [-0-9]+ [:0-9]+\) is writing there\.",
        first,
    )
    assert hint == "Wait for it to finish, or choose another name: --name NAME"


def test_a_table_without_findings_is_not_taken_for_metadata(cxr, in_folder):
    (in_folder / "meta.csv").write_text("image,class\na.png,covid\n")
    wanted = "Error: Expected a CSV file. Received: metad.csv: No such file or directory.\n"

    result = cxr("prepare", "--metadata", "metad.csv")
    assert result.stderr.startswith(wanted)
    assert "Did you mean" not in result.stderr

    (in_folder / "meta.csv").write_text("filename,finding\na.png,COVID-19\n")
    assert cxr("prepare", "--metadata", "metad.csv").stderr == f"{wanted}Did you mean meta.csv?\n"

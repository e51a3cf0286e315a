"""Each slip on the command line is answered with what was probably meant, before anything is done."""

import pytest

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
        ("train now", "Got unexpected extra argument(s) (now). All options: cxr train --help"),
        ("predikt", "No such command 'predikt'. Did you mean predict?"),
        ("help trian", "No such command 'trian'. Did you mean train?"),
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

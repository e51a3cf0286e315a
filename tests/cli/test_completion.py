"""What Tab offers, and that it is quick."""

import os
import subprocess
import sys

import pytest

from cxr_cli.cli.app import main


@pytest.fixture
def complete(monkeypatch, capfd, tmp_path):
    """Return what Tab offers behind some words, as a shell asks for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CXR_WORKSPACE", raising=False)

    def ask(line):
        monkeypatch.setenv("_CXR_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit) as stopped:
            main([])
        assert stopped.value.code == 0
        return [word for word in capfd.readouterr().out.split("\n") if word]

    return ask


def test_tab_offers_runs_the_newest_first(complete, tmp_path):
    for number, name in enumerate(["resnet", "xception"]):
        (tmp_path / "study" / "models" / name).mkdir(parents=True)
        (tmp_path / "study" / "models" / name / "run.json").write_text(f'{{"created": "2026-01-0{number + 1}"}}')
    (tmp_path / "study" / "models" / "lungs").mkdir()
    (tmp_path / "study" / "models" / "lungs" / "lungs.json").write_text("{}")
    (tmp_path / "cxr.toml").write_text('workspace = "study"\n')

    assert complete("cxr predict -m ") == ["xception", "resnet", "bundled"]
    assert complete("cxr evaluate re") == ["resnet"]
    assert complete("cxr export ") == ["xception", "resnet"]
    assert complete("cxr compare resnet x") == ["xception"]
    assert complete("cxr train --from l") == ["lungs"]
    assert complete("cxr segment --run ") == ["lungs"]
    assert complete("cxr predict -w none -m ") == ["bundled"]


def test_tab_offers_unfinished_runs_to_resume(complete, tmp_path):
    (tmp_path / "workspace" / "checkpoints").mkdir(parents=True)
    (tmp_path / "workspace" / "checkpoints" / "resnet50.npz").touch()

    assert complete("cxr train --resume ") == ["resnet50"]


def test_tab_offers_the_findings_of_the_files_before(complete, phantoms):
    assert complete(f"cxr prepare --metadata {phantoms} --positive ") == [
        *("ARDS", "COVID-19", "No Finding", "Pneumonia", "Viral")
    ]
    assert complete(f"cxr prepare --metadata {phantoms} --positive P") == ["Pneumonia"]
    assert complete("cxr prepare --metadata nowhere.csv --positive ") == []


def test_tab_offers_commands_options_and_choices(complete):
    assert complete("cxr tr") == ["train"]
    assert complete("cxr train --le") == ["--learning-rate"]
    assert complete("cxr train --arch res") == ["resnet50"]
    assert complete("cxr gradcam --method grad") == ["gradcam", "gradcam++"]
    assert complete("cxr export --format ") == ["litert", "onnx", "savedmodel", "h5"]


def test_a_wrong_file_of_options_keeps_tab_from_nothing_else(complete, tmp_path):
    (tmp_path / "cxr.toml").write_text("nonsense")

    assert complete("cxr train --arch res") == ["resnet50"]
    assert complete("cxr predict -m b") == ["bundled"]


def test_tab_loads_nothing_heavy(tmp_path):
    code = (
        "import sys\nfrom cxr_cli.cli.app import main\ntry:\n    main([])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', {'tensorflow', 'keras', 'pandas', 'scipy', 'matplotlib', 'msgspec', 'rich'} & {*sys.modules})"
    )
    asked = {"_CXR_COMPLETE": "complete_bash", "COMP_WORDS": "cxr train --arch res", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "resnet50\nLOADED set()\n"

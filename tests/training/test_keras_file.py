"""A `.keras` file from anyone is layers of Keras and their weights, or it is refused before anything of it is run."""

import json
import shutil
import zipfile

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.training.keras_file import read_keras_model


@pytest.fixture
def model(trained, tmp_path):
    return shutil.copy(trained.run().keras_model, tmp_path / "model.keras")


def change(path, edit=lambda config: config, *, kind=zipfile.ZIP_STORED, more=(), without=()):
    """Write the file again, with its configuration edited and other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(edit(json.loads(members["config.json"]))).encode()
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in {**members, **dict(more)}.items():
            if name not in without:
                archive.writestr(name, data)


def layer(module, name, config):
    """Put a layer in place of the last one."""

    def edit(model):
        model["config"]["layers"][-1] |= {"module": module, "class_name": name, "config": {"name": "x", **config}}
        return model

    return edit


CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
FILES = {
    "a Lambda": {"edit": layer("keras.layers", "Lambda", {"function": CODE})},
    "a function of os": {"edit": layer("os", "system", {"command": "touch owned"})},
    "an activation of os": {
        "edit": layer("keras.layers", "Dense", {"units": 1, "activation": {"module": "os", "class_name": "system"}})
    },
    "a module alone": {"edit": lambda model: model | {"build_config": {"module": "subprocess"}}},
    "a saved model elsewhere": {"edit": layer("keras.layers", "TFSMLayer", {"filepath": "/elsewhere"})},
    "a pickle": {"edit": layer("keras.layers", "TorchModuleWrapper", {"module": "gASVAAAA"})},
    "another loader": {"edit": layer("keras.saving", "load_model", {"filepath": "/elsewhere"})},
    "a member outside": {"more": {"../../owned.txt": "owned"}},
    "one more member": {"more": {"assets/x.txt": "x"}},
    "no weights": {"without": ("model.weights.h5",)},
    "compressed": {"kind": zipfile.ZIP_DEFLATED},
    "nested without end": {"more": {"config.json": "[" * 100_000}},
    "another configuration": {"more": {"config.json": '{"class_name": 3}'}},
}


@pytest.mark.parametrize("name", FILES)
def test_more_than_layers_and_weights_is_refused(model, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    change(model, **FILES[name])

    with pytest.raises(WorkspaceError, match="Expected a Keras model in ") as caught:
        read_keras_model(model, hint="Make it again: cxr train")

    assert caught.value.hint == "Make it again: cxr train"
    assert not list(tmp_path.parent.glob("owned*"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_its_own_file_is_read_also_when_it_is_written_again(model):
    change(model)

    assert read_keras_model(model, hint="").count_params() > 0

"""A file that the user names is not overwritten unless asked, and nothing is done before that is known."""

import pytest

import cxr_cli
from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.outputs import refuse_existing

MINE = "mine"
WAYS = "To overwrite it: --replace. To keep it: name another place\n"


class Busy(Watcher):
    """Fails where a command begins to work."""

    def track(self, items, description, *, total):
        raise AssertionError(description)


def test_only_a_file_that_is_there_is_refused(tmp_path):
    taken = tmp_path / "a.csv"
    taken.write_text(MINE)
    refuse_existing(None, replace=False)
    refuse_existing(tmp_path / "b.csv", replace=False)
    refuse_existing(tmp_path, replace=False)
    refuse_existing(taken, replace=True)

    with pytest.raises(
        WorkspaceError, match=r"^Expected an output that does not exist yet\. Received: .*a\.csv, which exi"
    ):
        refuse_existing(taken, replace=False)


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (["predict", "FILM", "--csv", "a.csv"], "a.csv"),
        (["predict", "FILM", "FILM", "-o", "a.csv"], "a.csv"),
        (["gradcam", "FILM", "-o", "heat.png"], "heat.png"),
        (["gradcam", "FILM", "--raw", "-o", "heat.npy"], "heat.npy"),
        (["segment", "FILM", "-o", "lungs"], "lungs/segmentations.csv"),
        (["compare", "-o", "table"], "table/comparison.csv"),
        (["export", "--format", "litert", "-o", "a.tflite"], "a.tflite"),
        (["train", "--augment-preview", "a.png"], "a.png"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_every_command_refuses_before_any_work(cxr, trained, film, in_folder, words, there):
    (in_folder / there).parent.mkdir(exist_ok=True)
    (in_folder / there).write_text(MINE)
    with watched_by(Busy()):
        result = cxr(*[str(film) if word == "FILM" else word for word in words], "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected an output that does not exist yet. Received: {there}, which exists. Nothing was done.\n{WAYS}"
    )
    assert [path.read_text() for path in in_folder.rglob("*") if path.is_file()] == [MINE]


def test_replace_overwrites(cxr, trained, film, in_folder):
    for words in (["predict", film, "--csv", "a.csv"], ["gradcam", film, "-o", "heat.png"]):
        (in_folder / words[-1]).write_text(MINE)

        assert cxr(*words, "--replace", "-w", trained.root).exit_code == 0
        assert (in_folder / words[-1]).read_bytes() != MINE.encode()


def test_the_python_api_refuses_too(trained, film, in_folder):
    (in_folder / "a.csv").write_text(MINE)

    with pytest.raises(WorkspaceError, match="which exists"):
        cxr_cli.predict(film, csv="a.csv", workspace=trained.root)
    assert len(cxr_cli.predict(film, csv="a.csv", replace=True, workspace=trained.root)) == 1


def test_external_tests_of_two_folders_with_one_name_are_both_kept(cxr, own_trained, tmp_path):
    for number, hospital in enumerate(("a", "b")):
        write_phantoms(tmp_path / hospital / "films", films=8, seed=number)

    def test(hospital, *words):
        place = ("--external", "--metadata", tmp_path / hospital / "films" / "metadata.csv", "-w", own_trained.root)
        return cxr("evaluate", *place, *words)

    def tests():
        return {
            path.name: (path / "report.json").stat().st_ino
            for path in own_trained.evaluations("simple-cnn").glob("[!.]*")
            if path.name != "test"
        }

    assert test("a").exit_code == 0
    first = tests()
    said = test("b").stderr
    second = tests()

    assert list(first) == ["films"]
    assert "Named films-2, because films is a test on other films, which stays as it is.\n" in said
    assert sorted(second) == ["films", "films-2"]
    assert second["films"] == first["films"]

    assert "Called" not in test("a").stderr  # the same films: the same test again
    assert sorted(tests()) == ["films", "films-2"]
    assert tests()["films-2"] == second["films-2"]

    refused = test("b", "--name", "films")
    assert refused.exit_code == 1
    place = own_trained.evaluation("simple-cnn", "films").root
    assert refused.stderr.endswith(
        f"Error: Expected a name for this test that is not taken. Received: films, which is that of a test on other "
        f"films, in {place}.\nTo overwrite it: --replace. To keep it: --name NAME\n"
    )
    assert test("b", "--name", "films", "--replace").exit_code == 0
    assert sorted(tests()) == ["films", "films-2"]


def test_replace_needs_films_from_elsewhere(cxr, tmp_path):
    result = cxr("evaluate", "--replace", "-w", Workspace(tmp_path).root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == "Error: Expected replace with external only. Received: replace alone.\nLeave out --replace\n"
    )

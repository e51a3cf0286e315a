"""A folder is replaced again and again, and a reader never finds that it is missing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace import swap
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.reading import files_in_each, is_there, read_bytes, steadily
from cxr_cli.workspace.staging import staged_folder

SWAPS = 60


@pytest.fixture(params=["one step", "two renames"])
def way(request, monkeypatch) -> str:
    """How folders change places: as Linux and macOS can, or as on NFS and Windows."""
    if request.param == "two renames":
        monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    return request.param


@contextmanager
def readers(*read: Callable[[], object]) -> Iterator[list[object]]:
    """Call each function in a thread of its own, again and again; gives what they raised."""
    stop, problems = threading.Event(), []

    def again(function: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                function()
            except Exception as problem:  # noqa: BLE001 - handed to the test
                problems.append(problem)
                return

    threads = [threading.Thread(target=again, args=(function,)) for function in read]
    for thread in threads:
        thread.start()
    try:
        yield problems
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_reader_never_finds_no_record(tmp_path, way):
    workspace = Workspace(tmp_path)
    dataset, run = workspace.dataset, workspace.new_run("simple-cnn")

    def write(number: int) -> None:
        for folder, record in ((dataset.root, dataset.record), (run.root, run.record)):
            with staged_folder(folder) as stage:
                (stage / record.name).write_bytes(str(number).encode())

    def read_dataset() -> None:
        workspace.prepared()
        assert int(read_bytes(dataset.record, hint="")) >= 0

    def find_run() -> None:
        assert [one.name for one in workspace._complete_runs()] == ["simple-cnn"]

    write(0)
    with readers(read_dataset, find_run) as problems:
        for number in range(SWAPS):
            write(number)

    assert problems == []
    assert read_bytes(dataset.record, hint="") == str(SWAPS - 1).encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "models"]


def test_the_system_exchanges_folders_in_one_step(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not swap.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system can't exchange two folders in one step")

    assert (tmp_path / "a" / "b").exists()
    assert (tmp_path / "b" / "a").exists()
    with pytest.raises(FileNotFoundError):
        swap.exchange(tmp_path / "a", tmp_path / "missing")


def test_what_is_missing_is_missing(tmp_path):
    (tmp_path / "dataset").mkdir()

    assert not is_there(tmp_path / "dataset" / "dataset.json")
    assert not is_there(tmp_path / "models" / "run.json")
    with pytest.raises(WorkspaceError) as caught:
        read_bytes(tmp_path / "dataset" / "dataset.json", hint="Prepare one")
    assert caught.value.message == (
        f"Expected to read {tmp_path / 'dataset' / 'dataset.json'}. Received: No such file or directory."
    )


def test_a_reader_puts_back_what_a_killed_process_moved_aside(tmp_path):
    aside = tmp_path / ".staged-dataset-x1.old"
    (aside / "dataset").mkdir(parents=True)
    (aside / "dataset" / "dataset.json").write_bytes(b"old")

    assert files_in_each(tmp_path, "dataset.json") == [tmp_path / "dataset" / "dataset.json"]
    assert read_bytes(tmp_path / "dataset" / "dataset.json", hint="") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_a_reader_tries_again_where_a_new_folder_got_the_number_of_a_removed_one(tmp_path):
    # Many file systems give the number of a removed folder to the next one, within one tick of their clock at times.
    answers = iter([FileNotFoundError("between two folders"), b"new"])

    def read() -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert steadily(tmp_path / "dataset.json", read) == b"new"

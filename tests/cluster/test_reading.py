import os

import pytest

from cxr_cli.cluster.reading import films_read_on
from cxr_cli.dataset.reading import read_here
from cxr_cli.films.find import find_films
from cxr_cli.workspace.layout import Workspace


def states(workspace):
    return {part.name: (part.stat().st_ino, part.stat().st_mtime_ns) for part in workspace.reading.glob("*.parquet")}


@pytest.fixture
def films(archive):
    return list(find_films([archive]))


def test_a_cluster_prepares_as_one_process(cxr, cluster, phantoms, prepared, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    result = cxr("prepare", "--metadata", phantoms, "--seed", 4, "--cluster", cluster.address, "-w", workspace.root)

    assert result.exit_code == 0, result.stderr
    assert workspace.dataset.manifest.read_bytes() == prepared.dataset.manifest.read_bytes()
    assert workspace.dataset.excluded.read_bytes() == prepared.dataset.excluded.read_bytes()
    assert not workspace.reading.exists()


def test_a_cluster_reads_films_as_one_process_with_the_same_reasons(cluster, films, tmp_path):
    films = [*films, tmp_path / os.fsdecode(b"f\xe9 .png")]  # a missing file whose name is not valid UTF-8
    with films_read_on(cluster.address, Workspace(tmp_path / "workspace")) as read:
        verdicts = list(read(films))

    assert verdicts == list(read_here(films))
    assert [bool(found.reason) for found in verdicts].count(True) == 2


def test_interrupted_reading_resumes_and_reads_changed_films_again(cluster, films, tmp_path):
    workspace = Workspace(tmp_path / "workspace")

    def read_and_stop() -> None:
        with films_read_on(cluster.address, workspace) as read:
            list(read(films))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_and_stop()
    before = states(workspace)
    assert len(before) == 11
    os.utime(films[30])

    with films_read_on(cluster.address, workspace) as read:
        verdicts = list(read(films))
        after = states(workspace)

    assert before.items() < after.items()
    assert len(after) == 12  # the part with the film that changed
    assert verdicts == list(read_here(films))
    assert not workspace.reading.exists()

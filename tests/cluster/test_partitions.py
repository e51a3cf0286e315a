import os
import signal
import sys

import pytest

from cxr_cli.cluster import connection, partitions
from cxr_cli.cluster.connection import connected
from cxr_cli.cluster.partitions import run_partitions
from cxr_cli.errors import ClusterError


def alone(number, one_by_one):
    raise AssertionError("no worker died")


def test_results_arrive_as_completed_and_few_tasks_are_in_flight(cluster, monkeypatch):
    monkeypatch.setattr(partitions, "_IN_FLIGHT", 3)
    taken = []

    def numbers():
        for number in range(20):
            taken.append(number)
            yield number

    with connected(cluster.address) as client:
        results = run_partitions(client, lambda number: number * number, numbers(), piecewise=alone)
        first = next(results)
        assert len(taken) <= 3
        assert sorted([first, *results]) == [number * number for number in range(20)]


def test_films_of_a_partition_that_kills_workers_are_tried_one_by_one_after_the_others(cluster):
    cluster.have_workers(5)
    pieces, done = {}, []

    def work(number):
        if number == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    def piecewise(number, one_by_one):
        done.extend(results)
        (pieces[number],) = one_by_one(work, [number])
        return number

    results: list[int] = []
    with connected(cluster.address) as client:
        for result in run_partitions(client, work, range(20), piecewise=piecewise):
            results.append(result)

    # Dask may also blame a partition that was queued on the same workers: one by one, that one is done.
    assert pieces == {number: None if number == 7 else number for number in pieces}
    assert 7 in pieces
    assert set(done) >= set(range(20)) - pieces.keys()
    assert sorted(results) == list(range(20))


def test_a_cluster_without_workers_is_an_error_with_a_hint(cluster, monkeypatch):
    monkeypatch.setattr(partitions, "_WORKER_SECONDS", 0)
    monkeypatch.setattr(partitions, "_ASK_SECONDS", 0)
    cluster.have_workers(0)

    with connected(cluster.address) as client, pytest.raises(ClusterError) as error:
        list(run_partitions(client, str, [1], piecewise=alone))

    assert error.value.message == f"Expected workers at {cluster.address}. Received: none for 0 seconds."
    assert f"dask worker {cluster.address}" in error.value.hint


def test_workers_with_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setattr(partitions, "installed_version", lambda: "99.0")

    with connected(cluster.address) as client, pytest.raises(ClusterError, match=r"Expected cxr-cli 99\.0 on each"):
        list(run_partitions(client, str, [1], piecewise=alone))


def test_user_errors_of_a_task_reach_the_caller(cluster):
    def work(number):
        raise ClusterError("Expected luck. Received: none.", hint="Try again")

    with connected(cluster.address) as client, pytest.raises(ClusterError) as error:
        list(run_partitions(client, work, [1], piecewise=alone))

    assert (error.value.message, error.value.hint) == ("Expected luck. Received: none.", "Try again")


def test_a_worker_without_the_extra_is_an_error(cluster):
    def work(number):
        import a_module_that_is_not_there  # noqa: F401

    with connected(cluster.address) as client, pytest.raises(ClusterError, match=r"with its extra on each worker"):
        list(run_partitions(client, work, [1], piecewise=alone))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "http://127.0.0.1:1"])
def test_a_missing_scheduler_is_an_error(cxr, trained, film, tmp_path, monkeypatch, address):
    monkeypatch.setattr(connection, "_CONNECT_SECONDS", 1)

    result = cxr("predict", film, "--cluster", address, "-o", tmp_path / "out", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    told, problem, hint = result.stderr.splitlines()
    assert told == f"Connecting to {address}"
    assert problem.startswith(f"Error: Expected a Dask scheduler at {address}. Received: ")
    assert hint.startswith("Start one: dask scheduler")


@pytest.mark.parametrize("missing", ["distributed", "pyarrow"])
def test_without_the_extra_the_error_names_it(cxr, trained, film, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)

    result = cxr("predict", film, "--cluster", "local", "-o", tmp_path / "out", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Starting a worker process per core\n"
        f"Error: Expected the package {missing} for a cluster. Received: it is not installed.\n"
        'Install it: pip install "cxr-cli[cluster]"\n'
    )

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_cli.errors import CxrError
from cxr_cli.training.tf_config import Cluster, meet, read_tf_config

TWO = ["10.0.0.1:12345", "10.0.0.2:12345"]
WORK = {"dataset": "abc", "options": "{}"}


def config(cluster, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.fixture
def free():
    """Two free addresses of this machine."""
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        return tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in (first, second))


def meet_all(addresses, *works, patience=20.0):
    """Connect the workers, and return the error of each, or None."""

    def attend(worker):
        try:
            meet(Cluster(addresses, worker), works[worker], patience=patience)
        except CxrError as error:
            return error
        return None

    with ThreadPoolExecutor() as pool:
        return list(pool.map(attend, range(len(works))))


def test_a_chief_comes_before_the_workers():
    cluster = {"worker": TWO, "chief": ["10.0.0.9:1"]}

    assert read_tf_config(config({"worker": TWO}, index=1)) == Cluster(tuple(TWO), 1)
    assert read_tf_config(config(cluster, index=1)) == Cluster(("10.0.0.9:1", *TWO), 2)
    assert read_tf_config(config(cluster, "chief")) == Cluster(("10.0.0.9:1", *TWO), 0)


def test_hosts_can_be_names_and_ipv6_addresses():
    cluster = read_tf_config(config({"worker": ["node-1.lab:2222", "[::1]:2223"]}))

    assert [cluster.place(worker) for worker in range(2)] == [("node-1.lab", 2222), ("::1", 2223)]


@pytest.mark.parametrize(
    ("environment", "received"),
    [
        ({}, "no such variable"),
        ({"TF_CONFIG": "{"}, "{: Expecting property name"),
        ({"TF_CONFIG": "{}"}, "{}, without 'cluster'"),
        (config({"worker": TWO}, index=2), "there is no worker 2"),
        (config({"worker": TWO}, "ps"), "without 'ps'"),
        (config({"worker": ["10.0.0.1"]}), "10.0.0.1"),
        (config({"worker": ["10.0.0.1:0"]}), "10.0.0.1:0 has no port"),
        (config({"worker": [TWO[0], TWO[0]]}), "an address occurs twice"),
    ],
)
def test_a_malformed_tf_config_is_refused_with_an_example(environment, received):
    with pytest.raises(CxrError, match="Expected the variable TF_CONFIG to name all workers") as caught:
        read_tf_config(environment)

    assert received in caught.value.message
    assert """TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:12345",""" in caught.value.hint


def test_workers_with_the_same_work_connect(free):
    assert meet_all(free, WORK, WORK) == [None, None]
    assert meet_all(free, WORK, WORK) == [None, None]  # the ports are free again


def test_workers_with_different_work_all_get_an_error(free):
    errors = meet_all(free, WORK, {**WORK, "dataset": "another"})

    expected = (
        "Expected a greeting from each of 2 workers. "
        f"Received: another dataset from worker 1 ({free[1]}) than worker 0 has."
    )
    assert [error.message for error in errors] == [expected, expected]


def test_a_missing_worker_is_named(free):
    with pytest.raises(CxrError) as caught:
        meet(Cluster(free, 0), WORK, patience=0.5)

    assert caught.value.message == (
        f"Expected a greeting from each of 2 workers. Received: none from worker 1 ({free[1]}) in 0 s."
    )


def test_a_missing_chief_is_named(free):
    with pytest.raises(CxrError) as caught:
        meet(Cluster(free, 1), WORK, patience=0.5)

    assert caught.value.message == (
        f"Expected a greeting from each of 2 workers. Received: none from worker 0 ({free[0]}): Connection refused."
    )


def test_other_clients_are_not_taken_for_workers(free):
    with ThreadPoolExecutor() as pool:
        chief = pool.submit(meet, Cluster(free, 0), WORK, patience=20.0)
        host, port = Cluster(free, 0).place(0)
        while True:
            try:
                stranger = socket.create_connection((host, port))
                break
            except ConnectionRefusedError:
                continue
        with stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        meet(Cluster(free, 1), WORK, patience=20.0)

        assert chief.exception() is None  # it waited for the worker, whatever the stranger sent


def test_a_port_in_use_is_named(free):
    host, port = Cluster(free, 0).place(0)
    with socket.create_server((host, port)), pytest.raises(CxrError) as caught:
        meet(Cluster(free, 0), WORK)

    assert caught.value.message == (
        f"Expected port {port} of this machine to be free for worker 0 ({free[0]}). Received: Address already in use."
    )

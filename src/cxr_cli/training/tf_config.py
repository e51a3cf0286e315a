"""The workers of a training run, as TF_CONFIG names them, and a check of all of them before TensorFlow connects them.

TensorFlow waits forever, ignoring Ctrl-C, for a worker that never starts, and trains even if the workers were given
different work. So they connect through plain sockets first, on the ports that TensorFlow then uses.
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from cxr_cli.errors import CxrError

PATIENCE = 300.0  # seconds for which workers wait for each other
_EXAMPLE = (
    """TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, """
    """"task": {"type": "worker", "index": 0}}'"""
)
_ALL_TOGETHER = "Start the same command on every machine of TF_CONFIG, and check addresses and firewalls"
_TASKS = ("chief", "worker")  # in TensorFlow's order
_GREETING = 1 << 16  # maximum number of bytes
_PAUSE, _MOMENT = 0.2, 10.0  # seconds


@dataclass(frozen=True)
class Cluster:
    """The workers of a training run; worker 0 is the chief, which writes the run."""

    addresses: tuple[str, ...]  # "host:port"
    worker: int  # the number of this process

    def place(self, worker: int) -> tuple[str, int]:
        """The host and port of a worker."""
        host, _, port = self.addresses[worker].rpartition(":")
        return host.strip("[]"), int(port)


def read_tf_config(environment: Mapping[str, str]) -> Cluster:
    """Read TF_CONFIG from the environment.

    Raises:
        CxrError: it is missing, or doesn't name the workers and which of them this is.
    """
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        raise _malformed("no such variable")
    try:
        config = json.loads(text)
        jobs = {name: config["cluster"][name] for name in _TASKS if name in config["cluster"]}
        addresses = [str(address) for job in jobs.values() for address in job]
        kind, index = config["task"]["type"], int(config["task"]["index"])
        if not 0 <= index < len(jobs[kind]):
            raise ValueError(f"there is no {kind} {index}")
        if len(set(addresses)) < len(addresses):
            raise ValueError("an address occurs twice")
        cluster = Cluster(tuple(addresses), addresses.index(jobs[kind][index]))
        for worker, address in enumerate(addresses):
            if not 0 < cluster.place(worker)[1] < 1 << 16:
                raise ValueError(f"{address} has no port")
    except LookupError as missing:
        raise _malformed(f"{text}, without {missing}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _malformed(f"{text}: {error}") from None
    return cluster


def meet(cluster: Cluster, work: Mapping[str, str], *, patience: float = PATIENCE) -> None:
    """Wait until all workers have started, can reach each other and are about to do the same work.

    Args:
        cluster: the workers.
        work: what this worker is about to do, by name; it must be the same on all workers.
        patience: seconds to wait for the others.

    Raises:
        CxrError: a worker did not connect, or differs; it is raised on all workers that did connect.
    """
    own = {**work, "workers": ", ".join(cluster.addresses)}
    with _listen(cluster) as server:
        if cluster.worker == 0:
            _gather(cluster, server, own, patience)
        else:
            _report(cluster, own, patience)


def _gather(cluster: Cluster, server: socket.socket, work: Mapping[str, str], patience: float) -> None:
    deadline = time.monotonic() + patience
    with ExitStack() as connections:
        guests: dict[int, socket.socket] = {}
        problem, hint = "", ""
        while len(guests) < len(cluster.addresses) - 1 and not problem:
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                guest = connections.enter_context(server.accept()[0])
            except TimeoutError:
                missing = [worker for worker in range(1, len(cluster.addresses)) if worker not in guests]
                problem = f"none from {', '.join(_name(cluster, worker) for worker in missing)} in {patience:.0f} s"
                hint = _ALL_TOGETHER
                break
            greeting = _receive(guest)
            worker = greeting.get("worker")
            if not isinstance(worker, int) or not 0 < worker < len(cluster.addresses):
                continue  # another program
            guests[worker] = guest
            problem, hint = _compare(cluster, worker, greeting.get("work"), work)
        for guest in guests.values():
            _send(guest, {"problem": problem, "hint": hint})
    if problem:
        raise _missing(cluster, problem, hint)


def _compare(cluster: Cluster, worker: int, theirs: Any, work: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with a worker that connected, and what to do; two empty texts if nothing is."""
    theirs = theirs if isinstance(theirs, dict) else {}
    differing = [name for name, value in work.items() if theirs.get(name) != value]
    if differing:
        problem = f"another {' and '.join(differing)} from {_name(cluster, worker)} than worker 0 has"
        return problem, "Give every worker the same command, dataset, TF_CONFIG (except for the index) and versions"
    try:
        socket.create_connection(cluster.place(worker), timeout=_MOMENT).close()
    except OSError as error:
        problem = f"one from {_name(cluster, worker)}, which worker 0 can't connect to: {error.strerror or error}"
        return problem, "Check its address in TF_CONFIG, and its firewall"
    return "", ""


def _report(cluster: Cluster, work: Mapping[str, str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            chief = socket.create_connection(cluster.place(0), timeout=_MOMENT)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                raise _missing(
                    cluster, f"none from {_name(cluster, 0)}: {error.strerror or error}", _ALL_TOGETHER
                ) from None
            time.sleep(_PAUSE)
    with chief:
        chief.settimeout(patience + _MOMENT)
        _send(chief, {"worker": cluster.worker, "work": dict(work)})
        answer = _receive(chief)
    if "problem" not in answer:
        raise _missing(cluster, f"none from {_name(cluster, 0)}: it ended, or is another program", _ALL_TOGETHER)
    if answer["problem"]:
        raise _missing(cluster, str(answer["problem"]), str(answer.get("hint", "")))


def _listen(cluster: Cluster) -> socket.socket:
    port = cluster.place(cluster.worker)[1]
    dual = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(("", port), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual)
    except OSError as error:
        raise CxrError(
            f"Expected port {port} of this machine to be free for {_name(cluster, cluster.worker)}. "
            f"Received: {os.strerror(error.errno or 0)}.",
            hint="Name another port in TF_CONFIG, for every worker",
        ) from None


def _send(connection: socket.socket, message: Mapping[str, object]) -> None:
    with suppress(OSError):  # the other end is gone
        connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection: socket.socket) -> dict[str, Any]:
    """Read one line of JSON; {} if there is none."""
    connection.settimeout(connection.gettimeout() or _MOMENT)
    try:
        with connection.makefile("rb") as lines:
            message = json.loads(lines.readline(_GREETING))
    except (OSError, ValueError):
        return {}
    return message if isinstance(message, dict) else {}


def _name(cluster: Cluster, worker: int) -> str:
    return f"worker {worker} ({cluster.addresses[worker]})"


def _missing(cluster: Cluster, problem: str, hint: str) -> CxrError:
    return CxrError(
        f"Expected a greeting from each of {len(cluster.addresses)} workers. Received: {problem}.", hint=hint
    )


def _malformed(received: str) -> CxrError:
    return CxrError(
        f"Expected the variable TF_CONFIG to name all workers, and to say which one this is. Received: {received}.",
        hint=f"For example, on the first of two machines: {_EXAMPLE}",
    )

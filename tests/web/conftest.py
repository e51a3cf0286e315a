"""Fixtures with a real server, clients and a browser."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from selenium import webdriver

from cxr_cli.cli import app
from cxr_cli.workspace.layout import Workspace

# Runs `cxr`, and writes at exit which modules the process loaded and which hosts it contacted.
PROBE = """
import atexit, json, sys
calls = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        calls.append(repr(arguments[-1] if event == "socket.connect" else arguments[0]))
def tell():
    heavy = {"tensorflow", "keras", "sklearn", "gradio", "pydicom", "scipy", "matplotlib"} & set(sys.modules)
    with open(sys.argv[1], "w") as file:
        json.dump({"loaded": sorted(heavy), "calls": calls}, file)
sys.addaudithook(watch)
atexit.register(tell)
from cxr_cli.cli.app import main
main(sys.argv[2:])
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass
class Server:
    """A running `cxr serve`."""

    process: subprocess.Popen
    address: str
    workspace: Workspace
    temporary: Path  # its folder for temporary files
    lines: list[str]  # lines on stderr
    probe: Path
    reader: threading.Thread

    def stop(self, how: signal.Signals = signal.SIGINT) -> dict[str, Any]:
        """Press Ctrl-C, and return the modules that the process loaded and the hosts that it contacted."""
        self.process.send_signal(how)
        self.process.wait(30)
        self.reader.join()
        self.process.stderr.close()
        return json.loads(self.probe.read_text())

    def folders(self) -> list[Path]:
        """Return its folders of films, and those of servers before it."""
        return [path for path in self.temporary.glob("cxr-page-*") if path.is_dir()]

    def kept(self) -> list[Path]:
        """Return all files that exist because a film was uploaded."""
        files = [path for folder in self.folders() for path in folder.rglob("*") if path.is_file()]
        return [path for path in files if path.parent.name != "samples"]

    def workers(self) -> list[int]:
        """Return the processes that predict films."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def hang(self) -> None:
        """Stop all processes that predict films, as a film does that is never done."""
        while not (limits := [Path(f"/proc/{worker}/limits").read_text() for worker in self.workers()]) or any(
            re.search(r"address space +unlimited", text) for text in limits
        ):  # one that starts sets its limits last
            time.sleep(0.05)
        for worker in self.workers():
            os.kill(worker, signal.SIGSTOP)


class Client:
    """Sends requests as the page does, without a browser."""

    def __init__(self, server: Server) -> None:
        self.http = httpx.Client(base_url=server.address, timeout=60, trust_env=False)

    def answer(self, film: Path, run: str | None = None, *, timeout: float = 60) -> dict[str, Any]:
        """Return the answer for a film."""
        response = self.send(film.read_bytes(), name=film.name, run=run, timeout=timeout)
        return response.json() if response.status_code == 200 else {}

    def send(self, data: bytes, *, name: str, run: str | None = None, timeout: float = 60) -> httpx.Response:
        """Send a film to be predicted."""
        return self.http.post("/api/films", params={"name": name, "run": run or ""}, content=data, timeout=timeout)

    def pixels(self, film: Path) -> "Pixels":
        """Return the pixels of a film, as the viewer gets them."""
        response = self.http.post("/api/pixels", params={"name": film.name}, content=film.read_bytes())
        assert response.status_code == 200, response.text
        return read_pixels(response.content)


@dataclass
class Pixels:
    """What a viewer gets of a film."""

    described: dict[str, Any]
    shown: np.ndarray  # the gray level of each value
    values: np.ndarray


def read_pixels(data: bytes) -> Pixels:
    length = int.from_bytes(data[:4], "little")
    described = json.loads(data[4 : 4 + length])
    start = 4 + length + described["steps"]
    values = np.frombuffer(data[start:], "u1" if described["depth"] == 1 else "<u2")
    shown = np.frombuffer(data[4 + length : start], np.uint8)
    return Pixels(described, shown, values.reshape(described["height"], described["width"]))


def start(workspace: Workspace, folder: Path, *options: str) -> Server:
    temporary, probe, port = folder / "tmp", folder / "probe.json", free_port()
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", PROBE, probe, "serve", "-w", workspace.root, "--port", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line.rstrip())
        if line.startswith("Page: "):
            break
    else:
        raise AssertionError(f"no page: {lines}")
    # Else a full pipe would stop the server.
    address = lines[-1].removeprefix("Page: ")
    reader = threading.Thread(target=lambda: lines.extend(line.rstrip() for line in process.stderr), daemon=True)
    reader.start()
    return Server(process, address, workspace, temporary, lines, probe, reader)


@pytest.fixture(name="read_pixels", scope="session")
def pixels_reader() -> Callable[[bytes], Pixels]:
    """Read what a viewer gets of a film."""
    return read_pixels


@pytest.fixture(scope="session")
def two_runs(trained, tmp_path_factory) -> Workspace:
    """A workspace with the runs `second`, not evaluated, and `simple-cnn`, evaluated and the latest."""
    root = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(trained.root, root)
    workspace = Workspace(root)
    shutil.copytree(workspace.run().root, workspace.models / "second")
    record = workspace.new_run("second").record
    record.write_text(re.sub(r'"created": "[^"]*"', '"created": "2020-01-01T00:00:00+00:00"', record.read_text()))
    with pytest.raises(SystemExit):
        app.main(["evaluate", "-m", "simple-cnn", "-w", str(root)])
    assert workspace.evaluation("simple-cnn", "test").record.is_file()
    return workspace


@pytest.fixture(scope="session")
def server(two_runs, tmp_path_factory) -> Iterator[Server]:
    """A server shared by many tests."""
    server = start(two_runs, tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture
def own_server(two_runs, tmp_path) -> Iterator[Server]:
    """A server for one test, which stops it."""
    server = start(two_runs, tmp_path, "--timeout", "2")
    yield server
    server.process.kill()
    server.process.wait()
    server.reader.join()
    server.process.stderr.close()


@pytest.fixture
def client_of() -> Iterator[Callable[[Server], Client]]:
    """A client of a server."""
    clients: list[Client] = []

    def client_of(server: Server) -> Client:
        clients.append(Client(server))
        return clients[-1]

    yield client_of
    for client in clients:
        client.http.close()


@pytest.fixture
def client(server, client_of) -> Client:
    """A client of `server`."""
    return client_of(server)


class Outside:
    """A proxy for all hosts but this machine, which records the hosts that are requested."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                line = connection.recv(300).split(b"\r\n")[0].decode()
                if "update.googleapis.com" not in line:  # Chromium's own, whatever it is lines
                    self.asked.append(line)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="session")
def network() -> Iterator[Outside]:
    """The proxy that the browser uses."""
    network = Outside()
    yield network
    network.close()


@pytest.fixture
def outside(network) -> Outside:
    """The same proxy, without the requests of earlier tests."""
    network.asked.clear()
    return network


# Switches off Chromium's own requests.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--gaia-url=http://127.0.0.1:9",
    "--disable-features=AutofillServerCommunication,NetworkTimeServiceQuerying,OptimizationHints,Translate",
)


@pytest.fixture(scope="session")
def chromium(network) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, headless."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *QUIET):
        options.add_argument(argument)
    options.add_argument(f"--proxy-server=127.0.0.1:{network.port}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chromium, outside) -> webdriver.Chrome:
    """The same browser, with an empty page and console."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    return chromium

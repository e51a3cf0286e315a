"""Fixtures with a real server, clients and a browser."""

import base64
import io
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
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from cxr_cli.cli import app
from cxr_cli.workspace.layout import Workspace

POLL = 0.02  # seconds between looks at the page; Selenium looks twice a second
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
        self.process.wait(120)  # with Gradio on a busy machine, more than 30
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


def start(workspace: Workspace, folder: Path, *options: str, port: int | None = None) -> Server:
    temporary, probe, port = folder / "tmp", folder / "probe.json", port or free_port()
    temporary.mkdir(exist_ok=True)
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


@pytest.fixture(scope="session")
def start_server() -> Callable[..., Server]:
    """Start a server that the test stops: its workspace, a folder for its files, and options."""
    return start


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


# The least contrast of a text with what is behind it, by WCAG 2, and the text.
CONTRAST = """
const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const color = numbers(getComputedStyle(one).backgroundColor);
    if (color.length < 4 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
let least = [21, ''];
for (const one of document.querySelectorAll('body *')) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || one.closest('svg, script')) continue;
  const [a, b] = [light(numbers(getComputedStyle(one).color)), light(behind(one))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < least[0]) least = [ratio, one.outerHTML.slice(0, 90)];
}
return least;
"""


@pytest.fixture(scope="session")
def least_contrast() -> Callable[[webdriver.Chrome], tuple[float, str]]:
    """Find the text of the page that is open that is least apart from what is behind it."""
    return lambda browser: tuple(browser.execute_script(CONTRAST))


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


class Page:
    """What a user sees and does on the page."""

    def __init__(self, browser, server, *, width=1280, height=900, dark=False) -> None:
        self.browser = browser
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(server.address)
        self.wait_for(".figures")

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def _read(self, read):
        """Wait until `read` returns something true, and return it; the page may replace an element as it is read."""
        return WebDriverWait(self.browser, 30, POLL, ignored_exceptions=[StaleElementReferenceException]).until(read)

    def all(self, selector):
        """The texts of all elements `selector`, perhaps none."""
        found = self._read(lambda browser: ([one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)],))
        return found[0]

    def wait_for(self, selector, text=""):
        """Wait until the element `selector` contains `text`, and return its text."""

        def there(browser):
            found = browser.find_elements(By.CSS_SELECTOR, selector)
            return found and text in found[0].text and found[0].text

        return self._read(there)

    def until(self, script):
        """Wait until a script returns something true, and return it."""
        return WebDriverWait(self.browser, 30, POLL).until(lambda browser: browser.execute_script(f"return {script}"))

    def choose(self, *films):
        """Choose films with the button."""
        self.find("#files").send_keys("\n".join(map(str, films)))

    def drop(self, *films):
        """Add films, and return the answer for the first one once its pixels are here too."""
        self.choose(*films)
        self.wait_for("#answers", films[0].name)
        self.until(r"!/way\.$/.test(document.querySelector('.answer .by')?.textContent ?? '')")
        if "Error" not in (said := self.find("#answers").text):
            self.until("document.querySelector('#panes').getAttribute('aria-busy') === 'false'")
        return said

    def select(self, name, value):
        Select(self.find(name)).select_by_visible_text(value)

    def press(self, *keys):
        self.find("body").send_keys(*keys)

    def pane(self, number=0):
        """The pixels of a pane, as it is on the screen: (H, W) uint8."""
        data = self.browser.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(() => arguments[1]("
            "document.querySelectorAll('#panes canvas')[arguments[0]].toDataURL())))",
            number,
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))

    def film_in(self, number=0):
        """The part of a pane that the film takes when it is fitted."""
        pane = self.pane(number)
        rows, columns = np.flatnonzero(pane.max((1, 2))), np.flatnonzero(pane.max((0, 2)))
        return pane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def rectangle(self, selector):
        box = self.find(selector).rect
        return box["x"], box["y"], box["width"], box["height"]

    def loud(self):
        """Return the errors in the browser's console."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(browser, server) -> Page:
    return Page(browser, server)


@pytest.fixture
def open_viewer(browser) -> Callable[..., Page]:
    """Open the page of a server: its width and height in pixels, and whether it is dark."""
    return lambda server, **look: Page(browser, server, **look)


@pytest.fixture
def phone(browser, server) -> Page:
    return Page(browser, server, width=390, height=844)

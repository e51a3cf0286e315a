"""Strain the page of `cxr serve`: 50 clients at once, half with bad uploads, cut connections and forged requests.

    python scripts/strain_page.py [--clients 50] [--rounds 4]

A server with the model of the package is started on a free port. Some clients drop good films and compare each answer
with the one that the same film got before the strain; the others try each fault of the table below, in a random order,
each as many times as there are rounds. Then the server must still answer, with no film left on its disk, no connection
open and no more memory than before. The table is printed; a wrong answer ends the script with an error.
"""
# ruff: noqa: D101, D102, D103, T201

import argparse
import io
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

FILMS = Path(__file__).parents[1] / "sample_images"
UPLOAD, PIXELS = "/api/films", "/api/pixels"
PATIENCE = 90  # seconds


class Visitor:
    """Talks to the page as a browser does, and as none would."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = int(address.rpartition(":")[2])
        self.http = httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def ask(self, data: bytes, name: str = "film.png", *, timeout: float = PATIENCE, **words: str) -> dict[str, Any]:
        """Return the answer for a film."""
        response = self.http.post(UPLOAD, params={"name": name, **words}, content=data, timeout=timeout)
        answer = response.raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def words(self, data: bytes, name: str = "film.png") -> str:
        """Return what the page received, in its own words and without numbers, so that answers can be counted."""
        received = self.ask(data, name)["error"]["message"].partition(" Received: ")[2]
        return re.sub(r"[\d,]*\d", "N", re.split(r"\. (?=[A-Z])|\.$| \(|: ", received)[0])[:80]

    def send(self, data: bytes, *, drip: float = 0, read: bool = True) -> str:
        """Send bytes as they are, then one every `drip` seconds; return the status, or how the connection ended."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            if not read:
                return "nobody waits for an answer"
            connection.settimeout(drip or PATIENCE)
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    received = connection.recv(65536)
                    return received[9:12].decode() if received else "connection closed"
                except TimeoutError:
                    with suppress(OSError):
                        connection.sendall(b"x")
                except ConnectionError:
                    return "connection closed"
        raise AssertionError(f"no answer within {PATIENCE} seconds to {data[:60]!r}")

    def post(self, path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers]
        if length != -1:
            lines.append(f"Content-Length: {len(body) if length is None else length}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def png_bomb(side: int = 30_000) -> bytes:
    """A PNG of 30,000 by 30,000 pixels in 110 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    pixels = b"".join(packer.compress(row * 1000) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def dicom_with_endless_box() -> bytes:
    """A DICOM film with JPEG 2000 data, one box of which has length 0: its decoder reads the same box for ever."""
    import numpy as np
    from PIL import Image
    from pydicom import dcmwrite
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import DigitalXRayImageStorageForPresentation, JPEG2000Lossless, generate_uid

    pixels = io.BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(pixels, "JPEG2000")
    start, rest = pixels.getvalue()[:12], pixels.getvalue()[12:]
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    film.SOPClassUID, film.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    film.Modality, film.PhotometricInterpretation, film.SamplesPerPixel = "DX", "MONOCHROME2", 1
    film.Rows = film.Columns = 64
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    film.PixelData = encapsulate([start + struct.pack(">I4s", 0, b"free") + rest])
    film["PixelData"].is_undefined_length = True
    written = io.BytesIO()
    dcmwrite(written, film, enforce_file_format=True)
    return written.getvalue()


GOOD = (FILMS / "covid.png").read_bytes()


@dataclass(frozen=True)
class Fault:
    name: str
    try_it: Callable[[Visitor], str]  # returns what happened
    expected: str  # a pattern of it
    slow: bool = False  # takes as long as one of the server's limits


def leave_while_predicted(visitor: Visitor) -> str:
    with suppress(httpx.TimeoutException):
        visitor.ask(GOOD, timeout=0.01)
    return "nobody waits for an answer"


def leave_while_shown(visitor: Visitor) -> str:
    with visitor.http.stream("POST", PIXELS, content=GOOD) as response:
        return str(response.status_code)


def pixels_of(visitor: Visitor) -> str:
    data = visitor.http.post(PIXELS, content=GOOD).raise_for_status().content
    described = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
    return f"{described['width']} × {described['height']}"


def idle_connections(visitor: Visitor) -> str:
    opened = [socket.create_connection(("127.0.0.1", visitor.port)) for _ in range(100)]
    try:
        return str(visitor.http.get("/").status_code)
    finally:
        for connection in opened:
            connection.close()


def traversal(visitor: Visitor) -> str:
    target = Path(tempfile.gettempdir(), "cxr-strain-traversal")
    for name in (f"../../../../../../..{target}", str(target), f"..\\..{target}", f"%2e%2e%2f{target}"):
        visitor.ask(GOOD, name)
        visitor.http.post(PIXELS, params={"name": name}, content=GOOD)
    assert not target.exists()
    return "nothing outside is written"


def runs_by_path(visitor: Visitor) -> str:
    for run in ("../evaluations", "/etc", "..", "\0", "x" * 5000):
        message = visitor.ask(GOOD, run=run)["error"]["message"]
        assert re.match("Expected (the name of )?a trained run in ", message), message
    return "no such run"


def forged(visitor: Visitor) -> str:
    headers = ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"})
    return ", ".join(str(visitor.http.post(UPLOAD, content=GOOD, headers=header).status_code) for header in headers)


def other_routes(visitor: Visitor) -> str:
    paths = ("docs", "openapi.json", "api/", "api/runs/a/b", "static/../app.py", "static/%2e%2e/app.py", "samples/x/y")
    return ", ".join(sorted({str(visitor.http.get(f"/{path}").status_code) for path in paths}))


FAULTS = (
    Fault("an empty file", lambda v: v.words(b""), "film.png, which is empty"),
    Fault("text", lambda v: v.words(b"no film"), "film.png, which is not an image"),
    Fault(
        "HTML with a script", lambda v: v.words(b"<html><script>alert(1)</script>"), "film.png, which is not an image"
    ),
    Fault(
        "a script in the name",
        lambda v: v.words(b"x", "<script>x</script>"),
        "<script>x</script>, which is not an image",
    ),
    Fault(
        "a PNG cut in the middle", lambda v: v.words(GOOD[: len(GOOD) // 2]), "film.png, which is damaged or cut short"
    ),
    Fault("random bytes", lambda v: v.words(random.randbytes(100_000)), "film.png, which is not an image"),
    Fault("a PNG bomb, 900 megapixels", lambda v: v.words(png_bomb()), "film.png.*"),
    Fault("a DICOM file cut short", lambda v: v.words(dicom_with_endless_box()[:400], "a.dcm"), "a.dcm.*"),
    Fault("a DICOM file that hangs", lambda v: v.words(dicom_with_endless_box(), "a.dcm"), "a.dcm.*", slow=True),
    Fault("1 GB declared", lambda v: v.send(v.post(UPLOAD, b"", length=2**30)), "413"),
    Fault(
        "no length declared",
        lambda v: v.send(v.post(UPLOAD, b"4\r\nxxxx\r\n", "Transfer-Encoding: chunked", length=-1)),
        "413",
    ),
    Fault("less declared than sent", lambda v: v.send(v.post(UPLOAD, GOOD, length=2000)), "400|200"),
    Fault("more declared than sent", lambda v: v.send(v.post(UPLOAD, GOOD, length=10**6)), "408", slow=True),
    Fault(
        "a body that drips",
        lambda v: v.send(v.post(UPLOAD, b"x", length=10**6), drip=0.5),
        "408",
        slow=True,
    ),
    Fault("a head that drips", lambda v: v.send(b"GET / HTTP/1.1\r\nX: ", drip=0.5), "connection closed", slow=True),
    Fault("a connection that asks nothing", lambda v: v.send(b""), "connection closed", slow=True),
    Fault("100 such connections", idle_connections, "200"),
    Fault(
        "a sender that leaves in the middle",
        lambda v: v.send(v.post(UPLOAD, GOOD[:5000], length=10**6), read=False),
        "nobody.*",
    ),
    Fault("a sender that leaves while its film is predicted", leave_while_predicted, "nobody.*"),
    Fault("a viewer that leaves in the middle", leave_while_shown, "200"),
    Fault("a film for a viewer", pixels_of, r"\d+ × \d+"),
    Fault("path traversal in the name", traversal, "nothing outside is written"),
    Fault("a run by its path", runs_by_path, "no such run"),
    Fault("1,000 parameters", lambda v: str(v.http.post(f"{UPLOAD}?{'name=x&' * 1000}").status_code), "200"),
    Fault("a head of 1 MB", lambda v: v.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 2**20), "400|431|connection closed"),
    Fault("no HTTP", lambda v: v.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n"), "400"),
    Fault("another host, another site", forged, "421, 403, 403"),
    Fault("routes that the page does not need", other_routes, "404"),
)


@dataclass
class Outcome:
    """What happened under strain."""

    faults: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: list[float] = field(default_factory=list)  # of each good film
    problems: list[str] = field(default_factory=list)


def strain(address: str, faults: Sequence[Fault], *, clients: int, rounds: int) -> Outcome:
    """Let half of the clients try each fault as many times as there are rounds, and the others drop good films."""
    films = [path.read_bytes() for path in sorted(FILMS.glob("*.png"))]
    with Visitor(address) as visitor:
        answers = [visitor.ask(film) for film in films]
    # A run may give no class to one of them, which is no fault of the page.
    good = [(film, answer) for film, answer in zip(films, answers, strict=True) if answer["row"].get("class")]
    films, answers = [film for film, _ in good], [answer for _, answer in good]
    assert films
    outcome, lock = Outcome(), threading.Lock()
    todo = list(faults) * rounds
    random.Random(0).shuffle(todo)

    def try_faults() -> None:
        with Visitor(address) as bad:
            try_each(bad)

    def try_each(bad: Visitor) -> None:
        while True:
            with lock:
                fault = todo.pop() if todo else None
            if fault is None:
                return
            try:
                happened = fault.try_it(bad)
            except Exception as error:  # noqa: BLE001 - every one is a finding
                happened = repr(error)[:200]
            with lock:
                outcome.faults[fault.name][happened] += 1
                if not re.fullmatch(fault.expected, happened):
                    outcome.problems.append(f"{fault.name}: {happened}")

    def drop_films(number: int) -> None:
        with Visitor(address) as good:
            drop_each(good, number)

    def drop_each(good: Visitor, number: int) -> None:
        done = 0
        while done < 3 or not finished.is_set():
            chosen = (number + done) % len(films)
            started = time.monotonic()
            try:
                right = good.ask(films[chosen]) == answers[chosen]
                problem = "" if right else f"film {chosen} got another answer"
            except Exception as error:  # noqa: BLE001
                problem = repr(error)[:200]
            with lock:
                outcome.seconds.append(time.monotonic() - started)
                outcome.problems += [problem] if problem else []
            done += 1
            time.sleep(0.2)  # a person is no faster

    finished = threading.Event()
    with ThreadPoolExecutor(clients) as pool:
        good = [pool.submit(drop_films, number) for number in range(clients - clients // 2)]
        for work in [pool.submit(try_faults) for _ in range(clients // 2)]:
            work.result()
        finished.set()
        for work in good:
            work.result()
    with Visitor(address) as visitor:
        assert visitor.ask(films[0]) == answers[0]
    return outcome


def family(pid: int) -> list[int]:
    """The processes of a server: itself and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in family(int(child)))]


def measured(pid: int, folder: Path) -> dict[str, float]:
    """What a server holds: memory without what its processes share, connections, and files of films."""
    memory = sum(
        int(line.split()[1])
        for process in family(pid)
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )
    sockets = [link for link in Path(f"/proc/{pid}/fd").iterdir() if str(link.readlink()).startswith("socket:")]
    films = [path for path in folder.rglob("*") if path.is_file() and path.parent.name == "films"]
    return {"MiB": memory / 1024, "sockets": len(sockets), "films": len(films)}


def settled(pid: int, folder: Path) -> dict[str, float]:
    """The same, once films that nobody asked about are gone."""
    end = time.monotonic() + 90
    while (now := measured(pid, folder))["films"] and time.monotonic() < end:
        time.sleep(1)
    return now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50, help="clients at the same time (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="times that each fault is tried (default: %(default)s)")
    options = parser.parse_args()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as temporary:
        command = ["-c", "from cxr_cli.cli.app import main; main()", "serve", "-m", "bundled", "-w", temporary]
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": temporary},
        )
        try:
            assert process.stderr
            for line in process.stderr:
                if line.startswith("Page: "):
                    break
            lines: list[str] = []
            threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True).start()
            address = f"http://127.0.0.1:{port}"
            strain(address, [], clients=8, rounds=0)  # every process has predicted
            time.sleep(6)  # idle connections are closed
            before = measured(process.pid, Path(temporary))
            started = time.monotonic()
            outcome = strain(address, FAULTS, clients=options.clients, rounds=options.rounds)
            seconds = time.monotonic() - started
            after = settled(process.pid, Path(temporary))
            stopped = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
            stopped = time.monotonic() - stopped
            left = [path.name for path in Path(temporary).iterdir()]
        finally:
            process.kill()
            process.wait()

    print("| fault | times | what happened |\n| --- | --- | --- |")
    for fault in FAULTS:
        happened = outcome.faults[fault.name]
        print(f"| {fault.name} | {happened.total()} | {'; '.join(f'{text} ({n})' for text, n in happened.items())} |")
    good = sorted(outcome.seconds)
    print(
        f"\n{options.clients} clients, {seconds:.0f} s; {sum(map(Counter.total, outcome.faults.values()))} faults; "
        f"{len(good)} good films, median {good[len(good) // 2]:.2f} s, 95 % {good[int(len(good) * 0.95)]:.2f} s, "
        f"slowest {good[-1]:.2f} s\nbefore: {before}\nafter: {after}\n"
        f"stopped in {stopped:.1f} s with exit code {code}; left in the temporary folder: {left}; said: {lines}"
    )
    wrong = [*outcome.problems, *left, *(line for line in lines if "Traceback" in line)]
    if after["films"] or after["MiB"] > before["MiB"] * 1.5 + 100 or code != 130:
        wrong.append(f"not as before: {after}, exit code {code}")
    if wrong:
        raise SystemExit("\n".join(["wrong:", *wrong]))


if __name__ == "__main__":
    main()

"""`cxr serve` with many people at once: each drops a film, waits for its answer, and drops the next.

    python benchmarks/serve.py [--clients 32] [--films 2000] [--size 1024] [--source DIR] [--workspace DIR --model RUN]

Talks to the page as a browser does: uploads the film, then asks for its answer. What is told is the time from the one
to the other's end, and the server's resident memory at rest, after a tenth of the films, half of them, and all. Server
and clients share the machine. Without a source the films are rendered phantoms; without a workspace a MobileNetV2 is
trained on phantoms for an epoch first. Needs cxr-cli[web]; on this machine alone.
"""
# ruff: noqa: D103, T201

import argparse
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from harness import cxr, record
from material import add_run_options, trained_run, write_films

from cxr_cli.workspace.folders import RunFolder

_SECONDS = 60  # after which a client gives up: an error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--size", type=int, default=1024, help="of the films' longer side, in pixels")
    parser.add_argument("--format", choices=["jpg", "png"], default="jpg")
    parser.add_argument("--source", type=Path, help="a folder of real films")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="cxr-serve-") as temporary:
        folder = Path(temporary)
        run = trained_run(options, folder)
        written = write_films(folder / "films", 50, side=options.size, kind=options.format, source=options.source)
        films = [path.read_bytes() for path in sorted(written.iterdir())]
        with served(run) as (process, address):
            answers: list[float | str] = []
            memory = {}
            for until in (options.films // 10, options.films // 2, options.films):
                answers += ask_all(address, run, films, clients=options.clients, total=until - len(answers))
                memory[until] = resident(process)
                print(f"{until} films: {memory[until]:.0f} MiB", flush=True)

    seconds = [answer for answer in answers if isinstance(answer, float)]
    for problem in {answer for answer in answers if isinstance(answer, str)}:
        print("error:", problem)
    median, slow = np.percentile(seconds, [50, 95])
    origin = f"films of {options.source.resolve().parent.name}" if options.source else "phantoms"
    record(
        f"`cxr serve`, {options.clients} clients, {run.name}",
        data=f"{len(answers):,} {origin}, {options.format.upper()} of {options.size:,} px",
        asked_for="no error, median under 1 s, memory flat",
        columns={
            "cxr": f"median {median:.2f} s, p95 {slow:.2f} s",
            "cxr, MiB": ", ".join(f"{mib:.0f} after {films:,}" for films, mib in memory.items()),
            "runs": "1",
            "notes": f"{len(answers) - len(seconds)} errors",
        },
    )


@contextmanager
def served(run: RunFolder) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port of this machine, and its address; it is stopped whatever happens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = cxr("serve", "-m", run.name, "-w", run.root.parents[1], "--port", port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        told = []
        for line in process.stderr:
            told.append(line)
            if line.startswith("Page: "):
                break
        else:
            raise SystemExit("cxr serve ended:\n" + "".join(told))
        # Else a full pipe would stop the server.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process, told[-1].removeprefix("Page: ").strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask_all(address: str, run: RunFolder, films: list[bytes], *, clients: int, total: int) -> list[float | str]:
    """Let `clients` ask for `total` answers, each one after the other; the seconds of each, or what went wrong."""
    numbers, taking = iter(range(total)), threading.Lock()

    def client(name: int) -> list[float | str]:
        taken: list[float | str] = []
        with httpx.Client(base_url=address, timeout=_SECONDS, trust_env=False) as http:
            config = http.get("/config").json()
            (function,) = (
                dependency["id"]
                for dependency in config["dependencies"]
                if any(event == "upload" for _, event in dependency["targets"])
            )
            while True:
                with taking:
                    number = next(numbers, None)
                if number is None:
                    return taken
                taken.append(ask(http, function, run.name, films[number % len(films)], session=f"client{name}"))

    with ThreadPoolExecutor(clients) as pool:
        return [answer for answers in pool.map(client, range(clients)) for answer in answers]


def ask(http: httpx.Client, function: int, run: str, film: bytes, *, session: str) -> float | str:
    """Drop one film."""
    started = time.perf_counter()
    try:
        (path,) = http.post("/gradio_api/upload", files={"files": ("film", film)}).raise_for_status().json()
        sent = {"path": path, "orig_name": "film", "meta": {"_type": "gradio.FileData"}}
        body = {"data": [sent, run], "fn_index": function, "session_hash": session}
        shown = http.post("/gradio_api/run/predict", json=body).raise_for_status().json()["data"][1]
    except (httpx.HTTPError, ValueError, LookupError) as error:
        return repr(error)[:200]
    return time.perf_counter() - started if "cxr-answer" in shown else f"no answer: {shown[:200]}"


def resident(process: subprocess.Popen[str]) -> float:
    """The memory of a process now, in MiB."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], check=True, capture_output=True, text=True)
    return int(told.stdout) / 1024


if __name__ == "__main__":
    main()

"""Measure `cxr serve` with many clients at once: each sends a film, waits for its prediction, and sends the next.

    python benchmarks/serve.py [--clients 32] [--films 2000] [--size 1024] [--source DIR] [--workspace DIR --model RUN]

The clients talk to the server as the page does. Reported are the time for one film, and the server's resident memory
after a tenth of the films, half of them, and all. Server and clients share this machine. Without a source, the films
are rendered phantoms; without a workspace, a MobileNetV2 is first trained on phantoms for one epoch. Needs
cxr-cli[web].
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

_SECONDS = 60  # timeout of a request; it counts as an error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--clients", type=int, default=32, help="clients at the same time (default: %(default)s)")
    parser.add_argument("--films", type=int, default=2000, help="number of films in all (default: %(default)s)")
    parser.add_argument("--size", type=int, default=1024, help="longer side in pixels (default: %(default)s)")
    parser.add_argument("--format", choices=["jpg", "png"], default="jpg", help="file format (default: %(default)s)")
    parser.add_argument("--source", type=Path, help="folder of real films (default: render phantoms)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="cxr-serve-") as temporary:
        folder = Path(temporary)
        run = trained_run(options, folder)
        written = write_films(folder / "films", 50, side=options.size, kind=options.format, source=options.source)
        films = [path.read_bytes() for path in sorted(written.iterdir())]
        with served(run) as (process, address):
            results: list[float | str] = []
            memory = {}
            for until in (options.films // 10, options.films // 2, options.films):
                results += predict_all(address, run, films, clients=options.clients, total=until - len(results))
                memory[until] = resident(process)
                print(f"{until} films: {memory[until]:.0f} MiB", flush=True)

    seconds = [result for result in results if isinstance(result, float)]
    for problem in {result for result in results if isinstance(result, str)}:
        print("error:", problem)
    median, slow = np.percentile(seconds, [50, 95])
    origin = f"films of {options.source.resolve().parent.name}" if options.source else "phantoms"
    record(
        f"`cxr serve`, {options.clients} clients, {run.name}",
        data=f"{len(results):,} {origin}, {options.format.upper()} of {options.size:,} px",
        target="no error, median under 1 s, memory flat",
        columns={
            "cxr": f"median {median:.2f} s, p95 {slow:.2f} s",
            "cxr, MiB": ", ".join(f"{mib:.0f} after {films:,}" for films, mib in memory.items()),
            "runs": "1",
            "notes": f"{len(results) - len(seconds)} errors",
        },
    )


@contextmanager
def served(run: RunFolder) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server on a free port of this machine, and yield it with its address. It is stopped whatever happens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = cxr("serve", "-m", run.name, "-w", run.root.parents[1], "--port", port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Page: "):
                break
        else:
            raise SystemExit("cxr serve ended:\n" + "".join(lines))
        # Keep reading: a full pipe would block the server.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process, lines[-1].removeprefix("Page: ").strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def predict_all(address: str, run: RunFolder, films: list[bytes], *, clients: int, total: int) -> list[float | str]:
    """Make `total` predictions from `clients` threads. Returns the seconds that each took, or its error."""
    numbers, lock = iter(range(total)), threading.Lock()

    def client(_: int) -> list[float | str]:
        results: list[float | str] = []
        with httpx.Client(base_url=address, timeout=_SECONDS, trust_env=False) as http:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return results
                results.append(predict(http, run.name, films[number % len(films)]))

    with ThreadPoolExecutor(clients) as pool:
        return [result for results in pool.map(client, range(clients)) for result in results]


def predict(http: httpx.Client, run: str, film: bytes) -> float | str:
    """Send one film and wait for its prediction. Returns the seconds it took, or the error."""
    started = time.perf_counter()
    try:
        answer = http.post("/api/films", params={"run": run, "name": "film"}, content=film).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return repr(error)[:200]
    return time.perf_counter() - started if answer["row"].get("class") else f"no prediction: {answer['error']}"


def resident(process: subprocess.Popen[str]) -> float:
    """Return the resident memory of a process and of those that it started, in MiB."""
    command = ["ps", "-o", "rss=", "--pid", str(process.pid), "--ppid", str(process.pid)]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    return sum(map(int, output.stdout.split())) / 1024


if __name__ == "__main__":
    main()

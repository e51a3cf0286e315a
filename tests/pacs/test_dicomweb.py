"""`cxr predict --dicomweb`, from a real Orthanc on this machine, and from servers that misbehave."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest
from tests.pacs.conftest import no_identity_in, write_film

from cxr_cli.films.reader import read_film

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "a secret"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory, studies):
    """A PACS that holds a study with two films and something else, behind a password: its address, and the study."""
    if not shutil.which("Orthanc") or not PLUGIN.exists():
        pytest.skip("needs Orthanc with DICOMweb: apt-get install orthanc orthanc-dicomweb")
    folder, port = tmp_path_factory.mktemp("orthanc"), free_port()
    settings = {
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    pixels, study = read_film(studies / "film0.dcm"), pydicom.dcmread(studies / "film0.dcm").StudyInstanceUID
    films = [write_film(folder / f"{i}.dcm", pixels[i:], StudyInstanceUID=study, InstanceNumber=i) for i in (1, 2)]
    other = write_film(folder / "3.dcm", pixels, StudyInstanceUID=study, Modality="OT")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            for film in (*films, other):
                post(f"http://127.0.0.1:{port}/instances", film.read_bytes())
            yield f"http://127.0.0.1:{port}/dicom-web", study, films
        finally:
            server.terminate()
            server.wait(timeout=20)


def post(url: str, data: bytes) -> None:
    login = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for _ in range(100):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, {"Authorization": f"Basic {login}"})):
                return
        except OSError:  # it is starting
            time.sleep(0.1)
    raise AssertionError("Orthanc does not start")


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    """A .netrc with the password."""
    file = tmp_path / "netrc"
    file.write_text(f'machine 127.0.0.1 login {USER} password "{PASSWORD}"\n')
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


def films_left() -> list[Path]:
    """What is left in the folder of temporary files."""
    return list(Path(tempfile.gettempdir()).glob("cxr-dicomweb-*"))


def test_the_films_of_a_study_are_predicted_and_removed(cxr, orthanc, netrc, tmp_path, predictor):
    url, study, films = orthanc
    files = ("--csv", tmp_path / "a.csv", "--dicom-out", tmp_path / "out")
    result = cxr("predict", "--dicomweb", url, "--study", study, *files, "-w", tmp_path / "ws")

    assert result.exit_code == 0, result.stderr
    uids = {pydicom.dcmread(film).SOPInstanceUID: film for film in films}
    shown = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert sorted(shown) == sorted(f"{uid}.dcm" for uid in uids)
    labels = [line.split()[-1] for line in result.stdout.splitlines() if line.startswith("  Class")]
    assert labels == [predictor.predict_file(uids[name.removesuffix(".dcm")]).label for name in shown]
    reports = [pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert [report.StudyInstanceUID for report in reports] == [study, study]
    assert films_left() == []
    assert no_identity_in(result.stdout, result.stderr, (tmp_path / "a.csv").read_text())


def test_one_series(cxr, orthanc, netrc, tmp_path):
    url, study, films = orthanc
    film = pydicom.dcmread(films[0])
    arguments = ("--study", study, "--series", film.SeriesInstanceUID, "-w", tmp_path)
    result = cxr("predict", "--dicomweb", url, *arguments)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"{film.SOPInstanceUID}.dcm"
    assert result.stdout.count("Class") == 1


def test_without_a_password_or_films_the_error_says_what_to_do(cxr, orthanc, tmp_path, monkeypatch, request):
    url, study, _ = orthanc
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    closed = cxr("predict", "--dicomweb", url, "--study", study, "-w", tmp_path)
    request.getfixturevalue("netrc")
    unknown = cxr("predict", "--dicomweb", url, "--study", "1.2.3", "-w", tmp_path)

    assert (closed.exit_code, closed.stdout) == (1, "")
    assert closed.stderr == (
        f"Error: Expected study {study} from {url}. Received: 401 Unauthorized.\n"
        "Check the address; a password is read from ~/.netrc, a token from CXR_DICOMWEB_TOKEN\n"
    )
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == (
        f"Error: Expected CR or DX films in study 1.2.3 on {url}. Received: none.\nCheck the study and series\n"
    )
    assert films_left() == []


class Misbehaving(BaseHTTPRequestHandler):
    """A server that does what the first part of the path says."""

    seen: list[str]

    def do_GET(self):
        self.server.seen.append(self.headers.get("Authorization") or "")
        what = self.path.split("/")[1]
        if what == "away":
            self.send_response(302)
            self.send_header("Location", "http://localhost.evil.example/studies")
            self.end_headers()
        elif what == "around":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
        else:
            body = {"text": b"<html>", "json": b'[{"00080060": 7}]', "long": b" " * 10**7}[what]
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            if what == "long":  # as much as it likes, without saying so
                self.end_headers()
            else:
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def misbehaving():
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "received"),
    [
        ("away", "Expected the films from 127.0.0.1. Received: a redirect to http://localhost.evil.example."),
        ("around", "Received: too many redirects."),
        ("text", "Received: an answer that is not DICOMweb's."),
        ("json", "Received: an answer that can't be read (AttributeError)."),
        ("long", "Expected a film of at most 1,000,000 bytes from the server. Received: a larger one."),
    ],
)
def test_servers_that_misbehave_are_errors(cxr, misbehaving, tmp_path, monkeypatch, path, received):
    monkeypatch.setenv("CXR_MAX_BYTES", "1000000")
    url = f"http://127.0.0.1:{misbehaving.server_port}/{path}"
    result = cxr("predict", "--dicomweb", url, "--study", "1.2.3", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert received in result.stderr
    assert films_left() == []


def test_a_token_comes_from_the_environment(cxr, misbehaving, tmp_path, monkeypatch, netrc):
    monkeypatch.setenv("CXR_DICOMWEB_TOKEN", "a-token")
    cxr("predict", "--dicomweb", f"http://127.0.0.1:{misbehaving.server_port}/text", "--study", "1.2.3", "-w", tmp_path)

    assert misbehaving.seen == ["Bearer a-token"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study", "1.2.3"], "Expected films, or dicomweb with study. Received: study."),
        (["--dicomweb", "http://127.0.0.1"], "Expected films, or dicomweb with study. Received: dicomweb."),
        (["--dicomweb", "ftp://127.0.0.1", "--study", "1.2"], "Expected the address of a DICOMweb server."),
        (
            ["--dicomweb", "https://a:b@c.example", "--study", "1.2"],
            "Expected the address of a DICOMweb server without a",
        ),
        (
            ["--dicomweb", "http://127.0.0.1", "--study", "1/../2"],
            "Expected a UID of digits and dots. Received: '1/../2'.",
        ),
        (["--dicomweb", "http://pacs.example", "--study", "1.2"], "Expected an https address for a token."),
        (["film.png", "--dicomweb", "http://127.0.0.1", "--study", "1"], "Received: films, dicomweb, study."),
    ],
)
def test_wrong_usage_is_refused_before_any_connection(cxr, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setenv("CXR_DICOMWEB_TOKEN", "a-token")
    result = cxr("predict", *arguments, "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_certificate_that_nobody_signed_is_refused(cxr, tmp_path):
    import ssl

    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]

        def serve():
            for _ in range(2):
                # The client ends the connection; the test may close the server before another one is accepted.
                with contextlib.suppress(OSError), plain.accept()[0] as connection:
                    context.wrap_socket(connection, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        result = cxr("predict", "--dicomweb", f"https://127.0.0.1:{port}", "--study", "1.2.3", "-w", tmp_path)

    assert result.exit_code == 1
    assert "Received: its certificate is not trusted." in result.stderr

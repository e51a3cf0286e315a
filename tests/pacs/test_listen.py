"""`cxr listen`: films are sent by real senders, those of DCMTK and of pynetdicom."""

import csv
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGBaseline8Bit, RLELossless, generate_uid
from pynetdicom import AE, sop_class
from tests.pacs.conftest import SENDERS, no_identity_in, write_film

from cxr_cli.films.reader import read_film
from cxr_cli.pacs.listen import Listener, readable_syntaxes
from cxr_cli.pacs.reports import Reports
from cxr_cli.pacs.senders import Limits
from cxr_cli.ports import next_free_port
from cxr_cli.prediction.rows import make_row
from cxr_cli.progress import Watcher, watched_by

PYNETDICOM = [sys.executable, "-m", "pynetdicom", "storescu", "-cx"]
SUCCESS, NOT_A_FILM = 0x0000, 0xC000


class Notes(Watcher):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@contextmanager
def listening(predictor, **options):
    """A node in this process; gives its port, the rows so far, and what was said."""
    rows, notes = [], Notes()
    with (
        watched_by(notes),
        Listener(predictor, rows.append, **{"host": "127.0.0.1", "port": 0, "ae_title": "CXR"} | options) as node,
    ):
        yield node.port, rows, notes.texts


@contextmanager
def connected(port, *, title="SENDER", called="CXR"):
    """An association that can send CR films, or None if it was refused."""
    sender = AE(title)
    sender.add_requested_context(sop_class.ComputedRadiographyImageStorage)
    sender.add_requested_context(sop_class.Verification)
    association = sender.associate("127.0.0.1", port, ae_title=called)
    connection = association.dul.socket and association.dul.socket.socket
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        if connection:
            connection.close()  # pynetdicom leaves it open if the other side closed first


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def uid_of(film):
    return pydicom.dcmread(film, stop_before_pixels=True).SOPInstanceUID


@pytest.mark.parametrize("sender", ["dcmtk", "pynetdicom"])
def test_a_film_that_is_sent_is_answered_and_not_kept(predictor, studies, tmp_path, sender, monkeypatch):
    storescu = shutil.which("storescu", path=SENDERS)
    if sender == "dcmtk" and not storescu:
        pytest.skip("needs storescu of DCMTK: apt-get install dcmtk")
    command = [storescu] if sender == "dcmtk" else PYNETDICOM[:-1]
    film = studies / "film0.dcm"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with listening(predictor) as (port, rows, notes):
        done = subprocess.run(
            [*command, "127.0.0.1", str(port), str(film)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []

    assert [(row.image, row.class_) for row in rows] == [(uid_of(film), predictor.predict_file(film).label)]
    assert no_identity_in(*notes, str(rows))
    assert list(tmp_path.iterdir()) == []


def test_films_in_any_order_good_bad_and_odd(predictor, studies, noise, tmp_path):
    bad = pydicom.dcmread(studies / "film1.dcm")
    bad.SOPInstanceUID = generate_uid()
    bad.PixelData = bad.PixelData[:1000]
    strange = pydicom.dcmread(studies / "film1.dcm")
    keep, out = tmp_path / "keep", tmp_path / "out"
    with (
        listening(predictor, keep=keep, reports=Reports(out, predictor)) as (port, rows, notes),
        connected(port) as association,
    ):
        answers = [association.send_c_store(data).Status for data in (bad, str(noise), str(studies / "film0.dcm"))]
        strange["SOPInstanceUID"]._value = strange.file_meta["MediaStorageSOPInstanceUID"]._value = "../../etc/passwd"
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            answers.append(association.send_c_store(strange).Status)
        assert association.send_c_echo().Status == SUCCESS

    assert answers == [NOT_A_FILM, SUCCESS, SUCCESS, NOT_A_FILM]
    assert [bool(row.error) for row in rows] == [True, False, False]
    assert [bool(row.reason) for row in rows] == [False, True, False]
    assert rows[0].error.startswith(f"Expected a DICOM film. Received: {bad.SOPInstanceUID}: ")
    assert sorted(path.stem for path in keep.iterdir()) == sorted(row.image for row in rows)
    kept = keep / f"{rows[2].image}.dcm"
    assert np.array_equal(read_film(kept), read_film(studies / "film0.dcm"))
    assert len(list(out.iterdir())) == 1
    assert no_identity_in(*notes, str(rows))


def test_only_the_named_callers_may_send(predictor, studies):
    with listening(predictor, limits=Limits(callers=["FRIEND"])) as (port, rows, _):
        with connected(port, title="STRANGER") as stranger:
            assert stranger.is_rejected
        with connected(port, title="FRIEND") as friend:
            assert friend.send_c_store(str(studies / "film0.dcm")).Status == SUCCESS

    assert len(rows) == 1


def test_too_much_and_too_slow_senders_are_cut_off_and_others_go_on(predictor, studies, monkeypatch):
    monkeypatch.setenv("CXR_MAX_BYTES", "150000")
    limits = Limits(film_seconds=0.5)
    with listening(predictor, limits=limits) as (port, rows, notes):
        with socket.create_connection(("127.0.0.1", port)) as liar:  # says that 4 GB follow
            liar.sendall(b"\x01\x00\xff\xff\xff\xff" + bytes(1000))
            wait_until(lambda: notes)
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"\x01\x00\x00\x00\x10\x00")

            def send_slowly():
                if len(notes) < 2:
                    time.sleep(0.1)
                    slow.sendall(b"\x00")
                return len(notes) == 2

            wait_until(send_slowly)
        large = pydicom.dcmread(studies / "film0.dcm")
        large.Rows *= 8
        large.PixelData *= 8
        with connected(port) as association:
            assert "Status" not in association.send_c_store(large)
        with connected(port) as association:
            assert association.send_c_echo().Status == SUCCESS

    assert rows == []
    assert notes == [
        "A sender was cut off: a message too long to be of DICOM.",
        "A sender was cut off: a film that took more than 0.5 s to arrive.",
        "A sender was cut off: a film of more than 150,000 bytes.",
    ]


def test_nonsense_is_cut_off_without_a_traceback(predictor, capfd):
    rng = random.Random(3)
    with listening(predictor, limits=Limits(idle_seconds=1)) as (port, _, notes):
        for _ in range(8):
            # The first byte says that it is a DICOM message of any kind, and the length is right.
            body = rng.randbytes(rng.randint(10, 300))
            with socket.create_connection(("127.0.0.1", port)) as sender, suppress(OSError):
                sender.sendall(bytes([rng.randint(1, 7), 0]) + len(body).to_bytes(4, "big") + body)
                sender.sendall(rng.randbytes(200))

        def is_answered():
            with connected(port) as association:
                return association.is_established and association.send_c_echo().Status == SUCCESS

        wait_until(is_answered)

    assert set(notes) <= {
        "A sender was cut off: it did not speak DICOM.",
        "A sender was cut off: a message too long to be of DICOM.",
    }
    assert capfd.readouterr().err == ""


def test_no_more_senders_than_a_few_at_once(predictor):
    with listening(predictor) as (port, _, _):
        sender = AE("SENDER")
        sender.add_requested_context(sop_class.Verification)
        associations = [sender.associate("127.0.0.1", port) for _ in range(6)]
        accepted = [association for association in associations if association.is_established]
        for association in accepted:
            association.release()

    assert len(accepted) == 4


@pytest.mark.parametrize("syntax", [RLELossless, JPEGBaseline8Bit], ids=["rle", "jpeg"])
def test_compressed_films_are_taken_as_they_are(predictor, studies, tmp_path, syntax):
    film = studies / "film0.dcm"
    if syntax == RLELossless:
        packed = write_film(tmp_path / "packed.dcm", read_film(film), syntax=syntax)
    else:
        import io

        from PIL import Image
        from pydicom.encaps import encapsulate

        data, jpeg = pydicom.dcmread(film), io.BytesIO()
        Image.fromarray(read_film(film)).save(jpeg, "JPEG", quality=95)
        data.PixelData = encapsulate([jpeg.getvalue()])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = syntax
        packed = tmp_path / "packed.dcm"
        data.save_as(packed)
    sender = AE("SENDER")
    sender.add_requested_context(sop_class.ComputedRadiographyImageStorage, syntax)
    with listening(predictor) as (port, rows, _):
        association = sender.associate("127.0.0.1", port)
        assert association.send_c_store(str(packed)).Status == SUCCESS
        association.release()

    assert rows[0].probability == pytest.approx(predictor.predict_file(film).probabilities["covid"], abs=0.02)
    assert syntax in readable_syntaxes()


def test_the_command_prints_a_line_for_each_film_and_completes_its_files(predictor, studies, tmp_path):
    film = studies / "film0.dcm"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = ["--csv", str(tmp_path / "a.csv"), "--dicom-out", str(tmp_path / "out"), "-w", str(tmp_path / "ws")]
    command = [sys.executable, "-m", "cxr_cli", "listen", "--port", str(port), "-m", "bundled", *files]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert node.stderr.readline() == f"Listening as CXR on 127.0.0.1, port {port}, with the bundled model 1.1\n"
        with connected(port) as association:
            assert association.send_c_store(str(film)).Status == SUCCESS
        line = node.stdout.readline()
    finally:
        node.send_signal(signal.SIGTERM)
        rest, said = node.communicate(timeout=20)

    prediction = predictor.predict_file(film)
    assert line == f"{uid_of(film)}  {prediction.answer.short}\n"
    assert (node.returncode, rest) == (143, "")
    assert f"DICOM reports of 1 film: {tmp_path / 'out'}\n" in said
    (row,) = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert (row["image"], row["class"]) == (uid_of(film), prediction.label)
    assert no_identity_in(line, said, str(row))


def test_a_table_on_stdout_is_the_only_thing_there(cxr, predictor, studies, tmp_path, monkeypatch):
    film = studies / "film0.dcm"
    row = make_row(predictor, "1.2.3", predictor.predict_file(film))
    written = []
    monkeypatch.setattr(
        "cxr_cli.pacs.answering.answer_films", lambda run, show, *, csv, **others: written.append(csv) or show(row)
    )
    monkeypatch.chdir(tmp_path)

    result = cxr("listen", "--csv", "-", "-m", "bundled", "-w", tmp_path / "ws")

    (read,) = csv.DictReader(result.stdout.splitlines())
    assert (read["image"], read["class"]) == ("1.2.3", row.class_)
    assert written == [None]
    assert not Path("-").exists()


def test_a_busy_port_another_host_and_a_bad_title(cxr, tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as busy:
        port = busy.getsockname()[1]
        free = next_free_port("0.0.0.0", port)
        taken = cxr("listen", "--host", "0.0.0.0", "--port", port, "-w", tmp_path)
    title = cxr("listen", "--ae-title", "A TITLE OF MORE THAN 16", "-w", tmp_path)

    assert (taken.exit_code, taken.stdout) == (1, "")
    assert taken.stderr == (
        "Warning: 0.0.0.0 is open to the network. Whoever reaches this machine can send films, and they travel to it "
        "unprotected; AE titles are no passwords.\n"
        f"Error: Expected to listen on 0.0.0.0, port {port}. Received: Address already in use.\n"
        f"Port {free} is free: cxr listen --port {free}\n"
    )
    assert (title.exit_code, title.stdout) == (2, "")
    assert title.stderr == (
        "Error: Expected an AE title of at most 16 letters and digits. Received: 'A TITLE OF MORE THAN 16'.\n"
        "For example: --ae-title CXR\n"
    )

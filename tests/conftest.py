"""Fixtures for all tests: the command line in this process, phantoms, and one small trained run."""

import base64
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import hypothesis
import msgspec
import numpy as np
import pytest

from cxr_cli.bundled import files
from cxr_cli.cli import app
from cxr_cli.dataset.prepare import prepare
from cxr_cli.films import figures
from cxr_cli.recipe.record import RunRecord
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record

SHARED = Path(__file__).parents[2] / "shared"
# The same few examples each time; `CXR_THOROUGH=5000` tries as many others.
_PHASES = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]  # takes minutes
hypothesis.settings.register_profile(
    "quick", max_examples=25, derandomize=True, deadline=None, database=None, phases=_PHASES
)
hypothesis.settings.register_profile(
    "thorough",
    max_examples=int(os.environ.get("CXR_THOROUGH", "0")) or 1,
    deadline=None,
    phases=_PHASES,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("thorough" if os.environ.get("CXR_THOROUGH") else "quick")


def pytest_configure(config) -> None:
    """Let each of several processes compute on one core.

    Threads of OpenMP and of linear algebra wait for each other by spinning: two processes with two threads each on two
    cores take hundreds of times as long as with one.
    """
    if config.getoption("numprocesses", None):  # set here, the processes inherit it
        for library in ("OMP", "OPENBLAS", "MKL"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Remove the user's settings: no workspace, and a fixed width of help texts. No model is in the package."""
    monkeypatch.setattr(files, "MODEL", Path("no-model-in-the-package"))
    monkeypatch.delenv("CXR_WORKSPACE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


_UNDRAWN = {
    "print_png": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    ),
    "print_svg": b"<svg></svg>",
}


@pytest.fixture(autouse=True)
def undrawn_charts(request, monkeypatch):
    """Make charts, but draw them only for tests marked `draws`: it takes most of the time of `cxr evaluate`."""
    if not request.node.get_closest_marker("draws"):
        monkeypatch.setattr(figures, "_drawn", lambda _, draw, **__: _UNDRAWN[draw.__name__])


@pytest.fixture
def cxr(capfd, no_network) -> Callable[..., Result]:
    """Run `cxr` with the given arguments and without a network; output of native code is captured too."""

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        with no_network(), pytest.raises(SystemExit) as stopped:
            app.main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Result(exit_code=int(stopped.value.code or 0), stdout=captured.out, stderr=captured.err)

    return run


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all processes that run tests: its name, and a function that fills it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own within the session's
        base = base.parent

    def made_once(name: str, fill: Callable[[Path], object]) -> Path:
        folder, whole = base / name, base / f"{name}.whole"
        with filelock.FileLock(base / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed
                folder.mkdir()
                fill(folder)
                whole.touch()
        return folder

    return made_once


@pytest.fixture(scope="session")
def phantoms(made_once) -> Path:
    """The metadata file of 40 phantoms."""
    return made_once("phantoms", lambda folder: write_phantoms(folder, films=40, seed=3)) / "metadata.csv"


@pytest.fixture(scope="session")
def phantom_masks(made_once) -> Path:
    """A folder of masks of the films of `phantoms`: of their lungs in `lungs`, of what is drawn there in `opacity`."""
    return made_once("masked", lambda folder: write_phantoms(folder, films=40, seed=3, masks=True)) / "masks"


@pytest.fixture(scope="session")
def prepared(phantoms, made_once) -> Workspace:
    """A workspace with a dataset. Tests must not change it."""

    def fill(folder: Path) -> None:  # three films of each class to validate, and to test on
        prepare(Workspace(folder / "workspace"), metadata=[phantoms], seed=4)

    return Workspace(made_once("prepared", fill) / "workspace")


_THIS_MACHINE = {"127.0.0.1", "0.0.0.0", "::1", "localhost", None, ""}
_refused: list[str] | None = None  # what was tried while the network is refused; None while it isn't


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    """Python tells this hook before it uses a socket, whoever asks; there is no way to take a hook away again."""
    if _refused is None or event not in {"socket.connect", "socket.sendto", "socket.getaddrinfo"}:
        return
    host = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    if isinstance(host, tuple):  # the address of a Unix socket is a path
        host = host[0]
    if host not in _THIS_MACHINE and not str(host).startswith("/"):
        _refused.append(f"{event} {host}")
        raise PermissionError(f"no network in tests: {event} {host}")


sys.addaudithook(_refuse_network)


@pytest.fixture(scope="session")
def no_network() -> Callable[[], AbstractContextManager[None]]:
    """A block in which nothing may reach another machine; it fails if something tried, even if that went on without."""

    @contextmanager
    def refused() -> Iterator[None]:
        global _refused
        _refused = tried = []
        try:
            yield
        finally:
            _refused = None
        assert tried == []

    return refused


@pytest.fixture(scope="session")
def trained(prepared, made_once, no_network) -> Workspace:
    """A workspace with a dataset and a small CNN trained for two epochs. Tests must not change it."""

    def fill(folder: Path) -> None:
        from cxr_cli.training.runs import train_run

        shutil.copytree(prepared.root, folder / "workspace")
        with no_network():
            train_run(Workspace(folder / "workspace"), arch="simple-cnn", image_size=64, epochs=2, batch_size=8)

    return Workspace(made_once("trained", fill) / "workspace")


@pytest.fixture(scope="session")
def boosted(prepared, made_once) -> Workspace:
    """The same dataset, with a run `cnn-xgboost` of one epoch without a head start. Tests must not change it."""

    def fill(folder: Path) -> None:
        from cxr_cli.training.runs import train_run

        shutil.copytree(prepared.root, folder / "workspace")
        train_run(Workspace(folder / "workspace"), arch="cnn-xgboost", image_size=32, epochs=1, head_start=False)

    return Workspace(made_once("boosted", fill) / "workspace")


@pytest.fixture(scope="session")
def reported(trained, made_once) -> Workspace:
    """A workspace whose run was tested, audited with its dataset, and has a report. Tests must not change it."""

    def fill(folder: Path) -> None:
        from cxr_cli.reporting.report import report

        shutil.copytree(trained.root, folder / "workspace")
        report(Workspace(folder / "workspace"))

    return Workspace(made_once("reported", fill) / "workspace")


@pytest.fixture(scope="session")
def packed(trained, made_once) -> Path:
    """The run of `trained`, packed as the model that ships with the package. Tests must not change it."""

    def fill(folder: Path) -> None:
        script = Path(__file__).parents[1] / "scripts" / "pack_bundled_model.py"
        spec = importlib.util.spec_from_file_location("pack_bundled_model", script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        run = trained.run()
        module.pack(run, run.litert_model, RunFolder(folder / "model"), version="9.1", date="2026-11-30")

    return made_once("package", fill) / "model"


@pytest.fixture
def bundled(packed, monkeypatch) -> Path:
    """A small model in the package; the folder it is in."""
    monkeypatch.setattr(files, "MODEL", packed)
    return packed


@pytest.fixture
def own_trained(trained, tmp_path) -> Workspace:
    """A copy of `trained` that a test can change."""
    root = tmp_path / "workspace"
    shutil.copytree(trained.root, root)
    return Workspace(root)


@pytest.fixture
def own_audited(own_trained, reported) -> Workspace:
    """The same with an audit of its dataset, so that a report needs none."""
    shutil.copytree(reported.audit.root, own_trained.audit.root)
    return own_trained


@pytest.fixture(scope="session")
def forget_digests() -> Callable[[RunFolder], None]:
    """Make a run one of an early version, whose record doesn't know the sha256 of its files."""

    def forget(run: RunFolder) -> None:
        write_record(run.record, msgspec.structs.replace(read_record(run.record, RunRecord), sha256={}))

    return forget


@pytest.fixture(scope="session")
def film(phantoms) -> Path:
    """A positive phantom."""
    return phantoms.parent / "covid.png"


@pytest.fixture
def in_folder(tmp_path):
    """Run a test in an empty folder."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real radiographs and weights beside the project; skips the test if it is missing."""
    if not (SHARED / "data" / "covid-chestxray" / "metadata.csv").is_file():
        pytest.skip(f"needs the real radiographs in {SHARED.name}/ beside the project")
    return SHARED


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., None]:
    """A function that writes a DICOM film."""
    return _write_dicom


def _write_dicom(
    path: Path,
    stored: np.ndarray,
    *,
    bits: int,
    photometric: str = "MONOCHROME2",
    syntax: str = "1.2.840.10008.1.2.1",
    frames: list[bytes] | None = None,
    **tags: object,
) -> None:
    """Write a DICOM film.

    Args:
        path: the file.
        stored: (H, W), (frames, H, W) or (H, W, 3).
        bits: stored of each pixel.
        photometric: how the values are meant.
        syntax: its transfer syntax. Defaults to explicit VR little endian.
        frames: its compressed frames, in a syntax that has them.
        **tags: further elements.
    """
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation = "DX", photometric
    color = photometric in {"RGB", "YBR_FULL"}
    data.SamplesPerPixel = 3 if color else 1
    if color:
        data.PlanarConfiguration = 0
    elif stored.ndim == 3:
        data.NumberOfFrames = len(stored)
    data.Rows, data.Columns = stored.shape[:2] if color else stored.shape[-2:]
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    data.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    if frames:
        data.PixelData = encapsulate(frames)
        data["PixelData"].VR = "OB"
    else:
        order = ">" if syntax == pydicom.uid.ExplicitVRBigEndian else "<"
        data.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        data["PixelData"].VR = "OW"
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)

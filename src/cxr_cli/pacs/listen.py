"""A DICOM node that predicts the films it receives: C-STORE comes in, an answer per film goes out."""

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cxr_cli.errors import AbstentionError, ImageError, PacsError, UsageError, WorkspaceError
from cxr_cli.films.silence import READING
from cxr_cli.pacs.dicomweb import check_uid
from cxr_cli.pacs.reports import Reports
from cxr_cli.pacs.senders import LONGEST_PDU, Limits, Received, failures_in_words
from cxr_cli.pacs.study_film import read_study_film
from cxr_cli.ports import other_port_hint
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.prediction.rows import PredictionRow, make_failed_row, make_row
from cxr_cli.progress import note
from cxr_cli.workspace.staging import whole_file

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom import AE
    from pynetdicom.association import Association
    from pynetdicom.events import Event

_AT_ONCE = 4  # associations
# What a sender is told (PS3.4, table B.2-1).
_SUCCESS, _NO_SPACE, _NOT_A_FILM = 0x0000, 0xA700, 0xC000


class Listener:
    """A DICOM node that predicts the films it receives. A context manager: it listens as long as the block runs.

    Args:
        predictor: the run.
        show: called with the row of each film, one at a time.
        host: the address to listen on.
        port: the port; 0 for any.
        ae_title: the name of the node, at most 16 characters.
        keep: a folder for the films; None keeps none.
        reports: writes a structured report of each film; None writes none.
        force: predict any picture, also one that should get no class.
        limits: what is accepted.

    Raises:
        UsageError: `ae_title`, or a title of `limits`, is none.
        PacsError: the address or port can't be used.
    """

    def __init__(
        self,
        predictor: Predictor,
        show: Callable[[PredictionRow], None],
        *,
        host: str,
        port: int,
        ae_title: str,
        keep: Path | None = None,
        reports: Reports | None = None,
        force: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self._predictor, self._show, self._keep, self._reports, self._force = predictor, show, keep, reports, force
        self._limits = limits or Limits()
        for title in (ae_title, *self._limits.callers):
            _check_title(title)
        self._one_at_a_time = threading.Lock()
        self._received: WeakKeyDictionary[Association, Received] = WeakKeyDictionary()
        self._ae = _node(ae_title, self._limits)
        self._address = (host, port)
        self._open = ExitStack()

    def __enter__(self) -> "Listener":
        from pynetdicom import evt

        # pynetdicom calls from its own threads, which do not know the watcher of this one.
        context = copy_context()
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, lambda event: context.copy().run(self._limit, event)),
            (evt.EVT_CONN_CLOSE, lambda event: self._received[event.assoc].close()),
            (evt.EVT_C_STORE, lambda event: context.copy().run(self._store, event)),
            (evt.EVT_C_ECHO, lambda event: _SUCCESS),
        ]
        self._open.enter_context(READING)  # whatever a sender sends, nothing that quotes it is printed
        self._open.enter_context(failures_in_words())
        self._folder = Path(
            self._open.enter_context(tempfile.TemporaryDirectory(prefix="cxr-listen-", ignore_cleanup_errors=True))
        )
        try:
            self._server = self._ae.start_server(self._address, block=False, evt_handlers=handlers)
        except OSError as error:
            self._open.close()
            raise PacsError(
                f"Expected to listen on {self._address[0]}, port {self._address[1]}. "
                f"Received: {str(error.strerror or error).split(' (while')[0]}.",
                hint=other_port_hint("cxr listen", *self._address),
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        self._ae.shutdown()
        with self._one_at_a_time:  # the film that is being predicted is answered
            self._open.close()
        for received in list(self._received.values()):
            received.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def _limit(self, event: "Event") -> None:
        """Guard the connection of a new sender: pynetdicom itself takes any amount, at any pace."""
        guarded: Any = event.assoc.dul.socket
        received = self._received[event.assoc] = Received(guarded.socket, self._limits)
        guarded.recv = received.read

    def _store(self, event: "Event") -> "Dataset":
        """Answer one film. Nothing that a sender sends may end the node."""
        self._received[event.assoc].begin()
        try:
            status, text = self._answer(event)
        except WorkspaceError as error:
            note(f"Error: {error.message}")
            status, text = _NO_SPACE, "The answer could not be written"
        except OSError as error:
            note(f"Error: a film could not be kept: {error.strerror}.")
            status, text = _NO_SPACE, "The film could not be kept"
        except Exception as error:  # noqa: BLE001 - one film must not end the node
            note(f"Error: a film could not be predicted ({type(error).__name__}).")
            status, text = _NOT_A_FILM, "The film could not be predicted"
        return _status(status, text)

    def _answer(self, event: "Event") -> tuple[int, str]:
        request: Any = event.request
        uid = str(request.AffectedSOPInstanceUID)
        check_uid(uid)
        path = self._folder / f"{threading.get_ident()}-{uid}.dcm"
        try:
            with path.open("wb") as stream:
                stream.write(event.encoded_dataset())
            with self._one_at_a_time:
                return self._predict(path, uid)
        finally:
            path.unlink(missing_ok=True)

    def _predict(self, path: Path, uid: str) -> tuple[int, str]:
        if self._keep:
            _keep(path, self._keep / f"{uid}.dcm")
        try:
            row = make_row(self._predictor, uid, self._predictor.predict_file(path, force=self._force))
        except AbstentionError as error:
            self._show(make_failed_row(self._predictor, uid, error))
            return _SUCCESS, ""
        except ImageError as error:
            unread = ImageError(error.message.replace(str(path), uid))
            self._show(make_failed_row(self._predictor, uid, unread))
            return _NOT_A_FILM, "The film could not be read"
        if self._reports:
            fault = read_study_film(path).fault
            if fault:
                note(f"No report of {uid}, {fault}.")
            else:
                self._reports.add(path, row)
        self._show(row)
        return _SUCCESS, ""


def _node(ae_title: str, limits: Limits) -> "AE":
    from pynetdicom import AE
    from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made when it is imported
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        SecondaryCaptureImageStorage,
        Verification,
        XRayRadiofluoroscopicImageStorage,
    )

    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # its lines may quote what a sender sends
    node = AE(ae_title)
    for kind in (
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        XRayRadiofluoroscopicImageStorage,
        SecondaryCaptureImageStorage,
    ):
        node.add_supported_context(kind, readable_syntaxes())
    node.add_supported_context(Verification)
    node.require_calling_aet = list(limits.callers)
    node.maximum_associations = _AT_ONCE
    node.maximum_pdu_size = LONGEST_PDU // 4
    node.network_timeout = node.acse_timeout = node.dimse_timeout = limits.idle_seconds
    return node


def readable_syntaxes() -> list[str]:
    """The transfer syntaxes of films that can be read here: first the one that costs no time and no quality."""
    from pydicom import uid

    from cxr_cli.films.codecs import SYNTAXES

    plain = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)
    return [*plain, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, *SYNTAXES]


def _check_title(title: str) -> None:
    if not title.strip() or len(title) > 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise UsageError(
            f"Expected an AE title of at most 16 letters and digits. Received: {title!r}.",
            hint="For example: --ae-title CXR",
        )


def _status(code: int, text: str) -> "Dataset":
    from pydicom import Dataset

    status = Dataset()
    status.Status = code
    if text:
        status.ErrorComment = text
    return status


def _keep(film: Path, target: Path) -> None:
    """Copy a film to where it is kept; one that is there already stays."""
    if target.exists():
        return
    with film.open("rb") as source, whole_file(target) as stream:
        shutil.copyfileobj(source, stream)

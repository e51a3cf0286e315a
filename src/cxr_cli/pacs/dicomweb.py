"""Films of a DICOMweb server: a study comes in, its films as files of a temporary folder go out."""

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

from cxr_cli.errors import PacsError, UsageError
from cxr_cli.films.find import Films
from cxr_cli.films.limits import BYTES
from cxr_cli.films.silence import READING
from cxr_cli.pacs.study_film import is_uid, require_dicom
from cxr_cli.progress import track

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient
    from requests import PreparedRequest, Response, Session

TOKEN = "CXR_DICOMWEB_TOKEN"  # the environment variable of a bearer token
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MODALITIES = {"CR", "DX"}
_AROUND = 2**20  # bytes of an answer that are not the film's
_MOST_FILMS = 1000  # of a study; one has a few
_REDIRECTS = 3
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer


@contextmanager
def fetched_films(
    films: Collection[Path] | None, url: str | None, study: str | None, series: str | None = None
) -> Iterator[Films]:
    """Give the films of a study on a DICOMweb server, as long as the block runs; then the files are removed.

    Only CR and DX images are fetched. A user name and password come from the user's `.netrc`, a bearer token from
    $CXR_DICOMWEB_TOKEN. Certificates are checked.

    Args:
        films: what the user named in place of a study; must be empty.
        url: the address of the server.
        study: a Study Instance UID.
        series: a Series Instance UID. Defaults to all series of the study.

    Raises:
        UsageError: what is given doesn't go together, or isn't an address or a UID.
        CxrError: the extra `dicom` is not installed.
        PacsError: the server can't be reached, refuses, or has no such film.
    """
    if films or not url or not study:
        given = {"films": films, "dicomweb": url, "study": study, "series": series}
        received = ", ".join(name for name, value in given.items() if value) or "none of them"
        raise UsageError(
            f"Expected films, or dicomweb with study. Received: {received}.",
            hint="For example: cxr predict film.png",
        )
    _check_address(url)
    for uid in filter(None, (study, series)):
        check_uid(uid)
    require_dicom()
    with tempfile.TemporaryDirectory(prefix="cxr-dicomweb-") as folder:
        with _session() as session:
            films = Films(_fetch(_client(url, session), Path(folder), url, study, series))
        yield films


def check_uid(uid: str) -> None:
    """Refuse a text that is no UID: digits and dots, at most 64.

    Raises:
        UsageError: it is none.
    """
    if not is_uid(uid):
        raise UsageError(
            f"Expected a UID of digits and dots. Received: {uid!r}.",
            hint="For example: --study 1.2.840.113619.2.1",
        )


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            f"Expected the address of a DICOMweb server. Received: {url!r}.",
            hint="For example: --dicomweb https://pacs.example.org/dicom-web",
        )
    if parts.username or parts.password:
        raise UsageError(
            "Expected the address of a DICOMweb server without a password, which others could read. Received: one "
            "with it.",
            hint=f"Put user name and password into ~/.netrc, or a token into {TOKEN}",
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and os.environ.get(TOKEN):
        raise UsageError(
            f"Expected an https address for a token. Received: {url}, which would send it unprotected.",
            hint="Name the server's https address",
        )


def _client(url: str, session: "Session") -> "DICOMwebClient":
    from dicomweb_client import DICOMwebClient

    if token := os.environ.get(TOKEN):
        session.headers["Authorization"] = f"Bearer {token}"
        session.trust_env = False  # or a .netrc would take its place
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE", True)
    client = DICOMwebClient(url.rstrip("/"), session=session, timeout=_TIMEOUT)
    client.set_http_retry_params(retry=False)
    return client


def _session() -> "Session":
    """A session whose answers have a maximum size, and whose redirects stay with the server."""
    from requests import Session
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):  # type: ignore[misc]  # the types of requests are not followed
        def __init__(self) -> None:
            super().__init__()
            self.responses: WeakSet[Response] = WeakSet()

        def close(self) -> None:
            for response in self.responses:
                response.close()
            super().close()

        def send(self, request: "PreparedRequest", *arguments: Any, **options: Any) -> "Response":
            response = super().send(request, *arguments, **options)
            self.responses.add(response)
            if int(response.headers.get("Content-Length") or 0) > BYTES.value + _AROUND:
                raise _too_large()
            read, left = response.raw.stream, BYTES.value + _AROUND

            def stream(*sizes: Any, **how: Any) -> Iterator[bytes]:
                nonlocal left
                for piece in read(*sizes, **how):
                    left -= len(piece)
                    if left < 0:
                        raise _too_large()
                    yield piece

            response.raw.stream = stream
            return response

    class Staying(Session):  # type: ignore[misc]
        def get_redirect_target(self, resp: "Response") -> str | None:
            target: str | None = super().get_redirect_target(resp)
            if target:
                old, new = urlsplit(resp.url), urlsplit(target)
                if new.hostname not in {None, old.hostname} or (old.scheme == "https" and new.scheme == "http"):
                    raise PacsError(
                        f"Expected the films from {old.hostname}. Received: a redirect to {new.scheme}://{new.hostname}.",
                        hint="Name that server, if you trust it",
                    )
            return target

    session = Staying()
    session.max_redirects = _REDIRECTS
    for scheme in ("http://", "https://"):
        session.mount(scheme, Limited())
    return session


def _too_large() -> PacsError:
    return PacsError(f"Expected a film of at most {BYTES} from the server. Received: a larger one.", hint=BYTES.hint)


def _fetch(client: "DICOMwebClient", folder: Path, url: str, study: str, series: str | None) -> list[str]:
    import requests

    try:
        with READING:
            listed = client.search_for_instances(study, series, fields=["SOPClassUID"], limit=_MOST_FILMS)
            found = [instance for instance in listed if _is_film(instance)]
            if not found:
                others = f"; {len(listed)} other objects" if listed else ""
                raise PacsError(
                    f"Expected CR or DX films in study {study} on {url}. Received: none{others}.",
                    hint="Check the study and series",
                )
            paths = []
            for instance in track(found, "Fetching films", total=len(found)) if len(found) > 1 else found:
                paths.append(str(_fetch_one(client, folder, study, instance)))
    except requests.RequestException as error:
        response = error.response
        raise PacsError(
            f"Expected study {study} from {url}. Received: {_reason(error)}.",
            hint=f"Check the address; a password is read from ~/.netrc, a token from {TOKEN}"
            if response is not None and response.status_code in {401, 403}
            else "Check the address, and whether the server runs",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise PacsError(
            f"Expected DICOM from {url}. Received: an answer that can't be read ({type(error).__name__}).",
            hint="Check that it is the address of a DICOMweb server",
        ) from None
    return paths


def _fetch_one(client: "DICOMwebClient", folder: Path, study: str, instance: dict[str, Any]) -> Path:
    uid = _value(instance, "00080018")
    check_uid(uid)
    # As the server has it: films are decoded by the reader of all films, and the size of an answer is limited.
    film = client.retrieve_instance(study, _value(instance, "0020000E"), uid, media_types=(("application/dicom", "*"),))
    path = folder / f"{uid}.dcm"
    film.save_as(path, enforce_file_format=True)
    return path


def _is_film(instance: dict[str, Any]) -> bool:
    return _value(instance, "00080060") in _MODALITIES


def _value(instance: dict[str, Any], tag: str) -> str:
    """The first value of a tag of an instance in DICOM JSON; empty if it has none."""
    return str((instance.get(tag, {}).get("Value") or [""])[0])


def _reason(error: Any) -> str:
    """What went wrong, in a few words; the messages of requests quote the address."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    kinds = {
        requests.exceptions.JSONDecodeError: "an answer that is not DICOMweb's",
        requests.exceptions.SSLError: "its certificate is not trusted",
        requests.exceptions.ConnectTimeout: "no answer in time",
        requests.exceptions.ReadTimeout: "no answer in time",
        requests.exceptions.TooManyRedirects: "too many redirects",
        requests.exceptions.ConnectionError: "no connection",
    }
    return next((words for kind, words in kinds.items() if isinstance(error, kind)), type(error).__name__)

"""Pseudonyms for what identifies a person or a place in DICOM headers: keyed hashes, with a key in the workspace.

Without the key nobody can test whether a patient is in a dataset, not even by trying all patient numbers of a hospital.
With the key and the films, anyone can: pseudonyms are not anonymous.
"""

import hmac
import os
import secrets
import uuid
from contextlib import suppress
from pathlib import Path

from cxr_cli.errors import WorkspaceError

_BYTES = 32
_DIGITS = 16  # of 64: among a million patients, two have the same by chance in 1 of 37 million datasets


class Pseudonyms:
    """Gives the same pseudonym for the same value, as long as the key stays the same.

    Args:
        key: 32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, kind: str, value: str) -> str:
        """Name a value: HMAC-SHA256 of its kind and itself, the first 16 hex digits.

        Args:
            kind: what the value is, for example "patient": the same number of a film gives another pseudonym.
            value: what must not be written. An empty one stays empty.
        """
        if not value:
            return ""
        text = f"{kind}\0{value}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, "sha256").hex()[:_DIGITS]


def open_pseudonyms(path: Path) -> Pseudonyms:
    """Read the key of the pseudonyms, or make one that only its owner can read.

    Args:
        path: of the key file; its folder is created if it is missing.

    Raises:
        WorkspaceError: the file can't be read or made, or is damaged.
    """
    try:
        if not path.exists():
            _make_key(path)
        elif os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)  # it was copied without its mode
        key = path.read_bytes()
    except OSError as error:
        raise WorkspaceError(
            f"Expected the key of the pseudonyms in {path}. Received: {error.strerror or error}.",
            hint="Check who may read and write there, or name another workspace: --workspace DIR",
        ) from error
    if len(key) != _BYTES:
        raise WorkspaceError(
            f"Expected a key of {_BYTES} bytes in {path}. Received: {len(key)} bytes.",
            hint="Put the key back from a backup. If it is lost, delete the file: all films then get new pseudonyms",
        )
    return Pseudonyms(key)


def _make_key(path: Path) -> None:
    """Write a new key in one step, unless another command was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stage = path.with_name(f".staged-{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(stage, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            with suppress(FileExistsError):
                os.link(stage, path)  # unlike a rename, it never replaces a key
        except OSError:  # a file system without links
            stage.replace(path)
    finally:
        stage.unlink(missing_ok=True)

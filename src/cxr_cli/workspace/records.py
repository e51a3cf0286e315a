"""The JSON records of the workspace: immutable, versioned, and strict about unknown fields."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.extras import version_of
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.reading import read_bytes

R = TypeVar("R", bound="Record")
# These packages can change a result, so their versions are part of every record.
_PACKAGES = (
    "cxr-cli",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "numpy",
    "pillow",
    "scikit-learn",
    "scikit-fuzzy",
    "scipy",
    "xgboost",
)

_DAMAGED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last from lists in lists without end


class RecordPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a record."""


class Record(RecordPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON file of the workspace. A subclass names its version and the command that makes it."""

    VERSION: ClassVar[int]
    OLDEST: ClassVar[int] = 0  # the earliest version that is still read; 0 for `VERSION` alone
    MADE_BY: ClassVar[str]

    schema_version: int
    created: str  # UTC, ISO 8601
    versions: dict[str, str]

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Turn the fields of a file of an earlier version into those of this one. Those it lacks get their defaults."""
        return fields


def require(names: Iterable[str], *values: Collection[str]) -> None:
    """Make sure that each of `values` has all `names`, as a record's check of itself.

    Raises:
        ValueError: names are missing; of a record that is read, this becomes a `WorkspaceError`.
    """
    expected = set(names)
    for each in values:
        if missing := expected - set(each):
            raise ValueError(f"no {', '.join(sorted(missing))}")


def stamp() -> dict[str, Any]:
    """The first fields of every record: when it is written, and with which versions of what is installed."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: found for name in _PACKAGES if (found := version_of(name))},
    }


def write_record(path: Path, record: Record) -> None:
    r"""Write `record` to `path` atomically, as indented JSON; a byte of a file name that is not UTF-8 as ``\udcff``."""
    try:
        data = msgspec.json.encode(record)
    except UnicodeEncodeError:
        data = msgspec.json.encode(_spelled(msgspec.to_builtins(record)))
    write_bytes(path, msgspec.json.format(data, indent=2) + b"\n")


def read_record(path: Path, kind: type[R]) -> R:
    """Read the record in `path`.

    Raises:
        WorkspaceError: the file is missing or damaged, or is of another kind or version.
    """
    return decode_record(read_bytes(path, hint=_again(kind)), kind, path)


def created(path: Path) -> str:
    """When the record in `path` was written first, in UTC as ISO 8601; empty where the file can't be understood."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Created).created
    except (OSError, *_DAMAGED):
        return ""


def decode_record(data: bytes, kind: type[R], path: Path) -> R:
    """Decode a record from `data`, the content of `path`. Raises as `read_record` does."""
    hint = _again(kind)
    try:
        written = msgspec.json.decode(data, type=_Version).schema_version
        if not (kind.OLDEST or kind.VERSION) <= written <= kind.VERSION:
            raise WorkspaceError(
                f"Expected version {kind.VERSION} of the record {path}. Received: version {written}.", hint=hint
            )
        if written == kind.VERSION:
            return msgspec.json.decode(data, type=kind)
        return msgspec.convert(kind.upgrade(msgspec.json.decode(data)) | {"schema_version": kind.VERSION}, kind)
    except _DAMAGED as error:
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise WorkspaceError(f"Expected {article} {kind.__name__} in {path}. Received: {error}.", hint=hint) from error


class _Version(msgspec.Struct):
    schema_version: int


class _Created(msgspec.Struct):
    created: str


def _spelled(value: Any) -> Any:
    """The same value with backslashes in all text that is not Unicode."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_spelled(key): _spelled(item) for key, item in value.items()}
    return [_spelled(item) for item in value] if isinstance(value, list | tuple) else value


def _again(kind: type[Record]) -> str:
    return f"Make it again: {kind.MADE_BY}"

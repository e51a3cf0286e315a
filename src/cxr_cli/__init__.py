"""Train, test and explain COVID-19 classifiers for chest X-rays. For research and teaching, never a diagnosis.

The Python API: ``import cxr_cli as cxr``. Each name is loaded when it is first used, so that the import takes no time.
docs/reference/python.md shows them at work.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_cli import metrics
    from cxr_cli.api.dataset import Manifest, audit, phantoms, prepare, read_manifest, segment
    from cxr_cli.api.demo import demo
    from cxr_cli.api.explaining import gradcam
    from cxr_cli.api.listening import listen
    from cxr_cli.api.run import Run, load_run, predict
    from cxr_cli.api.serving import serve
    from cxr_cli.api.testing import compare, evaluate, report
    from cxr_cli.api.training import calibrate, crossval, export, train
    from cxr_cli.api.upkeep import remove_run, rename_run, runs, status
    from cxr_cli.cli.console import show_progress
    from cxr_cli.errors import (
        ClusterError,
        CxrError,
        ExportError,
        FolderError,
        ImageError,
        InUseError,
        MetadataError,
        NoRunError,
        PacsError,
        SplitError,
        UsageError,
        WeightsError,
        WorkspaceError,
    )

_MODULES = {
    "cxr_cli.api.dataset": ("Manifest", "audit", "phantoms", "prepare", "read_manifest", "segment"),
    "cxr_cli.api.demo": ("demo",),
    "cxr_cli.api.explaining": ("gradcam",),
    "cxr_cli.api.listening": ("listen",),
    "cxr_cli.api.run": ("Run", "load_run", "predict"),
    "cxr_cli.api.serving": ("serve",),
    "cxr_cli.api.testing": ("compare", "evaluate", "report"),
    "cxr_cli.api.training": ("calibrate", "crossval", "export", "train"),
    "cxr_cli.api.upkeep": ("remove_run", "rename_run", "runs", "status"),
    "cxr_cli.cli.console": ("show_progress",),
    "cxr_cli.errors": (
        "ClusterError",
        "CxrError",
        "ExportError",
        "FolderError",
        "ImageError",
        "InUseError",
        "MetadataError",
        "NoRunError",
        "PacsError",
        "SplitError",
        "UsageError",
        "WeightsError",
        "WorkspaceError",
    ),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ClusterError",
    "CxrError",
    "ExportError",
    "FolderError",
    "ImageError",
    "InUseError",
    "Manifest",
    "MetadataError",
    "NoRunError",
    "PacsError",
    "Run",
    "SplitError",
    "UsageError",
    "WeightsError",
    "WorkspaceError",
    "audit",
    "calibrate",
    "compare",
    "crossval",
    "demo",
    "evaluate",
    "export",
    "gradcam",
    "listen",
    "load_run",
    "metrics",
    "phantoms",
    "predict",
    "prepare",
    "read_manifest",
    "remove_run",
    "rename_run",
    "report",
    "runs",
    "segment",
    "serve",
    "show_progress",
    "status",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a name of the API when it is first used."""
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    if name == "metrics":
        return import_module("cxr_cli.metrics")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

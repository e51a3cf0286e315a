"""The extras of the package: what each is for, what is imported from it, and the refusal to begin without it."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cxr_cli.errors import CxrError

# What an extra is for; `pip install "cxr-cli[NAME]"` adds it.
EXTRAS = {
    "train": "cxr train, crossval, demo and export",
    "web": "cxr serve",
    "gradio": "cxr serve --gradio",
    "dicom": "DICOM from archives, in all kinds of compression, and work beside a PACS",
    "onnx": "cxr export --format onnx",
    "cluster": "--cluster: many machines, through Dask",
    "pandas": "data frames in Python",
}
# What is imported from an extra -> the extra.
EXTRA_OF = {
    "tensorflow": "train",
    "keras": "train",
    "xgboost": "train",
    "starlette": "web",
    "uvicorn": "web",
    "gradio": "gradio",
    "imagecodecs": "dicom",
    "highdicom": "dicom",
    "pynetdicom": "dicom",
    "dicomweb_client": "dicom",
    "requests": "dicom",
    "tf2onnx": "onnx",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "dask": "cluster",
    "distributed": "cluster",
    "pyarrow": "cluster",
    "pandas": "pandas",
}
TRAINING = ("tensorflow", "keras")  # the boosted trees need xgboost, too
# Other distributions of the same modules.
_ALSO_FROM = {"tensorflow": "tensorflow-cpu", "xgboost": "xgboost-cpu"}


def missing_modules(*modules: str) -> list[str]:
    """Those of the modules that are not installed; nothing is imported."""
    return [name for name in modules if find_spec(name) is None]


def require_modules(*modules: str, needed_by: str, error: type[CxrError] = CxrError) -> None:
    """Refuse to begin work without modules of `EXTRA_OF`.

    Args:
        modules: what the work imports.
        needed_by: the work, in words, as in "training".
        error: the kind of error. Defaults to `CxrError`.

    Raises:
        CxrError: one of them is not installed; the hint names the extra that installs it.
    """
    if missing := missing_modules(*modules):
        packages, are = ("packages", "they are") if len(missing) > 1 else ("package", "it is")
        raise error(
            f"Expected the {packages} {' and '.join(missing)} for {needed_by}. Received: {are} not installed.",
            hint=how_to_install(*missing),
        )


def how_to_install(*modules: str) -> str:
    """The hint that names the command which installs modules of `EXTRA_OF`."""
    extras = ",".join(dict.fromkeys(EXTRA_OF[name] for name in modules))
    return f'Install {"them" if len(modules) > 1 else "it"}: pip install "cxr-cli[{extras}]"'


def version_of(package: str) -> str | None:
    """The version of an installed package, or of another distribution of the same modules; None if there is none."""
    for name in filter(None, (package, _ALSO_FROM.get(package))):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None

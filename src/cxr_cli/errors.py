"""The errors that a user can fix. One boundary, in `cli`, prints them; a bug keeps its traceback."""


class CxrError(Exception):
    """An error that the user can fix.

    Args:
        message: what was expected, and what was received and where, in one or two sentences.
        hint: the next command to run, or the next thing to do. Defaults to none.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CxrError):
    """Options or arguments that don't go together, or have a value out of range."""


class ImageError(CxrError):
    """A file that is not a readable film."""


class MetadataError(CxrError):
    """A metadata file that can't be read, or that lacks a required column or value."""


class FolderError(CxrError):
    """A folder that can't be read, or class folders that can't be understood as a dataset."""


class SplitError(CxrError):
    """Films that can't be split into train, val and test with both classes in each."""


class WorkspaceError(CxrError):
    """Something in the workspace that is missing, damaged or in use."""


class NoRunError(WorkspaceError):
    """No trained run where one is needed."""


class WeightsError(CxrError):
    """Backbone weights that can't be obtained or don't fit the architecture."""


class ClusterError(CxrError):
    """A cluster that can't be reached or used."""


class ExportError(CxrError):
    """An exported model whose output differs from the Keras model's."""

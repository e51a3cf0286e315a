"""The errors a user can mend. One boundary, in `cli`, prints them; a bug keeps its traceback."""


class CxrError(Exception):
    """Something the user can mend.

    Args:
        message: what was expected, what came and where, in one or two sentences.
        hint: the next command to run or thing to do. Defaults to none.
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
    """A metadata file that can't be read, or lacks what it must have."""


class FolderError(CxrError):
    """Class folders that can't be understood as a dataset."""


class SplitError(CxrError):
    """Films that can't be split into train, val and test with both classes in each."""


class WorkspaceError(CxrError):
    """Something in the workspace that is missing, damaged or in use."""


class NoRunError(WorkspaceError):
    """No trained run where one is needed."""


class WeightsError(CxrError):
    """Backbone weights that can't be had or don't fit."""


class ClusterError(CxrError):
    """A cluster that can't be reached or worked with."""


class ExportError(CxrError):
    """An exported model that doesn't answer as the Keras model does."""

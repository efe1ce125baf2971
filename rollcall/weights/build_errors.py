"""The errors of building the model files.

ModelBuildError
├── SourceError     a source package cannot be fetched, or does not hold what it should
├── ArchiveError    a weights file is not of the form that its reader knows
└── FolderError     the model folder cannot be used
"""

from rollcall.contracts.errors import RollcallError


class ModelBuildError(RollcallError):
    """Base of every error of `rollcall.weights`."""


class SourceError(ModelBuildError):
    """A source package cannot be fetched, or does not hold what it should."""


class ArchiveError(ModelBuildError):
    """A weights file is not of the form that its reader knows."""


class FolderError(ModelBuildError):
    """The model folder cannot be used."""

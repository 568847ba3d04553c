"""Errors that name the thing and say what to do about it.

Every error a user can cause is a `MediafmError`: one sentence of what is wrong, one of what helps. The command line
prints both and no traceback. `exit_status` is what the process ends with: 2 for wrong use, 1 for a failure.
"""


class MediafmError(Exception):
    """Base of all errors meant for people. `remedy` says what the user can do next."""

    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(MediafmError):
    """The call itself is wrong: an unknown option value, a missing file argument, a recipe that cannot work."""

    exit_status = 2


class MediaError(MediafmError):
    """A film, sound or subtitle file cannot be read."""


class StorageError(MediafmError):
    """A file on object storage cannot be reached, or storage refuses. May be otherwise the next time."""


class CatalogError(MediafmError):
    """A catalog is missing, damaged, or asked for something it does not hold."""


class MismatchError(CatalogError):
    """Two things made by different encoders, presets or checkpoints were about to be mixed. Names both."""


class ImportDataError(MediafmError):
    """Precomputed features or labels handed in by the user do not fit their contract."""


class EncoderError(MediafmError):
    """An encoder's weights are missing, damaged or not what their hash promises, or its output broke the contract."""


class ServiceError(EncoderError):
    """A service that embeds could not be had, or may not be paid any more: true of the next shot as well."""


class TrainingError(MediafmError):
    """Training cannot start or cannot go on: too little data, a loss that is not finite."""

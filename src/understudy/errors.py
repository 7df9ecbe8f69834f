"""Every error a user can meet, as one tree.

UnderstudyError            refused before the work began, or asked for wrongly (exit code 2)
├── SettingError           a setting out of range, of the wrong type, or unknown
├── SequenceError          a frame pattern, range or folder that names no frames
├── FrameError             one image or movie frame that cannot be read
├── ChannelError           a channel, layer or part that is not in the file
├── SizeError              display windows or sizes that do not belong together
├── PairingError           plate and ground truth that share no frames
├── ColourError            a colour space that does not exist or does not fit
├── DeviceError            a device that is not there, or cannot do what was asked
├── ModelFileError         a model file that is missing, damaged, or not one
├── RunError               a run that does not exist, exists already, or is busy
├── MissingPackageError    an optional package that the request needs
└── WorkError              the work began and then failed (exit code 1)
    ├── WriteError         a file that could not be written whole
    ├── TrainingError      training that cannot go on
    ├── FarmError          a render farm that took no job
    ├── ApplyError         some frames could not be made
    ├── ExportError        an exported file that disagrees with the original
    └── ServerError        a served model that failed
        └── RequestError   a request that does not fit the model
"""

from __future__ import annotations


class UnderstudyError(Exception):
    """What went wrong, said so that an artist can mend it.

    ``message`` is one sentence. The four parts are short phrases, each left out when empty: what was
    ``expected``, what was ``found``, ``where`` (a file, a flag, a frame), and the ``remedy``.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, expected: str = "", found: str = "", where: str = "", remedy: str = ""
    ) -> None:
        self.message = message
        self.expected = expected
        self.found = found
        self.where = where
        self.remedy = remedy
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The whole message, one line for each part that says something."""
        parts = (
            ("expected", self.expected),
            ("found", self.found),
            ("where", self.where),
            ("what to do", self.remedy),
        )
        return "\n".join([self.message] + [f"  {label}: {value}" for label, value in parts if value])

    def __str__(self) -> str:
        return self.text


class SettingError(UnderstudyError):
    """A setting is out of range, of the wrong type, or unknown."""


class SequenceError(UnderstudyError):
    """A frame pattern, range or folder names no frames."""


class FrameError(UnderstudyError):
    """One image file or movie frame cannot be read."""


class ChannelError(UnderstudyError):
    """A channel, layer or part is not in the file."""


class SizeError(UnderstudyError):
    """Two sizes that must agree do not."""


class PairingError(UnderstudyError):
    """Plate and ground truth cannot be matched."""


class ColourError(UnderstudyError):
    """A colour space does not exist, or does not fit the files."""


class DeviceError(UnderstudyError):
    """A device is not there, or cannot do what was asked."""


class ModelFileError(UnderstudyError):
    """A model file is missing, damaged, or not one."""


class RunError(UnderstudyError):
    """A run does not exist, exists already, or is busy."""


class MissingPackageError(UnderstudyError):
    """An optional package is needed and not installed."""


class WorkError(UnderstudyError):
    """The work began and then failed."""

    exit_code = 1


class WriteError(WorkError):
    """A file could not be written whole; what stood there before still stands."""


class TrainingError(WorkError):
    """Training cannot go on."""


class ApplyError(WorkError):
    """Some frames could not be made."""


class FarmError(WorkError):
    """A render farm did not take a job; its files stand."""


class ExportError(WorkError):
    """An exported file does not agree with the network it was made from."""


class ServerError(WorkError):
    """A served model failed."""


class RequestError(ServerError):
    """A request does not fit the model. The message is fit for a client: no paths, no traces."""

"""The one tree of exceptions; the upper part is what can be wrong with an upload, and what its owner is told.

RollcallError
├── MediaError            the upload cannot be worked on; trying again changes nothing
│   ├── EmptyFile
│   ├── UnreadableMedia
│   │   ├── DamagedMedia
│   │   └── DecoderCrashed
│   ├── TruncatedMedia
│   ├── NoVideo
│   │   └── MovingPicture
│   ├── TooLarge
│   ├── TooManyPixels
│   ├── TooLong
│   └── TooSlow
├── SourceUnavailable     the upload could not be read from where it is stored; worth another attempt
├── DecoderLost           a process that decodes was ended from outside; worth another attempt
├── FfmpegMissing         neither the system nor the wheel has ffmpeg and ffprobe
├── BadPack               a stage-1 object that is not a GoP pack
├── BadGallery            an item of the faces table that enrollment would not have written
├── BadRecord             a record that DynamoDB cannot hold
├── GalleryMismatch       the gallery was made with another embedder
├── Superseded            the upload was replaced or deleted; this job's work is moot
├── UsageError            what the user can put right; exit code 2 (rollcall/contracts/usage_error.py)
├── ModelBuildError       the model files cannot be built (rollcall/weights/build_errors.py)
├── ApiError              an answer of the HTTP API other than success (rollcall/api/http_errors.py)
├── BadSettings, …        what keeps a deployment from being built (rollcall/pipeline/deployment_errors.py)
└── CloudStopped, …       others stand beside what raises them
"""


class RollcallError(Exception):
    """Base of everything that Rollcall raises on purpose."""


class MediaError(RollcallError):
    """Carries `code` (stable, for programs) and a plain sentence (for people) into the failed result."""

    code = "bad-media"


class EmptyFile(MediaError):
    code = "empty-file"


class UnreadableMedia(MediaError):
    code = "unreadable-media"


class DamagedMedia(UnreadableMedia):
    """The file is of a kind that is read, but nothing can be decoded from it."""


class DecoderCrashed(UnreadableMedia):
    """A process that decodes ended by its own fault. The file is to blame only if it happens each time."""


class TruncatedMedia(MediaError):
    code = "truncated-media"


class NoVideo(MediaError):
    code = "no-video"


class MovingPicture(NoVideo):
    """A photo was asked for, and the file moves."""


class TooLarge(MediaError):
    code = "too-large"


class TooManyPixels(MediaError):
    code = "too-many-pixels"


class TooLong(MediaError):
    code = "too-long"


class TooSlow(MediaError):
    code = "too-slow"


class SourceUnavailable(RollcallError):
    """The upload could not be read from where it is stored: worth another attempt."""


class DecoderLost(RollcallError):
    """A process that decodes was ended from outside, for lack of memory for example: worth another attempt."""

    code = "decoder-lost"


class FfmpegMissing(RollcallError):
    """Neither the system nor the wheel has ffmpeg and ffprobe."""


class BadPack(RollcallError):
    """A stage-1 object that is not a GoP pack within its bounds."""


class BadGallery(RollcallError):
    """An item in the faces table that enrollment would not have written."""


class BadRecord(RollcallError):
    """A record that DynamoDB cannot hold; the message names the record and the field."""


class GalleryMismatch(RollcallError):
    """The gallery's embeddings come from another embedder than the probe's."""


class Superseded(RollcallError):
    """The upload was replaced or deleted: its worker stops, leaves nothing behind and does not try again."""

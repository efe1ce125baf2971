"""The limits of one upload."""

from dataclasses import dataclass

from rollcall.media.photos.photo_decoder import MAX_PHOTO_BYTES, MAX_PHOTO_PIXELS
from rollcall.pipeline.settings import MAX_BYTES, MAX_DURATION, MAX_RECOGNITIONS, MAX_STORED_BYTES

DURATION_TOLERANCE = 1.001


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The defaults fit a function of 1769 MB that may run for 15 minutes; docs/media.md gives the reasons."""

    max_bytes: int = MAX_BYTES.default
    max_duration: float = float(MAX_DURATION.default)  # seconds; `longest` is what is checked
    max_photo_bytes: int = MAX_PHOTO_BYTES
    max_photo_pixels: int = MAX_PHOTO_PIXELS
    max_video_pixels: int = 36_000_000  # of one frame
    max_frame_side: int = 1920  # longest side of a sampled video frame, in pixels; photos are not scaled
    max_frame_bytes: int = 32 * 1024**2  # of one JPEG
    max_frames_per_gop: int = 32
    # the budget of an upload: see budget.py
    max_stored_bytes: int = MAX_STORED_BYTES.default
    least_stored_bytes: int = 32 * 1024**2
    stored_bytes_per_byte: int = 100  # of the upload: a static camera at 1080p may need 50
    max_recognitions: int = MAX_RECOGNITIONS.default
    least_recognitions: int = 1800
    bytes_per_recognition: int = 1024  # of the upload: 16 kbit/s at two frames a second, less than sound takes
    max_gop_seconds: float = 32.0  # so that packs are full at a frame a second too: each one costs requests
    max_memory: int = 1408 * 1024**2  # address space of ffmpeg, in bytes
    probe_seconds: float = 60.0  # wall clock
    decode_seconds: float = (
        780.0  # wall clock, first frame asked for to last one handed out; where no deadline is given
    )
    threads: int = 1  # of the decoder: a second one costs processor time, and the function has one vCPU

    @property
    def longest(self) -> float:
        """Seconds: a six-hour video may be some frames, or a packet of sound, longer than six hours."""
        return self.max_duration * DURATION_TOLERANCE

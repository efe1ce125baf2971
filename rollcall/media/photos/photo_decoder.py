"""Decodes photos in a confined process, and replaces it after a crash or a number of photos."""

import time
import weakref
from dataclasses import dataclass

from pydantic import BaseModel, Field, TypeAdapter

from rollcall.contracts.errors import (
    DecoderLost,
    MediaError,
    MovingPicture,
    TooLarge,
    TooManyPixels,
    TooSlow,
    TruncatedMedia,
    UnreadableMedia,
)
from rollcall.runtime.confined.channel import PeerGone
from rollcall.runtime.confined.child import Child
from rollcall.runtime.confined.endings import from_outside

MAX_PHOTO_BYTES = 256 * 1024**2
MAX_PHOTO_PIXELS = 52_000_000  # phones take 50
SECONDS = 60.0  # for one photo
START_SECONDS = 60.0  # for the process itself, on a busy machine
ANSWER_BYTES = 4096
PHOTOS_PER_PROCESS = 10_000  # limits how long a photo's effect on the process lasts
ATTEMPTS = 3
BROKEN = "The photo cannot be decoded: its content is broken. Export it again as JPEG or PNG."
TOO_SLOW = "The photo takes too long to decode. Send it in a smaller size."

_REFUSALS: dict[str, type[MediaError]] = {
    kind.__name__: kind for kind in (MovingPicture, TooLarge, TooManyPixels, TruncatedMedia, UnreadableMedia)
}


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    content: bytearray  # [height, width, 3] BGR, or a JPEG
    note: str = ""  # a sentence for the owner


class _Decoded(BaseModel):
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    note: str = Field(default="", max_length=200)


class _Refused(BaseModel):
    refused: str
    message: str


_ANSWER: TypeAdapter[_Decoded | _Refused] = TypeAdapter(_Decoded | _Refused)


class PhotoDecoder:
    def __init__(
        self,
        *,
        max_bytes: int = MAX_PHOTO_BYTES,
        max_pixels: int = MAX_PHOTO_PIXELS,
        seconds: float = SECONDS,
        jpeg_bytes: int = 0,
    ) -> None:
        """`jpeg_bytes`: give pictures as JPEGs of at most so many bytes, and not as pixels."""
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._jpeg_bytes = jpeg_bytes
        self._child: Child | None = None
        self._photos = 0
        self._ready = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Starts the process ahead of the first photo, which then need not wait."""
        if self._child is None:
            arguments = [str(number) for number in (self._max_bytes, self._max_pixels, self._jpeg_bytes)]
            self._child = Child("rollcall.media.photos.photo_process", arguments, quiet=True, lone_thread=True)
            self._end = weakref.finalize(self, self._child.kill)
            self._photos = 0
            self._ready = False

    def decode(self, photo: bytes | bytearray) -> Picture:
        """Raises MediaError for what is not a whole photo, and DecoderLost if that could not be found out."""
        if len(photo) > self._max_bytes:
            raise TooLarge(f"The photo is larger than {self._max_bytes / 1024**2:.12g} MiB, which is the limit.")
        crashes = 0
        for _ in range(ATTEMPTS):
            self.start()
            assert self._child is not None
            self._photos += 1
            try:
                self._await_ready(self._child)
                return self._ask(self._child, photo)
            except TimeoutError:
                self.close()
                raise TooSlow(TOO_SLOW) from None
            except (PeerGone, ValueError) as error:
                ended = self._child.ended() if isinstance(error, PeerGone) else None
                self.close()
                crashes += self._ready and (ended is None or not from_outside(ended))
            finally:
                if self._photos >= PHOTOS_PER_PROCESS:
                    self.close()
        if crashes == ATTEMPTS:  # each time, so it is the photo
            raise UnreadableMedia(BROKEN)
        raise DecoderLost(f"the photo decoder did not start, or was ended from outside, {ATTEMPTS - crashes} times")

    def close(self) -> None:
        if self._child is not None:
            self._end()
            self._child = None

    def _await_ready(self, child: Child) -> None:
        """Raises PeerGone if the process does not start: no photo has been sent yet."""
        if not self._ready:
            try:
                child.channel.receive(most=ANSWER_BYTES, deadline=time.monotonic() + START_SECONDS)
            except TimeoutError as error:
                raise PeerGone("the process did not start in time") from error
            self._ready = True

    def _ask(self, child: Child, photo: bytes | bytearray) -> Picture:
        deadline = time.monotonic() + self._seconds
        child.channel.send(photo, deadline=deadline)
        answer = _ANSWER.validate_json(child.channel.receive(most=ANSWER_BYTES, deadline=deadline))
        if isinstance(answer, _Refused):
            raise _REFUSALS.get(answer.refused, UnreadableMedia)(answer.message)
        pixels = answer.width * answer.height
        if pixels > self._max_pixels:
            raise ValueError("more pixels than were asked for")
        content = child.channel.receive(most=self._jpeg_bytes or pixels * 3, deadline=deadline)
        if not self._jpeg_bytes and len(content) != pixels * 3:
            raise ValueError("another number of pixels than was announced")
        return Picture(answer.width, answer.height, content, answer.note)

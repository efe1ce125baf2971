"""The work behind the photo routes: find faces, compare them, keep the photo."""

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from rollcall.api.http_errors import ApiError, BadRequest, BodyTooLarge, NotAPhoto, Overloaded, RefusedPhoto
from rollcall.api.photos.archive import Archive
from rollcall.api.photos.decisions import Decision, decide
from rollcall.api.photos.gallery_cache import GalleryCache, RecordCache
from rollcall.api.photos.photo_store import KeptPhoto
from rollcall.api.photos.recognition import NamedFace, Recognition, main_name, named_face
from rollcall.api.recognizers.messages import Refusal, SeenPhoto
from rollcall.api.recognizers.recognizer_pool import RecognizerPool
from rollcall.contracts.errors import DecoderLost, EmptyFile, NoVideo, TooLarge, TooManyPixels
from rollcall.contracts.object_keys import KEPT_UNDER
from rollcall.media.photo_formats import HEAD_BYTES, photo_format

THREADS = 4

_REFUSED_AS: dict[str, type[ApiError]] = {
    EmptyFile.code: BadRequest,
    TooManyPixels.code: BodyTooLarge,
    TooLarge.code: BodyTooLarge,
    NoVideo.code: NotAPhoto,
    DecoderLost.code: Overloaded,
}
Answer = TypeVar("Answer")


class PhotoDesk:
    def __init__(
        self,
        *,
        pool: RecognizerPool,
        gallery: GalleryCache,
        records: RecordCache,
        archive: Archive | None,
        wait_until_kept: bool,
    ) -> None:
        self._pool = pool
        self._gallery = gallery
        self._records = records
        self._archive = archive
        self._wait = wait_until_kept
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="answers")

    async def see(self, photo: bytes, *, enrolling: bool = False) -> SeenPhoto:
        """Raise ApiError, with the reason, for what is not a photo. `enrolling`: its faces are to be enrolled."""
        looked = await asyncio.wrap_future(self._pool.look(photo, enrolling=enrolling))
        if isinstance(looked, Refusal):
            kind = _REFUSED_AS.get(looked.code, RefusedPhoto)
            raise kind(looked.message, code=looked.code)
        return looked

    async def name(self, photo: bytes) -> str:
        seen = await self.see(photo)
        decision = await self.run(lambda: decide(seen, self._gallery.get()))
        await self._keep(photo, seen, decision)
        return main_name(decision)

    async def recognize(self, photo: bytes, *, key: str | None = None, records: bool) -> Recognition:
        """`key`: where the photo is already kept; `records`: whether the answer has records."""
        seen = await self.see(photo)
        decision, faces = await self.run(lambda: self._recognize(seen, records=records))
        ready = self._pool.ready
        return Recognition(
            key=key or await self._keep(photo, seen, decision),
            width=seen.width,
            height=seen.height,
            model=ready.model,
            threshold=decision.calibration.threshold,
            error_rates=decision.calibration.error_rates,
            faces=faces,
        )

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Runs off the event loop what waits for AWS or takes long."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown()

    def _recognize(self, seen: SeenPhoto, *, records: bool) -> tuple[Decision, list[NamedFace]]:
        decision = decide(seen, self._gallery.get())
        known = self._records.get(decision.decided_by) if records else {}
        faces = zip(seen.faces, decision.matches, strict=True)
        return decision, [named_face(face, found, known) for face, found in faces]

    async def _keep(self, photo: bytes, seen: SeenPhoto, decision: Decision) -> str | None:
        archive = self._archive
        if archive is None:
            return None
        now = time.time()
        day = datetime.fromtimestamp(now, UTC).strftime("%Y/%m/%d")
        key = f"{KEPT_UNDER}/{day}/{uuid.uuid4().hex}"
        kept = KeptPhoto(
            key=key, photo=photo, content_type=_content_type(photo), seen=seen, decision=decision, created=now
        )
        await self.run(lambda: archive.keep(kept))
        if self._wait:
            await self.run(archive.flush)
        return key


def _content_type(photo: bytes) -> str:
    known = photo_format(photo[:HEAD_BYTES])
    return known.content_type if known is not None else "application/octet-stream"

"""Split uploads into GoP packs, the long ones range by range, and account for it in their jobs."""

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollcall.contracts.errors import EmptyFile, MediaError, SourceUnavailable, Superseded, TooLarge, TooSlow
from rollcall.contracts.events import ObjectCreated, SplitRange, Stretch, Upload, parse_split_message
from rollcall.contracts.jobs import INTERNAL_ERROR, UNDIVIDED_SCHEMA, Job, JobError, JobStore, RangeSummary
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import MAX_INPUT_KEY_BYTES, pack_key
from rollcall.contracts.packs import SCHEMA, Manifest, write_pack
from rollcall.contracts.uploads import UNVERSIONED, Latest, require_latest
from rollcall.media.deadline import Deadline
from rollcall.media.refusals import EMPTY
from rollcall.media.s3_object import S3Object
from rollcall.media.videos.budget import NOTE
from rollcall.media.videos.decode import WHOLE, Gop, decode, photo_gop
from rollcall.media.videos.division import Division
from rollcall.media.videos.failures import END_MISSING
from rollcall.media.videos.probe import Media, photo_decoder, probe_photo, probe_video, readable_tracks
from rollcall.media.videos.stretches import divide, ranges_of
from rollcall.runtime.batch import for_each
from rollcall.runtime.observability import about, count, logger, stage
from rollcall.runtime.together import alone, one_by_one
from rollcall.stages.range_queue import RangeQueue

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Splitter:
    def __init__(
        self,
        *,
        s3: "S3Client",
        jobs: JobStore,
        lookups: LookupQueue,
        ranges: RangeQueue,
        stage_1_bucket: str,
        division: Division,
    ) -> None:
        self._s3 = s3
        self._jobs = jobs
        self._lookups = lookups
        self._ranges = ranges
        self._stage_1_bucket = stage_1_bucket
        self._division = division
        self._limits = division.limits
        self._photos = photo_decoder(division.limits)

    def split(self, body: str, *, deadline: Deadline) -> None:
        message = parse_split_message(body)
        if isinstance(message, SplitRange):
            with self._work_on(message.upload):
                self._attempt(self._jobs.require(message.upload.job), lambda job: self._go_on(message, job, deadline))
            return
        alone(for_each(message.created(), one_by_one(lambda created: self._split(created, deadline))))

    def _split(self, created: ObjectCreated, deadline: Deadline) -> None:
        with self._work_on(_upload(created)):
            found = self._current(created)
            if found is None:
                return
            current, source = found
            try:
                self._require_bounds(current)
                photo = self._probe_photo(source)
            except MediaError as error:
                self._refuse(self._start(current.upload), error)
                return
            upload = current.upload
            if photo is None:
                self._attempt(self._start(upload), lambda job: self._begin(upload, source, job, deadline))
            else:
                self._finish(self._take_photo(upload, photo))

    def give_up(self, body: str) -> None:
        message = parse_split_message(body)
        if isinstance(message, SplitRange):
            with self._work_on(message.upload):
                self._fail(self._jobs.require(message.upload.job))
            return
        alone(for_each(message.created(), one_by_one(self._give_up)))

    def _give_up(self, created: ObjectCreated) -> None:
        with self._work_on(_upload(created)):
            found = self._current(created)
            if found is not None:
                self._fail(self._start(found[0].upload))

    @contextmanager
    def _work_on(self, upload: Upload) -> Iterator[None]:
        about(upload)
        try:
            try:
                yield
            except SourceUnavailable:
                require_latest(self._s3, upload)
                raise
        except Superseded:
            self._jobs.discard(upload.job)
            raise

    def _fail(self, job: Job) -> None:
        if not job.complete:
            self._jobs.fail(job.job, INTERNAL_ERROR)
            self._lookups.ask(job.upload)

    def _current(self, created: ObjectCreated) -> tuple[Latest, S3Object] | None:
        """The upload of the event; None if it is not to be worked on. Raises Superseded if it is gone."""
        found = S3Object.newest(self._s3, created.bucket, created.key)
        if found is None or created.version not in (None, found[0].upload.version):
            raise Superseded("the upload is deleted, or replaced by a newer one, which has an event of its own")
        current, _ = found
        about(current.upload)
        if created.key.endswith("/") and current.size == 0:
            return None  # what the S3 console calls a folder
        if current.answered:
            logger.info("upload answered already", key=created.key)
            return None
        return found

    def _start(self, upload: Upload) -> Job:
        job = self._jobs.start(upload, frames_per_second=self._division.frames_per_second)
        require_latest(self._s3, upload)  # or this would be the job of an upload that was deleted a moment ago
        return job

    def _attempt(self, job: Job, work: Callable[[Job], Job]) -> None:
        try:
            # the event may have come twice, and its first worker may have died before asking for the lookup
            self._finish(job if job.complete or job.refused else work(job))
        except MediaError as error:
            self._refuse(job, error)

    def _refuse(self, job: Job, error: MediaError) -> None:
        count(uploads_refused=1)
        logger.info("upload refused", code=error.code, reason=str(error))
        self._finish(self._jobs.fail(job.job, JobError(code=error.code, message=str(error))))

    def _finish(self, job: Job) -> None:
        if job.awaits_publication or (job.refused and job.status == "running"):
            self._lookups.ask(job.upload)

    def _probe_photo(self, source: S3Object) -> "_Photo | None":
        started = time.monotonic()
        with stage("split"):
            media = probe_photo(source, limits=self._limits, photos=self._photos)
        return None if media is None else _Photo(media, time.monotonic() - started)

    def _take_photo(self, upload: Upload, photo: "_Photo") -> Job:
        """Begins the job of a photo that is read already, with its one GoP counted, and stores the pack."""
        media = photo.media
        gop = photo_gop(media)
        whole = RangeSummary(
            next=gop.rest.first,
            gops=1,
            duration=0.0,
            step=0.0,
            width=media.width,
            height=media.height,
            seconds_spent=photo.seconds,
            notes=[*media.notes],
        )
        job = self._jobs.start(upload, frames_per_second=self._division.frames_per_second, whole=whole)
        if not (job.complete or job.refused):
            with stage("store"):
                self._put(SplitRange(upload=upload, stretch=WHOLE, first_pack=0), media, gop)
        return job

    def _begin(self, upload: Upload, source: S3Object, job: Job, deadline: Deadline) -> Job:
        """Read the video, or have it read range by range."""
        division = self._division_of(job)
        divisible = job.schema_version > UNDIVIDED_SCHEMA
        if divisible and division.every_track and (tracks := self._tracks(source, upload, division)):
            return self._send(ranges_of(upload, tracks, division), job)
        media = self._probe(source)
        stretches = divide(source, media, division) if divisible else [WHOLE]
        ranges = ranges_of(upload, {None: stretches}, division)
        return self._read(source, media, ranges[0], job, deadline) if len(ranges) == 1 else self._send(ranges, job)

    def _send(self, ranges: list[SplitRange], job: Job) -> Job:
        self._ranges.send(ranges)
        logger.info("divided", ranges=len(ranges))
        return job

    def _tracks(self, source: S3Object, upload: Upload, division: Division) -> dict[int | None, list[Stretch]]:
        """Stretches by track, if there are several. The tracks share the budget of the upload."""
        try:
            tracks = readable_tracks(source, limits=self._limits)[: division.most_tracks]
        except MediaError:  # reading the file in one piece tells its error
            return {}
        if len(tracks) == 1:
            return {}
        return {
            track: [
                stretch.model_copy(update={"share": stretch.share * len(tracks)})
                for stretch in self._divided(source, track, division)
            ]
            for track in tracks
        }

    def _divided(self, source: S3Object, track: int, division: Division) -> list[Stretch]:
        try:
            return divide(source, self._probe(source, track), division)
        except MediaError:  # told by the range that meets it again
            return [WHOLE]

    def _go_on(self, part: SplitRange, job: Job, deadline: Deadline) -> Job:
        require_latest(self._s3, part.upload)
        try:
            source = S3Object(self._s3, part.upload)
            media = self._probe(source, part.track)
        except MediaError as error:
            return self._leave_out(part, _Reading(part.stretch), error)
        return self._read(source, media, part, job, deadline)

    def _leave_out(self, part: SplitRange, reading: "_Reading", error: MediaError) -> Job:
        """Report that the rest of a range cannot be read, where other tracks may be."""
        if part.base == 0 and part.then is None:
            raise error
        logger.info("range left out", code=error.code, reason=str(error))
        return self._jobs.range_done(
            part.upload.job,
            part.base + part.stretch.first,
            RangeSummary(
                next=part.base + (part.stretch.end or reading.rest.first),
                then=part.then,
                gops=reading.gops,
                duration=reading.end if part.stretch.end is None else None,
                step=1.0 / self._division.frames_per_second,
                width=0,
                height=0,
                seconds_spent=0.0,
                notes=[f"One of the video tracks could not be read to its end. {error}"],
                error=JobError(code=error.code, message=str(error)),
            ),
        )

    def _division_of(self, job: Job) -> Division:
        """The limits with the sampling that the job began with."""
        return dataclasses.replace(
            self._division, frames_per_second=job.frames_per_second or self._division.frames_per_second
        )

    def _probe(self, source: S3Object, track: int | None = None) -> Media:
        return probe_video(source, limits=self._limits, track=track, most_tracks=self._division.most_tracks)

    def _read(self, source: S3Object, media: Media, part: SplitRange, job: Job, deadline: Deadline) -> Job:
        first = part.base + part.stretch.first
        if first in job.ranges:
            return self._jobs.close(job)
        started, division = time.monotonic(), self._division_of(job)
        reading = _Reading(part.stretch)
        gops = decode(
            source,
            media,
            frames_per_second=division.frames_per_second,
            limits=self._limits,
            stretch=part.stretch,
            deadline=deadline,
        )
        try:
            with stage("split"), closing(gops):
                for gop in reading.follow(gops):
                    with stage("store"):
                        require_latest(self._s3, part.upload)  # no work for what has been replaced meanwhile
                        self._put(part, media, gop)
                    reading.stored(gop)
                    if self._jobs.packed(job.job, first=first, count=reading.gops).refused:
                        return job  # another range of it was, meanwhile
                    if not deadline.left:
                        break
        except MediaError as error:
            if not isinstance(error, TooSlow):
                return self._leave_out(part, reading, error)
            if reading.gops == 0:
                raise
        frames = reading.rest.first - part.stretch.first
        logger.info("split done", gops=reading.gops, frames=frames, whole=reading.whole)
        if not reading.whole:
            self._hand_back(part, reading)
        summary = RangeSummary(
            next=part.base + reading.rest.first,
            then=part.then,
            gops=reading.gops,
            duration=reading.duration,
            step=1.0 / division.frames_per_second,
            width=media.width,
            height=media.height,
            seconds_spent=time.monotonic() - started,
            notes=[*media.notes, *([NOTE] if reading.coarse else []), *([END_MISSING] if reading.cut else [])],
        )
        return self._jobs.range_done(job.job, first, summary)

    def _hand_back(self, part: SplitRange, reading: "_Reading") -> None:
        rest = part.model_copy(update={"stretch": reading.rest, "first_pack": part.first_pack + reading.gops})
        self._ranges.send([rest])
        logger.info("rest handed back", first=reading.rest.first, gops=reading.gops)

    def _require_bounds(self, current: Latest) -> None:
        if len(current.upload.key.encode()) > MAX_INPUT_KEY_BYTES:
            raise MediaError(
                f"The key is longer than {MAX_INPUT_KEY_BYTES} bytes. Upload the file under a shorter name."
            )
        if current.size == 0:
            raise EmptyFile(EMPTY)
        if current.size > self._limits.max_bytes:
            gib = self._limits.max_bytes / 1024**3
            raise TooLarge(f"The file is larger than {gib:g} GiB, which is the limit. Upload it in parts.")

    def _put(self, part: SplitRange, media: Media, gop: Gop) -> None:
        upload, index = part.upload, part.first_pack + gop.index
        manifest = Manifest(
            schema_version=SCHEMA,
            upload=upload,
            index=index,
            first_frame=part.base + gop.first_frame,
            times=gop.times,
            lasts=gop.lasts if max(gop.lasts) > 1 else [],
            width=gop.width,
            height=gop.height,
            scale=gop.scale,
            photo=media.photo,
        )
        # whoever reads it asks whether its upload is still the newest, and removes it if not
        self._s3.put_object(
            Bucket=self._stage_1_bucket,
            Key=pack_key(upload.key, index),
            Body=write_pack(manifest, gop.frames),
            ContentType="application/zip",
            Metadata={"job": upload.job},
        )


def _upload(created: ObjectCreated) -> Upload:
    return Upload(bucket=created.bucket, key=created.key, version=created.version or UNVERSIONED)


@dataclass(frozen=True)
class _Photo:
    media: Media
    seconds: float  # that reading it took


class _Reading:
    """How far an invocation has come with its range."""

    def __init__(self, stretch: Stretch) -> None:
        self.rest = stretch  # what is not in a pack yet
        self.gops = 0
        self.end = 0.0  # seconds up to which packs reach
        self.coarse = self.cut = False
        self.duration: float | None = None  # seconds; set when the video has ended

    def follow(self, gops: Generator[Gop, None, float | None]) -> Iterator[Gop]:
        self.duration = yield from gops

    @property
    def whole(self) -> bool:
        return self.duration is not None or self.rest.first == self.rest.end

    def stored(self, gop: Gop) -> None:
        self.rest = gop.rest
        self.gops += 1
        self.end = gop.end
        self.coarse |= gop.coarse
        self.cut |= gop.cut

"""The frames that the pipeline has looked at, read back from the stage-1 bucket."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollcall.contracts.jobs import Job
from rollcall.contracts.object_keys import gop_faces_key, pack_key
from rollcall.contracts.packs import Pack, read_pack
from rollcall.people.gop_faces import FaceRecord, GopFaces

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TOLERANCE = 1e-3  # seconds: results are rounded to milliseconds


@dataclass(frozen=True)
class SampledFrame:
    time: float  # seconds
    jpeg: bytes
    scale: float  # source pixels per pixel of the JPEG
    faces: list[FaceRecord]


class SampledFrames:
    def __init__(self, s3: "S3Client", bucket: str, job: Job) -> None:
        if job.media is None:
            raise ValueError(f"job {job.job} has no frames")
        self._s3 = s3
        self._bucket = bucket
        self._upload = job.upload
        self._packs = sorted(job.done)  # a divided video leaves gaps between the numbers of its ranges
        self._starts: dict[int, float] = {}
        self._last: tuple[int, Pack] | None = None  # callers go through a video in order of time

    def at(self, time: float) -> SampledFrame:
        """The sampled frame on screen at `time`."""
        index = self._packs[max(0, bisect_right(self._packs, time, key=self._start) - 1)]
        pack = self._pack(index)
        times = pack.manifest.times
        number = max(0, bisect_right(times, time + TOLERANCE) - 1)
        faces = [face for face in self._faces(index) if abs(face.time - times[number]) < TOLERANCE]
        return SampledFrame(times[number], pack.frames[number], pack.manifest.scale, faces)

    def _start(self, index: int) -> float:
        if index not in self._starts:
            self._pack(index)
        return self._starts[index] - TOLERANCE

    def _pack(self, index: int) -> Pack:
        if self._last is None or self._last[0] != index:
            pack = read_pack(self._read(pack_key(self._upload.key, index)))
            self._starts[index] = pack.manifest.times[0]
            self._last = index, pack
        return self._last[1]

    def _faces(self, index: int) -> list[FaceRecord]:
        return GopFaces.model_validate_json(self._read(gop_faces_key(self._upload.key, self._upload.job, index))).faces

    def _read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

"""The stages, and the roles that queues, buckets and tables have in every deployment: `<prefix>-<role>`."""

from dataclasses import dataclass
from typing import Literal, get_args

MAX_PREFIX = 47  # the longest name built on it, <prefix>-face-recognition, has to fit Lambda's 64 characters

BucketRole = Literal["input", "stage-1", "output"]
BUCKET_ROLES: tuple[BucketRole, ...] = get_args(BucketRole)
TableRole = Literal["people", "faces", "versions", "jobs", "attempts", "api-keys"]
TABLE_ROLES: tuple[TableRole, ...] = get_args(TableRole)


@dataclass(frozen=True, kw_only=True)
class Stage:
    queue: str  # the role of the queue that starts it
    component: str  # the folder under functions/

    @property
    def function(self) -> str:
        """The function's name after the prefix."""
        return self.component.replace("_", "-")

    def queue_of(self, prefix: str) -> str:
        return f"{prefix}-{self.queue}"


SPLIT = Stage(queue="split", component="video_split")
RECOGNIZE = Stage(queue="recognize", component="face_recognition")
LOOKUP = Stage(queue="lookup", component="lookup")
STAGES = (SPLIT, RECOGNIZE, LOOKUP)
QUEUE_ROLES = tuple(stage.queue for stage in STAGES)


def dead_letters(queue: str) -> str:
    return f"{queue}-dead-letters"

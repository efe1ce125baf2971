"""One smoke test of a deployment at a time: two would enroll the same faces, and a tie between two names is no answer.

The turn is an item in the table of API keys, which every deployment has. It also holds the keys of objects that the
HTTP API chose, so that they are found again after a run that was killed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rollcall.cli.smoke.failure import SmokeTestFailed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

TURN = "smoke-test"  # no key's id looks like this
LEASE_SECONDS = 120  # after which the turn of a run that was killed is free
POLL_SECONDS = 2.0
_FREE = "attribute_not_exists(#key) OR #until < :now OR #run = :run"
_NAMES = {"#key": "key", "#until": "until", "#run": "run"}


class Turn:
    """`objects`: keys noted by this run, and by one before it that did not end well, as `inherited` tells."""

    def __init__(self, table: "Table", run: str, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._run = run
        self._clock = clock
        self._renewed = 0.0
        self.objects: set[str] = set()
        self.inherited = False

    @contextmanager
    def taken(self, *, seconds: float, waiting: Callable[[], None], leave: bool = False) -> Iterator[None]:
        """Wait for so long at most; `waiting` is called once if it has to be waited for.

        `leave`: the next run shall find and remove what this one made.
        """
        end = self._clock() + seconds
        if not self._take():
            waiting()
            while not self._take():
                if self._clock() >= end:
                    raise SmokeTestFailed(f"another smoke test has not ended within {seconds:.0f} s: try again later")
                time.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            self._end(leave=leave)

    def keep(self) -> None:
        """Keeps the turn; call it every few seconds, it is cheap."""
        if self._clock() - self._renewed > LEASE_SECONDS / 4 and not self._take():
            raise SmokeTestFailed("this run stood still for so long that another smoke test has begun: run it again")

    def note(self, key: str) -> None:
        self.objects.add(key)
        self._take()

    def _take(self, seconds: int = LEASE_SECONDS) -> bool:
        now = self._clock()
        item: dict[str, Any] = {"key": TURN, "run": self._run, "until": int(now) + seconds}
        values: dict[str, Any] = {":now": int(now), ":run": self._run}
        before = _put(
            lambda: self._table.put_item(
                Item=item | ({"objects": self.objects} if self.objects else {}),
                ConditionExpression=_FREE,
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_OLD",
            )
        )
        if before is None:
            return False
        self._renewed = now
        left = before.get("Attributes", {})
        if left and left["run"] != self._run:
            self.inherited = True
            self.objects |= set(map(str, left.get("objects", ())))
        return True

    def _end(self, *, leave: bool) -> None:
        if leave:
            self._take(-1)
            return
        _put(
            lambda: self._table.delete_item(
                Key={"key": TURN},
                ConditionExpression="#run = :run",
                ExpressionAttributeNames={"#run": "run"},
                ExpressionAttributeValues={":run": self._run},
            )
        )


def _put(write: Callable[[], Any]) -> Any:
    """The answer; None if the condition was not met."""
    try:
        return write()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return None

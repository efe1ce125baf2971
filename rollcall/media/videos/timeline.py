"""Reads the log of a running decode: when frames start, how long they are shown, and which are key frames."""

import math
import re
from collections import deque
from fractions import Fraction

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.events import Stretch
from rollcall.media.videos.gaps import BACK, GAP, Turn

KEPT_LINES = 40
CLAIM_TOLERANCE = Fraction(1, 500)  # seconds; some files round their times to milliseconds
_TIME_BASE = re.compile(r"\[Parsed_showinfo_\d+ @ \w+\] \[info\] config in time_base: (\d+)/(\d+),")
_FRAME = re.compile(r"\[Parsed_showinfo_\d+ @ \w+\] \[info\] n: *\d+ pts: *(-?\d+) .*\biskey:([01]) ")
_TURN = re.compile(r"(?:\[Eval @ \w+\] )?\[info\] (\d+)\.0+$")
_CORRECTION = re.compile(r"(?:\[Eval @ \w+\] )?\[info\] -(\d+)\.0+$")
_PROBLEM = re.compile(r"\[(warning|error|fatal|panic)\]")


class NotAnchored(RollcallError):
    """A decode began too late, or at other times than the whole video, to show the right frames."""


class Timeline:
    """Takes the lines of ffmpeg's `showinfo` filter, and keeps the facts that GoPs and the checks at the end need.

    Times are those of the whole video. A decode that seeks is `sought`. It must meet a key frame that the stretch can
    rely on, at its known time.
    """

    def __init__(
        self,
        *,
        frames_per_second: Fraction,
        stretch: Stretch | None = None,
        sought: bool = False,
        most_lag: Fraction | None = None,
    ) -> None:
        """`most_lag`: seconds that the frame of a sample may be older than the sample, where frames are left out."""
        self.problems: deque[str] = deque(maxlen=KEPT_LINES)
        self.frames = 0
        self.lagging: int | None = None  # the first sample whose frame is older than that
        self.origin = stretch.origin if stretch is not None and sought else None  # of the video, in time base units
        self._zero = self.origin  # what the times on the log count from
        self._sought = sought
        self.latest_key: int | None = None  # start of the last key frame that `take_key` has told of
        self._stretch = stretch or Stretch()
        self._anchored = not sought
        self._most_lag = most_lag
        self._rate = frames_per_second
        self._time_base = Fraction(0)
        self._last = self._before_last = 0
        self._next = self._stretch.first  # the first sample that no picture is known for
        self._turns: deque[tuple[int, int]] = deque()  # of each that has ended: the sample after it, the step there
        self._step = 0
        self._keys: deque[tuple[int, int]] = deque()  # the first sample that shows or follows each key frame; its start

    def feed(self, line: str) -> None:
        if frame := _FRAME.match(line):
            self._frame(int(frame[1]), key=frame[2] == "1")
        elif turn := _TURN.match(line):
            self._turns.append((int(turn[1]), self._step))
            self._step = 0
        elif (later := _CORRECTION.match(line)) and self.origin is not None and not self._sought:
            self.origin -= int(later[1])
        elif base := _TIME_BASE.match(line):
            self._time_base = Fraction(int(base[1]), int(base[2]) or 1)
        elif _PROBLEM.search(line):
            self.problems.append(line)

    def take_turn(self, jpeg: bytes) -> Turn:
        """The samples that show the next picture, by the times of the frames; asked once for each, in order."""
        start, (self._next, step) = self._next, self._turns.popleft()
        return Turn(jpeg=jpeg, start=start, end=self._next, step=step)

    def take_key(self, sample: int) -> bool:
        """Whether a key frame came after the sample before this one; asked once for each sample, in order."""
        found = False
        while self._keys and self._keys[0][0] <= sample:
            self.latest_key = self._keys.popleft()[1]
            found = True
        return found

    def require_anchor(self) -> None:
        if not self._anchored:
            raise NotAnchored

    @property
    def start(self) -> float:
        """Start of the video's first frame, in seconds of ffmpeg's clock."""
        return float((self.origin or 0) * self._time_base)

    @property
    def last(self) -> float:
        """Start of the last frame, in seconds from the first."""
        return float(self._last * self._time_base)

    def duration(self, *, samples: int, claimed: float) -> float:
        """Seconds from the first frame's start to the last one's end.

        The count of samples brackets it: the last frame is sampled for as long as it lasts.
        """
        shortest, longest = float(Fraction(max(samples - 1, 0)) / self._rate), float(samples / self._rate)
        usual = self.last + float((self._last - self._before_last) * self._time_base)
        uncertain = self._most_lag is not None or usual <= shortest
        likely = claimed if uncertain and shortest < claimed <= longest else usual
        return min(max(likely, shortest), longest)

    def end(self, *, samples: int, claimed: float) -> None:
        """Tell that no more frames come; `claimed`: seconds up to which there should be samples."""
        self._require_fresh(before=samples)
        due = math.ceil((Fraction(claimed) - CLAIM_TOLERANCE) * self._rate)
        if self._most_lag is not None and self.lagging is None and samples < due:
            self.lagging = samples - 1  # the frames left out are the last ones

    def _frame(self, pts: int, *, key: bool) -> None:
        if self._zero is None:
            self.origin = self._zero = pts
        start = pts - self._zero
        sample = math.ceil(start * self._time_base * self._rate)
        self._require_fresh(before=sample)
        self._step = self._step_to(start)
        while self._step < 0 and self._keys and self._keys[-1][0] > sample:
            self._keys.pop()
        self.frames += 1
        self._before_last, self._last = self._last, start
        if key:
            self._key(pts, sample=sample)

    def _step_to(self, start: int) -> int:
        step = (start - self._last) * self._time_base
        return 0 if self.frames == 0 else (step > GAP) - (step < -BACK)

    def _require_fresh(self, *, before: int) -> None:
        """Samples after the last frame, before that number, repeat it: notes the first for which it is too old."""
        if self._most_lag is None or self.lagging is not None or self.frames == 0:
            return
        first = math.floor((self._last * self._time_base + self._most_lag) * self._rate) + 1
        first = max(first, self._stretch.first)
        if first < before:
            self.lagging = first

    def _key(self, pts: int, *, sample: int) -> None:
        if sample <= self._stretch.first and self._stretch.anchor in (None, pts):
            self._anchored = True
        if not self._keys or self._keys[-1][0] != sample:
            self._keys.append((sample, pts))

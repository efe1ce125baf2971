"""What a running decode tells about the stream on its log: when each frame starts, and which are key frames."""

import math
import re
from collections import deque
from fractions import Fraction

KEPT_LINES = 40
_TIME_BASE = re.compile(r"\[Parsed_showinfo_\d+ @ \w+\] \[info\] config in time_base: (\d+)/(\d+),")
_FRAME = re.compile(r"\[Parsed_showinfo_\d+ @ \w+\] \[info\] n: *\d+ pts: *(\d+) .*\biskey:([01]) ")
_PROBLEM = re.compile(r"\[(warning|error|fatal|panic)\]")


class Timeline:
    """Fed the lines of ffmpeg's `showinfo` filter; keeps the few facts that GoPs and the checks at the end need."""

    def __init__(self, *, frames_per_second: Fraction) -> None:
        self.problems: deque[str] = deque(maxlen=KEPT_LINES)
        self.frames = 0
        self._rate = frames_per_second
        self._time_base = Fraction(0)
        self._last = self._before_last = 0
        self._keys: deque[int] = deque()  # the first sample that shows or follows each key frame

    def feed(self, line: str) -> None:
        if frame := _FRAME.match(line):
            self._frame(int(frame[1]), key=frame[2] == "1")
        elif base := _TIME_BASE.match(line):
            self._time_base = Fraction(int(base[1]), int(base[2]) or 1)
        elif _PROBLEM.search(line):
            self.problems.append(line)

    def take_key(self, sample: int) -> bool:
        """Whether a key frame came after the sample before this one; asked once for each sample, in order."""
        found = False
        while self._keys and self._keys[0] <= sample:
            self._keys.popleft()
            found = True
        return found

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
        likely = usual if usual > shortest or not shortest < claimed <= longest else claimed
        return min(max(likely, shortest), longest)

    def _frame(self, pts: int, *, key: bool) -> None:
        self.frames += 1
        self._before_last, self._last = self._last, pts
        sample = math.ceil(pts * self._time_base * self._rate)
        if key and (not self._keys or self._keys[-1] != sample):
            self._keys.append(sample)

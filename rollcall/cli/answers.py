"""The answers to many files, kept small: a long video's result may have thousands of lines."""

import zlib
from collections.abc import Iterator, Sequence

from rollcall.cli.outputs import RESULT
from rollcall.media.media_files import MediaFile
from rollcall.results.result import Failure, Result

Answer = Result | Failure


class Answers:
    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self.failed = 0

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, key: str) -> bool:
        return key in self._packed

    def add(self, key: str, answer: Answer) -> None:
        self._packed[key] = zlib.compress(answer.model_dump_json().encode(), level=1)
        self.failed += isinstance(answer, Failure)

    def of(self, files: Sequence[MediaFile]) -> Iterator[tuple[str, Answer]]:
        """The answers, in the order of the files."""
        for file in files:
            yield file.key, RESULT.validate_json(zlib.decompress(self._packed[file.key]))

"""Photos by HTTP: `POST /` with the multipart field `inputFile`, answered by `<file name without extension>:<name>`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import PurePath

import aiohttp

from workload.media import Medium
from workload.outcomes import Outcome, Sample

RETRIED = frozenset({429, 502, 503, 504})
FIRST_PAUSE = 0.2  # seconds, doubled for each further attempt
SAMPLE_SECONDS = 0.25


class HttpRun:
    def __init__(
        self,
        url: str,
        *,
        concurrency: int,
        retries: int,
        timeout: float,
        headers: dict[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        self._url = url
        self._concurrency = concurrency
        self._retries = retries
        self._timeout = timeout
        self._headers = headers
        self._done = done
        self._in_hand = self._due = 0
        self._samples: list[Sample] = []

    async def run(self, media: Sequence[Medium], starts: Sequence[float]) -> tuple[list[Outcome], list[Sample]]:
        connector = aiohttp.TCPConnector(limit=self._concurrency)
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        room = asyncio.Semaphore(self._concurrency)
        self._began = time.monotonic()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers) as session:
            watching = asyncio.create_task(self._watch())
            sending = [
                asyncio.create_task(self._request(session, medium, start, room))
                for medium, start in zip(media, starts, strict=True)
            ]
            outcomes = await asyncio.gather(*sending)
            watching.cancel()
        return outcomes, self._samples

    async def _request(
        self,
        session: aiohttp.ClientSession,
        medium: Medium,
        start: float,
        room: asyncio.Semaphore,
    ) -> Outcome:
        await asyncio.sleep(max(0.0, start - self._now()))
        self._due += 1
        async with room:
            self._due -= 1
            self._in_hand += 1
            began = self._now()
            answer, error, retries = await self._with_retries(session, medium)
            self._in_hand -= 1
        outcome = Outcome(
            name=medium.name,
            start=began,
            seconds=self._now() - began,
            answer=answer,
            expected=medium.expected,
            error=error,
            retries=retries,
        )
        self._done(outcome)
        return outcome

    async def _with_retries(self, session: aiohttp.ClientSession, medium: Medium) -> tuple[str | None, str | None, int]:
        for attempt in range(self._retries + 1):
            answer, error, again = await self._once(session, medium)
            if not again or attempt == self._retries:
                break
            await asyncio.sleep(FIRST_PAUSE * 2**attempt)
        return answer, error, attempt

    async def _once(self, session: aiohttp.ClientSession, medium: Medium) -> tuple[str | None, str | None, bool]:
        form = aiohttp.FormData()
        form.add_field("inputFile", medium.content, filename=medium.name, content_type="application/octet-stream")
        try:
            async with session.post(self._url, data=form) as response:
                text = await response.text()
        except TimeoutError:
            return None, "timeout", True
        except aiohttp.ClientError as error:
            return None, type(error).__name__, True
        if response.status != 200:  # noqa: PLR2004
            return None, f"HTTP {response.status}", response.status in RETRIED
        stem, colon, name = text.rpartition(":")
        if not colon or stem != PurePath(medium.name).stem:
            return None, "answer for another photo", False
        return name.strip(), None, False

    async def _watch(self) -> None:
        while True:
            self._samples.append(Sample(seconds=self._now(), backlog=self._due, in_hand=self._in_hand))
            await asyncio.sleep(SAMPLE_SECONDS)

    def _now(self) -> float:
        return time.monotonic() - self._began

"""In place of S3."""

from rollcall.local.store.http import Request, Response


class NoObjects:
    def start(self) -> None:
        return

    def stop(self) -> None:
        return

    async def handle(self, request: Request) -> Response:
        return Response(status=501)

"""What a smoke test found wrong."""

from rollcall.contracts.errors import RollcallError


class SmokeTestFailed(RollcallError):
    """The deployment does not do what it should; the message says what, and where to look."""

    def __str__(self) -> str:
        return f"smoke test failed: {super().__str__()}"

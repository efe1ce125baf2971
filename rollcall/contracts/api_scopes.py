"""What a key of the HTTP API may open."""

from typing import Literal, get_args

Scope = Literal["recognize", "videos", "results", "people:read", "people:write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

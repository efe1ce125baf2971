"""The entry point of lookup in its image: the faces of all GoPs of a job become its result."""

from rollcall.stages.lookup_handler import handler

__all__ = ["handler"]

"""The entry point of video_split in its image: an upload becomes GoP packs."""

from rollcall.stages.split_handler import handler

__all__ = ["handler"]

"""The entry point of face_recognition in its image: a GoP pack becomes the faces that are in it."""

from rollcall.stages.recognize_handler import handler

__all__ = ["handler"]

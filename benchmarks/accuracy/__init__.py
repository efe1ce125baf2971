"""How well the engine finds faces and tells people apart, on real photos and clips."""

from benchmarks.accuracy.material import frames, read

__all__ = ["frames", "read"]

"""Short videos of real faces, made by ffmpeg from the demo's photos."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rollcall.cli.demo.demo_video import HEIGHT, WIDTH, Frame, Shot, encode, read_photo, shoot
from rollcall.media.videos.ffmpeg import find

OBAMA, COLLINS = "Barack Obama", "Eileen Collins"
FRAME = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1:gray,setsar=1"

# left, top, width and height of the heads in the photos
HEADS = {
    "obama2.jpg": (120, 130, 430, 560),
    "obama3.jpg": (560, 150, 440, 540),
    "biden.jpg": (340, 60, 460, 580),
    "astronaut.png": (150, 20, 160, 190),
}
Path2D = Callable[[float], tuple[float, float]]  # from progress through the shot, 0..1, to the head's middle in pixels


@dataclass(frozen=True)
class Actor:
    """A head that moves: a later one passes in front of an earlier one."""

    photo: str
    path: Path2D
    height: int = 260  # pixels
    blur: float = 0.0  # sigma, pixels


@dataclass(frozen=True)
class Videos:
    photos: Path
    folder: Path

    def gallery(self) -> Path:
        gallery = self.folder / "gallery"
        for name, photo in ((OBAMA, "obama.jpg"), (COLLINS, "astronaut.png")):
            (gallery / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.photos / photo, gallery / name)
        return gallery

    def people(self) -> Path:
        path = self.folder / "people.json"
        path.write_text(json.dumps([{"name": OBAMA, "office": "president", "number": 44, "ratio": 0.5}]))
        return path

    def of(self, *shots: tuple[str, float], name: str = "video.mp4") -> Path:
        """Stills after each other: (photo, seconds)."""
        inputs = [part for photo, seconds in shots for part in self._still(photo, seconds)]
        scaled = ";".join(f"[{number}:v]{FRAME}[s{number}]" for number in range(len(shots)))
        joined = "".join(f"[s{number}]" for number in range(len(shots)))
        graph = f"{scaled};{joined}concat=n={len(shots)}[out]"
        return self.ffmpeg(
            *inputs, "-filter_complex", graph, "-map", "[out]", *["-c:v", "libx264", "-preset", "veryfast", "-g", "50"],
            *["-pix_fmt", "yuv420p", "-movflags", "+faststart"], name=name,
        )  # fmt: skip

    def obama(self, seconds: float = 3, name: str = "obama.mp4") -> Path:
        return self.of(("obama2.jpg", seconds), name=name)

    def collins(self, seconds: float = 3, name: str = "collins.mp4") -> Path:
        return self.of(("astronaut.png", seconds), name=name)

    def acted(self, *shots: tuple[float, list[Actor]], name: str) -> Path:
        """Shots after each other: (seconds, who moves in it), before a gray wall."""
        path = self.folder / name
        encode(shoot([Shot(seconds, self._scene(actors)) for seconds, actors in shots]), path, find())
        return path

    def _scene(self, actors: list[Actor]) -> Callable[[float], Frame]:
        heads = [self._head(actor) for actor in actors]

        def scene(progress: float) -> Frame:
            frame = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
            for actor, head in zip(actors, heads, strict=True):
                x, y = actor.path(progress)
                _paste(frame, head, round(x - head.shape[1] / 2), round(y - head.shape[0] / 2))
            return frame

        return scene

    def _head(self, actor: Actor) -> Frame:
        left, top, width, height = HEADS[actor.photo]
        head = read_photo(self.photos / actor.photo)[top : top + height, left : left + width]
        size = (round(width * actor.height / height), actor.height)
        head = np.asarray(cv2.resize(head, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return np.asarray(cv2.GaussianBlur(head, (0, 0), actor.blur), dtype=np.uint8) if actor.blur else head

    def ffmpeg(self, *arguments: str, name: str) -> Path:
        path = self.folder / name
        quiet = ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        subprocess.run([find().ffmpeg, *quiet, *arguments, path], check=True, timeout=120)
        return path

    def _still(self, photo: str, seconds: float) -> list[str]:
        if photo == "nobody":
            return ["-f", "lavfi", "-t", str(seconds), "-i", "color=gray:size=640x360:rate=25"]
        return ["-loop", "1", "-framerate", "25", "-t", str(seconds), "-i", str(self.photos / photo)]


def _paste(frame: Frame, head: Frame, left: int, top: int) -> None:
    """The part of the face that is within the frame."""
    first, last = max(0, -left), min(head.shape[1], WIDTH - left)
    if first < last:
        frame[top : top + head.shape[0], left + first : left + last] = head[:, first:last]

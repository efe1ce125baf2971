"""Short videos of real faces, made by ffmpeg from the demo's photos."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from functions.video_split.ffmpeg import find

OBAMA, COLLINS = "Barack Obama", "Eileen Collins"
FRAME = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1:gray,setsar=1"


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

    def ffmpeg(self, *arguments: str, name: str) -> Path:
        path = self.folder / name
        command = [find().ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments, path]
        subprocess.run(command, check=True, timeout=120)
        return path

    def _still(self, photo: str, seconds: float) -> list[str]:
        if photo == "nobody":
            return ["-f", "lavfi", "-t", str(seconds), "-i", "color=gray:size=640x360:rate=25"]
        return ["-loop", "1", "-framerate", "25", "-t", str(seconds), "-i", str(self.photos / photo)]

"""`make demo`: a video of real photos goes through the whole pipeline, and the answer is checked."""

import os
import sys
from pathlib import Path

from rollcall.cli.commands.run import run_pipeline
from rollcall.cli.demo.demo_photos import cache_folder, ensure_photos
from rollcall.cli.demo.demo_video import encode, shoot
from rollcall.cli.demo.story import check, make_gallery, shots
from rollcall.cli.guarded import guarded
from rollcall.cli.preparation import note, prepare_model_files, read_enrollment
from rollcall.media.media_files import MediaFile
from rollcall.media.videos.ffmpeg import find
from rollcall.pipeline.settings import Settings
from rollcall.results.output_files import CONTACT_SHEET
from rollcall.results.result import Result

KEY = "demo.mp4"
PEOPLE = Path(__file__).parents[3] / "seed_data" / "people.json"


def main() -> int:
    return guarded(lambda: demo(Path("out") / "demo", cache_folder(os.environ)))


def demo(out: Path, cache: Path) -> int:
    model_dir = prepare_model_files()
    photos = ensure_photos(cache, progress=note)
    story = shots(photos)
    video = out / "video" / KEY
    video.parent.mkdir(parents=True, exist_ok=True)
    note(f"making a video of {sum(shot.seconds for shot in story):.0f} s out of photos: {video}")
    encode(shoot(story), video, find())
    enrollment = read_enrollment([make_gallery(photos, out / "gallery")], PEOPLE, model_dir)
    media = [MediaFile(video, KEY)]
    collected = run_pipeline(media, enrollment, Settings(), port=0, model_dir=model_dir, out=out)
    ((_, result),) = collected.of(media)
    if not isinstance(result, Result):
        return 1
    answers = list(check(result, story))
    print()
    for right, sentence in answers:
        print(f"{'OK   ' if right else 'WRONG'} {sentence}")
    print(f"look at {out / CONTACT_SHEET.key(KEY)}")
    return 0 if all(right for right, _ in answers) else 1


if __name__ == "__main__":
    sys.exit(main())

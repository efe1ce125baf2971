"""What the Dockerfile has to keep: `refresh` reaches every package of Debian, and each image holds all its code."""

from pathlib import Path

import grimp
import pytest

DOCKERFILE = Path(__file__).parents[3] / "docker" / "Dockerfile"
# what is started in each image, and in the stage that builds the model files
STARTED = {
    "models": ("rollcall.weights.__main__",),
    "video_split": ("functions.video_split.handler", "rollcall.media.photos.photo_process"),
    "face_recognition": ("functions.face_recognition.handler", "functions.worker.__main__"),
    "lookup": ("functions.lookup.handler",),
    "api": (
        "functions.api.handler",
        "functions.api.authorizer",
        "functions.api.__main__",
        "rollcall.api.recognizers.recognizer",
        "rollcall.media.photos.photo_process",
    ),
}
FETCHES = ("apt-get", "docker/system.py")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Stages by name: the stage or image that each is built from, and its instructions."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in DOCKERFILE.read_text().replace("\\\n", "").splitlines():
        if line.startswith("FROM "):
            _, parent, _, name = line.split()
            found[name] = (parent, instructions := [])
        elif line and not line.startswith("#"):
            instructions.append(line)
    return found


def test_a_refresh_comes_before_every_fetch_of_debians_packages() -> None:
    described = stages()
    fetching = [name for name, (_, lines) in described.items() if any(map(fetches, lines))]

    assert {"tools", "system", "ffmpeg", "dav1d"} <= set(fetching)
    for name in fetching:
        lines = inherited(name, described)
        first = next(number for number, line in enumerate(lines) if fetches(line))
        assert "ARG REFRESH=" in lines[:first], name


def inherited(name: str, described: dict[str, tuple[str, list[str]]]) -> list[str]:
    """The instructions of a stage after those of the stages that it is built from."""
    if name not in described:
        return []
    parent, lines = described[name]
    return [*inherited(parent, described), *lines]


def fetches(line: str) -> bool:
    return line.startswith("RUN ") and any(program in line for program in FETCHES)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(
        "rollcall",
        "functions",
        include_external_packages=False,
        exclude_type_checking_imports=True,  # they never run
        cache_dir=None,
    )


@pytest.mark.parametrize("image", STARTED)
def test_an_image_holds_every_module_that_it_may_import(image: str, imports: grimp.ImportGraph) -> None:
    _, lines = stages()[image]
    copied = [path for line in lines if line.startswith("COPY ") for path in sources(line)]
    needed = {one for start in STARTED[image] for one in (start, *imports.find_upstream_modules(start))}

    missing = {module for module in needed if not any(holds(path, module) for path in copied)}
    assert missing == set()


def sources(line: str) -> list[str]:
    """Files and folders of our own code, relative to the checkout."""
    paths = [path.removeprefix("/code/") for path in line.split()[1:-1]]
    return [path for path in paths if path.startswith(("functions/", "rollcall/"))]


def holds(path: str, module: str) -> bool:
    written = module.replace(".", "/")
    return f"{written}/".startswith(path) or path in {f"{written}.py", f"{written}/__init__.py"}

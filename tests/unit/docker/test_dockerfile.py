"""What the Dockerfile has to keep for `refresh` to reach every package of Debian."""

from pathlib import Path

DOCKERFILE = Path(__file__).parents[3] / "docker" / "Dockerfile"
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

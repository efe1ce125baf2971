"""Pushing images, with a program in docker's place that writes down what it is asked for: there is no registry here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PUSH = Path(__file__).parents[3] / "docker" / "push.py"
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/acme/rollcall"


def push(*arguments: str, programs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PUSH), *arguments],
        env=os.environ | {"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def docker(folder: Path, *, answer: int = 0) -> Path:
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n[ "$1" != push ] || exit {answer}\n')
    program.chmod(0o700)
    return folder


def test_each_image_gets_the_tag_that_a_deployment_asks_for(tmp_path: Path) -> None:
    answer = push(REPOSITORY, "1.4.0", programs=docker(tmp_path))

    assert answer.returncode == 0, answer.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert f"tag rollcall/video-split {REPOSITORY}:video_split-1.4.0" in asked
    assert [line for line in asked if line.startswith("push")] == [
        f"push {REPOSITORY}:{component}-1.4.0" for component in ("video_split", "face_recognition", "lookup", "api")
    ]


def test_what_the_registry_refuses_ends_with_what_to_look_at(tmp_path: Path) -> None:
    answer = push(REPOSITORY, "1.4.0", programs=docker(tmp_path, answer=1))

    assert answer.returncode == 1
    assert f"docker push {REPOSITORY}:video_split-1.4.0` ended with 1" in answer.stderr
    assert "logged in" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("", ""), "'' is no repository"),
        (("rollcall", "1"), "'rollcall' is no repository"),
        ((f"{REPOSITORY}:1", "1"), "without a tag"),
        ((REPOSITORY, ""), "'' is no tag"),
        ((REPOSITORY, "a b"), "'a b' is no tag"),
    ],
)
def test_what_names_no_place_is_refused_before_anything_is_asked(
    tmp_path: Path, arguments: tuple[str, str], complaint: str
) -> None:
    answer = push(*arguments, programs=docker(tmp_path))

    assert answer.returncode == 2
    assert complaint in answer.stderr
    assert not (tmp_path / "asked").exists()

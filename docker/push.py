"""Pushes the functions' images, as `docker/build.py` has left them, under the tags that a deployment asks for.

python docker/push.py REPOSITORY TAG

The registry's password is not this program's to know: `docker login` or `buildah login` comes first (docs/images.md).
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence

from build import FUNCTIONS
from engines import EngineMissing, find_engine

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")  # as `image_tag` in rollcall/pipeline/deployment_settings.py
REPOSITORY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?/[a-z0-9]+([._/-][a-z0-9]+)*")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="docker/push.py", description="Push the functions' images to a repository.")
    parser.add_argument("repository", help="ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME; it has to be there")
    parser.add_argument("tag", help="the setting image_tag: each image's own is COMPONENT-TAG")
    options = parser.parse_args(arguments)
    if not REPOSITORY.fullmatch(options.repository):
        parser.error(f"{options.repository!r} is no repository: REGISTRY/NAME in lower case, without a tag")
    if not TAG.fullmatch(options.tag):
        parser.error(f"{options.tag!r} is no tag: letters, digits, dots, hyphens and underscores, for example 1.4.0")
    try:
        engine = find_engine()
        for component in FUNCTIONS:
            print(f"pushing {component} with {engine.name}", flush=True)
            engine.push(component, f"{options.repository}:{component}-{options.tag}")
    except EngineMissing as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(
            f"error: `{' '.join(map(str, error.cmd))}` ended with {error.returncode}. Is the image built (make images),"
            " does the repository exist, and are you logged in to its registry (docs/images.md)?",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

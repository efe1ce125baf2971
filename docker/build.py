"""Builds the images of the functions and of the server, and unpacks them.

With docker, or with buildah where no docker engine runs.

python docker/build.py [COMPONENT…] [--out out/images] [--fresh]

For each image the folder OUT/COMPONENT holds its file system (root/), its configuration (config.json) and its
licenses (licenses.md). sbom.cdx.json is its bill of materials (CycloneDX). OUT/sizes.json holds all sizes.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import inventory
import machine
from engines import Engine, EngineMissing, find_engine

PROJECT = Path(__file__).parent.parent
FUNCTIONS = ("video_split", "face_recognition", "lookup", "api")
COMPONENTS = (*FUNCTIONS, "server")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="docker/build.py", description="Build the container images.")
    parser.add_argument("components", nargs="*", default=COMPONENTS, metavar="COMPONENT", help=", ".join(COMPONENTS))
    parser.add_argument("--out", type=Path, default=Path("out/images"), help="folder for what is built")
    parser.add_argument("--fresh", action="store_true", help="keep no layer: take Debian's newest packages")
    options = parser.parse_args(arguments)
    if unknown := set(options.components) - set(COMPONENTS):
        parser.error(f"no image is named {', '.join(sorted(unknown))}; there are {', '.join(COMPONENTS)}")
    try:
        engine = find_engine()
        engine.prepare_base()
        for component in options.components:
            build(engine, component, options.out / component, fresh=options.fresh)
    except EngineMissing as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"error: `{' '.join(map(str, error.cmd))}` ended with {error.returncode}", file=sys.stderr)
        return 1
    inventory.write_sizes(options.out)
    return 0


def build(engine: Engine, component: str, folder: Path, *, fresh: bool) -> None:
    print(f"building {component} with {engine.name}", flush=True)
    with machine.secrets() as secrets:
        engine.build(PROJECT, component, secrets, fresh=fresh)
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "root").mkdir(parents=True)
    engine.unpack(component, folder / "root")
    (folder / "config.json").write_text(json.dumps(engine.config(component), indent=2, sort_keys=True) + "\n")
    inventory.write_materials(folder, component)


if __name__ == "__main__":
    sys.exit(main())

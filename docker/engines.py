"""The programs that can build an image: docker, and buildah where no docker engine runs."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

BASE = "docker.io/library/debian:bookworm-slim"
SUITE = "bookworm"
DOCKERFILE = Path("docker/Dockerfile")
# as in Debian's own slim images
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
ONE_IMAGE = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}  # with those it would be an index of images: Lambda takes none
KEPT = "/usr/share/doc/*/copyright"

Secrets = Mapping[str, Path]


class EngineMissing(Exception):
    """Nothing here can build or run what is asked for."""


class Engine(Protocol):
    name: str

    def prepare_base(self) -> None: ...

    def build(self, project: Path, component: str, secrets: Secrets, *, fresh: bool) -> None: ...

    def config(self, component: str) -> dict[str, Any]:
        """The configuration as the OCI image specification names it: Entrypoint, Cmd, Env, User, WorkingDir."""
        ...

    def unpack(self, component: str, root: Path) -> None: ...

    def push(self, component: str, address: str) -> None:
        """`address`: registry, repository and tag."""
        ...


def find_engine() -> Engine:
    if shutil.which("docker") and _succeeds("docker", "info"):
        return Docker()
    if shutil.which("buildah"):
        return Buildah()
    raise EngineMissing("no docker engine runs here, and buildah is not installed (Debian: apt-get install buildah)")


class Docker:
    name = "docker"

    def prepare_base(self) -> None:
        """The engine fetches it."""

    def build(self, project: Path, component: str, secrets: Secrets, *, fresh: bool) -> None:
        command = ["docker", "build", *_build_options(component, secrets, fresh=fresh), str(project)]
        subprocess.run(command, check=True, cwd=project, env=os.environ | ONE_IMAGE)

    def config(self, component: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(_output("docker", "image", "inspect", tag(component)))[0]["Config"]
        return config

    def unpack(self, component: str, root: Path) -> None:
        container = _output("docker", "create", tag(component)).strip()
        try:
            with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
                subprocess.run(["tar", "--extract", f"--directory={root}"], stdin=export.stdout, check=True)
        finally:
            _output("docker", "rm", container)

    def push(self, component: str, address: str) -> None:
        subprocess.run(["docker", "tag", tag(component), address], check=True)
        subprocess.run(["docker", "push", address], check=True)


class Buildah:
    name = "buildah"

    def prepare_base(self) -> None:
        if _succeeds("buildah", "inspect", "--type", "image", BASE) or _succeeds("buildah", "pull", "--quiet", BASE):
            return
        print(f"no registry can be reached: making {BASE} from Debian's packages", flush=True)
        if not shutil.which("mmdebstrap"):
            raise EngineMissing(f"{BASE} cannot be fetched, nor made without mmdebstrap: apt-get install mmdebstrap")
        self._make_base()

    def build(self, project: Path, component: str, secrets: Secrets, *, fresh: bool) -> None:
        options = ["--layers", "--isolation=chroot", f"--ignorefile={DOCKERFILE}.dockerignore"]
        command = ["buildah", "bud", *options, *_build_options(component, secrets, fresh=fresh), str(project)]
        subprocess.run(command, check=True, cwd=project)

    def config(self, component: str) -> dict[str, Any]:
        described = json.loads(_output("buildah", "inspect", "--type", "image", tag(component)))
        config: dict[str, Any] = described["OCIv1"]["config"]
        return config

    def unpack(self, component: str, root: Path) -> None:
        container = _output("buildah", "from", tag(component)).strip()
        try:
            mounted = _output("buildah", "mount", container).strip()
            subprocess.run(["cp", "--archive", f"{mounted}/.", str(root)], check=True)
        finally:
            _output("buildah", "rm", container)

    def push(self, component: str, address: str) -> None:
        subprocess.run(["buildah", "push", tag(component), f"docker://{address}"], check=True)

    def _make_base(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "base.tar"
            slim = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT] + [f"--dpkgopt=path-include={KEPT}"]
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", "--include=usr-is-merged", *slim, SUITE, str(archive)],
                check=True,
            )
            container = _output("buildah", "from", "scratch").strip()
            try:
                _output("buildah", "add", "--quiet", container, str(archive), "/")
                _output("buildah", "commit", "--quiet", container, BASE)
            finally:
                _output("buildah", "rm", container)


def tag(component: str) -> str:
    return f"rollcall/{component.replace('_', '-')}"


def _build_options(component: str, secrets: Secrets, *, fresh: bool) -> list[str]:
    options = [f"--file={DOCKERFILE}", f"--target={component}", f"--tag={tag(component)}"]
    options += ["--no-cache"] if fresh else []
    return options + [f"--secret=id={name},src={path}" for name, path in secrets.items()]


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

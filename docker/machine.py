"""What a build needs to know of the machine it runs on: pip's settings and the certificates to trust.

They are handed over as build secrets: seen by single steps, kept in no image and no layer.
"""

import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CERTIFICATES = "/run/certificates.pem"  # where the Dockerfile mounts them
HANDED_ON = ("extra-index-url", "index-url", "proxy", "retries", "timeout", "trusted-host")


@contextmanager
def secrets() -> Iterator[Mapping[str, Path]]:
    """Files by the names that the Dockerfile mounts them by."""
    bundle = certificates()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pip.conf"
        settings.touch(mode=0o600)
        settings.write_text(pip_settings(_pip_config_list(), certificates=bundle is not None))
        yield {"pip_conf": settings} | ({"certificates": bundle} if bundle else {})


def certificates() -> Path | None:
    paths = ssl.get_default_verify_paths()
    chosen = os.environ.get("PIP_CERT") or paths.cafile or paths.openssl_cafile
    return Path(chosen) if chosen and Path(chosen).is_file() else None


def pip_settings(listed: str, *, certificates: bool) -> str:
    """A pip.conf from what `pip config list` prints. Folders of this machine are not there during a build."""
    lines = ["[global]"]
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        setting = name.rpartition(".")[2]
        words = [word for word in value.strip("'\"").replace("\\n", " ").split() if not word.startswith("file:")]
        if setting in HANDED_ON and words:
            lines.append(f"{setting} = {' '.join(words)}")
    if certificates:
        lines.append(f"cert = {CERTIFICATES}")
    return "\n".join(lines) + "\n"


def _pip_config_list() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

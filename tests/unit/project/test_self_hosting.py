"""The units and the compose file of the guide: systemd takes them, and they agree with the image."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
GUIDE = (PROJECT / "docs" / "self-hosting.md").read_text()
UNITS = dict(re.findall(r"`/etc/systemd/system/([\w.-]+)`:\n\n```ini\n(.*?)```", GUIDE, re.DOTALL))


def test_the_guide_has_the_server_and_its_backup() -> None:
    assert sorted(UNITS) == ["rollcall-backup.service", "rollcall-backup.timer", "rollcall.service"]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for name, text in UNITS.items():
        # what is not installed on this machine
        here = text.replace("/opt/rollcall/bin/rollcall", sys.executable).replace("User=rollcall", "User=daemon")
        (tmp_path / name).write_text(here)
    files = [str(tmp_path / name) for name in UNITS]

    checked = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)

    told = [line for line in checked.stderr.splitlines() if any(name in line for name in UNITS)]
    assert (checked.returncode, told) == (0, [])


def test_the_compose_file_agrees_with_the_image() -> None:
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((PROJECT / "docker" / "compose.yaml").read_text())["services"]["rollcall"]
    dockerfile = (PROJECT / "docker" / "Dockerfile").read_text()
    target = dockerfile.partition(f"FROM runtime AS {service['build']['target']}\n")[2]

    assert "VOLUME /data\n" in target
    assert service["volumes"][0].endswith(":/data")
    assert f"EXPOSE {' '.join(port.partition(':')[2] for port in service['ports'])}\n" in target
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert (PROJECT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()

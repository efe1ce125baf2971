"""`rollcall up` with a folder: what it was given outlives it, however it ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from rollcall.local.store.database import Database
from tests.images.certificates import Certificates, make_certificates
from tests.integration.cli.running_up import COMMAND, Up
from tests.integration.throwaway import until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def test_uploads_in_work_are_finished_after_everything_was_killed(photo: Path, data: Path) -> None:
    first = Up("--data", data, "--gallery", photo.parent.parent)
    try:
        first.upload("first.png", photo.read_bytes())
        assert "Eileen" in first.wait_for("done first.png: ")
        for number in range(4):
            first.upload(f"late-{number}.png", photo.read_bytes())
        first.kill_all()
    finally:
        first.close()

    second = Up("--data", data)  # nobody is enrolled from the command line
    try:
        for number in range(4):
            key = f"late-{number}.png"
            until(lambda key=key: second.people(key) == ["Eileen"])  # type: ignore[misc]
        assert second.people("first.png") == ["Eileen"]
        assert not second.told("done first.png")  # that was told before
        assert (data / "lives-output" / "first.png.json").is_file()
        again = subprocess.run([*COMMAND, "--data", data], capture_output=True, text=True, timeout=120, check=False)
        assert again.returncode == 2
        assert f"{data} is in use by another server" in again.stderr.splitlines()[-1]
    finally:
        second.close()


def test_a_folder_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.migrate("s3", ["SELECT 1;"] * 100)
    database.close()
    ended = subprocess.run([*COMMAND, "--data", tmp_path], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert f"{tmp_path} was written by a newer version of Rollcall (s3 100, here 1)" in ended.stderr.splitlines()[-1]


def test_other_machines_need_the_credentials_of_the_store(photo: Path, data: Path, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path, ["localhost"])
    gallery = photo.parent.parent
    up = Up("--data", data, "--gallery", gallery, "--host", "0.0.0.0", "--certificate", certificates.leaf)
    try:
        url = f"https://localhost:{up.url.rpartition(':')[2]}"
        told = (data / "store.credentials").read_text().split()
        own: dict[str, Any] = {
            "aws_access_key_id": told[3],
            "aws_secret_access_key": told[6],
            "region_name": "us-east-1",
        }
        s3 = boto3.client("s3", endpoint_url=url, verify=str(certificates.authority), **own)
        s3.put_object(Bucket="lives-input", Key="signed.png", Body=photo.read_bytes())
        assert "Eileen" in up.wait_for("done signed.png: ")
        stranger = boto3.client(
            "s3", endpoint_url=url, verify=str(certificates.authority), **(own | {"aws_secret_access_key": "guess"})
        )
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            stranger.list_buckets()
        assert not any(told[6] in line for line in up.lines)
        for client in (s3, stranger):
            client.close()

        with urllib3.PoolManager(ca_certs=str(certificates.authority)) as pool:
            api = f"https://localhost:{up.api.rpartition(':')[2]}"  # by another name than the server's own
            assert pool.request("POST", f"{api}/v1/recognize", body=photo.read_bytes()).status == 401
            own_key = {"X-Api-Key": create_key(url, certificates, data / "store.credentials")}
            answer = pool.request("POST", f"{api}/v1/recognize", body=photo.read_bytes(), headers=own_key)
            assert "Eileen" in answer.json()["faces"][0]["name"]
            asked = pool.request("POST", f"{api}/v1/videos", json={"content_type": "image/png"}, headers=own_key)
            upload = asked.json()["upload"]
            assert upload["url"].startswith(f"{url}/")
            form = [*upload["fields"].items(), ("file", ("photo.png", photo.read_bytes()))]
            assert pool.request("POST", upload["url"], fields=form).status == 204
        assert "Eileen" in up.wait_for("done api/videos/")
    finally:
        up.close()


def create_key(url: str, certificates: Certificates, credentials: Path) -> str:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CA_BUNDLE": str(certificates.authority),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }
    scopes = ("--scope", "recognize", "--scope", "videos")
    command = [sys.executable, "-m", "rollcall", "keys", "create", "doorbell", "--prefix", "lives", *scopes]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

"""Backups: taken while a store is in use, brought back whole, refused where they are none."""

import io
import tarfile
import threading
from pathlib import Path

import pytest

from rollcall.local.store.store_backup import back_up, restore
from rollcall.local.store.store_errors import StoreError
from tests.unit.local.store.running import client, running_store


def test_what_is_backed_up_while_others_write_comes_back_whole(tmp_path: Path) -> None:
    data, archive, again = tmp_path / "data", tmp_path / "monday.tar", tmp_path / "again"
    with running_store(data, durable=True) as url:
        s3, sqs = client("s3", url), client("sqs", url)
        s3.create_bucket(Bucket="kept")
        queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="hello")
        s3.put_object(Bucket="kept", Key="folder/small.txt", Body=b"small")
        s3.put_object(Bucket="kept", Key="large", Body=b"x" * 3_000_000)
        ended = threading.Event()

        def disturb() -> None:
            number = 0
            while not ended.is_set():
                s3.put_object(Bucket="kept", Key="changing", Body=b"%d" % number)
                number += 1

        writer = threading.Thread(target=disturb)
        writer.start()
        try:
            back_up(data, archive)
        finally:
            ended.set()
            writer.join()
        s3.delete_object(Bucket="kept", Key="large")
        for used in (s3, sqs):
            used.close()
    assert not list(data.glob(".store/backup-*"))

    restore(archive, again)
    assert all(path.stat().st_mode & 0o077 == 0 for path in again.rglob("*"))
    with running_store(again, durable=True) as url:
        s3, sqs = client("s3", url), client("sqs", url)
        assert s3.get_object(Bucket="kept", Key="large")["Body"].read() == b"x" * 3_000_000
        assert s3.get_object(Bucket="kept", Key="folder/small.txt")["Body"].read() == b"small"
        queue = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
        assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
        for used in (s3, sqs):
            used.close()
    assert (again / "kept" / "folder" / "small.txt").read_bytes() == b"small"


def test_an_upload_that_has_begun_goes_on_after_a_restore(tmp_path: Path) -> None:
    data, archive, again = tmp_path / "data", tmp_path / "a.tar", tmp_path / "again"
    bodies = [b"a" * 5_242_880, b"b" * 5_242_880, b"end"]
    where = {"Bucket": "kept", "Key": "big"}
    with running_store(data) as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket="kept")
        s3.create_multipart_upload(Bucket="kept", Key="no part of it has come")
        upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        for number, body in enumerate(bodies, 1):
            s3.upload_part(**upload, PartNumber=number, Body=body)
        back_up(data, archive)
        s3.close()

    restore(archive, again)
    with running_store(again) as url:
        s3 = client("s3", url)
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in s3.list_parts(**upload)["Parts"]]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert s3.get_object(**where)["Body"].read() == b"".join(bodies)
        s3.close()


def test_nothing_is_overwritten_and_nothing_in_use_is_touched(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "a.tar"
    with running_store(data):
        back_up(data, archive)
        with pytest.raises(StoreError, match="is in use by another server"):
            restore(archive, data)
    with pytest.raises(StoreError, match="holds a store already"):
        restore(archive, data)
    with pytest.raises(StoreError, match="holds nothing that could be copied"):
        back_up(tmp_path / "nowhere", archive)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "store.db/../../evil", ".store/blobs/aa/../evil", "other"])
def test_an_archive_with_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as opened:
        member = tarfile.TarInfo(name)
        member.size = 4
        opened.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(StoreError, match="is no backup of Rollcall"):
        restore(archive, tmp_path / "data")
    assert not [path for path in tmp_path.rglob("*evil*") if path != archive]


def test_a_backup_that_is_cut_off_or_none_is_refused(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "a.tar"
    with running_store(data, durable=True) as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="large", Body=b"x" * 3_000_000)
        s3.close()
        back_up(data, archive)
    whole = archive.read_bytes()
    for number, content in enumerate((whole[:-3_000_000], whole[: len(whole) // 2], b"nonsense" * 1000, b"")):
        archive.write_bytes(content)
        with pytest.raises(StoreError, match="is no backup of Rollcall|is cut off"):
            restore(archive, tmp_path / f"again-{number}")
        assert not list((tmp_path / f"again-{number}").glob("*.db"))

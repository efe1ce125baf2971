"""Bringing a job's outputs from the output bucket into a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter

from functions.common.keys import crops_prefix, csv_key, result_key, vtt_key
from functions.common.results import Failure, Result
from local.media_files import output_path

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESULT: TypeAdapter[Result | Failure] = TypeAdapter(Annotated[Result | Failure, Field(discriminator="status")])
CONTACT_SHEET_SUFFIX = ".contact-sheet.png"


def contact_sheet_key(key: str) -> str:
    return f"{key}{CONTACT_SHEET_SUFFIX}"


def download_outputs(s3: "S3Client", bucket: str, key: str, out: Path) -> Result | Failure:
    remove_outputs(out, key)  # an earlier run's crops beside this one's would mislead
    result = RESULT.validate_json(_download(s3, bucket, result_key(key), out).read_bytes())
    if isinstance(result, Result):
        for name in (csv_key(key), vtt_key(key)):
            _download(s3, bucket, name, out)
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=crops_prefix(key)):
            for entry in page.get("Contents", []):
                _download(s3, bucket, entry["Key"], out)
    return result


def remove_outputs(out: Path, key: str) -> None:
    for name in (result_key(key), csv_key(key), vtt_key(key), contact_sheet_key(key)):
        output_path(out, name).unlink(missing_ok=True)
    for crop in output_path(out, crops_prefix(key).rstrip("/")).glob("*.jpg"):
        crop.unlink()


def _download(s3: "S3Client", bucket: str, key: str, out: Path) -> Path:
    path = output_path(out, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(bucket, key, str(path))
    return path

"""s3fs: python s3fs_client.py BUCKET FOLDER; prints what it has seen."""

import json
import os
import sys
from pathlib import Path

import s3fs

bucket, folder = sys.argv[1], sys.argv[2]
files = s3fs.S3FileSystem(
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    client_kwargs={"verify": os.environ.get("AWS_CA_BUNDLE") or True},
    default_block_size=5 * 1024**2,
)
files.mkdir(bucket)
files.put(f"{folder}/", f"{bucket}/mirror", recursive=True)
files.get(f"{bucket}/mirror/", "down", recursive=True)
for path in Path(folder).rglob("*"):
    if path.is_file():
        assert Path("down", path.relative_to(folder)).read_bytes() == path.read_bytes(), path
files.setxattr(f"{bucket}/mirror/100%.txt", owner="me")
large = Path(folder, "large.bin").read_bytes()
with files.open(f"{bucket}/written", "wb", block_size=5 * 1024**2) as target:
    target.write(large)
with files.open(f"{bucket}/written", "rb") as source:
    source.seek(5)
    part = source.read(7)
files.copy(f"{bucket}/written", f"{bucket}/copy + %/Grüße")
Path("url").write_text(files.url(f"{bucket}/copy + %/Grüße"))
owner = files.metadata(f"{bucket}/mirror/100%.txt", refresh=True)["owner"]
folders = [item["name"] for item in files.ls(f"{bucket}/mirror", detail=True) if item["type"] == "directory"]
files.rm(f"{bucket}/mirror", recursive=True)
left = files.find(f"{bucket}/mirror", refresh=True)
print(json.dumps({"part": part.hex(), "owner": owner, "folders": folders, "left": left}))

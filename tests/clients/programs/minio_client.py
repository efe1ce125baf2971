"""minio-py: python minio_client.py BUCKET FOLDER; prints what it has seen."""

import datetime
import json
import os
import sys
from pathlib import Path

from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject

bucket, folder = sys.argv[1], Path(sys.argv[2])
scheme, _, address = os.environ["AWS_ENDPOINT_URL"].partition("://")
client = Minio(
    address,
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=scheme == "https",
    region="us-east-1",
)
client.make_bucket(bucket)
keys = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
for key in keys:
    client.fput_object(bucket, key, str(folder / key), metadata={"owner": "me"}, part_size=5 * 1024**2)
    client.fget_object(bucket, key, f"down/{key}")
    assert Path(f"down/{key}").read_bytes() == (folder / key).read_bytes(), key
client.copy_object(bucket, "a//b", CopySource(bucket, "Grüße 日本.txt"))
names = {item.object_name for item in client.list_objects(bucket, recursive=True)}
assert names == {*keys, "a//b"}, names
with client.get_object(bucket, "large.bin", offset=5, length=7) as answer:
    part = answer.read()
folders = [item.object_name for item in client.list_objects(bucket) if item.is_dir]
owner = client.stat_object(bucket, "100%.txt").metadata["x-amz-meta-owner"]
client.copy_object(bucket, "copy + %/Grüße", CopySource(bucket, "large.bin"))
url = client.presigned_get_object(bucket, "copy + %/Grüße", expires=datetime.timedelta(minutes=5))
Path("url").write_text(url)
client.remove_object(bucket, "a//b")
errors = [str(error) for error in client.remove_objects(bucket, [DeleteObject(key) for key in keys])]
seen = {
    "bucket": bucket in [found.name for found in client.list_buckets()],
    "part": part.hex(),
    "owner": owner,
    "folders": folders,
    "errors": errors,
}
print(json.dumps(seen))

"""Does what each message's body says, and notes every delivery as an object of the output bucket."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3

MEGABYTE = 1024 * 1024


def handler(event, context):
    for record in event["Records"]:
        note(record, event, context)
    failed = [record for record in event["Records"] if fails(record)]
    for record in event["Records"]:
        task = json.loads(record["body"])
        if task["do"] in TASKS and due(record):
            result = TASKS[task["do"]](task)
            if result is not None:
                return result
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def note(record, event, context):
    seen = {
        "record": record,
        "batch": len(event["Records"]),
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
        "pid": os.getpid(),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "time": time.time(),
    }
    key = f"{record['messageId']}/{record['attributes']['ApproximateReceiveCount']}"
    boto3.client("s3").put_object(Bucket=os.environ["OUTPUT_BUCKET"], Key=key, Body=json.dumps(seen))
    print(json.dumps({"delivered": key}))


def due(record):
    """`times` limits a task to the first deliveries."""
    times = json.loads(record["body"]).get("times", 1000)
    return int(record["attributes"]["ApproximateReceiveCount"]) <= times


def fails(record):
    return json.loads(record["body"])["do"] == "fail" and due(record)


def crash(task):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(task):
    sys.exit(3)


def complain(task):
    raise RuntimeError("as asked")


def sleep(task):
    subprocess.Popen(["sleep", "600"])
    subprocess.Popen(["sleep", "601"], start_new_session=True)
    time.sleep(task["seconds"])


def wait(task):
    """Sleeps, and leaves nothing behind."""
    time.sleep(task["seconds"])


def allocate(task):
    held = bytearray(os.urandom(1)) * (task["megabytes"] * MEGABYTE)
    time.sleep(30)
    return len(held)


def allocate_in_child(task):
    code = f"import time; held = bytearray(b'x') * {task['megabytes'] * MEGABYTE}; time.sleep(30)"
    subprocess.run([sys.executable, "-c", code], check=True)


def scribble(task):
    Path("file").write_bytes(os.urandom(MEGABYTE) * task["megabytes"])
    time.sleep(task.get("seconds", 0))


def answer(task):
    return task["answer"]


TASKS = {
    "crash": crash,
    "leave": leave,
    "complain": complain,
    "sleep": sleep,
    "wait": wait,
    "allocate": allocate,
    "allocate_in_child": allocate_in_child,
    "scribble": scribble,
    "answer": answer,
}

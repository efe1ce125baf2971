"""Subsegments for X-Ray, sent to the daemon that AWS runs beside a traced function.

They follow the documented protocol (AWS X-Ray developer guide, "Sending trace data to X-Ray") without the SDK. To
import that took half as long as a cold start may (docs/decisions/0039-trace-segments-without-an-sdk.md). Where no
daemon runs, as on the local cloud, or this request is not sampled, nothing is sent and nothing is loaded.
"""

import json
import os
import secrets
import socket
from dataclasses import dataclass

DAEMON_VARIABLE = "AWS_XRAY_DAEMON_ADDRESS"
HEADER_VARIABLE = "_X_AMZN_TRACE_ID"  # the runtime sets it anew for each invocation

_PROTOCOL = b'{"format": "json", "version": 1}\n'


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The trace and segment that a subsegment belongs to."""

    root: str
    parent: str


def send_subsegment(name: str, *, start: float, seconds: float, job: str, fault: bool) -> None:
    """`start`: seconds since the epoch. A datagram that gets lost costs one line in a trace and nothing else."""
    daemon, trace = _daemon(os.environ.get(DAEMON_VARIABLE, "")), sampled(os.environ.get(HEADER_VARIABLE, ""))
    if daemon is None or trace is None:
        return
    document = {
        "name": name,
        "id": secrets.token_hex(8),
        "trace_id": trace.root,
        "parent_id": trace.parent,
        "type": "subsegment",
        "start_time": start,
        "end_time": start + seconds,
        "fault": fault,
        "annotations": {"job": job},
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(_PROTOCOL + json.dumps(document).encode(), daemon)
        except OSError:
            return  # a full buffer or no daemon: work goes on untraced


def sampled(header: str) -> Trace | None:
    """The parent in `Root=…;Parent=…;Sampled=1`; None for a request that is not traced."""
    parts = dict(part.strip().split("=", 1) for part in header.split(";") if "=" in part)
    if parts.get("Sampled") != "1" or "Root" not in parts or "Parent" not in parts:
        return None
    return Trace(root=parts["Root"], parent=parts["Parent"])


def _daemon(address: str) -> tuple[str, int] | None:
    """The daemon's address in `host:port` or `tcp:host:port udp:host:port`."""
    for part in address.split():
        host, _, port = part.removeprefix("udp:").rpartition(":")
        if host and ":" not in host and port.isdecimal():
            return host, int(port)
    return None

"""What a process tries that a hostile file has taken over. Run as a program: one line of JSON, from attempt to outcome.

python escapes.py PORT OTHER_PORT PARENT_PID FILE FOLDER     the ports have listeners; FILE is there to be read

It may be run after its own confinement as well, so it opens nothing and imports nothing once it has begun.
"""

# ruff: noqa: PTH102, PTH104, PTH108, PTH208

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

IS_X86 = os.uname().machine == "x86_64"
NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "unshare": (272, 97),
    "mount": (165, 40),
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "memfd_create": (319, 279),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "setuid": (105, 146),
    "openat2": (437, 437),
    "sendmsg": (46, 211),
    "bind": (49, 200),
    "symlinkat": (266, 36),
    "unlinkat": (263, 35),
    "chmod": (268, 53),
    "setns": (308, 268),
    "init_module": (105, 105),
    "reboot": (169, 142),
    "x32 getpid": (0x40000000 + 39, 999),
}


def attempts(port: int, other_port: int, parent: int, file: str, folder: str) -> dict[str, Callable[[], object]]:
    libc = ctypes.CDLL(None, use_errno=True)

    def system_call(number: int) -> str:
        result = libc.syscall(number, 0, 0, 0, 0, 0)
        return f"result {result}, error {ctypes.get_errno() if result < 0 else 0}"

    def fast_open() -> object:
        with socket.socket() as one:
            return one.sendto(b"x", 0x20000000, ("127.0.0.1", other_port))

    def connect(address: tuple[str, int]) -> None:
        with socket.socket() as one:
            one.settimeout(2)
            one.connect(address)

    def signals_by_descriptor() -> None:
        import fcntl  # noqa: PLC0415

        fcntl.fcntl(1, fcntl.F_SETOWN, parent)

    return {
        "read /etc/passwd": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "list /": lambda: os.listdir("/"),
        "read the file": lambda: os.close(os.open(file, os.O_RDONLY)),
        "write the file": lambda: os.open(file, os.O_WRONLY),
        "truncate the file": lambda: os.truncate(file, 0),
        "make a file": lambda: os.open(f"{folder}/made", os.O_WRONLY | os.O_CREAT),
        "make a folder": lambda: os.mkdir(f"{folder}/made"),
        "remove the file": lambda: os.unlink(file),
        "rename the file": lambda: os.rename(file, f"{folder}/renamed"),
        "connect to the port": lambda: connect(("127.0.0.1", port)),
        "connect to another port": lambda: connect(("127.0.0.1", other_port)),
        "connect to another machine": lambda: connect(("192.0.2.1", 443)),
        "connect by fast open": fast_open,
        "a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
        "a Unix socket pair": socket.socketpair,
        "an IPv6 socket": lambda: socket.socket(socket.AF_INET6),
        "a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "an MPTCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262),
        "signal the parent": lambda: os.kill(parent, signal.SIGCONT),
        "signal by a descriptor": signals_by_descriptor,
        "read the parent's environment": lambda: os.open(f"/proc/{parent}/environ", os.O_RDONLY),
        "read the parent's memory": lambda: os.open(f"/proc/{parent}/mem", os.O_RDONLY),
        "write its own memory by file": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "raise a limit": lambda: __import__("resource").setrlimit(7, (64, 64)),
        **{name: lambda number=numbers[not IS_X86]: system_call(number) for name, numbers in NUMBERS.items()},  # type: ignore[misc]
        "fork": lambda: os.fork() or os._exit(0),
    }


def outcome(attempt: Callable[[], object]) -> str:
    try:
        told = attempt()
    except OSError as error:
        return f"refused {error.errno}"
    return told if isinstance(told, str) else "done"


def run(arguments: list[str]) -> dict[str, str]:
    port, other_port, parent, file, folder = arguments
    tried = attempts(int(port), int(other_port), int(parent), file, folder)
    return {name: outcome(attempt) for name, attempt in tried.items()}


if __name__ == "__main__":
    if sys.argv[1] == "exec":
        os.execv(sys.argv[2], sys.argv[2:])
    os.write(1, json.dumps(run(sys.argv[1:])).encode())

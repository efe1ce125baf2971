"""Confines this process before it meets a hostile file. The kernel enforces it for good, against root too.

seccomp lets a list of system calls through. It allows no new program, no new process and no signal to others. Files can
only be read. A socket can connect only if a port is given. Landlock (Linux 5.13; TCP since 6.7) says which files and
which port. The process that becomes ffmpeg runs this too, so it imports little, and only the standard library.
"""

# ruff: noqa: PTH100, PTH112, PTH123 - no pathlib
from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from rollcall.runtime.confined.seccomp import program

TYPE_CHECKING = False  # as type checkers know it: `typing` alone takes as long to import as all the rest
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

LAUNCHED = b"launched"  # the last line that a launcher writes to its log before it becomes another program
NOT_STARTED = 125  # its exit code where it cannot

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_SYSCALL_SECCOMP = {"x86_64": 317, "aarch64": 277}
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same everywhere
_LANDLOCK_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_CONNECT_TCP = 1 << 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many kinds of access to files a version knows; later ones 16
_WITH_TCP, _WITH_SCOPES = 4, 6  # versions
_TCP_RIGHTS, _SCOPES = 0b11, 0b11

_libc = ctypes.CDLL(None, use_errno=True)

SYSTEM_LIBRARIES = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
    "/sys/devices/system/cpu",
)


def confine(*, read: Sequence[str] = (), connect_port: int | None = None) -> None:
    """Confines this process: it can then open only files under `read`, and connect only to that TCP port.

    Call it with one thread: Landlock holds for the calling thread and the threads that it starts.
    """
    _confine(read, (), connect_port, None)


def become(command: Sequence[str], *, read: Sequence[str], connect_port: int | None) -> NoReturn:
    """Run `command` in this process's place, confined; it may read the system's libraries as well."""
    program_path = os.path.realpath(command[0])
    libraries = (*SYSTEM_LIBRARIES, f"{program_path.rpartition('/bin/')[0]}/lib")
    path = ctypes.create_string_buffer(os.fsencode(program_path))
    arguments = _strings([os.fsencode(argument) for argument in command])
    environment = _strings([os.fsencode(f"{name}={value}") for name, value in os.environ.items()])
    loader = _loader(program_path)
    programs = (program_path, *([loader] if loader else []))
    _confine((*read, *libraries), programs, connect_port, ctypes.addressof(path))
    _libc.execve(path, arguments, environment)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), command[0])


def hide_from_children() -> None:
    """Keep other processes of this user out of this one's memory and environment, where Landlock does not."""
    if sys.platform == "linux" and landlock_version() == 0:
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def not_confined() -> str | None:
    """What a decoder can reach on this machine and could not elsewhere; None if there is nothing."""
    if not supported():
        return "On this system nothing but resource limits confines the decoders of photos and videos."
    version = landlock_version()
    if version == 0:
        return (
            "This kernel has no Landlock (Linux 5.13 and later): ffmpeg can read the files of this user and connect "
            "to other machines."
        )
    if version < _WITH_TCP:
        return "This kernel's Landlock knows no network (Linux 6.7 and later): ffmpeg can connect to other machines."
    return None


def landlock_version() -> int:
    """The version of Landlock; 0 if the kernel has none."""
    if sys.platform != "linux":
        return 0
    version: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    return max(0, version)


def _confine(read: Sequence[str], execute: Sequence[str], connect_port: int | None, path_address: int | None) -> None:
    if not supported():
        return
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if landlock_version():
        _restrict(read, execute, connect_port)
    _filter(opens=bool(read), connects=connect_port is not None, path_address=path_address)


def supported() -> bool:
    """Whether this system has these locks, or at least the first of them."""
    return sys.platform == "linux" and os.uname().machine in _SYSCALL_SECCOMP and sys.maxsize > 1 << 32


def _restrict(read: Sequence[str], execute: Sequence[str], connect_port: int | None) -> None:
    version = landlock_version()
    handled = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    handled += [_TCP_RIGHTS] if version >= _WITH_TCP else []
    handled += [_SCOPES] if version >= _WITH_SCOPES else []
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = _call(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path in read:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in execute:
            _allow(ruleset, path, _READ_FILE | _EXECUTE)
        if connect_port is not None and version >= _WITH_TCP:
            _call(_LANDLOCK_ADD_RULE, ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, connect_port), 0)
        _call(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = rights if os.path.isdir(path) else rights & ~_READ_DIR
        _call(_LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _filter(*, opens: bool, connects: bool, path_address: int | None) -> None:
    machine = os.uname().machine
    code = program(machine, pid=os.getpid(), opens=opens, connects=connects, path_address=path_address)
    instructions = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    _call(_SYSCALL_SECCOMP[machine], _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, fprog)


def _loader(program_path: str) -> str | None:
    """The dynamic loader that an ELF program names, if it names one: the kernel opens it as a program too."""
    with open(program_path, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return None
        offset, size, count = (*struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54))[:3]
        file.seek(offset)
        table = file.read(size * count)
        for kind, place, length in _segments(table, size):
            if kind == 3:  # noqa: PLR2004 - PT_INTERP
                file.seek(place)
                return os.fsdecode(file.read(length).rstrip(b"\0"))
    return None


def _segments(table: bytes, size: int) -> Iterator[tuple[int, int, int]]:
    for at in range(0, len(table), size):
        yield struct.unpack_from("<I4xQ16xQ", table, at)


def _strings(values: Sequence[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(values) + 1))(*values, None)


def _call(number: int, *arguments: Any) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{errno.errorcode.get(code, code)} while confining this process")
    return result

"""The seccomp program: a list of the system calls that a decoder needs, on x86_64 and arm64. All others are refused.

A refused call fails like a call that the kernel does not know (ENOSYS). C libraries then take another way or give up,
and the process lives on. Only an attempt to start a program ends the process at once.
"""

from __future__ import annotations

import errno
import struct

TYPE_CHECKING = False  # as type checkers know it: `typing` alone takes as long to import as all the rest
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE = 0x00050000 | errno.ENOSYS
_WORD = 0xFFFFFFFF

# number on x86_64, on arm64; None: it is not there
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # memory and threads
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "arch_prctl": (158, None),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "restart_syscall": (219, 128),
    # signals of its own
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    # what is open already
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "write": (1, 64),
    "writev": (20, 66),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "dup": (32, 23),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "recvfrom": (45, 207),
    "shutdown": (48, 210),
    "getsockopt": (55, 209),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    # time, and who it is
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getsid": (124, 156),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrandom": (318, 278),
    "getcwd": (79, 17),  # Pillow asks before it saves, even to memory
}
# of a file system that Landlock, where there is one, narrows to a few folders
_LOOKING: dict[str, tuple[int | None, int | None]] = {
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "access": (21, None),
    "faccessat": (269, 48),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents64": (217, 61),
    "fadvise64": (221, 223),
}

_CLONE_THREAD = 0x10000
_TO_WRITE = 0x3 | 0x40 | 0x200  # O_ACCMODE, O_CREAT, O_TRUNC
_AF_INET, _SOCK_STREAM, _SOCK_KIND = 2, 1, 0xF
_IPPROTO_IP, _IPPROTO_TCP = 0, 6  # not MPTCP, which Landlock does not know
_MSG_FASTOPEN = 0x20000000  # connects without `connect`
_FCNTL = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: none sends signals
_IOCTL = (0x5421, 0x5450, 0x5451)  # FIONBIO, FIONCLEX, FIOCLEX
_PR_SET_NAME = 15


class _Check:
    """One of the words in the arguments of a system call has to be one of these values."""

    def __init__(self, argument: int, values: tuple[int, ...], *, mask: int = _WORD, upper: bool = False) -> None:
        """`upper`: the upper half of a 64-bit argument."""
        self.offset = 16 + 8 * argument + 4 * upper
        self.values = values
        self.mask = mask


def _exactly(argument: int, value: int) -> tuple[_Check, _Check]:
    return _Check(argument, (value & _WORD,)), _Check(argument, (value >> 32,), upper=True)


def program(machine: str, *, pid: int, opens: bool, connects: bool, path_address: int | None) -> bytes:
    """BPF for `machine`, of the process `pid`; `opens`: files to read; `connects`: TCP sockets.

    `path_address`: the address of the path of the one program that may be started. That program has other memory, so it
    cannot start another.
    """
    column = list(_AUDIT_ARCH).index(machine)
    code = [_load(4), _jump(_AUDIT_ARCH[machine], 1, 0), _give(_KILL), _load(0)]
    for numbers in (*_ALLOWED.values(), *(_LOOKING.values() if opens else ())):
        if (number := numbers[column]) is not None:
            code += [_jump(number, 0, 1), _give(_ALLOW)]
    for numbers, checks in _checked(pid, opens=opens, connects=connects):
        if (number := numbers[column]) is not None:
            code += _guarded(number, checks, _REFUSE)
    for numbers in ((59, 221), (322, 281)):  # execve, execveat
        checks = () if path_address is None or numbers[0] != 59 else _exactly(0, path_address)  # noqa: PLR2004
        code += _guarded(numbers[column], checks, _KILL) if checks else [_jump(numbers[column], 0, 1), _give(_KILL)]
    return b"".join([*code, _give(_REFUSE)])


def _checked(
    pid: int, *, opens: bool, connects: bool
) -> Iterator[tuple[tuple[int | None, int | None], Sequence[_Check]]]:
    yield (56, 220), [_Check(0, (_CLONE_THREAD,), mask=_CLONE_THREAD)]  # clone
    yield (234, 131), [_Check(0, (pid,))]  # tgkill: what abort() does
    yield (302, 261), [_Check(0, (0, pid)), *_exactly(2, 0)]  # prlimit64: to ask only
    yield (157, 167), [_Check(0, (_PR_SET_NAME,))]  # prctl
    yield (72, 25), [_Check(1, _FCNTL)]  # fcntl
    yield (16, 29), [_Check(1, _IOCTL)]  # ioctl
    yield (44, 206), [*_exactly(4, 0), _Check(3, (0,), mask=_MSG_FASTOPEN)]  # sendto, to nobody but the peer
    if opens:
        yield (2, None), [_Check(1, (0,), mask=_TO_WRITE)]  # open
        yield (257, 56), [_Check(2, (0,), mask=_TO_WRITE)]  # openat
    if connects:
        yield (
            (41, 198),  # socket
            [
                _Check(0, (_AF_INET,)),
                _Check(1, (_SOCK_STREAM,), mask=_SOCK_KIND),
                _Check(2, (_IPPROTO_IP, _IPPROTO_TCP)),
            ],
        )
        yield (42, 203), []  # connect; Landlock knows to which port


def _guarded(number: int, checks: Sequence[_Check], otherwise: int) -> list[bytes]:
    """The filter for one system call: it is allowed if all checks hold."""
    block = [part for check in checks for part in _words(check, otherwise)] + [_give(_ALLOW)]
    return [_jump(number, 0, len(block)), *block]


def _words(check: _Check, otherwise: int) -> list[bytes]:
    compared = [_load(check.offset)]
    compared += [_step(_AND, 0, 0, check.mask)] if check.mask != _WORD else []
    left = len(check.values)
    compared += [_jump(value, left - number, 0) for number, value in enumerate(check.values)]
    return [*compared, _give(otherwise)]


def _load(offset: int) -> bytes:
    return _step(_LOAD, 0, 0, offset)


def _jump(value: int, equal: int, other: int) -> bytes:
    return _step(_EQUAL, equal, other, value)


def _give(answer: int) -> bytes:
    return _step(_RETURN, 0, 0, answer)


def _step(code: int, equal: int, other: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, equal, other, value)

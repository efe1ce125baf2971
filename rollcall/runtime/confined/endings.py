"""Whose fault the end of a child is: its own, or that of whoever sent it a signal."""

import signal

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS)


def from_outside(code: int) -> bool:
    """Whether a signal ended the child that no code of its own brings about: for want of memory, or by somebody.

    `code`: its exit code, or a signal's number below zero. SIGBUS counts: memory that cannot be had raises it.
    """
    return code < 0 and -code not in _CRASHES

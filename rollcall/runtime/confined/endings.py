"""Whether a child process ended by its own fault, or because somebody sent it a signal."""

import signal

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS)


def from_outside(code: int) -> bool:
    """Whether the child was ended by a signal that its own code does not raise: for want of memory, or by somebody.

    `code`: its exit code, or a signal's number below zero. SIGBUS counts, since a lack of memory raises it.
    """
    return code < 0 and -code not in _CRASHES

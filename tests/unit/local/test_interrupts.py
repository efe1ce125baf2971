"""Ctrl-C between the start of a process and the knowledge of it."""

import signal
import subprocess
import sys

import pytest

from rollcall.local.interrupts import interrupts_held


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_begun_is_known_before_the_interrupt(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    known: list[subprocess.Popen[bytes]] = []
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_held():
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            signal.raise_signal(number)
            known.append(process)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
        for process in known:
            process.kill()
            process.communicate()
    assert known

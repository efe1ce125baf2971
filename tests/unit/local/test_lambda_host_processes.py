"""Processes, folders and logs of workers, on real processes and files."""

import os
import subprocess
import sys

import psutil
import pytest

from rollcall.local.lambda_host import processes
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.logs import FunctionLog, Report
from rollcall.local.lambda_host.processes import (
    folder_megabytes,
    peak_megabytes,
    processes_with,
    resident_megabytes,
    tree_of,
)

GRANDPARENT = "import subprocess, sys; subprocess.run(['sleep', '60'])"


@pytest.fixture
def parent_of_one():
    with subprocess.Popen([sys.executable, "-c", GRANDPARENT], start_new_session=True) as process:
        while not psutil.Process(process.pid).children():
            pass
        yield process
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.kill()


def test_a_tree_has_the_process_and_all_below_it(parent_of_one):
    (child,) = psutil.Process(parent_of_one.pid).children()

    assert tree_of(parent_of_one.pid) == [parent_of_one.pid, child.pid]
    assert {parent_of_one.pid, child.pid} < set(tree_of(os.getpid()))


def test_a_tree_has_what_another_thread_has_started():
    code = "import subprocess, threading; threading.Thread(target=subprocess.run, args=(['sleep', '60'],)).start()"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not (children := psutil.Process(process.pid).children()):
            pass

        assert tree_of(process.pid) == [process.pid, children[0].pid]
        children[0].kill()


@pytest.mark.parametrize("tells_children", [True, False], ids=["as Linux tells", "as elsewhere"])
def test_resident_memory_adds_up_and_skips_the_dead(parent_of_one, monkeypatch, tells_children):
    monkeypatch.setattr(processes, "TELLS_CHILDREN", tells_children and processes.TELLS_CHILDREN)
    with subprocess.Popen(["true"]) as dead:
        pass
    tree = tree_of(parent_of_one.pid)

    one, two = resident_megabytes([parent_of_one.pid, dead.pid]), resident_megabytes([*tree, dead.pid])

    assert len(tree) == 2
    assert one == pytest.approx(psutil.Process(parent_of_one.pid).memory_info().rss / 1024**2, rel=0.1)
    assert 1 < one < two
    assert peak_megabytes(parent_of_one.pid) >= one * 0.9
    assert peak_megabytes(dead.pid) == 0.0


def test_processes_are_found_by_their_environment():
    with subprocess.Popen(["sleep", "60"], env={"ROLLCALL_MARK": "here"}) as process:
        assert [found.pid for found in processes_with("ROLLCALL_MARK", "here")] == [process.pid]
        assert processes_with("ROLLCALL_MARK", "elsewhere") == []
        process.kill()


def test_a_folder_is_measured_with_all_below_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(os.urandom(2 * 1024 * 1024))
    (tmp_path / "loop").symlink_to(tmp_path)

    assert folder_megabytes(tmp_path) == pytest.approx(2, abs=0.1)
    assert folder_megabytes(tmp_path / "nowhere") == 0


def test_the_guard_ends_what_it_still_watches_and_no_more(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    watched, forgotten = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2))
    guard = Guard()
    for process in (watched, forgotten):
        guard.watch(process.pid)
    guard.remove_at_end(folder)
    guard.forget(forgotten.pid)

    guard.close()

    assert watched.wait() < 0
    assert not folder.exists()
    assert forgotten.poll() is None
    forgotten.kill()
    forgotten.wait()


def test_the_report_line_is_lambdas():
    report = Report(
        function="f",
        request_id="id-1",
        messages=2,
        duration_ms=12.345,
        init_ms=678.9,
        memory_mb=512,
        max_memory_mb=80.4,
        error=None,
    )

    assert report.line() == (
        "REPORT RequestId: id-1\tDuration: 12.35 ms\tMemory Size: 512 MB\tMax Memory Used: 80 MB"
        "\tInit Duration: 678.90 ms"
    )


def test_a_log_keeps_lines_whole_and_splits_tracebacks(tmp_path):
    log = FunctionLog(tmp_path / "f.log")
    with subprocess.Popen(["printf", r"first\n[ERROR] x\r  File y\nno end"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        log.copy_lines(process.stdout)
    log.write("last")
    log.close()
    log.write("too late, and no error")

    assert log.path.read_text() == "first\n[ERROR] x\n  File y\nno end\nlast\n"

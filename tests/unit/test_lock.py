"""A run's folder has one process at a time, and a killed one leaves it free."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from translate.config import LOCK, refuse_foreign
from translate.errors import UserError
from translate.keeping import lock

HOLD = """
import os, sys, time
from pathlib import Path
from translate.keeping import lock
with lock.held(Path(sys.argv[1])):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


def test_one_at_a_time_and_the_folder_is_free_afterwards(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for _ in range(2):
        with lock.held(run):
            with pytest.raises(UserError, match=f"process {os.getpid()} on ") as error, lock.held(run):
                pass
            assert str(run) in str(error.value)
            assert "another --out" in str(error.value)
            assert [path.name for path in run.iterdir()] in ([LOCK], ["weights", LOCK], [LOCK, "weights"])
            (run / "weights").write_text("mine")
        assert [path.name for path in run.iterdir()] == ["weights"]


def test_a_lock_that_a_kill_left_is_no_foreign_file(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("")
    refuse_foreign(tmp_path)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="other files"):
        refuse_foreign(tmp_path)


def test_a_folder_into_which_nothing_came_is_gone_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lock.held(tmp_path / "run"):
        raise RuntimeError("before anything was written")
    assert not (tmp_path / "run").exists()
    with lock.held(tmp_path):
        pass
    assert tmp_path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_killed_process_leaves_nothing_to_clear_away(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    with pytest.raises(UserError, match=f"process {process.pid} on "), lock.held(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    try:
        with lock.held(tmp_path):  # though a process that reads its data may live on for a while
            assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    finally:
        os.kill(child, signal.SIGKILL)


def test_whoever_holds_it_need_not_be_known(tmp_path: Path) -> None:
    with lock.held(tmp_path):
        (tmp_path / LOCK).write_text("{")
        with pytest.raises(UserError, match="by another process"), lock.held(tmp_path):
            pass

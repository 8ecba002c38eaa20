"""A build or a demo that is stopped: one line, its exit code, nothing left behind."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import PROGRAM


@pytest.mark.parametrize("command", ["build", "demo"])
def test_ctrl_c_in_training(command: str, tmp_path: Path) -> None:
    out = tmp_path / "firmware"
    given = ["build", "--data", "digits", "--board", "microbit", "--set", "epochs=100000"]
    started = subprocess.Popen(
        [*PROGRAM, *(given if command == "build" else ["demo"]), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if list(tmp_path.iterdir()) or started.poll() is not None:
            break
        time.sleep(0.1)
    assert [path.name[:10] for path in tmp_path.iterdir()] == [".firmware."]
    time.sleep(4)  # into training
    started.send_signal(signal.SIGINT)
    said, complained = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said == ""
    assert complained == "edgewright: Interrupted. Nothing was left half-written.\n"
    assert list(tmp_path.iterdir()) == []


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="a small file system of its own needs unshare -rm")
@pytest.mark.parametrize("command", ["build", "demo"])
def test_a_full_disk(command: str, table: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    given = ["build", "--data", str(table), "--target", "label", "--model", "decision-tree", "--board", "microbit"]
    given = given if command == "build" else ["demo", "--quick"]
    line = shlex.join([*PROGRAM, *given, "--out", str(disk / "firmware")])
    script = f"mount -t tmpfs -o size=16k tmpfs {disk} && {line}; code=$?; ls -A {disk}; exit $code"
    finished = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == 2, finished.stderr
    assert finished.stdout == ""
    assert f"Cannot write {disk / 'firmware'}" in finished.stderr
    assert "No space left on device" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert sys.executable in line

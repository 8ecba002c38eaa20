"""A build or a demo that is stopped: one line, its exit code, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import PROGRAM

pytestmark = pytest.mark.slow

BUILD = ["build", "--data", "digits", "--board", "microbit", "--set", "epochs=100000"]
DEMO = ["demo"]


@pytest.mark.parametrize("command", [BUILD, DEMO], ids=["build", "demo"])
def test_ctrl_c_in_training(command: list[str], tmp_path: Path) -> None:
    screen, terminal = pty.openpty()  # progress is shown on a terminal, so that the test knows when training runs
    whole = [*PROGRAM, *command, "--out", str(tmp_path / "firmware")]
    with (
        open(screen, "rb", buffering=0) as seen,
        subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=terminal, text=True) as started,
    ):
        os.close(terminal)
        try:
            shown = b""
            while b"dense" not in shown:  # an epoch of the first phase is done
                shown += seen.read(4096)
            assert len(list(tmp_path.iterdir())) == 1  # where the folder grows
            started.send_signal(signal.SIGINT)
            rest = b""
            with contextlib.suppress(OSError):  # a terminal ends by an error once nobody writes to it
                while part := seen.read(4096):
                    rest += part
            said, _ = started.communicate(timeout=60)
        finally:
            started.kill()
    assert started.returncode == 130
    assert said == ""
    assert rest.endswith(b"edgewright: Interrupted. Nothing was left half-written.\r\n")
    assert b"Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="a small file system of its own needs unshare -rm")
@pytest.mark.parametrize(("command", "kilobytes_free"), [("build", 16), ("build", 0), ("demo", 0)])
def test_a_full_disk(command: str, kilobytes_free: int, table: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    given = ["build", "--data", str(table), "--target", "label", "--model", "decision-tree", "--board", "microbit"]
    given = given if command == "build" else DEMO
    line = shlex.join([*PROGRAM, *given, "--out", str(disk / "firmware")])
    script = (
        f"mount -t tmpfs -o size=32k tmpfs {disk} && head -c {32 - kilobytes_free}k /dev/zero > {disk}/filler && "
        f"{line}; code=$?; ls -A {disk}; exit $code"
    )
    finished = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == 2, finished.stderr
    assert finished.stdout == "filler\n"
    assert f"Cannot write {disk / 'firmware'}" in finished.stderr
    assert "No space left on device" in finished.stderr
    assert finished.stderr.count("\n") == 1

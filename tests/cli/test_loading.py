"""What daemons leave for later comes by itself when they serve, and nobody has to wait for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
LATE = {
    "msgspec",
    "vswitch.ofproto.flowmod",
    "vswitch.ofproto.xlate.normal",
    "vswitch.openflow.messages.flow",
}


def imported(log: Path) -> set[str]:
    """What `-X importtime` has told."""
    return {
        line.rpartition("|")[2].strip() for line in log.read_text().splitlines() if "import time:" in line
    }


def test_a_switch_and_a_database_load_the_rest_when_they_serve(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    command = [
        sys.executable,
        "-X",
        "importtime",
        BIN / "vswitch",
        "up",
        f"--dir={tmp_path}",
        "--disable-system",
    ]
    log = tmp_path / "imports"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert any(line.startswith("Up.") for line in iter(process.stdout.readline, ""))
            deadline = time.monotonic() + 20
            while not imported(log) >= LATE:
                assert time.monotonic() < deadline, LATE - imported(log)
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0

"""This machine in numbers: processors, load, memory, our daemons, file systems.

Sources: ovs-vswitchd.conf.db(5), Open_vSwitch: statistics; proc(5); statvfs(3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")  # a second
PAGE = os.sysconf("SC_PAGE_SIZE") // 1024  # kB
_CRASHES = re.compile(rb"\((\d+) crashes")


def system_statistics(pidfiles: Path) -> dict[str, str]:
    """The column: what cannot be had is left out.  The daemons are those with a file in the directory `pidfiles`."""
    found = {"cpu": str(os.cpu_count() or 1)}
    with suppress(OSError):
        found["load_average"] = ",".join(f"{load:.2f}" for load in os.getloadavg())
    with suppress(OSError, KeyError, ValueError):
        found["memory"] = _memory((PROC / "meminfo").read_text())
    for path in sorted(pidfiles.glob("*.pid")):
        with suppress(OSError, ValueError):
            found[f"process_{path.stem}"] = _process(int(path.read_text()))
    systems = " ".join(_file_systems())
    if systems:
        found["file_systems"] = systems
    return found


def _memory(text: str) -> str:
    """Total, used, used but for caches, swap, and used swap, in kB."""
    kb = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in text.splitlines())}
    used = kb["MemTotal"] - kb["MemFree"]
    caches = kb["Buffers"] + kb["Cached"]
    return f"{kb['MemTotal']},{used},{caches},{kb['SwapTotal']},{kb['SwapTotal'] - kb['SwapFree']}"


def _process(pid: int) -> str:
    """Virtual and resident size in kB; CPU time in ms; crashes; ms since the last and the first start; processor."""
    stat = _stat(pid)
    uptime = float((PROC / "uptime").read_text().split()[0])
    age = _age(stat, uptime)
    crashes, first = 0, age
    with suppress(OSError):
        parent = int(stat[1])
        told = _CRASHES.search((PROC / str(parent) / "cmdline").read_bytes())
        if told:
            crashes, first = int(told[1]), _age(_stat(parent), uptime)
    cpu = (int(stat[11]) + int(stat[12])) * 1000 // TICKS
    return f"{int(stat[20]) // 1024},{int(stat[21]) * PAGE},{cpu},{crashes},{age},{first},{stat[36]}"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, from the state on."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _age(stat: list[str], uptime: float) -> int:
    return max(0, int(uptime * 1000) - int(stat[19]) * 1000 // TICKS)


def _file_systems() -> Iterator[str]:
    """Where each is mounted, its size, and how much of it is used, in kB; those that are on a device."""
    with suppress(OSError):
        for line in (PROC / "mounts").read_text().splitlines():
            device, point, *_ = line.split()
            if not device.startswith("/"):
                continue
            with suppress(OSError):
                stats = os.statvfs(point)
                size, free = stats.f_blocks * stats.f_frsize // 1024, stats.f_bfree * stats.f_frsize // 1024
                yield f"{point},{size},{size - free}"

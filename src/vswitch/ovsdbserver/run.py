"""From the options of ovsdb-server to a server that runs.

Sources: ovsdb-server(1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from vswitch.aio.daemon import Service, run_daemon
from vswitch.aio.garbage import collect_garbage
from vswitch.base.options import Given
from vswitch.linux.dirs import dbdir
from vswitch.ovsdbserver.daemon import DatabaseDaemon


def run(program: str, given: Given, words: Sequence[str]) -> int:
    """Be the daemon `program`, serving the databases named by `words`; the exit status."""
    words = [*words, *(word or "" for word in given.all("cluster"))]
    if not words and "no-dbs" not in given and "config-file" not in given:
        words = [f"{dbdir()}/conf.db"]
    directory = Path.cwd()

    async def serve(service: Service) -> None:
        daemon = DatabaseDaemon(service, words, directory)
        collector = asyncio.get_running_loop().create_task(collect_garbage(lambda: 0))
        try:
            await daemon.run()
        finally:
            collector.cancel()

    return run_daemon(program, given, serve, asyncio.new_event_loop)

"""The two daemons together: started, stopped and restarted in the order that each needs.

What is done with the database is imported when it is done: whoever asks for the status does so every few seconds.

Sources: ovs-ctl(8).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vswitch.base.errors import VswitchError
from vswitch.cli.startup import firewall, kernelmodule, saving
from vswitch.cli.startup.host import Host, Places, StartupError, action, check, program, reason, say, warn
from vswitch.cli.startup.processes import Daemon
from vswitch.cli.startup.settings import Settings
from vswitch.linux.dirs import dbdir, in_rundir, logdir, rundir

SERVER, SWITCH = "ovsdb-server", "ovs-vswitchd"
LOG_LEVELS = ("-vconsole:emer", "-vsyslog:err", "-vfile:info")
MANAGERS = "db:Open_vSwitch,Open_vSwitch,manager_options"


class Lifecycle:
    """The daemons of one host, as `settings` want them."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._settings = settings
        self._host = host
        self._places = Places(settings["db-file"], settings["db-sock"], settings["db-schema"])
        self._server = Daemon(SERVER, host)
        self._switch = Daemon(SWITCH, host)

    # --- commands ---

    def start(self) -> int:
        """Start what does not run yet."""
        self._start_server()
        self._start_switch()
        self._add_managers()
        return 0

    def stop(self) -> int:
        """Stop what runs."""
        if self._settings.is_on(SWITCH):
            self._switch.stop()
        if self._settings.is_on(SERVER):
            self._server.stop()
        return 0

    def restart(self) -> int:
        """Stop and start; the bridges' flows are the same afterwards."""
        return self._anew(lambda: None)

    def force_reload_kmod(self) -> int:
        """Restart with the kernel module loaded anew; addresses and routes are the same afterwards."""
        names = self._internal_interfaces()
        script: list[str] = []

        def reload() -> None:
            script.extend(saving.save_interfaces(self._host, names))
            for datapath in self._host.run(program("ovs-dpctl"), "dump-dps").stdout.split():
                self._host.run(program("ovs-dpctl"), "del-dp", datapath)
            kernelmodule.unload(self._host)

        status = self._anew(reload)
        with action("Restoring interface configuration"):
            self._run_script(script, "ovs-save")
        return status

    def status(self) -> int:
        """Say what runs."""
        wanted = [daemon for daemon in (self._server, self._switch) if self._settings.is_on(daemon.name)]
        for daemon in wanted:
            print(daemon.status())
        return 0 if all(daemon.pid() for daemon in wanted) else 1

    def version(self) -> int:
        """Print the daemons' versions."""
        for daemon in (self._server, self._switch):
            if self._settings.is_on(daemon.name):
                print(check(self._host.run(program(daemon.name), "--version")), end="")
        return 0

    def load_kmod(self) -> int:
        """Load the kernel module if there is one."""
        kernelmodule.load(self._host)
        return 0

    def enable_protocol(self) -> int:
        """Let a protocol through the packet filter."""
        firewall.enable(self._host, self._settings)
        return 0

    def delete_transient_ports(self) -> int:
        """Delete the ports that are not to outlive a boot."""
        from vswitch.cli.startup import database

        database.delete_transient_ports(self._places)
        return 0

    def record_hostname(self) -> int:
        """Note the host's name in the database."""
        from vswitch.cli.startup import database

        database.record_hostname(self._places, self._host, self._settings)
        return 0

    # --- their parts ---

    def _start_server(self) -> None:
        if not self._settings.is_on(SERVER):
            return
        if self._server.pid():
            say(f"{SERVER} is already running")
            return
        from vswitch.cli.startup import database

        if fallback := self._settings["db-fallback"]:
            database.serve_where_writable(self._places, Path(fallback))
        database.prepare(self._places)
        self._directories()
        extra = [os.path.join(dbdir(), name) for name in shlex.split(self._settings["extra-dbs"])]  # noqa: PTH118 - pathlib costs 10 ms here
        keys = ("private-key=db:Open_vSwitch,SSL,private_key", "certificate=db:Open_vSwitch,SSL,certificate")
        self._start(
            self._server,
            str(self._places.database),
            *extra,
            *LOG_LEVELS,
            f"--remote=punix:{self._places.socket}",
            *(f"--{key}" for key in keys),
            "--bootstrap-ca-cert=db:Open_vSwitch,SSL,ca_cert",
        )
        database.configure(self._places, self._host, self._settings)

    def _start_switch(self) -> None:
        if not self._settings.is_on(SWITCH):
            return
        kernelmodule.load(self._host)
        if self._switch.pid():
            say(f"{SWITCH} is already running")
            return
        self._directories()
        lock = ["--mlockall"] if self._settings.is_on("mlockall") else []
        self._start(self._switch, self._places.remote, *LOG_LEVELS, *lock)
        self._say_datapath()

    def _start(self, daemon: Daemon, *arguments: str) -> None:
        """Start a daemon with the options that both have."""
        settings = self._settings
        wrapper = settings[f"{daemon.name}-wrapper"]
        daemon.start(
            [
                *arguments,
                *shlex.split(settings[f"{daemon.name}-options"]),
                "--no-chdir",
                *self._log_option(daemon.name),
                f"--pidfile={in_rundir(f'{daemon.name}.pid')}",
                *([f"--user={settings['ovs-user']}"] if settings["ovs-user"] else []),
                *(["--monitor"] if settings.is_on("monitor") and not wrapper else []),
                *([] if settings.is_on("self-confinement") else ["--no-self-confinement"]),
            ],
            priority=settings[f"{daemon.name}-priority"],
            wrapper=wrapper,
            cwd=settings["daemon-cwd"],
            core_files=settings.is_on("force-corefiles"),
        )

    def _log_option(self, name: str) -> list[str]:
        """Where a daemon logs; nowhere if the disk is full or read-only: it would not start, nor would the network."""
        path = f"{logdir()}/{name}.log"
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o660))
        except OSError as error:
            warn(f"{reason(error)}: {name} runs without a log file")
            return []
        return [f"--log-file={path}"]

    def _directories(self) -> None:
        """Make the directories that the daemons write to."""
        with suppress(OSError):  # a log is missed, but can be done without
            Path(logdir()).mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in (rundir(), self._settings["daemon-cwd"]):
            try:
                Path(name).mkdir(mode=0o755, parents=True, exist_ok=True)
            except OSError as error:
                raise StartupError(f"{reason(error)}: the daemons must be able to write there") from error

    def _say_datapath(self) -> None:
        """Tell who forwards packets here."""
        try:
            print(f"Datapath is {self._switch.tell('dpif/show-default').rstrip()}.", flush=True)
        except VswitchError as error:
            warn(f"{SWITCH} does not say which datapath it uses: {error}")

    def _add_managers(self) -> None:
        """Let remote managers in only now: what they find is a switch that works."""
        if self._server.pid():
            with action("Enabling remote OVSDB managers"):
                self._server.tell("ovsdb-server/add-remote", MANAGERS)

    def _anew(self, between: Callable[[], None]) -> int:
        """Restart both daemons, with `between` done while the switch is stopped."""
        if not self._switch.pid():
            self.stop()
            between()
            return self.start()
        import tempfile

        from vswitch.cli.startup import database

        with tempfile.TemporaryDirectory() as directory:
            script = self._save_flows(Path(directory))
            self._server.stop()
            self._start_server()
            self._switch.stop()
            between()
            if script:
                database.set_restoring(self._places, is_restoring=True)
            self._start_switch()
            if script:
                self._restore_flows(script)
        self._add_managers()
        return 0

    def _save_flows(self, directory: Path) -> list[str]:
        """A script that restores the flows; empty if there are none to restore."""
        if not self._settings.is_on("save-flows") or self._settings.is_on("delete-bridges"):
            return []
        from vswitch.cli.startup import database

        try:
            with action("Saving flows"):
                names = database.bridges(self._places)
                return list(saving.save_flows(self._host, names, directory)) if names else []
        except StartupError as error:
            warn(f"flows are not saved: {error}")
            return []

    def _restore_flows(self, script: list[str]) -> None:
        from vswitch.cli.startup import database

        try:
            with action("Restoring saved flows"):
                self._run_script(script, "ovs-save")
        except StartupError as error:
            warn(f"some flows are not restored: {error}")
        finally:  # until then the switch waits, and nothing is forwarded
            database.set_restoring(self._places, is_restoring=False)

    def _run_script(self, script: list[str], tag: str) -> None:
        """Run a shell script; log how it ended."""
        done = self._host.run("sh", "-s", stdin="\n".join(script) + "\n")
        self._host.run("logger", "-t", tag, f"restore script ended with status {done.returncode}")
        check(done)

    def _internal_interfaces(self) -> list[str]:
        from vswitch.cli.startup import database

        try:
            return database.internal_interfaces(self._places)
        except VswitchError as error:
            warn(f"interfaces cannot be listed: {error}")
            return []

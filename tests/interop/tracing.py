"""The peer's switch on dummy devices, told flows and asked for traces quickly."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.interop.daemons import Daemons
from tests.switch.machine import version_for


class PeerSwitch(Daemons):
    """The peer's daemons with a bridge br0 that has ports 1 to `ports`, in fail mode secure."""

    def __init__(self, directory: Path, ports: int = 3) -> None:
        super().__init__(directory, "peer", "peer")
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure"]
        for number in range(1, ports + 1):
            words += ["--", "add-port", "br0", f"p{number}"]
            words += ["--", "set", "interface", f"p{number}", "type=dummy", f"ofport_request={number}"]
        self.vsctl(*words)
        versions = ",".join(f"OpenFlow1{n}" for n in range(6))
        self.vsctl("set", "bridge", "br0", f"protocols={versions}")
        pid = (directory / "ovs-vswitchd.pid").read_text().strip()
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(str(directory / f"ovs-vswitchd.{pid}.ctl"))

    def __exit__(self, *exc: object) -> None:
        self._control.close()
        super().__exit__(*exc)

    def vsctl(self, *words: str) -> str:
        """Run ovs-vsctl."""
        return self.run("peer", "ovs-vsctl", *words).stdout

    def appctl(self, command: str, *args: str) -> str:
        """Run a command of ovs-vswitchd over an open connection."""
        self._control.sendall(json.dumps({"method": command, "params": args, "id": 0}).encode())
        text = b""
        decoder = json.JSONDecoder()
        while True:
            text += self._control.recv(65536)
            try:
                reply, _ = decoder.raw_decode(text.decode())
            except ValueError:
                continue
            if reply["error"] is not None:
                raise ValueError(reply["error"])
            return str(reply["result"])

    def groups(self, *lines: str) -> None:
        """Replace the groups of br0, which removes the flows that use them."""
        path = self.directory / "groups"
        path.write_text("\n".join(lines) + "\n")
        self.run("peer", "ovs-ofctl", "-O", "OpenFlow15", "del-groups", "br0")
        self.run("peer", "ovs-ofctl", "-O", "OpenFlow15", "add-groups", "br0", str(path))

    def flows(self, *lines: str, bridge: str = "br0") -> None:
        """Replace the flows of a bridge."""
        version = version_for(lines).long_name
        path = self.directory / "flows"
        path.write_text("\n".join(lines) + "\n")
        self.run("peer", "ovs-ofctl", "-O", version, "del-flows", bridge)
        self.run("peer", "ovs-ofctl", "-O", version, "add-flows", bridge, str(path))

    def trace(self, *args: str) -> str:
        """What `ofproto/trace br0 …` prints."""
        return self.appctl("ofproto/trace", "br0", *args)

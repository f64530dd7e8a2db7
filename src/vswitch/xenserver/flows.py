"""The flows of a bridge, by the words of ovs-ofctl, in this process: no program is started for them.

Sources: ovs-ofctl(8).
"""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Sequence
from contextlib import ExitStack, closing
from importlib import import_module

from vswitch.base.errors import VswitchError
from vswitch.base.log import Logger
from vswitch.base.options import Given
from vswitch.xenserver.host import RUNDIR, Host
from vswitch.xenserver.switchdb import within

log = Logger("ofctl")

TIMEOUT = 10.0  # seconds, for all flows together


class FlowFailure(VswitchError):  # noqa: N818 - as the other failures here
    """The bridge did not take `flow`."""

    def __init__(self, bridge: str, flow: str, why: str) -> None:
        super().__init__(f"{bridge}: {why} ({flow})")
        self.bridge = bridge
        self.flow = flow


def start_loading() -> None:
    """Load what flows need, 30 ms of OpenFlow, while the host's programs and the switch keep this one waiting.

    Who imports it meanwhile waits until it is loaded.
    """
    start_new_thread(import_module, ("vswitch.cli.ofctl.flows",))


class BridgeFlows:
    """The flows of the bridges of `host`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def add(self, bridge: str, flows: Sequence[str]) -> None:
        """Add flows, one after the other; raises FlowFailure with the first that could not be added."""
        self._change(bridge, flows, "add")

    def delete(self, bridge: str, match: str) -> None:
        """Delete the flows that match; that it failed is logged: a bridge that is not there has none."""
        try:
            self._change(bridge, [match], "delete")
        except FlowFailure as failure:
            log.warn("%s", failure)

    def _change(self, bridge: str, flows: Sequence[str], verb: str) -> None:
        from vswitch.cli.ofctl import flows as ofctl  # 50 ms of OpenFlow, which few runs need
        from vswitch.cli.ofctl.channel import Channel
        from vswitch.cli.ofctl.settings import Settings
        from vswitch.openflow.names import NO_NAMES

        settings, flow = Settings(Given()), ""
        with ExitStack() as stack:
            try:
                stack.enter_context(within(TIMEOUT))
                channel = stack.enter_context(closing(Channel(self._socket(bridge), settings)))
                for flow in flows:
                    log.info("%s: %s %s", bridge, verb, flow)
                    mods, usable = ofctl.read([flow], NO_NAMES, verb, "")
                    ofctl.prepare(channel, settings, usable)
                    ofctl.send(channel, settings, mods)
            except (VswitchError, OSError) as error:
                raise FlowFailure(bridge, flow or flows[0], str(error) or "refused") from error

    def _socket(self, bridge: str) -> str:
        """Where the switch is talked to about a bridge."""
        return f"unix:{self._host.path(f'{RUNDIR}/{bridge}.mgmt')}"

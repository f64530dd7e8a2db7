"""What the options of ovs-testcontroller mean.

Sources: ovs-testcontroller(8).
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.cli.ofctl.settings import allowed_versions
from vswitch.cli.testcontroller.learning import DEFAULT_MAX_IDLE, LAYER2_ONLY, Policy
from vswitch.cli.testcontroller.run import run
from vswitch.openflow.messages.flow import FlowMod
from vswitch.openflow.version import ALL_VERSIONS


def start(program: str, given: Given, targets: Sequence[str]) -> int:
    """Run the controller that the command line asks for; the exit status."""
    wildcards = given.get("wildcards")
    policy = Policy(
        learns="hub" not in given,
        max_idle=_max_idle(given),
        normal="normal" in given,
        wildcards=_hexadecimal(wildcards) if wildcards else LAYER2_ONLY * ("wildcards" in given),
        queue=_number(given.get("queue")),
        queues=dict(_port_queue(text or "") for text in given.all("port-queue")),
        flows=tuple(flow for file in given.all("with-flows") for flow in _flows(file or "")),
    )
    if not targets:
        raise CommandError("at least one vconn argument required; use --help for usage")
    versions = allowed_versions(given.all("protocols")) if "protocols" in given else ALL_VERSIONS
    return run(program, given, targets, policy, versions, mute="mute" in given)


def _max_idle(given: Given) -> int | None:
    """Seconds; 0 for ever; None: no flows at all."""
    idle: int | None = DEFAULT_MAX_IDLE
    for name, text in given:
        if name == "noflow":
            idle = None
        elif name == "max-idle" and text == "permanent":
            idle = 0
        elif name == "max-idle":
            idle = parse_decimal(text or "") or 0
            if not 0 < idle < 1 << 16:
                raise CommandError("--max-idle argument must be between 1 and 65535 or the word 'permanent'")
    return idle


def _hexadecimal(text: str) -> int:
    """A number as strtoul(3) reads it: up to what is no digit."""
    digits = text.lower().removeprefix("0x")
    n = next((i for i, c in enumerate(digits) if c not in "0123456789abcdef"), len(digits))
    return int(digits[:n] or "0", 16) & 0xFFFFFFFF


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    return parse_decimal(text) or 0


def _port_queue(text: str) -> tuple[str, int]:
    port, colon, queue = text.partition(":")
    if not port or not colon or not queue:
        raise CommandError('argument to -Q or --port-queue should take the form "<port-name>:<queue-id>"')
    return port, _number(queue) or 0


def _flows(file: str) -> list[FlowMod]:
    from vswitch.cli.ofctl.flows import read
    from vswitch.cli.ofctl.lines import opened
    from vswitch.openflow.flowlines import flow_mod
    from vswitch.openflow.names import NO_NAMES

    with opened(file) as lines:
        return [flow_mod(line) for line in read(lines, NO_NAMES, "add", file).lines]

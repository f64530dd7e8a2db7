"""Which flow formats can tell a flow, beside what the peer's `parse-flow` says."""

import subprocess

import pytest

from tests.interop.daemons import program
from vswitch.openflow.flowtext import parse_flow_mod
from vswitch.openflow.usable import format_protocols, usable_protocols

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    "match", ["ip", "dl_vlan=5,ip", "ipv6", "tcp6,reg0=1", "table=3,arp", "metadata=5", "vlan_tci=0"]
)
@pytest.mark.parametrize(
    "actions",
    [
        *("push_vlan:0x8100", "meter:3", "write_actions(output:1)", "goto_table:4", "set_field:1->reg0"),
        *(
            "strip_vlan",
            "mod_vlan_pcp:1",
            "set_vlan_pcp:1",
            "clear_actions",
            "write_metadata:1",
            "encap(ethernet)",
        ),
        *(
            "set_field:1->metadata",
            "load:1->OXM_OF_METADATA[]",
            "group:3",
            "move:reg0[]->reg1[]",
            "enqueue:1:2",
        ),
        *("set_field:1/1->reg0", "output:1", "drop", "set_mpls_label:3"),
    ],
)
def test_agrees_with_the_peer(match, actions):
    text = f"{match},actions={actions}"
    done = subprocess.run(
        [program("peer", "ovs-ofctl"), "-vconsole:off", "parse-flow", text], capture_output=True, text=True
    )
    (line,) = (
        line for line in (done.stdout + done.stderr).split("\n") if line.startswith("usable protocols: ")
    )
    assert f"usable protocols: {format_protocols(usable_protocols(parse_flow_mod(text)))}" == line

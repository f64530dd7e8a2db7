"""Numbers, words and delimiters where texts do not expect them: a message, never a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.unit.dpif import vectors as datapath
from tests.unit.openflow.samples import ACTION_VECTORS, FIELD_VECTORS, vectors
from vswitch.base.errors import VswitchError
from vswitch.dpif.actiontext import parse_actions as parse_datapath_actions
from vswitch.dpif.key import parse_key
from vswitch.dpif.ufid import parse_ufid
from vswitch.flow.match import parse_match
from vswitch.openflow.exacttext import parse_exact_flow
from vswitch.openflow.flowtext import parse_flow_mod, parse_query
from vswitch.openflow.grouptext import parse_group_mod
from vswitch.openflow.metertext import parse_meter_mod
from vswitch.openflow.monitortext import parse_flow_monitor
from vswitch.openflow.oxmtext import parse_entries
from vswitch.openflow.packettext import parse_packet_out

HOSTILE = (
    "9" * 5000,
    "0x" + "f" * 5000,
    "²",
    "٣",
    "1_0",
    "-1",
    "+1",
    " 1",
    "",
    "1e9",
    "0x",
    "\0",
    "\ud800",
    "((",
    "))",
)
WORDS = re.compile(r"[0-9]+|[:=,/.()\[\]]|->")


def _flows(path: object) -> Iterator[str]:
    """The flows of golden vectors, as texts to parse."""
    for _, text in vectors(path):
        found = re.search(r"ADD (?:table:\S+ )?(.*?) ?(actions=.*)$", text.splitlines()[0])
        if found:
            yield ",".join(filter(None, found.groups()))


GROUPS = (
    "group_id=1,type=select,selection_method=hash,fields(ip_src,ip_dst=255.255.0.0),selection_method_param=5,"
    "bucket=bucket_id:3,weight:7,watch_port:2,watch_group:9,actions=output:1",
)
METERS = (
    "meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=10,type=dscp_remark,rate=5,prec_level=1",
)
MONITORS = ("table=1,out_port=2,out_group=3,ip,nw_src=10.0.0.1,!initial",)
PACKET_OUTS = ("in_port=1,packet=ffffffffffff0000000000010800,actions=output:2",)
ENTRIES = ("NXM_OF_IN_PORT(0001),NXM_NX_REG0(00000001/000000ff),0x80000a02(0800)",)
KEYS = tuple(text for text, _ in datapath.flow_keys())
LIMIT = 60  # texts of each kind, evenly chosen

KINDS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "flows with each action": (parse_flow_mod, tuple(_flows(ACTION_VECTORS))),
    "flows with each field": (parse_flow_mod, tuple(_flows(FIELD_VECTORS))),
    "queries": (parse_query, ("table=1,cookie=5/7,out_port=1,out_group=2,ip,nw_src=10.0.0.0/8",)),
    "matches": (
        parse_match,
        ("in_port=1,tcp,nw_src=10.0.0.0/8,tp_src=0x80/0xff0,ipv6_src=::1,dl_vlan=1,reg0=5/6",),
    ),
    "groups": (parse_group_mod, GROUPS),
    "meters": (parse_meter_mod, METERS),
    "monitors": (parse_flow_monitor, MONITORS),
    "packet-outs": (parse_packet_out, PACKET_OUTS),
    "entries of a match": (parse_entries, ENTRIES),
    "exact flows": (parse_exact_flow, ("in_port=1,tcp,nw_src=10.0.0.1,tcp_dst=80,vlan_tci=0x1005",)),
    "datapath keys": (lambda text: parse_key(text, datapath.PORTS), KEYS),
    "datapath actions": (
        parse_datapath_actions,
        ("set(ipv4(src=1.2.3.4)),push_vlan(vid=5,pcp=3),trunc(100),2",),
    ),
    "ids of megaflows": (parse_ufid, ("ufid:01020304-0506-0708-090a-0b0c0d0e0f10",)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_word_replaced(kind: str) -> None:
    parse, texts = KINDS[kind]
    assert texts
    for text in texts[:: max(1, len(texts) // LIMIT)]:
        for found in WORDS.finditer(text):
            for hostile in HOSTILE:
                mutant = text[: found.start()] + hostile + text[found.end() :]
                try:
                    parse(mutant)
                except VswitchError:
                    pass
                except Exception as error:
                    pytest.fail(f"{mutant[:300]!r}: {error!r}")

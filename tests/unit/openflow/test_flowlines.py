import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.openflow.flowlines import FlowLines, flow_mod
from vswitch.openflow.flowtext import parse_flow_mod

NUMBERS = st.sampled_from(
    ["0", "1", "7", "80", "0x10", "010", "65535", "65536", "255", "256", "-1", "1x", "0b1", "x", "4294967296"]
)
ADDRESSES = st.sampled_from(
    [
        "10.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "10.0.0.256",
        "010.0.0.1",
        "10.0.0",
        "10.0.0.1/8",
        "10.0.0.0/8",
        "1.2.3.0/24",
        "1.2.0.0/16",
        "1.2.3.4.5",
    ]
)
MACS = st.sampled_from(
    [
        "00:11:22:33:44:55",
        "ff:ff:ff:ff:ff:ff",
        "0:1:2:3:4:5",
        "00:11:22:33:44",
        "00:11:22:33:44:5g",
        "001:1:22:33:44:55",
    ]
)
WORDS = st.one_of(
    st.sampled_from(["tcp", "udp", "icmp", "icmp6", "ip", "arp", "send_flow_rem", "dl_vlan=5", "in_port=1", "reg0=1/3", "add ", "dl_vlan=6", "dl_vlan=4095", "dl_vlan=4096", "in_port=65280", "in_port=2"]),
    st.tuples(st.sampled_from(["table", "priority", "cookie", "idle_timeout", "hard_timeout", "importance"]), NUMBERS),
    st.tuples(st.sampled_from(["tp_dst", "tp_src", "tcp_dst", "udp_src", "reg0", "reg1", "xreg0", "metadata", "tun_id"]), NUMBERS),
    st.tuples(st.sampled_from(["nw_src", "nw_dst", "ip_src", "arp_spa"]), ADDRESSES),
    st.tuples(st.sampled_from(["dl_src", "eth_dst", "arp_sha"]), MACS),
)  # fmt: skip
ACTIONS = st.sampled_from(
    ["drop", "output:1", "resubmit(,3)", "goto_table:3", "set_field:1->tcp_dst,output:2", "bad"]
)


def meaning(parse, line):
    try:
        return parse(line)
    except TextError as error:
        return str(error)


@given(
    st.lists(st.tuples(st.lists(WORDS, max_size=5), ACTIONS), max_size=8), st.sampled_from([",", " ", ", "])
)
def test_every_line_means_what_it_means_alone(flows, separator):
    lines = FlowLines(None)
    for words, actions in flows:
        text = separator.join(word if isinstance(word, str) else "=".join(word) for word in words)
        line = f"{text}{separator if words else ''}actions={actions}"
        for _ in range(4):  # the long way, twice until a shape is known, once for its kind, and then by plan
            assert meaning(lambda text: flow_mod(lines.read(text)), line) == meaning(
                lambda text: parse_flow_mod(text, None), line
            ), line


def test_lines_of_one_shape():
    lines = FlowLines()
    for i in range(300):
        line = f"table={i % 4},priority={i},tcp,nw_src=10.0.{i % 256}.1,nw_dst=1.0.0.0/8,tp_dst={i * 200 % 65536},actions=resubmit(,5),{i % 3}"
        assert flow_mod(lines.read(line)) == parse_flow_mod(line)


@pytest.mark.parametrize(
    "pair",
    [
        ("xreg0=5,reg1=5,actions=drop", "xreg0=6,reg1=7,actions=drop"),
        ("tcp,tp_dst=1,tp_dst=2,actions=drop", "tcp,tp_dst=2,tp_dst=1,actions=drop"),
        ("icmp6,tp_src=135,actions=drop", "icmp6,tp_src=1,actions=drop"),
        ("table=1,actions=goto_table:3", "table=3,actions=goto_table:3"),
        ("cookie=0x1,actions=drop", "cookie=0x1/0x1,actions=drop"),
        ("priority=1,actions=drop", "priority=65536,actions=drop"),
    ],
)
def test_what_is_not_so_plain(pair):
    lines = FlowLines()
    for line in pair:
        assert meaning(lambda text: flow_mod(lines.read(text)), line) == meaning(parse_flow_mod, line)

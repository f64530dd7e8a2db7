"""Random command lines of ovs-vsctl and vtep-ctl: made of few names, so that they meet, and sometimes wrong.

A grammar is a list of templates; `{kind}` stands for one of the words of that kind.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

Words = Mapping[str, Sequence[str]]

VSCTL_WORDS: Words = {
    "br": ["br0", "br1", "br2", "vlan5", "br9"],
    "port": ["p0", "p1", "p2", "bond0", "br0", "i3"],
    "iface": ["i0", "i1", "i2", "i3", "p0", "br1"],
    "vlan": ["5", "6", "0", "4095", "4096", "-1", "x"],
    "may": ["", "", "-- --may-exist "],
    "if": ["", "", "-- --if-exists "],
    "key": ["a", "b", "iface-id", "x-y"],
    "text": ["1", "hello", '"two words"', '""', "[]", "{}", "true", "0x1f", "-5", "a,b", "'[a, b]'"],
    "number": ["0", "1", "42", "4095", "99999", "-3", "1.5", "abc"],
    "mode": ["standalone", "secure", "other"],
    "target": ["tcp:127.0.0.1:6653", "ssl:1.2.3.4", "ptcp:", "foo", "unix:/x"],
    "table": ["Bridge", "bridge", "port", "Interface", "int", "open", "O", "mirror", "nope", "q", "c"],
    "column": ["name", "tag", "trunks", "external_ids", "other-config", "nothing", "fail_mode", "ports"],
    "operator": ["=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<}", "{>=}", "{in}", "{not-in}"],
    "dp": ["system", "netdev", "dp9"],
    "zone": ["zone=1", "zone=2", "zone=65535"],
    "policy": ["tcp_syn_sent=1", "icmp_first=2", "udp_single=99", "bad=3", "=1"],
    "aa": ["1", "2", "16777215", "16777216", "x"],
    "options": ["", "", "", "--oneline ", "-f csv ", "-f json ", "-f table ", "-d bare ", "-d json ", "--bare "],
    "set": [
        "tag={vlan}", "trunks={number}", "trunks=1,2,3", "trunks=5-9", "external_ids:{key}={text}",
        "other_config:{key}={text}", "external_ids={key}={text}", "vlan_mode=trunk", "name={port}", "tag=[]",
        "type={text}", "bond_mode=active-backup", "lacp=active", "fail_mode={mode}", "mtu_request={number}",
        "ofport_request={number}", "options:{key}={text}", "stp_enable=true", "flood_vlans={number},7",
    ],
}  # fmt: skip
VSCTL_LINES = [
    "{may}add-br {br}", "{may}add-br {br} {br} {vlan}", "{if}del-br {br}", "list-br", "-- --real list-br",
    "-- --fake list-br", "br-exists {br}", "br-to-vlan {br}", "br-to-parent {br}",
    "br-set-external-id {br} {key} {text}", "br-set-external-id {br} {key}", "br-get-external-id {br}",
    "br-get-external-id {br} {key}", "list-ports {br}", "list-ifaces {br}", "{may}add-port {br} {port}",
    "{may}add-port {br} {port} {set}", "add-port {br} {port} -- set Interface {port} {set}",
    "{may}add-bond {br} bond0 {iface} {iface}", "add-bond {br} {port} {iface} {iface} {set} {set}",
    "-- --fake-iface add-bond {br} bond0 {iface} {iface}", "{may}add-bond-iface {port} {iface}",
    "{if}del-bond-iface {port} {iface}", "{if}del-bond-iface {iface}", "{if}del-port {port}",
    "{if}del-port {br} {port}", "-- --with-iface del-port {iface}", "port-to-br {port}", "iface-to-br {iface}",
    "get-controller {br}", "del-controller {br}", "set-controller {br} {target} {target}",
    "-- --inactivity-probe={number} set-controller {br} {target}", "get-fail-mode {br}", "del-fail-mode {br}",
    "set-fail-mode {br} {mode}", "get-manager", "del-manager", "set-manager {target}", "get-ssl", "del-ssl",
    "set-ssl a b c", "-- --bootstrap set-ssl a b c", "add-aa-mapping {br} {number} {vlan}",
    "del-aa-mapping {br} {number} {vlan}", "get-aa-mapping {br}", "emer-reset", "show",
    "set Bridge {br} {set}", "{if}set Port {port} {set} {set}", "set Interface {iface} {set}",
    "set {table} {br} {set}", "{options}list {table}", "{options}-- --columns=name list {table} {port}",
    "{options}-- --columns={column},{column} list bridge", "{if}list Port {port}",
    "{options}-- --columns=name find {table} {column}{operator}{text}",
    "{options}-- --columns=name,tag find Port tag{operator}{number}",
    "-- --columns=name find Interface external_ids:{key}{operator}{text}",
    "get {table} {br} {column}", "{if}get Port {port} {column} {column}", "get Bridge {br} external_ids:{key}",
    "-- --if-exists get Interface {iface} external_ids:{key}", "add Port {port} trunks {number} {number}",
    "add Bridge {br} external_ids {key}={text}", "add Bridge {br} {column} {text}",
    "remove Port {port} trunks {number}", "remove Bridge {br} external_ids {key}",
    "remove Bridge {br} external_ids {key}={text}", "remove {table} {br} {column} {text}",
    "clear Port {port} trunks tag", "{if}clear Bridge {br} {column}", "create {table} {set}",
    "-- --id=@q create QoS type=linux-htb -- set Port {port} qos=@q",
    "-- --id=@m create Mirror name={text} -- set Bridge {br} mirrors=@m",
    "-- --id=@p get Port {port} -- --id=@m create Mirror name=m select_src_port=@p output_port=@p "
    "-- set Bridge {br} mirrors=@m",
    "{if}destroy {table} {br}", "-- --all destroy QoS", "wait-until Open_vSwitch . -- list-br",
    "add-br {br} -- add-port {br} {port} -- del-port {port}", "add-port {br} {port} extra=words",
    "-- --id=@d create Datapath datapath_version=1 capabilities:max_vlan_headers=2 "
    "-- set Open_vSwitch . datapaths:{dp}=@d",
    "{may}add-zone-tp {dp} {zone} {policy} {policy}", "{may}add-zone-tp {dp} {zone} tcp_syn_sent=1 tcp_close=2",
    "{if}del-zone-tp {dp} {zone}", "list-zone-tp {dp}", "list-dp-cap {dp}", "add-zone-tp {dp} {zone}",
    "add-aa-mapping {br} {aa} {vlan}", "del-aa-mapping {br} {aa} {vlan}", "--dry-run add-br {br}", "init",
    "-- --id=@p create Port name=new interfaces=@i -- --id=@i create Interface name={iface} "
    "-- add Bridge {br} ports @p", "-- --id=@x create Bridge name={br} -- get Bridge @x name -- set {table} @x {set}",
    "-- --id=@c create Controller target={target} -- set Bridge {br} controller=@c -- get Controller @c target",
    "{options}-- --columns={column} list {table} .", "{options}find {table} {column}={text}", "{options}list {table} {port}",
    "get Interface {iface} {column}:{key}", "{if}get Open_vSwitch . {column} external_ids:{key}",
    "set Open_vSwitch . other_config:{key}={text} external_ids:{key}={text}", "{if}set {table} {port} {set}",
    "-- --id=@{key} create QoS type={text} other_config:{key}={text} -- set Port {port} qos=@{key}",
    "set-ssl a b", "-- --all destroy {table}", "{if}remove {table} {port} {column} {key}={text} {key}",
    "set Bridge {br} protocols=OpenFlow13,OpenFlow1{number}", "list-br -- list-ports {br} -- list-ifaces {br}",
    "nonsense", "add-br", "list-br too many", "comment {text} {text}",
]  # fmt: skip

VTEP_WORDS: Words = {
    "ps": ["ps0", "ps1", "ps9"],
    "port": ["p0", "p1", "p2"],
    "ls": ["ls0", "ls1", "ls9"],
    "lr": ["lr0", "lr1"],
    "vlan": ["0", "5", "7", "4095", "4096", "x", "3x"],
    "mac": ["00:11:22:33:44:55", "00:11:22:33:44:66", "unknown-dst"],
    "ip": ["10.0.0.1", "10.0.0.2", "vxlan_over_ipv4 10.0.0.3", "vxlan_over_ipv4 10.0.0.1", "gre 1.1.1.1"],
    "side": ["local", "remote"],
    "may": ["", "", "-- --may-exist "],
    "if": ["", "", "-- --if-exists "],
    "mode": ["source_node", "service_node", "nope"],
    "target": ["tcp:1.2.3.4", "ptcp:6640", "odd"],
    "options": ["", "", "--oneline ", "-f csv ", "-f json "],
}
VTEP_LINES = [
    "{may}add-ps {ps}", "{if}del-ps {ps}", "list-ps", "ps-exists {ps}", "list-ports {ps}", "{may}add-port {ps} {port}",
    "{if}del-port {ps} {port}", "del-port {port}", "{may}add-ls {ls}", "{may}add-ls {ls}", "{if}del-ls {ls}",
    "list-ls", "ls-exists {ls}", "bind-ls {ps} {port} {vlan} {ls}", "bind-ls {ps} {port} {vlan} {ls}",
    "unbind-ls {ps} {port} {vlan}", "list-bindings {ps} {port}", "set-replication-mode {ls} {mode}",
    "get-replication-mode {ls}", "{may}add-lr {lr}", "{if}del-lr {lr}", "list-lr", "lr-exists {lr}",
    "add-ucast-{side} {ls} {mac} {ip}", "del-ucast-{side} {ls} {mac}", "add-mcast-{side} {ls} {mac} {ip}",
    "add-mcast-{side} {ls} {mac} {ip}", "del-mcast-{side} {ls} {mac} {ip}", "clear-{side}-macs {ls}",
    "list-{side}-macs {ls}", "get-manager", "del-manager", "set-manager {target} {target}", "show",
    "{options}-- --columns=name list Logical_Switch", "{options}-- --columns=name find Physical_Port name={port}",
    "set Physical_Switch {ps} tunnel_ips={ip}", "set Global . other_config:a=b", "clear Physical_Switch {ps} tunnel_ips",
    "add-ps {ps} -- add-port {ps} {port} -- add-ls {ls} -- bind-ls {ps} {port} {vlan} {ls}",
    "add-ucast-local {ls} {mac} {ip} -- add-ucast-local {ls} {mac} {ip} -- list-local-macs {ls}",
    "add-ps {ps} -- del-ps {ps}", "add-ls", "list-ps more words",
]  # fmt: skip


def lines(templates: Sequence[str], words: Words, seed: int, count: int) -> list[str]:
    """`count` command lines, the same for the same seed."""
    rng = random.Random(seed)
    kinds = r"\{(" + "|".join(words) + r")\}"

    def fill(template: str) -> str:
        return re.sub(kinds, lambda found: fill(rng.choice(words[found[1]])), template)

    return [fill(rng.choice(templates)) for _ in range(count)]

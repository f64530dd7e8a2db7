"""Random texts of flows, actions, groups, meters and the rest, right and wrong, for differential fuzzing.

A text is put together from templates, in which `{port}` or `{number}` stand for values of a kind, and every kind has
values that are wrong, on the edge or written oddly; half of the texts are then damaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

from vswitch.flow.codes import by_name
from vswitch.flow.fields import FIELDS, TUN_METADATA

_ENDS = ",;=:/->[]().0x \t+*#%\"'"
_NUMBERS = (
    "0", "1", "2", "3", "5", "7", "8", "12", "63", "64", "255", "256", "4095", "4096", "65280", "65535", "65536", "0x", "0x1",
    "0xff", "0xffff", "0x10000", "010", "08", "-1", "+1", "1.5", "abc", "0x1g", "4294967040", "4294967295", "4294967296",
    "18446744073709551615", "18446744073709551616", "0xffffffffffffffffffff", "", "1/1", "5/0xf", "0/0", "1/-1", "0X1F", "00",
)  # fmt: skip
_PLAIN = ("1", "2", "3", "5", "7", "10", "0x10", "100")
_PORTS = (
    "1", "2", "3", "10", "65279", "65280", "65534", "65535", "65536", "0xfffe", "4294967040", "4294967294", "0",
    "in_port", "IN_PORT", "table", "normal", "NORMAL", "flood", "all", "controller", "CONTROLLER", "local", "LOCAL", "none",
    "any", "unset", "p1", "\"p1\"", "-1", "0x1", "", "1a", "08", "0xfffffff8", "0xffffff00", "reg0", "reg0[0..15]", "NXM_NX_REG1[]",
)  # fmt: skip
_MACS = (
    "50:54:00:00:00:01", "ff:ff:ff:ff:ff:ff", "0:0:0:0:0:0", "1:2:3:4:5:6", "001:2:3:4:5:6", "1:2:3:4:5", "1:2:3:4:5:6:7",
    "g:2:3:4:5:6", "50:54:00:00:00:01/ff:ff:ff:00:00:00", "50:54:00:00:00:01/0:0:0:0:0:0", "01:00:00:00:00:00/01:00:00:00:00:00",
    "50:54:00:00:00:100", "50-54-00-00-00-01", "1:2:3:4:5:6/", "", "*",
)  # fmt: skip
_IPS = (
    "10.0.0.1", "10.0.0.0/8", "10.1.2.3/255.255.0.0", "0.0.0.0/0", "10.0.0.1/255.0.255.0", "10.0.0.1/32", "10.0.0.1/33",
    "10.0.0.1/-1", "10.0.0", "256.1.1.1", "1.2.3.4.5", "01.2.3.4", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/8x", "", "*", "1.1.1.1/0x8",
)  # fmt: skip
_IP6S = (
    "fe80::1", "::", "::/0", "2001:db8::/32", "2001:db8::1/ffff:ffff::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "::1.2.3.4", "::ffff:1.2.3.4",
    "fe80::1/129", "fe80::1/-1", "fe80::1/64x", "fe80::12345", "fe80::1::2", "", "*", "::/ffff::ffff", "1:2:3:4:5:6:7::",
)  # fmt: skip
_SUBFIELDS = (
    "reg0", "reg0[]", "reg1[0..7]", "reg1[3]", "NXM_NX_REG2[0..15]", "NXM_NX_REG3[]", "eth_src", "eth_src[]", "NXM_OF_ETH_DST[]", "ip_src[0..7]",
    "NXM_OF_IP_DST[]", "tcp_dst[]", "NXM_OF_TCP_SRC[]", "metadata[]", "tun_id[0..31]", "xreg0[]", "xxreg1[]", "xxreg0[32..63]", "in_port",
    "NXM_OF_IN_PORT[]", "vlan_tci[0..11]", "NXM_OF_VLAN_TCI[]", "vlan_vid", "ct_mark[]", "ct_label[0..31]", "pkt_mark[]", "reg0[32]", "reg0[5..3]",
    "reg0[0..32]", "reg0[-1]", "reg0[", "reg0[1", "reg0[1.", "reg0[1..", "reg0[1..]", "reg0[x]", "reg99[]", "", "[]", "in_port_oxm", "OXM_OF_IN_PORT[]",
    "eth_type[]", "nw_proto", "ct_state[]", "tun_metadata0[0..7]", "conj_id", "OXM_OF_IPV4_SRC[]", "dl_vlan[]", "mpls_label[]",
    "nd_target[]", "arp_op[]", "NXM_NX_ARP_SHA[]", "ip_dscp", "nw_ttl", "reg0[]x", "reg0[0..0x5]", "reg0[ 1]", "actset_output[]", "recirc_id[]", "dp_hash[]",
)  # fmt: skip
_TABLES = ("0", "1", "5", "253", "254", "255", "256", "-1", "0x5", "t1", "", "05", '"5"', "1x")
_FLAGS = ("0", "1", "fin", "+fin", "+syn-ack", "syn|ack", "-trk", "+trk", "+trk+est", "0x1/0x1", "0x3", "+trk+trk", "+foo", "foo", "fin|", "|fin", "+", "", "new|trk", "0x1/", "1/1", "0xfff", "0x1000", "oam", "+oam", "-oam", "/1", "trk+est")  # fmt: skip
_FRAGS = ("no", "yes", "first", "later", "not_later", "No", "0", "", "maybe")
_PACKET_TYPES = (
    "(0,0)",
    "(1,0x800)",
    "(1,0x806)",
    "(1,0x894f)",
    "(1,2",
    "1,2",
    "(x,1)",
    "(1,x)",
    "(70000,1)",
    "(1,70000)",
    "(,)",
    "",
    "(1)",
    "(0,0)x",
)
_HASHES = (
    "eth_src",
    "symmetric_l4",
    "symmetric_l3l4",
    "symmetric_l3l4+udp",
    "nw_src",
    "nw_dst",
    "symmetric_l3",
    "x",
    "",
)
_WORDS: Mapping[str, Sequence[str]] = {
    "n": _NUMBERS,
    "port": _PORTS,
    "mac": _MACS,
    "ip": _IPS,
    "ip6": _IP6S,
    "sub": _SUBFIELDS,
    "table": _TABLES,
    "hash": _HASHES,
    "hex": ("", "00", "01.02", "0102", "1", "0", "012", "01.2", "01 02", "gg", "01..02", "01.02.", ".01", "ff" * 20),
    "reason": ("no_match", "action", "invalid_ttl", "action_set", "group", "packet_out", "x", "1", "NO_MATCH"),
    "alg": ("ftp", "tftp", "x", "", "21"),
    "type": ("drop", "dscp_remark", "DROP", "x", "", "1"),
    "gtype": ("all", "select", "indirect", "ff", "fast_failover", "x", "", "ALL", "1"),
    "gid": ("1", "5", "0", "all", "any", "ALL", "0xffffff00", "4294967041", "4294967292", "4294967295", "4294967296", "", "x", "-1"),
    "bid": ("0", "1", "5", "first", "last", "all", "4294967040", "4294967041", "4294967295", "x", "", "-1"),
    "method": ("hash", "dp_hash", "x", "", "123456789012345", "1234567890123456"),
    "meter": ("1", "5", "0", "all", "controller", "slowpath", "any", "4294901760", "4294901761", "x", "", "-1", "0x10"),
    "addr": ("10.0.0.1", "10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.1", "10.0.0.1:80", "10.0.0.1:80-90", "10.0.0.1-10.0.0.9:90-80", "fe80::1", "[fe80::1]:80",
             "fe80::1-fe80::9", "[fe80::1-fe80::9]:80-81", "[fe80::1", "10.0.0.1:", "10.0.0.1-", ":80", ":", "x", "", "10.0.0.1:70000", "10.0.0.1-fe80::1",
             "10.0.0.1:80x", "10.0.0.1x", "fe80::1:80", "10.0.0.1:0", "0.0.0.0", "::", "10.0.0.1-10.0.0.1", "10.0.0.1:5-5", "[10.0.0.1]:5", "[fe80::1]"),
    "class": ("0x1000", "1", "0xffff", "65536", "x", "", "-1"),
    "flag": ("persistent", "hash", "random", "x"),
    "clause": ("1/2", "2/2", "3/2", "0/2", "1/1", "1/64", "1/65", "64/64", "-1/2", "1", "/", "x/2", "1/x", "1/2x", "1 /2", "1/ 2", ""),
}  # fmt: skip

ACTIONS = (
    "drop", "{port}", "output:{port}", "output({port})", "output(port={port},max_len={n})", "output:{sub}", "enqueue:{port}:{n}",
    "enqueue({port},{n})", "enqueue:{port}", "set_queue:{n}", "pop_queue", "group:{n}", "controller", "controller:{n}",
    "controller(max_len={n},reason={reason},id={n})", "controller(userdata={hex},pause)", "controller(meter_id={n})", "CONTROLLER:{n}",
    "controller(max_len={n})", "controller()", "resubmit:{port}", "resubmit({port},{table})", "resubmit(,{table})", "resubmit({port},)", "resubmit(,)",
    "resubmit({port},{table},ct)", "resubmit(,{table},{reason})", "set_tunnel:{n}", "set_tunnel64:{n}", "note:{hex}", "exit", "exit:1",
    "fin_timeout(idle_timeout={n},hard_timeout={n})", "fin_timeout()", "fin_timeout(x=1)", "conjunction({n},{clause})", "conjunction({n},{clause})",
    "clone({a},{a})", "clone()", "debug_recirc", "debug_slow", "ct_clear", "dec_nsh_ttl", "push_vlan:{tpid}", "strip_vlan", "pop_vlan", "mod_vlan_vid:{n}", "mod_vlan_pcp:{n}",
    "set_vlan_vid:{n}", "set_vlan_pcp:{n}", "mod_dl_src:{mac}", "mod_dl_dst:{mac}", "mod_nw_src:{ip}", "mod_nw_dst:{ip}", "mod_nw_tos:{n}",
    "mod_nw_ecn:{n}", "mod_nw_ttl:{n}", "mod_tp_src:{n}", "mod_tp_dst:{n}", "dec_ttl", "dec_ttl({n},{n})", "dec_ttl:{n}", "dec_ttl()", "push_mpls:{tpid}",
    "pop_mpls:{tpid}", "set_mpls_label:{n}", "set_mpls_tc:{n}", "set_mpls_ttl({n})", "dec_mpls_ttl", "set_field:{set}", "set_field:{set}", "load:{n}->{sub}",
    "load:{n}->{sub}", "load:{n}", "load:->{sub}", "move:{sub}->{sub}", "move:{sub}", "push:{sub}", "pop:{sub}", "push({sub})", "delete_field:tun_metadata0",
    "delete_field:{sub}", "check_pkt_larger({n})->{sub}", "check_pkt_larger({n})", "check_pkt_larger:{n}", "bundle({hash},{n},{balg},ofport,members:{port},{port})",
    "bundle({hash},{n},{balg},ofport,slaves:{port})", "bundle_load({hash},{n},{balg},ofport,{sub},members:{port},{port})", "bundle({hash},{n},{balg},{type})",
    "bundle({hash},{n},{balg},ofport,members:)", "bundle({hash},{n},{balg},ofport,members:[{port}])", "multipath({hash},{n},{malg},{n},{n},{sub})",
    "multipath({hash},{n},{malg},{p},{p},{sub})", "multipath({hash},50,modulo_n,{p})", "ct({ctarg},{ctarg})", "ct({ctarg})", "ct", "ct(commit,{ctarg},{ctarg})",
    "nat", "nat(src={addr},{flag})", "learn({learnarg},{learnarg})", "learn()", "learn", "learn({learnarg})", "learn({learnarg},{learnarg},{learnarg})",
    "sample(probability={n},collector_set_id={n},obs_domain_id={n},obs_point_id={n})", "sample(probability={n},obs_domain_id={n},sampling_port={port},{dir})",
    "sample({dir})", "encap({encap})", "decap()", "decap", "decap(packet_type(ns={n},type={n}))", "decap(packet_type(ns={n}))", "decap({type})", "meter:{meter}",
    "clear_actions", "write_actions({a},{a})", "write_actions()", "write_metadata:{n}", "write_metadata:{n}/{n}", "goto_table:{table}", "apply_actions({a})",
    "{reason}", "{reason}({n})", "write_actions(clone({a}))", "OUTPUT:{port}", "Set_Queue:{n}", "goto_table({table})", "exit()", "output:", "group(5)",
    "ct(commit,exec({a}),nat({addr}))", "{a}:{n}", "conjunction", "bundle", "multipath", "sample", "encap", "note", "load", "move", "set_field", "push_vlan",
    "group", "meter", "write_metadata", "goto_table", "resubmit", "fin_timeout", "output", "enqueue", "mod_dl_src", "mod_nw_src", "set_tunnel", "pop", "delete_field",
    "check_pkt_larger", "write_actions", "clone", "set_mpls_tc", "dec_mpls_ttl:1", "ct_clear:1", "pop_queue:1", "strip_vlan(1)", "drop:1", "drop()",
)  # fmt: skip
_CT = (
    "commit", "force", "table={table}", "zone={n}", "zone={sub}", "alg={alg}", "nat", "nat(src={addr})", "nat(dst={addr},{flag})", "nat(src={addr},{flag},{flag})",
    "exec(load:{n}->NXM_NX_CT_MARK[])", "exec(set_field:{n}->ct_mark)", "exec({a})", "exec()", "{reason}", "nat({flag})", "nat(src,dst)", "nat(src)",
    "exec(move:{sub}->NXM_NX_CT_MARK[])", "table", "zone", "alg", "exec", "commit=1", "nat=src", "exec(set_field:{n}/{n}->ct_label)",
)  # fmt: skip
_LEARN = (
    "table={table}", "idle_timeout={n}", "hard_timeout={n}", "fin_idle_timeout={n}", "fin_hard_timeout={n}", "priority={n}", "cookie={n}", "send_flow_rem",
    "delete_learned", "limit={n}", "result_dst={sub}", "{sub}", "{sub}={sub}", "{sub}={n}", "eth_type={n}", "nw_proto={n}", "dl_type=0x800", "{field}", "load:{sub}->{sub}",
    "load:{n}->{sub}", "load:{n}", "output:{sub}", "output:in_port", "output:{port}", "output", "x={n}", "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]",
    "NXM_OF_VLAN_TCI[0..11]", "load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]", "load", "reg0={n}", "reg0[0..3]={n}", "eth_src={mac}", "ip_src={ip}", "in_port={port}",
)  # fmt: skip
_ENCAP = ("ethernet", "nsh", "nsh(md_type={n})", "nsh(tlv({class},{n},0x{hex}))", "nsh(md_type=2,tlv({class},{n},{hex}),tlv(0x1000,10,0x12345678))", "mpls", "mpls_mc", "x", "", "ethernet(1)", "nsh({type})", "ethernet,nsh", "nsh(md_type=1,md_type=2)", "nsh(tlv({class}))", "nsh(tlv=)")  # fmt: skip
_OTHERS: Mapping[str, Sequence[str]] = {
    "ctarg": _CT,
    "learnarg": _LEARN,
    "encap": _ENCAP,
    "p": _PLAIN,
    "tpid": ("0x8100", "0x88a8", "0x8847", "0x8848", "0x800", "0x0800", "33024", "{n}"),
    "balg": ("active_backup", "hrw", "hrw", "x", ""),
    "malg": ("modulo_n", "hash_threshold", "hrw", "iter_hash", "x", ""),
    "dir": ("ingress", "egress", "x", "ingress,egress"),
}
_SHORT = ("ip", "tcp", "udp", "icmp", "arp", "ipv6", "tcp6", "udp6", "icmp6", "sctp", "sctp6", "rarp", "mpls", "mplsm", "eth", "ipv4", "ip4", "ip6")  # fmt: skip
_SETTINGS = (
    "priority={n}", "table={table}", "cookie={n}", "cookie={n}/{n}", "idle_timeout={n}", "hard_timeout={n}", "importance={n}", "send_flow_rem", "check_overlap",
    "reset_counts", "no_packet_counts", "no_byte_counts", "out_port={port}", "out_group={n}", "duration=5s", "n_packets=5", "n_bytes", "idle_age=1", "hard_age={n}",
    "allow_hidden_fields", "no_readonly_table", "buffer_id={n}", "strict", "{reason}={n}", "priority", "table", "cookie", "{sub}={n}", "reg0[0..3]={n}",
    "priority:{n}", "table({table})", "check_overlap={n}", "send_flow_rem:1", "ip({n})",
)  # fmt: skip
_BY_TEXT: Mapping[str, Sequence[str]] = {
    "decimal": _NUMBERS,
    "hexadecimal": _NUMBERS,
    "Ethernet": _MACS,
    "IPv4": _IPS,
    "IPv6": _IP6S,
    "OpenFlow 1.0 port": _PORTS,
    "OpenFlow 1.1+ port": _PORTS,
    "packet type": _PACKET_TYPES,
    "frag": _FRAGS,
}
_NEWER = re.compile(r"reg(1[6-9]|[23]\d)|xreg([89]|1\d)|xxreg[4-7]")  # the peer, 3.1, does not have them
NAMES = [field.name for field in FIELDS if field not in TUN_METADATA[2:] and not _NEWER.fullmatch(field.name)] + ["dl_src", "dl_dst", "dl_type", "nw_src", "nw_dst", "tp_src", "tp_dst", "ip_proto", "nw_frag"]  # fmt: skip


class Texts:
    """Random texts; `care` is how often a value is a plain one."""

    def __init__(self, rng: Random, care: float = 0.6) -> None:
        self.rng = rng
        self.care = care

    def filled(self, template: str, depth: int = 0) -> str:
        """`template` with values in the places of their kinds."""
        return re.sub(r"\{(\w+)\}", lambda found: self._value(found[1], depth), template)

    def _value(self, kind: str, depth: int) -> str:
        if kind == "a":
            return self.action(depth + 1) if depth < 3 else "drop"
        if kind == "set":
            return self.set_field()
        if kind == "field":
            return self.field()
        if kind in _OTHERS:
            return self.filled(self.rng.choice(_OTHERS[kind]), depth)
        values = _WORDS[kind]
        if self.rng.random() < self.care:
            return self.rng.choice(_PLAIN if kind == "n" else values[: max(2, len(values) // 2)])
        return self.rng.choice(values)

    def action(self, depth: int = 0) -> str:
        """One action."""
        return self.filled(self.rng.choice(ACTIONS), depth)

    def actions(self, most: int = 3) -> str:
        """A list of actions."""
        return ",".join(self.action() for _ in range(self.rng.randint(1, most)))

    def value(self, name: str) -> str:
        """A value for a field."""
        field = FIELDS.get(name)
        kind = "" if field is None else field.text.name
        values = _BY_TEXT.get(kind, _FLAGS)
        return self.rng.choice(_PLAIN if values is _NUMBERS and self.rng.random() < self.care else values)

    def field(self) -> str:
        """`name=value`."""
        name = self.rng.choice(NAMES)
        return f"{name}{self.rng.choice('====:')}{self.value(name)}"

    def set_field(self) -> str:
        """`value->name`."""
        name = self.rng.choice(NAMES)
        long = [code for code in by_name() if by_name()[code].field is FIELDS.get(name)]
        shown = self.rng.choice(long) if long and self.rng.random() < 0.1 else name
        return f"{self.value(name)}->{shown}" if self.rng.random() < 0.97 else self.filled("{n}->{sub}")

    def match(self) -> str:
        """The words of a flow before its actions."""
        rng = self.rng
        words = [rng.choice(_SHORT)] if rng.random() < 0.7 else []
        words += [self.field() for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
        words += [self.filled(rng.choice(_SETTINGS)) for _ in range(rng.choice((0, 0, 1, 2)))]
        if rng.random() < 0.2:
            rng.shuffle(words)
        return rng.choice((",", ",", ",", " ", ", ")).join(words)

    def flow(self) -> str:
        """A flow with its actions."""
        start = self.match()
        between = self.rng.choice((",", " ", ",")) if start else ""
        word = self.rng.choice(
            ("actions=",) * 12 + ("action=", "actions:", "", "actions", "ACTIONS=", "actions =")
        )
        return self.damaged(f"{start}{between}{word}{self.actions()}")

    def bucket(self) -> str:
        """What follows `bucket=`."""
        settings = ("weight={n}", "watch_port={port}", "watch_group={n}", "bucket_id={bid}", "weight:{n}")
        words = [
            self.filled(word)
            for word in (*settings, "bucket_id:{bid}", "Weight={n}")
            if self.rng.random() < 0.15
        ]
        words.append(self.rng.choice(("actions=", "", "action=", "actions:", "Actions=")) + self.actions(2))
        return ",".join(words)

    def group(self, command: bool = False) -> str:
        """A group with its buckets."""
        rng = self.rng
        words = [self.filled("group_id={gid}")] if rng.random() < 0.9 else []
        words += [self.filled("type={gtype}")] if rng.random() < 0.9 else []
        for template in (
            "selection_method={method}",
            "selection_method_param={n}",
            "command_bucket_id={bid}",
            "{reason}={n}",
            "group_id={gid}",
            "group_id",
            "type",
        ):
            if rng.random() < 0.08:
                words.append(self.filled(template))
        if rng.random() < 0.25:
            fields = ",".join(
                rng.choice((self.field(), rng.choice(NAMES), "ip_src", "eth_dst=ff:ff:ff:00:00:00"))
                for _ in range(rng.randint(0, 3))
            )
            words.append(
                rng.choice(
                    (f"selection_method=hash,fields({fields})", f"fields={fields}", f"fields({fields})")
                )
            )
        words += [
            rng.choice(("bucket=", "bucket=", "buckets=", "bucket:")) + self.bucket()
            for _ in range(rng.choice((0, 1, 1, 2, 3)))
        ]
        return self.damaged(",".join(words))

    def entries(self) -> str:
        """Entries of an NXM or OXM match."""
        rng, words = self.rng, []
        names = [*by_name(), "NXM_NX_COOKIE"]
        for _ in range(rng.randint(0, 3)):
            name = rng.choice(names)
            size = by_name()[name].field.size if name in by_name() else 8
            size = rng.choice((0, 1, 4)) if size > 16 else size
            value = "".join(rng.choice("00000123456789abcdef") for _ in range(2 * size))
            mask = "".join(rng.choice("0fff8") for _ in range(2 * size))
            if rng.random() < 0.3:
                name, value = f"{name}_W", f"{value}/{mask}"
            words.append(
                f"{name}({value})"
                if rng.random() < 0.95
                else f"{rng.choice(('00000002', '000000', '80000a02', 'x'))}({value})"
            )
        return self.damaged(rng.choice((",", ", ", " ")).join(words))

    def packet_out(self) -> str:
        """A packet and what to do with it."""
        rng = self.rng
        words = [self.filled("in_port={port}")] if rng.random() < 0.8 else []
        words += (
            [f"packet={rng.choice(('0123456789ab', '00' * 14, '0', '', 'xx', '01 02', '010203', '00.01'))}"]
            if rng.random() < 0.9
            else []
        )
        words += [self.field()] if rng.random() < 0.3 else []
        word = rng.choice(("actions=",) * 9 + ("action=", "actions:", ""))
        return self.damaged(f"{','.join(words)}{rng.choice((',', ' '))}{word}{self.actions()}")

    def tunnel_options(self) -> str:
        """Mappings of options."""
        mapping = "{class={n},type={n},len={n}}->tun_metadata"
        words = [
            self.filled(mapping).replace("{class", "{class") + self.filled("{n}")
            for _ in range(self.rng.randint(0, 3))
        ]
        return self.damaged(",".join(words))

    def connections(self) -> list[str]:
        """A zone, perhaps, and tuples of connections."""
        words = (
            "ct_nw_src={ip}",
            "ct_nw_dst={ip}",
            "ct_nw_proto={n}",
            "ct_tp_src={n}",
            "ct_tp_dst={n}",
            "ct_ipv6_src={ip6}",
            "ct_ipv6_dst={ip6}",
            "icmp_type={n}",
            "icmp_code={n}",
            "icmp_id={n}",
            "x={n}",
        )
        made = (
            [self.filled(self.rng.choice(("zone={n}", "zone={n}", "zone", "{n}")))]
            if self.rng.random() < 0.6
            else []
        )
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            tuple_ = ",".join(self.filled(self.rng.choice(words)) for _ in range(self.rng.randint(0, 4)))
            made += [self.damaged(tuple_)]
        return made

    def meter(self, command: str = "add-meter") -> str:
        """A meter, for a command that changes it with its bands."""
        rng = self.rng
        if not command.endswith("-meter") or command.startswith(("del", "dump")):
            return self.damaged(
                self.filled(rng.choice(("meter={meter}", "meter={meter}", "{meter}", "meter={meter},kbps")))
            )
        words = [self.filled("meter={meter}")] if rng.random() < 0.95 else []
        words += [word for word in ("kbps", "pktps", "burst", "stats", "x", "kbps=1") if rng.random() < 0.3]
        text = ",".join(words)
        bands = []
        for _ in range(rng.choice((0, 1, 1, 2))):
            band = [self.filled("type={type}")] if rng.random() < 0.95 else []
            band += [
                self.filled(t) for t in ("rate={n}", "burst_size={n}", "prec_level={n}") if rng.random() < 0.6
            ]
            band += [self.filled("{reason}={n}")] if rng.random() < 0.05 else []
            bands.append(",".join(band))
        return self.damaged(
            f"{text}{rng.choice((',', ' '))}{rng.choice(('bands=', 'bands=', 'band=', ''))}{rng.choice((',', ' ')).join(bands)}"
        )

    def damaged(self, text: str, often: float = 0.35) -> str:
        """`text`, perhaps with one change: a character lost, doubled or replaced, or a word lost, doubled or moved."""
        rng = self.rng
        if not text or rng.random() > often:
            return text
        at = rng.randrange(len(text))
        words = text.split(",")
        word = rng.randrange(len(words))
        match rng.randrange(7):
            case 0:
                return text[:at] + text[at + 1 :]
            case 1:
                return text[:at] + text[at] + text[at:]
            case 2:
                return text[:at] + rng.choice(_ENDS) + text[at + 1 :]
            case 3:
                return text[:at] + rng.choice(_ENDS) + text[at:]
            case 4:
                return ",".join(words[:word] + words[word + 1 :])
            case 5:
                return ",".join([*words[: word + 1], *words[word:]])
            case _:
                return text[:at]

"""Flows of all kinds that a packet can have, and a packet of each."""

from vswitch.flow.compose import compose
from vswitch.flow.match import parse_match

FLOWS = (
    "tcp,nw_src=1.2.3.4,nw_dst=5.6.7.8,tp_src=1,tp_dst=2,tcp_flags=syn,nw_ttl=64,nw_tos=4,nw_ecn=1,"
    "dl_src=00:11:22:33:44:55,dl_dst=00:11:22:33:44:56",
    "tcp,tcp_flags=ack",
    "udp,nw_src=1.2.3.4,udp_dst=53,dl_vlan=5,dl_vlan_pcp=3",
    "udp",
    "sctp,sctp_src=3,sctp_dst=4",
    "icmp,icmp_type=8",
    "icmp,icmp_type=3,icmp_code=1",
    "ip,nw_proto=2",
    "ip,nw_proto=99,nw_ttl=1",
    "ip,ip_frag=first,nw_proto=17",
    "ip,ip_frag=later,nw_proto=17",
    "arp,arp_op=1,arp_spa=1.2.3.4,arp_tpa=1.2.3.5,arp_sha=00:11:22:33:44:55",
    "rarp",
    "tcp6,ipv6_src=::1,ipv6_dst=ff02::1,ipv6_label=5,tcp_src=3",
    "udp6,nw_ttl=255,nw_tos=8",
    "ipv6,nw_proto=99",
    "ipv6,ip_frag=first,nw_proto=6",
    "ipv6,ip_frag=later,nw_proto=44",
    "icmp6,icmpv6_type=128",
    "icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=::5,nd_sll=00:11:22:33:44:55",
    "icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=::5",
    "icmp6,icmpv6_type=136,icmpv6_code=0,nd_target=::5,nd_tll=00:11:22:33:44:55,nd_reserved=5",
    "mpls,mpls_label=3,mpls_ttl=4,mpls_tc=2,mpls_bos=1",
    "mpls,mpls_label=3,mpls_bos=0",
    "dl_type=0x894f,nsh_flags=1,nsh_ttl=63,nsh_mdtype=1,nsh_np=3,nsh_spi=5,nsh_si=4,nsh_c2=5",
    "dl_type=0x894f,nsh_mdtype=2,nsh_np=3",
    "dl_type=0x1234",
    "dl_type=0x05ff",
)
SAMPLES = [compose(parse_match(text).value) for text in FLOWS]

from vswitch.cli.tcpundump import packets

TEXT = """\
12:00:00.000000 IP 10.0.0.1 > 10.0.0.2: ICMP echo request
\t0x0000:  ffff ffff ffff 0000
\t0x0010:  0011 22
12:00:00.000001 ARP
\t0x0000:  aabb ccdd 0806 0001 0800 0604 0001 0011  ..........ab cd.
 0x0010: 1 22
"""


def test_packets():
    assert list(packets(TEXT.splitlines(keepends=True))) == [
        "ffffffffffff0000001122",
        "aabbccdd080600010800060400010011",
    ]
    assert list(packets([])) == []

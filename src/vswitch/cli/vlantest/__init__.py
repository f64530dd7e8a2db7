"""ovs-vlan-test: whether a network card and its driver carry packets with VLAN tags, of every size, both ways."""

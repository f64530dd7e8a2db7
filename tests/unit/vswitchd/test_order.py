"""The order of names: what the peer's port numbers showed."""

from hypothesis import given
from hypothesis import strategies as st

from vswitch.vswitchd.order import hash_name, in_table_order

# Added to one bridge in one transaction; in the order of the OpenFlow ports that the peer gave them.
PEER = ["a", "d", "eth1", "tap9", "f", "e", "b", "br0", "eth0", "c", "eth2"]


def test_the_peer_lists_names_in_buckets() -> None:
    buckets = 8
    assert [hash_name(name) % buckets for name in PEER] == sorted(hash_name(name) % buckets for name in PEER)


def test_names_come_in_the_peers_order_but_for_ties() -> None:
    ours = in_table_order(PEER)
    assert [hash_name(name) % 8 for name in ours] == [hash_name(name) % 8 for name in PEER]


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=100))
def test_no_name_is_lost(names: list[str]) -> None:
    assert sorted(in_table_order(names)) == sorted(names)

"""Keys say what flows say, as far as they have a place for it."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vswitch.datapath.ebpf.keys import EVERYTHING, KEY_SIZE, PARTS, SEEN, WORD, KeyMask
from vswitch.flow.field import Mask
from vswitch.flow.fields import ETH_DST, IN_PORT, IPV6_SRC, LAYOUT

flows = st.integers(0, 1 << 64).map(lambda seed: Random(seed).getrandbits(LAYOUT.bits))


@given(flows)
def test_a_key_holds_all_that_is_seen(flow):
    packed = EVERYTHING.pack(flow)
    assert len(packed) == KEY_SIZE
    assert EVERYTHING.unpack(packed) == flow & SEEN


@given(flows, flows)
def test_packed_keys_under_a_mask(flow, mask):
    key_mask = KeyMask(Mask(mask & SEEN))
    assert len(key_mask.pack(flow)) == key_mask.size
    assert key_mask.unpack(key_mask.pack(flow)) == flow & mask & SEEN
    assert key_mask.pack(flow) == key_mask.pack(flow & mask)


@given(flows, st.sampled_from(PARTS), st.integers(0, 63))
def test_any_bit_can_be_all_that_a_mask_looks_at(flow, part, bit):
    """Wherever it is in the flow and in the key."""
    mask = Mask(SEEN & 1 << part.offset + bit % (8 * part.size))
    key_mask = KeyMask(mask)
    assert key_mask.pack(flow).count(0) >= WORD - 1
    assert key_mask.unpack(key_mask.pack(flow)) == flow & mask


def test_parts_do_not_overlap_and_keep_to_words():
    taken = [byte for part in PARTS for byte in range(part.at, part.at + part.size)]
    assert len(taken) == len(set(taken))
    assert all(part.at // WORD == (part.at + part.size - 1) // WORD for part in PARTS)


def test_a_learning_switch_needs_three_words():
    mask = LAYOUT.mask("in_port", "eth_type", "eth_src", "eth_dst", "vlan_tci", "ip_frag")
    assert KeyMask(mask).size == 3 * WORD


def test_half_of_a_long_field():
    upper = KeyMask(IPV6_SRC.under(0xFFFFFFFF << 96))
    assert upper.size == WORD
    assert upper.pack(0x20010DB8 << 96 + IPV6_SRC.offset) == bytes.fromhex("20010db800000000")


def test_bytes_as_in_the_packet():
    flow = IN_PORT.put(ETH_DST.put(0, 0x0200000000FE), 7)
    packed = EVERYTHING.pack(flow)
    assert packed[:4] == b"\x07\0\0\0"
    assert packed[8:14] == bytes.fromhex("0200000000fe")

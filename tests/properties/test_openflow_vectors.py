"""Every action, every field and many malformed messages, against what Open vSwitch says of them."""

import pytest

from tests.unit.openflow import action_samples, field_samples
from tests.unit.openflow.samples import (
    ACTION_VECTORS,
    FIELD_VECTORS,
    MALFORMED_VECTORS,
    vectors,
    without_dumps,
)
from vswitch.openflow.actions.base import registered
from vswitch.openflow.errors import OpenFlowError
from vswitch.openflow.message import decode, encode
from vswitch.openflow.message import registered as registered_messages
from vswitch.openflow.messages.nicira import CtFlush, MaskedBits
from vswitch.openflow.text import print_message

# `sample` in this form is newer than the peer of the vectors.
NEWER = "0000232000330009"


@pytest.mark.parametrize("path", [ACTION_VECTORS, FIELD_VECTORS], ids=lambda path: path.name)
def test_prints_as_the_peer_does(path):
    wrong = [
        (packet.hex(), text, print_message(packet, 1))
        for packet, text in vectors(path)
        if print_message(packet, 1) != text and NEWER not in packet.hex()
    ]
    assert not wrong


def test_refuses_as_the_peer_does():
    found = list(vectors(MALFORMED_VECTORS))
    assert len(found) > 300
    assert [(p.hex(), t) for p, t in found if without_dumps(print_message(p, 2)) != t] == []


def test_the_vectors_are_our_own_bytes():
    actions = [packet for _, _, packet in (*action_samples.flow_mods(), *action_samples.received())]
    assert [packet for packet, _ in vectors(ACTION_VECTORS)] == actions
    fields = [packet for _, _, packet in field_samples.flow_mods()]
    assert [packet for packet, _ in vectors(FIELD_VECTORS)] == fields


def test_what_we_write_we_read_and_write_again():
    for _, version, packet in (*action_samples.flow_mods(), *field_samples.flow_mods()):
        _, xid, message = decode(packet)
        nxm = packet[1] == 4
        assert encode(message, version, xid, nxm, table_ids=False) == packet


def actions_in(packet: bytes) -> set[tuple[int, int, int]]:
    """(version, vendor, number) of what looks like the header of an action anywhere in `packet`."""
    found = set()
    for at in range(8, len(packet) - 7, 4):
        number, size = (
            int.from_bytes(packet[at : at + 2], "big"),
            int.from_bytes(packet[at + 2 : at + 4], "big"),
        )
        if number == 0xFFFF and size >= 16:
            vendor, number = packet[at + 4 : at + 8], packet[at + 8 : at + 10]
            found.add((packet[0], int.from_bytes(vendor, "big"), int.from_bytes(number, "big")))
        elif size >= 8:
            found.add((packet[0], 0, number))
    return found


def test_every_action_has_a_vector_in_every_version():
    found = set().union(*(actions_in(packet) for packet, _ in vectors(ACTION_VECTORS)))
    wanted = {(version, code.vendor, code.number) for version, code, _ in registered()}
    assert not wanted - found


def test_every_field_has_a_vector():
    found = {field for field, _, _ in field_samples.flow_mods()}
    assert found == set(field_samples.on_the_wire())


def test_every_message_has_a_vector_in_every_version():
    """Whatever form is declared: those that only come, too."""
    found = {(packet[0], text.partition(" (")[0]) for packet, text in vectors()}
    assert {(version, form.name) for version, form, _ in registered_messages()} - found == set()


def check(packet: bytes) -> None:
    """It is a message or an OpenFlow error, and prints."""
    assert print_message(packet)
    try:
        decode(packet)
    except OpenFlowError as error:
        assert error.code  # noqa: PT017


PARTS = range(6)  # of all messages, for several processes


@pytest.mark.parametrize("part", PARTS)
def test_every_truncation_is_refused_politely(part):
    """Whatever the length, with a header that says so and with one that says what it said before."""
    for packet, _ in list(vectors())[part :: len(PARTS)]:
        sizes = range(8, len(packet)) if len(packet) < 300 else (*range(8, 300), *range(300, len(packet), 7))
        for size in sizes:
            check(packet[:2] + size.to_bytes(2, "big") + packet[4:size])
        for size in range(0, len(packet), 8):
            assert print_message(packet[:size])


@pytest.mark.parametrize("part", PARTS)
def test_every_mutated_length_is_refused_politely(part):
    """Each two bytes that may be a length say that there is less, more, nothing, or all that there could be."""
    for packet, _ in list(vectors())[part :: len(PARTS)]:
        for at in range(8, min(len(packet), 300) - 1, 2):
            said = int.from_bytes(packet[at : at + 2], "big")
            if 4 <= said <= len(packet) - at + 8:
                for size in {0, said - 8, said - 1, said + 1, said + 8, 0xFFFF} - {-1, -4}:
                    changed = max(size, 0).to_bytes(2, "big")
                    check(packet[:at] + changed + packet[at + 2 :])


def test_what_is_newer_than_the_vectors_survives():
    """Marks and labels in NXT_CT_FLUSH, and sampling actions with a collector's port."""
    flush = CtFlush(6, zone=5, mark=MaskedBits(1, 15), labels=MaskedBits(3, (1 << 128) - 1))
    data = encode(flush, 4, 1)
    assert decode(data)[2] == flush
    assert "zone=5 mark=0x1/0xf labels=0x3 'ct_ipv6_src=" in print_message(data)
    sample = next(
        packet for text, version, packet in action_samples.received() if "0033" in text and version == 4
    )
    assert "sampling_port=7" in print_message(sample)

"""Who hears what unasked."""

from __future__ import annotations

import pytest

from vswitch.ofproto.channel import (
    AsyncKind,
    Channel,
    ChannelKind,
    default_miss_send_len,
    supports_role_status,
)
from vswitch.ofproto.command import ConnectionId
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.role import ROLE_EQUAL, ROLE_PRIMARY, ROLE_SECONDARY
from vswitch.openflow.version import ALL_VERSIONS, OF10, OF12, OF13, OF14, Version


def channel(version: Version = OF13, kind: ChannelKind = ChannelKind.PRIMARY) -> Channel:
    return Channel(ConnectionId(1), kind, Dialect(version), miss_send_len=default_miss_send_len(kind))


NO_MATCH, ACTION, INVALID_TTL, ACTION_SET = 0, 1, 2, 3


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
def test_a_controller_hears_of_packets_ports_and_flows_but_not_of_ttls(version: Version) -> None:
    made = channel(version)
    assert made.version is version
    assert made.wants(AsyncKind.PACKET_IN, NO_MATCH)
    assert made.wants(AsyncKind.PACKET_IN, ACTION)
    assert not made.wants(AsyncKind.PACKET_IN, INVALID_TTL)
    assert made.wants(AsyncKind.PACKET_IN, ACTION_SET) is (version >= OF14)
    assert made.wants(AsyncKind.PORT_STATUS, 2)
    assert made.wants(AsyncKind.FLOW_REMOVED, 3)
    assert made.wants(AsyncKind.FLOW_REMOVED, 5) is (version >= OF14)
    assert not made.wants(AsyncKind.TABLE_STATUS, 3)


def test_a_secondary_one_hears_of_ports_only() -> None:
    made = channel()
    made.role = ROLE_SECONDARY
    assert [kind for kind in AsyncKind if made.wants(kind, 0)] == [AsyncKind.PORT_STATUS]
    made.role = ROLE_PRIMARY
    assert made.wants(AsyncKind.PACKET_IN, 0)


def test_who_wants_nothing_unasked_hears_nothing_in_any_role() -> None:
    made = channel()
    made.hears_unasked(True)
    assert made.wants(AsyncKind.PACKET_IN, 0)
    made.hears_unasked(False)
    for role in (ROLE_EQUAL, ROLE_SECONDARY):
        made.role = role
        assert not any(made.wants(kind, reason) for kind in AsyncKind for reason in range(6))


def test_a_tool_hears_nothing_until_it_takes_packets_but_what_it_asked_for_by_role() -> None:
    tool = channel(kind=ChannelKind.SERVICE)
    tool.masks[AsyncKind.ROLE_STATUS] = 1, 1
    assert [kind for kind in AsyncKind if tool.wants(kind, 0)] == [AsyncKind.ROLE_STATUS]
    tool.miss_send_len = 1
    assert tool.wants(AsyncKind.PACKET_IN, 0)


def test_misses_go_to_old_versions_and_not_to_who_has_an_id() -> None:
    assert [channel(version).wants_misses for version in (OF10, OF12, OF13)] == [True, True, False]
    other = channel(OF10)
    other.controller_id = 5
    assert not other.wants_misses


def test_changes_of_roles_are_told_since_1_3() -> None:
    assert [supports_role_status(version) for version in (OF12, OF13)] == [False, True]

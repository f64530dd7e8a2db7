"""Port-mods."""

from __future__ import annotations

import pytest

from tests.switch.machine import Machine, replies
from vswitch.flow.ports import OfPort
from vswitch.ofproto.channel import ChannelKind
from vswitch.ofproto.command import Command, Send, SetPortUp
from vswitch.openflow.errors import PortModFailed
from vswitch.openflow.messages.hello import Error
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC10_NO_STP,
    OFPPC_NO_FWD,
    OFPPC_PORT_DOWN,
    PortMod,
    PortStatus,
)
from vswitch.openflow.version import OF10, OF13

ALL_BITS = 0xFFFFFFFF


@pytest.fixture
def machine() -> Machine:
    return Machine()


def change(
    machine: Machine, config: int, mask: int, *, port: int = 1, mac: int | None = None
) -> list[Command]:
    if mac is None:
        mac = machine.br0.ports[OfPort(1)].mac
    return machine.connect(OF13).handle(PortMod(OfPort(port), mac, config, mask), 1, 0.0)


def test_only_bits_under_the_mask_change(machine: Machine) -> None:
    port = machine.br0.ports[OfPort(1)]
    machine.backer.run(0.0)
    assert change(machine, ALL_BITS, OFPPC_NO_FWD | OFPPC10_NO_FLOOD) == []
    assert port.config == OFPPC_NO_FWD | OFPPC10_NO_FLOOD
    assert machine.backer.wiring.changes.everything
    assert change(machine, 0, OFPPC_NO_FWD) == []
    assert port.config == OFPPC10_NO_FLOOD


def test_bits_that_we_do_not_know_stay_off(machine: Machine) -> None:
    change(machine, ALL_BITS, OFPPC10_NO_STP | 1 << 20)
    assert machine.br0.ports[OfPort(1)].config == 0


def test_the_device_goes_down_and_up_with_the_port(machine: Machine) -> None:
    assert change(machine, OFPPC_PORT_DOWN, OFPPC_PORT_DOWN) == [SetPortUp("p1", False)]
    assert change(machine, OFPPC_PORT_DOWN, OFPPC_PORT_DOWN) == []  # it is
    assert change(machine, 0, OFPPC_PORT_DOWN) == [SetPortUp("p1", True)]


def test_controllers_hear_of_a_change_and_not_of_none(machine: Machine) -> None:
    listener = machine.connect(OF13, ChannelKind.PRIMARY)
    [told] = change(machine, OFPPC_NO_FWD, OFPPC_NO_FWD)
    assert isinstance(told, Send)
    assert told.connection == listener.id
    assert isinstance(told.message, PortStatus)
    assert told.message.port.config == OFPPC_NO_FWD
    assert change(machine, OFPPC_NO_FWD, OFPPC_NO_FWD) == []


@pytest.mark.parametrize(
    ("port", "mac", "code"), [(9, None, PortModFailed.BAD_PORT), (1, 0xBAD, PortModFailed.BAD_HW_ADDR)]
)
def test_a_port_that_is_not_meant_stays_as_it_is(
    machine: Machine, port: int, mac: int | None, code: PortModFailed
) -> None:
    [error] = replies(change(machine, ALL_BITS, ALL_BITS, port=port, mac=mac))
    assert isinstance(error, Error)
    assert error.code is code
    assert machine.br0.ports[OfPort(1)].config == 0


def test_what_a_port_may_do_decides_about_packets(machine: Machine) -> None:
    machine.flows("priority=1 actions=2", version=OF10)
    assert machine.verdict("in_port=1")[1] == "2"
    mac = machine.br0.ports[OfPort(2)].mac
    change(machine, OFPPC_NO_FWD, OFPPC_NO_FWD, port=2, mac=mac)
    assert machine.verdict("in_port=1")[1] == "drop"

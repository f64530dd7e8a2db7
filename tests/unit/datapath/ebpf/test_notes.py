"""Notes survive their map, and action lists their notes."""

import pytest

from vswitch.bpf.spec import MapSpec
from vswitch.datapath.ebpf.maps import NOTE_SIZE, specs
from vswitch.datapath.ebpf.notes import Kind, Notes, describe_actions, read_actions
from vswitch.dpif.action import Output, PopVlan, PushVlan, Set, SlowPath, ToController, Trunc, Userspace
from vswitch.dpif.ports import OdpPort
from vswitch.flow.fields import IPV6_DST
from vswitch.linux.bpf import BpfMap

ACTIONS = (
    Trunc(100),
    Output(OdpPort(1)),
    PushVlan(0x1005, 0x88A8),
    PopVlan(),
    Set(IPV6_DST.put(0, (1 << 128) - 1), IPV6_DST.mask),
    Userspace(SlowPath("controller")),
    Userspace(ToController(1, 128, 3, (1 << 64) - 1, 5, userdata=b"\0\xff", meter_id=None)),
)


def test_actions_are_read_as_they_were_described():
    assert read_actions(describe_actions(ACTIONS)) == ACTIONS


@pytest.fixture
def notes():
    spec: MapSpec = specs(1)["notes"]
    return Notes(BpfMap.create(spec))


@pytest.mark.needs_root
def test_notes_of_any_length(notes):
    contents = [{}, {"a": 1}, ["x" * (NOTE_SIZE - 4)], ["x" * (NOTE_SIZE - 3)], list(range(2000))]
    for id, content in enumerate(contents):
        notes.write(Kind.LIST, id, content)
    notes.write(Kind.PORT, 7, "seven")
    read = notes.read()
    assert read[Kind.LIST] == dict(enumerate(contents))
    assert read[Kind.PORT] == {7: "seven"}
    notes.erase(Kind.LIST, 4)
    assert 4 not in notes.read()[Kind.LIST]


@pytest.mark.needs_root
def test_actions_in_notes(notes):
    notes.write(Kind.LIST, 1, describe_actions(ACTIONS))
    assert read_actions(notes.read()[Kind.LIST][1]) == ACTIONS

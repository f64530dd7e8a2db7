"""Whatever is registered is tested because it is registered."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vswitch.base.errors import TextError
from vswitch.openflow.actions import text as _all_actions  # noqa: F401 - registers them
from vswitch.openflow.actions.base import Action, decode_actions, registered
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.errors import OpenFlowError, all_errors, from_wire
from vswitch.openflow.message import decode, encode
from vswitch.openflow.message import registered as registered_messages
from vswitch.openflow.text import print_message, printer
from vswitch.openflow.version import ALL_VERSIONS

ACTIONS = sorted({(version, code.vendor, code.number, cls.name) for version, code, cls in registered()})


@pytest.mark.parametrize(("version", "vendor", "number", "name"), ACTIONS, ids=str)
@given(body=st.binary(max_size=40), size=st.integers(0, 8))
def test_any_bytes_are_an_action_or_an_error(version, vendor, number, name, body, size):
    """What decodes can be encoded, and then decodes to the same; text can be read back where it says everything."""
    head = (0xFFFF if vendor else number).to_bytes(2, "big")
    tail = vendor.to_bytes(4, "big") + number.to_bytes(2, "big") if vendor else b""
    data = tail + body
    data = data.ljust(-(-(len(data) + 4) // 8) * 8 - 4, b"\0")
    try:
        (action,) = decode_actions(version, head + (len(data) + 4).to_bytes(2, "big") + data)
    except OpenFlowError:
        return
    again = decode_actions(version, action.encode(version))
    assert decode_actions(version, b"".join(item.encode(version) for item in again)) == again
    assert str(action)


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
@pytest.mark.parametrize(
    "text",
    [
        *("output:1", "LOCAL", "IN_PORT", "NORMAL", "FLOOD", "ALL", "CONTROLLER:128", "output(port=1,max_len=100)"),
        *("controller(reason=no_match,max_len=3,id=5)", "controller(userdata=01.02.03,pause)", "controller(meter_id=3)"),
        *("output:NXM_NX_REG1[0..15]", "output:OXM_OF_METADATA[0..15]", "set_queue:3", "pop_queue", "group:4"),
        *("dec_ttl", "dec_ttl(1,2)", "push_mpls:0x8847", "pop_mpls:0x0800", "dec_mpls_ttl"),
        *("resubmit:1", "resubmit(,2)", "resubmit(1,2)", "resubmit(,2,ct)", "set_tunnel:0x5", "set_tunnel64:0x5"),
        *("note:01.02.03.04.05.06", "exit", "fin_timeout(idle_timeout=3,hard_timeout=4)", "conjunction(5,1/2)"),
        *("clone(output:1,output:2)", "ct_clear", "push:NXM_NX_REG1[]", "pop:NXM_NX_REG1[0..3]"),
        *("ct(commit,zone=5)", "ct(table=3,zone=NXM_NX_REG0[0..15])", "ct(commit,nat(src=10.0.0.1-10.0.0.9:80-90,random))"),
        *("ct(commit,force,exec(set_field:0x5->ct_mark),alg=ftp)", "ct(nat)", "ct(commit,nat(dst=fe80::1))"),
        *("bundle(eth_src,0,hrw,ofport,members:4,8)", "bundle_load(nw_dst,7,active_backup,ofport,NXM_NX_REG0[],members:4)"),
        *("multipath(symmetric_l4,50,hrw,12,0,NXM_NX_REG1[])", "check_pkt_larger(1500)->NXM_NX_REG0[0]"),
        *("sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4)", "delete_field:tun_metadata0"),
        *("sample(probability=9,collector_set_id=2,obs_domain_id=3,obs_point_id=4,sampling_port=7,egress)",),
    ],
)  # fmt: skip
def test_text_wire_text(version, text):
    """Actions that have one form in all versions come back as they went."""
    actions = parse_actions(text)
    data = b"".join(action.encode(version) for action in actions)
    if ("set_field" in text and version < 3) or ("set_tunnel" in text and version >= 3):
        return  # travels in another form there
    assert ",".join(map(str, decode_actions(version, data))) == text


def test_every_registered_action_is_a_value():
    for _, _, cls in registered():
        assert issubclass(cls, Action)
        assert [field.name for field in fields(cls)] == list(cls.__match_args__)


def test_every_message_has_a_printer():
    assert all(callable(printer(cls)) for _, _, cls in registered_messages())


FORMS = [(version, form, cls) for version, form, cls in registered_messages()]


@pytest.mark.parametrize(("version", "form", "cls"), FORMS, ids=lambda item: getattr(item, "name", str(item)))
@given(data=st.data())
def test_any_body_is_a_message_or_an_error(version, form, cls, data):
    """Whatever the bytes: a message that encodes to one that decodes to the same, or the error to answer with."""
    extra = data.draw(st.integers(0, 12)) * form.step if form.step else 0
    size = min(form.size + extra, 2000)
    body = data.draw(st.binary(min_size=size, max_size=size)) if size < 200 else bytes(size)
    packet = _frame(version, form, body)
    text = print_message(packet, 3)
    assert text.endswith("\n")
    try:
        _, xid, message = decode(packet)
    except OpenFlowError:
        return
    assert xid == 7
    assert replace(message) == message
    assert str(message)


def _frame(version, form, body):
    stats = (16, 17) if version == 1 else (18, 19)
    if form.is_stats:
        type_ = stats[form.name.endswith("reply")]
        head = (0xFFFF if form.vendor else form.number).to_bytes(2, "big") + bytes(2 if version == 1 else 6)
        if form.vendor:
            head += (
                form.vendor.to_bytes(4, "big")
                + form.number.to_bytes(4, "big")
                + bytes(4 if version == 1 else 0)
            )
    elif form.vendor:
        type_, head = 4, form.vendor.to_bytes(4, "big") + form.number.to_bytes(4, "big")
    else:
        type_, head = form.number, b""
    size = 8 + len(head) + len(body)
    return bytes([version, type_]) + size.to_bytes(2, "big") + (7).to_bytes(4, "big") + head + body


def test_errors_round_trip():
    """Each error is found by its numbers, unless an earlier one has the same."""
    for code in all_errors():
        for version in ALL_VERSIONS:
            wire = code.on_wire(version)
            if wire is not None:
                found = from_wire(version, wire)
                assert found is not None
                assert found.on_wire(version) == wire


@given(st.text(max_size=40))
def test_hostile_text_is_refused_politely(text):
    try:
        parse_actions(text)
    except TextError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "clone(" * 500, "[" * 100_000, ",".join(["output:1"] * 10_000)]
)
def test_long_text_takes_no_more_than_it_should(text):
    try:
        parse_actions(text)
    except TextError as error:
        assert str(error)  # noqa: PT017


def test_encoding_an_unknown_message_form_is_an_error():
    from vswitch.openflow.messages.role import RoleStatus

    with pytest.raises(OpenFlowError, match="ROLE_STATUS has no form"):
        encode(RoleStatus(2, 0), 1)


@pytest.mark.parametrize("version", sorted(ALL_VERSIONS))
def test_actions_nested_without_end_are_refused(version):
    data = b""
    while len(data) < 60_000:
        size = len(data) + 16
        data = (
            bytes.fromhex("ffff") + size.to_bytes(2, "big") + bytes.fromhex("00002320002a000000000000") + data
        )
    with pytest.raises(OpenFlowError, match="OFPBAC_TOO_MANY"):
        decode_actions(version, data)

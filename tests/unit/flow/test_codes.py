"""NXM and OXM types; tests/interop/test_match_text.py shows each of them to the peer."""

import pytest

from vswitch.flow.codes import by_name, by_number, code_for, codes_of
from vswitch.flow.fields import FIELDS


def test_types_are_unique_and_known_by_both_names():
    codes = [code for field in FIELDS for code in codes_of(field)]
    assert len(by_name()) == len(by_number()) == len(codes)
    assert {field.name for field in FIELDS if not codes_of(field)} == {
        "tun_ttl", "tun_tos", "skb_priority", "dl_vlan", "dl_vlan_pcp", *(f"reg{i}" for i in range(16, 32))
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        ("eth_src", 1, "NXM_OF_ETH_SRC"),
        ("eth_src", 4, "OXM_OF_ETH_SRC"),
        ("tcp_flags", 1, "NXM_NX_TCP_FLAGS"),
        ("tcp_flags", 4, "ONFOXM_ET_TCP_FLAGS"),
        ("tcp_flags", 6, "OXM_OF_TCP_FLAGS"),
        ("tun_id", 3, "NXM_NX_TUN_ID"),
        ("tun_id", 4, "OXM_OF_TUNNEL_ID"),
        ("sctp_src", 1, "OXM_OF_SCTP_SRC"),
        ("reg3", 6, "NXM_NX_REG3"),
    ],
)
def test_a_version_has_the_newest_type_that_it_knows(name, version, code):
    found = code_for(FIELDS[name], version)
    assert found is not None
    assert found.name == code


def test_experimenters_types():
    code = by_name()["NXOXM_NSH_SPI"]
    assert (code.oxm_class, code.experimenter, code.number) == (0xFFFF, 0x005AD650, 4)
    assert by_number()[0xFFFF, 0x4F4E4600, 42].field is FIELDS["tcp_flags"]

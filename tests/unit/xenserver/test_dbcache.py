"""The cache holds what was written, but for what is attached."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xenserver import pool
from vswitch.xenserver.dbcache import read_cache, write_cache
from vswitch.xenserver.records import Pif, ReconfigureError, Records


def test_everything_comes_back() -> None:
    tables = pool.with_tunnel(pool.secure())
    pool.options(tables, "eth3", mtu="9000", ethtool_speed="100", bond_use__carrier="0")
    pool.options(tables, "net-xenbr3", static_routes="10.0.0.0/8/10.0.3.9")
    records = pool.records(tables)
    assert read_cache(write_cache(records)) == records


def test_nothing_is_attached_after_a_boot() -> None:
    pif = Pif("OpaqueRef:a", network="OpaqueRef:n", attached=True)
    text = write_cache(Records(pifs={pif.ref: pif}))
    assert "<currently_attached>True</currently_attached>" in text
    assert read_cache(text).pifs == {pif.ref: replace(pif, attached=False)}


def test_a_tunnel_is_no_vlan() -> None:
    kept = read_cache(write_cache(pool.records(pool.with_tunnel(pool.tables()))))
    assert set(kept.tunnels) == {"OpaqueRef:tunnel"}
    assert set(kept.vlans) == {"OpaqueRef:vlan4", "OpaqueRef:vlan123"}


def test_options_that_nobody_knows_are_dropped() -> None:
    text = write_cache(pool.records()).replace("<other_config/>", "<other_config><spy>x</spy></other_config>")
    assert "spy" in text
    assert read_cache(text) == pool.records()


def test_a_network_of_an_old_xapi_has_no_mtu() -> None:
    tables = pool.tables()
    for network in tables["network"].values():
        del network["MTU"]
    text = write_cache(pool.records(tables))
    assert "MTU" not in text
    assert read_cache(text) == pool.records(tables)


def test_layout_does_not_matter() -> None:
    text = (
        write_cache(pool.records()).replace("\t", "").replace(">\n<", "><").replace("<uuid>", "<uuid>\n   ")
    )
    assert read_cache(text) == pool.records()


@given(st.text())
def test_any_text_leaves_a_file_that_can_be_read(text: str) -> None:
    pif = Pif("OpaqueRef:a", dns=text, options={"domain": text})
    [kept] = read_cache(write_cache(Records(pifs={pif.ref: pif}))).pifs.values()
    if text.isprintable():
        assert kept.dns == text.strip()


@given(st.text(alphabet='<>/="abc! \n&?x', max_size=40))
def test_nonsense_is_refused_with_a_message(text: str) -> None:
    with pytest.raises(ReconfigureError, match="dbcache"):
        read_cache(text)

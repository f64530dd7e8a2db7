"""ovsdbapp, the library through which OpenStack Neutron configures switches, against our database and switch."""

from pathlib import Path

import pytest
from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch import impl_idl

from tests.interop.daemons import Daemons

pytestmark = pytest.mark.interop


def test_bridges_ports_and_columns(tmp_path: Path) -> None:
    with Daemons(tmp_path, "ours", "ours") as daemons:
        idl = connection.OvsdbIdl.from_server(f"unix:{daemons.socket}", "Open_vSwitch")
        link = connection.Connection(idl=idl, timeout=10)
        try:
            api = impl_idl.OvsdbIdl(link)
            api.add_br("br0", datapath_type="dummy").execute(check_error=True)
            with api.transaction(check_error=True) as txn:
                txn.add(api.add_port("br0", "p1"))
                txn.add(
                    api.db_set("Interface", "p1", ("type", "dummy"), ("external_ids", {"iface-id": "vm1"}))
                )
                txn.add(api.db_set("Port", "p1", ("tag", 7)))
            assert api.list_ports("br0").execute(check_error=True) == ["p1"]
            assert api.br_exists("br0").execute(check_error=True)
            assert api.port_to_br("p1").execute(check_error=True) == "br0"
            found = api.db_find("Interface", ("external_ids", "=", {"iface-id": "vm1"})).execute(
                check_error=True
            )
            assert [row["name"] for row in found] == ["p1"]
            assert api.db_get("Port", "p1", "tag").execute(check_error=True) == 7
            assert daemons.run("peer", "ovs-vsctl", "get", "Interface", "p1", "ofport").stdout == "1\n"
            api.del_br("br0").execute(check_error=True)
            assert api.list_br().execute(check_error=True) == []
        finally:
            link.stop(5)

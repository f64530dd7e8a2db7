"""Which address a bridge takes; the vectors are the peer's."""

from dataclasses import replace
from pathlib import Path

import pytest

from vswitch.vswitchd.address import bridge_mac, datapath_id, mac_of_row, xenserver_uuid
from vswitch.vswitchd.bridge import BridgeConfig, InterfaceConfig, PortConfig

ROW = "551f23c1-5844-4e2c-a7d1-faf56bded0ae"
OF_THE_ROW = 0xC2231F552C4E


def bridge(hwaddr: int | None = None, **ports: int | None) -> BridgeConfig:
    return BridgeConfig(
        "br0",
        ROW,
        ports=tuple(
            PortConfig(name, (InterfaceConfig(name, "system"),), mac=mac) for name, mac in ports.items()
        ),
        hwaddr=hwaddr,
    )


def test_without_hardware_the_address_comes_from_the_row() -> None:
    assert mac_of_row(ROW) == OF_THE_ROW
    assert bridge_mac(bridge(), {}) == OF_THE_ROW


def test_the_lowest_address_of_hardware_wins() -> None:
    ports = {"eth0": 0x001B21000002, "eth1": 0x001B21000001}
    assert bridge_mac(bridge(eth0=None, eth1=None), ports) == 0x001B21000001


def test_local_and_multicast_addresses_do_not_count() -> None:
    ports = {"veth0": 0x020000000001, "odd": 0x010000000001}
    assert bridge_mac(bridge(veth0=None, odd=None), ports) == OF_THE_ROW


def test_the_bridges_own_port_does_not_count() -> None:
    assert bridge_mac(bridge(br0=None), {"br0": 0x001B21000001}) == OF_THE_ROW


def test_a_port_may_say_its_address() -> None:
    assert bridge_mac(bridge(eth0=0x001B21000000), {"eth0": 0x001B21000002}) == 0x001B21000000


def test_what_the_user_says_goes() -> None:
    assert bridge_mac(bridge(hwaddr=5, eth0=None), {"eth0": 0x001B21000002}) == 5


HOST = "852ee692-71b4-439e-abfb-0eba72dc85f0"


@pytest.mark.parametrize(
    ("host", "hwaddr", "hardware", "said", "expected"),
    [
        ("", None, False, None, OF_THE_ROW),
        ("", None, True, None, 0x001B21000002),
        (HOST, None, False, None, 0xEE944580EEA0),
        (HOST, None, True, None, 0x001B21000002),
        (HOST, 5, True, None, 0xEE944580EEA0),  # no interface has supplied it
        (HOST, None, False, 7, 7),
    ],
)
def test_datapath_ids(host: str, hwaddr: int | None, hardware: bool, said: int | None, expected: int) -> None:
    config = replace(bridge(hwaddr, **({"eth0": None} if hardware else {})), name="xapi0", datapath_id=said)
    assert datapath_id(config, {"eth0": 0x001B21000002}, host) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"INSTALLATION_UUID='{HOST}'", HOST),
        (f'INSTALLATION_UUID="{HOST}"', ""),
        ("INSTALLATION_UUID='short'", ""),
        (f" INSTALLATION_UUID='{HOST}'", ""),
        (f"INSTALLATION_UUID='{HOST}' # here", ""),
    ],
)
def test_which_host_this_is(tmp_path: Path, line: str, expected: str) -> None:
    inventory = tmp_path / "inventory"
    inventory.write_text(f"PRODUCT_BRAND='XenServer'\n{line}\nCURRENT_INTERFACES=''\n")
    assert xenserver_uuid(str(inventory)) == expected
    assert xenserver_uuid(str(tmp_path / "nothing")) == ""

"""Desired against actual: the steps, and that there are none when nothing is to be done."""

from dataclasses import dataclass, field

from vswitch.flow.ports import OfPort
from vswitch.vswitchd.bridge import BridgeConfig, Config, InterfaceConfig, PortConfig
from vswitch.vswitchd.reconfigure import (
    AddBridge,
    AddInterface,
    Configure,
    RemoveBridge,
    RemoveInterface,
    Step,
    plan,
)


@dataclass
class Existing:
    config: InterfaceConfig
    ofport: OfPort
    present: bool = True


@dataclass
class ExistingBridge:
    config: BridgeConfig
    interfaces: dict[str, Existing] = field(default_factory=dict)


def interface(name: str, type: str = "dummy", request: int | None = None) -> InterfaceConfig:
    return InterfaceConfig(name, type, ofport_request=None if request is None else OfPort(request))


def bridge(*interfaces: InterfaceConfig, type: str = "dummy") -> BridgeConfig:
    return BridgeConfig("br0", "row", type, tuple(PortConfig(each.name, (each,)) for each in interfaces))


def existing(config: BridgeConfig, **numbers: int) -> dict[str, ExistingBridge]:
    configs = {each.name: each for _, each in config.interfaces()}
    return {
        "br0": ExistingBridge(
            config, {name: Existing(configs[name], OfPort(number)) for name, number in numbers.items()}
        )
    }


def steps(desired: BridgeConfig, actual: dict[str, ExistingBridge]) -> list[Step]:
    return [step for step in plan(Config({"br0": desired}), actual) if not isinstance(step, Configure)]


def test_a_new_bridge_comes_before_its_interfaces_and_its_settings_last() -> None:
    wanted = bridge(interface("p1"))
    assert plan(Config({"br0": wanted}), {}) == [
        AddBridge(wanted),
        AddInterface("br0", interface("p1")),
        Configure(wanted),
    ]


def test_nothing_is_to_be_done_when_all_is_as_wanted() -> None:
    wanted = bridge(interface("p1"), interface("p2", request=7), interface("p3"))
    assert steps(wanted, existing(wanted, p1=1, p2=7, p3=2)) == []


def test_a_bridge_that_nobody_wants_goes() -> None:
    assert plan(Config(), existing(bridge())) == [RemoveBridge("br0")]


def test_a_bridge_with_another_datapath_is_made_anew() -> None:
    wanted = bridge(type="netdev")
    assert steps(wanted, existing(bridge())) == [RemoveBridge("br0"), AddBridge(wanted)]


def test_an_interface_that_changes_its_type_is_made_anew() -> None:
    wanted = bridge(interface("p1", "system"))
    assert steps(wanted, existing(bridge(interface("p1")), p1=1)) == [
        RemoveInterface("br0", "p1"),
        AddInterface("br0", interface("p1", "system")),
    ]


def test_a_device_that_went_is_tried_again() -> None:
    wanted = bridge(interface("p1"))
    actual = existing(wanted, p1=1)
    actual["br0"].interfaces["p1"].present = False
    assert steps(wanted, actual) == [RemoveInterface("br0", "p1"), AddInterface("br0", interface("p1"))]


def test_who_asks_for_a_number_gets_it_from_one_that_did_not_ask() -> None:
    asking, having = interface("p1", request=2), interface("p2")
    wanted = bridge(asking, having)
    assert steps(wanted, existing(wanted, p1=1, p2=2)) == [
        RemoveInterface("br0", "p1"),
        RemoveInterface("br0", "p2"),
        AddInterface("br0", asking),
        AddInterface("br0", having),
    ]


def test_a_number_stays_with_the_one_that_asked_first() -> None:
    wanted = bridge(interface("p1", request=9), interface("p3", request=9))
    assert steps(wanted, existing(wanted, p1=9, p3=2)) == []


def test_those_with_a_claim_to_a_number_come_first() -> None:
    wanted = bridge(*(interface(f"p{n}") for n in range(5)), interface("z", request=1))
    first = steps(wanted, {})[1]
    assert first == AddInterface("br0", interface("z", request=1))

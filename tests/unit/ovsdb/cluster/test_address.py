"""Addresses of clusters."""

import pytest

from vswitch.base.errors import TextError
from vswitch.ovsdb.cluster.address import ClusterAddress


@pytest.mark.parametrize(
    ("text", "endpoints", "name"),
    [
        ("etcd:h/S", ("h:2379",), "S"),
        ("etcd:1.2.3.4:1,h:2/a/b/OVN_Northbound", ("1.2.3.4:1", "h:2"), "a/b/OVN_Northbound"),
        ("etcd:[::1]:99, [fe80::1]/S", ("[::1]:99", "[fe80::1]:2379"), "S"),
    ],
)
def test_addresses_that_are_right(text, endpoints, name):
    address = ClusterAddress.parse(text)
    assert (address.endpoints, address.name) == (endpoints, name)
    assert ClusterAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "etcd:", "etcd:h", "etcd:h:1", "etcd:h:1/", "etcd:/S", "etcd:h:0/S", "etcd:h:65536/S", "etcd:h:x/S",
     "etcd:::1:1/S", "etcd:h/a//b", "etcd:h/../x y", "tcp:h:1/S", "etcd:h,,g/S"],
)  # fmt: skip
def test_addresses_that_are_wrong(text):
    with pytest.raises(TextError):
        ClusterAddress.parse(text)

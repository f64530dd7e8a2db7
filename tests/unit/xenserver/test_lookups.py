"""What XAPI is asked, and what is not asked at all."""

from __future__ import annotations

from typing import Any

import pytest

from vswitch.xenserver import lookups
from vswitch.xenserver.host import Host
from vswitch.xenserver.lookups import Lookups, NetworkAnswer, Wanted


class Answering:
    """XAPI with one network, which notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def login(self, *words: str) -> None:
        pass

    def call(self, method: str, *words: str) -> Any:
        self.asked.append((method, *words))
        return {"pool.get_all": [], "network.get_all_records_where": {}}[method]


@pytest.mark.parametrize("name", ['x"="y', 'a" or field "uuid"="u', "back\\slash"])
def test_a_bridge_cannot_be_named_so_that_it_is_a_query(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    xapi = Answering()
    monkeypatch.setattr(lookups.Xapi, "local", lambda host, timeout: xapi)
    known = Lookups(Host())
    known.gather(Wanted(bridges=frozenset({name, "xenbr0"})))
    assert known.is_complete
    assert known.networks == {name: NetworkAnswer(), "xenbr0": NetworkAnswer()}
    queries = [words for words in xapi.asked if words[0] == "network.get_all_records_where"]
    assert queries == [("network.get_all_records_where", 'field "bridge"="xenbr0"')]

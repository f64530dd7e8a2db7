from vswitch.protocols.mac_learning import MULTICAST, MacTable, mac_key

A, B, C = 0x505400000001, 0x505400000002, 0x505400000003


def test_an_address_is_where_it_was_last_seen() -> None:
    table: MacTable[str] = MacTable()
    table.learn(A, 0, "p1", 0.0)
    assert (table.lookup(A, 0), table.lookup(A, 5), table.lookup(B, 0)) == ("p1", None, None)
    table.learn(A, 0, "p2", 1.0)
    assert table.lookup(A, 0) == "p2"
    assert table.take_changes() == {mac_key(0, A)}
    table.learn(A, 0, "p2", 2.0)
    assert table.take_changes() == set()


def test_groups_and_flooded_vlans_teach_nothing() -> None:
    table: MacTable[str] = MacTable()
    table.flood_vlans = {5}
    table.learn(A | MULTICAST, 0, "p1", 0.0)
    table.learn(A, 5, "p1", 0.0)
    assert len(table) == 0


def test_silence_is_forgotten() -> None:
    table: MacTable[str] = MacTable(ageing=300.0)
    table.learn(A, 0, "p1", 0.0)
    table.learn(B, 0, "p1", 10.0)
    table.learn(A, 0, "p1", 20.0)
    assert table.deadline == 310.0
    table.expire(309.9)
    assert len(table) == 2
    table.take_changes()
    table.expire(310.0)
    assert [entry.mac for entry in table] == [A]
    assert table.take_changes() == {mac_key(0, B)}
    assert table.deadline == 320.0


def test_who_invents_addresses_displaces_its_own() -> None:
    table: MacTable[str] = MacTable(size=10)
    table.learn(A, 0, "quiet", 0.0)
    for number in range(100):
        table.learn(B + number, 0, "noisy", 1.0)
    assert len(table) == 10
    assert table.lookup(A, 0) == "quiet"
    assert table.evicted == 91


def test_a_smaller_table_gives_up_the_oldest() -> None:
    table: MacTable[str] = MacTable()
    for number in range(5):
        table.learn(A + number, 0, "p1", float(number))
    table.size = 2
    assert [entry.mac for entry in table] == [A + 3, A + 4]


def test_a_gratuitous_arp_locks_out_its_reflection_over_a_bond() -> None:
    table: MacTable[str] = MacTable()
    table.learn(A, 0, "p1", 0.0, gratuitous_arp=True)
    table.learn(A, 0, "bond", 1.0, gratuitous_arp=True, bond=True)
    assert table.lookup(A, 0) == "p1"
    table.learn(A, 0, "bond", 5.1, gratuitous_arp=True, bond=True)
    assert table.lookup(A, 0) == "bond"


def test_a_static_entry_stays() -> None:
    table: MacTable[str] = MacTable(ageing=1.0)
    table.add_static(A, 0, "p1", 0.0)
    table.learn(A, 0, "p2", 1.0)
    table.expire(100.0)
    table.flush()
    assert table.lookup(A, 0) == "p1"
    assert table.learned == 0
    assert table.deadline == float("inf")
    assert table.forget(A, 0)
    assert not table.forget(A, 0)


def test_a_port_that_goes_takes_its_addresses_along() -> None:
    table: MacTable[str] = MacTable()
    table.learn(A, 0, "p1", 0.0)
    table.learn(B, 7, "p1", 0.0)
    table.learn(C, 0, "p2", 0.0)
    table.forget_port("p1")
    table.forget_port("p1")
    assert [entry.mac for entry in table] == [C]

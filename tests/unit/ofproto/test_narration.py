"""How remarks are indented."""

from vswitch.ofproto.narration import Kind, Node, narrate


def test_the_last_of_several_tables_is_not_indented_further() -> None:
    bridge = Node(Kind.BRIDGE, 'bridge("br0")')
    table = bridge.add(Kind.TABLE, " 0. ip")
    table.add(Kind.ACTION, "resubmit(,1)")
    inner = table.add(Kind.TABLE, " 1. tcp")
    inner.add(Kind.ACTION, "output:1")
    inner.add(Kind.DETAIL, "gone")
    table.add(Kind.WARN, "careful")
    table.add(Kind.ERROR, "too far")
    last = table.add(Kind.TABLE, " 2. udp")
    last.add(Kind.ACTION, "drop")
    assert list(narrate([bridge])) == [
        "",
        'bridge("br0")',
        "-------------",
        " 0. ip",
        "    resubmit(,1)",
        "     1. tcp",
        "            output:1",
        "             -> gone",
        "     >> careful",
        "     >>>> too far <<<<",
        " 2. udp",
        "    drop",
    ]

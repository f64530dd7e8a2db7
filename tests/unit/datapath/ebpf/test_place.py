"""Where a datapath is pinned."""

import os
from pathlib import Path

from vswitch.datapath.ebpf.place import directory_of, n_cpus


def test_a_place_is_of_one_name_and_one_network_namespace():
    here = directory_of("system", Path("/sys/fs/bpf"))
    assert here == directory_of("system", Path("/sys/fs/bpf"))
    assert here.parent == Path("/sys/fs/bpf/vswitch")
    name, _, namespace = here.name.partition("-")
    assert name == "system"
    assert int(namespace) > 0


def test_there_are_as_many_processors_as_there_can_be():
    assert n_cpus() >= (os.cpu_count() or 1)

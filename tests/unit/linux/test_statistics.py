import os
from pathlib import Path

from vswitch.linux.statistics import system_statistics


def test_this_machine_and_a_process_of_it(tmp_path: Path) -> None:
    (tmp_path / "me.pid").write_text(f"{os.getpid()}\n")
    (tmp_path / "gone.pid").write_text("999999999\n")
    (tmp_path / "garbage.pid").write_text("x\n")
    found = system_statistics(tmp_path)
    assert {name for name in found if name.startswith("process_")} == {"process_me"}
    assert found["cpu"] == str(os.cpu_count())
    assert [len(part.split(",")) for part in found["load_average"].split()] == [3]
    total, used, caches, swap, swapped = map(int, found["memory"].split(","))
    assert total > used > 0
    assert total > caches >= 0
    assert swap >= swapped >= 0
    virtual, resident, cpu, crashes, age, first, processor = map(int, found["process_me"].split(","))
    assert virtual > resident > 1000
    assert (crashes, age) == (0, first)
    assert age > 0
    assert cpu > 0
    assert 0 <= processor < 4096
    for system in found.get("file_systems", "").split():
        point, size, use = system.split(",")
        assert point.startswith("/")
        assert int(size) >= int(use)

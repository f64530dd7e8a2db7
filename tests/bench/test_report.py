"""How measurements of benchmarks are taken and judged."""

import pytest

from bench.report import Row, medians, paired_ratios, show, take_turns


def test_those_that_are_seldom_there_visit_evenly():
    turns = {name: (lambda: 1.0) for name in ("ours", "bridge", "slow")}
    rounds = take_turns(turns, 9, seldom=("slow",), visits=3)
    assert all({"ours", "bridge"} <= set(one) for one in rounds)
    assert ["slow" in one for one in rounds] == [True, False, False] * 3


def test_ratios_are_those_of_a_round():
    """The machine is three times as slow in the second round: medians mix rounds, ratios do not."""
    rounds = [
        {"ours": 30.0, "bridge": 20.0},
        {"ours": 10.0, "bridge": 6.0},
        {"ours": 32.0, "bridge": 20.0, "slow": 0.0},
    ]
    assert medians(rounds) == {"ours": 30, "bridge": 20, "slow": 0}
    assert paired_ratios(rounds, "ours") == {"bridge": 1.6}


@pytest.mark.parametrize(
    ("ratio", "more", "verdict"), [(1.3, True, "ok"), (1.1, True, "MISSED"), (1.1, False, "ok")]
)
def test_the_ratio_of_rounds_decides(ratio, more, verdict):
    row = Row("packets", "kpps", 10, {"bridge": 10, "slow": 0}, more, "bridge", 1.2, {"bridge": ratio})
    assert row.verdict() == verdict
    (line,) = show([row])
    assert f"bridge 10 ({ratio:.2f}x)" in line
    assert "slow none" in line


def test_without_rounds_the_values_decide():
    assert Row("time", "s", 3, {"peer": 2}, False, "peer", 1.2).verdict() == "MISSED"
    assert Row("time", "s", 3, {"peer": 0}, False, "peer", 1.2).verdict() == ""

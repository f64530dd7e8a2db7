import pytest

from vswitch.ovsdbserver.upstream import Source, probe_seconds


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(0, 0.0), (1, 1.0), (-5, 1.0), (999, 1.0), (1500, 1.5), (60000, 60.0)]
)
def test_silence_is_for_ever_or_at_least_a_second(milliseconds, seconds):
    assert probe_seconds(milliseconds) == seconds


def test_a_source_is_called_by_its_servers():
    assert str(Source(("tcp:127.0.0.1:1", "unix:x"))) == "tcp:127.0.0.1:1,unix:x"

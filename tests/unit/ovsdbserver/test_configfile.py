import json

import pytest

from vswitch.ovsdb.servicemodel import Access
from vswitch.ovsdbserver.configfile import BadConfig, parse_config
from vswitch.ovsdbserver.remotes import Options
from vswitch.ovsdbserver.upstream import Source


def parse(json_value):
    return parse_config(json.dumps(json_value).encode(), "f")


def test_a_whole_file():
    config = parse(
        {
            "remotes": {
                "punix:db.sock": None,
                "pssl:6642": {"inactivity-probe": 60000, "max-backoff": 9000, "read-only": True, "role": "r"},
            },
            "databases": {
                "conf.db": {},
                "OVN": {
                    "service-model": "relay",
                    "source": {"tcp:h:1": {"inactivity-probe": 1000}, "tcp:h:2": {}},
                },
                "b.db": {
                    "service-model": "active-backup",
                    "backup": True,
                    "source": {"unix:a": None},
                    "exclude-tables": ["T"],
                },
            },
        }
    )
    assert config.remotes["punix:db.sock"] == Options()
    assert config.remotes["pssl:6642"] == Options(9.0, 60.0, Access(True, "r"))
    assert config.databases["OVN"].source == Source(("tcp:h:1", "tcp:h:2"), 1.0, 8.0)
    assert config.databases["b.db"].exclude == {"T"}
    assert config.databases["conf.db"].model == ""


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([], "Object expected"),
        ({"remote": {}}, "Member 'remote' is present but not allowed here"),
        ({"remotes": []}, "Type mismatch for member 'remotes'"),
        ({"remotes": {"x": {"inactivity-probe": "1"}}}, "Type mismatch for member 'inactivity-probe'"),
        ({"databases": {"d": {"service-model": "x"}}}, "'x' is not a valid service model"),
        ({"databases": {"d": {"service-model": "relay"}}}, "Required 'source' member is missing"),
        (
            {"databases": {"d": {"source": {"tcp:a:1": {}}}}},
            "Member 'source' is present but not allowed here",
        ),
        ({"databases": {"d": {"backup": True, "source": {"tcp:a:1": {}}}}}, "not allowed here"),
        (
            {"databases": {"d": {"service-model": "relay", "source": {"ptcp:1": {}}}}},
            "not an active connection",
        ),
    ],
)
def test_what_is_wrong_is_said(value, complaint):
    with pytest.raises(BadConfig, match=complaint):
        parse(value)


def test_what_is_not_json():
    with pytest.raises(BadConfig):
        parse_config(b"{", "f")

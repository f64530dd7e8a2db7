import itertools
import os

import pytest

from tests.unit.ovsdb.machine import Machine
from vswitch.base.errors import TextError
from vswitch.base.options import Given
from vswitch.ovsdbserver.keys import Keys


@pytest.fixture
def machine():
    return Machine()


def test_names_of_files_come_from_the_command_line_or_a_column(machine):
    keys = Keys(
        machine.server, Given([("private-key", "db:T,I,a"), ("certificate", "c.pem"), ("ca-cert", "ca.pem")])
    )
    keys.check()
    assert keys() is None, "as long as the column is empty"
    machine.client().transact({"op": "insert", "table": "I", "row": {"a": ""}})
    assert keys() is None
    machine.client().transact({"op": "insert", "table": "I", "row": {"a": "k.pem", "b": 1}})
    tls = keys()
    assert tls is not None
    assert (tls.private_key, tls.certificate, tls.ca_cert) == ("k.pem", "c.pem", "ca.pem")


@pytest.mark.parametrize("name", ["db:Z,I,a", "db:T,I,b", "db:T,A,strong", "db:T"])
def test_a_column_that_cannot_be_is_refused(machine, name):
    with pytest.raises(TextError):
        Keys(machine.server, Given([("certificate", name)])).check()
    Keys(machine.server, Given([("ssl-ciphers", name)])).check()


def test_a_file_that_was_replaced_is_noticed(machine, tmp_path):
    key = tmp_path / "key"
    keys = Keys(machine.server, Given([("private-key", str(key)), ("certificate", "c"), ("ca-cert", "none")]))
    states = [keys.state()]
    key.write_text("one")
    states.append(keys.state())
    assert keys.state() == states[-1]
    os.utime(key, (1, 1))
    states.append(keys.state())
    key.unlink()
    key.write_text("two")
    states.append(keys.state())
    assert all(before != after for before, after in itertools.pairwise(states))

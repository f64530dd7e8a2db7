"""Whoever computes it, the digest is the same."""

import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from vswitch.ovsdb import digest

PROGRAM = """
import sys
from vswitch.ovsdb.digest import LITTLE, sha1
little, loaded = sha1(bytes(LITTLE)), "hashlib" in sys.modules
again = sha1(bytes(LITTLE))
print(loaded, "hashlib" in sys.modules, little == again)
"""


@given(st.binary())
def test_it_is_sha_1(data: bytes) -> None:
    expected = hashlib.sha1(data).hexdigest()
    assert digest.sha1(data) == expected
    assert digest._little(data).hexdigest() == expected


def test_what_is_more_than_a_little_is_left_to_openssl() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "False True True\n"


def test_an_interpreter_without_it_uses_openssl_for_all() -> None:
    program = f"import sys; sys.modules['_sha1'] = None\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True True True\n"

import re

import pytest

from vswitch.base.pattern import pattern


def test_it_is_what_the_library_compiles():
    later, now = pattern(r"(\d+)([a-z])?", re.ASCII), re.compile(r"(\d+)([a-z])?", re.ASCII)
    for text in ("12a", "x1", "٣", ""):
        for method in ("match", "fullmatch", "search"):
            found, expected = getattr(later, method)(text), getattr(now, method)(text)
            assert (found and found.groups()) == (expected and expected.groups())
        assert later.findall(text) == now.findall(text)
        assert later.sub("-", text) == now.sub("-", text)
    assert later.groups == now.groups


def test_it_is_compiled_when_it_is_used():
    wrong = pattern("(")
    with pytest.raises(re.error):
        wrong.match("")

import pytest

from vswitch.ovsdb.atom import AtomType, atom_from_json, atom_to_json, atom_to_text
from vswitch.ovsdb.errors import OvsdbSyntaxError

U = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("type", "json", "atom"),
    [
        (AtomType.INTEGER, -(2**63), -(2**63)),
        (AtomType.REAL, 2, 2.0),
        (AtomType.BOOLEAN, True, True),
        (AtomType.STRING, "", ""),
        (AtomType.UUID, ["uuid", U.upper()], U),
    ],
)
def test_json(type, json, atom):
    assert atom_from_json(json, type) == atom
    assert atom_from_json(atom_to_json(atom, type), type) == atom


@pytest.mark.parametrize(
    ("type", "json", "details"),
    [
        (AtomType.INTEGER, 2**63, "expected integer"),
        (AtomType.INTEGER, True, "expected integer"),
        (AtomType.REAL, True, "expected real"),
        (AtomType.BOOLEAN, 1, "expected boolean"),
        (AtomType.UUID, ["uuid", "x"], '"x" is not a valid UUID'),
        (AtomType.UUID, U, 'expected ["uuid", <string>]'),
    ],
)
def test_wrong_json(type, json, details):
    with pytest.raises(OvsdbSyntaxError) as caught:
        atom_from_json(json, type)
    assert caught.value.details == details


@pytest.mark.parametrize(
    ("type", "atom", "printed"),
    [
        (AtomType.INTEGER, 16, "16"),
        (AtomType.BOOLEAN, True, "true"),
        (AtomType.STRING, "br0", "br0"),
        (AtomType.STRING, "a b", '"a b"'),
        (AtomType.STRING, "true", '"true"'),
        (AtomType.STRING, "", '""'),
        (AtomType.REAL, 1000.0, "1000"),
        (AtomType.UUID, U, U),
    ],
)
def test_text(type, atom, printed):
    assert atom_to_text(atom, type) == printed

"""Table-mods: thresholds of vacancy that make no sense are refused, in the words of the peer's log."""

import pytest

from vswitch.openflow.errors import BadProperty, OpenFlowError
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.table import (
    OFPTC14_VACANCY_EVENTS,
    TableDesc,
    TableDescReply,
    TableMod,
    Vacancy,
)
from vswitch.openflow.version import OF14, OF15

SENSELESS = {
    Vacancy(50, 40, 1): "Value of vacancy_down is greater than vacancy_up",
    Vacancy(50, 101, 1): "Vacancy threshold percentage should not be greater than 100",
    Vacancy(40, 50, 1): "Vacancy value should be zero for table-mod messages",
}


@pytest.mark.parametrize("vacancy", SENSELESS)
@pytest.mark.parametrize("version", [OF14, OF15])
def test_senseless_vacancies_are_refused(version, vacancy):
    with pytest.raises(OpenFlowError) as caught:
        decode(encode(TableMod(5, OFPTC14_VACANCY_EVENTS, vacancy=vacancy), version, 1))
    assert caught.value.code is BadProperty.BAD_VALUE
    assert [tuple(remark[:2]) for remark in caught.value.remarks] == [("ofp_table", SENSELESS[vacancy])]


def test_any_is_refused_also_if_a_better_one_follows():
    mods = [
        encode(TableMod(5, 0, vacancy=vacancy), OF14, 1) for vacancy in (Vacancy(50, 40), Vacancy(40, 50))
    ]
    both = mods[0] + mods[1][16:]
    with pytest.raises(OpenFlowError):
        decode(both[:2] + len(both).to_bytes(2, "big") + both[4:])


def test_what_a_switch_says_of_itself_is_shown():
    reply = TableDescReply(tuple(TableDesc(5, vacancy=vacancy) for vacancy in SENSELESS))
    assert decode(encode(reply, OF14, 1))[2] == reply

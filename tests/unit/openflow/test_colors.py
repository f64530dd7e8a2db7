import re

from hypothesis import given
from hypothesis import strategies as st

from vswitch.openflow.colors import color_flow, parse_colors


@given(st.text(alphabet="abct_=:,()[]->0 drop.{}\\|+", max_size=60))
def test_colors_change_nothing_else(text):
    for line in (text, f"tcp,{text} actions={text}"):
        assert re.sub(r"\033\[[0-9;]*[mK]", "", color_flow(line, parse_colors(""))) == line


def test_the_user_chooses():
    assert parse_colors("dr=1;32:xx=3:pm=red")["dr"] == "1;32"
    assert parse_colors("dr=1;32:xx=3:pm=red")["pm"] == "36"
    assert color_flow("actions=drop", parse_colors("dr=35")).endswith("\033[35m\033[Kdrop\033[m\033[K")

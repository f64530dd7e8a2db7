import re

from hypothesis import given
from hypothesis import strategies as st

from vswitch.openflow.colors import color_flow, color_line, parse_colors


@given(st.text(alphabet="abct_=:,()[]->0 drop.{}\\|+", max_size=60))
def test_colors_change_nothing_else(text):
    for line in (text, f"tcp,{text} actions={text}"):
        assert re.sub(r"\033\[[0-9;]*[mK]", "", color_flow(line, parse_colors(""))) == line


LINES = """\
 group_id=5,type=all,bucket=bucket_id:0,actions=,bucket=bucket_id:1,actions=
OFPT_FLOW_MOD (xid=0x1): ADD table:"a b"  cookie:0x5 actions=
 event=ADDED table=0 cookie=0 \n-table=5 actions=
OFPST_FLOW reply (xid=0x2):
"""


@given(st.sampled_from(LINES.split("\n")), st.text(alphabet='abct_=:,()[]->0 drop.{}\\|+"', max_size=60))
def test_colors_change_no_other_lines(line, text):
    for whole in (line, line + text, f"{line}tcp,{text} actions={text}"):
        assert re.sub(r"\033\[[0-9;]*[mK]", "", color_line(whole, parse_colors(""))) == whole


def test_matches_and_actions_are_coloured_in_any_line():
    colors = parse_colors("dr=1:vl=2:ac=9")
    drop, tcp = "\033[1m\033[Kdrop\033[m\033[K", "\033[2m\033[Ktcp\033[m\033[K"
    for line in (
        " group_id=5,type=all,bucket=bucket_id:0,actions=drop,bucket=bucket_id:1,actions=drop",
        "NXT_FLOW_MOD (xid=0x1): ADD table:5 tcp cookie:0x5 actions=drop",
        "NXT_FLOW_MOD (xid=0x1): ADD cookie:0x5 actions=drop",
        " event=ADDED table=0 cookie=0 tcp actions=drop",
        " event=DELETED reason=delete table=0 cookie=0 tcp",
        "-table=5 tcp idle_timeout=5 actions=drop",
    ):
        assert color_line(line, colors) == line.replace("drop", drop).replace("tcp", tcp)
    assert color_line("OFPST_DESC reply: drop actions=drop", colors) == "OFPST_DESC reply: drop actions=drop"


def test_the_user_chooses():
    assert parse_colors("dr=1;32:xx=3:pm=red")["dr"] == "1;32"
    assert parse_colors("dr=1;32:xx=3:pm=red")["pm"] == "36"
    assert color_flow("actions=drop", parse_colors("dr=35")).endswith("\033[35m\033[Kdrop\033[m\033[K")

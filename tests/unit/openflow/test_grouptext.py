"""Groups in text."""

import pytest

from vswitch.base.errors import TextError
from vswitch.openflow.grouptext import format_group_mod, parse_group_mod
from vswitch.openflow.messages.group import (
    OFPGC_ADD,
    OFPGC_DELETE,
    OFPGC_INSERT_BUCKET,
    OFPGC_MODIFY,
    OFPGC_REMOVE_BUCKET,
)
from vswitch.openflow.names import OFPG_ALL


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("group_id=4,type=all", "ADD group_id=4,type=all"),
        (
            "group_id=5,type=all,bucket=output:1,actions=output:2",
            "ADD group_id=5,type=all,bucket=bucket_id:0,actions=output:1,output:2",
        ),
        (
            "group_id=4,type=all bucket=bucket_id:0,1 bucket=output:2,",
            "ADD group_id=4,type=all,bucket=bucket_id:0,actions=output:1,bucket=bucket_id:1,actions=output:2",
        ),
        (
            "group_id=4,type=select,selection_method=hash,fields(vlan_vid,tcp_src=0xff00,in_port),bucket=output:1",
            "ADD group_id=4,type=select,selection_method=hash,fields(in_port,vlan_vid,tcp_src=65280),"
            "bucket=bucket_id:0,actions=output:1",
        ),
    ],
)
def test_groups_are_read_and_printed(text, printed):
    assert format_group_mod(parse_group_mod(text)) == printed


@pytest.mark.parametrize(
    ("command", "text", "message"),
    [
        (OFPGC_ADD, "group_id=4", "must specify a type"),
        (OFPGC_ADD, "type=all", "must specify a group_id"),
        (OFPGC_ADD, "group_id=4,type=foo", "invalid group type foo"),
        (OFPGC_ADD, "group_id=4294967041,type=all", "invalid group id 4294967041"),
        (
            OFPGC_ADD,
            "group_id=4,type=all,bucket=weight:1,output:1",
            "Only select groups can have bucket weights.",
        ),
        (
            OFPGC_ADD,
            "group_id=4,type=ff,bucket=output:1",
            "fast failover bucket requires watch_port or watch_group",
        ),
        (OFPGC_ADD, "group_id=4,type=all,bucket=goto_table:1", "goto_table instruction not allowed here"),
        (
            OFPGC_ADD,
            "group_id=4,type=indirect,bucket=1,bucket=2",
            "Indirect groups can have at most one bucket.",
        ),
        (OFPGC_ADD, "group_id=5,type=all,bucket=watch_port:foo,output:1", "foo: invalid watch_port"),
        (OFPGC_INSERT_BUCKET, "group_id=5", "must specify a command bucket id"),
        (OFPGC_INSERT_BUCKET, "group_id=5,command_bucket_id=all", "command_bucket_id=all is not permitted"),
        (OFPGC_REMOVE_BUCKET, "group_id=5,bucket=output:1", "bucket is not needed"),
        (OFPGC_DELETE, "group_id=5,type=all", "type is not needed"),
    ],
)
def test_mistakes_are_told_in_the_peers_words(command, text, message):
    with pytest.raises(TextError) as error:
        parse_group_mod(text, command)
    assert str(error.value) == message


def test_a_command_may_stand_before_the_group():
    assert parse_group_mod("modify group_id=1,type=all", None).command == OFPGC_MODIFY
    assert parse_group_mod("group_id=1,type=all", None).command == OFPGC_ADD
    assert parse_group_mod("", OFPGC_DELETE).group_id == OFPG_ALL

"""Differential fuzzing of flows in text: what the peer's `ovs-ofctl` makes of damaged lines, and what we make of them.

    python -m tests.interop.textfuzzing [SECONDS [SEED]]

`parse-flows` reads a whole file in one process but stops at the first mistake; so what it says of that line is kept, and
the rest is read again without it.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.interop.daemons import Make, program
from tests.switch import pipelines

_MISTAKE = re.compile(r"ovs-ofctl: \S+?:(\d+): (.*)", re.DOTALL)
_ENDS = ",;=:/->[]().0x "
ACTIONS = (
    "ct(commit,zone=5,nat(src=10.0.0.1-10.0.0.9:1-5,random),exec(set_field:1->ct_mark))",
    "learn(table=1,idle_timeout=3,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:5->reg1[0..7],output:in_port)",
    "bundle(eth_src,50,active_backup,ofport,members:1,2)",
    "multipath(symmetric_l4,1024,hrw,64,0,reg1[0..5])",
    "controller(reason=no_match,max_len=64,id=7,userdata=01.02)",
    "clone(mod_vlan_vid:3,output:2)",
    "conjunction(5,1/3)",
    "sample(probability=5,collector_set_id=1,obs_domain_id=2,obs_point_id=3)",
    "resubmit(,3),note:01.ff,set_tunnel:5,enqueue:1:2",
    "check_pkt_larger(1500)->reg0[3],output(port=1,max_len=100)",
    "set_field:10.0.0.1->ip_dst,move:eth_src[0..15]->reg2[16..31],push:reg3[],pop:reg4[]",
)


def lines(rng: random.Random, number: int) -> Iterator[str]:
    """Flows, about half of which have a mistake."""
    while number > 0:
        for flow in pipelines.pipeline(rng, min(number, 20)):
            number -= 1
            if rng.random() < 0.4:
                flow = f"{flow.partition(' actions=')[0]} actions={rng.choice(ACTIONS)}"
            yield damaged(rng, flow) if rng.random() < 0.5 else flow


def damaged(rng: random.Random, text: str) -> str:
    """`text` with one change: a character lost, doubled or replaced, or a word lost or doubled."""
    at = rng.randrange(len(text))
    match rng.randrange(5):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at] + text[at:]
        case 2:
            return text[:at] + rng.choice(_ENDS) + text[at + 1 :]
        case 3:
            words = text.split(",")
            del words[rng.randrange(len(words))]
            return ",".join(words)
        case _:
            words = text.split(",")
            word = rng.randrange(len(words))
            return ",".join([*words[: word + 1], *words[word:]])


def said(make: Make, flows: Sequence[str]) -> list[str]:
    """What `parse-flows` says of each: the flow as it was read, or the mistake."""
    answers, left = [""] * len(flows), list(range(len(flows)))
    while left:
        done = _parse(make, [flows[index] for index in left])
        mistake = _MISTAKE.match(done.stderr)
        if mistake:
            answers[left.pop(int(mistake[1]) - 1)] = mistake[2]
            continue
        found = [line for line in done.stdout.splitlines() if "_FLOW_MOD" in line]
        if not found and len(left) > 1:  # nothing wrong with each, but no flow format can tell all
            middle = len(left) // 2
            rest = [flows[index] for index in left]
            found = said(make, rest[:middle]) + said(make, rest[middle:])
        for index, line in zip(left, found or [done.stderr], strict=True):
            answers[index] = re.sub(r"^\w+ (\(OF\S+\) )?\(xid=\w*\): (\w+ )(table:255 )?", r"\2", line)
        break
    return answers


def _parse(make: Make, flows: Sequence[str]) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "flows"
        path.write_text("".join(f"{flow}\n" for flow in flows))
        command = [program(make, "ovs-ofctl"), "-vconsole:off", "parse-flows", str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def differences(flows: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Flows of which the peer and we say different things, with what both say."""
    for flow, theirs, ours in zip(flows, said("peer", flows), said("ours", flows), strict=True):
        if theirs != ours:
            yield flow, theirs, ours


def main(seconds: float = 60, seed: int | None = None) -> None:
    """Fuzz for `seconds` and show each difference."""
    seed = time.time_ns() % (1 << 32) if seed is None else seed
    rng, number, n_different = random.Random(seed), 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = [line for line in lines(rng, 40) if line and not line.startswith("#")]
        number += len(batch)
        for flow, theirs, ours in differences(batch):
            n_different += 1
            sys.stdout.write(f"--- {flow}\n{theirs}\n+++\n{ours}\n")
    sys.stdout.write(f"{number} flows, {n_different} differences, seed {seed}\n")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(float(words[0]) if words else 60, int(words[1]) if len(words) > 1 else None)

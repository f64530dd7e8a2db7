"""Finding the telling line."""

from vswitch.bpf.verifier import read_log

LOG = """\
func#0 @0
0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +76)         ; R1=ctx() R2_w=pkt(r=0)
1: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
verification time 33 usec
stack depth 0
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""


def test_the_reason_and_where():
    verdict = read_log(LOG)
    assert verdict.reason == "R2 offset is outside of the packet"
    assert verdict.at == "1: (71) r0 = *(u8 *)(r2 +0)"
    assert verdict.steps == 2
    assert str(verdict) == "R2 offset is outside of the packet, at 1: (71) r0 = *(u8 *)(r2 +0)"


def test_a_reason_without_a_trace():
    assert read_log("unreachable insn 3\nprocessed 0 insns (limit 1000000)\n").reason == "unreachable insn 3"


def test_no_reason():
    assert read_log("").reason == "the verifier gives no reason"

"""Kernel functions that an eBPF program calls by number.

Sources: linux/bpf.h, ___BPF_FUNC_MAPPER; bpf-helpers(7).
"""

from __future__ import annotations

from enum import IntEnum


class Helper(IntEnum):
    """A helper's number, under its kernel name."""

    map_lookup_elem = 1
    map_update_elem = 2
    map_delete_elem = 3
    ktime_get_ns = 5
    get_prandom_u32 = 7
    get_smp_processor_id = 8
    skb_store_bytes = 9
    l3_csum_replace = 10
    l4_csum_replace = 11
    tail_call = 12
    clone_redirect = 13
    skb_vlan_push = 18
    skb_vlan_pop = 19
    redirect = 23
    skb_load_bytes = 26
    skb_change_tail = 38
    skb_pull_data = 39
    ringbuf_output = 130
    ringbuf_query = 134
    redirect_peer = 155
    ktime_get_coarse_ns = 160

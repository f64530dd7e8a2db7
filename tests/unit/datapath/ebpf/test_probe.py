"""The probe finds out by trying."""

import errno
import os

import pytest

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf import probe


@pytest.mark.needs_root
def test_it_works_here():
    assert probe.why_not() is None


def test_not_without_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert probe.why_not() == "ebpf needs root"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KernelError(errno.EPERM, "x"), "a try: not permitted (it needs CAP_BPF and CAP_NET_ADMIN)"),
        (
            KernelError(errno.EINVAL, "creating a map: Invalid argument\nlog"),
            "a try: creating a map: Invalid argument",
        ),
        (OSError(errno.ENOENT, "No such file"), "a try: No such file"),
    ],
)
def test_the_first_thing_that_fails_is_the_reason(monkeypatch, error, text):
    def fail():
        raise error

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(probe, "_ATTEMPTS", (("a try", fail),))
    assert probe.why_not() == text

"""Masks of bits."""

import pytest

from vswitch.base.bits import ones, prefix_length, prefix_mask


def test_ones():
    assert [ones(n) for n in (0, 1, 8)] == [0, 1, 255]


@pytest.mark.parametrize("bits", [1, 8, 32, 128])
def test_prefixes_have_a_length(bits):
    assert [prefix_length(prefix_mask(n, bits), bits) for n in range(bits + 1)] == list(range(bits + 1))


@pytest.mark.parametrize("mask", [0x01, 0x7F, 0xF1, 0xA0])
def test_other_masks_have_none(mask):
    assert prefix_length(mask, 8) is None

"""Numbers between fixed words."""

import pytest

from vswitch.base.scan import Number, c_atoi, scan

BYTE, ANY = Number(16, 8), Number(0, 32)


@pytest.mark.parametrize(
    ("text", "parts", "found"),
    [
        ("1:ff", (BYTE, ":", BYTE), ([1, 255], 4)),
        ("0001: 0x100x", (BYTE, ":", BYTE), ([1, 0], 11)),
        ("-1", (Number(10, 8),), ([255], 2)),
        ("0x10,010,8", (ANY, ",", ANY, ",", ANY), ([16, 8, 8], 10)),
        ("5 , 1 / 2", (ANY, " , ", ANY, " / ", ANY), ([5, 1, 2], 9)),
        ("9" * 10_000, (Number(10, 8),), ([255], 10_000)),
        ("x", (ANY,), None),
        ("1;2", (ANY, ":", ANY), None),
        ("", (ANY,), None),
    ],
)
def test_scan(text: str, parts: tuple[str | Number, ...], found: tuple[list[int], int] | None) -> None:
    assert scan(text, parts) == found


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), (" 12x", 12), ("-1", 0xFFFFFFFF), ("x", 0), ("", 0), ("0x10", 0), ("9" * 50, 0xFFFFFFFF)]
)  # fmt: skip
def test_atoi(text: str, number: int) -> None:
    assert c_atoi(text) == number

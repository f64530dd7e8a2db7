"""What a TLS context speaks, and whom it trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from vswitch.linux.tls import new_context, trust, unknown_protocols


@pytest.mark.parametrize("server_side", [True, False])
@pytest.mark.parametrize(
    ("protocols", "lowest", "highest"),
    [
        ("TLSv1.2", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        ("TLSv1.3,TLSv1.2", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        ("SSLv2 TLSv1.3", ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3),
        ("TLSv1.2+", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        ("TLSv1.2-TLSv1.3", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
    ],
)
def test_versions_from_the_lowest_named_to_the_highest(
    server_side: bool, protocols: str, lowest: ssl.TLSVersion, highest: ssl.TLSVersion
) -> None:
    context = new_context(server_side, protocols, "")
    assert (context.minimum_version, context.maximum_version) == (lowest, highest)
    assert not context.check_hostname, "certificates of switches carry no host names"


def test_words_that_are_no_versions() -> None:
    assert unknown_protocols("TLSv1.2 SSLv2,TLSv1.1-TLSv1.3 TLSv1.3+ TLSv1.4+ -") == [
        "SSLv2",
        "TLSv1.4+",
        "-",
    ]
    assert unknown_protocols("") == []


def test_ciphers_are_those_that_are_named() -> None:
    context = new_context(False, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    named = [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.2"]
    assert named == ["ECDHE-RSA-AES256-GCM-SHA384"]
    usual = [cipher["name"] for cipher in new_context(True, "", "").get_ciphers()]
    assert "AES128-SHA" in usual, "what HIGH:!aNULL:!MD5 has, not what Python would choose"
    with pytest.raises(OSError, match="No cipher"):
        new_context(False, "", "NONSENSE")


def test_without_an_authority_anybody_is_believed(tmp_path: Path) -> None:
    context = new_context(False, "", "")
    assert context.verify_mode is ssl.CERT_REQUIRED, "unless it is said"
    trust(context, None)
    assert context.verify_mode is ssl.CERT_NONE
    with pytest.raises(OSError, match="No such file"):
        trust(new_context(True, "", ""), str(tmp_path / "nowhere.pem"))

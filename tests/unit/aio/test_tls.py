"""What is wrong with keys and certificates is said with the name of the file."""

import re
from pathlib import Path

import pytest

from tests.xenserver.certificates import Authority
from vswitch.aio.tls import Tls, tls_context


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("key", None, r"/key: No such file or directory$"),
        ("key", "junk\n", r"/key and \S+/cert: \w"),
        ("cert", None, r"/cert: No such file or directory$"),
        ("cert", "", r"/cert: \w"),
        ("ca", None, r"/ca: No such file or directory$"),
        ("ca", "junk\n", r"/ca: \w"),
    ],
)
@pytest.mark.parametrize("is_server", [False, True])
def test_files_that_are_no_use(tmp_path: Path, name: str, content: str | None, message: str, is_server: bool):
    authority = Authority(tmp_path)
    for each in ("key", "cert"):
        (tmp_path / each).write_bytes(authority.certificate("host").read_bytes())
    (tmp_path / "ca").write_bytes(authority.path.read_bytes())
    tls = Tls(*(str(tmp_path / each) for each in ("key", "cert", "ca")))
    assert tls.context(is_server)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(OSError, match=re.escape(str(tmp_path)) + message) as caught:
        tls.context(is_server)
    assert type(caught.value) is not FileNotFoundError or content is None


def test_without_an_authority_there_is_no_tls_at_all(tmp_path: Path) -> None:
    """Nobody is believed because somebody forgot an option."""
    host = str(Authority(tmp_path).certificate("host"))
    for tls in (None, Tls(), Tls(private_key=host), Tls(host, host)):
        for is_server in (False, True):
            with pytest.raises(OSError, match="SSL is not configured"):
                tls_context(tls, is_server)
    assert tls_context(Tls(host, host, "none"), True)

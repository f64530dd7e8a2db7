"""What is wrong with keys and certificates is said with the name of the file."""

import re
from pathlib import Path

import pytest

from tests.xenserver.certificates import Authority
from vswitch.aio.tls import Tls


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

import os
import socket

from vswitch.linux.notify import notify_ready


def test_readiness_is_told_once(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as endpoint:
        endpoint.settimeout(5)
        endpoint.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notify_ready()
        assert endpoint.recv(100) == b"MAINPID=%d\nREADY=1" % os.getpid()
    assert "NOTIFY_SOCKET" not in os.environ
    notify_ready()


def test_nobody_listens(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "@nobody-listens-here")
    notify_ready()

"""Connected sockets by Open vSwitch's names, for programs that do one thing and end.

Made of the interpreter's C modules alone: `socket` and `asyncio` take 6 and 60 ms to import, ovs-vsctl's whole work
takes 3.  What needs more (TLS) imports it when it is used.

Sources: ovsdb(7), "OVSDB Connection Methods"; ovs-ofctl(8); OVS lib/stream.c for the defaults.
"""

from __future__ import annotations

import _socket
import errno
import os

from vswitch.base.digits import parse_decimal
from vswitch.base.options import Given
from vswitch.linux.dirs import in_rundir
from vswitch.linux.unixpath import Fitting


class TlsOptions:
    """What the PKI options of a command line say."""

    def __init__(
        self,
        private_key: str | None = None,
        certificate: str | None = None,
        ca_cert: str | None = None,
        bootstrap_ca_cert: str | None = None,
        protocols: str = "",
        ciphers: str = "",
    ) -> None:
        self.private_key = private_key
        self.certificate = certificate
        self.ca_cert = ca_cert
        self.bootstrap_ca_cert = bootstrap_ca_cert
        self.protocols = protocols  # as "TLSv1.2,TLSv1.3"; empty: what Python takes for safe
        self.ciphers = ciphers  # in OpenSSL's notation; empty: HIGH:!aNULL:!MD5

    @classmethod
    def from_options(cls, given: Given) -> TlsOptions:
        """What the command line says."""
        return cls(
            given.get("private-key"),
            given.get("certificate"),
            given.get("ca-cert"),
            given.get("bootstrap-ca-cert"),
            given.get("ssl-protocols") or "",
            given.get("ssl-ciphers") or "",
        )


def connect(name: str, tls: TlsOptions, default_port: int) -> _socket.socket:
    """A socket connected to `name`; or, if it is passive (`ptcp:`, `punix:`, `pssl:`), wait for the server to connect."""
    kind, _, rest = name.partition(":")
    match kind:
        case "unix":
            with Fitting(in_rundir(rest)) as path:
                return _connected(_socket.socket(_socket.AF_UNIX), path)
        case "tcp":
            return _connect_tcp(rest, default_port)
        case "punix":
            return _accept_unix(in_rundir(rest))
        case "ptcp":
            return _accept_tcp(rest, default_port)
        case "ssl" | "pssl":
            if not (tls.private_key and tls.certificate and (tls.ca_cert or tls.bootstrap_ca_cert)):
                raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
            from vswitch.linux.tls import secure  # its imports take 30 ms

            sock = (_connect_tcp if kind == "ssl" else _accept_tcp)(rest, default_port)
            return secure(sock, tls, server_side=kind == "pssl")
        case _:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))


def host_and_port(text: str, default_port: int) -> tuple[str, int]:
    """What `HOST[:PORT]` means; an IPv6 address may, and before a port must, be in brackets."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    number = parse_decimal(port) if port else default_port
    if not host or not host.isascii() or number is None or number > 65535:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    return host, number


def _connected(sock: _socket.socket, address: str | tuple[str, int]) -> _socket.socket:
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def _connect_tcp(rest: str, default_port: int) -> _socket.socket:
    host, port = host_and_port(rest, default_port)
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    sock = _connected(_socket.socket(family, _socket.SOCK_STREAM), (host, port))
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock


def _accept_unix(path: str) -> _socket.socket:
    if os.path.exists(path):  # noqa: PTH110 - pathlib takes 8 ms to import
        os.unlink(path)  # noqa: PTH108 - pathlib costs 10 ms here
    listener = _socket.socket(_socket.AF_UNIX)
    with Fitting(path) as fitting:
        listener.bind(fitting)
    try:
        return _accept(listener)
    finally:
        os.unlink(path)  # noqa: PTH108 - pathlib costs 10 ms here


def _accept_tcp(rest: str, default_port: int) -> _socket.socket:
    port, _, host = rest.partition(":")
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    listener = _socket.socket(family, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind((host.strip("[]"), int(port or default_port)))
    return _accept(listener)


def _accept(listener: _socket.socket) -> _socket.socket:
    from socket import socket

    listener.listen(1)
    with socket(fileno=listener.detach()) as full:
        return full.accept()[0]

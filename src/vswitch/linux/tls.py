"""TLS on a connected socket, with the keys and certificates that a command line names.

Sources: ovs-vsctl(8), "Public Key Infrastructure Options"; OVS lib/stream-ssl.c for what is an error.
"""

from __future__ import annotations

import _socket
import errno
import os
import pathlib
import socket
import ssl
from typing import NoReturn

from vswitch.linux.sockets import TlsOptions

_VERSIONS = {"TLSv1": "TLSv1", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}
NEWEST = "TLSv1.3"
CIPHERS = "HIGH:!aNULL:!MD5"


def secure(sock: _socket.socket, options: TlsOptions, *, server_side: bool) -> ssl.SSLSocket:
    """Do the TLS handshake on `sock`; raises OSError.

    With --bootstrap-ca-cert and no certificate yet, that is one of those errors: the certificate is there afterwards,
    and connecting again will use it.
    """
    try:
        context = _context(options, server_side=server_side)
    except (OSError, ValueError):
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT)) from None
    try:
        secured = context.wrap_socket(socket.socket(fileno=sock.detach()), server_side=server_side)
    except ssl.SSLError:
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO)) from None
    if _lacks_authority(options):
        _adopt_authority(secured, str(options.bootstrap_ca_cert))
    return secured


def _lacks_authority(options: TlsOptions) -> bool:
    return options.bootstrap_ca_cert is not None and not pathlib.Path(options.bootstrap_ca_cert).exists()


def new_context(server_side: bool, protocols: str, ciphers: str) -> ssl.SSLContext:
    """A context for one end that speaks what `protocols` and `ciphers` name; where they are empty, Python's versions of
    TLS, and Open vSwitch's ciphers.

    Of versions, those from the lowest that is named to the highest; "TLSv1.2-TLSv1.3" names two, "TLSv1.2+" its and the
    newest.  What is no version is passed over.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    names = [name for word in _words(protocols) for name in _names(word)]
    named = [ssl.TLSVersion[_VERSIONS[name]] for name in names if name in _VERSIONS]
    if named:
        context.minimum_version, context.maximum_version = min(named), max(named)
    context.set_ciphers(ciphers or CIPHERS)
    return context


def unknown_protocols(protocols: str) -> list[str]:
    """Those words of --ssl-protocols that name no version of TLS."""
    return [word for word in _words(protocols) if not all(name in _VERSIONS for name in _names(word))]


def _words(protocols: str) -> list[str]:
    return protocols.replace(",", " ").split()


def _names(word: str) -> list[str]:
    return [word[:-1], NEWEST] if word.endswith("+") else word.split("-")


def trust(context: ssl.SSLContext, authority: str | None) -> None:
    """Take only certificates that the one in the file `authority` has signed; without a file, all."""
    if authority is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED


def _context(options: TlsOptions, *, server_side: bool) -> ssl.SSLContext:
    """What the handshake needs; raises OSError or ValueError if it is not there."""
    authority = options.bootstrap_ca_cert or options.ca_cert
    assert options.certificate, "connect() has looked"
    assert authority, "connect() has looked"
    context = new_context(server_side, options.protocols, options.ciphers)
    context.load_cert_chain(options.certificate, options.private_key)
    trust(context, None if authority == "none" or _lacks_authority(options) else authority)
    return context


def _adopt_authority(connection: ssl.SSLSocket, path: str) -> NoReturn:
    """Keep the certificate that ends the server's chain as that of our authority, if it has signed itself."""
    chain = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public in Python 3.13
    connection.close()
    root = chain[-1].get_info() if chain else {}
    if not root or root["issuer"] != root["subject"]:
        raise OSError(errno.EPROTO, "could not bootstrap CA cert: self-signed certificate required")
    pathlib.Path(path).write_text(chain[-1].public_bytes(), encoding="ascii")
    raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))

"""TLS on a connected socket, with the keys and certificates that a command line names.

Sources: ovs-vsctl(8), "Public Key Infrastructure Options".
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
import ssl
from pathlib import Path

from vswitch.linux.sockets import TlsOptions


def secure(sock: _socket.socket, options: TlsOptions, *, server_side: bool) -> ssl.SSLSocket:
    """Do the TLS handshake on `sock`; raises OSError."""
    if not (options.private_key and options.certificate and (options.ca_cert or options.bootstrap_ca_cert)):
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_cert_chain(options.certificate, options.private_key)
    plain = socket.socket(fileno=sock.detach())
    bootstrap = Path(options.bootstrap_ca_cert) if options.bootstrap_ca_cert else None
    if bootstrap is not None and not bootstrap.exists():
        context.verify_mode = ssl.CERT_NONE
        secured = context.wrap_socket(plain, server_side=server_side)
        certificate = secured.getpeercert(binary_form=True)
        if certificate is not None:
            bootstrap.write_text(ssl.DER_cert_to_PEM_cert(certificate))
        return secured
    authority = str(bootstrap) if bootstrap is not None else options.ca_cert
    if authority == "none":
        context.verify_mode = ssl.CERT_NONE
    else:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority)
    return context.wrap_socket(plain, server_side=server_side)

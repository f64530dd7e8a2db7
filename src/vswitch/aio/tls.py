"""TLS: keys, certificates, and what the options or the table SSL say about them.

Sources: ovs-vswitchd(8), "Public Key Infrastructure Options"; ovs-vswitchd.conf.db(5), SSL.
"""

from __future__ import annotations

import errno
import os
import pathlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from vswitch.base.dataclass import dataclass
from vswitch.base.log import Logger
from vswitch.base.options import Given
from vswitch.linux import tls as handshakes

log = Logger("stream_ssl")
log_once = log.limited(rate=1, burst=1)  # a minute, of what each connection would say again


@dataclass(frozen=True, slots=True)
class Tls:
    """The files that make ssl: and pssl: work, as the options or the table SSL give them."""

    private_key: str = ""
    certificate: str = ""
    ca_cert: str = ""  # "none": do not verify; empty: there is no TLS
    bootstrap: bool = False  # fetch the CA certificate from the first peer
    protocols: str = ""
    ciphers: str = ""
    peer_ca_cert: str = ""  # certificates to send besides ours, for peers that bootstrap

    @classmethod
    def from_options(cls, given: Given) -> Tls:
        """What the command line says."""
        bootstrap = given.get("bootstrap-ca-cert")
        return cls(
            given.get("private-key") or "",
            given.get("certificate") or "",
            bootstrap or given.get("ca-cert") or "",
            bootstrap is not None,
            given.get("ssl-protocols") or "",
            given.get("ssl-ciphers") or "",
            given.get("peer-ca-cert") or "",
        )

    @property
    def lacks_authority(self) -> bool:
        """Whether the CA certificate is still to be had, from the first peer that we connect to."""
        return self.bootstrap and not pathlib.Path(self.ca_cert).exists()

    def adopt_authority(self, connection: ssl.SSLObject) -> NoReturn:
        """Keep the certificate that ends the peer's chain as that of our CA, if it has signed itself; then the connection
        must be made again."""
        chain = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public in Python 3.13
        root = chain[-1].get_info() if chain else {}
        if not root or root["issuer"] != root["subject"]:
            log_once.err("could not bootstrap CA cert: self-signed certificate required")
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        encoded = chain[-1].public_bytes()
        pathlib.Path(self.ca_cert).write_text(encoded, encoding="ascii")
        log.info("successfully bootstrapped CA cert to %s", self.ca_cert)
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))

    def context(self, server: bool) -> ssl.SSLContext:
        """A context for one end; raises OSError where a file is missing or wrong."""
        for word in handshakes.unknown_protocols(self.protocols):
            log_once.err("%s: SSL protocol not recognized", word)
        if self.ca_cert == "none":
            log_once.warn("Peer certificate validation disabled (this is a security risk)")
        context = handshakes.new_context(server, self.protocols, self.ciphers)
        with _naming(self.private_key, self.certificate, *filter(None, [self.peer_ca_cert])):
            self._load_chain(context)
        unknown = self.ca_cert == "none" or (self.lacks_authority and not server)
        with _naming(self.ca_cert):
            handshakes.trust(context, None if unknown else self.ca_cert)
        return context

    def _load_chain(self, context: ssl.SSLContext) -> None:
        if not self.peer_ca_cert:
            context.load_cert_chain(self.certificate, self.private_key)
            return
        from tempfile import NamedTemporaryFile  # 3 ms that others do not need

        with NamedTemporaryFile() as chain:  # one file is all that the library takes
            chain.write(
                pathlib.Path(self.certificate).read_bytes()
                + b"\n"
                + pathlib.Path(self.peer_ca_cert).read_bytes()
            )
            chain.flush()
            context.load_cert_chain(chain.name, self.private_key)


@contextmanager
def _naming(*paths: str) -> Iterator[None]:
    """Have an error say which of the files is at fault: the library does not."""
    try:
        yield
    except OSError as error:
        for path in paths:
            try:
                pathlib.Path(path).read_bytes()
            except OSError as reason:
                raise OSError(reason.errno, f"{path}: {reason.strerror}") from None
        if isinstance(error, ssl.SSLError):
            text = error.reason or "not in PEM"
            raise OSError(errno.EPROTO, f"{' and '.join(dict.fromkeys(paths))}: {text}") from None
        raise


TlsSource = Callable[[], Tls | None]


def tls_context(tls: Tls | None, server: bool) -> ssl.SSLContext:
    """What ssl: and pssl: need; raises OSError where it is not configured: never do without."""
    if tls is None or not tls.private_key or not tls.certificate:
        raise OSError(errno.ENOPROTOOPT, "SSL is not configured: a private key and a certificate are needed")
    if not tls.ca_cert:
        raise OSError(errno.ENOPROTOOPT, 'SSL is not configured: a CA certificate is needed, or "none"')
    return tls.context(server)

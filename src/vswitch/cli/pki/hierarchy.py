"""The files of a PKI: the same names, modes and contents as openssl-ca(1) keeps, so that either can go on with them.

    pki/dsaparam.pem                     (DSA only)
    pki/{controller,switch}ca/
        cacert.pem careq.pem ca.cnf      the authority
        private/cakey.pem                its key
        index.txt index.txt.attr         what it has signed
        serial crlnumber                 the next numbers, in hexadecimal
        newcerts/NN.pem                  copies of what it has signed
        certs/ crl/

Sources: ovs-pki(8); openssl-ca(1).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography.x509 import Certificate, Name, ObjectIdentifier
from cryptography.x509.oid import NameOID

from vswitch.base.options import CommandError
from vswitch.cli.pki import certificates
from vswitch.cli.pki.certificates import SHORT_NAMES

KINDS = ("controller", "switch")
ORGANIZATION = "Open vSwitch"
_CONFIGURATION = """\
[req]
prompt = no
distinguished_name = subject

[subject]
C = US
ST = CA
L = Palo Alto
O = {organization}
OU = {unit}
CN = {name}

[ca]
default_ca = authority

[authority]
dir = .
database = $dir/index.txt
new_certs_dir = $dir/newcerts
certificate = $dir/cacert.pem
serial = $dir/serial
private_key = $dir/private/cakey.pem
default_days = 3650
default_crl_days = 30
default_md = sha512
policy = policy
email_in_dn = no
name_opt = ca_default
cert_opt = ca_default
copy_extensions = copy
unique_subject = no

[policy]
countryName = optional
stateOrProvinceName = optional
organizationName = match
organizationalUnitName = optional
commonName = supplied
emailAddress = optional

[ca_cert]
basicConstraints = CA:true

[usr_cert]
basicConstraints = CA:false
"""


class Authority:
    """One of the two authorities of a hierarchy, in a directory of its own."""

    def __init__(self, pki: Path, kind: str) -> None:
        self.unit = f"{kind}ca"
        self.directory = pki / self.unit

    def create(self, key: certificates.PrivateKey, now: dt.datetime) -> None:
        """Make its files."""
        for part in ("certs", "crl", "newcerts", "private"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        private = self.directory / "private"
        private.chmod(0o700)
        name = f"OVS {self.unit} CA Certificate ({now:%Y %b %d %H:%M:%S})"
        configuration = _CONFIGURATION.format(organization=ORGANIZATION, unit=self.unit, name=name)
        for file, text in (
            ("ca.cnf", configuration),
            ("index.txt", ""),
            ("serial", "01\n"),
            ("crlnumber", "01\n"),
        ):
            (self.directory / file).write_text(text)
        write_private(private / "cakey.pem", certificates.key_to_pem(key), 0o700)
        asked = certificates.name(C="US", ST="CA", L="Palo Alto", O=ORGANIZATION, OU=self.unit, CN=name)
        request = certificates.make_request(key, asked)
        (self.directory / "careq.pem").write_bytes(certificates.to_pem(request))
        subject = certificates.name(C="US", ST="CA", O=ORGANIZATION, OU=self.unit, CN=name)
        certificate = certificates.sign(
            request, subject, self._take_serial(), now, (subject, key), is_authority=True
        )
        self._record(certificate)
        (self.directory / "cacert.pem").write_bytes(certificates.to_pem(certificate))

    @property
    def certificate(self) -> Certificate:
        """Its own certificate."""
        return certificates.certificate_from_pem(read(self.directory / "cacert.pem"))

    def sign(self, request: bytes, now: dt.datetime) -> bytes:
        """The certificate for a request; what it has signed is remembered."""
        asked = certificates.request_from_pem(request)
        own = self.certificate
        key = certificates.key_from_pem(read(self.directory / "private" / "cakey.pem"))
        parts = {short: _part(asked.subject, oid) for short, oid in SHORT_NAMES if short != "L"}
        if parts["O"] != _part(own.subject, NameOID.ORGANIZATION_NAME):
            raise CommandError("the organization in the request is not that of the authority")
        if not parts["CN"]:
            raise CommandError("the request has no common name")
        subject = certificates.name(**{short: value for short, value in parts.items() if value})
        certificate = certificates.sign(
            asked, subject, self._take_serial(), now, (own.subject, key), is_authority=False
        )
        self._record(certificate)
        return certificates.to_pem(certificate)

    def _take_serial(self) -> int:
        """The next serial number, which is then taken."""
        file = self.directory / "serial"
        text = read(file).decode("ascii", "replace").strip()
        try:
            serial = int(text, 16)
        except ValueError:
            raise CommandError(f"{file}: {text!r} is no number") from None
        (self.directory / "serial.old").write_text(f"{text}\n")
        file.write_text(f"{_even_hex(serial + 1)}\n")
        return serial

    def _record(self, certificate: Certificate) -> None:
        """Note in the database what was signed, and keep a copy."""
        index, attributes = self.directory / "index.txt", self.directory / "index.txt.attr"
        before, serial = read(index), _even_hex(certificate.serial_number)
        (self.directory / "index.txt.old").write_bytes(before)
        if attributes.exists():
            (self.directory / "index.txt.attr.old").write_bytes(read(attributes))
        attributes.write_text("unique_subject = no\n")
        expiry, subject = certificate.not_valid_after_utc, certificates.format_name(certificate.subject)
        line = f"V\t{expiry:%y%m%d%H%M%SZ}\t\t{serial}\tunknown\t{subject}\n"
        index.write_bytes(before + line.encode())
        (self.directory / "newcerts" / f"{serial}.pem").write_bytes(certificates.to_pem(certificate))


def _part(subject: Name, oid: ObjectIdentifier) -> str:
    found = subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _even_hex(number: int) -> str:
    digits = f"{number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def read(file: Path) -> bytes:
    """The contents of a file."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise CommandError(f"{file} does not exist") from None
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def write_private(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Write what nobody else may read."""
    file.touch(0o600)
    file.chmod(mode)
    file.write_bytes(data)

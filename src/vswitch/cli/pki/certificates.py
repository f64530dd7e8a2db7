"""Keys, requests and certificates, with the `cryptography` package.

Sources: RFC 2986 (requests), RFC 5280 (certificates), RFC 3279, 2.3.2 (DSA parameters).
"""

from __future__ import annotations

import base64
import datetime as dt
import textwrap
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.x509.oid import NameOID

from vswitch.base.options import CommandError

PrivateKey = rsa.RSAPrivateKey | dsa.DSAPrivateKey
LIFETIME = dt.timedelta(days=3650)
_EXPONENT = 65537
SHORT_NAMES = (
    ("C", NameOID.COUNTRY_NAME),
    ("ST", NameOID.STATE_OR_PROVINCE_NAME),
    ("L", NameOID.LOCALITY_NAME),
    ("O", NameOID.ORGANIZATION_NAME),
    ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("CN", NameOID.COMMON_NAME),
)


def name(**parts: str) -> x509.Name:
    """A distinguished name of parts by their short names, e.g. `CN="switch"`."""
    return x509.Name([x509.NameAttribute(oid, parts[short]) for short, oid in SHORT_NAMES if short in parts])


def format_name(subject: x509.Name) -> str:
    """`/C=US/CN=switch`."""
    shorts = {oid: short for short, oid in SHORT_NAMES}
    return "".join(f"/{shorts.get(part.oid, part.oid.dotted_string)}={part.value!s}" for part in subject)


def make_rsa_key(bits: int) -> PrivateKey:
    """A new key."""
    return rsa.generate_private_key(_EXPONENT, bits)


def make_dsa_parameters(bits: int) -> bytes:
    """New parameters, which all keys of a hierarchy share."""
    numbers = dsa.generate_parameters(bits).parameter_numbers()
    body = b"".join(map(_der_integer, (numbers.p, numbers.q, numbers.g)))
    text = base64.b64encode(b"\x30" + _der_length(len(body)) + body).decode()
    lines = "\n".join(textwrap.wrap(text, 64))
    return f"-----BEGIN DSA PARAMETERS-----\n{lines}\n-----END DSA PARAMETERS-----\n".encode()


def make_dsa_key(parameters: bytes) -> PrivateKey:
    """A new key with these parameters."""
    lines = parameters.decode("ascii", "replace").splitlines()
    try:
        data = base64.b64decode("".join(line for line in lines if line and not line.startswith("-")))
        p, q, g = _der_integers(data)
        return dsa.DSAParameterNumbers(p, q, g).parameters().generate_private_key()
    except (ValueError, IndexError):
        raise CommandError("these are no DSA parameters") from None


def _der_length(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([128 | size]) + length.to_bytes(size, "big")


def _der_integer(number: int) -> bytes:
    data = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + _der_length(len(data)) + data


def _der_integers(data: bytes) -> Sequence[int]:
    """The integers in a sequence of them."""
    at, numbers = _skip_head(data, 0)[0], []
    while at < len(data):
        start, size = _skip_head(data, at)
        numbers.append(int.from_bytes(data[start : start + size], "big"))
        at = start + size
    return numbers


def _skip_head(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins, and its size."""
    first = data[at + 1]
    if first < 128:
        return at + 2, first
    end = at + 2 + (first & 127)
    return end, int.from_bytes(data[at + 2 : end], "big")


def key_to_pem(key: PrivateKey) -> bytes:
    """PKCS #8, without a pass phrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_from_pem(data: bytes) -> PrivateKey:
    """The key in a file."""
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError):
        raise CommandError("this is no private key") from None
    if not isinstance(key, PrivateKey):
        raise CommandError("keys of this kind are not supported")
    return key


def to_pem(item: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """A request or certificate as text."""
    return item.public_bytes(serialization.Encoding.PEM)


def _digest(key: PrivateKey) -> hashes.SHA512 | hashes.SHA256:
    """What is signed of a request or certificate."""
    return hashes.SHA512() if isinstance(key, rsa.RSAPrivateKey) else hashes.SHA256()


def make_request(
    key: PrivateKey, subject: x509.Name, alternative: str = ""
) -> x509.CertificateSigningRequest:
    """A request for a certificate of `subject`, which is also called `alternative`."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if alternative:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, _digest(key))


def request_from_pem(data: bytes) -> x509.CertificateSigningRequest:
    """The request in a file, which its own key must have signed."""
    try:
        request = x509.load_pem_x509_csr(data)
        valid = request.is_signature_valid
    except ValueError:
        raise CommandError("this is no certificate request") from None
    except UnsupportedAlgorithm:
        raise CommandError("the request is signed in a way that is not supported") from None
    if not valid:
        raise CommandError("the request's signature is wrong")
    return request


def certificate_from_pem(data: bytes) -> x509.Certificate:
    """The certificate in a file."""
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError:
        raise CommandError("this is no certificate") from None


def sign(
    request: x509.CertificateSigningRequest,
    subject: x509.Name,
    serial: int,
    now: dt.datetime,
    authority: tuple[x509.Name, PrivateKey],
    *,
    is_authority: bool,
) -> x509.Certificate:
    """The certificate of the request's key under the name `subject`, with the extensions that it asks for."""
    issuer, key = authority
    builder = (
        x509.CertificateBuilder(issuer, subject, request.public_key(), serial)
        .not_valid_before(now)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=False)
    )
    for extension in request.extensions:
        if not isinstance(extension.value, x509.BasicConstraints):
            builder = builder.add_extension(extension.value, extension.critical)
    identifier = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if not is_authority:
        authority_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(authority_identifier, critical=False)
    return builder.sign(key, _digest(key))


def why_invalid(certificate: x509.Certificate, authority: x509.Certificate, now: dt.datetime) -> str:
    """Why `certificate` is not a valid one of this authority; "" if it is."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "it is not signed by this authority"
    except UnsupportedAlgorithm:
        return "it is signed in a way that is not supported"
    if now > certificate.not_valid_after_utc:
        return "it has expired"
    if now < certificate.not_valid_before_utc:
        return "it is not yet valid"
    return ""


def random_serial() -> int:
    """A serial number that nobody else has."""
    return x509.random_serial_number()


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-1 digest of a certificate."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()

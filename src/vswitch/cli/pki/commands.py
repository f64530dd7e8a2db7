"""What ovs-pki does.

Sources: ovs-pki(8); the messages are those of the peer's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vswitch.base.digits import parse_decimal
from vswitch.base.options import CommandError, Given
from vswitch.cli.pki import certificates
from vswitch.cli.pki.hierarchy import KINDS, ORGANIZATION, Authority, read, write_private
from vswitch.cli.pki.main import PKI
from vswitch.linux.dirs import logdir

MIN_BITS, DEFAULT_BITS = 1024, 2048


class Pki:
    """The options of one command line, and the commands."""

    def __init__(self, given: Given) -> None:
        self.directory = Path(given.get("dir") or PKI)
        self.kind = given.get("key", "rsa")
        if self.kind not in ("rsa", "dsa"):
            raise CommandError("argument to -k or --key must be rsa or dsa")
        bits = given.get("bits") or str(DEFAULT_BITS)
        self.bits = parse_decimal(bits) or 0
        if self.bits < MIN_BITS:
            raise CommandError("argument to -B or --bits must be at least 1024")
        self.parameters = Path(given.get("dsaparam") or self.directory / "dsaparam.pem")
        self.batch = "batch" in given
        self.force = "force" in given
        self.unique = "unique" in given
        self.log_file = Path(given.get("log") or f"{logdir()}/ovs-pki.log")
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def init(self) -> None:
        """Make the authorities."""
        if self.directory.exists() and not self.force:
            raise CommandError(f"{self.directory} already exists and --force not specified")
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.kind == "dsa":
            (self.directory / "dsaparam.pem").write_bytes(certificates.make_dsa_parameters(self.bits))
        for kind in KINDS:
            print(f"Creating {kind}ca...", file=sys.stderr)
            Authority(self.directory, kind).create(self._make_key(), self.now)
            self._log(f"created {kind}ca")

    def _make_key(self) -> certificates.PrivateKey:
        if self.kind == "rsa":
            return certificates.make_rsa_key(self.bits)
        return certificates.make_dsa_key(read(self.parameters))

    def request(self, name: str) -> None:
        """Make a key, and a request for its certificate."""
        key_file, request_file = self._new(f"{name}-privkey.pem"), self._new(f"{name}-req.pem")
        common = name if self.unique else f"{name} id:{uuid.uuid4()}"
        key = self._make_key()
        unit = f"{ORGANIZATION} certifier"
        subject = certificates.name(C="US", ST="CA", L="Palo Alto", O=ORGANIZATION, OU=unit, CN=common)
        try:
            request = certificates.make_request(key, subject, common)
        except ValueError as error:
            raise CommandError(f"{name}: {error}") from None
        write_private(key_file, certificates.key_to_pem(key))
        request_file.write_bytes(certificates.to_pem(request))
        self.fingerprint(str(request_file))
        self._log(f"requested {common}")

    def sign(self, name: str, kind: str = "switch") -> None:
        """Sign a request, if its fingerprint is what whoever made it has seen."""
        authority = self._authority(kind)
        self.fingerprint(f"{name}-req.pem")
        if not self.batch:
            print("Does fingerprint match? (yes/no) ", end="", flush=True)
            if sys.stdin.readline().strip() not in ("yes", "y", "YES", "Yes"):
                raise CommandError("Match failure, aborting")
        self._sign(authority, name)

    def request_and_sign(self, name: str, kind: str = "switch") -> None:
        """Both."""
        authority = self._authority(kind)
        self._new(f"{name}-cert.pem")
        self.request(name)
        self._sign(authority, name)

    def _sign(self, authority: Authority, name: str) -> None:
        file = self._new(f"{name}-cert.pem")
        file.write_bytes(authority.sign(read(Path(f"{name}-req.pem")), self.now))
        self._log(f"signed {name} as {authority.unit}")

    def verify(self, name: str, kind: str = "switch") -> None:
        """Check a certificate."""
        authority = self._authority(kind)
        file = f"{name}-cert.pem"
        certificate = certificates.certificate_from_pem(read(Path(file)))
        why = certificates.why_invalid(certificate, authority.certificate, self.now)
        if why:
            raise CommandError(f"{file}: verification failed: {why}", 2)
        print(f"{file}: OK")

    def fingerprint(self, file: str) -> None:
        """Print what people compare."""
        data = read(Path(file))
        if b"-----BEGIN CERTIFICATE-----" in data:
            digest = certificates.fingerprint(certificates.certificate_from_pem(data))
        else:
            digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        changed = time.localtime(Path(file).stat().st_mtime)
        print(f"{file}\t{time.strftime('%a %b %e %H:%M:%S %Z %Y', changed)}\n\tfingerprint {digest}")

    def self_sign(self, name: str) -> None:
        """Sign a request with its own key."""
        request = certificates.request_from_pem(read(Path(f"{name}-req.pem")))
        key = certificates.key_from_pem(read(Path(f"{name}-privkey.pem")))
        file = self._new(f"{name}-cert.pem")
        issuer = request.subject, key
        serial = certificates.random_serial()
        made = certificates.sign(request, request.subject, serial, self.now, issuer, is_authority=False)
        file.write_bytes(certificates.to_pem(made))
        self._log(f"self-signed {name}")

    def _authority(self, kind: str) -> Authority:
        if kind not in KINDS:
            raise CommandError("type argument must be 'switch' or 'controller'")
        authority = Authority(self.directory, kind)
        if not self.directory.is_dir():
            raise CommandError(f"{self.directory} does not exist (need to run 'init' or use '--dir'?)")
        return authority

    def _new(self, file: str) -> Path:
        """A file that is not there yet, or may be overwritten."""
        if Path(file).exists() and not self.force:
            raise CommandError(f"{file} already exists and --force not supplied")
        return Path(file)

    def _log(self, what: str) -> None:
        try:
            with self.log_file.open("a", encoding="utf-8") as file:
                file.write(f"{self.now:%Y-%m-%dT%H:%M:%SZ} {what}\n")
        except OSError as error:
            raise CommandError(f"{self.log_file}: {error.strerror}") from None


ONE, ONE_OR_TWO = "exactly one argument", "one or two arguments"
COMMANDS: Mapping[str, tuple[Callable[..., None], range, str]] = {
    "init": (Pki.init, range(1), "no arguments"),
    "req": (Pki.request, range(1, 2), ONE),
    "sign": (Pki.sign, range(1, 3), ONE_OR_TWO),
    "req+sign": (Pki.request_and_sign, range(1, 3), ONE_OR_TWO),
    "verify": (Pki.verify, range(1, 3), ONE_OR_TWO),
    "fingerprint": (Pki.fingerprint, range(1, 2), ONE),
    "self-sign": (Pki.self_sign, range(1, 2), ONE),
}


def perform(given: Given, words: Sequence[str]) -> None:
    """Do what the command line asks for."""
    pki = Pki(given)
    if not words:
        raise CommandError("missing command name; use --help for help")
    name, *arguments = words
    if name not in COMMANDS:
        raise CommandError(f"{name} command unknown; use --help for help")
    run, counts, needed = COMMANDS[name]
    if len(arguments) not in counts:
        raise CommandError(f"{name} must have {needed}; use --help for help")
    try:
        run(pki, *arguments)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None

"""ovs-pki: the options.

Sources: ovs-pki(8).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vswitch.base.options import (
    HELP,
    REQUIRED,
    CommandError,
    Option,
    OptionError,
    parse_options,
    version_text,
)
from vswitch.cli.command import guarded

PROGRAM = "ovs-pki"
PKI = "/var/lib/openvswitch/pki"
OPTIONS = (
    Option("key", REQUIRED, "k"),
    Option("bits", REQUIRED, "B"),
    Option("dsaparam", REQUIRED, "D"),
    Option("batch", short="b"),
    Option("dir", REQUIRED, "d"),
    Option("force", short="f"),
    Option("log", REQUIRED, "l"),
    Option("unique", short="u"),
    *HELP,
)
USAGE = f"""ovs-pki: make keys and certificates for switches and controllers
usage: ovs-pki [OPTIONS] COMMAND [ARG...]

Commands:
  init                  make the two authorities, one for switches and one for controllers
  req NAME              make a private key and a request: NAME-privkey.pem, NAME-req.pem
  sign NAME [TYPE]      sign NAME-req.pem: NAME-cert.pem
  req+sign NAME [TYPE]  do both
  verify NAME [TYPE]    check that NAME-cert.pem is a valid certificate
  fingerprint FILE      print the fingerprint of a certificate, or of another file
  self-sign NAME        sign NAME-req.pem with its own key, NAME-privkey.pem: NAME-cert.pem
TYPE is switch (default) or controller.

Options:
  -k, --key=TYPE        rsa (default) or dsa (init, req, req+sign)
  -B, --bits=NBITS      size of keys (default: 2048); of DSA keys it is fixed by init
  -D, --dsaparam=FILE   DSA parameters (default: dsaparam.pem in the PKI)
  -b, --batch           do not ask whether a request's fingerprint is right (sign)
  -d, --dir=DIR         where the PKI is (default: {PKI})
  -f, --force           overwrite what is there
  -l, --log=FILE        where to note what was done (default: ovs-pki.log in the log directory)
  -u, --unique          NAME is unique: let the common name be it, without an id
  -h, --help            print this help
  -V, --version         print the version"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    return guarded(PROGRAM, lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(words: Sequence[str]) -> int:
    try:
        given, rest = parse_options(words, OPTIONS)
    except OptionError as error:
        sys.stderr.write(f"{_complaint(error)}\n")
        return error.status
    for name, _ in given:
        if name in ("help", "version"):
            print(USAGE if name == "help" else version_text(PROGRAM))
            return 0
    try:
        from vswitch.cli.pki.commands import perform
    except ImportError:
        raise CommandError(
            'this needs the Python package cryptography, which comes with the extra "pki" of vswitch'
        ) from None
    perform(given, rest)
    return 0


_LONGER = {"key": "keytype", "dir": "pkidir"}


def _complaint(error: OptionError) -> str:
    """What is wrong with an option, in Open vSwitch's words: a shell script's, which does not say who speaks."""
    if error.lacks:
        return f": error: missing argument to --{_LONGER.get(error.lacks, error.lacks)}"
    return f"unrecognized option {error.word}"

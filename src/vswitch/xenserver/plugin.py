"""XAPI's plugin protocol: one XML-RPC call as the argument, one answer on standard output.

A plugin is a table of functions by name.  A function gets the session that XAPI calls it in and a struct of strings,
and returns a string.  It raises PluginFailure for what XAPI's callers are to see as an error of its own; anything else
that goes wrong becomes XENAPI_PLUGIN_FAILURE, and still is an answer.

Sources: XenServer Management API, "XenAPI plugins".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error, dumps, loads

from vswitch.base.errors import VswitchError
from vswitch.base.log import LOG, Level, Logger
from vswitch.base.options import Given

log = Logger("plugin")

Function = Callable[[str, Mapping[str, str]], str]


class PluginFailure(VswitchError):  # noqa: N818 - the protocol's word
    """A failure with a code of its own."""

    def __init__(self, code: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(" ".join([code, *parameters]))
        self.code = code
        self.parameters = list(parameters)


def plugin_main(name: str, functions: Mapping[str, Function]) -> int:
    """Be the plugin `name`; return the exit status."""
    from vswitch.aio.sinks import start_logging

    start_logging(name, Given())
    LOG.set_level(Level.OFF, destination="console")
    LOG.set_level(Level.INFO, destination="syslog")
    if len(sys.argv) != 2:
        print(f"{name}: XAPI calls this with one argument, an XML-RPC call", file=sys.stderr)
        return 1
    print(respond(sys.argv[1], functions))
    return 0


def respond(document: str, functions: Mapping[str, Function]) -> str:
    """The answer to a call."""
    try:
        (session, arguments), name = loads(document)
        if not isinstance(session, str) or not isinstance(arguments, dict):
            raise ValueError("the parameters are not a session and a struct")
    except (Error, ExpatError, ValueError, TypeError) as error:
        return _failure("XENAPI_PLUGIN_FAILURE", ["", type(error).__name__, str(error)])
    function = functions.get(name or "")
    if function is None:
        return _failure("UNKNOWN_XENAPI_PLUGIN_FUNCTION", [name or ""])
    try:
        value = function(session, {str(key): str(value) for key, value in arguments.items()})
    except PluginFailure as failure:
        log.err("%s: %s", name, failure)
        return _failure(failure.code, failure.parameters)
    except Exception as error:
        import traceback  # 8 ms that only a mistake of ours is worth

        log.err("%s: %s", name, traceback.format_exc().rstrip())
        return _failure("XENAPI_PLUGIN_FAILURE", [name or "", type(error).__name__, str(error)])
    return dumps(({"Status": "Success", "Value": value},), methodresponse=True)


def _failure(code: str, parameters: Sequence[str]) -> str:
    return dumps(({"Status": "Failure", "ErrorDescription": [code, *parameters]},), methodresponse=True)

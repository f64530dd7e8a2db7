"""Modules that wait until they are used are the same modules afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vswitch.linux.later import LATER

START = """
import sys
from types import ModuleType
from vswitch.linux.later import LATER, wait_for_use
wait_for_use()

def waits(name):
    return type(sys.modules[name]) is not ModuleType
"""


def python(program: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run `program` in an interpreter that has imported nothing yet."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    places = "".join(f"import sys; sys.path.insert(0, {str(place)!r})\n" for place in path)
    return subprocess.run(
        [sys.executable, "-c", f"{START}\n{places}{program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def said(program: str, *path: Path) -> str:
    done = python(program, *path)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_asyncio_uses_none_of_them_before_it_has_to() -> None:
    assert said(
        "import asyncio; asyncio.run(asyncio.sleep(0)); print(*sorted(filter(waits, LATER & {*sys.modules})))"
    ) == (" ".join(sorted(LATER - {"ipaddress", "pathlib"})))


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_module_that_was_used_is_as_if_it_had_never_waited(name: str) -> None:
    listing = f"""
import importlib
module = importlib.import_module({name!r})
print(waits({name!r}))
dir(module)
print(waits({name!r}), *sorted(vars(module)))
"""
    waited, *rest = said(listing).split("\n")
    at_once, *same = said(f"sys.meta_path[:] = sys.meta_path[1:]\n{listing}").split("\n")
    assert (waited, at_once) == ("True", "False")
    assert rest == same


def test_to_import_one_again_is_not_to_use_it() -> None:
    assert said("import ssl; import ssl as again; import asyncio.base_events; print(waits('ssl'))") == "True"


def test_a_name_out_of_it_and_all_of_its_names_are_there() -> None:
    assert said("from ssl import SSLError; print(SSLError.__mro__[1].__name__)") == "OSError"
    assert said("from textwrap import *; print(dedent('  x'))") == "x"


def test_what_is_put_in_its_place_stays() -> None:
    assert said("import textwrap; textwrap.dedent = str; print(textwrap.dedent is str)") == "True"


def test_what_it_does_not_have_it_does_not_have() -> None:
    done = python("import textwrap; textwrap.nothing")
    assert "AttributeError: module 'textwrap' has no attribute 'nothing'" in done.stderr


def test_subprocesses_servers_and_tls_work() -> None:
    assert (
        said("""
import asyncio, socket, subprocess

async def main():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    process = await asyncio.create_subprocess_shell("exit 3")
    print(await process.wait())
    await asyncio.open_connection(host, port)
    try:
        import ssl
        print(waits("asyncio.sslproto"))
        await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ConnectionError:
        print(waits("ssl"), waits("asyncio.sslproto"))
    server.close()

asyncio.run(main())
print(subprocess.run(["echo", "text"], capture_output=True, text=True).stdout)
""")
        == "3\nTrue\nFalse False\ntext"
    )


def test_tracebacks_and_loggers_show_lines() -> None:
    done = python("""
import asyncio, logging

async def main():
    asyncio.get_running_loop().call_soon(divide)
    await asyncio.sleep(0)

def divide():
    1 / 0

logging.basicConfig(format="%(name)s: %(message)s")
asyncio.run(main())
""")
    assert not done.returncode
    assert done.stderr.startswith("asyncio: Exception in callback divide()")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_one_that_cannot_be_executed_says_so_each_time(tmp_path: Path) -> None:
    (tmp_path / "textwrap.py").write_text("part = 1\nraise ImportError('no')")
    assert (
        said(
            """
import textwrap
for _ in range(2):
    try:
        textwrap.dedent
    except ImportError as error:
        print(error)
""",
            tmp_path,
        )
        == "no\nno"
    )


def test_one_thread_waits_for_the_other(tmp_path: Path) -> None:
    (tmp_path / "textwrap.py").write_text("import time\nbegun = 1\ntime.sleep(0.2)\nended = 2")
    assert said(
        """
import textwrap
from threading import Thread
threads = [Thread(target=lambda: print(textwrap.ended)) for _ in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
""",
        tmp_path,
    ) == "\n".join("22222")


def test_its_own_body_sees_what_there_is_so_far(tmp_path: Path) -> None:
    (tmp_path / "textwrap.py").write_text(
        "import textwrap\nfirst = 1\nhad = textwrap.first, hasattr(textwrap, 'second')\nsecond = 2"
    )
    assert said("import textwrap; print(textwrap.had, textwrap.second)", tmp_path) == "(1, False) 2"


OWN = """
from vswitch.linux.later import use_what_waits, wait_for_use_of
wait_for_use_of(["one", "two"])
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two modules of a program: the first imports the second."""
    (tmp_path / "one.py").write_text("import two\nprint('one')\n")
    (tmp_path / "two.py").write_text("print('two')\nnumber = 2\n")
    return tmp_path


def test_a_program_may_ask_for_more_that_wait(own: Path) -> None:
    assert said(f"{OWN}import one; print('first'); one.two; print('then'); one.two.number", own).split() == [
        *("first", "one", "then", "two"),
    ]


def test_from_one_that_waits_a_name_is_had_at_once(own: Path) -> None:
    assert said(f"{OWN}from two import number; print(number)", own).split() == ["two", "2"]


def test_what_waits_still_can_be_used_step_by_step(own: Path) -> None:
    steps = "for name in use_what_waits(): print('step', name)"
    assert said(f"{OWN}import one\n{steps}\n{steps}", own).splitlines() == [
        "one",
        "step one",
        "two",
        "step two",
    ]
    assert said(f"{OWN}import textwrap\n{steps}\nprint(waits('textwrap'))", own) == "True"

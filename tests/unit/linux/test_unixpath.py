import socket
from pathlib import Path

import pytest

from vswitch.linux.unixpath import LONGEST, Fitting


def test_a_short_path_stays() -> None:
    with Fitting("/run/db.sock") as path:
        assert path == "/run/db.sock"


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, 400])
def test_sockets_are_bound_and_found_at_paths_of_any_size(tmp_path: Path, size: int) -> None:
    directory = str(tmp_path)
    while len(directory) + 9 < size:
        directory += "/" + "d" * min(200, size - 9 - len(directory))
    path = f"{directory}/db.sock"
    Path(directory).mkdir(parents=True, exist_ok=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        with Fitting(path) as fitting:
            listener.bind(fitting)
        listener.listen()
        with Fitting(path) as fitting:
            client.connect(fitting)
        assert Path(path).is_socket()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_directory_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError), Fitting("/nowhere/" + "x" * 100 + "/db.sock"):
        pass

"""What tests of the packages share: the packages, built once."""

from __future__ import annotations

import pytest

from tests.xenserver.packages import CLASSIC, RUNNING, VERSION, Packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The RPMs of this checkout."""
    return Packages.build(tmp_path_factory.mktemp("rpm"), VERSION, CLASSIC)


@pytest.fixture(scope="session")
def newer_packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The same as a later version, for the kernel that runs here."""
    return Packages.build(
        tmp_path_factory.mktemp("newer"), "3.7.1", {"kernel_uname": RUNNING, "build_number": "123"}
    )

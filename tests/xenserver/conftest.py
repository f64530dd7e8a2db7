"""What tests of the packages share: the packages, built once."""

from __future__ import annotations

import pytest

from tests.xenserver.packages import VERSION, Packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The RPMs of this checkout."""
    return Packages.build(tmp_path_factory.mktemp("rpm"), VERSION)

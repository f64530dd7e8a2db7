"""Settings that the whole suite shares."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from vswitch.base.log import LOG

settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


@pytest.fixture(autouse=True)
def logs_end_with_the_test() -> Iterator[None]:
    """A program that a test runs in this process begins to log on stderr, and would go on in tests that follow."""
    before = dict(LOG.sinks)
    yield
    for destination in LOG.sinks.keys() | before.keys():
        if LOG.sinks.get(destination) is not before.get(destination):
            LOG.install(destination, before.get(destination))

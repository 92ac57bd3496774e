import os

import pytest

from harness import Work

# Python cannot load a library built with the thread sanitizer, but refepp can: these tests drive it.
THREAD_SANITIZED = {'test_feed_equals_journal.py', 'test_delays.py', 'test_kill.py'}


def pytest_ignore_collect(collection_path):
    if os.environ.get('EPPTAP_VARIANT') == 'tsan' and collection_path.name.startswith('test_'):
        return collection_path.name not in THREAD_SANITIZED
    return None


@pytest.fixture
def work(tmp_path):
    """A throw-away folder with keys and a config of two channels, for one test."""
    return Work(tmp_path)

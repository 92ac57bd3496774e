import pytest

from harness import Work


@pytest.fixture
def work(tmp_path):
    """A throw-away folder with keys and a config of two channels, for one test."""
    return Work(tmp_path)

import contextlib
import os
import subprocess

import pytest

from harness import Work, compiled

# Python cannot load a library built with the thread sanitizer, but refepp can: these tests drive it.
THREAD_SANITIZED = {'test_feed_equals_journal.py', 'test_delays.py', 'test_faults.py'}


def pytest_ignore_collect(collection_path):
    if os.environ.get('EPPTAP_VARIANT') == 'tsan' and collection_path.name.startswith('test_'):
        return collection_path.name not in THREAD_SANITIZED
    return None


@pytest.fixture
def work(tmp_path):
    """A throw-away folder with keys and a config of two channels, for one test."""
    return Work(tmp_path)


@pytest.fixture(scope='session')
def store_edit(tmp_path_factory):
    """Runs store_edit.c on a work folder's feed store."""
    program = compiled(tmp_path_factory.mktemp('store_edit') / 'store_edit', 'store_edit.c', '-llmdb')

    def run(work, *arguments):
        subprocess.run([program, work.state_dir / 'feed', *map(str, arguments)], check=True)
    return run


@pytest.fixture
def small_disk(work):
    """A disk of its own for the state directory, of 96 MiB; and a function that fills it, or makes room again."""
    work.state_dir.mkdir(mode=0o700)
    if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=96m,mode=700', 'tmpfs', work.state_dir],
                                           capture_output=True).returncode != 0:
        pytest.skip('only root may mount a small disk')
    ballast = work.state_dir / 'ballast'

    def fill(full):
        if not full:
            ballast.unlink()
            return
        with contextlib.suppress(OSError), open(ballast, 'ab', buffering=0) as file:
            while True:
                file.write(bytes(4096))
    yield fill
    subprocess.run(['umount', '--lazy', work.state_dir], check=True)

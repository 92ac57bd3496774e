"""What is held lies on the disk, not in memory; a restart does not look through it; it comes out in exact order.

EPPTAP_HELD=10000000 for the large run: some ten minutes, and 3 GB on the disk of EPPTAP_HELD_DIR (default: the test's own
folder below /tmp).
"""
import os
import re
import subprocess

import pytest

from harness import built

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason="a sanitizer's own memory is counted, too")

HELD = int(os.environ.get('EPPTAP_HELD', 100000))
SLACK_KB = 128  # RssAnon is counted in coarse steps, and a taller tree has some more pages on the way


def _bench(what, folder):
    """Runs bench-hold, which looks at the order itself: the numbers in its lines, one list for each."""
    done = subprocess.run([built('bench-hold'), what, folder, str(HELD)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return [list(map(float, re.findall(r'[0-9.]+', line))) for line in done.stdout.splitlines()]


def test_millions_are_held_without_memory_and_come_out_in_order(tmp_path):
    folder = os.environ.get('EPPTAP_HELD_DIR', tmp_path)
    (few, few_kb, _), *_, (held, held_kb, _) = _bench('fill', folder)
    assert few < 11000 and held == HELD
    assert held_kb <= 1.1 * few_kb + SLACK_KB

    (opened, milliseconds, _), (released, released_kb, _) = _bench('release', folder)
    assert opened == HELD and milliseconds < 1000
    assert released >= min(HELD, 100000)
    assert released_kb <= 1.1 * few_kb + SLACK_KB

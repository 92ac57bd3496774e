"""`make bench-hosts` works: one short pair, whose figures say nothing."""
import os
import re
import subprocess

import pytest

import nginx_host
from harness import BUILD, REPOSITORY

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='nginx and Apache do not load the sanitizers')


@pytest.mark.parametrize('host', ['nginx', 'apache'])
def test_a_short_pair(host):
    missing = nginx_host.absent() if host == 'nginx' else [
        name for name in ('mod_epptap.so', 'mod_testepp.so') if not (BUILD / name).exists()]
    if missing:
        pytest.skip(f'not there: {missing}')
    done = subprocess.run([REPOSITORY / 'conformance' / 'bench' / 'hosts' / 'run', BUILD, '--pairs', '1', '--seconds', '0.5', host],
                          capture_output=True, text=True, timeout=120)
    # 1: a goal was missed, which a run as short as this may
    assert done.returncode in (0, 1) and done.stderr == '', done.stdout + done.stderr
    assert re.search(rf'^{host} +transactions a second [\d.]+ \(.*\), p99 [\d.]+ \(.*: (good|MISSED)$', done.stdout, re.M)
    (published,) = re.findall(r'^ +1 pairs, (\d+) events published; ', done.stdout, re.M)
    assert int(published) > 50

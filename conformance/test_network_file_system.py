"""A state_dir on a network file system is refused in words, whose locks and syncs can't be trusted.

There is none here: a library in front of the C library's says what statfs() would say of one.
"""
import os
import subprocess
import sys

import pytest

from harness import REPOSITORY, built

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')),
                                reason='a sanitizer must be the first library, and so must the one in front')

STATFS = '''
#include <string.h>
#include <sys/statfs.h>
int statfs(const char *path, struct statfs *system)
{
	(void)path;
	memset(system, 0, sizeof *system);
	system->f_type = %s;
	return 0;
}
'''

OPEN = '''
import sys
sys.path.insert(0, 'conformance')
from harness import Tap, TapError
try:
    Tap(sys.argv[1]).close()
    print('opened')
except TapError as error:
    print(error.result, error.why)
'''


def _as_if_on(work, f_type):
    """The environment in which every file system is of that type."""
    source, library = work.path / 'statfs.c', work.path / 'statfs.so'
    source.write_text(STATFS % f_type)
    subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, source], check=True)
    return os.environ | {'LD_PRELOAD': str(library), 'PYTHONDONTWRITEBYTECODE': '1'}


def _open_on(work, f_type):
    """What opening the tap comes to on a file system of that type."""
    done = subprocess.run([sys.executable, '-c', OPEN, work.config], cwd=REPOSITORY, capture_output=True, text=True,
                          env=_as_if_on(work, f_type), check=True)
    return done.stdout.strip()


@pytest.mark.parametrize('f_type, name', [('0x6969', 'NFS'), ('0xff534d42', 'CIFS'), ('0x00c36400', 'Ceph')])
def test_a_network_file_system_is_refused(work, f_type, name):
    said = _open_on(work, f_type)
    assert said.startswith(f'-6 state_dir {work.state_dir} lies on a network file system ({name})'), said
    assert 'it must be on a local disk' in said
    assert not (work.state_dir / 'spool').exists()


@pytest.mark.parametrize('command', [['epptapd'], ['epptapctl', 'check']], ids=' '.join)
def test_epptapd_and_check_refuse_it_too(work, command):
    work.write_config(publisher='process')
    work.state_dir.mkdir(mode=0o700)
    program, *arguments = command
    done = subprocess.run([built(program), *arguments, work.config], capture_output=True, text=True, timeout=60,
                          env=_as_if_on(work, '0x6969'))
    assert (done.returncode, done.stdout) == (1, '')
    assert f'state_dir {work.state_dir} lies on a network file system (NFS)' in done.stderr
    assert list(work.state_dir.iterdir()) == []


def test_a_local_file_system_is_not(work):
    assert _open_on(work, '0xef53') == 'opened'

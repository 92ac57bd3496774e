"""What the kernel is asked for: nothing in a front end's call, and a sync before a flush returns."""
import re
import shutil
import subprocess

import pytest

from harness import REPOSITORY, built

LINE = re.compile(r'(?P<thread>\d+) +(?P<time>[\d:.]+) (?P<rest>.*)')


@pytest.fixture(scope='module')
def host(tmp_path_factory):
    """The host program, compiled."""
    if not shutil.which('strace'):
        pytest.skip('strace is not installed')
    if subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
        pytest.skip('processes may not be traced here')
    program = tmp_path_factory.mktemp('host') / 'strace_host'
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', f'-I{REPOSITORY}',
                    '-o', program, REPOSITORY / 'conformance' / 'strace_host.c', '-ldl'], check=True)
    return program


def _trace(host, work, calls):
    """The trace's lines as (thread, text), the host's own thread, and what the host printed."""
    trace = work.path / 'trace'
    done = subprocess.run(['strace', '-f', '-tt', '-y', '-o', trace, host, built('epptap.so'), work.config, str(calls)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    matches = [LINE.match(line) for line in trace.read_text(errors='replace').splitlines()]
    lines = [(int(match['thread']), match['rest']) for match in matches if match]
    return lines, lines[0][0], int(done.stdout)


def _between(lines, marker):
    places = [number for number, (_, text) in enumerate(lines) if text.startswith(marker)]
    assert len(places) == 2, f'{marker} marks {len(places)} places'
    return lines[places[0] + 1:places[1]]


@pytest.mark.parametrize('queue, calls', [('64MiB', 500), ('1MiB', 1000)], ids=['room', 'queue full'])
def test_no_system_call_in_a_transaction(host, work, queue, calls):
    work.write_config(capture={'queue': queue, 'frame_limit': '64KiB'})
    lines, own_thread, refused = _trace(host, work, calls)
    own = [text for thread, text in _between(lines, 'getppid(') if thread == own_thread]
    assert [text for text in own if not text.startswith('<... getppid resumed>')] == []
    # calls that find no room are calls like others
    assert refused < 8 * calls
    if queue == '64MiB':
        assert refused == 0
    else:
        assert refused > 0, 'the queue did not fill'


def test_a_flush_returns_only_after_the_segment_was_written_and_synced(host, work):
    lines, own_thread, _ = _trace(host, work, 10)
    section = _between(lines, 'getpgrp(')
    (write,) = [number for number, (_, text) in enumerate(section) if re.match(r'p?write(64)?\(\d+<[^>]*\.seg>', text)]
    writer = section[write][0]
    assert writer != own_thread
    of_writer = [(number, text) for number, (thread, text) in enumerate(section) if thread == writer and number > write]
    begun = next(number for number, text in of_writer if re.match(r'fdatasync\(\d+<[^>]*\.seg>', text))
    ended = next(number for number, text in of_writer
                 if number >= begun and re.match(r'fdatasync\(.*\) += 0$|<\.\.\. fdatasync resumed>\) += 0$', text))
    # all this between the markers: the second one stands behind the flush
    assert write < begun <= ended

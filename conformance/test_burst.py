"""Ten thousand changes at once: who reads gets all of them, and who doesn't read harms nobody."""
import itertools
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import pytest

import frames
from harness import REGISTRY, Tap, built, is_stopped, success, until_heard, wait_until
from subscriber import Subscriber

BURST = 10000
NAMESERVERS = [f'ns{number}.a-hoster-with-a-long-name.example' for number in range(13)]

# A reader whose queue has room for one message; stops itself after the first, as a process that hangs.
STALLED = '''
import os, signal, sys, zmq
sys.path.insert(0, sys.argv[2])
from subscriber import Subscriber
with Subscriber(sys.argv[1], high_water_mark=1) as subscriber:
    subscriber.receive(20000)
    os.kill(os.getpid(), signal.SIGSTOP)
    heard = 1
    while subscriber.receive(1000):
        heard += 1
print(heard)
'''


def _burst(tap, first=0):
    """Shows BURST changes; how long each call took, in microseconds, in order."""
    pairs = [(frames.update_domain(f'n{number}.example', NAMESERVERS).encode(), success(f'S-{number}'))
             for number in range(first, first + BURST)]
    took = []
    for command, response in pairs:
        before = time.perf_counter_ns()
        tap.transaction(command, response)
        took.append((time.perf_counter_ns() - before) / 1000)
    return took


def _until_all(tap, subscriber):
    """Reads what the subscriber has yet to hear of all that was published."""
    tap.flush()
    spooled = tap.stats()['spooled']
    tap.wait_published(spooled, seconds=30)
    messages = subscriber.collect(lambda got: got and got[-1].index == spooled - 1, seconds=30)
    assert messages is not None, 'the subscriber missed the last events'
    return messages


def test_a_reader_gets_all_of_a_burst(work):
    watched = work.path / 'watched'
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as subscriber, open(watched, 'wb') as out:
        watch = subprocess.Popen(
            [built('eppwatch'), 'follow', '--connect', work.endpoint('public'), '--channel', 'public', '--registry', REGISTRY,
             '--jwks', work.log_dir('public') / 'jwks.json', '--json', '--timeout', '60'],
            stdout=out, stderr=subprocess.PIPE)
        try:
            first = until_heard(tap, subscriber).index
            wait_until('eppwatch hears a probe', lambda: tap.transaction(
                frames.update_domain('probe.example', NAMESERVERS), success('S')) == 0 and watched.stat().st_size, every=0.05)
            _burst(tap)
            messages = _until_all(tap, subscriber)
            last = messages[-1].index
            assert [message.index for message in messages] == list(range(first + 1, last + 1))
            stats = tap.stats()
            assert stats['lost']['queue_full'] == 0 and stats['publisher']['published'] == last + 1

            end = f'"index":{last},'.encode()
            wait_until('eppwatch shows the last', lambda: end in watched.read_bytes()[-8000:], seconds=60, every=0.1)
            watch.terminate()
            _, err = watch.communicate(timeout=60)
            assert (watch.returncode, err) == (0, b'')  # nothing missed, nothing unverified
            lines = watched.read_bytes().splitlines()
            assert len(lines) >= BURST
            assert int(lines[0].split(b'"index":')[1].split(b',')[0]) == last + 1 - len(lines)
        finally:
            watch.kill()


@pytest.fixture
def stalled(work):
    """Begins a reader that hangs once it has heard something; a function that starts it."""
    processes = []

    def start():
        processes.append(subprocess.Popen([sys.executable, '-c', STALLED, work.endpoint('public'),
                                           str(pathlib.Path(__file__).parent)], stdout=subprocess.PIPE))
        return processes[0]
    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_reader_that_hangs_harms_neither_the_front_end_nor_other_readers(work, stalled):
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as subscriber:
        until_heard(tap, subscriber)
        before = _burst(tap)
        begun = time.monotonic()
        messages = _until_all(tap, subscriber)
        published_before = time.monotonic() - begun

        process = stalled()
        numbers = itertools.count()
        wait_until('the other reader heard something and hangs', lambda: tap.transaction(
            frames.update_domain(f'probe-{next(numbers)}.example', NAMESERVERS), success('S')) == 0 and is_stopped(process.pid),
            seconds=20)
        for burst in (1, 2):  # the first one fills what lies between
            during = _burst(tap, burst * BURST)
            begun = time.monotonic()
            messages += _until_all(tap, subscriber)
            assert time.monotonic() - begun < 4 * published_before + 4, 'the publisher waited for the reader that hangs'
            assert statistics.median(during) < 3 * statistics.median(before) + 20
            assert statistics.quantiles(during, n=100)[98] < 5 * statistics.quantiles(before, n=100)[98] + 500
            assert sorted(during)[-3] < max(before) + 250000  # the machine may pause twice
        assert [message.index for message in messages] == list(range(messages[0].index, messages[-1].index + 1))
        stats = tap.stats()
        assert stats['lost']['queue_full'] == 0 and stats['publisher']['state'] == 'publishing'

        # it did hang: of what was sent since, it lacks what no buffer had room for
        os.kill(process.pid, signal.SIGCONT)
        heard = int(process.communicate(timeout=60)[0])
        assert heard < 2 * BURST

"""Bursts to a crowd of subscribers, some of them slow, stopped, killed or late: each ends with every event, live or from the
log, and none of them harms the others, the sender or the publisher.

EPPTAP_BURST="100000 50" for the large run, which also leaves some stopped for longer than a connection lives.
"""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

import frames
from crowd import log_entries, payload
from harness import Epptapd, Tap, built, success, wait_until
from log_maker import Channel
from test_eppwatch_log import Watch

EVENTS, READERS = map(int, os.environ.get('EPPTAP_BURST', '4000 12').split())
LARGE = EVENTS > 20000
PATIENCE = 60 + EVENTS // 100  # seconds, on a busy machine
STOPPED_FOR = 45 if LARGE else 0  # a peer that does not answer is dropped after 30 s
CROWD = 20  # readers a process
NAMESERVERS = [f'ns{number}.a-hoster-with-a-long-name.example' for number in range(4)]


class Follower:
    """An eppwatch that follows the channel's log; its lines go to a file, or to a pipe that somebody reads slowly."""

    def __init__(self, work, name, *arguments, slow_pipe=False):
        self.name, self.out = name, work.path / f'{name}.out'
        self.err = work.path / f'{name}.err'
        self.command = [built('eppwatch'), 'follow', work.log_dir('public'), '--from', 'start', '--json', '--state',
                        work.path / f'{name}.state', *arguments]
        self.slow_pipe, self.reads = slow_pipe, threading.Event()
        self.begin()

    def begin(self):
        with open(self.out, 'ab') as out, open(self.err, 'ab') as err:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE if self.slow_pipe else out, stderr=err)
        if self.slow_pipe:
            threading.Thread(target=self._copy, daemon=True).start()

    def _copy(self):
        """Nothing while the burst lasts; then a bit at a time."""
        with open(self.out, 'ab', buffering=0) as out:
            self.reads.wait()
            while chunk := self.process.stdout.read1(65536):
                out.write(chunk)
                time.sleep(0.002)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def said(self):
        return self.err.read_text()

    def has(self, index):
        """Has it shown the event with this index, and so all before?"""
        with open(self.out, 'rb') as out:
            out.seek(max(0, self.out.stat().st_size - 8000))
            return f'"index":{index},'.encode() in out.read()

    def end(self):
        self.signal(signal.SIGTERM)
        status = self.process.wait(60)
        assert status == 0, f'{self.name}: {self.said()}'

    def digest(self):
        """Of its lines, each once: who was killed shows some again."""
        seen, digest = set(), hashlib.sha256()
        with open(self.out, 'rb') as out:
            for line in out:
                key = hash(line)
                if key not in seen and line.endswith(b'\n'):
                    seen.add(key)
                    digest.update(line)
        return digest.hexdigest()


class Crowd:
    """A process of many raw subscribers (crowd.py)."""

    def __init__(self, work, count, kind='quick'):
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name('crowd.py'), work.endpoint('public'), work.log_dir('public'),
             str(count), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = threading.Event()
        threading.Thread(target=self._wait_ready, daemon=True).start()

    def _wait_ready(self):
        if self.process.stdout.readline() == 'ready\n':
            self.ready.set()

    def judge(self, size):
        out, _ = self.process.communicate(f'{size}\n', timeout=PATIENCE)
        return json.loads(out)


def _memory(pid):
    """The most that a process ever had in memory, in MiB."""
    (line,) = (line for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) // 1024


def _update(tap, number, prefix='n'):
    tap.transaction(frames.update_domain(f'{prefix}{number}.example', NAMESERVERS).encode(), success(f'S-{number}'))


def _is_connected(follower):
    return 'connected' in follower.said()


@pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='a crowd is too much for a sanitized build')
def test_each_reader_of_a_burst_ends_with_every_event(work):
    work.write_config(publisher='process', capture={'queue': '512MiB'})
    processes, begun = [], time.monotonic()
    log = work.log_dir('public')
    with Tap(work.config) as tap, Epptapd(work.config) as daemon:
        try:
            wait_until('there is a log', (log / 'checkpoint').exists)
            sender = daemon.sender('public')
            followers = {name: Follower(work, name) for name in ('quick', 'stopped', 'jerky')}
            followers['stuck'] = Follower(work, 'stuck', slow_pipe=True)
            followers['killed'] = Follower(work, 'killed', '--cursor', work.path / 'killed.cursor')
            slow = [Crowd(work, 1 + 2 * LARGE, 'slow'), Crowd(work, 1 + LARGE)]  # the second is stopped
            left = READERS - 1 - len(followers) - 2 - 3 * LARGE
            quick = [Crowd(work, min(CROWD, left - first)) for first in range(0, left, CROWD)]
            processes += [reader.process for reader in (*followers.values(), *slow, *quick)]
            for follower in followers.values():
                wait_until(f'{follower.name} is connected', lambda: _is_connected(follower), 60)
            probes = iter(range(10 ** 6))
            wait_until('the crowd hears a probe', lambda: _update(tap, next(probes), 'probe') or
                       all(crowd.ready.is_set() for crowd in (*slow, *quick)), 60, every=0.1)

            # the burst
            stopped = [followers['stopped'], slow[1]]
            for reader in stopped:
                os.kill(reader.process.pid, signal.SIGSTOP)
            sent = time.monotonic()
            for number in range(EVENTS):
                _update(tap, number)
                if number % (EVENTS // 20) == 0:
                    followers['jerky'].signal(signal.SIGSTOP if number // (EVENTS // 20) % 2 else signal.SIGCONT)
                if number == EVENTS // 2:
                    followers['killed'].signal(signal.SIGKILL)
                    followers['late'] = Follower(work, 'late')
                    processes.append(followers['late'].process)
            followers['jerky'].signal(signal.SIGCONT)
            size = tap.stats()['accepted']
            called = time.monotonic()
            wait_until('all is in the log', lambda: work.checkpoint('public')[1] == size, PATIENCE)
            logged = time.monotonic()
            followers['killed'].process.wait()
            followers['killed'].begin()
            processes.append(followers['killed'].process)
            while time.monotonic() < sent + STOPPED_FOR:  # no effect is waited for: this is how long they are stopped
                time.sleep(0.1)
            for reader in stopped:
                os.kill(reader.process.pid, signal.SIGCONT)
            followers['stuck'].reads.set()

            # each has all
            for follower in followers.values():
                wait_until(f'{follower.name} has shown all', lambda: follower.has(size - 1), PATIENCE)
            shown = time.monotonic()
            for follower in followers.values():
                follower.end()
            wanted = hashlib.sha256()
            for index, entry in enumerate(log_entries(log, size)):
                wanted.update(b'{"channel":"public","index":%d,"event":%s}\n' % (index, payload(entry)))
            for follower in followers.values():
                assert follower.digest() == wanted.hexdigest(), f'{follower.name}: {follower.said()}'
            seen = [reader for crowd in (*slow, *quick) for reader in crowd.judge(size)]
            assert len(seen) + len(followers) == READERS
            for reader in seen:
                assert reader['differs'] == 0 and reader['disorder'] == 0, reader
                assert reader['live'] + reader['from_log'] == size

            # and nobody else was harmed
            assert tap.stats()['lost']['queue_full'] == 0
            assert daemon.sender('public') == sender, 'the sender had to be started again'
            print(f'{EVENTS} events to {READERS}: {called - sent:.1f} s of calls, in the log after {logged - sent:.1f} s, '
                  f'shown by all after {shown - sent:.1f} s, {time.monotonic() - begun:.0f} s in all; '
                  f'sender {_memory(sender)} MiB, publisher {_memory(daemon.publisher())} MiB; came live: '
                  + ' '.join(f'{reader["live"]}' for reader in seen))
            print(json.dumps(daemon.status()['senders']))
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_a_reader_that_was_stopped_does_not_say_that_the_feed_stood_still(tmp_path):
    with Channel(tmp_path / 'log', socket=True) as channel:
        channel.add(channel.event('first.example'))
        channel.publish()
        with Watch('follow', channel.folder, '--max-age', 2, '--from', 'start', '--json', state=tmp_path / 'state') as watch:
            channel.wait_subscribed()
            watch.wait_said('connected')
            watch.wait_events(1)
            said = len(watch.err)
            watch.process.send_signal(signal.SIGSTOP)
            begun = time.monotonic()

            def feed_goes_on():
                channel.publish()  # on the disk alone: nothing waits at the socket that would say so
                return time.monotonic() > begun + 4
            wait_until('it was stopped for longer than a checkpoint may be old', feed_goes_on, every=0.2)
            channel.add(channel.event('second.example'))
            channel.publish()
            watch.process.send_signal(signal.SIGCONT)
            watch.wait_events(2)
            assert not any('stands still' in line for line in watch.err[said:]), watch.err
            # and now it does stand still
            watch.wait('it says so', lambda watch: any('stands still' in line for line in watch.err[said:]))
            assert watch.stop() == 4

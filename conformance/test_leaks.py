"""No contact data, no secret, no free text of any case is anywhere but in the frames themselves: not in the state folder,
not in the logs, not on a socket, not on stdout or stderr."""
import json
import subprocess
import sys

import pytest

import harness
import leakscan
from harness import Work, feed_dump, wait_until
from subscriber import Subscriber


class Run:
    """A process that fed all cases to the tap, seen from outside."""

    def __init__(self, folder):
        self.work = Work(folder)
        curve = (self.work.keys / 'server.pub', self.work.add_client('reader'))
        self.work.write_config(delay={'create': '24h'}, **harness.all_own_words())
        self.stderr = folder / 'stderr.txt'
        with open(self.stderr, 'wb') as stderr, \
                Subscriber(self.work.endpoint('vetted'), curve=curve) as vetted, \
                Subscriber(self.work.endpoint('public')) as public:
            self.process = subprocess.Popen([sys.executable, harness.__file__, str(self.work.config)], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
            try:
                self._follow(vetted, public)
            finally:
                self.process.stdin.close()
                self.process.stdout.close()
                self.process.wait(20)
            self.sockets = {'vetted': b'\0'.join(vetted.raw), 'public': b'\0'.join(public.raw)}

    def _say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def _follow(self, vetted, public):
        assert self.process.stdout.readline() == 'open\n', self.stderr.read_text()
        for subscriber in (vetted, public):
            def heard():
                self._say('probe')
                return subscriber.receive(100)
            wait_until('a probe is heard', heard, every=0)
        self._say('go')
        self.stdout = self.process.stdout.readline()
        self.stats = json.loads(self.stdout)
        for name, subscriber in (('vetted', vetted), ('public', public)):
            sent = [line for line in feed_dump(self.work.config, name) if line['index'] is not None]
            last = sent[-1]['index']
            assert subscriber.collect(lambda messages: messages and messages[-1].index == last), name
        self._say('end')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp('leaks'))


def _scan_all(run, canaries):
    found = leakscan.scan([run.work.path], canaries, leave_out=[run.work.keys])
    for name, frames in run.sockets.items():
        found += leakscan.scan_bytes(frames, canaries, f'socket of {name}')
    return found + leakscan.scan_bytes(run.stdout.encode(), canaries, 'stdout')


def test_no_canary_is_found_anywhere(run):
    assert list(map(str, _scan_all(run, harness.canaries()))) == []


def test_what_is_published_is_found_where_it_should_be(run):
    """Or the test above would find nothing because it looks nowhere."""
    places = {finding.place.split(',')[0] for finding in _scan_all(run, ['moving.example', 'shop.example'])}
    assert str(run.work.state_dir / 'feed' / 'data.mdb') in places
    assert {'socket of vetted', 'socket of public'} <= places
    assert run.stats['publisher']['published'] > 60


def test_a_held_create_is_on_the_vetted_socket_alone(run):
    found = {finding.place.split(',')[0] for finding in _scan_all(run, ['shop.example'])}
    assert 'socket of vetted' in found
    assert 'socket of public' not in found


def test_a_planted_leak_is_found(run):
    canary = harness.canaries()[0]
    folder = run.work.log_dir('public') / 'planted'
    folder.mkdir()
    planted = folder / '000'
    try:
        planted.write_bytes(b'some bytes ' + canary.encode('utf-16-le') + b' more')
        assert leakscan.Finding(str(planted), canary, 'UTF-16LE') in _scan_all(run, harness.canaries())
    finally:
        planted.unlink()
        folder.rmdir()


def test_stderr_holds_our_own_words_only(run):
    lines = run.stderr.read_text().splitlines()
    assert [line for line in lines if not line.startswith('epptap: warning: publisher: embedded: ')] == []
    assert run.process.returncode == 0

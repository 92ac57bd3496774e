"""The channels' logs, verified by a program in Go that shares no code with us: tlogcheck, on Debian's golang.org/x/mod. Over
growth, restarts, kills, retention, rotation of keys and a new log; and whatever bit is flipped, it finds it."""
import base64
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest
from cryptography.hazmat.primitives import serialization

from harness import REPOSITORY, Epptapd, Tap, built, epptapctl, feed_dump, object_frames, until_heard, wait_until
from log_maker import NoteKey
from subscriber import Subscriber

GOCODE = pathlib.Path('/usr/share/gocode')
MODULE = GOCODE / 'src/golang.org/x/mod/sumdb/tlog'
MANY = int(os.environ.get('EPPTAP_AUDIT_EVENTS', '10000'))
AUDIT_MEMORY = 160  # MiB, however large the log is: bundle, tiles, and the last events of a million objects


@pytest.fixture(scope='session')
def tlogcheck(tmp_path_factory):
    """Runs tlogcheck; its exit status, and what it prints."""
    if not shutil.which('go') or not MODULE.is_dir():
        pytest.skip('golang-go or golang-golang-x-mod-dev is not there: etc/install-deps installs them')
    folder = tmp_path_factory.mktemp('tlogcheck')
    # without what a sanitized build puts into the environment of these tests
    environment = {name: value for name, value in os.environ.items() if name != 'LD_PRELOAD'}
    environment |= {'GO111MODULE': 'off', 'GOPATH': str(GOCODE), 'GOCACHE': str(folder / 'cache'), 'GOFLAGS': ''}
    subprocess.run(['go', 'build', '-o', folder / 'tlogcheck', '.'], cwd=REPOSITORY / 'conformance' / 'tlogcheck', check=True,
                   env=environment)

    def run(*arguments):
        done = subprocess.run([folder / 'tlogcheck', *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=environment)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, done.stdout.strip()
    run.program, run.environment = folder / 'tlogcheck', environment
    return run


class Log:
    """The log of a channel, and the checkpoints that were seen of it."""

    def __init__(self, work, channel='vetted'):
        self.work, self.channel = work, channel
        self.folder = work.log_dir(channel)
        self.seen = work.path / f'seen-{channel}'
        self.seen.mkdir(exist_ok=True)
        self.count = 0

    def size(self):
        return self.work.checkpoint(self.channel)[1]

    def look(self):
        """Keeps the checkpoint as it is now."""
        self.count += 1
        (self.seen / f'{self.count:06}').write_bytes((self.folder / 'checkpoint').read_bytes())

    def wait(self, size, seconds=40):
        wait_until(f'the log has {size} entries',
                   lambda: (self.folder / 'checkpoint').exists() and self.size() >= size, seconds)
        self.look()

    def older(self):
        return sorted(self.seen.iterdir())


def _show(tap, count, prefix='n'):
    for number in range(count):
        tap.transaction(*object_frames('update', f'{prefix}{number}.example', number))


def _good(tlogcheck, log, size, *options):
    status, said = tlogcheck(*options, log.folder, *log.older())
    assert status == 0, said
    assert said.startswith(f'good: {size} in the log, '), said
    return said


def test_a_log_verifies_as_it_grows(work, tlogcheck):
    choice = random.Random(5)
    work.write_config(checkpoint='100ms')
    log, public = Log(work), Log(work, 'public')
    with Tap(work.config) as tap:
        log.wait(0)
        _good(tlogcheck, log, 0)
        size = 0
        while size < 600:
            more = 1 if size < 12 or 250 < size < 262 else choice.randrange(1, 40)
            _show(tap, more, f's{size}-')
            size += more
            log.wait(size)
            assert log.size() == size
            if size < 12 or choice.random() < .2:
                _good(tlogcheck, log, size)
        public.wait(size)
    assert f' {size} entries, {size} proofs of inclusion' in _good(tlogcheck, log, size)
    assert f'{len(log.older())} older checkpoints' in _good(tlogcheck, log, size)
    _good(tlogcheck, public, size)
    assert log.folder.stat().st_mode & 0o777 == 0o750 and (log.folder / 'checkpoint').stat().st_mode & 0o777 == 0o640
    assert public.folder.stat().st_mode & 0o777 == 0o755 and (public.folder / 'checkpoint').stat().st_mode & 0o777 == 0o644
    # entries are the feed's
    jws = [line['jws'] for line in feed_dump(work.config, 'vetted')]
    bundle = (log.folder / 'tile/entries/000').read_bytes()
    assert bundle[2:2 + int.from_bytes(bundle[:2], 'big')].decode() == jws[0]
    # and the next process goes on with it
    with Tap(work.config) as tap:
        _show(tap, 20, 'later')
        log.wait(size + 20)
    _good(tlogcheck, log, size + 20)


def test_checkpoints_are_sent_too_and_now_and_then_without_news(work, tlogcheck):
    work.write_config(checkpoint='100ms')
    log = Log(work, 'public')
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as subscriber:
        until_heard(tap, subscriber)
        _show(tap, 30)
        log.wait(tap.stats()['accepted'])

        def heard(least):
            subscriber.receive(50)
            return len(subscriber.checkpoints) >= least and subscriber.checkpoints[-1][0] == log.size()
        wait_until('a checkpoint of all is heard', lambda: heard(1))
        assert subscriber.checkpoints[-1][1] == (log.folder / 'checkpoint').read_bytes()
        for _ in range(3):  # the machine may pause
            count, then = len(subscriber.checkpoints), time.monotonic()
            wait_until('the next one is heard', lambda: heard(count + 1), 15)
            took = time.monotonic() - then
            assert took > 5
            if took < 11:
                break
        assert took < 11
        (text, *_), (later, *_) = ([note.split(b'\n\n')[0], note] for _, note in subscriber.checkpoints[-2:])
        assert text == later and subscriber.checkpoints[-2][1] != subscriber.checkpoints[-1][1]
    assert json.loads((log.folder / 'feed.json').read_text())['connect'] == [work.endpoint('public')]
    _good(tlogcheck, log, log.size())


@pytest.mark.parametrize('kill', ['publisher', 'all'])
def test_whatever_is_killed_the_log_tells_one_history(work, tlogcheck, kill):
    choice = random.Random(7)
    work.write_config(publisher='process', checkpoint='100ms')
    log = Log(work)
    number = 0
    with Tap(work.config) as tap:
        for _ in range(4):
            with Epptapd(work.config) as daemon:
                for _ in range(3):
                    until = time.monotonic() + choice.uniform(.2, .7)
                    while time.monotonic() < until:
                        _show(tap, choice.randrange(1, 60), f'k{number}-')
                        number += 1
                        if (log.folder / 'checkpoint').exists():
                            log.look()
                        time.sleep(.01)
                    if kill == 'publisher':
                        killed = daemon.publisher()
                        os.kill(killed, signal.SIGKILL)
                        wait_until('another publishes', lambda: daemon.children()['epptapd-publish'] not in ([], [killed]), 20)
                if kill == 'all':
                    daemon.process.kill()
                    daemon.process.wait()
        with Epptapd(work.config):
            changes = tap.stats()['accepted']
            log.wait(changes, 30)
    assert log.size() == changes == len(feed_dump(work.config, 'vetted')) > 256
    _good(tlogcheck, log, changes)


def test_what_is_past_its_retention_goes_and_the_log_still_verifies(work, tlogcheck, store_edit):
    work.write_config(checkpoint='100ms', retention='1h')
    log = Log(work)
    with Tap(work.config) as tap:
        _show(tap, 700)
        log.wait(700)
    store_edit(work, 'older', 2 * 3600 * 1000)
    with Tap(work.config) as tap:
        _show(tap, 30, 'new')
        log.wait(730)
        wait_until('readers are told', lambda: json.loads((log.folder / 'feed.json').read_text())['minimum_index'] == 512, 15)
        wait_until('bundles are gone', lambda: not (log.folder / 'tile/entries/001').exists())
    assert not (log.folder / 'tile/entries/000').exists() and (log.folder / 'tile/0/000').exists()
    assert ' 218 entries, 218 proofs of inclusion' in _good(tlogcheck, log, 730)
    # what is in the log's last bundle stays, so that the bundle can grow
    assert [line['index'] for line in feed_dump(work.config, 'vetted')] == list(range(512, 730))


def _keygen(work, name):
    folder = work.path / name
    epptapctl('keygen', folder)
    return folder / 'log.pem'


def test_keys_change_while_the_log_goes_on(work, tlogcheck):
    work.write_config(checkpoint='100ms')
    log = Log(work)
    keys = {name: str(work.keys / f'{name}.pem') for name in ('event', 'log', 'cosigner')}
    old, new = keys['log'], str(_keygen(work, 'new'))
    with Tap(work.config) as tap:
        _show(tap, 300)
        log.wait(300)
        before = json.loads((log.folder / 'feed.json').read_text())
        shutil.copytree(log.folder, work.path / 'before', ignore=shutil.ignore_patterns('*.p', '*.new'))  # they come and go
        work.write_config(checkpoint='100ms', keys=dict(keys, log=new, log_before=old))
        tap.reload()
        _show(tap, 10, 'both')
        log.wait(310)
        wait_until('the new key is named', lambda: len(json.loads((log.folder / 'feed.json').read_text())['verifier_keys']) == 3)
        both = json.loads((log.folder / 'feed.json').read_text())
        assert len(before['verifier_keys']) == 2
        assert both['verifier_keys'][1] == before['verifier_keys'][0] and both['verifier_keys'][2] == before['verifier_keys'][1]
        _good(tlogcheck, log, 310)
        # who knows the old keys alone verifies both
        (work.path / 'before' / 'checkpoint').write_bytes((log.folder / 'checkpoint').read_bytes())
        status, said = tlogcheck(work.path / 'before')
        assert (status, said) == (1, 'FAULT: checkpoint: 2 of 2 keys signed, and 1 unknown ones')
        # the old key's time is over, after a restart
    work.write_config(checkpoint='100ms', keys=dict(keys, log=new))
    with Tap(work.config) as tap:
        _show(tap, 10, 'new')
        log.wait(320)
        wait_until('the old key is named no more', lambda: json.loads((log.folder / 'feed.json').read_text())['verifier_keys'] ==
                   both['verifier_keys'][::2])
    for path in log.older()[:1]:
        path.unlink()  # signed by the old key alone
    _good(tlogcheck, log, 320)


def test_a_new_log_has_another_origin_and_the_old_one_still_verifies(work, tlogcheck):
    work.write_config(checkpoint='100ms')
    log = Log(work)
    with Tap(work.config) as tap:
        _show(tap, 300)
        log.wait(300)
    shutil.rmtree(work.state_dir)
    epptapctl('new-log', work.config)
    (aside,) = log.folder.glob('before-*')
    status, said = tlogcheck(aside, *log.older())
    assert status == 0, said
    for path in log.older():
        path.unlink()
    with Tap(work.config) as tap:
        _show(tap, 10)
        log.wait(11)
    _good(tlogcheck, log, 11)
    assert json.loads((log.folder / 'feed.json').read_text())['origin'] == work.checkpoint('vetted')[0]


def test_without_keys_for_it_a_channel_has_no_log(work):
    work.write_config(keys={'event': str(work.keys / 'event.pem')})
    assert 'no channel has a log' in epptapctl('check', work.config).stdout
    with Tap(work.config) as tap:
        _show(tap, 3)
        tap.wait_published(3)
        wait_until('the position is told', lambda: (work.log_dir('vetted') / 'position.json').exists())
    feed = json.loads((work.log_dir('vetted') / 'feed.json').read_text())
    assert 'verifier_keys' not in feed and 'origin' not in feed and feed['jwks'] == 'jwks.json'
    assert not (work.log_dir('vetted') / 'checkpoint').exists()
    # the log begins with what was published before, as long as the store has it
    work.write_config(checkpoint='100ms')
    with Tap(work.config) as tap:
        Log(work).wait(3)
    assert not (work.log_dir('vetted') / 'position.json').exists()


def test_a_test_event_goes_the_whole_way(work):
    work.write_config(delay={'create': '1h'}, checkpoint='100ms')
    for state in ('', 'x' * 129, 'two\nlines', 'n\u00e4'):
        done = epptapctl('test-event', work.config, state, check=False)
        assert done.returncode == 1 and '1 to 128 characters' in done.stderr
    log = Log(work, 'public')
    with Tap(work.config) as tap, Subscriber(work.endpoint('public'), topics=['~event', 'example.']) as subscriber:
        until_heard(tap, subscriber)
        before = time.time()
        epptapctl('test-event', work.config, 'it\'s 9 o\'clock, "all" well')
        message = subscriber.collect(lambda got: got and got[-1].topic == '~event')[-1]
        (line,) = (line for line in feed_dump(work.config, 'public') if line['jws'] == message.jws.decode())
        assert line['event']['events'] == {'urn:epptap:verification': {'state': 'it\'s 9 o\'clock, "all" well'}}
        assert before - 1 < line['event']['toe'] <= time.time()
        assert line['event']['sub_id']['uri'] == line['event']['iss']
        log.wait(message.index + 1)


def _flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_a_flipped_bit_anywhere_is_found(work, tlogcheck):
    choice = random.Random(9)
    work.write_config(checkpoint='100ms')
    log = Log(work)
    with Tap(work.config) as tap:
        for size in (200, 255, 300, 512, 600):
            _show(tap, size - (log.size() if size > 200 else 0), f's{size}-')
            log.wait(size)
    _good(tlogcheck, log, 600)
    files = [path for path in [log.folder / 'checkpoint', *(log.folder / 'tile').rglob('*')] if path.is_file()]
    assert len(files) > 8
    for path in files:
        good = path.read_bytes()
        for bit in [0, 8 * len(good) - 1] + [choice.randrange(8 * len(good)) for _ in range(12)]:
            _flip(path, bit)
            status, said = tlogcheck('-every', 100, log.folder)
            assert (status, said[:5]) == (1, 'FAULT'), f'{path}, bit {bit}: {said}'
            path.write_bytes(good)
        path.write_bytes(good[:-1])
        assert tlogcheck('-every', 100, log.folder)[0] == 1, f'{path}, cut'
        path.write_bytes(good)
    _good(tlogcheck, log, 600)


def _signed_by_the_registry(work, log, size, root):
    """A checkpoint that the keys of the channel's own log signed."""
    feed = json.loads((log.folder / 'feed.json').read_text())
    origin = feed['origin']
    keys = [NoteKey(known.split('+')[0], kind, serialization.load_pem_private_key((work.keys / file).read_bytes(), None))
            for known, kind, file in zip(feed['verifier_keys'], (1, 4), ('log.pem', 'cosigner.pem'))]
    assert [key.verifier for key in keys] == feed['verifier_keys']
    text = f'{origin}\n{size}\n{base64.b64encode(root).decode()}\n'.encode()
    return text + b'\n' + b''.join(key.line(text, int(time.time())) for key in keys)


def test_a_fork_that_the_registry_itself_signed_is_found(work, tlogcheck):
    work.write_config(checkpoint='100ms')
    log = Log(work)
    with Tap(work.config) as tap:
        _show(tap, 300)
        log.wait(300)
        state = work.path / 'state-of-eppwatch'
        follow = [built('eppwatch'), 'audit', log.folder, '--json', '--state', state]
        assert subprocess.run(follow, capture_output=True).returncode == 0
        _show(tap, 100, 'more')
        log.wait(400)
    honest = log.older()
    root = base64.b64decode((log.folder / 'checkpoint').read_bytes().split(b'\n')[2])
    (log.seen / '000900').write_bytes(_signed_by_the_registry(work, log, 400, root))
    _good(tlogcheck, log, 400)  # so what is signed here passes for the registry's
    # at an older size, and at the same, the log was another
    for name, at in (('000001x', 350), ('000901', 400)):
        forked = log.seen / name
        forked.write_bytes(_signed_by_the_registry(work, log, at, bytes(32)))
        status, said = tlogcheck(log.folder, *honest[:1], forked)
        assert status == 1 and said.startswith('FAULT'), said
    # and to a follower who saw the log before it is shown as it now is
    (log.folder / 'checkpoint').write_bytes(_signed_by_the_registry(work, log, 400, bytes(32)))
    assert tlogcheck(log.folder)[0] == 1
    done = subprocess.run(follow, capture_output=True, text=True)
    assert done.returncode == 1 and json.loads(done.stdout)['faults'], done.stdout


def _memory(pid):
    """The most that a process ever had in memory, in MiB."""
    (line,) = (line for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) // 1024


def _measured(command, environment=None):
    """Runs it: exit status, what it prints, seconds, and the most memory it had while it ran, in MiB. (What wait4() tells
    counts what we had when it was started.)"""
    begun, memory = time.monotonic(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, env=environment)
        while process.poll() is None:
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                memory = max(memory, _memory(process.pid))
            time.sleep(0.01)
        out.seek(0)
        return process.returncode, out.read().decode(), time.monotonic() - begun, memory


@pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='it measures, and a sanitized build is slow')
def test_eppwatch_audit_and_tlogcheck_agree_on_a_large_log(work, tlogcheck):
    """EPPTAP_AUDIT_EVENTS=1000000 for the large run; `pytest -s` shows what it took."""
    work.write_config(publisher='process', capture={'queue': '256MiB'})
    log = Log(work, 'public')
    with Tap(work.config) as tap, Epptapd(work.config) as daemon:
        begun = time.monotonic()
        for number in range(MANY):
            tap.transaction(*object_frames('update', f'n{number * 7919 % 50021}.example', number))
            if number % 10000 == 0:
                wait_until('the disk keeps up', lambda: tap.stats()['accepted'] - tap.stats()['spooled'] < 50000, 60)
        log.wait(MANY, seconds=60 + MANY // 500)
        took, memory = time.monotonic() - begun, _memory(daemon.publisher())
        assert tap.stats()['lost']['queue_full'] == 0
    every = max(1, MANY // 2000)
    state = work.path / 'state-of-eppwatch'

    def both():
        audit = _measured([built('eppwatch'), 'audit', log.folder, '--json', '--max-age', 10 ** 6, '--state', state])
        return audit, _measured([tlogcheck.program, '-every', every, log.folder, *log.older()], tlogcheck.environment)
    audit, check = both()
    assert audit[0] == 0 and check[0] == 0, (audit, check)
    report = json.loads(audit[1])
    assert report['size'] == report['verified'] == MANY and report['wrong'] == 0, report
    assert check[1].startswith(f'good: {MANY} in the log, {MANY} entries, '), check
    print(f'{MANY} events: {took:.0f} s through plugin, spool and publisher, whose memory was {memory} MiB; audit {audit[2]:.1f} s, '
          f'{audit[3]} MiB; tlogcheck {check[2]:.1f} s, {check[3]} MiB')
    assert audit[3] < AUDIT_MEMORY, 'the audit grows with the log'
    # and on what is wrong: in a small one, for each look takes as long as the first
    if MANY > 50000:
        return
    choice = random.Random(3)
    for path in (choice.choice(sorted((log.folder / 'tile/entries').rglob('[0-9]*[0-9]'))),
                 choice.choice(sorted((log.folder / 'tile/0').rglob('[0-9]*[0-9]')))):
        good = path.read_bytes()
        _flip(path, choice.randrange(8 * len(good)))
        audit, check = both()
        name = str(path.relative_to(log.folder))
        assert (audit[0], check[0]) == (1, 1) and name in audit[1], (name, audit, check)
        path.write_bytes(good)


"""epptapd: the publisher beside the front end. Each of its processes dies, stops or is flooded, and the rest goes on."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

import frames
from harness import (ECONFIG, REPOSITORY, Epptapd, Feeder, Refepp, Tap, TapError, built, compiled, epptapctl, feed_dump,
                     free_port, hears_all, is_gone, object_frames, published_txns, stopped, told, update_frames, wait_until)
from subscriber import Subscriber

USERS = {'ClientA': 'password-a'}


@pytest.fixture
def apart(work):
    """The work folder, with a config for epptapd."""
    work.client_key = work.add_client('alice')
    work.write_config(publisher='process')
    return work


def _vetted(work):
    return Subscriber(work.endpoint('vetted'), curve=(work.keys / 'server.pub', work.client_key))


def _public(work):
    return Subscriber(work.endpoint('public'))


# What it is for

def test_a_change_reaches_a_listed_key_and_the_public(apart):
    with Epptapd(apart.config), Refepp(apart.path / 'front', USERS, apart.config) as front_end, \
            front_end.client() as client, _vetted(apart) as vetted, _public(apart) as public:
        client.login('ClientA', USERS['ClientA'])
        numbers = iter(range(1000))
        for ear in (vetted, public):
            wait_until('a change is heard', lambda: frames.do(
                client, frames.create_domain(f'n{next(numbers)}.example')) and ear.receive(100), every=0)
        before = front_end.stats()
        assert 'publisher' not in before and before['spooled'] > 0


def test_what_is_spooled_while_epptapd_is_down_is_published_when_it_comes(apart):
    with Tap(apart.config) as tap:
        feeder = Feeder(tap)
        for _ in range(3):
            feeder.show(20)
            tap.flush()
            with Epptapd(apart.config) as daemon:
                feeder.wait_published(apart)
            assert daemon.process.returncode == 0


def test_a_front_end_that_is_started_again_is_published_on(apart):
    with Epptapd(apart.config):
        for _ in range(3):
            before = published_txns(apart, 'public') if (apart.state_dir / 'feed').exists() else []
            with Tap(apart.config) as tap:
                tap.transaction(*update_frames('bank.example', len(before)))
                tap.flush()
            wait_until('it is published', lambda: len(published_txns(apart, 'public')) == len(before) + 1)


def test_a_strangers_key_is_refused_by_the_sender_and_counted(apart):
    stranger = apart.add_client('stranger')
    (apart.keys / 'clients' / 'stranger.pub').unlink()
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _vetted(apart) as vetted, \
            Subscriber(apart.endpoint('vetted'), curve=(apart.keys / 'server.pub', stranger)) as ear:
        feeder = Feeder(tap)
        feeder.until_heard(vetted)
        status = daemon.wait_status('the stranger was refused', lambda seen: seen['door']['refused']['unknown_key'])
        assert status['door'] == status['senders']['vetted']['door'] and status['door']['admitted'] == 1
        feeder.show(50)
        hears_all(vetted, len(feeder.shown) - 1)
        assert ear.receive(100) is None


# Each process dies

@pytest.mark.parametrize('victim', ['publisher', 'vetted', 'public'])
def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost(apart, victim):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _vetted(apart) as vetted, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(vetted)
        feeder.until_heard(public)
        others = set(sum(daemon.children().values(), []))
        killed = daemon.publisher() if victim == 'publisher' else daemon.sender(victim)
        other = {'vetted': public, 'public': vetted}.get(victim)
        feeder.show(200)
        os.kill(killed, signal.SIGKILL)
        feeder.show(200)
        if other:
            hears_all(other, len(feeder.shown) - 1)
        wait_until('it runs again', lambda: len(set(sum(daemon.children().values(), [])) - others) == 1)
        assert others - set(sum(daemon.children().values(), [])) == {killed}
        feeder.until_heard(vetted)
        feeder.until_heard(public)
        feeder.wait_published(apart)

        def restarts(status):
            senders = {name: sender['restarts'] for name, sender in status['senders'].items()}
            return {'publisher': status['restarts'], **senders}
        once = {name: int(name == victim) for name in ('publisher', 'vetted', 'public')}
        daemon.wait_status('the restart is counted', lambda status: restarts(status) == once)
        name = 'the publisher' if victim == 'publisher' else f'the sender of channel {victim}'
        assert (f'{name}, process {killed}, was ended by signal 9 (Killed); it is started again in 100 ms'
                in daemon.said())
        assert daemon.notified and any('STATUS=3 of 3 processes run; restarted so far: 1' in lines
                                       for lines in daemon.notifications())


def test_all_processes_killed_again_and_again_lose_nothing(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap:
        feeder = Feeder(tap)
        for _ in range(4):
            feeder.show(300)
            victims = sum(daemon.children().values(), [])
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            wait_until('others run', lambda: len(set(sum(daemon.children().values(), [])) - set(victims)) == 3)
        feeder.wait_published(apart)
        # each time it lived for less than 10 s, so it was started later each time
        waits = re.findall(r'the publisher, process .* it is started again in (\d+) ms', daemon.said())
        assert waits == ['100', '200', '400', '800']


def test_when_the_supervisor_is_killed_its_processes_go_too(apart):
    with Epptapd(apart.config) as daemon:
        pids = sum(daemon.children().values(), [])
        assert len(pids) == 3
        daemon.process.kill()
        daemon.process.wait()
        wait_until('they are gone', lambda: all(map(is_gone, pids)))
    with Epptapd(apart.config), Tap(apart.config) as tap:
        feeder = Feeder(tap)
        feeder.show(10)
        feeder.wait_published(apart)


# A sender is stopped, flooded, or has no port

def test_a_sender_that_is_stopped_costs_its_own_live_messages_and_nothing_else(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _vetted(apart) as vetted, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(vetted)
        feeder.until_heard(public)
        sender = daemon.sender('public')
        with stopped(sender):
            for _ in range(20):  # what the other sender has no room for while it is paused would be dropped, too
                feeder.show(500)
                hears_all(vetted, len(feeder.shown) - 1)
            feeder.wait_published(apart)
            status = daemon.wait_status('what it did not take is counted',
                                        lambda seen: seen['dropped']['public'])
            assert status['dropped']['vetted'] == 0
        # what had room was kept for it
        kept = public.collect(lambda got: len(got) > 1000)
        assert kept is not None
        feeder.until_heard(public)
        assert daemon.sender('public') == sender


def test_a_port_that_is_taken_silences_its_own_channel_alone_and_is_tried_again(apart):
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupant.bind(('127.0.0.1', apart.ports['public']))
        occupant.listen()
        with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _vetted(apart) as vetted:
            feeder = Feeder(tap)
            feeder.until_heard(vetted)
            feeder.wait_published(apart)
            daemon.wait_status('it says that it waits',
                               lambda status: status['senders']['public']['state'] == 'waits_for_port')
            assert f"channel public can't bind {apart.endpoint('public')}: Address already in use" in daemon.said()
            occupant.close()
            with _public(apart) as public:
                feeder.until_heard(public)
            daemon.sender('public')


# Who else is there

def _wait_told(work, names):
    """Until the public channel tells of these, in this order and each once."""
    wait_until(f'{names} are published', lambda: (work.state_dir / 'feed').exists() and
               [told(line) for line in feed_dump(work.config, 'public')] == [f'create {name}.example' for name in names])


def _create(tap, name):
    tap.transaction(*object_frames('create', f'{name}.example'))
    tap.flush()


def test_a_second_epptapd_stands_by_and_takes_over_within_a_second_when_the_first_is_killed(apart):
    config = apart.path / 'second' / 'epptap.yaml'
    config.parent.mkdir()
    shutil.copy(apart.config, config)
    with contextlib.ExitStack() as stack:
        first, tap = stack.enter_context(Epptapd(apart.config)), stack.enter_context(Tap(apart.config))
        created, took = ['a'], []
        _create(tap, 'a')
        _wait_told(apart, created)
        for name in 'bcd':  # the machine may pause
            second = stack.enter_context(Epptapd(config))
            assert (f'warning: process {first.publisher()} publishes from state_dir {apart.state_dir}: this one stands by'
                    in second.said())
            first.wait_status('the first publishes', lambda status: status['state'] == 'publishing')
            first.process.kill()
            first.process.wait()
            begun = time.monotonic()
            _create(tap, name)
            created.append(name)
            _wait_told(apart, created)
            took.append(time.monotonic() - begun)
            if took[-1] < 1:
                break
            first = second
        assert min(took) < 1, took
        with _public(apart) as public:
            Feeder(tap).until_heard(public)
        wait_until('all is well', lambda: epptapctl('status', config, check=False).returncode == 0)
        assert [line['index'] for line in feed_dump(config, 'public')] == list(range(len(feed_dump(config, 'public'))))


@pytest.mark.parametrize('first', ['embedded', 'process'])
def test_an_embedded_front_end_by_mistake_beside_epptapd_does_not_publish_and_loses_nothing(apart, first):
    mistaken = apart.path / 'mistaken' / 'epptap.yaml'
    mistaken.parent.mkdir()
    apart.write_config(publisher='embedded')
    shutil.copy(apart.config, mistaken)
    apart.write_config(publisher='process')
    with contextlib.ExitStack() as stack:
        front_ends = {}

        def start(which):
            if which == 'process':
                front_ends[which] = stack.enter_context(Epptapd(apart.config))
            else:
                front_ends[which] = stack.enter_context(Tap(mistaken))
                _create(front_ends[which], 'a')
        start(first)
        if first == 'embedded':
            _wait_told(apart, ['a'])
            os.utime(mistaken)
        start({'embedded': 'process', 'process': 'embedded'}[first])
        daemon, tap = front_ends['process'], front_ends['embedded']
        wait_until('it stands by', lambda: tap.stats()['publisher']['state'] == 'stands_by')
        daemon.wait_status('epptapd publishes', lambda status: status['state'] == 'publishing')
        if first == 'embedded':
            assert f'process {os.getpid()} publishes from state_dir' in daemon.said()
        _create(tap, 'b')
        _wait_told(apart, ['a', 'b'])
        with _public(apart) as public:
            Feeder(tap).until_heard(public)
        # while it has no publisher the other one tries, and gives way again
        os.kill(daemon.publisher(), signal.SIGKILL)
        with _public(apart) as public:
            Feeder(tap).until_heard(public)
        daemon.wait_status('epptapd publishes', lambda status: status['state'] == 'publishing')
        wait_until('the other one has given way', lambda: tap.stats()['publisher']['state'] == 'stands_by')


def test_front_ends_that_were_there_before_and_came_after_are_published_alike(apart):
    with Tap(apart.config) as before:
        _create(before, 'a')
        with Epptapd(apart.config), Refepp(apart.path / 'front', USERS, apart.config) as after, after.client() as client:
            _wait_told(apart, ['a'])
            client.login('ClientA', USERS['ClientA'])
            frames.do(client, frames.create_domain('b.example'))
            _wait_told(apart, ['a', 'b'])
            _create(before, 'c')
            _wait_told(apart, ['a', 'b', 'c'])
            status = epptapctl('status', apart.config).stdout
            assert f'process {os.getpid()} has it open' in status and f'process {after.process.pid} has it open' in status


def test_a_front_end_alone_spools_and_status_says_that_nobody_publishes(apart):
    def wrong():
        done = epptapctl('status', apart.config, check=False)
        return done.returncode, re.findall(r'^WRONG +(.*)$', done.stdout, re.M)
    nobody = 'nobody publishes: changes stay in the spool until epptapd runs, or, `publisher: embedded`, a front end'
    with Tap(apart.config) as tap:
        _create(tap, 'a')
        assert wrong() == (1, [nobody])
    # nor when it has ended: they wait
    assert wrong() == (1, [nobody])
    with Epptapd(apart.config):
        _wait_told(apart, ['a'])
        wait_until('all is well', lambda: wrong() == (0, []))
    assert wrong() == (0, [])


# What each has, and has not

def _files(pid):
    """Paths that a process has open or mapped; what it closes while we look is left out."""
    opened = []
    for path in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(FileNotFoundError):
            opened.append(os.readlink(path))
    return opened + re.findall(r' (/.*)$', pathlib.Path(f'/proc/{pid}/maps').read_text(), re.M)


def _sockets(pid):
    return {match[1] for match in map(re.compile(r'socket:\[(\d+)\]').match, _files(pid)) if match}


def test_senders_and_supervisor_have_no_file_of_the_state_directory(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap:
        Feeder(tap).show(10)
        tap.flush()
        state_dir = str(apart.state_dir)
        wait_until('the publisher has the store', lambda: any(
            path.startswith(state_dir) for path in _files(daemon.publisher())))
        for pid in [daemon.sender('vetted'), daemon.sender('public'), daemon.process.pid]:
            assert [path for path in _files(pid) if path.startswith(state_dir)] == []
        tables = [pathlib.Path(f'/proc/net/{name}').read_text().splitlines()[1:] for name in ('tcp', 'tcp6')]
        listening = {line.split()[9] for line in sum(tables, []) if line.split()[3] == '0A'}
        assert _sockets(daemon.sender('public')) & listening
        assert not (_sockets(daemon.publisher()) | _sockets(daemon.process.pid)) & listening
        # each has its own end of its own relay
        sets = [_sockets(pid) for pid in (daemon.publisher(), daemon.sender('public'), daemon.sender('vetted'))]
        assert all(sets) and not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]
        threads = len(list(pathlib.Path(f'/proc/{daemon.process.pid}/task').iterdir()))
        assert threads == 1


@pytest.fixture(scope='module')
def host(tmp_path_factory):
    """A front end in C that shows what is mapped into it, compiled."""
    return compiled(tmp_path_factory.mktemp('host') / 'maps_host', 'maps_host.c', '-ldl')


@pytest.mark.skipif('EPPTAP_VARIANT' in os.environ, reason='a C host does not load the sanitizers')
@pytest.mark.parametrize('publisher', ['process', 'embedded'])
def test_the_front_end_maps_neither_libzmq_nor_lmdb_nor_libcrypto(apart, host, publisher):
    apart.write_config(publisher=publisher)
    done = subprocess.run([host, built('epptap.so'), apart.config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'libxml2.so' in done.stdout
    mapped = [name for name in ('libzmq.so', 'liblmdb.so', 'libcrypto.so', 'epptap-publisher.so', 'data.mdb')
              if name in done.stdout]
    # embedded has them all: so this looks at something
    assert len(mapped) == (0 if publisher == 'process' else 5), mapped


# What it is told

def test_a_wrong_config_ends_it_with_1_and_words(apart):
    def run():
        done = subprocess.run([built('epptapd'), apart.config], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, '')
        return done.stderr
    apart.write_config(publisher='process', registry='registry.example')
    assert f'{apart.config}:2:15: registry: ' in run()
    apart.write_config(publisher='embedded')
    assert f'{apart.config}: publisher: is embedded' in run()
    apart.write_config(publisher='process')
    (apart.keys / 'event.pem').chmod(0o644)
    assert 'event.pem: its mode is 644' in run()
    (apart.keys / 'event.pem').chmod(0o600)
    (apart.keys / 'server.key').unlink()
    assert 'server.key: No such file or directory' in run()


@pytest.mark.parametrize('arguments', [[], ['a', 'b'], ['--daemon']], ids=' '.join)
def test_wrong_usage_ends_with_2(arguments):
    done = subprocess.run([built('epptapd'), *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, '')
    assert 'epptapd CONFIG' in done.stderr
    done = subprocess.run([built('epptapd'), '--help'], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, '') and 'epptapd CONFIG' in done.stdout


def test_sighup_with_a_wrong_config_keeps_going_and_says_why(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(public)
        before = daemon.children()
        good = apart.config.read_text()
        apart.write_config(publisher='process', registry='registry.example')
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_notified('READY=1', times=2)
        assert re.search(rf'{apart.config}:2:15: registry: .*; going on with the config as it was', daemon.said())
        apart.config.write_text(good)
        assert daemon.children() == before
        feeder.show(100)
        hears_all(public, len(feeder.shown) - 1)


def test_sighup_with_another_channel_opens_it_and_loses_nothing(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(public)
        feeder.show(500)
        port = free_port()
        config = apart.config.read_text().replace(
            '"channels": [', '"channels": [{"name": "third", "bind": "tcp://127.0.0.1:%d"},' % port)
        apart.config.write_text(config)
        daemon.process.send_signal(signal.SIGHUP)
        feeder.show(500)
        daemon.wait_notified('READY=1', times=2)
        with Subscriber(f'tcp://127.0.0.1:{port}') as third:
            feeder.until_heard(third)
        feeder.until_heard(public)
        feeder.wait_published(apart)
        assert len(daemon.children()['epptapd-send']) == 3


def test_sighup_with_a_key_that_is_missing_silences_that_channel_until_it_is_there(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _public(apart) as public, _vetted(apart) as vetted:
        feeder = Feeder(tap)
        key = (apart.keys / 'server.key').rename(apart.keys / 'server.key.away')
        daemon.process.send_signal(signal.SIGHUP)
        wait_until('it is said', lambda: re.search(
            r'server\.key: No such file or directory.*\n.*the sender of channel vetted, process \d+, ended with status 1; '
            r'it is started again in 100 ms', daemon.said()))
        feeder.until_heard(public)
        assert ['READY=1'] not in daemon.notifications()[daemon.notified.index(['READY=1']) + 1:]
        key.rename(apart.keys / 'server.key')
        daemon.wait_notified('READY=1', times=2)
        feeder.until_heard(vetted)
        feeder.wait_published(apart)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_publishes_what_is_there(apart, number):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(public)
        feeder.show(3000)
        tap.flush()
        daemon.process.send_signal(number)
        assert daemon.process.wait(20) == 0
        assert published_txns(apart, 'vetted') == feeder.shown == published_txns(apart, 'public')
        hears_all(public, len(feeder.shown) - 1)


def test_a_sender_told_to_end_sends_what_it_was_handed(apart):
    with Epptapd(apart.config) as daemon, Tap(apart.config) as tap, _public(apart) as public:
        feeder = Feeder(tap)
        feeder.until_heard(public)
        sender = daemon.sender('public')
        with stopped(sender):
            feeder.show(50)
            feeder.wait_published(apart)
            daemon.process.terminate()
            wait_until('only the stopped sender is left', lambda: sum(daemon.children().values(), []) == [sender])
        assert daemon.process.wait(20) == 0
        hears_all(public, len(feeder.shown) - 1)


def test_a_second_sigterm_ends_it_at_once(apart):
    with Epptapd(apart.config) as daemon:
        pids = sum(daemon.children().values(), [])
        os.kill(daemon.publisher(), signal.SIGSTOP)
        daemon.process.terminate()
        daemon.wait_notified('STOPPING=1')
        assert daemon.process.poll() is None
        begun = time.monotonic()
        daemon.process.terminate()
        assert daemon.process.wait(20) == 0
        assert time.monotonic() - begun < 5
        assert all(map(is_gone, pids))


# The service manager

def test_the_service_manager_is_told_of_readiness_reload_and_end(apart):
    with Epptapd(apart.config) as daemon:
        before = time.monotonic()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_notified('READY=1', times=2)
        after = time.monotonic()
    assert daemon.process.returncode == 0
    told = [lines for lines in daemon.notified if not lines[0].startswith('STATUS=')]
    reloading = next(lines for lines in told if lines[0] == 'RELOADING=1')
    assert told == [['READY=1'], reloading, ['READY=1'], ['STOPPING=1']]
    name, _, value = reloading[1].partition('=')
    assert name == 'MONOTONIC_USEC' and before <= int(value) / 1e6 <= after
    first = daemon.notified.index(['READY=1'])
    assert ['STATUS=3 of 3 processes run; restarted so far: 0'] in daemon.notified[first:]


def test_the_service_managers_socket_may_have_a_path_and_is_the_supervisors_alone(apart):
    path = apart.path / 'notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        manager.setsockopt(socket.SOL_SOCKET, 16, 1)  # SO_PASSCRED
        daemon = subprocess.Popen([built('epptapd'), apart.config], env=dict(os.environ, NOTIFY_SOCKET=str(path)),
                                  stderr=subprocess.DEVNULL)
        try:
            while True:
                text, ancillary, _, _ = manager.recvmsg(4096, 64)
                (_, _, credentials), = ancillary
                assert struct.unpack('3i', credentials)[0] == daemon.pid
                if text == b'READY=1':
                    break
        finally:
            daemon.terminate()
            assert daemon.wait(20) == 0


def _unit(work):
    """The unit as `make install` would have it, but for the place of the programs."""
    text = (REPOSITORY / 'etc' / 'systemd' / 'epptapd.service').read_text()
    for name in ('@SBINDIR@', '@BINDIR@'):
        assert name in text
        text = text.replace(name, str(built('epptapd').parent))
    path = work.path / 'epptapd.service'
    path.write_text(text.replace('@DOCDIR@', str(REPOSITORY)))
    return path


@pytest.fixture
def unit(apart):
    if not shutil.which('systemd-analyze'):
        pytest.skip('systemd-analyze is not installed')
    return _unit(apart)


def test_the_systemd_unit_is_right_and_hardened(unit):
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit], capture_output=True, text=True, timeout=60)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert (done.returncode, complaints) == (0, [])
    # of ten; a unit without any hardening has 9.6
    done = subprocess.run(['systemd-analyze', 'security', '--offline=yes', '--threshold=16', '--no-pager', unit],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def _calls(names):
    """The system calls of a filter's words, sets resolved."""
    found = set()
    for name in names:
        if name.startswith('@'):
            listed = subprocess.run(['systemd-analyze', 'syscall-filter', '--no-pager', name], check=True,
                                    capture_output=True, text=True, timeout=60).stdout
            found |= _calls(line.strip() for line in listed.splitlines()[1:] if line.strip() and '#' not in line)
        else:
            found.add(name)
    return found


def test_the_unit_lets_through_each_system_call_that_is_made(apart, unit):
    if subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
        pytest.skip('processes may not be traced here')
    allowed = set()
    for words in re.findall(r'^SystemCallFilter=(.*)$', unit.read_text(), re.M):
        if words.startswith('~'):
            allowed -= _calls(words[1:].split())
        else:
            allowed |= _calls(words.split())
    assert 'mount' not in allowed and 'ptrace' not in allowed
    trace = apart.path / 'trace'
    daemon = subprocess.Popen(['strace', '-f', '-qq', '-o', trace, built('epptapd'), apart.config],
                              stderr=subprocess.DEVNULL)
    with Tap(apart.config) as tap, _vetted(apart) as vetted, _public(apart) as public:
        try:
            feeder = Feeder(tap)
            feeder.until_heard(vetted)
            feeder.until_heard(public)
        finally:
            supervisor = int(pathlib.Path(f'/proc/{daemon.pid}/task/{daemon.pid}/children').read_text().split()[0])
            os.kill(supervisor, signal.SIGHUP)
            feeder.until_heard(public)
            os.kill(supervisor, signal.SIGTERM)
            assert daemon.wait(30) == 0
    calls = trace.read_text(errors='replace')
    made = set(re.findall(r'^\d+ +(\w+)\(', calls, re.M))
    assert {'fork', 'clone', 'clone3'} & made and 'fdatasync' in made
    assert made - allowed == set()
    (families,) = re.findall(r'^RestrictAddressFamilies=(.*)$', unit.read_text(), re.M)
    asked = set(re.findall(r'^\d+ +socket(?:pair)?\((\w+),', calls, re.M))
    assert 'AF_INET6' in asked and asked - set(families.split()) - {'AF_UNIX', 'AF_LOCAL'} == set()
    assert not re.search(r'PROT_WRITE\|PROT_EXEC', calls), 'MemoryDenyWriteExecute forbids it'


def test_an_open_front_end_says_what_is_wrong_with_a_config_in_process_mode_too(apart):
    apart.write_config(publisher='processes')
    with pytest.raises(TapError) as error:
        Tap(apart.config)
    assert error.value.result == ECONFIG and 'publisher: ' in error.value.why

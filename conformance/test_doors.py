"""Doors: who is let in to a channel, who is not and how that is counted, and what a flood at one channel's port costs the others.
Strangers are real: libzmq's clients with the wrong keys, or with another mechanism, and connections that speak ZMTP by hand."""
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import zmq

import frames
from harness import Epptapd, Feeder, Tap, epptapctl, hears_all, is_gone, object_frames, stopped, success, wait_until
from strangers import HELLO, HUGE_COMMAND, HUGE_MESSAGE, READY, Recorder, Stranger, Subscribed, greeting, subscription
from subscriber import Subscriber
from test_eppwatch_log import Watch

MEMORY_MAX = 256 << 20
HANDSHAKE_S = 5
BACKLOG = 128

GREETING = b'\xff' + bytes(7) + b'\x01\x7f\x03\x01' + b'CURVE'.ljust(20, b'\0') + bytes(32)
WELCOME = b'\x04\xa8\x07WELCOME'  # and 160 bytes of cipher

both_modes = pytest.mark.parametrize('publisher', ['process', 'embedded'])


class House:
    """A config's publisher, in either mode, with a tap that shows it changes. A context manager."""

    def __init__(self, work, publisher, **config):
        self.work, self.stack, self.daemon = work, contextlib.ExitStack(), None
        work.write_config(publisher=publisher, **config)
        if publisher == 'process':
            self.daemon = self.stack.enter_context(Epptapd(work.config))
        self.tap = self.stack.enter_context(Tap(work.config))
        self.feeder = Feeder(self.tap)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def door(self):
        """What the door counts, as status and epptap_stats() have it."""
        status = self.daemon.status() if self.daemon else self.tap.stats()['publisher']
        return status['door'] if status and 'door' in status else {'refused': {}, 'admitted': 0, 'connected': 0}

    def wait_door(self, what, look, seconds=40):
        return wait_until(f'{what}: {self.door()}', lambda: (door := self.door()) and look(door) and door, seconds)

    def reload(self):
        if self.daemon:
            times = self.daemon.notifications().count(['READY=1'])
            self.daemon.process.send_signal(signal.SIGHUP)
            self.daemon.wait_notified('READY=1', times=times + 1)
        else:
            self.tap.reload()


@pytest.fixture
def keys(work):
    """Makes keys of clients, listed or not; a pair of server's public and client's secret key, as a Subscriber takes it."""
    def make(name, listed=True, server='server.pub'):
        secret = work.add_client(name)
        public = work.keys / 'clients' / f'{name}.pub'
        if not listed:
            public.rename(work.keys / f'{name}.pub')
        return work.keys / server, secret
    return make


# No stranger gets a byte of an event

# what a connection says, and how it is counted
WAYS = {
    'nothing': ([], 'timeout'),
    'half a greeting': ([greeting(b'CURVE')[:20]], 'timeout'),
    'a greeting': ([greeting(b'CURVE')], 'timeout'),
    'NULL': ([greeting(b'NULL'), READY, subscription(b'')], 'mechanism'),
    'PLAIN': ([greeting(b'PLAIN'), b'\x04\x12\x05HELLO\x05admin\x05admin', READY, subscription(b'')], 'mechanism'),
    'a mechanism that is none': ([greeting(b'CURVES'), READY, subscription(b'')], 'mechanism'),
    'CURVE for another server': ([greeting(b'CURVE'), HELLO], 'wrong_key'),
    'CURVE without a handshake': ([greeting(b'CURVE'), READY, subscription(b'')], 'malformed'),
    'a subscription at once': ([greeting(b'CURVE'), subscription(b'')], 'malformed'),
    'a terabyte': ([greeting(b'CURVE'), HUGE_COMMAND, bytes(4000)], 'malformed'),
    'a terabyte of a message': ([greeting(b'CURVE'), HUGE_MESSAGE, bytes(4000)], 'malformed'),
    'ZMTP 1.0': ([b'\x01\x00', b'\x02\x00\x01'], 'malformed'),
    'ZMTP 2.0': ([b'\xff' + bytes(8) + b'\x7f\x01\x02\x00\x00', b'\x00\x01\x01'], 'malformed'),
    'HTTP': ([b'GET / HTTP/1.1\r\nHost: feed.registry.example\r\n\r\n'], 'malformed'),
    'TLS': ([b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(range(200))], 'malformed'),
}


def _assert_no_event(data, who):
    """Nothing but the greeting, which anybody gets, the handshake's second step, which has no secret, and an error."""
    data = bytes(data)
    assert data[:64] == GREETING[:len(data)], who
    rest = data[64:]
    if rest[:len(WELCOME)] == WELCOME:
        rest = rest[len(WELCOME) + 160:]
    assert rest == b'' or re.fullmatch(rb'\x04.\x05ERROR.[\x00-\xff]{0,8}', rest, re.S), (who, rest)


def test_no_stranger_gets_a_byte_of_an_event_and_each_is_counted_by_its_reason(work, keys):
    alice = keys('alice')
    with House(work, 'process') as house, Subscriber(work.endpoint('vetted'), curve=alice) as guest, \
            contextlib.ExitStack() as stack:
        house.feeder.until_heard(guest)
        strangers = {name: stack.enter_context(Stranger(work.ports['vetted'], *words)) for name, (words, _) in WAYS.items()}
        Stranger(work.ports['vetted'], greeting(b'CURVE')).socket.close()
        expected = {reason: [why for _, why in WAYS.values()].count(reason) for reason in
                    ('unknown_key', 'wrong_key', 'mechanism', 'malformed', 'timeout', 'left')} | {'left': 1}
        house.feeder.show(300)
        for name, stranger in strangers.items():
            assert stranger.listen(20), f'{name}: the connection was not ended'
            assert time.monotonic() - stranger.began < 20
            _assert_no_event(stranger.received, name)
        house.feeder.show(100)
        hears_all(guest, len(house.feeder.shown) - 1)
        house.wait_door('all are counted', lambda door: sum(door['refused'].values()) >= len(WAYS) + 1)
        door = house.door()
        assert (door['refused'], door['admitted'], door['connected']) == (expected, 1, 1)
        senders = house.daemon.status()['senders']
        assert senders['vetted']['door']['refused'] == expected and set(senders['public']['door']['refused'].values()) == {0}
        # and an operator is told
        said = epptapctl('status', work.config).stdout
        for reason in expected:
            assert re.search(rf'publisher\.senders\.vetted\.door\.refused\.{reason} +{expected[reason]}$', said, re.M) or \
                expected[reason] == 0, said


def _plain(subscriber):
    subscriber.setsockopt(zmq.PLAIN_USERNAME, b'admin')
    subscriber.setsockopt(zmq.PLAIN_PASSWORD, b'admin')


@both_modes
def test_libzmqs_own_clients_get_nothing_without_the_right_keys(work, keys, publisher):
    """Of those who speak no CURVE some close the connection themselves, when they read that we do: 'left'."""
    alice, mallory = keys('alice'), keys('mallory', listed=False)
    other_server = work.keys / 'clients' / 'alice.pub'
    with House(work, publisher) as house, Subscriber(work.endpoint('vetted'), curve=alice) as guest:
        house.feeder.until_heard(guest)

        false_secret = pathlib.Path(mallory[1]).read_text().strip().encode()
        with contextlib.ExitStack() as stack:
            def come(**client):
                recorder = stack.enter_context(Recorder(work.ports['vetted']))
                return stack.enter_context(Subscriber(recorder.endpoint, **client)), recorder
            strangers = {
                'an unlisted key': come(curve=mallory),
                "another server's key": come(curve=(other_server, alice[1])),
                'a listed key without its secret': come(
                    curve=alice, adjust=lambda stranger: stranger.setsockopt(zmq.CURVE_SECRETKEY, false_secret)),
                'NULL': come(),
                'PLAIN': come(adjust=_plain),
            }
            house.wait_door('all are counted', lambda door: (refused := door['refused']) and refused['unknown_key'] == 1 and
                            refused['wrong_key'] >= 2 and refused['mechanism'] + refused['left'] >= 2)
            house.feeder.show(200)
            hears_all(guest, len(house.feeder.shown) - 1)
            for name, (stranger, recorder) in strangers.items():
                assert stranger.receive(1) is None and stranger.raw == [], name
                assert recorder.sent, name
                for sent in recorder.sent:
                    _assert_no_event(sent, name)
        door = house.door()
        assert (door['admitted'], door['refused']['malformed'], door['refused']['timeout']) == (1, 0, 0)


@both_modes
def test_a_channel_for_any_client_lets_any_key_in_and_proves_itself_all_the_same(work, keys, publisher):
    mallory = keys('mallory', listed=False)
    with House(work, publisher) as house:
        config = json.loads(work.config.read_text())
        config['channels'][0]['curve']['clients'] = 'any'
        work.config.write_text(json.dumps(config))
        house.reload()
        with Subscriber(work.endpoint('vetted'), curve=mallory) as guest, \
                Subscriber(work.endpoint('vetted'), curve=(work.keys / 'mallory.pub', mallory[1])) as misled, \
                Recorder(work.ports['vetted']) as recorder, Subscriber(recorder.endpoint) as plain:
            house.feeder.until_heard(guest)
            house.wait_door('both are refused', lambda door: door['refused']['wrong_key'] and
                            door['refused']['mechanism'] + door['refused']['left'])
            house.feeder.show(100)
            hears_all(guest, len(house.feeder.shown) - 1)
            assert misled.receive(1) is None and plain.receive(1) is None and misled.raw == plain.raw == []
            for sent in recorder.sent:
                _assert_no_event(sent, 'NULL')


# Keys come and go

@both_modes
def test_a_reload_ends_the_connections_of_clients_whose_key_is_gone_and_lets_new_ones_in(work, keys, publisher):
    alice, bob, carol = keys('alice'), keys('bob'), keys('carol', listed=False)
    vetted = work.endpoint('vetted')
    with House(work, publisher) as house, Subscriber(vetted, curve=alice) as dropped, Subscriber(vetted, curve=bob) as stays, \
            Subscriber(vetted, curve=carol) as too_early:
        feeder = house.feeder
        for ear in (dropped, stays):
            feeder.until_heard(ear)
        house.wait_door('the one who is not listed yet is refused', lambda door: door['refused']['unknown_key'])
        log = work.log_dir('vetted')
        wait_until('there is a log', lambda: (log / 'checkpoint').exists())
        with Watch('follow', log, '--from', 'start', '--curve-key', bob[1], '--json', state=work.path / 'watch') as watch:
            watch.wait_said('connected')
            hears_all(dropped, len(feeder.shown) - 1)
            (work.keys / 'clients' / 'alice.pub').unlink()
            (work.keys / 'carol.pub').rename(work.keys / 'clients' / 'carol.pub')
            # not yet: it is the reload that counts
            feeder.show(50)
            hears_all(dropped, len(feeder.shown) - 1)
            assert too_early.receive(1) is None
            house.reload()
            with Subscriber(vetted, curve=carol) as comes:
                for ear in (stays, comes):
                    feeder.until_heard(ear)
                feeder.show(200)
                for ear in (stays, comes):
                    hears_all(ear, len(feeder.shown) - 1)
            house.wait_door('the dropped one comes back in vain', lambda door: door['refused']['unknown_key'])
            assert dropped.receive(1) is None
            # what the others missed in between, the log has
            indices = [index for index, _ in watch.wait_events(len(feeder.shown))]
            assert indices == list(range(len(feeder.shown))) and watch.errors() == []
        feeder.wait_published(work)


def test_a_channel_limited_to_zones_and_kinds_sends_nothing_else(work):
    work.write_config()
    config = json.loads(work.config.read_text())
    config['channels'][1] |= {'zones': ['co.example'], 'kinds': ['delete']}
    work.config.write_text(json.dumps(config))
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as narrow:
        def look():
            tap.transaction(*object_frames('delete', 'probe.co.example'))
            return narrow.receive(50)
        wait_until('the subscriber hears', look, seconds=40, every=0)
        for number in range(50):
            for verb in ('create', 'update', 'delete'):
                tap.transaction(*object_frames(verb, f'd{number}.example'))
                tap.transaction(*object_frames(verb, f'd{number}.co.example'))
        heard = narrow.collect(lambda got: got and got[-1].topic == 'example.co.d49.', seconds=40)
        mine = [message.topic for message in heard if message.topic != 'example.co.probe.']
        assert mine == [f'example.co.d{number}.' for number in range(50)]


# Strangers are bounded

def test_who_does_not_end_the_handshake_or_sends_too_much_is_cut_off(work):
    with House(work, 'process') as house, Subscriber(work.endpoint('public')) as guest:
        house.feeder.until_heard(guest)
        port, sender = work.ports['public'], house.daemon.sender('public')
        before = _memory_of(sender)
        with Stranger(port) as silent, Stranger(port) as slow, Subscribed(port) as honest, Subscribed(port) as large, \
                Subscribed(port) as huge, Stranger(port, greeting(b'NULL'), HUGE_COMMAND, bytes(1 << 20)) as early:
            large.say(b'\x02' + b'\0\0\0\0\0\0\x08\0' + bytes([1]) * 2048)
            huge.say(HUGE_MESSAGE + bytes(1 << 20))
            for stranger in (large, huge, early):
                assert stranger.listen(20)
                assert time.monotonic() - stranger.began < HANDSHAKE_S - 1, 'not at once'
            # a byte at a time keeps nobody in
            for byte in greeting(b'NULL'):
                slow.say(bytes([byte]))
                if slow.listen(0.25):
                    break
            assert HANDSHAKE_S - 0.5 < time.monotonic() - slow.began < HANDSHAKE_S + 10
            assert silent.listen(20)
            assert not honest.listen(0.01)
        house.feeder.show(100)
        hears_all(guest, len(house.feeder.shown) - 1)
        assert _memory_of(sender) < before + (16 << 20) or 'EPPTAP_VARIANT' in os.environ
        assert house.daemon.sender('public') == sender


def _memory_of(pid):
    """Resident, in bytes; 0 if it is gone."""
    with contextlib.suppress(OSError):
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int((re.search(r'VmRSS:\s+(\d+)', text) or [0, 0])[1]) << 10
    return 0


def test_connections_that_nobody_takes_yet_are_bounded(work):
    with House(work, 'process') as house, contextlib.ExitStack() as stack:
        sender = house.daemon.sender('public')
        with stopped(sender):
            waiting = [stack.enter_context(socket.socket()) for _ in range(2 * BACKLOG)]
            for stranger in waiting:
                stranger.setblocking(False)
                stranger.connect_ex(('127.0.0.1', work.ports['public']))

            def connected():
                return sum(stranger.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b'\x01' for stranger in waiting)
            wait_until('as many wait as may', lambda: connected() > BACKLOG)
            time.sleep(0.1)
            assert connected() <= BACKLOG + 1


# Floods

class Measured:
    """Shows changes one by one to a tap, and has a subscriber hear each: how long calls took, and how long the way was, in ms."""

    def __init__(self, house, ear):
        self.feeder, self.ear, self.calls, self.ways = house.feeder, ear, [], []

    def show(self, count):
        for _ in range(count):
            number = len(self.feeder.shown)
            command, response = frames.update_domain(f'n{number}.example', Feeder.NAMESERVERS).encode(), success(f'S-{number}')
            begun = time.perf_counter()
            self.feeder.tap.transaction(command, response)
            self.calls.append((time.perf_counter() - begun) * 1000)
            self.feeder.shown.append(f'S-{number}')
            message = self.ear.receive(40000)
            self.ways.append((time.perf_counter() - begun) * 1000)
            assert message and message.index == number, 'the other channel missed an event, or was out of order'

    def take(self):
        """p50, p99 and most of calls and ways since the last time; of few the p99 is the last but two: the machine may pause."""
        taken = []
        for times in map(sorted, (self.calls, self.ways)):
            p99 = min(len(times) * 99 // 100, max(len(times) - 3, 0))
            taken.append([round(times[place], 3) for place in (len(times) // 2, p99, -1)])
        self.calls, self.ways = [], []
        return taken


@contextlib.contextmanager
def _most_memory_of(pid):
    """A list of one number: the most that it had, looked at all the time, since it may be gone soon."""
    most, ended = [0], threading.Event()

    def look():
        while not ended.wait(0.005):
            most[0] = max(most[0], _memory_of(pid))
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


@contextlib.contextmanager
def flooded(kind, port, count):
    path = pathlib.Path(__file__).with_name('strangers.py')
    process = subprocess.Popen([sys.executable, path, kind, str(port), str(count)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


CONNECTIONS = 600  # descriptors of a sender in these tests


@contextlib.contextmanager
def _house_of_few_descriptors(work):
    with House(work, 'process') as house:
        resource.prlimit(house.daemon.process.pid, resource.RLIMIT_NOFILE, (CONNECTIONS, CONNECTIONS))
        house.reload()
        yield house


@pytest.mark.skipif('EPPTAP_VARIANT' in os.environ, reason='a sanitized sender has no memory limit, and no time')
@pytest.mark.parametrize('kind, channel, count', [('subscribe', 'public', 64), ('idle', 'public', 3 * CONNECTIONS),
                                                  ('silent', 'vetted', 3 * CONNECTIONS), ('come-and-go', 'vetted', 100)])
def test_a_flood_costs_its_own_channels_sender_and_nothing_else(work, keys, kind, channel, count):
    alice = keys('alice')
    with _house_of_few_descriptors(work) as house, Subscriber(work.endpoint('vetted'), curve=alice) as vetted, \
            Subscriber(work.endpoint('public')) as public:
        feeder, daemon = house.feeder, house.daemon
        for ear in (vetted, public):
            feeder.until_heard(ear)
        ears = {'vetted': vetted, 'public': public}
        flooded_ear, spared_ear = ears.pop(channel), *ears.values()
        (spared,) = set(work.ports) - {channel}
        senders = {name: daemon.sender(name) for name in work.ports}
        publisher = daemon.publisher()
        hears_all(spared_ear, len(feeder.shown) - 1)
        measured = Measured(house, spared_ear)
        measured.show(200)
        quiet = measured.take()
        most_descriptors = 0

        def hit():
            """Has the flood done what it can?"""
            nonlocal most_descriptors
            measured.show(1)
            with contextlib.suppress(OSError):
                most_descriptors = max(most_descriptors, len(os.listdir(f'/proc/{senders[channel]}/fd')))
            if kind == 'subscribe':
                return is_gone(senders[channel])
            status = daemon.status()['senders'][channel]['door']
            if kind in ('idle', 'silent'):
                return status['cut_off']
            return sum(status['refused'].values()) > 1000
        with _most_memory_of(senders[channel]) as most, flooded(kind, work.ports[channel], count):
            wait_until('the flood has its effect', hit, seconds=120, every=0)
        (most_memory,), flood = most, measured.take()
        print(f'\n{kind} at {channel}: [p50, p99, most] ms: calls {quiet[0]} before, {flood[0]} meanwhile; '
              f'to the other channel {quiet[1]} before, {flood[1]} meanwhile; '
              f'the flooded sender: {most_memory >> 20} MiB, {most_descriptors} descriptors')
        # the front end and the other channel did not notice
        assert flood[0][0] < max(10 * quiet[0][0], 1) and flood[0][1] < max(20 * quiet[0][1], 50), 'calls took longer'
        assert flood[1][1] < max(20 * quiet[1][1], 1000), 'events came late'
        assert (daemon.sender(spared), daemon.publisher()) == (senders[spared], publisher)
        # and the flooded one is at work again
        feeder.until_heard(flooded_ear)
        feeder.show(100)
        hears_all(flooded_ear, len(feeder.shown) - 1)
        hears_all(spared_ear, len(feeder.shown) - 1)
        feeder.wait_published(work)
        status = daemon.wait_status('its restart is counted', lambda status: status['senders'][channel]['restarts'] ==
                                    int(kind == 'subscribe'))
        assert status['senders'][spared]['restarts'] == status['restarts'] == 0
        if kind == 'subscribe':
            limits = pathlib.Path(f'/proc/{daemon.sender(channel)}/limits').read_text()
            assert re.search(rf'^Max data size +{MEMORY_MAX} +{MEMORY_MAX} ', limits, re.M)
            assert re.search(r'^Max core file size +0 +0 ', limits, re.M)
            assert 50 << 20 < most_memory <= MEMORY_MAX + (32 << 20)
            assert f'the sender of channel {channel}, process {senders[channel]}, was ended by signal 6' in daemon.said()
        else:
            assert daemon.sender(channel) == senders[channel]
            assert most_memory < 64 << 20 and most_descriptors < CONNECTIONS
        if kind in ('idle', 'silent'):
            assert re.search(rf'channel {channel} has \d+ connections, and may have no more: all are cut off', daemon.said())


def test_embedded_a_flood_of_connections_leaves_the_front_end_its_descriptors(work, keys):
    alice, before = keys('alice'), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS, before[1]))
    try:
        with House(work, 'embedded') as house, Subscriber(work.endpoint('vetted'), curve=alice) as vetted, \
                Subscriber(work.endpoint('public')) as public:
            for ear in (vetted, public):
                house.feeder.until_heard(ear)
            hears_all(vetted, len(house.feeder.shown) - 1)
            measured, most = Measured(house, vetted), 0

            def hit():
                nonlocal most
                measured.show(1)
                most = max(most, len(os.listdir('/proc/self/fd')))
                return house.door()['cut_off']
            with flooded('idle', work.ports['public'], 3 * CONNECTIONS):
                wait_until('all are cut off', hit, seconds=60, every=0)
            assert most < CONNECTIONS * 3 // 4
            house.feeder.until_heard(public)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

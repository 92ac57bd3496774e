"""Who sits between a registry and a subscriber, on the socket of a plain channel or in front of the log: whatever bit he flips, and
whatever he leaves out, repeats or renumbers, is found and named; and the events are shown as the log has them."""
import random

import pytest
import zmq

from harness import Tap, object_frames, wait_until
from log_maker import Channel
from test_eppwatch_log import Watch, events, following

FLIPS = 60


@pytest.fixture
def state(tmp_path):
    return tmp_path / 'state'


@pytest.fixture
def channel(tmp_path):
    """300 events in the log, and a socket."""
    with Channel(tmp_path / 'log', socket=True) as made:
        made.add(*events(made, 300))
        made.publish()
        yield made


def _flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _flips(choice, frames):
    """Bits of these frames: the first and the last of each, and others at random."""
    for number, frame in enumerate(frames):
        bits = {0, 8 * len(frame) - 1}
        while len(bits) < min(8 * len(frame), FLIPS // len(frames)):
            bits.add(choice.randrange(8 * len(frame)))
        yield from ((number, bit) for bit in sorted(bits))


def test_whatever_bit_is_flipped_on_the_socket_it_is_named_and_each_event_is_shown(channel, state):
    choice = random.Random(11)
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        expected = {300}
        for number, bit in list(_flips(choice, [b'example.d0.', b'301', channel.entries[0]])):
            index = channel.add(*events(channel, 2, f'x{number}-{bit}-'))
            frames = [channel.topic(channel.entries[index]), str(index).encode(), channel.entries[index]]
            frames[number] = _flipped(frames[number], bit % (8 * len(frames[number])))
            before = len(watch.errors())
            channel.socket.send_multipart(frames)
            channel.send(index + 1)
            channel.send_checkpoint(channel.publish())
            expected |= {index, index + 1}
            watch.wait(f'{index} and the next are shown', lambda watch: {seen for seen, _ in watch.events()} >= expected, 30)
            ahead = number == 1 and frames[1].isdigit() and int(frames[1]) >= index + 2
            if not ahead:  # such a one is named once the log is as long
                watch.wait(f'bit {bit} of frame {number} is named', lambda watch: len(watch.errors()) > before, 30)
        shown = dict(watch.events())
        assert shown == {index: name for index, name in watch.events() if index in expected}
        assert watch.stop() == 1


def test_an_index_that_is_ahead_is_named_when_the_log_is_as_long(channel, state):
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        channel.add(*events(channel, 2, 'x'))
        channel.send(305, channel.entries[301])
        channel.send(302)
        channel.send_checkpoint(channel.publish())
        assert [index for index, _ in watch.wait_events(3)] == [300, 301, 302]
        channel.tell(*events(channel, 4, 'more'))
        watch.wait('it is named', lambda watch: watch.errors(), 30)
        assert [index for index, _ in watch.wait_events(7)] == list(range(300, 307))
        ((index, what),) = watch.errors()
        assert index == 305 and 'under this index is not in the log there' in what
        assert watch.stop() == 1


def test_an_event_that_comes_again_under_an_old_index_is_named(channel, state):
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        channel.send(17)  # a sender that was started again may repeat itself
        channel.send(18, channel.entries[300])
        channel.tell(*events(channel, 1, 'on'))
        watch.wait('it is named', lambda watch: watch.errors(), 30)
        ((index, what),) = watch.errors()
        assert index == 18 and 'under this index is not in the log there' in what
        assert [index for index, _ in watch.wait_events(2)] == [300, 301]
        assert watch.stop() == 1


class Middle:
    """A man in the middle of the publisher's plain socket: what he has heard he sends on, as change() gives it back."""

    def __init__(self, endpoint, change):
        self.context = zmq.Context()
        self.heard, self.told = self.context.socket(zmq.SUB), self.context.socket(zmq.XPUB)
        for socket in self.heard, self.told:
            socket.setsockopt(zmq.LINGER, 0)
        self.heard.setsockopt(zmq.SUBSCRIBE, b'')
        self.heard.connect(endpoint)
        self.endpoint = f'tcp://127.0.0.1:{self.told.bind_to_random_port("tcp://127.0.0.1")}'
        self.change, self.count, self.checkpoints = change, 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.heard.close()
        self.told.close()
        self.context.term()

    def pass_on(self):
        """Whatever is there. Answers True, for wait_until()."""
        while self.heard.poll(20):
            frames = self.heard.recv_multipart()
            self.count += 1
            self.checkpoints += frames[0] == b'~checkpoint'
            for message in self.change(*frames):
                self.told.send_multipart(message)
        return True


class Thief:
    """From when he steals on, leaves out what is about bank.example, and renumbers what comes after it, so that no index is
    missing."""

    def __init__(self):
        self.steals, self.kept = False, 0

    def __call__(self, topic, index, jws):
        if topic == b'~checkpoint':
            return [(topic, index, jws)]
        if self.steals and topic.startswith(b'example.bank.'):
            self.kept += 1
            return []
        return [(topic, str(int(index) - self.kept).encode(), jws)]


@pytest.mark.parametrize('names', [[], ['--name', 'bank.example', '--complete']])
def test_who_leaves_out_an_event_of_the_publishers_and_renumbers_is_found_at_the_next_checkpoint(work, state, names):
    work.write_config(checkpoint='200ms')
    thief = Thief()
    with Tap(work.config) as tap, Middle(work.endpoint('public'), thief) as middle:
        log = work.log_dir('public')
        wait_until('there is a log', (log / 'checkpoint').exists)
        with Watch('follow', log, *names, '--connect', middle.endpoint, '--json', state=state) as watch:
            watch.wait_said('connected', 30)

            def show(name):
                tap.transaction(*object_frames('update', name))
                return middle.pass_on()

            def has_bank(times):
                return [name for _, name in watch.events()].count('bank.example') >= times
            wait_until('what is about the name comes by the middle', lambda: show('bank.example') and has_bank(1), 30)
            seen = middle.checkpoints
            wait_until('checkpoints follow', lambda: show('probe.example') and middle.checkpoints > seen + 3, 30)
            before = [name for _, name in watch.events()].count('bank.example')
            thief.steals = True
            for name in ('before.example', 'bank.example', 'after.example'):
                show(name)
            wait_until('what was kept back is shown', lambda: middle.pass_on() and has_bank(before + 1) and thief.kept, 30)
            assert thief.kept == 1
            if not names:  # who follows a name alone was sent nothing that would be wrong
                wait_until('it is named', lambda: middle.pass_on() and watch.errors(), 30)
                assert any('left out, changed or renumbered' in what for _, what in watch.errors()), watch.errors()
            assert watch.stop() == (0 if names else 1)

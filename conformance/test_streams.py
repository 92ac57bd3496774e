"""Raw streams: whatever the chunks, they come to what epptap_transaction() makes of the same frames."""
import base64
import collections
import itertools
import json
import random
import xml.sax.saxutils

import pytest

import harness
from harness import Tap, Work, framed

CASES = [case for case in harness.cases() if all(step.command is not None for step in case.steps)]

EPP = b'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">'
GREETING = EPP + b'<greeting><svID>x</svID></greeting></epp>'
HELLO = EPP + b'<hello/></epp>'


def _login(registrar):
    name = xml.sax.saxutils.escape(registrar).encode()
    return EPP + b'<command><login><clID>' + name + b'</clID><pw>CANARY-pw-5d1c</pw></login></command></epp>'


def _claims(lines):
    """What the events tell, without what no two feeds have in common; one that is named by another is named by its place."""
    told = [json.loads(base64.urlsafe_b64decode(line['jws'].split('.')[1] + '==')) for line in lines]
    places = {claims['jti']: place for place, claims in enumerate(told)}
    for claims in told:
        for name in ('iss', 'jti', 'iat', 'toe'):
            del claims[name]
        ((kind, value),) = claims['events'].items()
        for member in ('from', 'to') if kind == 'urn:epptap:gap' else ():
            value.pop(member, None)
        claims['events'][kind] = {member: places[content] if isinstance(content, str) and content in places else content
                                  for member, content in value.items()}
    return told


def _feed(folder, show, **config):
    """The feed of all cases, each registry's by itself, as show(tap, steps) shows them."""
    feed = {}
    for registry in {case.registry for case in CASES}:
        work = Work(folder / str(registry))
        work.write_config(reorder='0s', **(harness.own_words(registry) if registry else {}), **config)
        with Tap(work.config) as tap:
            show(tap, [step for case in CASES if case.registry == registry for step in case.steps])
            tap.flush()
            stats = tap.wait_told()
            assert set(stats['lost'].values()) == {0}
            assert stats['streams_resynchronised'] == stats['stream_frames_skipped'] == 0
            assert stats['streams'] == {'open': 0, 'used_bytes': 0}
        feed[registry] = _claims(harness.feed_dump(work.config, 'vetted'))
    return feed


@pytest.fixture(scope='module')
def told(tmp_path_factory):
    """The feed of epptap_transaction()."""
    def show(tap, steps):
        for step in steps:
            tap.show(step)
    return _feed(tmp_path_factory.mktemp('told'), show)


def _chunks(data, sizes):
    at = 0
    while at < len(data):
        size = next(sizes)
        yield data[at:at + size]
        at += size


SIZES = {
    'single bytes': lambda: itertools.repeat(1),
    'seven bytes': lambda: itertools.repeat(7),
    'whole frames': lambda: itertools.repeat(1 << 30),
    'random': lambda: iter(lambda: random.randint(1, 3000), None),
}


class Connection:
    """A stream whose bytes come in chunks of some sizes."""

    def __init__(self, tap, registrar, sizes):
        self.stream, self.sizes, self.sent, self.answered = tap.stream(), sizes, b'', b''
        self.server(GREETING)
        if registrar is not None:
            self.client(_login(registrar))
            self.server(harness.success('LOGIN'))

    def client(self, frame):
        for chunk in _chunks(framed(frame), self.sizes):
            self.stream.client(chunk)

    def server(self, frame):
        for chunk in _chunks(framed(frame), self.sizes):
            self.stream.server(chunk)


@pytest.mark.parametrize('intent', ['on', 'off'])
@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES)
def test_any_chunks_over_a_connection_for_each_registrar(tmp_path, told, sizes, intent):
    def show(tap, steps):
        connections = {}
        for step in steps:
            if step.registrar not in connections:
                connections[step.registrar] = Connection(tap, step.registrar, sizes())
            connections[step.registrar].client(step.command)
            connections[step.registrar].server(step.response)
        for connection in connections.values():
            connection.stream.cut()
    assert _feed(tmp_path, show, capture={'intent': intent}) == told


@pytest.mark.parametrize('intent', ['on', 'off'])
def test_a_connection_for_each_command(tmp_path, told, intent):
    def show(tap, steps):
        for step in steps:
            connection = Connection(tap, step.registrar, SIZES['random']())
            connection.client(step.command)
            connection.server(step.response)
            connection.stream.cut()
    assert _feed(tmp_path, show, capture={'intent': intent}) == told


@pytest.mark.parametrize('intent', ['on', 'off'])
def test_all_commands_before_all_responses(tmp_path, told, intent):
    """With intents, a command that can't be read is told of when its answer comes."""
    def show(tap, steps):
        for registrar, some in itertools.groupby(steps, key=lambda step: step.registrar):
            some = list(some)
            connection = Connection(tap, registrar, SIZES['random']())
            for step in some:
                connection.client(step.command)
            for step in some:
                connection.server(step.response)
            connection.stream.cut()
    assert _feed(tmp_path, show, capture={'intent': intent}) == told


def test_nothing_of_a_stream_leaves_but_events(tmp_path):
    work = Work(tmp_path)
    with Tap(work.config) as tap:
        connection = Connection(tap, 'ClientX', SIZES['single bytes']())
        connection.client(harness.update_frames('a.example')[0])
        connection.server(harness.success('S-1'))
        connection.stream.cut()
        tap.flush()
        tap.wait_published(1)
    for path in tmp_path.rglob('*'):
        if path.is_file():
            assert b'CANARY-pw-5d1c' not in path.read_bytes()


def test_a_cut_connection_is_told_as_unknown(work):
    work.write_config(reorder='0s')
    with Tap(work.config) as tap:
        connection = Connection(tap, 'ClientX', SIZES['seven bytes']())
        connection.client(harness.update_frames('cut.example')[0])
        connection.client(HELLO)
        connection.stream.cut()
        tap.flush()
        tap.wait_published(1)
        (line,) = harness.feed_dump(work.config, 'vetted')
        (value,) = line['event']['events'].values()
    assert (value['ldhName'], value['outcome'], value['registrar']) == ('cut.example', 'unknown', 'ClientX')


@pytest.mark.parametrize('intent', ['on', 'off'])
def test_what_goes_wrong_is_a_gap_and_the_rest_goes_on(work, intent):
    work.write_config(reorder='0s', capture={'intent': intent, 'frame_limit': '4KiB'})
    with Tap(work.config) as tap:
        connection = Connection(tap, 'ClientX', SIZES['whole frames']())
        stream = connection.stream
        stream.client(framed(b' ' * 5000))
        stream.server(framed(harness.success('S-0')))
        command = harness.update_frames('a.example', 1)[0]
        stream.client(framed(command.replace(b'C-1', b'C-9')))
        stream.client(framed(command))
        stream.server(framed(harness.success('S-1').replace(b'<svTRID>', b'<clTRID>C-1</clTRID><svTRID>')))
        stream.cut()
        tap.flush()

        def look():
            return [value for line in harness.feed_dump(work.config, 'vetted')
                    for kind, value in line['event']['events'].items() if kind == 'urn:epptap:gap']
        gaps = harness.wait_until('both gaps are told', lambda: len(look()) == 2 and look())
        lines = harness.about_names(harness.feed_dump(work.config, 'vetted'))
    assert sorted((gap['reason'], gap['count'], gap['registrar']) for gap in gaps) == [
        ('frame_limit', 1, 'ClientX'), ('out_of_step', 1, 'ClientX')]
    outcomes = collections.Counter(value['outcome'] for line in lines for value in line['event']['events'].values())
    assert outcomes == ({'completed': 1, 'unknown': 1} if intent == 'on' else {'completed': 1})

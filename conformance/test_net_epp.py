"""A foreign client, Debian's Net::EPP, against the reference front end, and eppwatch, which sees what it did."""
import base64
import itertools
import json
import pathlib
import subprocess
import threading

import pytest
import zmq

import frames
from harness import REGISTRY, Refepp, Tap, built, epptapctl, feed_dump, object_frames, success, wait_until

CLIENT = pathlib.Path(__file__).with_name('net_epp_client.pl')
USERS = {'ClientX': 'password-x'}
# what the client prints for its steps, and what the feed tells of them: verb, name, impact
STEPS = [('login', 1000), ('create-contact', 1000), ('create-host', 1000), ('create', 1000), ('create-again', 2302),
         ('lock', 1000), ('update-locked', 2304), ('unlock', 1000), ('update', 1000), ('info', 1000), ('renew', 1000),
         ('delete-unknown', 2303), ('delete', 1000)]
TOLD = [('host-1.0#create', 'ns1.elsewhere.test', ['create', 'glue']),
        ('domain-1.0#create', 'foreign.example', ['create', 'delegation']),
        ('domain-1.0#update', 'foreign.example', ['lock']),
        ('domain-1.0#update', 'foreign.example', ['unlock']),
        ('domain-1.0#update', 'foreign.example', ['delegation']),
        ('domain-1.0#renew', 'foreign.example', ['renew']),
        ('domain-1.0#delete', 'foreign.example', ['delete'])]


def _run_client(front_end, password):
    host, port = front_end.address
    return subprocess.run(['perl', CLIENT, host, str(port), 'ClientX', password], capture_output=True, text=True, timeout=60)


class Watch:
    """eppwatch follow as a process; `lines` are those of stdout so far."""

    def __init__(self, *options):
        self.process = subprocess.Popen([built('eppwatch'), 'follow', *map(str, options)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def end(self, seconds=60):
        """Waits for its end: exit status, lines of stdout, stderr."""
        try:
            self.process.wait(seconds)
        finally:
            self.process.kill()
        self.reader.join(seconds)
        with self.process.stdout, self.process.stderr:
            return self.process.returncode, self.lines, self.process.stderr.read()


def _of_channel(work, channel, endpoint=None):
    return ['--connect', endpoint or work.endpoint(channel), '--channel', channel, '--registry', REGISTRY,
            '--jwks', work.log_dir(channel) / 'jwks.json']


def _told(event):
    ((kind, value),) = event['events'].items()
    return kind.removeprefix('urn:ietf:params:xml:ns:'), value['ldhName'], value.get('impact', [])


def _is_of_story(event):
    return 'probe.test' not in event['sub_id']['uri']


@pytest.fixture
def curve(work):
    """Options with which eppwatch may follow the vetted channel."""
    own_key = work.add_client('watcher')
    return ['--curve-server', work.keys / 'server.pub', '--curve-key', own_key]


def test_net_epp_is_served_and_eppwatch_sees_what_it_did(work, curve):
    count = 60  # of the client's seven changes, and of probes before and behind them
    vetted = [*_of_channel(work, 'vetted'), *curve, '--timeout', 30, '--count', count]
    with Refepp(work.path / 'front', USERS, work.config) as front_end, front_end.client() as prober:
        prober.login('ClientX', USERS['ClientX'])
        probes = itertools.count()
        all_json = Watch(*vetted, '--json')
        only_some = Watch(*vetted, '--impact', 'unlock', '--impact', 'create')

        def probe():
            """A PUB socket doesn't tell when it knows a subscription: make changes until both have heard one."""
            frames.do(prober, frames.create_host(f'ns{next(probes)}.probe.test'))
            return all_json.lines and only_some.lines
        wait_until('both hear a probe', probe, every=0.05)

        wrong = _run_client(front_end, 'wrong-password')
        assert (wrong.returncode, wrong.stdout) == (1, 'login 2200\n')
        done = _run_client(front_end, USERS['ClientX'])
        assert [tuple(line.split()) for line in done.stdout.splitlines()] == [(word, str(code)) for word, code in STEPS]
        assert done.returncode == 0, done.stderr

        frames.do(prober, *(frames.create_host(f'ns{next(probes)}.probe.test') for _ in range(count)))
        status, lines, err = all_json.end()
        assert (status, len(lines), err) == (0, count, '')
        shown = [(line['index'], line['event']) for line in map(json.loads, lines)]
        assert [_told(event) for _, event in shown if _is_of_story(event)] == TOLD
        first = shown[0][0]
        dump = [(line['index'], line['event']) for line in feed_dump(work.config, 'vetted')]
        assert shown == dump[first:first + count]

        status, lines, _ = only_some.end()
        assert (status, len(lines)) == (0, count)
        assert [line.split()[3:5] for line in lines if 'foreign.example' in line] == \
            [['foreign.example', 'create,delegation'], ['foreign.example', 'unlock']]
    assert b'made-up' not in b''.join(path.read_bytes() for path in work.state_dir.rglob('*') if path.is_file())


def test_eppwatch_shows_gaps_and_keys_whatever_else_is_asked_for(work):
    options = [*_of_channel(work, 'public'), '--timeout', 30, '--name', 'nobodys.example']
    unreadable = '<epp><command><update>made-up'
    epptapctl('keygen', work.path / 'next')
    with Tap(work.config) as tap:
        people, programs = Watch(*options), Watch(*options, '--json')
        wait_until('both show a gap', lambda: tap.transaction(unreadable, success('Probe'), None) == 0 and
                   people.lines and programs.lines, every=0.05)
        tap.transaction(*object_frames('update', 'bank.example'))
        tap.transaction(unreadable, success('S-1'), 'ClientY')
        tap.transaction(unreadable, '<response code="1000">made-up', 'ClientZ')
        # what must come behind these two: the next key is told under the one that readers know
        tap.flush()
        (work.path / 'next' / 'event.pem').replace(work.keys / 'event.pem')
        tap.wait_published(tap.stats()['changes'] + sum(tap.stats()['unreadable'].values()))
        tap.reload()
        # a reload opens the sockets anew
        wait_until('both hear again', lambda: tap.transaction(unreadable, success('After')) == 0 and
                   all('After' in watch.lines[-1] for watch in (people, programs)), every=0.05)
        for watch in people, programs:
            watch.process.terminate()
        (_, for_people, errors), (_, as_json, _) = people.end(), programs.end()
    lines = feed_dump(work.config, 'public')
    own = {line['index']: line['event'] for line in lines if line['event']['sub_id']['uri'] == REGISTRY}
    shown = [(line['index'], line['event']) for line in map(json.loads, as_json)]
    assert all(own[index] == event for index, event in shown)
    first = next(index for index, event in own.items() if event.get('txn') == 'S-1')
    gap, half, added, retired = (next(line for line in for_people if line.split()[2] == str(number))
                                 for number in range(first, first + 4))
    assert [index for index, _ in shown if first <= index < first + 4] == list(range(first, first + 4))
    time = own[first]['events']['urn:epptap:gap']['to']
    assert gap.split(None, 4)[1:4] == ['public', str(first), '~gap']
    assert gap.rstrip().endswith(f'reason namespace; count 1; from {time}; to {time}; registrar ClientY; txn S-1')
    assert 'registrar ClientZ' in half and 'txn' not in half
    new, old = (own[number]['events']['urn:epptap:key']['kid'] for number in (first + 2, first + 3))
    assert f'~key  action added; kid {new}' in added and f'~key  action retired; kid {old}' in retired
    assert [event['txn'] for _, event in shown[-1:]] == ['After'], 'what the new key signed is not shown'
    assert 'bank.example' not in ''.join(for_people) + ''.join(as_json)
    assert 'made-up' not in ''.join(for_people) + ''.join(as_json) + errors


@pytest.mark.parametrize('options', [
    ['--connect', 'tcp://127.0.0.1:1'],
    ['--count', '1', '--unknown'],
    ['--connect', 'tcp://127.0.0.1:1', '--channel', 'c', '--registry', REGISTRY, '--jwks', '/does/not/exist'],
    ['--connect', 'no-endpoint', '--channel', 'c', '--registry', REGISTRY, '--jwks', '/dev/null'],
], ids=['options missing', 'unknown option', 'no keys', 'no endpoint'])
def test_eppwatch_ends_with_2_on_wrong_usage(options):
    status, lines, err = Watch(*options).end()
    assert (status, lines) == (2, [])
    assert err


def test_eppwatch_ends_with_3_when_the_time_is_over(work):
    with Tap(work.config):
        status, lines, _ = Watch(*_of_channel(work, 'public'), '--count', 1, '--timeout', 1).end()
        assert (status, lines) == (3, [])
        status, lines, _ = Watch(*_of_channel(work, 'public'), '--timeout', 4).end()
        assert (status, lines) == (0, [])


def test_eppwatch_without_a_connection_is_no_success(work):
    with Tap(work.config):
        pass  # for the channel's jwks.json
    status, lines, _ = Watch(*_of_channel(work, 'public'), '--timeout', 1).end()
    assert (status, lines) == (3, [])


def test_eppwatch_with_a_key_that_is_not_listed_hears_nothing_and_is_told_why(work, curve):
    (work.keys / 'clients' / 'watcher.pub').rename(work.path / 'watcher.pub')
    with Tap(work.config) as tap:
        watch = Watch(*_of_channel(work, 'vetted'), *curve, '--count', 1, '--timeout', 4)
        wait_until('it ends', lambda: tap.transaction(*object_frames('update', 'bank.example')) == 0 and
                   watch.process.poll() is not None, every=0.05)
        status, lines, err = watch.end()
        assert (status, lines) == (3, [])
        assert 'refuses this key' in err
        assert tap.stats()['publisher']['door']['refused']['unknown_key'] > 0


def _flipped(jws, at):
    return jws[:at] + (b'A' if jws[at:at + 1] != b'A' else b'B') + jws[at + 1:]


def test_a_stream_that_was_tampered_with_shows_and_ends_eppwatch_with_1(work):
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'bank.example'))
        tap.wait_published(1)
    jws = feed_dump(work.config, 'public')[0]['jws'].encode()
    payload = jws.index(b'.') + 1
    context = zmq.Context()
    impostor = context.socket(zmq.PUB)
    impostor.setsockopt(zmq.LINGER, 0)
    port = impostor.bind_to_random_port('tcp://127.0.0.1')
    watch = Watch(*_of_channel(work, 'public', f'tcp://127.0.0.1:{port}'), '--count', 1, '--timeout', 20)

    def send():
        for index, at in enumerate([5, payload + 40, len(jws) - 5]):
            impostor.send_multipart([b'example.bank.', b'%d' % (index + 1), _flipped(jws, at)])
        impostor.send_multipart([b'example.bank.', b'0', jws])
        return watch.process.poll() is not None
    try:
        wait_until('eppwatch ends', send, every=0.05)
    finally:
        impostor.close()
        context.term()
    status, lines, _ = watch.end()
    assert status == 1
    assert [line for line in lines if 'NOT VERIFIED' not in line] == [lines[-1]]
    assert 'bank.example' in lines[-1]
    assert {line.split()[3] for line in lines[:-1]} == {'1:', '2:', '3:'}
    # the bytes that it could not trust are not shown
    claims = base64.urlsafe_b64decode(jws.split(b'.')[1] + b'==')
    assert json.loads(claims)['jti'] not in ''.join(lines[:-1])

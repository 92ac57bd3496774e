"""eppwatch and a channel's log: follow from everywhere, audit, proofs; and what somebody in the middle, or at the registry,
could do to it. The channels are made by log_maker.py, which shares no code with the publisher."""
import contextlib
import functools
import http.server
import json
import random
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

from harness import Tap, built, object_frames, wait_until
from log_maker import Channel, NoteKey, base64url, raw
from subscriber import thumbprint


class Watch:
    """An eppwatch that runs; what it printed so far."""

    def __init__(self, subcommand, *arguments, state=None):
        command = [built('eppwatch'), subcommand, *map(str, arguments)]
        if state:
            command += ['--state', str(state)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = [], []
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.append(line.rstrip('\n'))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()

    def events(self):
        """The events shown, as (index, name)."""
        lines = [json.loads(line) for line in list(self.out)]
        return [(line['index'], line['event']['sub_id']['uri'].removeprefix('dns:')) for line in lines if 'event' in line]

    def errors(self):
        return [(line['index'], line['error']) for line in map(json.loads, list(self.out)) if 'error' in line]

    def wait(self, what, look, seconds=40):
        try:
            return wait_until(what, lambda: look(self), seconds)
        except AssertionError as error:
            raise AssertionError(f'{error}\n' + '\n'.join(self.out[-20:] + self.err[-20:])) from None

    def wait_said(self, words, seconds=40):
        return self.wait(f'{words!r} is said', lambda watch: any(words in line for line in list(watch.err)), seconds)

    def wait_events(self, count, seconds=40):
        self.wait(f'{count} events', lambda watch: len(watch.events()) >= count, seconds)
        return self.events()

    def stop(self):
        """Ends it as a user does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self, seconds=60):
        status = self.process.wait(seconds)
        for reader in self.readers:
            reader.join()
        return status


@contextlib.contextmanager
def following(channel, state, *options):
    """eppwatch, that follows the channel as JSON lines and is connected to its socket."""
    with Watch('follow', channel.folder, *options, '--json', state=state) as watch:
        channel.wait_subscribed()
        watch.wait_said('connected')
        yield watch


def eppwatch(subcommand, *arguments, state=None, timeout=60):
    command = [built('eppwatch'), subcommand, *map(str, arguments)]
    if state:
        command += ['--state', str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def audit(channel, state, *arguments):
    """The exit status, and the report."""
    done = eppwatch('audit', channel.folder, '--json', *arguments, state=state)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def state(tmp_path):
    return tmp_path / 'state'


def events(channel, count, prefix='d'):
    return [channel.event(f'{prefix}{number}.example', txn=f'T{number}', impact=['delegation'],
                          add={'nameservers': [{'ldhName': 'ns1.example.net'}]}) for number in range(count)]


@pytest.fixture
def channel(tmp_path):
    """600 events in the log, and a socket."""
    with Channel(tmp_path / 'log', socket=True) as made:
        made.add(*events(made, 600))
        made.publish()
        yield made


class Server:
    """A web server of a folder on this machine: plain, or with TLS, or with client certificates."""

    def __init__(self, folder, certificate=None, clients=None, port=0):
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        handler.func.log_message = lambda *unused: None
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if clients:
                context.load_verify_locations(clients)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f'http{"s" if certificate else ""}://localhost:{self.server.server_port}/'
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()


# follow

def test_follow_shows_what_comes_live_and_reads_from_the_log_what_does_not(channel, state):
    with following(channel, state, '--from', '590') as watch:
        assert watch.wait_events(10) == [(number, f'd{number}.example') for number in range(590, 600)]
        channel.tell(*events(channel, 3, 'live'))
        watch.wait_events(13)
        # lost on the way: 603; the rest comes live, but only once it is read
        channel.add(*events(channel, 5, 'late'))
        for index in (604, 605, 606, 607):
            channel.send(index)
        channel.send_checkpoint(channel.publish())
        assert watch.wait_events(18)[10:] == [(600 + number, f'live{number}.example') for number in range(3)] + \
            [(603 + number, f'late{number}.example') for number in range(5)]
        assert watch.errors() == []
        assert watch.stop() == 0


def test_follow_misses_nothing_that_no_index_shows(channel, state):
    """The last events before a checkpoint never came: only the checkpoint tells."""
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        channel.add(*events(channel, 2, 'lost'))
        channel.send_checkpoint(channel.publish())
        assert [name for _, name in watch.wait_events(3)] == ['live0.example', 'lost0.example', 'lost1.example']
        assert watch.stop() == 0


def test_a_man_in_the_middle_who_drops_an_event_and_renumbers_is_found_at_the_next_checkpoint(channel, state):
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        channel.add(*events(channel, 1, 'before'), channel.event('bank.example', impact=['unlock']), *events(channel, 1, 'after'))
        channel.send(601)
        channel.send(602, channel.entries[603])
        watch.wait_events(3)
        channel.send_checkpoint(channel.publish())
        assert watch.wait_events(4)[-1] == (602, 'bank.example')
        ((index, what),) = watch.errors()
        assert index == 602 and 'left out, changed or renumbered' in what
        # and it goes on
        channel.tell(*events(channel, 1, 'on'))
        watch.wait_events(5)
        assert watch.stop() == 1


@pytest.mark.parametrize('frame', ['topic', 'index', 'jws', 'checkpoint'])
def test_a_bit_flipped_on_the_socket_is_found_and_the_event_is_shown(channel, state, frame):
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        channel.add(*events(channel, 2, 'x'))
        note = channel.publish()
        frames = [channel.topic(channel.entries[601]), b'601', channel.entries[601]]
        if frame != 'checkpoint':
            number = ['topic', 'index', 'jws'].index(frame)
            flipped = bytearray(frames[number])
            flipped[len(flipped) // 2] ^= 1
            frames[number] = bytes(flipped)
        channel.socket.send_multipart(frames)
        channel.send(602)
        flipped = bytearray(note)
        flipped[len(flipped) // 2] ^= frame == 'checkpoint'
        channel.socket.send_multipart([b'~checkpoint', b'603', bytes(flipped)])
        channel.send_checkpoint(note)
        assert sorted(set(watch.wait_events(3))) == [(600, 'live0.example'), (601, 'x0.example'), (602, 'x1.example')]
        # an index that is one larger than it should be is a hole at first: the log shows that it was none
        if frame != 'index':
            watch.wait('it is told', lambda watch: watch.errors())
            (index, what), *_ = watch.errors()
            assert index == (None if frame == 'checkpoint' else 601)
            assert {'topic': 'topic says', 'jws': '', 'checkpoint': '~checkpoint of the socket: '}[frame] in what
        assert watch.stop() == (0 if frame == 'index' else 1)


def test_follow_goes_on_where_the_cursor_says_and_where_the_last_run_ended(channel, state, tmp_path):
    cursor = tmp_path / 'cursor'
    done = eppwatch('follow', channel.folder, '--from', 'start', '--count', 7, '--cursor', cursor, '--json', state=state)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 7
    assert cursor.read_text() == '7\n'
    done = eppwatch('follow', channel.folder, '--count', 300, '--cursor', cursor, '--json', state=state)
    assert [json.loads(line)['index'] for line in done.stdout.splitlines()] == list(range(7, 307))
    assert cursor.read_text() == '307\n'
    done = eppwatch('follow', channel.folder, '--from', 'last', '--count', 1, '--json', state=state)
    assert json.loads(done.stdout)['index'] == 307
    # events that came live are sure once a checkpoint tells of them: killed before that, they come again
    with following(channel, state, '--from', '600', '--cursor', tmp_path / 'live') as watch:
        channel.tell(*events(channel, 2, 'live'))
        watch.wait('the cursor is written', lambda _: (tmp_path / 'live').exists() and
                   (tmp_path / 'live').read_text() == '602\n')
        channel.add(*events(channel, 1, 'unsure'))
        channel.send(602)
        watch.wait_events(3)
        watch.process.kill()
    channel.publish()
    done = eppwatch('follow', channel.folder, '--count', 1, '--cursor', tmp_path / 'live', '--json', state=state)
    assert json.loads(done.stdout)['index'] == 602


def test_a_feed_that_stands_still_is_told_and_shows_in_the_exit_status(channel, state):
    channel.put('checkpoint', channel.checkpoint(when=int(time.time()) - 100))
    done = eppwatch('follow', channel.folder, '--from', 'start', '--timeout', 1, '--json', state=state)
    assert done.returncode == 4
    assert 'the feed stands still: its checkpoint was signed 10' in done.stderr
    with Watch('follow', channel.folder, '--max-age', 5, state=state) as watch:
        channel.wait_subscribed()
        watch.wait_said('connected')
        watch.wait_said('stands still')
        # the same checkpoint again makes no difference, however often it comes
        for _ in range(3):
            channel.send_checkpoint((channel.folder / 'checkpoint').read_bytes())
        channel.send_checkpoint(channel.publish())
        watch.wait_said('the feed goes on')
        assert watch.stop() == 0


def test_a_rewritten_history_is_an_alarm_and_both_checkpoints_are_kept(channel, state, tmp_path):
    assert eppwatch('follow', channel.folder, '--timeout', 1, state=state).returncode in (0, 3)  # 3: not connected in that second
    old = (channel.folder / 'checkpoint').read_bytes()
    shutil.rmtree(channel.folder)
    with Channel(channel.folder, like=channel) as forked:
        forked.add(*channel.entries[:10], forked.event('other.example'), *channel.entries[11:], *events(forked, 3, 'more'))
        new = forked.publish()
    done = eppwatch('follow', channel.folder, '--timeout', 5, state=state)
    assert done.returncode == 1
    assert 'the first 600 entries of the log are others than before' in done.stderr
    evidence = {path.read_bytes() for path in state.iterdir() if 'evidence' in path.name}
    assert evidence == {old, new}
    # the audit says the same, and it is not forgotten by being seen
    for _ in range(2):
        status, report = audit(forked, state)
        assert status == 1 and 'the first 600 entries' in report['faults'][0]['what']


def test_a_fork_that_is_shown_to_one_who_follows_is_found(channel, state):
    with following(channel, state) as watch:
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
        with Channel(channel.folder, like=channel) as forked:
            forked.add(*channel.entries[:10], forked.event('other.example'), *channel.entries[11:], *events(forked, 3, 'more'))
            note = forked.publish()
        channel.send_checkpoint(note)
        assert watch.end() == 1
        (_, what), = watch.errors()
        assert 'the first 601 entries of the log are others than before' in what and 'both checkpoints are kept' in what


def test_another_key_or_another_log_in_the_place_of_the_known_one_is_refused(channel, state, tmp_path):
    assert eppwatch('audit', channel.folder, state=state).returncode == 0
    good = (channel.folder / 'feed.json').read_bytes()
    channel.write_feed(verifier_keys=[NoteKey(channel.origin, 1).verifier])
    done = eppwatch('audit', channel.folder, state=state)
    assert done.returncode == 1 and "the log's key was replaced by one that is not known" in done.stderr
    channel.write_feed(origin='registry.example/other')
    done = eppwatch('audit', channel.folder, state=state)
    assert done.returncode == 1 and 'another log stands in its place' in done.stderr
    (channel.folder / 'feed.json').write_bytes(good)
    other = NoteKey(channel.origin, 1).verifier
    done = eppwatch('audit', channel.folder, '--key', other, state=tmp_path / 'fresh')
    assert done.returncode == 1 and "the log's key was replaced" in done.stderr
    assert eppwatch('audit', channel.folder, '--key', channel.log_keys[0].verifier, state=tmp_path / 'fresh').returncode == 0


def test_a_log_key_is_changed_while_checkpoints_bear_both(channel, state):
    assert eppwatch('audit', channel.folder, state=state).returncode == 0
    channel.log_keys.append(NoteKey(channel.origin, 1))
    channel.write_feed()
    channel.publish()
    done = eppwatch('audit', channel.folder, state=state)
    assert done.returncode == 0 and 'the log has a new signing key' in done.stderr
    del channel.log_keys[0]
    channel.write_feed()
    channel.publish()
    assert eppwatch('audit', channel.folder, state=state).returncode == 0
    # one who was away meanwhile has to be told
    done = eppwatch('audit', channel.folder, '--key', NoteKey(channel.origin, 1).verifier, state=state)
    assert done.returncode == 1


def test_a_log_key_is_changed_while_it_is_followed(channel, state):
    with following(channel, state) as watch:
        old = channel.log_keys[0]
        channel.log_keys.append(NoteKey(channel.origin, 1))
        channel.write_feed()
        channel.tell(*events(channel, 1, 'both'))
        watch.wait_events(1)
        # a bad one makes it look at the folder again, where the new key stands beside the old one
        channel.socket.send_multipart([b'~checkpoint', b'601', b'nonsense'])
        watch.wait('it is told', lambda watch: watch.errors())
        watch.wait_said('the log has a new signing key')
        channel.log_keys.remove(old)
        channel.write_feed()
        channel.tell(*events(channel, 1, 'new'))
        watch.wait_events(2)
        assert len(watch.errors()) == 1
        assert watch.stop() == 1


def test_follow_waits_for_an_address_that_does_not_answer_yet(tmp_path, state):
    with Watch('follow', tmp_path / 'log', '--from', 'start', '--json', state=state) as watch:
        watch.wait_said('trying again')
        with Channel(tmp_path / 'new', socket=True) as channel:
            channel.add(*events(channel, 2))
            channel.publish()
            channel.folder.rename(tmp_path / 'log')
            watch.wait_events(2)
            assert watch.stop() == 0


def test_follow_some_names_their_nameservers_and_what_was_missed_of_them(channel, state):
    def unlock(name):
        return channel.event(name, impact=['unlock'], lock=[{'action': 'unlock', 'level': 'registrar', 'prohibits': ['update']}])
    moved = channel.event('bank.example', impact=['delegation'], add={'nameservers': [{'ldhName': 'ns1.evil.example'}]})
    with Watch('follow', channel.folder, '--name', 'bank.example', '--json', state=state) as watch:
        channel.wait_subscribed(3)
        watch.wait_said('connected')
        channel.tell(*events(channel, 5, 'other'), unlock('bank.example'), *events(channel, 5, 'more'))
        watch.wait_events(1)
        channel.tell(moved)
        channel.wait_subscribed(1)
        channel.tell(channel.event('ns1.evil.example', host=True, impact=['glue'], add={'ipAddresses': {'v4': ['192.0.2.66']}}))
        channel.tell(channel.event('ns2.evil.example', host=True))
        assert watch.wait_events(3) == [(605, 'bank.example'), (611, 'bank.example'), (612, 'ns1.evil.example')]
        # one is lost on the way: the next one's prev shows it
        channel.add(unlock('bank.example'), *events(channel, 300, 'many'))
        channel.publish()
        channel.tell(unlock('bank.example'))
        names = watch.wait_events(5)
        assert sorted(names[3:]) == [(614, 'bank.example'), (915, 'bank.example')]
        assert watch.errors() == []
        # an event that is signed, but not in the log
        channel.send(5, channel.event('bank.example'))
        channel.tell(*events(channel, 1, 'end'))
        watch.wait('it is told', lambda watch: watch.errors())
        assert 'is not in the log there' in watch.errors()[0][1]
        assert watch.stop() == 1


def test_names_are_found_in_the_past(channel, state):
    done = eppwatch('follow', channel.folder, '--from', 'start', '--name', 'd17.example', '--name', 'd599.example', '--timeout', 2,
                    '--json', state=state)
    assert [json.loads(line)['index'] for line in done.stdout.splitlines()] == [17, 599]


def test_entries_that_are_no_longer_kept_are_told_and_the_log_still_verifies(channel, state):
    for path in ('tile/entries/000', ):
        (channel.folder / path).unlink()
    status, report = audit(channel, state)
    assert status == 1 and report['faults'][0]['file'] == 'tile/entries/000'
    channel.write_feed(minimum_index=256, retention='30d')
    status, report = audit(channel, state)
    assert (status, report['pruned'], report['verified'], report['wrong']) == (0, 256, 344, 0)
    done = eppwatch('follow', channel.folder, '--from', 'start', '--count', 1, '--json', state=state)
    assert json.loads(done.stdout)['index'] == 256
    done = eppwatch('follow', channel.folder, '--from', '100', '--count', 1, '--json', state=state)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]['index'] == 100 and 'no longer kept' in lines[0]['error'] and lines[1]['index'] == 256
    assert done.returncode == 1


# audit

def test_audit_names_a_flipped_bit_anywhere(channel, state):
    source = random.Random(1)
    files = sorted(path for path in channel.folder.rglob('*') if path.is_file())
    for path in [*files] * 3:
        name = str(path.relative_to(channel.folder))
        if name in ('feed.json', 'jwks.json'):
            continue
        good = path.read_bytes()
        bit = source.randrange(8 * len(good))
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        status, report = audit(channel, state)
        told = json.dumps(report.get('faults', report.get('error')))
        assert status == 1 and name in told, (name, bit, report)
        path.write_bytes(good)
    assert audit(channel, state)[0] == 0


def test_audit_tells_keys_gaps_and_chains(tmp_path, state):
    with Channel(tmp_path / 'log') as channel:
        old = channel.event_key
        channel.add(channel.event('a.example'), channel.own('gap', reason='queue_full', count=3))
        channel.event_key = new = NoteKey('unused', 1).key
        jwk = {'kty': 'OKP', 'crv': 'Ed25519', 'kid': thumbprint(raw(new)), 'x': base64url(raw(new)), 'use': 'sig'}
        channel.event_key = old
        channel.add(channel.own('key', action='added', kid=thumbprint(raw(new)), jwk=jwk))
        channel.event_key = new
        channel.add(channel.event('a.example'), channel.own('key', action='revoked', kid=thumbprint(raw(old))))
        channel.event_keys = [new]
        channel.write_jwks()
        channel.publish()
        status, report = audit(channel, state)
        # what a revoked key signed is not trusted, but that it stands in the log is no fault
        assert (status, report['verified'], report['revoked'], report['wrong']) == (0, 2, 3, 0), report
        channel.event_keys = [old, new]
        channel.write_jwks()
        status, report = audit(channel, state)
        assert (status, report['verified'], report['links']) == (0, 5, 1)
        assert report['gaps'] == [{'reason': 'queue_full', 'events': 1, 'changes': 3}]
        assert [(key['index'], key['action']) for key in report['keys']] == [(2, 'added'), (4, 'revoked')]
        # signed by the revoked key after it was revoked
        channel.event_key = old
        channel.add(channel.event('b.example'))
        channel.publish()
        status, report = audit(channel, state)
        assert status == 1 and report['faults'] == [{'index': 5, 'what': 'it is signed by a key that was revoked before'}]


def test_audit_finds_an_event_that_was_left_out_of_a_chain(tmp_path, state):
    with Channel(tmp_path / 'log') as channel:
        first, lost, last = (channel.event('a.example') for _ in range(3))
        channel.add(first, last)
        channel.publish()
        status, report = audit(channel, state)
        assert status == 1
        assert report['faults'][0]['index'] == 1 and 'one is missing' in report['faults'][0]['what']


@pytest.mark.parametrize('count', [0, 1, 255, 256, 257, 65537])
def test_audit_of_logs_of_all_shapes(tmp_path, state, count):
    with Channel(tmp_path / 'log') as channel:
        entry = channel.own('verification', state='x')
        channel.add(*[entry] * count)
        channel.publish()
        status, report = audit(channel, state)
        assert (status, report['size'], report['verified'], report['wrong']) == (0, count, count, 0), report


# Servers

@pytest.fixture(scope='session')
def certificates(tmp_path_factory):
    """A CA, a server's certificate for localhost, and a client's; the folder they are in."""
    folder = tmp_path_factory.mktemp('tls')

    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True)
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2')
    for name in ('server', 'client'):
        (folder / 'ext').write_text('subjectAltName=DNS:localhost\n')
        openssl('req', '-newkey', 'ed25519', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out',
                f'{name}.pem', '-days', '2', '-extfile', 'ext')
    return folder


def test_a_log_is_read_by_https_from_servers_that_the_ca_vouches_for(channel, state, certificates):
    pair = certificates / 'server.pem', certificates / 'server.key'
    with Server(channel.folder, pair) as server:
        done = eppwatch('audit', server.url, '--ca-file', certificates / 'ca.pem', state=state)
        assert done.returncode == 0, done.stderr
        done = eppwatch('audit', server.url, state=state)
        assert done.returncode != 0 and "the server's certificate is not good" in done.stderr
    with Server(channel.folder, pair, certificates / 'ca.pem') as server:
        arguments = ['audit', server.url, '--ca-file', certificates / 'ca.pem']
        assert eppwatch(*arguments, state=state).returncode != 0
        done = eppwatch(*arguments, '--client-cert', certificates / 'client.pem', '--client-key', certificates / 'client.key',
                        state=state)
        assert done.returncode == 0, done.stderr


def test_plain_http_is_for_this_machine_alone(channel, state):
    with Server(channel.folder) as server:
        assert eppwatch('audit', server.url, state=state).returncode == 0
        assert eppwatch('audit', f'{server.url}feed.json', state=state).returncode == 0
    done = eppwatch('audit', 'http://feed.registry.example/', state=state)
    assert done.returncode == 2 and 'https:// would be right' in done.stderr
    done = eppwatch('audit', f'file://{channel.folder}', state=state)
    assert done.returncode == 0


# Proofs

def test_a_proof_is_judged_offline_by_whoever_has_the_key(channel, state, tmp_path):
    proof, event = tmp_path / 'e.tlog-proof', tmp_path / 'e.jws'
    done = eppwatch('prove', channel.folder, 345, '--out', proof, '--event', event, state=state)
    assert done.returncode == 0, done.stderr
    assert proof.read_text().startswith('c2sp.org/tlog-proof@v1\nextra ')
    assert event.read_bytes() == channel.entries[345]
    key, cosigner = channel.log_keys[0].verifier, channel.cosigner.verifier
    shutil.move(channel.folder, tmp_path / 'gone')
    done = eppwatch('verify-proof', proof, '--key', key, '--key', cosigner, '--json')
    told = json.loads(done.stdout)
    assert done.returncode == 0 and (told['good'], told['index'], told['size']) == (True, 345, 600)
    assert told['event']['sub_id']['uri'] == 'dns:d345.example' and time.time() - told['time'] < 60
    assert 'proved: entry 345 of registry.example/public' in eppwatch('verify-proof', proof, '--key', key, '--event', event).stdout
    # by another's key, of another event, of another place
    assert eppwatch('verify-proof', proof, '--key', NoteKey(channel.origin, 1).verifier).returncode == 1
    event.write_bytes(channel.entries[344])
    done = eppwatch('verify-proof', proof, '--key', key, '--event', event)
    assert done.returncode == 1 and 'is not entry 345 of the log' in done.stderr
    good = proof.read_bytes()
    proof.write_bytes(good.replace(b'index 345', b'index 344'))
    assert eppwatch('verify-proof', proof, '--key', key).returncode == 1


def test_no_bit_of_a_proof_can_be_flipped(channel, state, tmp_path):
    proof, source = tmp_path / 'e.tlog-proof', random.Random(2)
    assert eppwatch('prove', channel.folder, 12, '--out', proof, state=state).returncode == 0
    good = proof.read_bytes()
    keys = ['--key', channel.log_keys[0].verifier, '--key', channel.cosigner.verifier]
    assert eppwatch('verify-proof', proof, *keys).returncode == 0
    for _ in range(60):
        bit = source.randrange(8 * len(good))
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        proof.write_bytes(bad)
        assert eppwatch('verify-proof', proof, *keys).returncode == 1, bit


def test_of_an_event_that_is_no_longer_kept_the_proof_is_left(channel, state, tmp_path):
    (channel.folder / 'tile/entries/000').unlink()
    channel.write_feed(minimum_index=256)
    proof, event = tmp_path / 'e.tlog-proof', tmp_path / 'e.jws'
    assert eppwatch('prove', channel.folder, 12, '--out', proof, state=state).returncode == 0
    key = channel.log_keys[0].verifier
    done = eppwatch('verify-proof', proof, '--key', key)
    assert done.returncode == 2 and '--event FILE would be right' in done.stderr
    event.write_bytes(channel.entries[12] + b'\n')
    assert eppwatch('verify-proof', proof, '--key', key, '--event', event).returncode == 0


# The publisher's own logs

def test_the_publishers_log_is_followed_and_audited(work, tmp_path, state):
    with Tap(work.config) as tap:
        for number in range(300):
            tap.transaction(*object_frames('update', f'd{number % 7}.example'))
        tap.wait_published(300)
        log = work.log_dir('public')
        wait_until('a checkpoint tells of all', lambda: (log / 'checkpoint').exists() and
                   (log / 'checkpoint').read_bytes().split(b'\n')[1] == b'300')
        with Watch('follow', log, '--from', 'start', '--json', state=state) as watch:
            watch.wait_events(300)
            watch.wait_said('connected')
            for number in range(20):
                tap.transaction(*object_frames('update', f'live{number}.example'))
            assert [index for index, _ in watch.wait_events(320)] == list(range(320))
            assert watch.errors() == []
            assert watch.stop() == 0
        for channel in ('public', 'vetted'):
            done = eppwatch('audit', work.log_dir(channel), '--json', state=state)
            report = json.loads(done.stdout)
            assert done.returncode == 0 and report['verified'] >= 300 and report['links'] >= 293, report


def test_a_vetted_channel_is_followed_with_a_key_and_without_one_by_its_log(work, tmp_path, state):
    key = work.add_client('alice')
    work.write_config(checkpoint='1s')
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'first.example'))
        log = work.log_dir('vetted')
        wait_until('there is a log', lambda: (log / 'checkpoint').exists())
        with Watch('follow', log, '--from', 'start', '--curve-key', key, '--json', state=state) as vetted, \
                Watch('follow', log, '--from', 'start', '--json', state=tmp_path / 'other') as stranger:
            vetted.wait_said('connected')
            stranger.wait_said('the socket refuses our key')
            tap.transaction(*object_frames('update', 'second.example'))
            for watch in (vetted, stranger):
                assert [name for _, name in watch.wait_events(2)] == ['first.example', 'second.example']
                assert watch.errors() == []
                assert watch.stop() == 0


def test_a_test_event_says_how_long_it_took(channel, state):
    with Watch('follow', channel.folder, state=state) as watch:
        channel.wait_subscribed()
        watch.wait_said('connected')
        channel.tell(channel.own('verification', state='hello'))
        watch.wait('it is shown', lambda watch: watch.out)
        assert re.search(r' ~verification  state hello; took \d+ ms$', watch.out[0]), watch.out
        assert watch.stop() == 0


def test_follow_goes_on_when_its_web_server_comes_back(channel, state, certificates):
    pair, ca = (certificates / 'server.pem', certificates / 'server.key'), certificates / 'ca.pem'
    with Server(channel.folder, pair) as server:
        url = server.url
        watch = Watch('follow', url, '--ca-file', ca, '--json', state=state)
        channel.wait_subscribed()
        watch.wait_said('connected')
        channel.tell(*events(channel, 1, 'live'))
        watch.wait_events(1)
    with watch:
        # the socket goes on; what is lost there waits for the log
        channel.tell(*events(channel, 1, 'alone'))
        watch.wait_events(2)
        channel.add(*events(channel, 1, 'lost'))
        channel.send_checkpoint(channel.publish())
        watch.wait_said('trying again')
        with Server(channel.folder, pair, port=int(url.rsplit(':', 1)[1].strip('/'))):
            channel.tell(*events(channel, 1, 'after'))
            assert [name for _, name in watch.wait_events(4, seconds=30)][2:] == ['lost0.example', 'after0.example']
            assert watch.errors() == []
            assert watch.stop() == 0

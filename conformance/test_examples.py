"""The examples of subscriber/examples, each in its own language: they hear and verify all that a real feed tells, on a plain and
on a CURVE channel; refuse what was tampered with; and say what they missed."""
import collections
import contextlib
import functools
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import harness
from harness import REPOSITORY, Tap, Work, update_frames, wait_until
from log_maker import Channel, base64url, raw
from subscriber import thumbprint

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='the examples are not of the sanitized build')

EXAMPLES = REPOSITORY / 'subscriber' / 'examples'
NODE_MODULES = REPOSITORY / 'build' / 'node' / 'node_modules'
GOCODE = pathlib.Path('/usr/share/gocode')
JARS = ':'.join(f'/usr/share/java/{name}.jar' for name in ('gson', 'jna'))
LANGUAGES = ['python', 'node', 'go', 'java', 'shell']
OF_SOCKETS = ['python', 'node', 'go', 'java']
CHANNELS = ['public', 'vetted']
# what must be there, and what Debian or npm has it in
NEEDED = {
    'python': [(['/usr/bin/python3', '-c', 'import jwt, zmq'], 'python3-jwt or python3-zmq')],
    'node': [(['node', '--version'], 'nodejs'), *((['test', '-e', NODE_MODULES / name], f'{name}, of npm')
                                                  for name in ('zeromq', 'jose'))],
    'go': [(['go', 'version'], 'golang-go'),
           (['test', '-e', GOCODE / 'src/gopkg.in/square/go-jose.v2'], 'golang-gopkg-square-go-jose.v2-dev')],
    'java': [(['javac', '-version'], 'default-jdk-headless'), (['test', '-e', '/usr/share/java/gson.jar'], 'libgoogle-gson-java'),
             (['test', '-e', '/usr/share/java/jna.jar'], 'libjna-java')],
    'shell': [(['curl', '--version'], 'curl'), (['jq', '--version'], 'jq'), (['perl', '-e1'], 'perl'),
              (['openssl', 'version'], 'openssl')],
}
SECONDS = 120  # for a busy machine

Line = collections.namedtuple('Line', 'index uri event value')


def _runs(command):
    return shutil.which(command[0]) is not None and subprocess.run(list(map(str, command)), capture_output=True,
                                                                   timeout=60).returncode == 0


def _missing(language):
    return [package for command, package in NEEDED[language] if not _runs(command)]


@functools.cache
def _why_not(language):
    """In words, what a language is not tried for; None if it is."""
    missing = _missing(language)
    return missing and f'{", ".join(missing)}: not installed; `etc/install-deps --ffi` does it where it can be had' or None


class Programs:
    """The examples as commands, compiled where that is to be done, as README.md says."""

    def __init__(self, folder):
        self.folder = folder

    def _compile(self, *command, **options):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
        assert done.returncode == 0, done.stdout + done.stderr

    @functools.cache
    def command(self, language):
        folder = self.folder / language
        folder.mkdir()
        if language == 'java':
            self._compile('javac', '-Werror', '-Xlint:all', '-cp', JARS, '-d', folder, *(EXAMPLES / 'java').glob('*.java'))
            return ['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', f'{JARS}:{folder}', 'Subscribe']
        if language == 'go':
            self._compile('go', 'build', '-o', folder / 'subscribe', 'subscribe.go', 'zmq.go', cwd=EXAMPLES / 'go', env=dict(
                os.environ, GO111MODULE='off', GOPATH=str(GOCODE), GOCACHE=str(harness.BUILD / 'go-cache'), GOFLAGS=''))
            return [folder / 'subscribe']
        if language == 'node':  # its modules are looked for beside it
            shutil.copy(EXAMPLES / 'subscribe.mjs', folder)
            (folder / 'node_modules').symlink_to(NODE_MODULES)
            return ['node', folder / 'subscribe.mjs']
        return {'python': ['/usr/bin/python3', EXAMPLES / 'subscribe.py'], 'shell': ['sh', EXAMPLES / 'subscribe.sh']}[language]


@pytest.fixture(scope='module')
def programs(tmp_path_factory):
    return Programs(tmp_path_factory.mktemp('examples'))


class Running:
    """An example as a process: what it prints, and what it says on stderr, as lines. A context manager."""

    def __init__(self, programs, language, url, *arguments):
        environment = dict(os.environ, LC_ALL='C.UTF-8', PYTHONDONTWRITEBYTECODE='1', NO_PROXY='127.0.0.1', no_proxy='127.0.0.1')
        self.process = subprocess.Popen(list(map(str, [*programs.command(language), url, *arguments])), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment)
        self.printed, self.said = [], []
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.printed), (self.process.stderr, self.said))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.append(line.decode().rstrip('\n'))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(SECONDS)
        for reader in self.readers:
            reader.join(SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()

    def wait_for(self, what, look):
        def see():
            assert self.process.poll() is None, self.said
            return look(self)
        try:
            return wait_until(what, see, SECONDS)
        except AssertionError as late:
            raise AssertionError(f'{late}; it printed {self.printed[-3:]} and said {self.said[-5:]}') from None

    def lines(self):
        found = []
        for text in list(self.printed):
            index, uri, event, value = text.split(' ', 3)
            found.append(Line(int(index), uri, event, json.loads(value)))
        return found


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


@contextlib.contextmanager
def _served(folder):
    """A folder behind a web server; its address."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    thread.join()
    server.server_close()


# A real feed

Heard = collections.namedtuple('Heard', 'running dump')  # by language and channel; by channel


@pytest.fixture(scope='module')
def heard(programs, tmp_path_factory):
    """All examples that can be run hear all golden cases, on both channels at once."""
    work = Work(tmp_path_factory.mktemp('heard'))
    work.write_config(reorder='0s', **harness.all_own_words())
    secret = work.add_client('reader')
    curve = [secret, work.keys / 'clients' / 'reader.pub']
    languages = [language for language in LANGUAGES if not _why_not(language)]
    with Tap(work.config) as tap, _served(work.path / 'log') as address, contextlib.ExitStack() as stack:
        for channel in CHANNELS:
            wait_until(f'{channel} has a log', lambda: (work.log_dir(channel) / 'checkpoint').exists(), SECONDS)
        running = {}
        for language in languages:
            for channel in CHANNELS:
                arguments = ['0'] if language == 'shell' else curve if channel == 'vetted' else []
                example = Running(programs, language, f'{address}/{channel}/', *arguments)
                running[language, channel] = stack.enter_context(example)
        number = 0

        def all_hear():
            nonlocal number
            number += 1
            tap.transaction(*update_frames('probe.example', number))
            for example in running.values():
                assert example.process.poll() is None, (example.process.args, example.said)
            return all(example.printed for example in running.values())
        try:
            wait_until('all examples hear a probe', all_hear, SECONDS, every=0.5)
        except AssertionError as late:
            silent = {name: example.said[-3:] for name, example in running.items() if not example.printed}
            raise AssertionError(f'{late}; silent are, with what they said: {silent}') from None
        for step in harness.steps():
            tap.show(step)
        tap.flush()
        tap.transaction(*update_frames('last.example', number))
        tap.wait_told(SECONDS)
        for example in running.values():
            example.wait_for('the last event is heard', lambda one: any('dns:last.example ' in line for line in list(one.printed)))
        dump = {channel: harness.feed_dump(work.config, channel) for channel in CHANNELS}
        yield Heard(running, dump)


def _need(language):
    why = _why_not(language)
    if why:
        pytest.skip(why)


def _line(told):
    (event, value), = told['event']['events'].items()
    return Line(told['index'], told['event']['sub_id']['uri'], event, value)


@pytest.mark.parametrize('channel', CHANNELS)
@pytest.mark.parametrize('language', LANGUAGES)
def test_all_that_the_feed_tells_is_heard_and_verified(heard, language, channel):
    _need(language)
    example = heard.running[language, channel]
    lines = example.lines()
    told = [_line(line) for line in heard.dump[channel]]
    assert lines == told[lines[0].index:]
    assert len(lines) > 250
    assert example.said == []


# Tampered with

def _signed(key, header, claims):
    text = '.'.join(base64url(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims))
    return f'{text}.{base64url(key.sign(text.encode()))}'.encode()


def _flipped(jws, part):
    """With another character in the middle of one of its parts."""
    at = sum(len(one) + 1 for one in jws.split(b'.')[:part]) + len(jws.split(b'.')[part]) // 2
    return jws[:at] + (b'B' if jws[at:at + 1] != b'B' else b'C') + jws[at + 1:]


def tampered(channel):
    """By what was done to them, events that nobody may believe."""
    stranger, kid = Ed25519PrivateKey.generate(), thumbprint(raw(channel.event_key))
    good = {'alg': 'EdDSA', 'kid': kid, 'typ': 'secevent+jwt'}
    value = {'objectClassName': 'domain', 'ldhName': 'forged.example', 'initiator': 'registrar', 'outcome': 'completed'}

    def claims(**changes):
        return {**channel.claims('dns:forged.example', 'urn:ietf:params:xml:ns:domain-1.0#update', value), **changes}

    def signed(header=(), key=channel.event_key, **changes):
        header = {name: item for name, item in {**good, **dict(header)}.items() if item is not None}
        return _signed(key, header, claims(**changes))
    jwk = {'kty': 'OKP', 'crv': 'Ed25519', 'x': base64url(raw(stranger))}
    found = {f'{what} changed': _flipped(signed(), part) for part, what in enumerate(('header', 'claims', 'signature'))}
    found |= {f'{name} in the header': signed({name: item}) for name, item in {
        'jwk': jwk, 'jku': 'https://stranger.example/jwks.json', 'x5u': 'https://stranger.example/x5u', 'x5c': ['AAAA'],
        'crit': ['b64']}.items()}
    hs256 = '.'.join(base64url(json.dumps(part).encode()) for part in ({**good, 'alg': 'HS256'}, claims()))
    mac = hmac.new(raw(channel.event_key), hs256.encode(), hashlib.sha256).digest()
    none = '.'.join(base64url(json.dumps(part).encode()) for part in ({**good, 'alg': 'none'}, claims()))
    injected = claims(sub_id={'format': 'uri', 'uri': f'dns:a\n{base64url(raw(stranger))} x x dns:forged.example'})
    parts = signed().split(b'.')
    return found | {
        'another key, the same kid': signed(key=stranger),
        'another key, and its kid': signed({'kid': thumbprint(raw(stranger))}, stranger),
        'another key, sent along': signed({'jwk': jwk}, stranger),
        'no kid': signed({'kid': None}),
        'no signature': f'{none}.'.encode(),
        'a signature of nothing': b'.'.join([*parts[:2], base64url(bytes(64)).encode()]),
        'signed by HMAC with the public key': f'{hs256}.{base64url(mac)}'.encode(),
        'another type': signed({'typ': 'JWT'}), 'no type': signed({'typ': None}),
        'another registry': signed(iss='https://other.example'), 'no registry': signed(iss=None),
        'for somebody': signed(aud='https://somebody.example'),
        'lines in a name': _signed(stranger, good, injected),
        'empty': b'', 'no JWS': b'-', 'two parts': b'.'.join(parts[:2]), 'four parts': signed() + b'.AAAA',
        'no JSON': _signed(channel.event_key, good, b'{'), 'a list': _signed(channel.event_key, b'[]', b'[]'),
    }


class Messages:
    """Numbers and sends messages, each heard before the next is sent if it is to be."""

    def __init__(self, channel, example):
        self.channel, self.example = channel, example

    def good(self, index, jws=None):
        self.channel.send(index, jws or self.channel.event(f'd{index}.example'))
        self.example.wait_for(f'event {index} is heard', lambda one: any(line.startswith(f'{index} ') for line in one.printed))

    def frames(self, *frames):
        self.channel.socket.send_multipart(frames)


@pytest.fixture
def attacked(programs, tmp_path, request):
    """A made-up channel with a socket, and an example that listens to it."""
    language = request.param
    _need(language)
    with _served(tmp_path) as address, Channel(tmp_path / 'public', socket=True) as channel, \
            Running(programs, language, f'{address}/public') as example:
        channel.wait_subscribed(seconds=SECONDS)
        yield Messages(channel, example)


def _refusals(example):
    return [line for line in example.said if 'refused: ' in line]


def _jumps(example):
    return [tuple(map(int, found.groups())) for line in example.said
            if (found := re.search(r'jump from (\d+) to (\d+): ', line))]


@pytest.mark.parametrize('attacked', OF_SOCKETS, indirect=True)
def test_what_was_tampered_with_is_refused(attacked):
    attacked.good(0)
    bad = tampered(attacked.channel)
    for what, jws in bad.items():
        before = len(_refusals(attacked.example))
        attacked.frames(b'example.forged.', b'1', jws)
        attacked.example.wait_for(f'refused: {what}', lambda one: len(_refusals(one)) > before)
    attacked.frames(b'example.forged.', b'one', attacked.channel.event('forged.example'))
    attacked.frames(b'example.forged.', b'1')
    attacked.frames(b'example.forged.')
    attacked.good(1)
    assert [line.index for line in attacked.example.lines()] == [0, 1]
    assert 'forged' not in ''.join(attacked.example.printed)
    assert _jumps(attacked.example) == []


@pytest.mark.parametrize('attacked', OF_SOCKETS, indirect=True)
def test_a_jump_is_said_and_a_second_name_is_none(attacked):
    renamed = attacked.channel.event('ns1.hoster.example', host=True)
    for index, jws in [(7, None), (8, renamed), (8, renamed), (9, None), (12, None), (3, None), (4, None)]:
        attacked.good(index, jws)
    assert [line.index for line in attacked.example.lines()] == [7, 8, 9, 12, 3, 4]
    attacked.example.wait_for('both jumps are said', lambda one: _jumps(one) == [(9, 12), (12, 3)])


@pytest.mark.parametrize('attacked', OF_SOCKETS, indirect=True)
def test_a_new_key_is_taken_from_the_registry(attacked):
    channel = attacked.channel
    attacked.good(0)
    told, not_told = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    channel.event_keys.append(told)
    channel.write_jwks()
    attacked.good(1, channel.own('key', action='added', kid=thumbprint(raw(told))))
    channel.event_key = told
    attacked.good(2)
    # or what told of it was missed
    channel.event_keys.append(not_told)
    channel.write_jwks()
    channel.event_key = not_told
    attacked.good(3)
    assert _refusals(attacked.example) == []


@pytest.mark.parametrize('language', OF_SOCKETS)
def test_what_is_missing_is_said_in_words(programs, tmp_path, language):
    _need(language)
    with _served(tmp_path) as address, Channel(tmp_path / 'vetted', socket=True, curve_server_key='x' * 40):
        for arguments, said in [([f'{address}/vetted/'], 'this channel is encrypted: give'), ([], 'URL|https://'),
                                ([f'{address}/other/'], '404|other/feed.json')]:
            done = subprocess.run([*map(str, programs.command(language)), *arguments], capture_output=True, text=True,
                                  timeout=SECONDS)
            assert done.returncode != 0 and re.search(said, done.stderr), done.stderr


# The same of what reads the log

def test_an_entry_that_was_tampered_with_is_refused(programs, tmp_path):
    _need('shell')
    with _served(tmp_path) as address, Channel(tmp_path / 'public') as channel:
        bad = tampered(channel)
        channel.add(channel.event('first.example'), *bad.values(), channel.event('last.example'))
        channel.publish()
        with Running(programs, 'shell', f'{address}/public', 0) as example:
            example.wait_for('the last one', lambda one: any('dns:last.example ' in line for line in one.printed))
            assert [line.index for line in example.lines()] == [0, len(bad) + 1]
            refused = [f'refused: {number}' for number in range(1, len(bad) + 1)]
            example.wait_for('each is refused', lambda one: one.said == refused)


def test_what_is_not_in_the_log_any_more_is_said(programs, tmp_path):
    _need('shell')
    with _served(tmp_path) as address, Channel(tmp_path / 'public') as channel:
        for number in range(258):
            channel.add(channel.event(f'd{number}.example'))
        channel.publish()
        (channel.folder / 'tile/entries/000').unlink()
        with Running(programs, 'shell', f'{address}/public/', 3) as example:
            example.wait_for('the last one', lambda one: len(one.printed) == 2)
            example.wait_for('the jump is said', lambda one: _jumps(one) == [(3, 256)])
            shutil.rmtree(channel.folder)
            with Channel(channel.folder) as new:
                new.add(new.event('new.example'))
                new.publish()
                example.wait_for('the new log', lambda one: len(one.printed) == 3)
                example.wait_for('that it is new is said', lambda one: _jumps(one) == [(3, 256), (258, 0)])
        assert [line.index for line in example.lines()] == [256, 257, 0]


# What users read

def test_readme_and_install_deps_name_the_same_versions():
    pinned = re.search(r"^npm_packages='(.*)'", (REPOSITORY / 'etc/install-deps').read_text(), re.M)[1].split()
    readme = (EXAMPLES / 'README.md').read_text()
    assert [name for name in pinned if not name.startswith('koffi@') and name not in readme] == []


def test_each_example_stands_in_the_readme():
    readme = (EXAMPLES / 'README.md').read_text()
    names = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob('*') if path.is_file()]
    assert len(names) == 8
    assert [name for name in names if f'`{name}`' not in readme and name.name != 'README.md'] == []

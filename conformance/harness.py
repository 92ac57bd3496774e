"""What the system tests share: a work folder with keys and config, the plugin by ctypes, the feed as epptapctl shows it,
a reference front end to start, and an EPP client to talk to it.

Nothing in here sleeps to wait for an effect: wait_until() polls for it, with a deadline.
The build folder is build/, or what EPPTAP_BUILD says.
"""
import collections
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import pytest
import yaml

import frames

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get('EPPTAP_BUILD', REPOSITORY / 'build')).resolve()
CASES = pathlib.Path(__file__).resolve().parent / 'cases'
REGISTRIES = REPOSITORY / 'etc' / 'registries'
REGISTRY = 'https://registry.example'

OK, EINVAL, ECONFIG, EFULL, EFORK, EBUSY, ESTORE, ENOMEM, ETIMEOUT = range(0, -9, -1)


def built(name):
    """The path of a built file; says how to build it if it is not there."""
    path = BUILD / name
    if not path.exists():
        raise FileNotFoundError(f'{path} is not there: run `make`, or say in EPPTAP_BUILD where it is')
    return path


def wait_until(what, look, seconds=40, every=0.02):
    """Calls look() until it returns something true, which is returned; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f'after {seconds} s still not: {what}')
        time.sleep(every)


def is_stopped(pid):
    """Are all threads of a process at a stop? That takes a moment from the signal on."""
    try:
        threads = [path.read_text() for path in pathlib.Path(f'/proc/{pid}/task').glob('*/stat')]
    except OSError:  # one ended meanwhile
        return False
    return {text.rpartition(')')[2].split()[0] for text in threads} == {'T'}


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until('it is stopped', lambda: is_stopped(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _ports():
    """All ports of this pytest worker, in turn, for ever: below those that the kernel gives to who names none."""
    worker, share = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]) % 8, 2400
    return itertools.cycle(random.sample(range(10_000 + share * worker, 10_000 + share * (worker + 1)), share))


_ports_in_turn = _ports()


def free_port():
    """A port that nobody has, and that was not given lately."""
    for port in _ports_in_turn:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(('127.0.0.1', port))
            return port


def epptapctl(*arguments, check=True, timeout=60):
    """Runs epptapctl; the finished process, with stdout and stderr as text."""
    done = subprocess.run([built('epptapctl'), *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f'epptapctl {" ".join(map(str, arguments))}: exit {done.returncode}: {done.stderr}')
    return done


class Work:
    """A throw-away folder with keys, state, logs and a config."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.keys = self.path / 'keys'
        self.state_dir = self.path / 'state'
        self.config = self.path / 'epptap.yaml'
        self.ports = {'vetted': free_port(), 'public': free_port()}
        epptapctl('keygen', self.keys)
        self.write_config()

    def add_client(self, name):
        """Makes a subscriber's key pair, listed at the door; the path of the secret key."""
        epptapctl('keygen', '--client', name, self.keys)
        return self.keys / f'{name}.key'

    def endpoint(self, channel):
        return f'tcp://127.0.0.1:{self.ports[channel]}'

    def log_dir(self, channel):
        return self.path / 'log' / channel

    def checkpoint(self, channel):
        """Origin and size of the channel's log, as last signed; (None, 0) if it never was."""
        with contextlib.suppress(FileNotFoundError):
            origin, size = (self.log_dir(channel) / 'checkpoint').read_text().split('\n')[:2]
            return origin, int(size)
        return None, 0

    def write_config(self, delay=None, channels=('vetted', 'public'), **top):
        """Writes the config anew: `delay` is the public channel's, such as {'create': '24h'}; other arguments are keys of
        the file's top level (None leaves one out). Returns its path. JSON is YAML."""
        (self.keys / 'clients').mkdir(mode=0o700, exist_ok=True)
        known = {
            'vetted': {'name': 'vetted', 'bind': self.endpoint('vetted'),
                       'curve': {'secret': str(self.keys / 'server.key'), 'clients': str(self.keys / 'clients')}},
            'public': {'name': 'public', 'bind': self.endpoint('public')},
        }
        if delay:
            known['public']['delay'] = delay
        for name, channel in known.items():
            channel['log_dir'] = str(self.log_dir(name))
        config = {
            'registry': REGISTRY,
            'state_dir': str(self.state_dir),
            'keys': {key: str(self.keys / f'{key}.pem') for key in ('event', 'log', 'cosigner')},
            'channels': [known[name] for name in channels],
        }
        config.update(top)
        config = {key: value for key, value in config.items() if value is not None}
        self.config.write_text(json.dumps(config, indent=2) + '\n')
        return self.config


class TapError(Exception):
    def __init__(self, result, why):
        super().__init__(f'{result}: {why}')
        self.result, self.why = result, why


def _load(path):
    library = ctypes.CDLL(str(path))
    tap, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in [
            ('epptap_abi', ctypes.c_uint, []),
            ('epptap_version', ctypes.c_char_p, []),
            ('epptap_strerror', ctypes.c_char_p, [ctypes.c_int]),
            ('epptap_open', ctypes.c_int, [ctypes.c_char_p, ctypes.POINTER(tap), ctypes.c_char_p, size]),
            ('epptap_transaction', ctypes.c_int,
             [tap, ctypes.c_char_p, ctypes.c_char_p, size, ctypes.c_char_p, size]),
            ('epptap_server_change', ctypes.c_int, [tap, ctypes.c_char_p, size]),
            ('epptap_begin', ctypes.c_int,
             [tap, ctypes.c_char_p, ctypes.c_char_p, size, ctypes.POINTER(ctypes.c_uint64)]),
            ('epptap_end', ctypes.c_int, [tap, ctypes.c_uint64, ctypes.c_char_p, size]),
            ('epptap_stream_new', ctypes.c_int, [tap, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]),
            ('epptap_stream_client', ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, size]),
            ('epptap_stream_server', ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, size]),
            ('epptap_stream_free', None, [ctypes.POINTER(ctypes.c_void_p)]),
            ('epptap_flush', ctypes.c_int, [tap, ctypes.c_uint]),
            ('epptap_reload', ctypes.c_int, [tap, ctypes.c_char_p, size]),
            ('epptap_stats', ctypes.c_int, [tap, ctypes.c_char_p, ctypes.POINTER(size)]),
            ('epptap_close', None, [ctypes.POINTER(tap), ctypes.c_uint])]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _bytes(value):
    return value.encode() if isinstance(value, str) else value


class Tap:
    """epptap.so, opened. A context manager: closed at the end, with two seconds to drain."""

    def __init__(self, config, plugin=None):
        if os.environ.get('EPPTAP_VARIANT') == 'tsan':
            pytest.skip('Python cannot load a library built with the thread sanitizer; refepp can')
        self.library = _load(plugin or built('epptap.so'))
        self.abi = self.library.epptap_abi()
        self.version = self.library.epptap_version().decode()
        self.handle = ctypes.c_void_p()
        why = ctypes.create_string_buffer(2048)
        result = self.library.epptap_open(str(config).encode(), ctypes.byref(self.handle), why, len(why))
        if result != OK:
            raise TapError(result, why.value.decode())

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def strerror(self, result):
        return self.library.epptap_strerror(result).decode()

    def transaction(self, command, response, registrar='ClientX', expect=OK):
        """Shows it one command with its response; registrar None: not known. Fails unless the result is `expect` (None:
        any); returns the result."""
        command, response = _bytes(command), _bytes(response)
        result = self.library.epptap_transaction(self.handle, _bytes(registrar), command, len(command or b''),
                                                 response, len(response or b''))
        return self._expect(result, expect)

    def server_change(self, frame, expect=OK):
        """Shows it a change of the registry's own."""
        frame = _bytes(frame)
        return self._expect(self.library.epptap_server_change(self.handle, frame, len(frame or b'')), expect)

    def show(self, step):
        """Shows it a step of a golden case."""
        if step.command is None:
            return self.server_change(step.response)
        return self.transaction(step.command, step.response, step.registrar)

    def _expect(self, result, expect):
        if expect is not None and result != expect:
            raise TapError(result, self.strerror(result))
        return result

    def begin(self, command, registrar='ClientX', expect=OK):
        """Shows it a command that is about to be carried out; the ticket."""
        command = _bytes(command)
        ticket = ctypes.c_uint64(12345)
        result = self.library.epptap_begin(self.handle, _bytes(registrar), command, len(command), ctypes.byref(ticket))
        self._expect(result, expect)
        return ticket.value

    def end(self, ticket, response=b'', expect=OK):
        """Shows it the response; an empty one: the command was given up."""
        response = _bytes(response)
        return self._expect(self.library.epptap_end(self.handle, ticket, response, len(response)), expect)

    def stream(self, registrar=None):
        """A connection that it sees the bytes of; registrar None: it is to learn it from the login."""
        return Stream(self, registrar)

    def reload(self, expect=OK):
        """Has it read its config again; what it says of it."""
        why = ctypes.create_string_buffer(2048)
        result = self.library.epptap_reload(self.handle, why, len(why))
        if result != expect:
            raise TapError(result, why.value.decode())
        return why.value.decode()

    def flush(self, timeout_ms=40000, expect=OK):
        return self._expect(self.library.epptap_flush(self.handle, timeout_ms), expect)

    def stats(self):
        room = ctypes.create_string_buffer(65536)
        size = ctypes.c_size_t(len(room))
        self._expect(self.library.epptap_stats(self.handle, room, ctypes.byref(size)), OK)
        return json.loads(room.raw[:size.value])

    def wait_published(self, count, seconds=40):
        """Until `count` events have been published since the open; the stats."""
        def look():
            stats = self.stats()
            return stats if stats['publisher']['published'] >= count else None
        return wait_until(f'{count} events are published', look, seconds)

    def wait_told(self, seconds=40):
        """Until an event has been published of each change, but for news that was told before, and a gap of each frame that
        could not be read; the stats. Of what was lost, wait for its gaps first."""
        def look():
            stats = self.stats()
            publisher = stats['publisher']
            gaps = sum(stats['unreadable'].values()) + publisher['invalid_names']
            seen = sum(publisher[what] for what in ('published', 'repeats', 'invalid_names'))
            return stats if publisher['gaps'] >= gaps and seen >= stats['spooled'] + publisher['gaps'] else None
        return wait_until('all is told', look, seconds, every=0.002)

    def close(self, drain_ms=2000):
        self.library.epptap_close(ctypes.byref(self.handle), drain_ms)


def framed(frame):
    """A frame as it goes through a connection (RFC 5734)."""
    return struct.pack('!I', len(frame) + 4) + frame


class Stream:
    """One EPP connection, shown to a tap as bytes. A context manager: cut at its end."""

    def __init__(self, tap, registrar=None):
        self.tap, self.handle = tap, ctypes.c_void_p()
        tap._expect(tap.library.epptap_stream_new(tap.handle, _bytes(registrar), ctypes.byref(self.handle)), OK)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.cut()

    def client(self, data, expect=OK):
        """Bytes from the registrar."""
        return self.tap._expect(self.tap.library.epptap_stream_client(self.handle, data, len(data)), expect)

    def server(self, data, expect=OK):
        """Bytes to the registrar."""
        return self.tap._expect(self.tap.library.epptap_stream_server(self.handle, data, len(data)), expect)

    def cut(self):
        self.tap.library.epptap_stream_free(ctypes.byref(self.handle))


def publisher_status(config):
    """What the publisher of a config's state_dir wrote of itself last; None if none has yet."""
    state_dir = pathlib.Path(json.loads(pathlib.Path(config).read_text())['state_dir'])
    with contextlib.suppress(OSError, ValueError):
        return json.loads((state_dir / 'status' / 'publisher.json').read_text())['publisher']
    return None


class Epptapd:
    """epptapd as a process, for a config with `publisher: process`; what it says goes to epptapd.txt beside the config.
    A socket of our own stands for the service manager's. A context manager: SIGTERM at its end."""

    def __init__(self, config, expect_ready=True):
        self.config = pathlib.Path(config)
        self.said_path = self.config.parent / 'epptapd.txt'
        self.notified = []  # what the service manager was told, in order
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(f'\0epptap-test-{os.getpid()}-{id(self)}')
        self.manager.setblocking(False)
        with open(self.said_path, 'ab') as said:
            self.process = subprocess.Popen(
                [built('epptapd'), self.config], stdout=said, stderr=said,
                env=dict(os.environ, NOTIFY_SOCKET='@' + self.manager.getsockname()[1:].decode()))
        if expect_ready:
            self.wait_notified('READY=1')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def said(self):
        return self.said_path.read_text(errors='replace')

    def notifications(self):
        """All datagrams so far, each as its lines."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.notified.append(self.manager.recv(4096).decode().splitlines())
        return self.notified

    def wait_notified(self, line, times=1, seconds=40):
        """Until the service manager was told `line`, so often."""
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f'epptapd ended with {self.process.returncode}: {self.said()}')
            return sum(line in lines for lines in self.notifications()) >= times
        wait_until(f'epptapd says {line} to the service manager: {self.said()}', look, seconds)

    def children(self):
        """The ids of its processes, by name."""
        found = collections.defaultdict(list)
        for pid in pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split():
            with contextlib.suppress(OSError):
                found[pathlib.Path(f'/proc/{pid}/comm').read_text().strip()].append(int(pid))
        return found

    def publisher(self):
        """The id of the process that publishes."""
        (pid,) = self.children()['epptapd-publish']
        return pid

    def status(self):
        """The publisher's counters, as it wrote them last; None if it has not yet."""
        return publisher_status(self.config)

    def wait_status(self, what, look, seconds=40):
        """Until look(status) is true; the status."""
        def see():
            status = self.status()
            return status if status and look(status) else None
        return wait_until(what, see, seconds)

    def sender(self, channel):
        """The id of the channel's sender, once it has its port."""
        status = self.wait_status(f'the sender of {channel} has its port',
                                  lambda seen: seen['senders'][channel]['state'] == 'sending' and
                                  seen['senders'][channel]['pid'] in self.children()['epptapd-send'])
        return status['senders'][channel]['pid']

    def stop(self, seconds=20):
        """SIGTERM, and waits for the end; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f'epptapd did not end within {seconds} s of SIGTERM: {self.said()}') from None
        self.notifications()
        self.manager.close()
        return self.process.returncode


def quiet_feed_dump(config):
    """feed_dump() of all channels at one moment: a dump is no snapshot, but two that are the same were made at rest."""
    def look():
        nonlocal last
        before, last = last, [{**line, 'release_in_ms': None} for line in feed_dump(config)]
        return before is not None and last == before
    last = None
    wait_until('the feed is at rest', look, seconds=60, every=0)
    return last


def feed_dump(config, channel=None):
    """The feed as epptapctl shows it: a list of dicts with channel, index, event and jws; held ones have index None,
    `held` and `release_in_ms`. Members stand in the order of the file."""
    done = epptapctl('feed-dump', config, *([channel] if channel else []))
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_feed(what, config, channel, enough, **limits):
    """Waits until the lines of feed_dump() are enough, and returns them."""
    def look():
        lines = feed_dump(config, channel)
        return lines if enough(lines) else None
    return wait_until(what, look, **limits)


GAP = 'urn:epptap:gap'


def gaps_in(lines):
    """The gaps among lines of feed_dump(), as the values of their events."""
    found = []
    for line in lines:
        value = line['event']['events'].get(GAP)
        if value is None:
            continue
        assert line['event']['sub_id'] == {'format': 'uri', 'uri': REGISTRY}
        assert line['event'].get('txn') == value.get('txn')
        assert 'from' not in value or value['from'] <= value['to']
        found.append(value)
    return found


def told_in(lines):
    """How many gaps tell as lost, by reason."""
    told = collections.Counter()
    for gap in gaps_in(lines):
        told[gap['reason']] += gap.get('count', 0)
    return told


def about_names(lines):
    """The lines but for those of the tap's own events, such as gaps."""
    return [line for line in lines if line['event']['sub_id']['uri'] != REGISTRY]


def txns_in(lines):
    """The svTRIDs of all that are about a name, in order."""
    return [line['event'].get('txn') for line in about_names(lines)]


@contextlib.contextmanager
def occupied(endpoint):
    """Somebody else listens on the port, so that nothing is published; until what is yielded is called."""
    host, port = endpoint.removeprefix('tcp://').split(':')
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupant.bind((host, int(port)))
        occupant.listen()
        yield occupant.close


def told(line):
    """What a line of feed_dump() tells, in short: "update bank.example", "gap crash", "key added"."""
    ((kind, value),) = line['event']['events'].items()
    if 'ldhName' in value:
        return f'{kind.partition("#")[2]} {value["ldhName"]}'
    return f'{kind.rpartition(":")[2]} {value.get("reason") or value.get("action")}'


def compiled(path, source, *options):
    """A program in C beside the tests, compiled as `path`."""
    subprocess.run(['cc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', f'-I{REPOSITORY}', '-o', path,
                    REPOSITORY / 'conformance' / source, *options], check=True)
    return path


# Golden cases

# registry: the file of etc/registries by whose namespaces and verbs its frames are read, or None
Case = collections.namedtuple('Case', 'name registry steps')
# command: None if it is a change of the registry's own, which `response` holds. registrar: None if it is not known
Step = collections.namedtuple('Step', 'command response registrar expected')


def _read_step(folder, start, expected):
    """A step whose files' names begin with `start`."""
    def content(name):
        path = folder / f'{start}{name}'
        return path.read_bytes() if path.exists() else None
    registrar = content('registrar')
    login = 'ClientX' if registrar is None else registrar.decode().rstrip('\n')
    return Step(content('command.xml'), content('server.xml') or content('response.xml'), login or None, expected)


def _read_case(folder):
    registry = folder / 'registry'
    expected = json.loads((folder / 'expected.json').read_text())
    if 'steps' in expected:
        shown = [_read_step(folder, f'{number}-', step) for number, step in enumerate(expected['steps'], 1)]
    else:
        shown = [_read_step(folder, '', expected)]
    return Case(folder.name, registry.read_text().rstrip('\n') if registry.exists() else None, shown)


def cases():
    """All golden cases, by name."""
    return [_read_case(folder) for folder in sorted(CASES.iterdir()) if folder.is_dir()]


def steps():
    """The steps of all of them."""
    return [step for case in cases() for step in case.steps]


def own_words(*registries):
    """What configs of etc/registries say of namespaces and verbs: arguments for Work.write_config()."""
    words = collections.defaultdict(dict)
    for registry in registries:
        config = yaml.safe_load((REGISTRIES / f'{registry}.yaml').read_text())
        for key in 'namespaces', 'verbs':
            words[key] |= config.get(key, {})
    return {key: pairs for key, pairs in words.items() if pairs}


def all_own_words():
    """The same of all of them: no two say different things of one."""
    return own_words(*(path.stem for path in REGISTRIES.glob('*.yaml')))


_CANARIES = re.compile(r'canary[-@][\w.@-]*\w|\+99\.555\d+|Canarygasse 12345|Kanari Vogelsang|quarantinedByKanari'
                       r'|Kanärie Vögelsang|Q0FOQVJZ[A-Za-z0-9+/]{10,}', re.IGNORECASE)


def _encoding(frame):
    """By its first bytes, and by what it says of itself."""
    if frame[:2] in (b'\xff\xfe', b'\xfe\xff'):
        return 'utf-16'
    if frame[:1] == '<'.encode('cp037'):
        return 'cp037'
    return 'utf-16-be' if b'\0' in frame[:4] else 'latin-1' if b'ISO-8859-1' in frame else 'utf-8'


def canaries():
    """All strings in the cases that must not leave: made up, unmistakable, and where people and secrets stand."""
    found = set()
    for step in steps():
        for frame in (step.command or b'', step.response, (step.registrar or '').encode()):
            text = frame.decode(_encoding(frame))
            found.update(_CANARIES.findall(text))
    return sorted(found)


# Frames for tests that need many

def update_frames(name, number=0):
    """A domain's update that adds a nameserver, and its success."""
    command = (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><update><d:update '
               f'xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>{name}</d:name><d:add><d:ns>'
               f'<d:hostObj>ns{number}.hoster.example</d:hostObj></d:ns></d:add></d:update></update>'
               f'<clTRID>C-{number}</clTRID></command></epp>')
    return command.encode(), success(f'S-{number}')


def object_frames(verb, name, number=0):
    """A bare create, delete or update of a domain, and its success."""
    command = (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><{verb}><d:{verb} '
               f'xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>{name}</d:name></d:{verb}></{verb}>'
               f'</command></epp>')
    return command.encode(), success(f'S-{number}')


def success(svtrid, code=1000):
    return (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="{code}"><msg>Done</msg></result>'
            f'<trID><svTRID>{svtrid}</svTRID></trID></response></epp>').encode()


def until_heard(tap, subscriber, seconds=10):
    """Sends updates of probe-N.example until `subscriber` hears one: from then on it hears all. A PUB socket does not tell
    when a subscription has reached it."""
    number = 0

    def look():
        nonlocal number
        tap.transaction(*object_frames('update', f'probe-{number}.example', number))
        number += 1
        return subscriber.receive(100)
    heard = wait_until('the subscriber hears a probe', look, seconds, every=0)
    return heard


def published_txns(work, channel):
    """The svTRIDs of the channel's events, in order."""
    return [line['event']['txn'] for line in feed_dump(work.config, channel)]


class Feeder:
    """Shows a tap updates, each with a txn of its own, and keeps which."""

    NAMESERVERS = [f'ns{number}.a-hoster-with-a-long-name.example' for number in range(13)]

    def __init__(self, tap):
        self.tap, self.shown = tap, []

    def show(self, count=1):
        for _ in range(count):
            txn = f'S-{len(self.shown)}'
            self.tap.transaction(frames.update_domain(f'n{len(self.shown)}.example', self.NAMESERVERS), success(txn))
            self.shown.append(txn)
        return True

    def until_heard(self, subscriber):
        """Shows updates until the subscriber hears one of them: from then on it hears all."""
        first = len(self.shown)

        def look():
            self.show()
            message = subscriber.receive(50)
            return message and message.index >= first
        wait_until('the subscriber hears', look, seconds=20, every=0)

    def wait_published(self, work):
        """Until each channel's order is what was shown: each once, none missing."""
        assert self.tap.flush() == OK
        for channel in work.ports:
            wait_until(f'{channel} has all', lambda: len(published_txns(work, channel)) >= len(self.shown), 30, every=0.2)
            assert published_txns(work, channel) == self.shown


def hears_all(subscriber, last):
    """Reads on until the message of that index: none was left out."""
    messages = subscriber.collect(lambda got: got and got[-1].index >= last, seconds=30)
    assert messages is not None, f'{last} was not heard'
    indices = [message.index for message in messages]
    assert indices == list(range(indices[0], last + 1))


def is_gone(pid):
    """Has the process ended?"""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


# The reference front end, and a client

class EppClient:
    """EPP over TLS (RFC 5734): a length in four bytes, then the frame."""

    def __init__(self, address, timeout=40):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection(address, timeout))
        self.greeting = self.read()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _exactly(self, size):
        data = b''
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError('the server closed the connection')
            data += part
        return data

    def write(self, frame):
        frame = _bytes(frame)
        self.socket.sendall(struct.pack('>I', len(frame) + 4) + frame)

    def read(self):
        size, = struct.unpack('>I', self._exactly(4))
        if not 4 <= size <= 1 << 24:
            raise ValueError(f'a frame of {size} bytes')
        return self._exactly(size - 4)

    def command(self, frame, code=None):
        """Sends a frame and reads its response; with `code`, fails unless it is the response's."""
        self.write(frame)
        response = self.read()
        if code is not None and f'code="{code}"'.encode() not in response:
            raise AssertionError(f'not {code}: {response.decode(errors="replace")}')
        return response

    def login(self, name, password):
        return self.command(
            '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login>'
            f'<clID>{name}</clID><pw>{password}</pw><options><version>1.0</version><lang>en</lang></options>'
            '<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><objURI>urn:ietf:params:xml:ns:host-1.0</objURI>'
            '<objURI>urn:ietf:params:xml:ns:contact-1.0</objURI></svcs></login></command></epp>', 1000)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


def make_certificate(folder):
    """A server's certificate and key, for localhost, signed by themselves: their paths."""
    cert, key = folder / 'cert.pem', folder / 'key.pem'
    if not cert.exists():
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
                       check=True, capture_output=True)
    return cert, key


class Refepp:
    """The reference front end as a process; with `config` it loads the plugin. Its stderr goes to stderr.txt, its journal
    to journal, both in `folder`. `environment` is added to this process's. A context manager."""

    def __init__(self, folder, users, config=None, port=0, options=(), environment=(),
                 expect_ready=True):
        self.folder = pathlib.Path(folder)
        self.journal = self.folder / 'journal'
        self.stderr_path = self.folder / 'stderr.txt'
        logins = self.folder / 'users'
        self.folder.mkdir(exist_ok=True)
        cert, key = make_certificate(self.folder)
        logins.write_text(''.join(f'{name}:{password}\n' for name, password in users.items()))
        command = [built('refepp'), '--listen', f'127.0.0.1:{port}', '--cert', cert, '--key', key,
                   '--journal', self.journal, '--users', logins, *options]
        if config:
            command += ['--plugin', built('epptap.so'), '--config', config]
        self.stderr = open(self.stderr_path, 'ab')
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=self.stderr,
                                        env=dict(os.environ, **dict(environment)))
        self.lines = collections.deque()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if expect_ready:
            line = self._next_line('refepp: listening on ')
            host, port = line.rsplit(' ', 1)[1].rsplit(':', 1)
            self.address = (host, int(port))

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip('\n'))

    def _next_line(self, start):
        def look():
            while self.lines:
                line = self.lines.popleft()
                if line.startswith(start):
                    return line
            if self.process.poll() is not None:
                raise AssertionError(f'refepp ended with {self.process.returncode}: '
                                     f'{self.stderr_path.read_text(errors="replace")[-2000:]}')
            return None
        return wait_until(f'refepp prints {start!r}', look)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def client(self):
        return EppClient(self.address)

    def reload(self):
        """SIGHUP; what epptap_reload() said against it, or an empty text."""
        self.process.send_signal(signal.SIGHUP)
        said = self._next_line(('refepp: reloaded', 'refepp: not reloaded: '))
        return said.removeprefix('refepp: not reloaded: ') if 'not' in said else ''

    def stats(self):
        """epptap_stats() of the front end's plugin."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self._next_line('{'))

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._end()

    def stop(self, seconds=10):
        """SIGTERM, and waits for the end; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f'refepp did not end within {seconds} s of SIGTERM') from None
        self._end()
        return self.process.returncode

    def _end(self):
        self.reader.join(5)
        self.process.stdout.close()
        self.stderr.close()


def feed_cases(config):
    """Opens the tap, shows it all golden cases, waits until they are published, and closes it. Run as a process of its own
    (`harness.py CONFIG`) where stdout and stderr are to be looked at: prints the stats, and waits for a line between."""
    with Tap(config) as tap:
        print('open', flush=True)
        for line in sys.stdin:
            if line.strip() == 'probe':
                tap.transaction(*object_frames('update', 'probe-0.example'))
            else:
                break
        for step in steps():
            tap.show(step)
        tap.flush()
        tap.wait_told()
        print(json.dumps(tap.stats()), flush=True)
        sys.stdin.readline()


if __name__ == '__main__':
    feed_cases(sys.argv[1])

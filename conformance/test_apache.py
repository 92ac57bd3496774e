"""The module for Apache httpd, in a real one: mod_testepp.c's registry behind mod_ssl, which knows nothing of epptap, and
Debian's Net::EPP and other clients before it. What they were answered is what the feed tells, whichever MPM serves them."""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import urllib.request

import pytest

import frames
import harness
import leakscan
from apache.httpd import PROGRAM, Host, Httpd, modules_folder, tapped, unprivileged
from between import between, calls_told
from harness import Epptapd, EppClient, Work, about_names, compiled, feed_dump, gaps_in, wait_feed, wait_until
import valgrind
from test_net_epp import CLIENT, STEPS, TOLD, _told

pytestmark = [
    pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='Apache does not load the sanitizers'),
    pytest.mark.skipif(not PROGRAM or not modules_folder(), reason='no Apache: apache2-bin and apache2-dev are not installed'),
    pytest.mark.skipif(not (harness.BUILD / 'mod_epptap.so').exists(), reason='mod_epptap.so is not built: run `make apache`'),
]

# what a registrar sends that must not leave: the password of our own clients, and Net::EPP's contact data
CANARIES = ['CANARY-password', 'password-x', '+99.5550199', 'nobody@mail.example', 'made-up-1', 'made-up-2']
SVTRID = re.compile(rb'<svTRID>(T-(\d+)-\d+)-(\d+)</svTRID>')
GLIBCS_OWN = 0b11 << 31  # signals 32 and 33, by which glibc's threads speak with each other, once there are any
FORKED, ALL = ['prefork', 'event'], ['prefork', 'worker', 'event']


@pytest.fixture
def place():
    with unprivileged() as folder:
        yield folder


@pytest.fixture
def work(place):
    (place / 'work').mkdir()
    work = Work(place / 'work')
    work.write_config(publisher='process')
    return work


@pytest.fixture
def publisher(work):
    with Epptapd(work.config) as epptapd:
        yield epptapd


def _many_lines(frame):
    """For a module that reads frames by lines."""
    return frame.replace('><', '>\n<') + '\n'


class Registrar(EppClient):
    """A client that keeps what it was answered: `answered` holds, for each connection, the numbers of its changes."""

    def __init__(self, address, name, answered):
        super().__init__(address)
        self.answered = answered
        self.child = int(SVTRID.search(self.login(name, 'CANARY-password'))[2])

    def write(self, frame):
        super().write(_many_lines(frame))

    def do(self, *commands):
        """Changes, each of which must succeed."""
        for command in commands:
            found = SVTRID.search(frames.do(self, command))
            self.answered[found[1].decode()].append(int(found[3]))


def _answered():
    return collections.defaultdict(list)


def _story(client, name):
    """Four changes of a domain, among what is none."""
    client.do(frames.create_domain(name, password='CANARY-password'))
    client.command(frames.check_domain(name), 1000)
    client.do(frames.update_domain(name, add_ns=['ns1.hoster.example']))
    client.command(frames.POLL, 1300)
    client.command(frames.create_domain(name), 2302)
    client.do(frames.update_domain(name, remove_ns=['ns1.hoster.example']), frames.delete_domain(name))


def _by_connection(lines):
    """As Registrar.answered."""
    found = _answered()
    for txn in harness.txns_in(lines):
        connection, _, number = txn.rpartition('-')
        found[connection].append(int(number))
    return found


def _feed(work, answered):
    """The feed, once it has as many changes as were answered."""
    count = sum(map(len, answered.values()))
    return wait_until(f'{count} changes are published', lambda: (
        lambda lines: lines if len(about_names(lines)) >= count else None)(feed_dump(work.config, 'vetted')), every=0.1)


def _assert_no_leak(work, *servers):
    places = [work.state_dir, work.path / 'log', work.path / 'epptapd.txt']
    places += [path for server in servers for path in (server.error_log, server.folder / 'said.txt')]

    def look():
        with contextlib.suppress(FileNotFoundError):  # of a child that is gone: the publisher removes its files
            return [leakscan.scan(places, CANARIES)]
        return None
    assert wait_until('all is looked at', look) == [[]]


def _net_epp(client, host, password='password-x'):
    return subprocess.Popen(['perl', client, '127.0.0.1', str(host.port), 'ClientX', password], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def _printed(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return [tuple(line.split()) for line in out.splitlines()]


@pytest.mark.parametrize('mpm', ALL)
def test_net_epp_is_served_by_hosts_of_each_kind_and_the_feed_tells_what_it_did(place, work, publisher, mpm):
    client = shutil.copy(CLIENT, place)
    hosts = [tapped(work), tapped(work), Host(), Host(epp=False, tls=False)]
    # what the main server says is not its hosts'
    with Httpd(place / 'httpd', mpm, *hosts, lines=[f'EPPTap {work.config}']) as server:
        wrong = _net_epp(client, hosts[0], 'wrong-password')
        assert wrong.communicate(timeout=60)[0] == 'login 2200\n'
        running = [_net_epp(client, host) for host in (hosts[0], hosts[0], hosts[1], hosts[2])]
        with urllib.request.urlopen(f'http://127.0.0.1:{hosts[3].port}/index.html', timeout=40) as page:
            assert page.read() == b'plain HTTP\n'
        for process in running:
            assert _printed(process) == [(word, str(code)) for word, code in STEPS]
        # the parent has none of it, and each child has opened it once, whichever of its hosts are asked for
        assert '/epptap.so' not in server.maps(server.process.pid)
        opened = [re.search(r'pid (\d+)', line)[1] for line in server.told('info') if 'is open' in line]
        assert opened and len(opened) == len(set(opened))
        assert all('/epptap.so' in server.maps(child) for child in server.children())
        manners = re.findall(r'testepp: the process is (.*)', server.log())
        assert len(manners) >= len(server.children()) and set(manners) == {'as before'}
        assert server.told('crit') == []
    lines = wait_feed('all is published', work.config, 'vetted', lambda lines: len(lines) >= 3 * len(TOLD))
    assert gaps_in(lines) == []
    stories = collections.defaultdict(list)
    for line in lines:
        stories[line['event']['txn'].rpartition('-')[0]].append(_told(line['event']))
        (value,) = line['event']['events'].values()
        assert (value['registrar'], value['outcome']) == ('ClientX', 'completed')
    assert list(stories.values()) == [TOLD] * 3
    _assert_no_leak(work, server)


def _open_streams(work):
    """As the children say that live."""
    return sum(json.loads(path.read_text())['streams']['open'] for path in (work.state_dir / 'status').glob('tap-*.json'))


def _streams_are_ended(work):
    with contextlib.suppress(FileNotFoundError):  # of a child that is gone
        return _open_streams(work) == 0
    return False


def test_however_the_module_reads_and_writes_each_change_is_seen_once(place, work, publisher):
    shapes = [('peek', 'pieces'), ('lines', 'file'), ('whole', 'pipe'), ('peek', 'file')]
    hosts = [tapped(work, f'TestEPPRead {reads}', f'TestEPPWrite {writes}') for reads, writes in shapes]
    answered = _answered()
    with Httpd(place / 'httpd', 'event', *hosts) as server:
        for number, host in enumerate(hosts):
            with Registrar(host.address, f'Client{number}', answered) as client:
                name = f'big-{number}.example'
                client.do(frames.create_domain(name), frames.update_domain(name, add_ns=['ns.hoster.example']))
                assert len(client.command(frames.info_domain(name), 1000)) > 300_000
                # two frames in one piece
                both = [harness.framed(_many_lines(frame).encode()) for frame in (
                    frames.update_domain(name, remove_ns=['ns.hoster.example']), frames.delete_domain(name))]
                client.socket.sendall(b''.join(both))
                for _ in both:
                    found = SVTRID.search(client.read())
                    answered[found[1].decode()].append(int(found[3]))
        wait_until('no stream is left of a connection that is none', lambda: _streams_are_ended(work))
    assert _by_connection(_feed(work, answered)) == answered
    assert gaps_in(feed_dump(work.config, 'vetted')) == []
    assert server.told('crit') == [] and server.told('warn') == []


def test_a_host_without_tls_is_seen_as_well(place, work, publisher):
    host = tapped(work, tls=False)
    answered = _answered()
    with Httpd(place / 'httpd', 'event', host), pytest.MonkeyPatch.context() as patch:
        patch.setattr('ssl.SSLContext.wrap_socket', lambda self, socket: socket)
        with Registrar(host.address, 'ClientX', answered) as client:
            _story(client, 'plain.example')
    assert _by_connection(_feed(work, answered)) == answered


@contextlib.contextmanager
def _load(address, registrars):
    """Registrars that connect again and again; yields what they were answered so far. At the end each ends its story."""
    ended, answered = threading.Event(), [_answered() for _ in range(registrars)]

    def work_on(number):
        for turn in range(10_000):
            if ended.is_set():
                return
            with Registrar(address, f'Client{number}', answered[number]) as client:
                _story(client, f'c{number}-{turn}.example')

    with concurrent.futures.ThreadPoolExecutor(registrars) as pool:
        working = [pool.submit(work_on, number) for number in range(registrars)]
        try:
            yield answered
        finally:
            ended.set()
        for future in working:
            future.result(60)


def _total(answered):
    return {connection: numbers for connections in answered for connection, numbers in connections.items()}


def _grows(answered):
    """Until each registrar was answered something more than now."""
    before = [len(connections) for connections in answered]
    wait_until('each registrar is served', lambda: all(
        len(connections) > count + 1 for connections, count in zip(answered, before)))


@pytest.mark.parametrize('mpm', FORKED)
def test_a_graceful_restart_under_load_loses_nothing_and_takes_up_a_new_library(place, work, publisher, mpm):
    host, own = tapped(work), _answered()
    library = harness.built('epptap.so')
    with Httpd(place / 'httpd', mpm, host) as server, Registrar(host.address, 'ClientL', own) as long:
        with _load(host.address, 4) as answered:
            _grows(answered)
            old = server.children()
            shutil.copy(library, library.with_suffix('.new'))
            library.with_suffix('.new').rename(library)
            for turn in range(3):
                server.graceful()
                long.do(frames.create_domain(f'long-{turn}.example'))
                _grows(answered)
        # the connection from before goes on in the child that it began in; all others are gone, and have the new library
        assert long.child in server.children()
        new = wait_until('new children are there', lambda: [pid for pid in server.children() if pid not in old])
        assert 'epptap.so (deleted)' in server.maps(long.child)
        assert all('epptap.so (deleted)' not in server.maps(pid) for pid in new)
    total = _total([own, *answered])
    lines = _feed(work, total)
    assert gaps_in(lines) == []
    assert _by_connection(lines) == total
    _assert_no_leak(work, server)


@pytest.mark.parametrize('mpm', FORKED)
def test_a_server_that_is_stopped_under_load_ends_and_what_was_answered_is_told(place, work, publisher, mpm):
    host = tapped(work)
    with Httpd(place / 'httpd', mpm, host) as server:
        with pytest.raises((OSError, EOFError)):
            with _load(host.address, 4) as answered:
                _grows(answered)
                server.process.send_signal(signal.SIGTERM)
                server.process.wait(30)
    total = _total(answered)

    def are_told(lines):  # and perhaps a change whose answer the registrar did not get any more
        told = _by_connection(line for line in lines if 'txn' in line['event'])
        return all(set(numbers) <= set(told[connection]) for connection, numbers in total.items())
    lines = wait_feed('what was answered is told', work.config, 'vetted', are_told)
    assert gaps_in(lines) == []
    # of a command that was not answered nobody knows
    left = [line for line in about_names(lines) if 'txn' not in line['event']]
    assert {next(iter(line['event']['events'].values()))['outcome'] for line in left} <= {'unknown'} and len(left) <= 4
    assert 'exit signal' not in server.log()


@pytest.mark.parametrize('mpm', FORKED)
def test_a_command_without_answer_in_a_killed_child_is_told_as_unknown(place, work, publisher, mpm):
    host, answered = tapped(work), _answered()
    with Httpd(place / 'httpd', mpm, host), Registrar(host.address, 'ClientX', answered) as client:
        client.do(frames.create_domain('done.example'))
        client.write(frames.update_domain('hang.example', add_ns=['ns1.hoster.example']))
        publisher.wait_status('the command is noted', lambda status: status['open_intents'] == 1)
        os.kill(client.child, signal.SIGKILL)
        with Registrar(host.address, 'ClientY', answered) as other:
            other.do(frames.create_domain('after.example'))
        told = about_names(wait_feed('all three are told', work.config, 'vetted', lambda lines: len(about_names(lines)) == 3))
    values = [next(iter(line['event']['events'].values())) for line in told]
    assert sorted((value['ldhName'], value['registrar'], value['outcome']) for value in values) == [
        ('after.example', 'ClientY', 'completed'), ('done.example', 'ClientX', 'completed'),
        ('hang.example', 'ClientX', 'unknown')]
    assert [gap['reason'] for gap in gaps_in(feed_dump(work.config, 'vetted'))] == ['crash']


def test_what_cannot_be_opened_is_served_untapped_and_told_in_words(place, work, publisher):
    """One host's config is wrong, one's is not there, one's state_dir can't be made; a fourth is as it should be."""
    texts = {'wrong': work.config.read_text().replace('"registry"', '"registrar"'),
             'closed': work.config.read_text().replace(str(work.state_dir), f'{place}/closed/state')}
    paths = {name: place / f'{name}.yaml' for name in ('wrong', 'absent', 'closed')}
    (place / 'closed').touch()
    for name, text in texts.items():
        paths[name].write_text(text)
    hosts = {name: Host(f'EPPTap {path}') for name, path in paths.items()}
    answered = _answered()
    with Httpd(place / 'httpd', 'event', tapped(work), *hosts.values(), start=False) as server:
        done = server.test_config()
        assert done.returncode != 0
        assert f'EPPTap {paths["absent"]}: this file can\'t be read. Changes would NOT be seen' in done.stderr
        server.start()
        for number, host in enumerate(hosts.values()):
            with Registrar(host.address, 'ClientX', _answered()) as client:
                _story(client, f'unseen-{number}.example')
        with Registrar(server.hosts[0].address, 'ClientX', answered) as client:
            _story(client, 'seen.example')
        told = '\n'.join(server.told('crit'))
        for name, words in {'wrong': f'{paths["wrong"]}:2:3: ', 'absent': str(paths['absent']), 'closed': f'{place}/closed'}.items():
            assert f'changes are NOT seen: EPPTap {paths[name]}: ' in told
            assert re.search(rf'EPPTap {re.escape(str(paths[name]))}: .*{re.escape(words)}.*This child serves untapped', told)
            assert f'connection(s) begun since this was last told, to their end: EPPTap {paths[name]}' in told
    assert _by_connection(_feed(work, answered)) == answered
    assert gaps_in(feed_dump(work.config, 'vetted')) == []


def test_a_tap_that_is_repaired_is_opened_at_a_later_connection(place, work, publisher):
    good = work.config.read_text()
    broken = place / 'broken.yaml'
    broken.write_text(good.replace('"registry"', '"registrar"'))
    host, answered = Host(f'EPPTap {broken}'), _answered()
    with Httpd(place / 'httpd', 'prefork', host) as server:
        assert len(wait_until('it is told', lambda: server.told('crit')))
        broken.write_text(good)

        def is_opened():
            with Registrar(host.address, 'ClientX', _answered()):
                return 'changes of connections that begin from now on are seen' in server.log()
        wait_until('a child has opened it', is_opened, every=0.3)
        tried = [line for line in server.told('crit') if 'This child serves untapped' in line]
        assert len(tried) == len({re.search(r'pid (\d+)', line)[1] for line in tried}), 'the same is told once'
        wait_until('a connection is seen', lambda: _is_seen(work, host, answered), every=0.3)


def _is_seen(work, host, answered):
    """Whichever of the children serves it: not all have opened it yet."""
    with Registrar(host.address, 'ClientX', answered) as client:
        client.do(frames.create_domain('seen.example'))
    return about_names(feed_dump(work.config, 'vetted'))


def test_a_library_that_is_absent_or_of_another_abi_is_told_and_the_right_one_taken_at_a_restart(place, work, publisher):
    source = place / 'other.c'
    source.write_text('unsigned epptap_abi(void);\nunsigned epptap_abi(void)\n{\n\treturn 2;\n}\n')
    other = compiled(place / 'other.so', source, '-shared', '-fPIC')
    library = place / 'built' / 'epptap.so'
    away = library.rename(library.with_suffix('.away'))
    host, answered = tapped(work), _answered()
    with Httpd(place / 'httpd', 'event', host, start=False) as server:
        assert f'EPPTapLibrary {library}: this file can\'t be read' in server.test_config().stderr
        server.start()

        def is_told(words):
            with Registrar(host.address, 'ClientX', _answered()) as client:
                _story(client, 'unseen.example')
            return any(words in line for line in server.told('crit'))
        wait_until('it is told', lambda: is_told(f'the tap can\'t be loaded: {library}: '), every=0.3)
        shutil.copy(other, library)
        server.graceful()
        wait_until('it is told', lambda: is_told(f'{library} speaks version 2 of the tap\'s interface'), every=0.3)
        library.unlink()
        away.rename(library)
        server.graceful()
        wait_until('a connection is seen', lambda: _is_seen(work, host, answered), every=0.3)


def _looks(server, host):
    """What can be seen of a child that has served a command."""
    with Registrar(host.address, 'ClientX', _answered()) as client:
        process = pathlib.Path(f'/proc/{client.child}')
        signals = {name: int(value, 16) & ~GLIBCS_OWN for name, value in
                   server.child_status(client.child, 'SigCgt', 'SigIgn', 'SigBlk').items()}
        return [signals, server.child_status(client.child, 'Umask'), (process / 'environ').read_bytes(),
                (process / 'cwd').readlink(), (process / 'limits').read_text()]


@pytest.mark.parametrize('mpm', ALL)
def test_a_child_is_as_it_would_be_without_the_module(place, work, mpm):
    looks = []
    for module in True, False:
        host = tapped(work) if module else Host()
        with Httpd(place / 'httpd', mpm, host, module=module) as server:
            looks.append(_looks(server, host))
    assert looks[0] == looks[1]


@pytest.mark.parametrize('mpm', ALL)
def test_no_call_changes_anything_of_a_child(place, work, publisher, mpm):
    """Its signals, locale, umask, environment, and libxml2's and OpenSSL's globals, of which mod_ssl uses the latter."""
    told, library = place / 'told', place / 'built' / 'epptap.so'
    real = library.rename(library.with_name('real.so'))
    between(library, real, told)
    host, answered = tapped(work), _answered()
    with Httpd(place / 'httpd', mpm, host):
        for name in 'one.example', 'two.example':
            with Registrar(host.address, 'ClientX', answered) as client:
                _story(client, name)
        wait_until('both connections are gone', lambda: calls_told(told)[0]['epptap_stream_free'] >= 2)
        assert len(about_names(_feed(work, answered))) == 8
    calls, changes = calls_told(told)
    assert changes == []
    assert calls['epptap_open'] == calls['epptap_close'] >= 1 and calls['epptap_stream_new'] == 2
    assert calls['epptap_stream_client'] >= 14 and calls['epptap_stream_server'] >= 14


@pytest.mark.skipif(not valgrind.PROGRAM, reason='valgrind is not installed')
@pytest.mark.parametrize('mpm', FORKED)
def test_valgrind_finds_nothing_of_ours_in_apache(place, work, publisher, mpm):
    host, answered = tapped(work), _answered()
    with Httpd(place / 'httpd', mpm, host, under=valgrind.under_valgrind(place)) as server:
        for name in 'one.example', 'two.example':
            with Registrar(host.address, 'ClientX', answered) as client:
                _story(client, name)
        server.graceful()
        with Registrar(host.address, 'ClientX', answered) as client:
            _story(client, 'three.example')
        assert len(about_names(_feed(work, answered))) == 12
    assert len(list(place.glob('valgrind.*'))) >= 3
    assert valgrind.found_by_valgrind(place) == []


@pytest.mark.parametrize('lines,words', [
    (['EPPTap epptap.yaml', 'EPPTap other.yaml'], 'EPPTap is said twice'),
    (['EPPTapLibrary epptap.so'], 'EPPTapLibrary cannot occur within <VirtualHost> section'),
    (['<Directory />', 'EPPTap epptap.yaml', '</Directory>'], 'EPPTap not allowed'),
    (['EPPTap'], 'EPPTap takes one argument')])
def test_directives_in_a_wrong_place_are_refused(place, lines, words):
    server = Httpd(place / 'httpd', 'event', Host(*lines), start=False)
    done = server.test_config()
    assert done.returncode != 0 and words in done.stderr


def test_a_host_that_can_have_no_connections_of_its_own_is_warned_of(place, work):
    """The first host of an address gets all connections to it: EPP names none."""
    first = Host()
    server = Httpd(place / 'httpd', 'event', first, tapped(work, 'ServerName b.example', port=first.port), start=False)
    done = server.test_config()
    assert done.returncode == 0
    assert re.search(rf'EPPTap of the virtual host at {server.config}:\d+ has no effect for 127.0.0.1:{first.port}: .* at '
                     rf'{server.config}:\d+, which comes first', done.stderr)
    server.hosts = [tapped(work), tapped(work, 'ServerName b.example', port=first.port)]
    server.hosts[0].port = first.port
    server.write_config()
    assert 'no effect' not in server.test_config().stderr

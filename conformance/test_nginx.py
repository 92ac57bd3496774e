"""nginx with the tap in it, before a registry that knows nothing of it: what the registry did is in the feed, whatever becomes
of nginx's processes, and nginx is none the worse for it."""
import collections
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import frames
import leakscan
import nginx_host
from between import between, calls_told
from harness import (BUILD, REPOSITORY, Epptapd, Refepp, Work, about_names, compiled, epptapctl, feed_dump, framed,
                     gaps_in, is_gone, publisher_status, stopped, txns_in, wait_feed, wait_until)
from nginx_host import Nginx, Server
from oracle import expected_events, take_chains
import valgrind

absent = 'nginx does not load the sanitizers' if os.environ.get('EPPTAP_VARIANT') else nginx_host.absent()
pytestmark = pytest.mark.skipif(bool(absent), reason=str(absent))

NET_EPP = pathlib.Path(__file__).with_name('net_epp_client.pl')
USERS = {'ClientX': 'password-x', 'ClientY': 'password-y', 'ClientZ': 'password-z'}
HOLD = 'clientHold'
IN_ORDER = {'reorder': '3s'}  # on a busy machine a worker may have its change on the disk later than 50 ms after it saw it


@pytest.fixture
def registry(work):
    """The registry behind: without the tap, and over TLS."""
    with Refepp(work.path / 'registry', USERS) as registry:
        yield registry


def behind(registry, **arguments):
    return Server(registry.address, 'proxy_ssl on;', **arguments)


def who_publishes(work, publisher):
    """A context manager: epptapd, or nobody besides nginx."""
    return Epptapd(work.config) if publisher == 'process' else contextlib.nullcontext()


def log_in(nginx, user='ClientX', server=0):
    """A registrar's connection."""
    client = nginx.client(server)
    client.login(user, USERS[user])
    return client


def create(nginx, name, server=0):
    """Over a connection of its own."""
    with log_in(nginx, server=server) as client:
        frames.do(client, frames.create_domain(name))


def told_names(work):
    """The names that the vetted channel tells of, in its order."""
    return [line['event']['sub_id']['uri'].removeprefix('dns:') for line in about_names(feed_dump(work.config, 'vetted'))]


def tls_to(address):
    """A connection on which nothing was said yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(address, 60))


def _told(line):
    """An event as the journal demands it."""
    claims = {name: value for name, value in line['event'].items() if name not in ('iss', 'jti', 'iat', 'toe')}
    return claims['sub_id']['uri'], claims


def _by_name(pairs):
    found = collections.defaultdict(list)
    for name, claims in pairs:
        found[name].append(claims)
    return found


def check_feed(work, registry, gaps=()):
    """What the journal has is in each channel once it is told: of each name all of it, in order, and nothing else."""
    expected = [event for event, _ in expected_events(registry.journal)]
    wait_until('all is told', lambda: len(about_names(feed_dump(work.config, 'vetted'))) >= len(expected), seconds=60, every=0.2)
    for channel in ('vetted', 'public'):
        lines = feed_dump(work.config, channel)
        assert [line['index'] for line in lines] == list(range(len(lines)))
        assert [gap['reason'] for gap in gaps_in(lines)] == list(gaps)
        events = about_names(lines)
        take_chains([line['event'] for line in events])
        assert _by_name(map(_told, events)) == _by_name((event['sub_id']['uri'], event) for event in expected)
    return len(expected)


def story(nginx, number):
    """What one connection does, with names of its own."""
    user = sorted(USERS)[number % len(USERS)]
    name, host = f'story-{number}.example', f'ns1.story-{number}.example'
    outside = [f'ns{at}.story-{number}.test' for at in (1, 2)]
    with log_in(nginx, user) as client:
        frames.do(client, *map(frames.create_host, outside), frames.create_contact(f'c-{number}'),
                  frames.create_domain(name, outside, [frames.ds(1)], f'c-{number}', [('admin', f'c-{number}')]),
                  frames.create_host(host, ['192.0.2.7', '2001:db8::7']),
                  frames.update_domain(name, [host], outside[:1]),
                  frames.update_domain(name, add_ds=[frames.ds(2)], remove_ds=[frames.ds(1)]))
        for turn in range(20):
            frames.do(client, frames.update_domain(name, add_status=['clientUpdateProhibited']))
            assert frames.code_of(client.command(frames.update_domain(name, [outside[0]]))) == 2304
            frames.do(client, frames.update_domain(name, remove_status=['clientUpdateProhibited']),
                      frames.info_domain(name), frames.update_host(host, [f'192.0.2.{turn + 8}'], [f'192.0.2.{turn + 7}']))
        frames.do(client, frames.renew_domain(name, frames.expires_on(client, name)),
                  frames.update_domain(name, remove_ns=[host]), frames.delete_host(host), frames.delete_domain(name))


def test_net_epp_and_others_at_once_over_several_workers_are_told_as_the_journal_has_them(work, registry):
    work.write_config(**IN_ORDER)
    with Nginx(work.path / 'nginx', [behind(registry, tap=work.config, listen='ssl reuseport')], workers=3) as nginx:
        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            stories = [pool.submit(story, nginx, number) for number in range(9)]
            host, port = nginx.servers[0].address
            done = subprocess.run(['perl', NET_EPP, host, str(port), 'ClientX', USERS['ClientX']], capture_output=True,
                                  text=True, timeout=60)
            for each in stories:
                each.result()
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == 'delete 1000'
        assert check_feed(work, registry) > 400
        def by_worker():
            taps = [json.loads(path.read_text()) for path in (work.state_dir / 'status').glob('tap-*.json')]
            changes = [tap['changes'] for tap in taps]
            return len(changes) == 3 and sum(changes) == len(expected_events(registry.journal)) and changes
        assert sum(changes > 0 for changes in wait_until('each worker tells what it saw', by_worker)) >= 2
        assert not has_tap(nginx.master()), 'a reload could not load another'
    assert check_feed(work, registry)


class Load:
    """Registrars that come and go, each with a name of its own, until stop(); what went wrong for them is in `troubles`."""

    def __init__(self, nginx, registrars=4, commands=12):
        self.nginx, self.commands, self.stopped = nginx, commands, threading.Event()
        self.troubles, self.done, self.lock = [], 0, threading.Lock()
        self.threads = [threading.Thread(target=self._registrar, args=(number,)) for number in range(registrars)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_done(20)
        return self

    def __exit__(self, *unused):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)

    def wait_done(self, more):
        """Until so many commands more were answered."""
        target = self.done + more
        wait_until('the load goes on', lambda: self.done >= target, seconds=60)

    def _registrar(self, number):
        name, turns = f'load-{number}.example', itertools.count()
        create(self.nginx, name)
        while not self.stopped.is_set():
            try:
                with log_in(self.nginx) as client:
                    for _ in range(self.commands):
                        # a response that never came may have been a success
                        turn = next(turns)
                        status = {'remove_status' if turn % 2 else 'add_status': [HOLD]}
                        client.command(frames.update_domain(name, **status))
                        with self.lock:
                            self.done += 1
            except (OSError, EOFError) as trouble:
                self.troubles.append(f'{name}: {trouble!r}')


@pytest.mark.parametrize('way', ['reload', 'upgrade'])
def test_nothing_is_lost_and_nobody_is_cut_off_by_a(way, work, registry):
    work.write_config(publisher='process', **IN_ORDER)
    with Epptapd(work.config), Nginx(work.path / 'nginx', [behind(registry, tap=work.config)]) as nginx:
        with Load(nginx) as load:
            for _ in range(3):
                old = getattr(nginx, way)()
                load.wait_done(30)
                wait_until('the old workers, and an old master, are gone', lambda: len(nginx.worker_pids()) == nginx.workers and
                           (not old or is_gone(old)), seconds=60)
        assert load.troubles == []
        assert nginx.said().count(' is open') == 8
        assert check_feed(work, registry) > 100
    assert check_feed(work, registry)


def _unknown(lines):
    """The names of which the feed says that nobody knows what came of a command."""
    return [line['event']['sub_id']['uri'] for line in about_names(lines)
            if next(iter(line['event']['events'].values()))['outcome'] == 'unknown']


def _unanswered(work, client, name):
    """Sends a command of a logged-in client that will have no answer; returns when that there is one is on the disk."""
    client.write(frames.update_domain(name, add_status=[HOLD]))
    def look():
        lines = epptapctl('spool-dump', work.config).stdout.splitlines()
        return any('"intent"' in line and '#update' in line and name in line for line in lines)
    wait_until('it is on the disk', look, seconds=30)


def test_a_command_without_answer_in_a_worker_that_is_killed_is_told_as_unknown(work, registry):
    work.write_config(publisher='process', capture={'intent': 'on'})
    with Epptapd(work.config), \
            Nginx(work.path / 'nginx', [behind(registry, tap=work.config, listen='ssl reuseport')]) as nginx:
        with Load(nginx, registrars=3) as load, log_in(nginx, 'ClientY') as client:
            frames.do(client, frames.create_domain('victim.example'))
            worker = nginx.worker_of(client)
            load.wait_done(20)
            with stopped(registry.process.pid):
                _unanswered(work, client, 'victim.example')
                os.kill(worker, signal.SIGKILL)
                wait_until('nginx has another', lambda: worker not in nginx.worker_pids() and
                           len(nginx.worker_pids()) == 2, seconds=30)
            load.wait_done(60)
        expected = [event for event, _ in expected_events(registry.journal)]

        def are_told(lines):
            txns, unknown = set(txns_in(lines)), set(_unknown(lines))
            return gaps_in(lines) and all(event['txn'] in txns or event['sub_id']['uri'] in unknown for event in expected)
        wait_feed('the crash and each command are told', work.config, 'vetted', are_told, seconds=60, every=0.2)
    lines = feed_dump(work.config, 'vetted')
    assert [gap['reason'] for gap in gaps_in(lines)] == ['crash']
    told = {line['event'].get('txn') for line in lines}
    missing = [event for event in expected if event['txn'] not in told]
    # the victim, and at most one command of each other connection that the worker had
    unknown = _unknown(lines)
    assert 'dns:victim.example' in unknown
    assert {event['sub_id']['uri'] for event in missing} <= set(unknown) and len(missing) <= 4
    assert len(told) > 80


def test_a_command_without_answer_when_nginx_is_ended_at_once_is_told_as_unknown_and_as_no_crash(work, registry):
    work.write_config(publisher='process', capture={'intent': 'on'})
    with Epptapd(work.config):
        with Nginx(work.path / 'nginx', [behind(registry, tap=work.config)]) as nginx, log_in(nginx) as client:
            frames.do(client, frames.create_domain('bank.example'))
            with stopped(registry.process.pid):
                _unanswered(work, client, 'bank.example')
                os.kill(nginx.master(), signal.SIGTERM)
                nginx.wait_gone()
        wait_until('it is told', lambda: _unknown(feed_dump(work.config, 'public')) == ['dns:bank.example'], seconds=30)
        assert gaps_in(feed_dump(work.config, 'public')) == []


def test_a_worker_that_drains_keeps_its_connection_and_yields_to_the_new_one(work, registry):
    """In embedded mode: the workers publish themselves."""
    with Nginx(work.path / 'nginx', [behind(registry, tap=work.config)], workers=1) as nginx, log_in(nginx) as old:
        (old_worker,) = nginx.worker_pids()
        frames.do(old, frames.create_domain('old.example'))
        nginx.reload()
        assert nginx.draining() == [old_worker]
        (new_worker,) = set(nginx.worker_pids()) - {old_worker}

        def change(client, name, times):
            for turn in range(times):
                frames.do(client, frames.update_domain(name, **{('add_status', 'remove_status')[turn % 2]: [HOLD]}))
        with log_in(nginx) as new:
            assert nginx.worker_of(new) == new_worker
            frames.do(new, frames.create_domain('new.example'))
            change(old, 'old.example', 6)
            change(new, 'new.example', 6)
            # the configuration is the same: who publishes goes on, for all
            check_feed(work, registry)

            # a newer one is published by: that of the workers to come
            work.write_config(checkpoint='2s')
            nginx.reload()
            assert set(nginx.draining()) == {old_worker, new_worker}
            (newest,) = set(nginx.worker_pids()) - {old_worker, new_worker}
            wait_until('the newest publishes', lambda: publishes(work) == newest, seconds=30)
            for client, name in ((old, 'old.example'), (new, 'new.example')):
                change(client, name, 6)
            with log_in(nginx) as third:
                assert nginx.worker_of(third) == newest
                frames.do(third, frames.create_domain('third.example'))
            check_feed(work, registry)
        old.close()
        wait_until('those that drained are gone', lambda: nginx.worker_pids() == [newest], seconds=30)
        check_feed(work, registry)


def publishes(work):
    """The process that publishes from the state directory: it has a lock on the first byte of `locks`."""
    inode = (work.state_dir / 'locks').stat().st_ino
    for line in pathlib.Path('/proc/locks').read_text().splitlines():
        words = line.split()
        if words[5].rpartition(':')[2] == str(inode) and words[6] == '0':
            return int(words[4])
    return None


def test_a_tap_that_can_not_be_opened_harms_nobody_is_told_and_comes_back_when_it_is_mended(work, registry):
    """Two things that are wrong, each mended in turn: the library is not there, and the configuration has a word too many."""
    folder = work.path / 'lib'
    library = folder / 'epptap.so'
    good = work.config.read_text()
    work.config.write_text(json.dumps({**json.loads(good), 'made-up': 1}, indent=2))
    with contextlib.ExitStack() as stack:
        tapped = behind(registry, tap=work.config), behind(registry, tap=work.config)
        without, wrong = (stack.enter_context(Nginx(work.path / name, [server], workers=1, library=its)) for name, server, its in
                          [('without', tapped[0], library), ('wrong', tapped[1], BUILD / 'epptap.so')])
        said = without.test_config()
        assert said.returncode == 0, 'nginx would not start, for want of a tap'
        assert re.search(rf'\[crit\] .*changes will NOT be seen: the tap\'s library {library} can\'t be read .*No such file',
                         said.stderr)
        assert re.search(rf'changes are NOT seen in servers with {work.config}: .*{library}.* tried again every 10 seconds',
                         without.said())
        assert re.search(rf'changes are NOT seen in servers with {work.config}: {work.config}:\d+:\d+: .*made-up', wrong.said())
        begun = []
        for number, nginx in enumerate([without, wrong]):
            client = stack.enter_context(log_in(nginx))
            frames.do(client, frames.create_domain(f'unseen-{number}.example'))
            nginx.wait_said(r'changes of this connection are NOT seen: the tap is not open')
            begun.append(client)
        work.config.write_text(good)
        folder.symlink_to(BUILD)
        for number, (nginx, before) in enumerate(zip([without, wrong], begun)):
            nginx.wait_said(r' is open; changes are seen again')
            nginx.wait_said(r'changes of 1 connections that began before are NOT seen until these end')
            frames.do(before, frames.info_domain(f'unseen-{number}.example'))
            create(nginx, f'seen-{number}.example')
        wait_until('both are told', lambda: set(told_names(work)) == {'seen-0.example', 'seen-1.example'}, seconds=30)
        assert {nginx.test_config().returncode for nginx in (without, wrong)} == {0}


def test_a_worker_whose_tap_is_not_open_ends_at_once_all_the_same(work, registry):
    with Nginx(work.path / 'nginx', [behind(registry, tap=work.path / 'not-there.yaml')], workers=1) as nginx:
        nginx.wait_said('changes are NOT seen')
        nginx.reload()
        wait_until('the old worker is gone, though it was to try again', lambda: len(nginx.worker_pids()) == 1, seconds=8)


def has_tap(pid):
    """Has a process of nginx loaded the tap, or anything that comes with it?"""
    maps = pathlib.Path(f'/proc/{pid}/maps').read_text()
    assert 'epptap_module.so' in maps
    return '/epptap.so' in maps or 'libxml2' in maps


class OfTheSample(Nginx):
    """nginx by etc/nginx/epp.conf, where only addresses and paths are changed."""

    def write_config(self):
        sample = (REPOSITORY / 'etc' / 'nginx' / 'epp.conf').read_text()
        (server,) = self.servers
        for there, here in [
                (r'/usr/local/lib/epptap/ngx_stream_epptap_module.so', str(self.module)),
                (r'# epptap_library [^;]*;.*', f'epptap_library {self.library};'),
                (r'listen 700 ', f'listen 127.0.0.1:{server.port} '),
                (r'/etc/nginx/epp\.registry\.example\.(pem|key)',
                 lambda match: str(self.folder / {'pem': 'cert.pem', 'key': 'key.pem'}[match[1]])),
                (r'proxy_pass [^;]*', f'proxy_pass {server.back_end}'),
                (r'/etc/epptap/epptap.yaml', server.tap)]:
            sample, count = re.subn(there, here, sample)
            assert count, there
        super().write_config()
        whole = (self.folder / 'nginx.conf').read_text().partition('stream {')[0].replace(f'load_module {self.module};', '')
        # where Debian's nginx.conf has its modules
        (self.folder / 'nginx.conf').write_text(whole.replace('events {', f'{sample}\nevents {{'))


def test_the_sample_configuration_taps(work, registry):
    with OfTheSample(work.path / 'nginx', [behind(registry, tap=work.config)]) as nginx:
        create(nginx, 'bank.example')
        check_feed(work, registry)


def test_servers_without_the_directive_are_untouched(work, registry):
    tapped, plain = behind(registry, tap=work.config), behind(registry)
    cache = f'http {{ proxy_cache_path {work.path}/cache keys_zone=a:1m; }}'
    with Nginx(work.path / 'nginx', [tapped, plain], more=cache) as nginx:
        assert all(map(has_tap, nginx.worker_pids()))
        helpers = wait_until('the cache manager is there', lambda: [
            pid for pid, title in nginx.titles().items() if 'nginx: cache' in title], seconds=30)
        assert not any(map(has_tap, helpers)), 'it begins as workers do, but serves nobody'
        for number in range(2):
            create(nginx, f'server-{number}.example', number)
        wait_until('one is told', lambda: told_names(work), seconds=30)
        assert told_names(work) == ['server-0.example']
    with Nginx(work.path / 'none', [plain]) as nginx:
        assert not any(map(has_tap, nginx.worker_pids()))


def test_a_reload_loads_the_library_that_lies_there_then_and_none_of_another_version(work, registry):
    work.write_config(publisher='process')
    library, another = work.path / 'epptap.so', work.path / 'another.c'
    another.write_text('unsigned epptap_abi(void); unsigned epptap_abi(void) { return 2; }\n')

    def install(source):
        shutil.copy(source, work.path / 'new')
        (work.path / 'new').rename(library)
        return library.stat().st_ino

    def mapped():
        """Of each worker, the file that it has loaded; those too that lie there no more."""
        return [int(re.search(r'(\d+)\s+\S*/epptap\.so', pathlib.Path(f'/proc/{pid}/maps').read_text())[1])
                for pid in sorted(nginx.worker_pids())]
    before = install(BUILD / 'epptap.so')
    servers = [behind(registry, tap=work.config)]
    with Epptapd(work.config), Nginx(work.path / 'nginx', servers, workers=1, library=library) as nginx, nginx.client() as old:
        after = install(BUILD / 'epptap.so')
        nginx.reload()
        assert set(mapped()) == {before, after} and before != after
        install(compiled(work.path / 'another.so', another, '-shared', '-fPIC'))
        nginx.reload()
        nginx.wait_said(rf'NOT seen .*{library} speaks version 2 of the tap\'s interface')
        create(nginx, 'unseen.example')
        install(BUILD / 'epptap.so')
        nginx.reload()
        for client, name in (old, 'old.example'), (nginx.client(), 'new.example'):
            with client:
                client.login('ClientX', USERS['ClientX'])
                frames.do(client, frames.create_domain(name))
        wait_until('both are told, and the other is not', lambda: told_names(work) == ['old.example', 'new.example'], seconds=30)


def test_servers_may_share_a_configuration_or_have_their_own(work, registry, tmp_path):
    other = Work(tmp_path / 'other')
    servers = [behind(registry, tap=config) for config in (work.config, work.config, other.config)]
    with Nginx(work.path / 'nginx', servers, workers=1) as nginx:
        for number in range(3):
            create(nginx, f'server-{number}.example', number)
        for its, numbers in (work, [0, 1]), (other, [2]):
            wait_until('its servers are told', lambda: told_names(its) == [f'server-{number}.example' for number in numbers],
                       seconds=30)
        assert nginx.said().count(' is open') == 2


CANARIES = ['canary-password-x', 'canary-street', 'canary@mail.example', 'canary-authinfo']


def test_no_contact_data_and_no_password_is_in_nginxs_log_or_anywhere_else(work):
    contact = frames.create_contact('c-1').replace('Nowhere', CANARIES[1]).replace('nobody@mail.example', CANARIES[2])
    with Refepp(work.path / 'registry', {'ClientX': CANARIES[0]}) as registry, \
            Nginx(work.path / 'nginx', [behind(registry, tap=work.config)]) as nginx:
        with nginx.client() as client:
            client.login('ClientX', CANARIES[0])
            frames.do(client, contact, frames.create_domain('bank.example', password=CANARIES[3]))
            # what can't be read, and a connection that is cut in the midst of it
            client.command(f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><update>{CANARIES[3]}')
            client.socket.sendall(b'\0\0\1\0<epp>' + CANARIES[3].encode())
        check_feed(work, registry)
    assert len(leakscan.scan([registry.journal], CANARIES)) >= 3, 'they were there to be found'
    assert leakscan.scan([work.path], CANARIES, leave_out=[work.keys, work.path / 'registry']) == []


def _status(pid):
    """What a process is like to the kernel, but for its numbers and sizes."""
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    kept = ('Umask', 'Uid', 'Gid', 'Groups', 'CoreDumping', 'SigBlk', 'SigIgn', 'SigCgt', 'Cap', 'NoNewPrivs', 'Seccomp',
            'Cpus_allowed', 'Mems_allowed')
    status = {line.partition(':')[0]: line.partition(':')[2] for line in lines if line.startswith(kept)}
    for name in ('limits', 'cgroup', 'oom_score_adj', 'timerslack_ns', 'personality'):
        with contextlib.suppress(OSError):
            status[name] = pathlib.Path(f'/proc/{pid}/{name}').read_text()
    for name in ('cwd', 'root', 'fd/0', 'fd/1'):
        status[name] = os.readlink(f'/proc/{pid}/{name}').replace('/without', '/with')
    return status


@pytest.mark.parametrize('publisher', ['embedded', 'process'])
def test_a_worker_is_the_same_to_the_kernel_with_and_without_the_tap(publisher, work, registry):
    work.write_config(publisher=publisher)
    statuses = {}
    for name, tap, module in ('without', None, None), ('with', work.config, nginx_host.MODULE):
        with Nginx(work.path / name, [behind(registry, tap=tap)], workers=1, module=module) as nginx:
            with log_in(nginx) as client:
                frames.do(client, frames.create_domain(f'{name}.example'))
                (worker,) = nginx.worker_pids()
                statuses[name] = _status(worker)
                threads = {int(path.name) for path in pathlib.Path(f'/proc/{worker}/task').iterdir()}
                blocked = {re.search(r'SigBlk:\s*(\w+)', pathlib.Path(f'/proc/{worker}/task/{thread}/status').read_text())[1]
                           for thread in threads - {worker}}
            assert (len(threads) > 1) == bool(tap)
            # all but SIGKILL, SIGSTOP, and the two that the C library keeps for itself
            assert blocked == ({'fffffffe7ffbfeff'} if tap else set())
    # the C library catches its own signal, 33, from the first thread on
    statuses['with']['SigCgt'] = f'\t{int(statuses["with"]["SigCgt"], 16) & ~(1 << 32):016x}'
    assert statuses['with'] == statuses['without']


@pytest.mark.parametrize('publisher', ['embedded', 'process'])
def test_no_call_changes_anything_of_the_worker(publisher, work, registry):
    """Its signals, locale, umask, environment, and libxml2's and OpenSSL's globals, which nginx uses itself."""
    work.write_config(publisher=publisher)
    told = work.path / 'told'
    library = between(work.path / 'between.so', BUILD / 'epptap.so', told)
    with who_publishes(work, publisher), Nginx(work.path / 'nginx', [behind(registry, tap=work.config)], workers=1,
                                               library=library) as nginx:
        for name in 'one.example', 'two.example':
            create(nginx, name)
        wait_until('both connections are gone', lambda: calls_told(told)[0]['epptap_stream_free'] >= 2)
        wait_until('both are told', lambda: told_names(work) == ['one.example', 'two.example'], seconds=30)
    calls, changes = calls_told(told)
    assert changes == []
    assert calls['epptap_open'] == calls['epptap_close'] == 1 and calls['epptap_stream_new'] == 2
    assert calls['epptap_stream_client'] >= 4 and calls['epptap_stream_server'] >= 4


@pytest.mark.skipif(not valgrind.PROGRAM, reason='valgrind is not installed')
@pytest.mark.parametrize('publisher', ['embedded', 'process'])
def test_valgrind_finds_nothing_of_ours_in_nginx(publisher, work, registry):
    """From the reading of its configuration to its end. A feed store of 64 GiB is more than valgrind can map."""
    work.write_config(publisher=publisher, store={'limit': '64MiB'}, capture={'queue': '4MiB', 'streams': '4MiB'})
    with who_publishes(work, publisher), Nginx(work.path / 'nginx', [behind(registry, tap=work.config)], workers=1,
                                               under=valgrind.under_valgrind(work.path)) as nginx:
        for name in 'one.example', 'two.example':
            create(nginx, name)
        nginx.reload()
        create(nginx, 'three.example')
        wait_until('all are told', lambda: len(told_names(work)) == 3, seconds=60)
    assert len(list(work.path.glob('valgrind.*'))) >= 3
    assert valgrind.found_by_valgrind(work.path) == []


class Relay:
    """A back end that wants nginx's PROXY header: takes it off, and goes on with the registry behind it."""

    def __init__(self, registry):
        self.registry, self.headers = registry, []
        self.listener = socket.create_server(('127.0.0.1', 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return self.listener.getsockname()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                self._connection(self.listener.accept()[0])

    def _connection(self, client):
        header = b''
        while not header.endswith(b'\r\n'):
            header += client.recv(1)
        self.headers.append(header)
        server = tls_to(self.registry.address)
        for source, sink in (client, server), (server, client):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()


def test_the_header_that_tells_the_back_end_who_the_client_is_does_not_put_the_tap_out_of_step(work, registry):
    relay = Relay(registry)
    with contextlib.closing(relay), \
            Nginx(work.path / 'nginx', [Server(relay.address, 'proxy_protocol on;', tap=work.config)]) as nginx:
        create(nginx, 'bank.example')
        check_feed(work, registry)
        assert [header.split()[:2] for header in relay.headers] == [[b'PROXY', b'TCP4']]


LOGIN = ('<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login><clID>ClientX</clID><pw>password-x</pw><options>'
         '<version>1.0</version><lang>en</lang></options><svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs>'
         '</login></command></epp>')


def test_who_hangs_up_before_he_is_answered_is_told_of(work, registry):
    """Login and change come in one piece, and the connection is cut: the registry may have carried it out."""
    server = behind(registry, tap=work.config)
    with Nginx(work.path / 'nginx', [server]):
        for number in range(3):
            with tls_to(server.address) as client:
                assert client.recv(4)
                client.sendall(framed(LOGIN.encode()) + framed(frames.create_domain(f'cut-{number}.example').encode()))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        wait_until('each is told, or that something is lost', lambda: sum(gap.get('count', 1) for gap in gaps_in(
            feed_dump(work.config, 'vetted'))) + len(about_names(feed_dump(work.config, 'vetted'))) == 3)


def test_a_registrar_whose_bytes_look_like_tls_is_seen(work, registry):
    server = behind(registry, tap=work.config)
    with Nginx(work.path / 'nginx', [server]) as nginx:
        with tls_to(server.address) as client:
            assert client.recv(4)
            client.sendall(b'\x16\x03\0\0<')
        create(nginx, 'later.example')
        wait_until('what came later is told', lambda: told_names(work) == ['later.example'])
        assert 'NOT seen' not in nginx.error_log.read_text()


def test_what_the_registrar_sent_before_nginx_asked_the_back_end_is_seen_too(work, registry):
    """ssl_preread has nginx read before it connects; and all commands come in one piece, in front of their answers."""
    name = 'early.example'
    sent = [LOGIN, frames.create_domain(name), *(frames.update_domain(name, **{f'{verb}_status': [HOLD]})
                                                 for verb in ('add', 'remove') * 30)]
    server = Server(registry.address, 'proxy_ssl on;', 'ssl_preread on;', tap=work.config)
    with Nginx(work.path / 'nginx', [server]), tls_to(server.address) as client:
        client.sendall(b''.join(framed(frame.encode()) for frame in sent))
        answers = b''
        while answers.count(b'</epp>') < 1 + len(sent):
            answers += client.recv(65536)
        assert answers.count(b'code="1000"') == len(sent)
        assert check_feed(work, registry) == len(sent) - 1


def test_tls_that_is_passed_on_is_told_of_and_its_bytes_are_not_seen(work, registry):
    with Nginx(work.path / 'nginx', [Server(registry.address, tap=work.config, listen='')]) as nginx:
        create(nginx, 'bank.example')
        nginx.wait_said(r'\[crit\] .*NOT seen: they are encrypted; have this server end TLS, by `ssl` in its `listen`')
        wait_until('someone publishes', lambda: publisher_status(work.config), seconds=30)
        assert feed_dump(work.config) == []


def test_what_is_wrong_in_nginxs_configuration_is_told_in_words(work, registry):
    with Nginx(work.path / 'nginx', [behind(registry, tap=work.config)]) as nginx:
        assert nginx.test_config().returncode == 0
        assert 'epptap' not in nginx.test_config().stderr
        nginx.servers = [behind(registry, tap=f'{work.config};\n epptap {work.config}')]
        nginx.write_config()
        said = nginx.test_config()
        assert said.returncode == 1
        assert 'directive is given twice in this server: a connection has one tap in' in said.stderr
        nginx.servers = [behind(registry, tap='not-there.yaml'), behind(registry, tap=work.path)]
        nginx.write_config()
        said = nginx.test_config()
        assert said.returncode == 0
        assert re.search(rf'changes will NOT be seen: the tap\'s configuration {work.path}/nginx/not-there.yaml can\'t be read',
                         said.stderr)
        assert f'{work.path} is no file' in said.stderr

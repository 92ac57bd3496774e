"""etc/nginx/vetted-log.conf, in a real nginx before the logs of a real publisher: who is listed reads the vetted one, who is
not gets no byte of an event, and everybody reads the public one."""
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

import harness
import nginx_host
from harness import REPOSITORY, Tap, Work, free_port, update_frames, wait_until
from test_eppwatch_log import Watch, eppwatch

SAMPLE = REPOSITORY / 'etc' / 'nginx' / 'vetted-log.conf'
CHANGES = 300  # a full tile, and a partial one

if nginx_host.PROGRAM is None:
    pytest.skip('nginx is not there: etc/install-deps', allow_module_level=True)
if os.environ.get('EPPTAP_VARIANT'):
    pytest.skip('the plugin within Python, and nginx beside it: for the build without sanitizers', allow_module_level=True)


class Certificates:
    """Made by the commands that publisher/OPERATING.md has: a CA of the readers, another's, and certificates of both."""

    KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        for authority in 'readers', 'others', 'web':
            self._openssl('req', '-x509', *self.KEY, '-days', '2', '-subj', f'/CN={authority}',
                          '-keyout', f'{authority}.key', '-out', f'{authority}.pem')
        (folder / 'san').write_text('subjectAltName=DNS:localhost\n')
        self.make('server', 'web', '-extfile', 'san')
        self.make('alice', 'readers')
        self.make('bob', 'readers')
        self.make('unlisted', 'readers')
        # another CA gives away alice's name and serial, too
        self.make('mallory', 'others', '-set_serial', f'0x{self.serial("alice")}', subject='alice')

    def _openssl(self, *arguments):
        done = subprocess.run(['openssl', *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make(self, name, authority, *options, subject=None):
        self._openssl('req', *self.KEY, '-subj', f'/CN={subject or name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
        self._openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{authority}.pem', '-CAkey', f'{authority}.key',
                      '-days', '2', '-out', f'{name}.pem', *options)

    def serial(self, name):
        return self._openssl('x509', '-noout', '-serial', '-in', f'{name}.pem').strip().partition('=')[2]

    def pair(self, name):
        return self.folder / f'{name}.pem', self.folder / f'{name}.key'


class Nginx:
    """A real one, by the sample: what is changed in it are its paths, its port and its name. A context manager."""

    def __init__(self, work, certificates):
        self.certificates, self.port = certificates, free_port()
        self.folder = work.path / 'nginx'
        self.folder.mkdir()
        self.readers = self.folder / 'readers'
        self.list('alice', 'bob')
        own = {
            'listen 443 ssl;': f'listen 127.0.0.1:{self.port} ssl;',
            'server_name feed.registry.example;': 'server_name localhost;',
            '/etc/nginx/vetted-log-readers;': f'{self.readers};',
            '/etc/nginx/vetted-log-ca.pem;': f'{certificates.folder}/readers.pem;',
            '/etc/nginx/feed.registry.example.pem;': f'{certificates.folder}/server.pem;',
            '/etc/nginx/feed.registry.example.key;': f'{certificates.folder}/server.key;',
            'root /srv/epptap;': f'root {work.path}/log;',
        }
        text = SAMPLE.read_text()
        for theirs, ours in own.items():
            assert text.count(f' {theirs}') == 1, theirs
            text = text.replace(f' {theirs}', f' {ours}')
        (self.folder / 'vetted-log.conf').write_text(text)
        places = ''.join(f'{what}_temp_path {self.folder}/{what};\n'
                         for what in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        user = 'user root root;\n' if os.geteuid() == 0 else ''
        self.config = self.folder / 'nginx.conf'
        self.config.write_text(f'{user}daemon off;\nworker_processes 1;\npid {self.folder}/pid;\nerror_log {self.folder}/error.log;\n'
                               f'events {{ }}\nhttp {{\naccess_log off;\n{places}include {self.folder}/vetted-log.conf;\n}}\n')

    def list(self, *names):
        self.readers.write_text(''.join(f'{self.certificates.serial(name)} {name};\n' for name in names))

    def __enter__(self):
        command = [str(nginx_host.PROGRAM), '-p', str(self.folder), '-e', str(self.folder / 'error.log'), '-c', str(self.config)]
        good = subprocess.run([*command, '-t'], capture_output=True, text=True)
        assert good.returncode == 0 and 'warn' not in good.stderr, good.stderr
        self.process = subprocess.Popen(command)
        wait_until('nginx listens', self._listens, seconds=30)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(30)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def url(self, channel):
        return f'https://localhost:{self.port}/{channel}/'

    def connect(self, name=None):
        """A connection of our own, with the certificate of `name`, or none."""
        context = ssl.create_default_context(cafile=self.certificates.folder / 'web.pem')
        if name:
            context.load_cert_chain(*self.certificates.pair(name))
        return http.client.HTTPSConnection('localhost', self.port, context=context, timeout=30)

    def get(self, path, name=None, method='GET'):
        """The status, the headers and the body that `name` gets."""
        connection = self.connect(name)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def watch_options(self, name=None):
        """What eppwatch is told, to be `name`."""
        options = ['--ca-file', self.certificates.folder / 'web.pem']
        if name:
            certificate, key = self.certificates.pair(name)
            options += ['--client-cert', certificate, '--client-key', key]
        return options


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    return Work(tmp_path_factory.mktemp('nginx-log'))


@pytest.fixture(scope='module')
def tap(work):
    """A publisher with two channels, whose logs have a full tile and more."""
    work.add_client('alice')
    with Tap(work.config) as tap:
        for number in range(CHANGES):
            tap.transaction(*update_frames(f'd{number}.example', number))
        for channel in 'vetted', 'public':
            wait_until('the log is signed', lambda: work.checkpoint(channel)[1] == CHANGES, seconds=60)
        yield tap


@pytest.fixture(scope='module')
def nginx(work, tap):
    with Nginx(work, Certificates(work.path / 'tls')) as nginx:
        yield nginx


def files(work, channel):
    """The paths of all files of the channel's log, as they are asked for; without those that are being written."""
    root = work.log_dir(channel)
    return sorted(f'/{channel}/{path.relative_to(root)}' for path in root.rglob('*')
                  if path.is_file() and path.suffix != '.new')


STRANGERS = {None: 'without a certificate', 'mallory': 'of another CA', 'unlisted': 'of the CA, and not listed'}


def test_who_is_listed_audits_and_follows(work, tap, nginx, tmp_path):
    done = eppwatch('audit', nginx.url('vetted'), *nginx.watch_options('alice'), state=tmp_path / 'audit')
    assert done.returncode == 0, done.stdout + done.stderr
    with Watch('follow', nginx.url('vetted'), *nginx.watch_options('alice'), '--curve-key', work.keys / 'alice.key',
               '--from', CHANGES - 3, '--json', state=tmp_path / 'follow') as watch:
        watch.wait_said('connected', seconds=30)
        tap.transaction(*update_frames('live.example', CHANGES))
        shown = watch.wait_events(4, seconds=30)
        assert shown == [(number, f'd{number}.example') for number in range(CHANGES - 3, CHANGES)] + [(CHANGES, 'live.example')]
        assert watch.stop() == 0


def test_everybody_reads_the_public_log(work, nginx, tmp_path):
    done = eppwatch('audit', nginx.url('public'), *nginx.watch_options(), state=tmp_path / 'state')
    assert done.returncode == 0, done.stdout + done.stderr
    for path in files(work, 'public'):
        assert nginx.get(path)[0] == 200, path


@pytest.mark.parametrize('name', STRANGERS, ids=STRANGERS.get)
def test_a_stranger_gets_no_byte_of_the_vetted_log(work, nginx, name):
    paths = files(work, 'vetted')
    assert '/vetted/tile/entries/000' in paths and any('.p/' in path for path in paths)
    said = {(status, body) for status, _, body in (nginx.get(path, name) for path in paths)}
    (status, body), = said  # the same of all
    assert status == 403 and re.search(b'403 Forbidden', body) and len(body) < 300
    for path in paths:
        assert nginx.get(path, 'alice')[0] == 200, path


@pytest.mark.parametrize('name', STRANGERS, ids=STRANGERS.get)
@pytest.mark.parametrize('subcommand', ['audit', 'follow'])
def test_eppwatch_says_to_a_stranger_what_is_wrong(nginx, tmp_path, subcommand, name):
    done = eppwatch(subcommand, nginx.url('vetted'), *nginx.watch_options(name), state=tmp_path / 'state')
    assert (done.returncode, done.stdout) == (2, '')
    assert f'{nginx.url("vetted")}feed.json: the server says 403: it serves only whom it knows' in done.stderr
    assert 'is --client-cert one that it trusts?' in done.stderr


def test_who_is_taken_off_the_list_is_out_with_the_next_reload_and_so_is_his_connection(nginx):
    kept = nginx.connect('bob')

    def ask():
        kept.request('GET', '/vetted/checkpoint')
        answer = kept.getresponse()
        return answer.status, answer.read()
    assert ask()[0] == 200
    nginx.list('alice')
    try:
        nginx.reload()
        wait_until('bob is out', lambda: nginx.get('/vetted/checkpoint', 'bob')[0] == 403, seconds=30)
        kept.auto_open = False

        def is_cut():
            try:
                return ask()[0] != 200
            except (OSError, http.client.HTTPException):
                return True
        wait_until('his connection is cut', is_cut, seconds=30)
        assert nginx.get('/vetted/checkpoint', 'alice')[0] == 200
    finally:
        kept.close()
        nginx.list('alice', 'bob')
        nginx.reload()
    wait_until('bob is back', lambda: nginx.get('/vetted/checkpoint', 'bob')[0] == 200, seconds=30)


def test_only_files_of_a_log_are_served(work, nginx):
    for channel in 'vetted', 'public':
        folder = work.log_dir(channel)
        for name in ('.hidden', 'position.json', 'tile/0/.001', 'tile/0/001.new', 'notes'):
            (folder / name).write_text('not for you\n')
            assert nginx.get(f'/{channel}/{name}', 'alice')[0] == 404, name
            (folder / name).unlink()
        for path in ('', 'tile', 'tile/', 'tile/0/', 'tile/0/000/', 'checkpoint/', 'CHECKPOINT', 'tile/x/000', 'feed_json'):
            assert nginx.get(f'/{channel}/{path}', 'alice')[0] == 404, path
        for method in 'POST', 'PUT', 'DELETE':
            assert nginx.get(f'/{channel}/checkpoint', 'alice', method)[0] == 405
        before = folder / 'before-20261127T210000Z'
        before.mkdir(mode=0o750)
        (before / 'checkpoint').write_text('an old log\n')
        assert nginx.get(f'/{channel}/{before.name}/checkpoint', 'alice')[::2] == (200, b'an old log\n')
        for name in ('feed.json.new', 'checkpoint.new'):  # in the log itself they are the publisher's, at any time
            (before / name).write_text('not for you\n')
            assert nginx.get(f'/{channel}/{before.name}/{name}', 'alice')[0] == 404, name
        assert nginx.get(f'/vetted/{before.name}/checkpoint')[0] == 403
    for path in ('/', '/feed.json', '/other/checkpoint', '/keys/event.pem'):
        assert nginx.get(path, 'alice')[0] in (403, 404), path


@pytest.mark.parametrize('path', ['/public/../vetted/checkpoint', '/public/%2e%2e/vetted/checkpoint', '//vetted/checkpoint',
                                  '/./vetted/checkpoint', '/public/..%2fvetted/checkpoint', '/vett%65d/checkpoint',
                                  '/vetted/checkpoint?/public/checkpoint', '/vetted/checkpoint%20/public/checkpoint',
                                  '/vetted/checkpoint%0a/public/checkpoint', '/VETTED/checkpoint', '/vetted/%20/public/checkpoint',
                                  '/SUCCESS%20x%20/vetted/checkpoint', '/vetted/tile/entries/000/public/'])
def test_no_way_leads_round_the_guard(nginx, path):
    assert nginx.get(path)[0] in (400, 403, 404)


def test_what_never_changes_may_be_kept_and_what_changes_is_asked_for_again(work, nginx):
    for channel, who in (('vetted', 'private'), ('public', 'public')):
        for path in files(work, channel):
            status, headers, _ = nginx.get(path, 'alice')
            keeps = 'max-age=31536000, immutable' if '/tile/' in path else 'no-cache'
            assert (status, headers['Cache-Control']) == (200, f'{who}, {keeps}'), path
            kind = ('application/json' if path.endswith('.json') else
                    'text/plain; charset=utf-8' if path.endswith('checkpoint') else 'application/octet-stream')
            assert headers['Content-Type'] == kind, path
    # a file that is not there yet is not remembered as absent
    status, headers, _ = nginx.get('/public/tile/0/999')
    assert (status, headers['Cache-Control']) == (404, None)


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning')
def test_tls_before_1_2_is_refused(nginx):
    def connects(version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(nginx.certificates.folder / 'web.pem')
        context.set_ciphers('DEFAULT@SECLEVEL=0')
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(('localhost', nginx.port), 30) as plain, \
                context.wrap_socket(plain, server_hostname='localhost') as secure:
            return secure.version()
    assert connects(ssl.TLSVersion.TLSv1_2) == 'TLSv1.2'
    assert connects(ssl.TLSVersion.TLSv1_3) == 'TLSv1.3'
    with pytest.raises(OSError):
        connects(ssl.TLSVersion.TLSv1_1)


def test_the_sample_names_the_folders_that_the_sample_config_has():
    config = (REPOSITORY / 'etc' / 'epptap.yaml').read_text()
    root, = re.findall(r'^ +root (\S+);$', SAMPLE.read_text(), re.M)
    assert re.findall(r'^ +log_dir: (\S+)$', config, re.M) == [f'{root}/vetted', f'{root}/public']
    host, = re.findall(r'^ +server_name (\S+);$', SAMPLE.read_text(), re.M)
    assert f'tcp://{host}:' in config and harness.REGISTRY.removeprefix('https://') in host

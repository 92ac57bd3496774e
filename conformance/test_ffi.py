"""The bindings of plugin/ffi, each in its own language: a front end under load whose feed is what it sent, and a walk through
all calls, by which the guest's manners are seen."""
import collections
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

import frames
from between import LOOKS, package_flags
from harness import (BUILD, REPOSITORY, Tap, _load, about_names, built, compiled, feed_dump, gaps_in, success, txns_in,
                     update_frames, wait_until)

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='these hosts do not load the sanitizers')

FFI = REPOSITORY / 'plugin' / 'ffi'
WALKS = REPOSITORY / 'conformance' / 'ffi'
NODE_MODULES = REPOSITORY / 'build' / 'node' / 'node_modules'
JNA = pathlib.Path('/usr/share/java/jna.jar')
REGISTRARS, COMMANDS = 8, 150
LANGUAGES = ['python', 'perl', 'php', 'java', 'node', 'go', 'ruby']
BINDINGS = {'python': 'epptap.py', 'perl': 'Epptap.pm', 'php': 'epptap.php', 'java': 'epptap/Epptap.java',
            'node': 'epptap.js', 'go': 'epptap.go', 'ruby': 'epptap.rb'}
# what must be there, and what Debian or npm has it in
NEEDED = {
    'python': [],
    'perl': [(['perl', '-MFFI::Platypus=2.00', '-e1'], 'libffi-platypus-perl')],
    'php': [(['php', '-r', 'exit(extension_loaded("FFI") && extension_loaded("pcntl") ? 0 : 1);'], 'php-cli')],
    'java': [(['javac', '-version'], 'default-jdk-headless'), (['test', '-e', JNA], 'libjna-java')],
    'node': [(['node', '--version'], 'nodejs'), (['test', '-e', NODE_MODULES / 'koffi'], 'koffi, of npm')],
    'go': [(['go', 'version'], 'golang-go')],
    'ruby': [(['ruby', '-rfiddle', '-rjson', '-e1'], 'ruby')],
}


def _runs(command):
    return shutil.which(command[0]) is not None and subprocess.run(list(map(str, command)), capture_output=True,
                                                                   timeout=60).returncode == 0


class Host:
    """A language's front end and walk as programs, compiled where that is to be done."""

    def __init__(self, language, folder):
        self.language, self.folder, binding = language, folder, FFI / language
        self.environment = dict(os.environ, LC_ALL='C.UTF-8', PYTHONDONTWRITEBYTECODE='1')
        if language == 'java':
            self._compile('javac', '-Werror', '-Xlint:all', '-cp', JNA, '-d', folder, binding / 'epptap' / 'Epptap.java',
                          binding / 'FrontEnd.java', WALKS / 'Walk.java')
            java = ['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', f'{JNA}:{folder}']
            self.front_end, self.walk = [*java, 'FrontEnd'], [*java, 'Walk']
        elif language == 'go':
            self._build_go(binding)
            self.front_end, self.walk = [folder / 'front_end'], [folder / 'walk']
        else:
            command, suffix, *options = {
                'python': ['/usr/bin/python3', 'py'], 'perl': ['perl', 'pl', '-I', binding], 'php': ['php', 'php'],
                'node': ['node', 'js'], 'ruby': ['ruby', 'rb', '-I', binding]}[language]
            path = [binding / BINDINGS[language]] if language in ('php', 'node') else []
            self.environment |= {'PYTHONPATH': str(binding), 'NODE_PATH': str(NODE_MODULES)}
            self.front_end = [command, *options, binding / f'front_end.{suffix}']
            self.walk = [command, *options, WALKS / f'walk.{suffix}', *path]

    def _compile(self, *command, cwd=None):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=self.environment, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr

    def _build_go(self, binding):
        """As `pkg-config epptap` says, whose file is made as `make install` does."""
        words = {'@LIBDIR@': str(BUILD), '@INCLUDEDIR@': str(REPOSITORY / 'plugin'), '@VERSION@': '0.1.0'}
        (self.folder / 'epptap.pc').write_text(re.sub('@[A-Z]+@', lambda found: words[found[0]],
                                                      (REPOSITORY / 'plugin' / 'epptap.pc.in').read_text()))
        (self.folder / 'go.mod').write_text('module walk\n\ngo 1.19\n\nrequire epptap v0.0.0\n\n'
                                            f'replace epptap => {binding}\n')
        shutil.copy(WALKS / 'walk.go', self.folder)
        self.environment |= {'PKG_CONFIG_PATH': str(self.folder), 'GOCACHE': str(BUILD / 'go-cache'), 'GOPROXY': 'off',
                             'GOPATH': str(self.folder / 'go'), 'GOFLAGS': '-mod=mod', 'GOTOOLCHAIN': 'local'}
        self._compile('go', 'build', '-o', self.folder / 'walk', '.', cwd=self.folder)
        self._compile('go', 'build', '-o', self.folder / 'front_end', './front_end', cwd=binding)

    def run(self, program, *arguments, cwd):
        """The finished process; at a umask that is not usual. Go's have no library to be named."""
        if program is self.front_end and self.language == 'go':
            arguments = arguments[1:]
        return subprocess.run(list(map(str, [*program, *arguments])), capture_output=True, text=True, timeout=60,
                              env=self.environment, cwd=cwd, umask=0o027)


@pytest.fixture(scope='session', params=LANGUAGES)
def host(request, tmp_path_factory):
    missing = [package for command, package in NEEDED[request.param] if not _runs(command)]
    if missing:
        pytest.skip(f'{", ".join(missing)}: not installed; `etc/install-deps --ffi` does it where it can be had')
    return Host(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope='session')
def guest(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp('guest') / 'guest.so', 'ffi/guest.c', *LOOKS, '-shared', '-fPIC', '-D_GNU_SOURCE',
                    '-Wno-deprecated-declarations', *package_flags('libxml-2.0', 'libcrypto'))


def _feed(work, count):
    """All that was published once somebody has opened the tap again, which goes on with what was left: so many changes."""
    with Tap(work.config):
        return wait_until(f'{count} changes are published', lambda: (
            lambda lines: lines if len(about_names(lines)) >= count else None)(feed_dump(work.config, 'vetted')), every=0.1)


def test_the_feed_of_a_front_end_is_what_it_sent(work, host):
    done = host.run(host.front_end, built('epptap.so'), work.config, REGISTRARS, COMMANDS, cwd=work.path)
    assert done.returncode == 0, done.stderr
    given_up = set(re.findall(r'^given up (\S+)$', done.stdout, re.M))
    assert given_up.issuperset({f'S-{number}-99' for number in range(REGISTRARS)} if host.language == 'perl' else set())
    expected = {f'Client{number}': [(f'S-{number}-{count}', f'c{number}-{count}.example') for count in range(COMMANDS)
                                    if f'S-{number}-{count}' not in given_up] for number in range(REGISTRARS)}
    lines = _feed(work, sum(map(len, expected.values())))
    assert gaps_in(lines) == []
    seen = collections.defaultdict(list)
    for line in about_names(lines):
        (value,) = line['event']['events'].values()
        assert value['outcome'] == 'completed'
        seen[value['registrar']].append((line['event']['txn'], value['ldhName']))
    assert seen == expected
    # nothing is said but what the config is warned of, once for each process that opens it
    said = set(line for line in done.stderr.splitlines() if not line.startswith('epptap: warning: publisher: embedded'))
    assert said == set()


def test_a_wrong_config_is_an_error_of_the_language_with_its_place(work, host):
    work.config.write_text(work.config.read_text().replace('"registry"', '"registrar"'))
    done = host.run(host.front_end, built('epptap.so'), work.config, 1, 1, cwd=work.path)
    assert done.returncode != 0
    assert re.search(rf'{re.escape(str(work.config))}:2:3: \S+', done.stderr), done.stderr


def test_a_library_of_another_abi_is_refused_before_all_else(work, host):
    if host.language == 'go':
        # it is linked with the library: the loader refuses one whose names are of another version
        needed = subprocess.run(['readelf', '-V', *host.front_end], check=True, capture_output=True, text=True).stdout
        assert 'Name: EPPTAP_1 ' in needed
        return
    source = work.path / 'other.c'
    source.write_text('unsigned epptap_abi(void);\nunsigned epptap_abi(void)\n{\n\treturn 2;\n}\n')
    other = compiled(work.path / 'other.so', source, '-shared', '-fPIC')
    done = host.run(host.front_end, other, work.config, 1, 1, cwd=work.path)
    assert done.returncode != 0
    assert f'{other}: its ABI is version 2; this file needs 1' in done.stderr


def _framed(*shown):
    return b''.join(struct.pack('>I', len(frame) + 4) + frame for frame in shown)


def _write_frames(folder):
    """What a walk shows."""
    for number in range(1, 5):
        command, response = update_frames(f'walk-{number}.example', number)
        (folder / f'{number}.command').write_bytes(command)
        (folder / f'{number}.response').write_bytes(response)
    (folder / 'server').write_bytes(frames.registrys_change('walk-6.example', ['ns1.hoster.example'], svtrid='S-6').encode())
    login = (b'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login><clID>ClientZ</clID><pw>made-up</pw><options>'
             b'<version>1.0</version><lang>en</lang></options><svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs>'
             b'</login></command></epp>')
    greeting = b'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting><svID>Registry</svID></greeting></epp>'
    command, response = update_frames('walk-5.example', 5)
    (folder / 'client').write_bytes(_framed(login, command))
    (folder / 'server-greeting').write_bytes(_framed(greeting))
    (folder / 'server-responses').write_bytes(_framed(success('S-login'), response))


def test_a_walk_through_all_calls(work, host, guest):
    """All languages print the same, and the feed is the same: in words of the library, in exceptions of the language."""
    _write_frames(work.path)
    good = work.config.read_text()
    (work.path / 'good.yaml').write_text(good)
    (work.path / 'bad.yaml').write_text(good.replace('"registry"', '"registrar"'))
    done = host.run(host.walk, built('epptap.so'), guest, work.path, cwd=work.path)
    strerror = _load(built('epptap.so')).epptap_strerror
    einval, efork = strerror(-1).decode(), strerror(-4).decode()
    wrong = re.search(r':2:3: (.*)', done.stdout)
    assert wrong, done.stdout + done.stderr
    printed = [f'forked -4 {efork}' if line == 'forked -4' else line for line in done.stdout.splitlines()]
    assert [re.sub('^(again -5) .+', r'\1', line) for line in printed] == [
        f'open -2 {work.path}/bad.yaml:2:3: {wrong[1]}',
        f'version {_load(built("epptap.so")).epptap_version().decode()}',
        'again -5',
        f'ended -1 {einval}',
        f'empty -1 {einval}',
        f'stream -1 {einval}',
        'changes 5 given up 1 streams 0',
        f'reload -2 {work.config}:2:3: {wrong[1]}',
        'guest same',
        f'forked -4 {efork}',
        'child 0',
        f'closed -1 {einval}',
        'guest same',
    ], done.stderr
    assert done.returncode == 0, done.stderr
    lines = _feed(work, 5)
    assert txns_in(lines) == ['S-1', 'S-2', 'S-3', 'S-6', 'S-5']
    assert [next(iter(line['event']['events'].values())).get('registrar') for line in about_names(lines)] == [
        'ClientX', None, 'ClientY', None, 'ClientZ']


def test_a_host_may_end_without_a_close(work, host, guest):
    (work.path / '1.command').touch()
    for _ in range(5):
        done = host.run(host.walk, built('epptap.so'), guest, work.path, 'leave', cwd=work.path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('language', LANGUAGES)
def test_a_binding_has_every_call(language):
    exported = re.findall(r'epptap_(\w+);', (REPOSITORY / 'plugin' / 'epptap.map').read_text())
    text = (FFI / language / BINDINGS[language]).read_text()
    assert [name for name in exported if not re.search(rf'(\bepptap_|[\'" ]){name}\b', text)] == []


def test_what_php_reads_is_what_the_header_declares():
    header = subprocess.run(['cc', '-E', '-P', REPOSITORY / 'plugin' / 'epptap.h'], check=True, capture_output=True,
                            text=True).stdout
    _, declared = re.split(r'enum epptap_result \{[^}]*\};', header)
    (read,) = re.findall(r"<<<'C'\n(.*)\nC;", (FFI / 'php' / 'epptap.php').read_text(), re.S)
    assert read.split() == declared.split()

"""Guest manners: front ends in C (guest/) look whether the plugin leaves alone what is not its own, fork, end without a close,
are denied system calls, or live in another root folder. In both ways to publish, where that differs."""
import concurrent.futures
from errno import EAFNOSUPPORT, ENOSYS, EPERM
import os
import pathlib
import re
import shutil
import signal
from socket import AF_NETLINK
import subprocess

import pytest

from between import LOOKS, package_flags
from harness import (REPOSITORY, Tap, about_names, built, compiled, epptapctl, feed_dump, gaps_in, txns_in, wait_until)

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')), reason='these hosts do not load the sanitizers')

GUEST = pathlib.Path('guest')
PUBLISHERS = ['embedded', 'process']
WALKED = {f'S-{number}' for number in [*range(41), 41, 42]}  # host_walk() of guest/host.c
CHILDREN, CHANGES = 30, 1500
# Others' libraries do these, and there is no way to have them not do it: libnorm, below libzmq, is of C++ and has things to
# take down at exit; libzmq asks for the next number of rand().
OTHERS = {'__cxa_atexit by libnorm.so.1', '__cxa_atexit by libstdc++.so.6', '__cxa_atexit by libzmq.so.5', 'rand by libzmq.so.5'}


@pytest.fixture(scope='session')
def hosts(tmp_path_factory):
    """The front ends, compiled: their paths by name."""
    folder = tmp_path_factory.mktemp('hosts')
    here = REPOSITORY / 'conformance' / 'guest'
    common = [here / 'host.c', '-D_GNU_SOURCE', '-pthread', '-ldl', '-O0', '-Wno-deprecated-declarations']
    more = {'manners': [*LOOKS, here / 'watch.c', '-rdynamic', '-fno-builtin', '-lm', *package_flags('libxml-2.0', 'libcrypto')],
            'busy': package_flags('libxml-2.0', 'openssl'), 'forks': [], 'leaves': package_flags('openssl'), 'denied': []}
    with concurrent.futures.ThreadPoolExecutor() as several:
        return dict(zip(more, several.map(lambda name: compiled(folder / name, GUEST / f'{name}.c', *common, *more[name]), more)))


@pytest.fixture(params=PUBLISHERS)
def published(request, work):
    """A work folder for each way to publish, with what host_walk() needs."""
    work.write_config(publisher=request.param)
    _write_walk(work)
    return work


def _write_walk(work):
    good = work.config.read_text()
    (work.path / 'good.yaml').write_text(good)
    (work.path / 'bad.yaml').write_text(good.replace('"registry"', '"registrar"'))


def _run(*command, seconds=60, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds, **options)


def _feed(work, enough):
    """What was published once the state directory was opened by one that publishes, when enough(lines) is true."""
    work.write_config()
    return _published(work, enough)


def _published(work, enough):
    with Tap(work.config):
        return wait_until('all is published', lambda: (
            lambda lines: lines if enough(lines) else None)(feed_dump(work.config, 'vetted')), seconds=30, every=0.1)


def _is_embedded(work):
    return 'embedded' in work.config.read_text()


def _said(text):
    """What was said besides the warning that an embedded publisher is not for production."""
    return [line for line in text.splitlines() if not line.startswith('epptap: warning: publisher: embedded')]


@pytest.mark.parametrize('uses', ['uses both libraries', 'bare'])
def test_nothing_of_the_process_is_changed(hosts, published, uses):
    """Signals, masks, locale, umask, environment, limits, timers, streams, descriptors; libxml2's and OpenSSL's globals, in
    old and new threads: with the tap open as before, and after; and nobody changed and put back any."""
    more = ['bare'] if uses == 'bare' else []
    done = _run(hosts['manners'], built('epptap.so'), published.path, *more)
    assert done.returncode == 0, done.stderr
    seen = done.stdout.splitlines()
    assert [line for line in seen if line not in OTHERS] == [
        'open: there are threads of its own, 0 of them take signals',
        'closed: no threads of its own, 0 of them take signals']
    assert _is_embedded(published) or not OTHERS & set(seen)
    assert _said(done.stderr) == []
    lines = _feed(published, lambda seen: len(about_names(seen)) >= len(WALKED))
    assert set(txns_in(lines)) == WALKED
    assert len(gaps_in(lines)) == 1  # the walk shows a frame that is none


def test_what_is_changed_would_be_seen(hosts, work):
    """By a plugin that changes all sorts of things when it is opened."""
    work.write_config(publisher='process')
    _write_walk(work)
    rude = compiled(work.path / 'rude.so', GUEST / 'rude.c', '-shared', '-fPIC', '-D_GNU_SOURCE', '-Wl,--no-as-needed',
                    built('epptap.so'), f'-Wl,-rpath,{built("epptap.so").parent}', *package_flags('libxml-2.0', 'libcrypto'))
    done = _run(hosts['manners'], rude, work.path)
    assert done.returncode == 0, done.stderr
    for seen in ['"signal 13: ', '"locale: ', '"Umask:', '"OF_OURS=1" became "OF_OURS=no more"', '"xml errors: ', '"xml defaults: ',
                 '"openssl errors: ']:
        assert f'after it was closed: {seen}' in done.stdout, done.stdout
    assert re.search(r'^after it was closed: "nothing" became "descriptor \d+: /dev/null"$', done.stdout, re.M) or \
        re.search(r'^after it was closed: "descriptor .* became "descriptor \d+: /dev/null"$', done.stdout, re.M), done.stdout
    assert re.search(r'^closed: there are threads of its own, [1-9]\d* of them take signals$', done.stdout, re.M)
    assert set(done.stdout.splitlines()) >= {f'{name} by rude.so' for name in
                                             ['signal', 'umask', 'setlocale', 'setenv', 'unsetenv', '__cxa_atexit']}


def test_a_host_uses_libxml2_and_openssl_at_the_same_time(hosts, published):
    done = _run(hosts['busy'], built('epptap.so'), published.config, CHANGES)
    assert done.returncode == 0, done.stderr
    parsed, signed = map(int, done.stdout.split())
    assert parsed > 0 and signed > 0
    lines = _feed(published, lambda seen: len(about_names(seen)) >= CHANGES)
    assert txns_in(lines) == [f'S-{number}' for number in range(CHANGES)]
    assert gaps_in(lines) == []


def test_a_host_forks_with_the_tap_open(hosts, published):
    """From two threads, under load and a timer's signals. A child may open the state directory for itself."""
    done = _run(hosts['forks'], built('epptap.so'), published.config, CHILDREN, 'anew')
    assert done.returncode == 0, done.stderr
    assert _said(done.stderr) == []
    shown = int(done.stdout)
    lines = _feed(published, lambda seen: len(about_names(seen)) >= shown + 1)
    txns = txns_in(lines)
    txns.remove('S-1000000')
    assert txns == [f'S-{number}' for number in range(shown)]
    assert gaps_in(lines) == []


@pytest.mark.parametrize('way', ['return', 'exit', '_exit', 'quick_exit', 'exit in a thread', "main's thread", 'unload', 'SIGTERM',
                                 'OPENSSL_cleanup'])
def test_a_host_ends_without_a_close(hosts, published, way):
    """At once, without a crash, and with all that a flush waited for; what followed is told as a crash, if it is missing."""
    done = _run(hosts['leaves'], built('epptap.so'), published.config, way, seconds=20)
    assert done.returncode == (-signal.SIGTERM if way == 'SIGTERM' else 0), done.stderr
    # when OpenSSL is taken down, at exit, what would be signed just then is left in the spool
    said = [line for line in _said(done.stderr) if not line.endswith(('tried again', 'trying again', "can't be read"))]
    assert said == []
    wanted = [f'S-{number}' for number in range(50)]
    closed = way == "main's thread"
    lines = _feed(published, lambda seen: set(wanted) <= set(txns_in(seen)) and (closed or gaps_in(seen)))
    assert [txn for txn in txns_in(lines) if txn in wanted] == wanted
    assert [gap['reason'] for gap in gaps_in(lines)] == ([] if closed else ['crash'])


@pytest.mark.skipif(not shutil.which('valgrind'), reason='valgrind is not installed')
def test_valgrind_finds_nothing(hosts, published):
    """No invalid access, no use of what was not set, nothing left behind, from open to close. A feed store of 64 GiB is more
    than valgrind can map."""
    published.write_config(publisher='embedded' if _is_embedded(published) else 'process', store={'limit': '64MiB'},
                           capture={'queue': '4MiB', 'streams': '4MiB'})
    _write_walk(published)
    done = _run('valgrind', '-q', '--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
                '--error-exitcode=9', hosts['manners'], built('epptap.so'), published.path, 'bare', seconds=120)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith('==')] == []


# System calls that a tap makes from its open to its close, and what is said if the kernel denies one.
NEEDED = set('''openat close read write lseek newfstatat mkdir unlink fsync fdatasync fcntl getdents64 getrandom mmap munmap
                mprotect futex rseq rt_sigprocmask clock_nanosleep getpid geteuid'''.split())
TO_PUBLISH = set('''rename fchmod pread64 pwrite64 writev ftruncate poll eventfd2 epoll_create1 epoll_ctl epoll_wait
                    sched_getscheduler sched_getparam sched_setscheduler socket bind listen accept4 setsockopt getsockname sendto
                    recvfrom recvmsg'''.split())
WANTED = {'rename': 'epptapctl status', 'fchmod': 'epptapctl status', 'statfs': 'network file system'}
IN_OTHER_WORDS = {'madvise': 'madvise()', 'clone3': 'clone3()'}
# nobody misses these: the C library does without, or they are for lines of the log
MISSED_BY_NOBODY = set('''poll set_robust_list clone prctl access uname sched_getaffinity rt_sigpending rt_sigtimedwait
                          rt_sigaction prlimit64 ioctl fstatfs gettid clock_gettime sysinfo inotify_init1 inotify_add_watch'''.split())
# The front end's own: its malloc() can't be without brk(), its end without exit().
OF_THE_HOST = set('brk exit exit_group seccomp execve wait4 arch_prctl set_tid_address rt_sigreturn getppid restart_syscall'.split())


@pytest.fixture(scope='session')
def numbers():
    """The numbers of this machine's system calls, by name."""
    found = subprocess.run(['cc', '-E', '-dM', '-include', 'sys/syscall.h', '-'], input='', check=True, capture_output=True,
                           text=True).stdout
    return dict(re.findall(r'#define __NR_(\w+) (\d+)\b', found))


def _denied(hosts, work, number, error, *more):
    for folder in (work.state_dir, work.path / 'log'):
        shutil.rmtree(folder, ignore_errors=True)
    done = _run(hosts['denied'], built('epptap.so'), work.config, '--deny', number, error, *more)
    if 'could not be set up' in done.stderr:
        pytest.skip('this kernel takes no filter of system calls')
    return done


def _told(work, name, done):
    """What is wrong with how it was told that a call is denied; None: nothing."""
    said, warned = done.stdout, '\n'.join(_said(done.stderr))
    if done.returncode != 0 or not said.endswith('closed\n'):
        return 'the front end was harmed'
    refused = NEEDED | (TO_PUBLISH if _is_embedded(work) else set())
    if name in refused:
        words = rf'open -6 this process may not call {name}\(\): \w.*; .+\. Allow it in the filter of system calls '
        return None if re.match(words, said) else 'refused'
    if name in IN_OTHER_WORDS:
        return None if re.match(r'open -[67] ', said) and IN_OTHER_WORDS[name] in said else 'refused in other words'
    if 'open 0 \n' not in said or 'flush 0\n' not in said or 'reload 0 \n' not in said:
        return 'not missed'
    if name in WANTED:
        return None if f'may not call {name}()' in warned and WANTED[name] in warned else 'warned'
    return None if warned == '' else 'warned of nothing'


@pytest.mark.parametrize('error', [EPERM, ENOSYS], ids=['EPERM', 'ENOSYS'])
def test_what_a_filter_of_system_calls_denies_is_told(hosts, published, numbers, error):
    """Each in turn: the front end lives, and is told which is missing; or nothing is missing."""
    names = NEEDED | TO_PUBLISH | MISSED_BY_NOBODY | set(WANTED) | set(IN_OTHER_WORDS)
    if error == ENOSYS:  # for clone3() the C library then falls back to clone(); of an embedded one, what that has besides
        names = TO_PUBLISH if _is_embedded(published) else names - {'clone3'}
    wrong = {}
    for name in sorted(names & set(numbers)):
        done = _denied(hosts, published, numbers[name], error)
        found = _told(published, name, done)
        if found:
            wrong[name] = (found, done.stdout[:500], done.stderr)
    assert wrong == {}


def test_a_family_of_sockets_is_denied(hosts, work, numbers):
    """As systemd's RestrictAddressFamilies= does: libzmq would end the process without netlink."""
    work.write_config(publisher='embedded')
    done = _denied(hosts, work, numbers['socket'], EAFNOSUPPORT, 0, '=', AF_NETLINK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('open -6 this process may not call socket() of netlink: ')


@pytest.mark.parametrize('name', ['write', 'fdatasync'])
def test_a_filter_comes_when_the_tap_is_open(hosts, work, numbers, name):
    """The changes wait, as on a full disk, and the log says why. (An embedded publisher is not for such a front end.)"""
    work.write_config(publisher='process')
    # syslog's socket takes the place of stderr where nothing can be written
    done = _denied(hosts, work, numbers[name], EPERM, '--later')
    assert done.returncode == 0, done.stderr
    assert 'open 0 \nshow 0\nshow 0\nshow 0\nstream 0\nflush -8\nstats 0 ' in done.stdout
    assert done.stdout.endswith('reload 0 \nclosed\n')
    if name == 'fdatasync':
        assert "the spool can't be written: Operation not permitted; changes wait in the queue" in done.stderr
        assert 'a filter of system calls (seccomp) denies' in done.stderr
        assert 'closed with 4 commands that could not be made durable' in done.stderr


def test_each_system_call_is_one_of_these(hosts, published):
    """So that one that is new is tried, too."""
    trace = published.path / 'trace'
    if not shutil.which('strace') or _run('strace', '-o', '/dev/null', 'true').returncode != 0:
        pytest.skip('processes may not be traced here')
    done = _run('strace', '-f', '-qq', '-o', trace, hosts['denied'], built('epptap.so'), published.config)
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(errors='replace').splitlines()
    forked = next(number for number, line in enumerate(lines) if re.search(r' clone3?\(|\bfork\(', line))
    made = set(re.findall(r'^\d+ +(\w+)\(', '\n'.join(lines[forked + 1:]), re.M))
    assert made - OF_THE_HOST - NEEDED - TO_PUBLISH - MISSED_BY_NOBODY - set(WANTED) - set(IN_OTHER_WORDS) == set()


@pytest.fixture
def jail(work):
    """A root folder for a front end: keys lie in /keys, the config is /epptap.yaml."""
    if os.geteuid() != 0:
        pytest.skip('only root may change the root folder')
    root = work.path / 'jail'
    shutil.copytree(work.keys, root / 'keys')
    return root


def _jailed(hosts, work, root, **top):
    """Runs the front end in there, where all paths are the jail's."""
    work.write_config(**top)
    text = work.config.read_text().replace(f'"{work.path}/', '"/')
    (root / 'epptap.yaml').write_text(text)
    return _run(hosts['denied'], built('epptap.so'), '/epptap.yaml', '--chroot', root)


def test_in_another_root_folder_without_the_config(hosts, work, jail):
    done = _run(hosts['denied'], built('epptap.so'), work.config, '--chroot', jail)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"open -2 {work.config}: can't be read: No such file or directory; name a file that ")


def test_in_another_root_folder_without_the_publisher(hosts, work, jail):
    done = _jailed(hosts, work, jail)
    assert done.returncode == 0, done.stderr
    assert re.match(r'open -2 `publisher: embedded` needs epptap-publisher.so beside epptap.so, and its libraries, within the root .*: '
                    r'.*epptap-publisher.so: .*No such file', done.stdout)


def _with_the_publisher(jail):
    """epptap-publisher.so and what it needs, where they are outside."""
    library = built('epptap-publisher.so')
    for path in [library, *re.findall(r'=> (/\S+)', _run('ldd', library).stdout)]:
        inside = jail / str(path).lstrip('/')
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, inside)


def test_in_another_root_folder_with_the_publisher(hosts, work, jail):
    """It publishes from in there, without /proc and /dev."""
    _with_the_publisher(jail)
    done = _jailed(hosts, work, jail)
    assert done.returncode == 0, done.stderr
    assert 'open 0 \nshow 0\nshow 0\nshow 0\nstream 0\nflush 0\n' in done.stdout, done.stdout + done.stderr
    assert _said(done.stderr) == [] and (jail / 'log' / 'vetted' / 'feed.json').exists()
    work.config.write_text(work.config.read_text().replace(f'"{work.path}/', f'"{jail}/'))
    assert txns_in(_published(work, lambda seen: len(about_names(seen)) >= 4)) == ['S-0', 'S-1', 'S-2', 'S-3']


def test_in_another_root_folder_without_a_library_of_the_publishers(hosts, work, jail):
    _with_the_publisher(jail)
    library, = jail.rglob('libzmq.so.*')
    library.unlink()
    done = _jailed(hosts, work, jail)
    assert done.returncode == 0, done.stderr
    assert re.match(r'open -2 `publisher: embedded` needs epptap-publisher.so .*, and its libraries, within the root folder .*: '
                    rf'{library.name}: .*No such file', done.stdout)


def test_in_another_root_folder_where_the_state_dir_can_not_be_made(hosts, work, jail):
    (jail / 'state').write_text('')
    done = _jailed(hosts, work, jail, publisher='process')
    assert done.returncode == 0, done.stderr
    assert re.match(r'open -6 state_dir /state: Not a directory; it must be a folder', done.stdout)


def test_in_another_root_folder_without_proc(hosts, work, jail):
    """Nothing else is missing: all is taken, and who publishes outside tells it."""
    done = _jailed(hosts, work, jail, publisher='process')
    assert done.returncode == 0, done.stderr
    assert 'open 0 \nshow 0\nshow 0\nshow 0\nstream 0\nflush 0\n' in done.stdout and _said(done.stderr) == []
    work.write_config(state_dir=str(jail / 'state'))
    epptapctl('check', work.config)
    lines = _published(work, lambda seen: len(about_names(seen)) >= 4)
    assert txns_in(lines) == ['S-0', 'S-1', 'S-2', 'S-3']
    assert gaps_in(lines) == []

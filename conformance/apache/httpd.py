"""Apache httpd as a process of a test: a configuration of its own in a temporary folder, ports of its own, no root.

mod_testepp.c is the EPP registry in it. As root, unprivileged() makes this process, and all that it starts, somebody else's.
"""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import harness
from harness import free_port, wait_until

PROGRAM = shutil.which('apache2', path=os.pathsep.join([os.environ.get('PATH', ''), '/usr/sbin']))
BUILT = ['epptap.so', 'epptap-publisher.so', 'epptapd', 'epptapctl', 'mod_epptap.so', 'mod_testepp.so']
CHILDREN = {  # few, but several; and no more than serve one test
    'prefork': ['StartServers 3', 'MinSpareServers 2', 'MaxSpareServers 20', 'MaxRequestWorkers 40'],
    'worker': ['StartServers 2', 'ThreadsPerChild 8', 'MinSpareThreads 8', 'MaxSpareThreads 32', 'MaxRequestWorkers 32'],
    'event': ['StartServers 2', 'ThreadsPerChild 8', 'MinSpareThreads 8', 'MaxSpareThreads 32', 'MaxRequestWorkers 32'],
}


def modules_folder():
    """Where the server's own modules are, as apxs says; None without it."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return pathlib.Path(subprocess.run(['apxs', '-q', 'LIBEXECDIR'], check=True, capture_output=True,
                                           text=True).stdout.strip())
    return None


@contextlib.contextmanager
def unprivileged():
    """Within it, a root's process is nobody's: Apache does not serve as root, and what others make is not for its children.
    A folder is yielded, gone at the end. The built files are taken from a copy in it, for that of a root may be hidden."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='epptap-apache-'))
    build, groups = harness.BUILD, os.getgroups()
    user = pwd.getpwnam('nobody') if os.geteuid() == 0 else None
    try:
        (folder / 'built').mkdir()
        for name in BUILT:
            shutil.copy(harness.built(name), folder / 'built')
        harness.BUILD = folder / 'built'
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
            os.chown(folder / 'built', user.pw_uid, user.pw_gid)
            os.setgroups([])
            os.setresgid(user.pw_gid, user.pw_gid, 0)
            os.setresuid(user.pw_uid, user.pw_uid, 0)
        yield folder
    finally:
        if user:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
            os.setgroups(groups)
        harness.BUILD = build
        shutil.rmtree(folder, ignore_errors=True)


class Host:
    """A virtual host with a port of its own. epp=False: plain HTTP's. `lines` are directives."""

    def __init__(self, *lines, epp=True, tls=True, port=None):
        self.lines, self.epp, self.tls = list(lines), epp, tls
        self.port = port or free_port()
        self.address = ('127.0.0.1', self.port)

    def section(self, folder):
        lines = ['TestEPP on'] if self.epp else [f'DocumentRoot {folder}']
        if self.tls:
            lines += ['SSLEngine on', f'SSLCertificateFile {folder}/cert.pem', f'SSLCertificateKeyFile {folder}/key.pem']
        return [f'<VirtualHost 127.0.0.1:{self.port}>', *lines, *self.lines, '</VirtualHost>']


class Httpd:
    """The server. A context manager: SIGTERM at its end, and it must end by itself. `lines` are directives of the main server,
    `under` what it is run by."""

    def __init__(self, folder, mpm, *hosts, lines=(), module=True, start=True, under=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.error_log, self.hosts, self.mpm, self.process = self.folder / 'error.log', hosts, mpm, None
        self.lines, self.under = list(lines), under
        harness.make_certificate(self.folder)
        (self.folder / 'index.html').write_text('plain HTTP\n')
        self.write_config(module)
        if start:
            self.start()

    def write_config(self, module=True):
        modules = modules_folder()
        loads = [f'LoadModule mpm_{self.mpm}_module {modules}/mod_mpm_{self.mpm}.so',
                 f'LoadModule authz_core_module {modules}/mod_authz_core.so',
                 f'LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so',
                 f'LoadModule ssl_module {modules}/mod_ssl.so',
                 f'LoadModule testepp_module {harness.built("mod_testepp.so")}']
        if module:
            loads.append(f'LoadModule epptap_module {harness.built("mod_epptap.so")}')
            loads.append(f'EPPTapLibrary {harness.BUILD / "epptap.so"}')
        # AcceptFilter: without TLS nobody but the server begins to speak, and the kernel must not wait for the client
        text = [f'ServerRoot {self.folder}', f'DefaultRuntimeDir {self.folder}', f'PidFile {self.folder}/httpd.pid', *loads,
                'ServerName localhost', f'ErrorLog {self.error_log}', 'LogLevel info', 'Timeout 60', 'SSLSessionCache none', 'AcceptFilter http none',
                *CHILDREN[self.mpm], *self.lines]
        text += [f'Listen 127.0.0.1:{port}' for port in sorted({host.port for host in self.hosts})]
        for host in self.hosts:
            text += host.section(self.folder)
        self.config = self.folder / 'httpd.conf'
        self.config.write_text('\n'.join(text) + '\n')

    def test_config(self):
        """As `apachectl configtest`: the finished process."""
        return subprocess.run([PROGRAM, '-t', '-f', self.config], capture_output=True, text=True, timeout=60)

    def start(self):
        # in a process group of its own: when the server ends, it ends its group
        with open(self.folder / 'said.txt', 'ab') as said:
            self.process = subprocess.Popen([*self.under, PROGRAM, '-f', self.config, '-DFOREGROUND'], stdout=said, stderr=said,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        wait_until('Apache is up', self._is_up)

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f'Apache ended with {self.process.returncode}: {(self.folder / "said.txt").read_text()}'
                                 f'{self.log()}')
        return 'resuming normal operations' in self.log() and self.children()

    def log(self):
        return self.error_log.read_text(errors='replace') if self.error_log.exists() else ''

    def told(self, level):
        """The lines of the error log that are of this level of our module."""
        return [line for line in self.log().splitlines() if f'[epptap:{level}]' in line]

    def children(self):
        return list(map(int, pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()))

    def graceful(self):
        """A graceful restart; returns when new children are there."""
        before = self.log().count('resuming normal operations')
        self.process.send_signal(signal.SIGUSR1)
        wait_until('it has restarted', lambda: self.log().count('resuming normal operations') > before)

    def stop(self, seconds=30):
        """SIGTERM; fails if it does not end by itself, with all children."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f'Apache did not end: {self.log()[-3000:]}') from None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def child_status(self, pid, *names):
        """Lines of /proc/PID/status, by name."""
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return {name: re.search(rf'^{name}:\s*(.*)$', text, re.M)[1] for name in names}

    def maps(self, pid):
        return pathlib.Path(f'/proc/{pid}/maps').read_text()


def tapped(work, *lines, **options):
    """A host whose connections go to `work`'s tap."""
    return Host(f'EPPTap {work.config}', *lines, **options)

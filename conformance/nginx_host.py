"""nginx as a registry would put it before its EPP server: it ends TLS, passes on to a back end, and has the tap in it.

The nginx is the system's, or the one that etc/install-deps unpacked: of one version with the headers that the module was
built with. It runs as this user, out of a folder of its own.
"""
import contextlib
import itertools
import os
import pathlib
import re
import signal
import subprocess

from harness import BUILD, REPOSITORY, EppClient, free_port, is_gone, make_certificate, wait_until

MODULE = BUILD / 'ngx_stream_epptap_module.so'
STREAM_MODULE = 'usr/lib/nginx/modules/ngx_stream_module.so'
ROOTS = [root for root in map(pathlib.Path, (REPOSITORY / 'build' / 'tools' / 'nginx', '/'))
         if (root / STREAM_MODULE).exists() and (root / 'usr/sbin/nginx').exists()]
PROGRAM = ROOTS[0] / 'usr/sbin/nginx' if ROOTS else None


def absent():
    """What is not there of what this needs; None if all is."""
    if not ROOTS:
        return 'nginx with its stream module (Debian: nginx, libnginx-mod-stream) is not there'
    if not MODULE.exists():
        return f'{MODULE} is not built: run `make nginx`'
    return None


class Server:
    """A `server` of stream: where it listens, where it passes on to, and what else stands in it."""

    def __init__(self, back_end, *directives, tap=None, listen='ssl', port=None):
        self.port, self.back_end, self.tap = port or free_port(), f'{back_end[0]}:{back_end[1]}', str(tap)
        self.directives = [f'listen 127.0.0.1:{self.port} {listen};', f'proxy_pass {self.back_end};', *directives]
        if tap:
            self.directives.append(f'epptap {tap};')

    @property
    def address(self):
        return '127.0.0.1', self.port

    def __str__(self):
        return 'server {\n' + ''.join(f'        {line}\n' for line in self.directives) + '    }'


class Nginx:
    """nginx with servers; `library` is what epptap_library names, `more` what else stands in nginx.conf, `under` what it is
    run by. A context manager: ended at once at its end. It is a daemon, as in production: only then it obeys SIGWINCH."""

    def __init__(self, folder, servers, workers=2, library=BUILD / 'epptap.so', module=MODULE, more='', under=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.servers, self.workers, self.library, self.module = servers, workers, library, module
        self.more, self.under = more, under
        self.pid_file = self.folder / 'nginx.pid'
        self.error_log = self.folder / 'error.log'
        self.seen = set()  # processes, to see that none is left
        make_certificate(self.folder)
        self.write_config()
        self._run().check_returncode()
        wait_until('nginx has workers', lambda: self.pid_file.exists() and len(self.worker_pids()) >= workers, seconds=30)

    def write_config(self):
        tap = [f'load_module {self.module};'] if self.module else []
        library = [f'epptap_library {self.library};'] if self.module and self.library else []
        lines = [f'load_module {ROOTS[0] / STREAM_MODULE};', *tap, *(['user root;'] if os.geteuid() == 0 else []),
                 f'worker_processes {self.workers};', f'pid {self.pid_file};', f'error_log {self.error_log} info;',
                 'events { worker_connections 512; }', 'stream {', *library, f'ssl_certificate {self.folder}/cert.pem;',
                 f'ssl_certificate_key {self.folder}/key.pem;', 'proxy_timeout 1h;', *map(str, self.servers), '}', self.more]
        (self.folder / 'nginx.conf').write_text('\n'.join(lines) + '\n')

    def _run(self, *options):
        return subprocess.run([*self.under, PROGRAM, '-p', f'{self.folder}/', '-e', self.error_log, '-c',
                               self.folder / 'nginx.conf', *options], capture_output=True, text=True, timeout=60)

    def test_config(self):
        """nginx -t: the finished process."""
        return self._run('-t')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for master in self.masters():
            with contextlib.suppress(OSError):
                os.kill(master, signal.SIGTERM)
        self.wait_gone()

    def wait_gone(self):
        wait_until('nginx is gone', lambda: all(map(is_gone, self.seen)), seconds=30)

    def master(self):
        """The process that the pid file names."""
        pid = int(self.pid_file.read_text())
        self.seen.add(pid)
        return pid

    def masters(self):
        """The same, and that of the binary before an upgrade."""
        return [int(path.read_text()) for path in self.folder.glob('nginx.pid*') if path.read_text().strip()]

    def titles(self, master=None):
        """A master's processes, each with what it calls itself."""
        found = {}
        with contextlib.suppress(OSError, ValueError):
            master = master or self.master()
            for pid in pathlib.Path(f'/proc/{master}/task/{master}/children').read_text().split():
                with contextlib.suppress(OSError):  # it has just ended
                    found[int(pid)] = pathlib.Path(f'/proc/{pid}/cmdline').read_text()
        self.seen.update(found)
        return found

    def worker_pids(self, master=None):
        """The workers of a master, those too that drain. Under another program they can't say so: then all children."""
        return [pid for pid, title in self.titles(master).items() if 'nginx: worker' in title or self.under]

    def draining(self, master=None):
        return [pid for pid, title in self.titles(master).items() if 'nginx: worker process is shutting down' in title or self.under]

    def worker_of(self, client):
        """The worker that has a client's connection."""
        end = f':{client.socket.getsockname()[1]:04X}'

        def look():
            ours = {f'socket:[{line.split()[9]}]' for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()
                    if line.split()[2].endswith(end)}
            for pid in itertools.chain(*map(self.worker_pids, self.masters())):
                with contextlib.suppress(OSError):
                    if ours & {os.readlink(link) for link in pathlib.Path(f'/proc/{pid}/fd').iterdir()}:
                        return pid
            return None
        return wait_until('a worker has the connection', look, seconds=30)

    def client(self, server=0):
        return EppClient(self.servers[server].address, timeout=60)

    def said(self):
        return self.error_log.read_text(errors='replace')

    def wait_said(self, pattern, seconds=30, times=1):
        wait_until(f'nginx says {pattern}', lambda: len(re.findall(pattern, self.said())) >= times, seconds)

    def reload(self):
        """SIGHUP; returns when new workers serve, and those before them drain or are gone."""
        before = set(self.worker_pids())
        os.kill(self.master(), signal.SIGHUP)

        def look():
            now = set(self.worker_pids())
            return len(now - before) >= self.workers and now & before <= set(self.draining())
        wait_until('the new workers are there, and the old ones drain', look, seconds=30)

    def upgrade(self):
        """A new binary takes over, as nginx's manual has it: USR2, WINCH, QUIT. The old master, which ends when its workers
        have; before, nginx does not obey the next upgrade."""
        old = self.master()
        os.kill(old, signal.SIGUSR2)

        def is_there():
            with contextlib.suppress(OSError, ValueError):  # for a moment there is no pid file, or it is empty
                return self.master() != old and len(self.worker_pids()) >= self.workers
        wait_until('the new master has workers', is_there, seconds=30)
        os.kill(old, signal.SIGWINCH)
        wait_until('the old workers drain', lambda: self.worker_pids(old) == self.draining(old), seconds=30)
        os.kill(old, signal.SIGQUIT)
        return old

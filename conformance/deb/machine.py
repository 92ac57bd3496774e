"""The machine that conformance/deb/run has made: commands run on it, and what was written on it.

Its lower layers are what was there before any package, its upper layer is all that has been written since: whatever is
in there after a purge was left by the packages.
"""
import fcntl
import filecmp
import os
import pathlib
import shutil
import signal
import socket
import stat
import struct
import subprocess

# What the system itself keeps of packages that came and went: its databases, logs and caches, and the users.
SYSTEMS_OWN = ('var/lib/dpkg/', 'var/log/', 'var/cache/', 'etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow', 'etc/.pwd.lock',
               'etc/ld.so.cache', 'usr/sbin/policy-rc.d', 'run/', 'tmp/', 'proc/', 'dev/')
ENVIRONMENT = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8', 'DEBIAN_FRONTEND': 'noninteractive'}


class Machine:
    def __init__(self, folder, lower):
        self.root = pathlib.Path(folder) / 'root'
        self.upper = pathlib.Path(folder) / 'upper'
        self.lower = [pathlib.Path(layer) for layer in lower.split(':')]
        self.started = []

    def path(self, name):
        """Where the machine's file of that absolute name is for us."""
        return self.root / name.lstrip('/')

    def run(self, *command, check=True, seconds=60, **more):
        """Runs a command to its end; the finished process, with all that it printed as stdout."""
        done = subprocess.run(['chroot', self.root, *command], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=seconds, **more)
        if check and done.returncode != 0:
            raise AssertionError(f'{" ".join(command)}: exit {done.returncode}: {done.stdout}')
        return done

    def says(self, *command, **more):
        return self.run(*command, **more).stdout

    def start(self, *command, **more):
        """Starts a command, which ends with the machine, or by stop()."""
        process = subprocess.Popen(['chroot', self.root, *command], env=ENVIRONMENT, text=True, start_new_session=True, **more)
        self.started.append(process)
        return process

    def stop(self, process, seconds=60):
        os.killpg(process.pid, signal.SIGTERM)
        return process.wait(seconds)

    def ps(self):
        """The programs that run on it, by their paths, each with what it maps. Only root's eyes see them all."""
        programs = []
        for process in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                exe, maps = os.readlink(process / 'exe'), (process / 'maps').read_text()
            except OSError:
                continue
            programs.append((exe, maps))
        return programs

    def written(self):
        """What the upper layer has that the machine had not before, or that is otherwise now: paths without the first slash.
        A folder counts if it was not there, and what was removed counts too."""
        changed = []
        for folder, folders, files in os.walk(self.upper):
            for name in folders + files:
                path = pathlib.Path(folder) / name
                inner = path.relative_to(self.upper)
                if not str(inner).startswith(SYSTEMS_OWN) and not self._is_as_before(path, inner):
                    changed.append(str(inner))
        return sorted(changed)

    def _is_as_before(self, path, inner):
        before = next((layer / inner for layer in self.lower if os.path.lexists(layer / inner)), None)
        status = path.lstat()
        removed = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
        if before is None or removed:
            return removed and before is None
        if stat.S_IFMT(before.lstat().st_mode) != stat.S_IFMT(status.st_mode):
            return False
        if stat.S_ISREG(status.st_mode):
            return filecmp.cmp(path, before, shallow=False)
        return not path.is_symlink() or os.readlink(path) == os.readlink(before)


def raise_loopback():
    """The network of the machine is its own: only the loopback, which is down at first."""
    with socket.socket() as any_socket:
        request = struct.pack('16sh14x', b'lo', 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)             # SIOCSIFFLAGS


def newer(package, folder, version):
    """The same package, built as if it were of a later version, with another sample configuration."""
    tree = folder / package.stem
    subprocess.run(['dpkg-deb', '-R', package, tree], check=True)
    control = tree / 'DEBIAN' / 'control'
    control.write_text(control.read_text().replace(f'Version: {version}\n', f'Version: {version}+1\n')
                       .replace(f'(= {version})', f'(= {version}+1)'))
    sample = tree / 'etc' / 'epptap' / 'epptap.yaml'
    if sample.exists():
        sample.write_text(sample.read_text() + '\n# A sample of a later version.\n')
    subprocess.run(['dpkg-deb', '-Znone', '--root-owner-group', '-b', tree, folder / f'newer-{package.name}'], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return folder / f'newer-{package.name}'

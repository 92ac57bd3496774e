"""What is broken: a registry's front end of some workers, the publisher, and who listens, in a throw-away folder.

A stage remembers of each run of a worker, from its start to its death, which lines of the journal are its own and how it
ended: by that the checks know what must be in the feed.
"""
import contextlib
import fcntl
import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from harness import REGISTRY, Epptapd, Refepp, Work
from subscriber import Subscriber, Verifier, key_of_pem

USERS = {'ClientA': 'password-a', 'ClientB': 'password-b'}
DELAY = {'create': '700ms', 'delete': '300ms', 'zones': {'prompt.example': {'create': '0s', 'delete': '0s'}}}
SMALL_DISK = '256m'
CLEAN, KILLED = 'clean', 'killed'


class Violation(Exception):
    """A promise that was not kept."""


class Run:
    """One life of a worker. `first` and `end` are places in its journal."""

    def __init__(self, first):
        self.first, self.end = first, None
        self.ended = None  # CLEAN or KILLED; None: it lives
        self.may_lose = False  # it could not write the spool for a while: what its queue had no room for is told as lost


class Worker:
    """A process of the front end, with a journal of its own, started again and again."""

    def __init__(self, stage, number, begins):
        self.stage, self.number = stage, number
        self.options = ('--begin',) if begins else ()
        self.folder = stage.work.path / f'worker-{number}'
        self.folder.mkdir()
        if number:
            for name in ('cert.pem', 'key.pem'):
                shutil.copy(stage.work.path / 'worker-0' / name, self.folder)
        self.journal = []
        self.read_bytes = 0
        self.runs = []
        self.process = None
        self.start()

    def start(self):
        self.read_journal()
        self.process = Refepp(self.folder, USERS, self.stage.work.config, options=self.options)
        self.runs.append(Run(len(self.journal)))

    @property
    def pid(self):
        return self.process.process.pid

    @property
    def lives(self):
        return self.runs[-1].ended is None

    def client(self):
        if not self.lives:
            raise ConnectionError('the worker is down')
        return self.process.client()

    def read_journal(self):
        """The journal's whole lines; those that were read before stay."""
        with contextlib.suppress(FileNotFoundError), open(self.folder / 'journal', 'rb') as file:
            file.seek(self.read_bytes)
            whole = file.read().rpartition(b'\n')
            self.read_bytes += len(whole[0]) + len(whole[1])
            self.journal += map(json.loads, whole[0].splitlines())
        return self.journal

    def _ended(self, how):
        self.runs[-1].ended = how
        self.runs[-1].end = len(self.read_journal())

    def kill(self):
        self.process.kill()
        self._ended(KILLED)

    def stop(self):
        """SIGTERM."""
        status = self.process.stop(seconds=30)
        if status != 0:
            raise Violation(f'worker {self.number} ended with {status}')
        self._ended(CLEAN)

    def check_lives(self):
        status = self.process.process.poll()
        if self.lives and status is not None:
            raise Violation(f'worker {self.number} ended by itself with {status}: '
                            f'{self.process.stderr_path.read_text(errors="replace")[-2000:]}')


class Stage:
    """A context manager. `plan` says what is on it: see plan()."""

    def __init__(self, path, plan):
        self.plan = plan
        self.work = Work(path)
        self.on_small_disk = False
        self.workers, self.daemon = [], None
        self.listener = None
        self.verifier = Verifier(key_of_pem(self.work.keys / 'event.pem'), REGISTRY)
        self.names = itertools.count()
        self.killed_daemons = set()  # ids of epptapd's processes that we killed
        self.late = {}  # what was counted late, by the id of the process that published
        self.publisher_killed = False
        self.newborns = 0  # workers that were killed before they said that they listen

    def __enter__(self):
        plan, work = self.plan, self.work
        capture = {'durability': plan['durability'], 'wait_limit': '60s'}
        if plan['small_disk']:  # then the queue should fill, too
            capture.update(queue='1MiB', frame_limit='64KiB')
        work.write_config(delay=DELAY, capture=capture, reorder=plan['reorder'],
                          publisher='process' if plan['epptapd'] else 'embedded')
        try:
            if plan['small_disk']:
                work.state_dir.mkdir(mode=0o700)
                mount = ['mount', '-t', 'tmpfs', '-o', f'size={SMALL_DISK},mode=700', 'tmpfs', work.state_dir]
                self.on_small_disk = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
            if plan['epptapd']:
                self.daemon = Epptapd(work.config)
            for number in range(plan['workers']):
                self.workers.append(Worker(self, number, plan['begin']))
            self.listener = Subscriber(work.endpoint('public'))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Ends all that is left, whatever state it is in."""
        for pid in self.all_pids():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for worker in self.workers:
            worker.process.process.wait()
        if self.daemon:
            self.daemon.process.wait()
            self.daemon.manager.close()
        if self.listener:
            self.listener.close()
        if self.on_small_disk:
            subprocess.run(['umount', '--lazy', self.work.state_dir], check=True)
            self.on_small_disk = False

    # Who is who

    def all_pids(self):
        return [worker.pid for worker in self.workers if worker.process.process.poll() is None] + self.daemon_pids()

    def daemon_pids(self):
        """epptapd's processes, itself last."""
        if not self.daemon or self.daemon.process.poll() is not None:
            return []
        with contextlib.suppress(OSError):
            return [pid for pids in self.daemon.children().values() for pid in pids] + [self.daemon.process.pid]
        return [self.daemon.process.pid]

    def publisher_pid(self):
        """Who has the lock of the one that publishes; None: nobody."""
        with contextlib.suppress(OSError), open(self.work.state_dir / 'locks', 'rb') as locks:
            asked = struct.pack('hhqqi4x', fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
            kind, _, _, _, pid = struct.unpack('hhqqi4x', fcntl.fcntl(locks, fcntl.F_GETLK, asked))
            return pid if kind != fcntl.F_UNLCK else None
        return None

    def worker_of(self, pid):
        return next((worker for worker in self.workers if worker.lives and worker.pid == pid), None)

    # Death and life

    def kill_daemon(self, pid):
        """kill -9 of one of epptapd's processes."""
        self.note_late()
        self.publisher_killed |= pid in (self.publisher_pid(), self.daemon.process.pid)
        self.killed_daemons.add(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if pid == self.daemon.process.pid:
            self.daemon.process.wait()

    def kill_worker(self, worker):
        self.note_late()
        self.publisher_killed |= worker.pid == self.publisher_pid()
        worker.kill()

    def stop_worker(self, worker):
        """A clean end. Who publishes writes his last counters then, but a successor's are soon in their place."""
        self.note_late()
        publishes = worker.pid == self.publisher_pid()
        worker.stop()
        self.publisher_killed |= publishes and self.note_late() != worker.pid

    def kill_newborn(self, worker, seconds):
        """Starts a worker, and kills it so soon."""
        newborn = Refepp(worker.folder, USERS, self.work.config, options=worker.options, expect_ready=False)
        time.sleep(seconds)
        newborn.kill()
        self.newborns += 1

    def revive(self):
        for worker in self.workers:
            if not worker.lives:
                worker.start()
        if self.daemon and self.daemon.process.poll() is not None:
            if self.daemon.process.pid not in self.killed_daemons:
                raise Violation(f'epptapd ended by itself with {self.daemon.process.returncode}: {self.daemon.said()}')
            self.daemon.manager.close()
            self.daemon = Epptapd(self.work.config, expect_ready=False)

    def check_lives(self):
        """Nothing died but by our hand."""
        for worker in self.workers:
            worker.check_lives()
        for pid, number in re.findall(r'process (\d+), was ended by signal (\d+)', self.daemon.said() if self.daemon else ''):
            if int(pid) not in self.killed_daemons or int(number) != signal.SIGKILL:
                raise Violation(f'process {pid} of epptapd was ended by signal {number}: {self.daemon.said()}')

    # What is counted

    def note_late(self):
        """Reads the publisher's counter, written once a second; whose it was, or None."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            told = json.loads((self.work.state_dir / 'status' / 'publisher.json').read_text())
            self.late[told['pid']] = max(self.late.get(told['pid'], 0), told['publisher']['late'])
            return told['pid']
        return None

    def late_so_far(self):
        """Changes that were counted late."""
        self.note_late()
        return sum(self.late.values())

    def positions(self):
        """By channel, how far its log says that it is published."""
        return {channel: self.work.checkpoint(channel)[1] for channel in self.work.ports}


def plan(choice):
    """What a stage may look like."""
    apart = choice.random() < .5
    return {'epptapd': apart, 'workers': choice.choice([1, 1, 2, 2, 3, 4]),
            'durability': choice.choice(['batch', 'wait']), 'begin': choice.random() < .5,
            'reorder': choice.choice(['50ms', '1s']), 'small_disk': choice.random() < .5}

"""Processes that each have the tap open, as a prefork front end's workers do: forked from one parent that has not.

Workers(count) starts this file as a program, and gives a Worker for each child: it does what it is told, a JSON array a
line, and answers with a line. So a test can have several at work at once, kill one, or stop one.
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import Tap, success, update_frames, wait_until


def change(name, txn):
    """An update of `name`, answered with the svTRID `txn`."""
    return update_frames(name)[0], success(txn)


class WorkerError(Exception):
    """What went wrong in a worker, in its words."""


class Worker:
    """One child. ask() tells it what to do and waits for the answer; tell() does not, and hear() gets it later."""

    def __init__(self, connection):
        connection.settimeout(60)
        self.file = connection.makefile('rw')
        self.pid = self.hear()

    def tell(self, what, *arguments):
        self.file.write(json.dumps([what, *arguments]) + '\n')
        self.file.flush()

    def hear(self):
        line = self.file.readline()
        if not line:
            raise EOFError('the worker is gone')
        answer = json.loads(line)
        if 'error' in answer:
            raise WorkerError(answer['error'])
        return answer['ok']

    def ask(self, what, *arguments):
        self.tell(what, *arguments)
        return self.hear()

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """kill -9; returns when it is gone."""
        self.signal(signal.SIGKILL)
        self.wait_gone()

    def wait_gone(self):
        wait_until('the worker is gone', lambda: not pathlib.Path(f'/proc/{self.pid}').exists(), every=0.001)

    def is_stopped(self):
        return harness.is_stopped(self.pid)


class Workers(list):
    """A list of Worker. A context manager: those that live are continued and killed at its end. `opens_before` is a config
    that the parent opens before it forks. What they say on stderr is in `said`."""

    def __init__(self, folder, count, opens_before=None):
        super().__init__()
        self.said_path = pathlib.Path(folder) / f'workers-{time.monotonic_ns()}.txt'
        pairs = [socket.socketpair() for _ in range(count)]
        theirs = [pair[1].fileno() for pair in pairs]
        with open(self.said_path, 'wb') as said:
            self.parent = subprocess.Popen(
                [sys.executable, __file__, str(opens_before or ''), *map(str, theirs)], pass_fds=theirs, stderr=said)
        for ours, their in pairs:
            their.close()
            self.append(Worker(ours))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for worker in self:
            with contextlib.suppress(ProcessLookupError):
                worker.signal(signal.SIGCONT)
                worker.signal(signal.SIGKILL)
        self.parent.wait(10)

    @property
    def said(self):
        return self.said_path.read_text(errors='replace')

    def all(self, what, *arguments):
        """Tells all of them, and waits for all answers."""
        for worker in self:
            worker.tell(what, *arguments)
        return [worker.hear() for worker in self]


# The other side: what a worker does

class _Doer:
    def __init__(self, number, tap, tokens):
        self.number, self.tap, self.tokens = number, tap, tokens

    def open(self, config):
        self.tap = Tap(config)

    def close(self, drain_ms=2000):
        self.tap.close(drain_ms)

    def leave(self):
        """The end of a process that does not close."""
        os._exit(0)

    def leave_by_exit(self):
        """The end of a process that closes nothing, but runs what exit() runs."""
        sys.exit(0)

    def show(self, *arguments):
        return self.tap.transaction(*arguments, expect=None)

    def changes(self, prefix, count, registrar='ClientX', first=0, pause=0):
        """The results, each with how often."""
        results = [self.tap.transaction(*change(f'{prefix}.example', f'{prefix}-{number}'), registrar, expect=None)
                   for number in range(first, first + count) if not (pause and time.sleep(pause))]
        return {str(result): results.count(result) for result in set(results)}

    def until_full(self, prefix, registrar):
        """Shows changes until one is refused; how many were taken."""
        taken = 0
        while self.tap.transaction(*change(f'{prefix}.example', f'{prefix}-{taken}'), registrar, expect=None) == harness.OK:
            taken += 1
        return taken

    def tokens_to_and_fro(self, rounds, stop_at=(), pause=0):
        """Each shows a change when it has the token, and then hands it on, perhaps after a pause: worker 0 those with even
        numbers, worker 1 the others. Stops itself, with all its threads, right after the rounds `stop_at`."""
        token = self.tokens[self.number]
        for turn in range(rounds):
            if self.number or turn:
                token.recv(1)
            self.tap.transaction(*change('token.example', f'token-{2 * turn + self.number}'))
            time.sleep(pause)
            token.send(b'.')
            if turn in stop_at:
                os.kill(os.getpid(), signal.SIGSTOP)

    def begin(self, command, registrar='ClientX', expect=harness.OK):
        return self.tap.begin(command, registrar, expect)

    def end(self, ticket, response=''):
        return self.tap.end(ticket, response, expect=None)

    def flush(self, timeout_ms=10000, expect=harness.OK):
        return self.tap.flush(timeout_ms, expect)

    def stats(self):
        return self.tap.stats()

    def use_what_the_parent_opened(self):
        """What each call answers in a child."""
        tap = self.tap
        ticket = 1 << 30
        found = {
            'transaction': tap.transaction(*change('a.example', 'child-1'), expect=None),
            'begin': (tap.begin(change('a.example', '')[0], expect=harness.EFORK), harness.EFORK)[1],
            'end': tap.end(ticket, success('child-1'), expect=None),
            'flush': tap.flush(100, expect=None),
        }
        for name, call in {'stats': tap.stats, 'reload': tap.reload}.items():
            try:
                call()
            except harness.TapError as error:
                found[name] = error.result
        return found


def _serve(connection, doer):
    file = connection.makefile('rw')

    def answer(**members):
        file.write(json.dumps(members) + '\n')
        file.flush()
    answer(ok=os.getpid())
    for line in file:
        what, *arguments = json.loads(line)
        try:
            answer(ok=getattr(doer, what)(*arguments))
        except Exception as error:
            answer(error=f'{type(error).__name__}: {error}')


def main():
    opens_before, *numbers = sys.argv[1:]
    connections = [socket.socket(fileno=int(number)) for number in numbers]
    tokens = socket.socketpair() + (None,) * len(connections)
    tap = Tap(opens_before) if opens_before else None
    harness._load(harness.built('epptap.so'))  # a prefork parent loads it, and opens nothing
    for number, connection in enumerate(connections):
        if os.fork() == 0:
            for other in connections:
                if other is not connection:
                    other.close()
            _serve(connection, _Doer(number, tap, tokens))
            sys.exit(0)
    for connection in connections:
        connection.close()
    for _ in connections:
        os.wait()
    if tap:
        tap.close()


if __name__ == '__main__':
    main()

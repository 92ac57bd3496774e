"""The front end's throughput with a publisher that is dead, stopped, or whose disk is full, as a ratio to that with a
healthy one: the states take turns in one run, and of each the median counts. Exit 1 if one is below LEAST.

    front.py BUILD-FOLDER [ROUNDS]        a full disk only for root, who may mount a small one
"""
import contextlib
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

LEAST = 0.95
WARM_UP = 3  # once around the queue's memory
DISK = '2g'  # for all that the rounds publish
ROUNDS = 9


class Publisher:
    """epptapd, and what can be wrong with it."""

    def __init__(self, work):
        self.work = work
        self.daemon = harness.Epptapd(work.config)

    @contextlib.contextmanager
    def healthy(self):
        yield

    @contextlib.contextmanager
    def dead(self):
        self.kill()
        yield
        self.daemon = harness.Epptapd(self.work.config)

    @contextlib.contextmanager
    def stopped(self):
        pids = [pid for pids in self.daemon.children().values() for pid in pids]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def disk_full(self):
        ballast = self.work.state_dir / 'ballast'
        with contextlib.suppress(OSError), open(ballast, 'ab', buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        yield
        ballast.unlink()

    def kill(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.manager.close()

    def wait_idle(self):
        """Until all is published: by the size of the spool that is left to read, which the status tells once a second."""
        self.daemon.wait_status('all is published', lambda seen: seen['state'] == 'publishing' and seen['lag_ms'] == 0
                                and seen.get('last_commit_ms_ago', 1000) > 200, seconds=30)


class Front:
    def __init__(self, build, config):
        self.process = subprocess.Popen([build / 'bench-front', build / 'epptap.so', config], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def say(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit('bench-front ended')
        return answer

    def work(self):
        """Commands a second, of each burst but the first: that one finds the caches as the change of state left them."""
        return list(map(float, self.say('work').split()))[1:]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(build, work, rounds, has_disk):
    publisher = Publisher(work)
    front = Front(build, work.config)
    states = [publisher.healthy, publisher.dead, publisher.stopped, *([publisher.disk_full] if has_disk else [])]
    done = {state.__name__: [] for state in states}
    try:
        for _ in range(WARM_UP):
            front.work()
            front.say('flush')
        for number in range(rounds):
            for at in range(len(states)):  # each state comes first in turn
                state = states[(number + at) % len(states)]
                publisher.wait_idle()
                with state():
                    done[state.__name__]+= front.work()
                front.say('flush')
    finally:
        front.close()
        publisher.kill()
    return {name: statistics.median(found) for name, found in done.items()}


def main(arguments):
    build = pathlib.Path(arguments[0]).resolve()
    rounds = int(arguments[1]) if len(arguments) > 1 else ROUNDS
    with tempfile.TemporaryDirectory(prefix='epptap-bench-') as folder:
        work = harness.Work(folder)
        work.write_config(channels=['public'], publisher='process', capture={'queue': '16MiB'})
        work.state_dir.mkdir(mode=0o700)
        has_disk = os.geteuid() == 0 and subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', f'size={DISK},mode=700', 'tmpfs', work.state_dir]).returncode == 0
        try:
            medians = measure(build, work, rounds, has_disk)
        finally:
            if has_disk:
                subprocess.run(['umount', '--lazy', work.state_dir], check=True)
    healthy = medians['healthy']
    print(f'front    {healthy:.0f} commands/s with a healthy publisher; ' + ', '.join(
        f'{name} {done / healthy:.3f}' for name, done in medians.items() if name != 'healthy')
        + f'   (medians of {rounds}' + ('' if has_disk else '; no small disk to be had: only root may mount one') + ')')
    return 0 if min(medians.values()) >= LEAST * healthy else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""The front end's throughput with a publisher that is dead, stopped, or whose disk is full, as a ratio to that with a
healthy one: the states take turns in one run, and of each the median counts. Exit 1 if one is below LEAST of the healthy
one by the front end's own time, or if the front end ever waits more than now and then: a wait is not of its own time.
By the clock the ratios are told, too, but not judged: they tell who else had the cores.

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
MOST_WAITS = 1  # in the median burst of 2000 commands
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
        """(commands a second of its own time, by the clock, waits) of each burst but the first: that one finds the caches as
        the change of state left them."""
        figures = list(map(float, self.say('work').split()))
        return list(zip(figures[::3], figures[1::3], figures[2::3]))[1:]

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
    return done


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
            done = measure(build, work, rounds, has_disk)
        finally:
            if has_disk:
                subprocess.run(['umount', '--lazy', work.state_dir], check=True)
    return tell(done, '' if has_disk else '; no small disk to be had: only root may mount one')


def tell(done, remark):
    own, clock, waits = ({name: statistics.median(burst[column] for burst in bursts) for name, bursts in done.items()}
                         for column in range(3))
    print(f'front    {own["healthy"]:.0f} commands a second of its own time with a healthy publisher{remark}')
    for name in list(own)[1:]:
        print(f'         {name:10} {own[name] / own["healthy"]:.3f} of that, {waits[name]:.0f} waits   '
              f'(by the clock {clock[name] / clock["healthy"]:.3f})')
    return 0 if min(own.values()) >= LEAST * own['healthy'] and max(waits.values()) <= MOST_WAITS else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

"""What is done to a stage: a strike is a moment, a condition lasts for a while; a fault is either, or a strike during a
condition. Each function takes the stage, the load on it, and a random choice; what it did it counts in `stage.did`."""
import contextlib
import os
import resource
import signal
import socket
import time

from harness import Epptapd
from load import half_a_frame


def pause(choice, least, most):
    time.sleep(choice.uniform(least, most))


def _alive(stage):
    return [worker for worker in stage.workers if worker.lives]


# Strikes

def kill_worker(stage, load, choice):
    stage.kill_worker(choice.choice(_alive(stage)))
    return {'worker': 1}


def kill_all_workers(stage, load, choice):
    workers = choice.sample(_alive(stage), len(_alive(stage)))
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    for worker in workers:
        stage.kill_worker(worker)
    stage.publisher_killed |= not stage.daemon
    return {'worker': len(workers)}


def kill_publisher(stage, load, choice):
    """Whoever it is; often again, while the next one takes over."""
    killed = {'publisher': 0}
    for _ in range(choice.choice([1, 1, 2, 3])):
        pid = stage.publisher_pid()
        worker = pid and stage.worker_of(pid)
        if worker:
            stage.kill_worker(worker)
        elif pid and stage.daemon:
            stage.kill_daemon(pid)
        else:
            break
        killed['publisher'] += 1
        if not stage.daemon and not _alive(stage):
            break
        pause(choice, 0, 0.5)
    return killed


def kill_sender(stage, load, choice):
    senders = stage.daemon.children()['epptapd-send']
    if senders:
        stage.kill_daemon(choice.choice(senders))
    return {'sender': len(senders[:1])}


def kill_supervisor(stage, load, choice):
    stage.kill_daemon(stage.daemon.process.pid)
    return {'supervisor': 1}


def kill_everything(stage, load, choice):
    count = len(_alive(stage)) + len(stage.daemon_pids())
    if stage.daemon and choice.random() < .5:
        kill_supervisor(stage, load, choice)
    kill_all_workers(stage, load, choice)
    if stage.daemon and stage.daemon.process.poll() is None:
        kill_supervisor(stage, load, choice)
    return {'everything': count}


def kill_newborn(stage, load, choice):
    """A worker dies, and its next ones while they open the tap."""
    worker = choice.choice(_alive(stage))
    stage.kill_worker(worker)
    count = choice.randrange(1, 4)
    for _ in range(count):
        stage.kill_newborn(worker, choice.uniform(0, 0.04))
    return {'worker': 1, 'newborn': count}


def kill_newborn_daemon(stage, load, choice):
    kill_supervisor(stage, load, choice)
    count = choice.randrange(1, 4)
    for _ in range(count):
        stage.daemon.manager.close()
        stage.daemon = Epptapd(stage.work.config, expect_ready=False)
        pause(choice, 0, 0.15)
        stage.kill_daemon(stage.daemon.process.pid)
    return {'supervisor': 1 + count}


def restart_worker(stage, load, choice):
    """A clean end."""
    stage.stop_worker(choice.choice(_alive(stage)))
    return {'clean_end': 1}


def restart_daemon(stage, load, choice):
    stage.killed_daemons.add(stage.daemon.process.pid)
    stage.daemon.stop(seconds=30)
    stage.note_late()
    return {'clean_end': 1}


def cut_connections(stage, load, choice):
    load.cut()
    for worker in _alive(stage):
        half_a_frame(worker.process.address)
    return {'connections_cut': 1}


def nothing(stage, load, choice):
    return {}


# Conditions

@contextlib.contextmanager
def no_condition(stage, load, choice):
    yield {}


@contextlib.contextmanager
def _stopped(pid):
    """SIGSTOP; then SIGCONT, if it lives yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def worker_stopped(stage, load, choice):
    with _stopped(choice.choice(_alive(stage)).pid):
        yield {'worker_stopped': 1}


@contextlib.contextmanager
def publisher_stopped(stage, load, choice):
    with _stopped(stage.publisher_pid() or choice.choice(stage.all_pids())):
        yield {'publisher_stopped': 1}


@contextlib.contextmanager
def sender_stopped(stage, load, choice):
    with _stopped(choice.choice(stage.daemon.children()['epptapd-send'] or stage.daemon_pids())):
        yield {'sender_stopped': 1}


def _may_lose(stage):
    for worker in stage.workers:
        worker.runs[-1].may_lose = True


@contextlib.contextmanager
def disk_full(stage, load, choice):
    """The state_dir's disk, up to the last byte or with a little room."""
    ballast = stage.work.state_dir / 'ballast'
    _may_lose(stage)
    before, load.most_pause = load.most_pause, 0  # the queue should fill, too
    with contextlib.suppress(OSError), open(ballast, 'ab', buffering=0) as file:
        while True:
            file.write(bytes(65536))
    if choice.random() < .3:
        os.truncate(ballast, max(0, ballast.stat().st_size - choice.randrange(4096, 400000)))
    try:
        yield {'disk_full': 1}
    finally:
        load.most_pause = before
        _may_lose(stage)
        ballast.unlink()


@contextlib.contextmanager
def no_descriptors(stage, load, choice):
    """One process, or more, can open nothing more, or next to nothing; nor can what they start meanwhile."""
    alive = stage.all_pids()
    pids = choice.sample(alive, choice.randrange(1, len(alive) + 1))
    usual, before = resource.getrlimit(resource.RLIMIT_NOFILE), {}
    _may_lose(stage)
    for pid in pids:
        with contextlib.suppress(OSError):
            used = len(os.listdir(f'/proc/{pid}/fd'))
            before[pid] = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + choice.randrange(3), before[pid][1]))
    try:
        yield {'no_descriptors': 1}
    finally:
        started = set(stage.all_pids()) - set(alive)
        for pid, limits in {**before, **dict.fromkeys(started, usual)}.items():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def port_taken(stage, load, choice):
    """Whoever sends dies, and somebody else takes the port: the spool fills."""
    host, port = stage.work.endpoint('public').removeprefix('tcp://').split(':')
    did = kill_supervisor(stage, load, choice) if stage.daemon else kill_publisher(stage, load, choice)
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody was faster
            occupant.bind((host, int(port)))
            occupant.listen()
        stage.revive()
        yield {'port_taken': 1, **did}


def strikes(stage):
    """What can be struck on this stage; what stands twice is struck twice as often."""
    found = [kill_worker, kill_worker, kill_all_workers, kill_publisher, kill_publisher, kill_everything, kill_newborn,
             restart_worker, cut_connections]
    if stage.daemon:
        found += [kill_sender, kill_supervisor, kill_newborn_daemon, restart_daemon]
    return found


def conditions(stage):
    found = [worker_stopped, publisher_stopped, no_descriptors, port_taken]
    if stage.daemon:
        found += [sender_stopped]
    if stage.on_small_disk:
        found += [disk_full] * 4
    return found


def choose(stage, choice):
    """(condition, strike)"""
    if choice.random() < .6:
        return no_condition, choice.choice(strikes(stage))
    condition = choice.choice(conditions(stage))
    found = [nothing, *strikes(stage)]
    if condition != port_taken:  # else an end takes longer, or is none that is clean
        found = [strike for strike in found if strike not in (restart_worker, restart_daemon)]
    return condition, choice.choice(found)

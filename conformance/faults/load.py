"""Load on a stage: several EPP connections to each worker, and one client that hands a token from worker to worker.

What was answered with a success is remembered: of each worker, and of the token in its order.
"""
import contextlib
import itertools
import random
import re
import socket
import struct
import threading
import time

import frames
from harness import EppClient
from stage import USERS

ZONES = ['a.example', 'b.example', 'prompt.example']
CONNECTIONS = 3  # to each worker
MOST_PAUSE_SECONDS = 0.05  # between names: more load makes more to check, and seldom more to find
HANDED_AT_ONCE = 50
ENOUGH = 3000  # commands: then it is slow, so that a slow build, or a slow machine, does not get more and more to check
SLOW_SECONDS = 0.2
LOST = (OSError, EOFError, ValueError)  # what a client sees of a server that dies; ssl.SSLError is an OSError
SV_TRID = re.compile(rb'<svTRID>([^<]+)</svTRID>')


def shared_name(number):
    return f'shared-{number}.prompt.example'


class Load:
    def __init__(self, stage, answered, token):
        """Starts it. `answered` is a set of svTRIDs, `token` a list of lists of them: each an order that must hold."""
        self.stage, self.answered, self.token = stage, answered, token
        self.stopping = threading.Event()
        self.pauses = random.Random()
        self.most_pause = MOST_PAUSE_SECONDS
        self.failure = None
        self.count = itertools.count()
        self.clients = set()
        runs = [(self._change_names, worker, number) for worker in stage.workers for number in range(CONNECTIONS)]
        if len(stage.workers) > 1:
            runs.append((self._hand_token,))
        self.threads = [threading.Thread(target=self._run, args=run) for run in runs]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure

    def cut(self):
        """Resets all connections, wherever in a frame they are."""
        for client in list(self.clients):
            with contextlib.suppress(OSError):
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                client.socket.shutdown(socket.SHUT_RD)
                socket.socket.close(client.socket)

    def _run(self, target, *arguments):
        try:
            target(*arguments)
        except BaseException as failure:  # told by stop()
            self.failure = failure

    @contextlib.contextmanager
    def _client(self, worker, user):
        client = worker.client()
        client.socket.settimeout(20)
        self.clients.add(client)
        try:
            client.login(user, USERS[user])
            yield client
        finally:
            self.clients.discard(client)
            client.close()

    def _do(self, client, command):
        """The svTRID of a success; None if the answer was none."""
        if next(self.count) > ENOUGH:
            self.stopping.wait(SLOW_SECONDS)
        response = client.command(command)
        if frames.code_of(response) not in (1000, 1001):
            return None
        txn = SV_TRID.search(response)[1].decode()
        self.answered.add(txn)
        return txn

    def _change_names(self, worker, number):
        user = sorted(USERS)[number % len(USERS)]
        while not self.stopping.is_set():
            with contextlib.suppress(*LOST), self._client(worker, user) as client:
                while not self.stopping.is_set():
                    self._one_name(client, f'n{next(self.stage.names)}.{ZONES[number % len(ZONES)]}')
                    self.stopping.wait(self.pauses.uniform(0, self.most_pause))
            if not worker.lives:
                time.sleep(0.01)

    def _one_name(self, client, name):
        for command in [frames.create_domain(name), frames.update_domain(name, add_status=['clientHold']),
                        frames.create_host(f'ns.{name}', ['192.0.2.1']), frames.update_domain(f'nobodys.{name}'),
                        frames.info_domain(name), frames.delete_host(f'ns.{name}'), frames.delete_domain(name)]:
            if self.stopping.is_set():
                return
            self._do(client, command)

    def _hand_token(self):
        """Changes a name that all workers have, at one after another: each is asked when the one before has answered."""
        choice = random.Random(0)
        order = []
        self.token.append(order)
        user = sorted(USERS)[0]
        with contextlib.ExitStack() as stack:
            clients = {}
            while not self.stopping.is_set():
                worker = choice.choice(self.stage.workers)
                try:
                    if worker not in clients:
                        clients[worker] = stack.enter_context(self._client(worker, user))
                        self._do(clients[worker], frames.create_domain(shared_name(0)))
                    txn = self._do(clients[worker], frames.update_domain(shared_name(0), password='another-one'))
                    order += [txn] if txn else []
                    if len(order) % HANDED_AT_ONCE == 0:
                        self.stopping.wait(choice.uniform(0, 0.1))
                except LOST:
                    clients.pop(worker, None)
                    if not worker.lives:
                        time.sleep(0.01)


def half_a_frame(address):
    """A connection that is reset in the middle of a frame."""
    with contextlib.suppress(*LOST):
        client = EppClient(address, timeout=5)
        client.socket.sendall(struct.pack('>I', 400) + b'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>')
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()

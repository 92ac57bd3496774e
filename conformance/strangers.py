"""Strangers at a channel's port: they speak ZMTP by hand, as little or as wrongly as they like, and keep what they were sent.

    strangers.py subscribe|idle|silent|come-and-go PORT COUNT

floods the port, as a process of its own, until it is killed: one that subscribes to ever more, COUNT thousands of topics
of 1 KB each; COUNT subscribers of nothing; COUNT connections that never say a word; COUNT at a time that end before they
have begun.
"""
import contextlib
import os
import resource
import socket
import struct
import sys
import threading
import time


def greeting(mechanism):
    """The first 64 bytes of ZMTP 3.0."""
    return b'\xff' + bytes(8) + b'\x7f\x03\x00' + mechanism.ljust(20, b'\0') + bytes(32)


def command(body):
    return b'\x04' + bytes([len(body)]) + body


def subscription(topic):
    return b'\x00' + bytes([len(topic) + 1]) + b'\x01' + topic


READY = command(b'\x05READY\x0bSocket-Type' + struct.pack('>I', 3) + b'SUB')
# As large as it must be, for a server with another key.
HELLO = command(b'\x05HELLO\x01\x00' + bytes(72) + b'a key that is nobody\'s'.ljust(32) + bytes(8 + 80))
# A frame of a terabyte.
HUGE_COMMAND, HUGE_MESSAGE = b'\x06' + struct.pack('>Q', 1 << 40), b'\x02' + struct.pack('>Q', 1 << 40)


class Stranger:
    """A connection; says these words one after another. A context manager."""

    def __init__(self, port, *words):
        self.began = time.monotonic()
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.received = b''
        for word in words:
            self.say(word)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def say(self, word):
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(word)

    def listen(self, seconds, least=None):
        """Keeps what comes, for so long, or until there are so many bytes; true if the connection was ended."""
        deadline = time.monotonic() + seconds
        while least is None or len(self.received) < least:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            if not data:
                return True
            self.received += data
        return False


class Subscribed(Stranger):
    """One who subscribes to all of a plain channel, once he has heard that he may: a message before that is a mistake."""

    def __init__(self, port, mechanism=b'NULL'):
        super().__init__(port, greeting(mechanism), READY)
        if not self.listen(20, least=64 + 2):
            self.say(subscription(b''))


class Recorder:
    """Stands between clients and a port, and keeps each byte that each of them is sent. A context manager."""

    def __init__(self, port):
        self.port = port
        self.sent = []  # of each connection, what the server sent
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.endpoint = 'tcp://127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.close()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(('127.0.0.1', self.port))
                kept = bytearray()
                self.sent.append(kept)
                threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, kept), daemon=True).start()

    @staticmethod
    def _pass(source, sink, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if kept is not None:
                    kept += data
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


# Floods

def subscribe(port, thousands):
    with Subscribed(port) as stranger:
        for _ in range(thousands):
            topics = [b'\x01' + os.urandom(999) for _ in range(1000)]
            stranger.say(b''.join(b'\x02' + struct.pack('>Q', len(topic)) + topic for topic in topics))


def idle(port, count, words=greeting(b'NULL') + READY):
    connections = []
    while True:
        with contextlib.suppress(OSError):
            stranger = socket.create_connection(('127.0.0.1', port), timeout=0.5)
            stranger.sendall(words)
            connections.append(stranger)
        if len(connections) > count:  # those that were ended are in the way too
            connections.pop(0).close()


def silent(port, count):
    idle(port, count, b'')


def come_and_go(port, count):
    while True:
        connections = []
        with contextlib.suppress(OSError):
            for _ in range(count):
                connections.append(socket.create_connection(('127.0.0.1', port), timeout=0.5))
        for stranger in connections:
            stranger.close()


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    floods = {'subscribe': subscribe, 'idle': idle, 'silent': silent, 'come-and-go': come_and_go}
    floods[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
    while True:
        time.sleep(60)

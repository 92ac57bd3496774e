"""Many subscribers of a channel in one process, for tests that need a crowd: crowd.py ENDPOINT LOG_DIR READERS [KIND]

Each is a SUB socket of its own that keeps what came under which index. KIND is `quick`, or `slow`: room for little at the
socket, and a pause after each few messages. Prints `ready` once each has heard something. A line on stdin, the size of the
log, ends it: it reads the log, as a subscriber does who lacks something, and prints as JSON, for each of its readers, how many
events came live, how many the log had to give, how many were other than in the log, and how many came out of order.
Nothing of libepptap or eppwatch is in here.
"""
import array
import base64
import json
import pathlib
import select
import sys
import time

import zmq

from log_maker import WIDTH, tile_number

SLOW_MESSAGES, SLOW_PAUSE = 20, 0.02
SLOW_BYTES = 4096


def log_entries(log_dir, size):
    """The entries of a channel's log, from its bundles."""
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        path = pathlib.Path(log_dir) / 'tile' / 'entries' / tile_number(number)
        data = (path if width == WIDTH or path.exists() else path.with_name(f'{path.name}.p') / str(width)).read_bytes()
        at = 0
        for _ in range(width):
            length = int.from_bytes(data[at:at + 2], 'big')
            yield data[at + 2:at + 2 + length]
            at += 2 + length


def payload(jws):
    """The claims of a token, as they were signed."""
    text = jws.split(b'.')[1]
    return base64.urlsafe_b64decode(text + b'=' * (-len(text) % 4))


class Reader:
    """One of the crowd. What came is kept as its hash, 0 where nothing did."""

    def __init__(self, context, endpoint, slow):
        self.socket = context.socket(zmq.SUB)
        self.slow = slow
        if slow:
            self.socket.setsockopt(zmq.RCVHWM, 1)
            self.socket.setsockopt(zmq.RCVBUF, SLOW_BYTES)
        else:
            self.socket.setsockopt(zmq.RCVHWM, 50000)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SUBSCRIBE, b'')
        self.socket.connect(endpoint)
        self.came = array.array('q')
        self.last, self.disorder, self.differs = -1, 0, 0
        self.rests_until = 0

    def take(self):
        """Takes what is there, within reason. False: nothing was."""
        if self.slow and time.monotonic() < self.rests_until:
            return False
        for count in range(SLOW_MESSAGES if self.slow else 1000):
            try:
                topic, index, jws = self.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return count > 0
            if topic != b'~checkpoint':
                self.note(int(index), hash(jws) or 1)
        self.rests_until = time.monotonic() + SLOW_PAUSE
        return True

    def note(self, index, digest):
        if index >= len(self.came):
            self.came.extend([0] * (index + 1 - len(self.came)))
        self.disorder += index <= self.last
        self.differs += self.came[index] not in (0, digest)
        self.last = index
        self.came[index] = digest

    def judge(self, log):
        """Holds what came against the log, and takes the rest from there."""
        live = 0
        for came, logged in zip(self.came, log):
            live += came != 0
            self.differs += came not in (0, logged)
        self.differs += len(self.came) > len(log)
        return {'live': live, 'from_log': len(log) - live, 'differs': self.differs, 'disorder': self.disorder}


def main(endpoint, log_dir, count, kind='quick'):
    context = zmq.Context()
    readers = [Reader(context, endpoint, kind == 'slow') for _ in range(int(count))]
    ready = False
    while True:
        busy = [reader.take() for reader in readers]
        if not ready and all(reader.came for reader in readers):
            ready = True
            print('ready', flush=True)
        if not any(busy) and select.select([sys.stdin], [], [], 0.005)[0]:
            break
    log = array.array('q', (hash(entry) or 1 for entry in log_entries(log_dir, int(sys.stdin.readline()))))
    print(json.dumps([reader.judge(log) for reader in readers]), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])

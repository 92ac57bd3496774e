"""A registry's channel made by hand: signed events, the log they stand in, feed.json, jwks.json; and a socket to send them by.

Written from the C2SP specifications and the feed's description, with Python's hashlib and cryptography: it shares no code with
the publisher, and does what a publisher never would, where a test asks for it: rewrite, fork, leave out.
"""
import base64
import hashlib
import json
import pathlib
import secrets
import struct
import time

import zmq
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from subscriber import thumbprint, topic_of

REGISTRY = 'https://registry.example'
DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0#'
HOST = 'urn:ietf:params:xml:ns:host-1.0#'
WIDTH = 256


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def leaf_hash(entry):
    return hashlib.sha256(b'\0' + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b'\1' + left + right).digest()


def tile_number(number):
    """1234067 is x001/x234/067."""
    groups = [f'{number % 1000:03}']
    while number >= 1000:
        number //= 1000
        groups.insert(0, f'x{number % 1000:03}')
    return '/'.join(groups)


def tile_path(level, number, width):
    return f'tile/{level}/{tile_number(number)}' + (f'.p/{width}' if width < WIDTH else '')


class NoteKey:
    """A key that signs notes, of type 1 (a log's) or 4 (a cosigner's)."""

    def __init__(self, name, kind, key=None):
        self.name, self.kind, self.key = name, kind, key or Ed25519PrivateKey.generate()
        public = bytes([kind]) + raw(self.key)
        self.id = hashlib.sha256(name.encode() + b'\n' + public).digest()[:4]
        self.verifier = f'{name}+{self.id.hex()}+{base64.b64encode(public).decode()}'

    def line(self, text, when):
        if self.kind == 4:
            message = f'cosignature/v1\ntime {when}\n'.encode() + text
            data = struct.pack('>Q', when) + self.key.sign(message)
        else:
            data = self.key.sign(text)
        return f'\u2014 {self.name} {base64.b64encode(self.id + data).decode()}\n'.encode()


class Tree:
    """The hashes of a log, by level: level 0 are the leaves', each above is of two."""

    def __init__(self):
        self.levels = [[]]

    def append(self, leaf):
        self.levels[0].append(leaf)
        level = 0
        while len(self.levels[level]) % 2 == 0:
            if len(self.levels) == level + 1:
                self.levels.append([])
            self.levels[level + 1].append(node_hash(*self.levels[level][-2:]))
            level += 1

    def size(self):
        return len(self.levels[0])

    def root(self, size):
        peaks, at = [], 0
        for level in range(len(self.levels) - 1, -1, -1):
            if size >> level & 1:
                peaks.append(self.levels[level][at >> level])
                at += 1 << level
        if not peaks:
            return hashlib.sha256(b'').digest()
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root


class Channel:
    """A channel's folder. `socket`: has a PUB socket, too."""

    def __init__(self, folder, name='public', origin=None, registry=REGISTRY, socket=False, like=None, **feed):
        self.folder, self.name, self.registry = pathlib.Path(folder), name, registry
        self.origin = origin or f'registry.example/{name}'
        self.event_key = like.event_key if like else Ed25519PrivateKey.generate()
        self.log_keys = list(like.log_keys) if like else [NoteKey(self.origin, 1)]
        self.cosigner = like.cosigner if like else NoteKey(f'{self.origin}/cosigner', 4)
        self.event_keys = [self.event_key]
        self.entries, self.tree, self.last = [], Tree(), {}
        self.written = 0
        self.feed = feed
        self.socket = self.endpoint = None
        if socket:
            self.context = zmq.Context()
            self.socket = self.context.socket(zmq.XPUB)
            self.socket.setsockopt(zmq.LINGER, 0)
            self.socket.setsockopt(zmq.SNDHWM, 0)
            self.endpoint = f'tcp://127.0.0.1:{self.socket.bind_to_random_port("tcp://127.0.0.1")}'
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_feed()
        self.write_jwks()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.socket:
            self.socket.close()
            self.context.term()

    def wait_subscribed(self, count=1, seconds=40):
        """Until so many subscriptions came."""
        deadline = time.monotonic() + seconds
        while count > 0:
            assert self.socket.poll(max(1, int((deadline - time.monotonic()) * 1000))), 'nobody subscribes'
            count -= self.socket.recv()[:1] == b'\1'

    def write_feed(self, **changes):
        feed = {'feed_version': 1, 'registry': self.registry, 'channel': self.name, 'origin': self.origin,
                'verifier_keys': [key.verifier for key in [*self.log_keys, self.cosigner]], 'jwks': 'jwks.json',
                'connect': [self.endpoint] if self.endpoint else [], 'minimum_index': 0, **self.feed, **changes}
        (self.folder / 'feed.json').write_text(json.dumps(feed))

    def write_jwks(self):
        keys = [{'kty': 'OKP', 'crv': 'Ed25519', 'kid': thumbprint(raw(key)), 'x': base64url(raw(key)), 'use': 'sig'}
                for key in self.event_keys]
        (self.folder / 'jwks.json').write_text(json.dumps({'keys': keys}))

    # Events

    def jws(self, claims):
        header = {'alg': 'EdDSA', 'kid': thumbprint(raw(self.event_key)), 'typ': 'secevent+jwt'}
        text = '.'.join(base64url(json.dumps(part, separators=(',', ':')).encode()) for part in (header, claims))
        return f'{text}.{base64url(self.event_key.sign(text.encode()))}'.encode()

    def claims(self, uri, name, value, toe=None, txn=None):
        toe = time.time() if toe is None else toe
        claims = {'iss': self.registry, 'jti': base64url(secrets.token_bytes(16)), 'iat': int(toe), 'toe': round(toe, 3),
                  'txn': txn, 'sub_id': {'format': 'uri', 'uri': uri}, 'events': {name: value}}
        return {key: item for key, item in claims.items() if item is not None}

    def event(self, name, verb='update', toe=None, txn=None, host=False, registrar='ClientX', **value):
        """An event about a name, chained to the one before; its JWS."""
        value = {'objectClassName': 'nameserver' if host else 'domain', 'ldhName': name, 'registrar': registrar,
                 'initiator': 'registrar', 'outcome': 'completed', **value}
        if (host, name) in self.last:
            value.setdefault('prev', self.last[host, name])
        claims = self.claims(f'dns:{name}', (HOST if host else DOMAIN) + verb, value, toe, txn)
        self.last[host, name] = claims['jti']
        return self.jws(claims)

    def own(self, kind, **value):
        return self.jws(self.claims(self.registry, f'urn:epptap:{kind}', value))

    # The log

    def add(self, *entries):
        """Appends entries; the index of the first one."""
        first = len(self.entries)
        for entry in entries:
            self.entries.append(entry)
            self.tree.append(leaf_hash(entry))
        return first

    def put(self, path, data):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + '.new')
        new.write_bytes(data)
        new.rename(path)

    def checkpoint(self, size=None, when=None, root=None):
        """A signed checkpoint; not written."""
        size = self.tree.size() if size is None else size
        when = int(time.time()) if when is None else when
        root = base64.b64encode(root or self.tree.root(size)).decode()
        text = f'{self.origin}\n{size}\n{root}\n'.encode()
        return text + b'\n' + b''.join(key.line(text, when) for key in [*self.log_keys, self.cosigner])

    def write_tiles(self):
        size = self.tree.size()
        level, count = 0, size
        while count:
            hashes = self.tree.levels[8 * level]
            begin = (self.written >> 8 * level) // WIDTH
            for number in range(begin, -(-count // WIDTH)):
                part = hashes[number * WIDTH:(number + 1) * WIDTH]
                self.put(tile_path(level, number, len(part)), b''.join(part))
                if level == 0:
                    entries = self.entries[number * WIDTH:number * WIDTH + len(part)]
                    self.put(tile_path(0, number, len(part)).replace('tile/0/', 'tile/entries/', 1),
                             b''.join(struct.pack('>H', len(entry)) + entry for entry in entries))
            level += 1
            count >>= 8
        self.written = size

    def publish(self, when=None):
        """Writes what is new, then the checkpoint, which is returned."""
        self.write_tiles()
        note = self.checkpoint(when=when)
        self.put('checkpoint', note)
        return note

    # The socket

    def topic(self, jws):
        claims = json.loads(base64.urlsafe_b64decode(jws.split(b'.')[1] + b'=='))
        uri = claims['sub_id']['uri']
        return topic_of(uri[4:]).encode() if uri.startswith('dns:') else b'~event'

    def send(self, index, jws=None, topic=None):
        jws = self.entries[index] if jws is None else jws
        self.socket.send_multipart([topic or self.topic(jws), str(index).encode(), jws])

    def send_checkpoint(self, note, size=None):
        size = int(note.split(b'\n')[1]) if size is None else size
        self.socket.send_multipart([b'~checkpoint', str(size).encode(), note])

    def tell(self, *entries):
        """Events as a publisher would tell them: sent, then in the log, with a checkpoint that is sent."""
        first = self.add(*entries)
        for index in range(first, len(self.entries)):
            self.send(index)
        note = self.publish()
        self.send_checkpoint(note)
        return first

"""A subscriber that trusts nothing: receives a channel and checks each event as a stranger would.

Written from the feed's description with what everybody can install (pyzmq, PyJWT, cryptography); it shares no code with
the publisher, nor with the other tests, so that both reading something wrong in the same way is unlikely.

    subscriber.py ENDPOINT --jwks FILE [--issuer URL] [--topic PREFIX]... [--curve SERVER.pub CLIENT.key] [--count N]

prints topic, index and claims of each event, one JSON object a line. Exit 0: done; 1: something did not verify; 3: time out.
"""
import argparse
import base64
import dataclasses
import hashlib
import json
import pathlib
import re
import sys
import time
import urllib.parse

import jwt
import zmq
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BASE64URL = re.compile(r'[A-Za-z0-9_-]+')
TIME_OF_EVENT = re.compile(rb'"toe": ?(\d+\.\d{3})[,}]')
# By objectClassName. What has no name but a handle are sets of nameservers or keys, which domains refer to.
NAMESPACES = {'domain': 'urn:ietf:params:xml:ns:domain-1.0', 'nameserver': 'urn:ietf:params:xml:ns:host-1.0',
              'nsset': 'http://www.nic.cz/xml/epp/nsset-1.2', 'keyset': 'http://www.nic.cz/xml/epp/keyset-1.3',
              'nsgroup': 'http://www.eurid.eu/xml/epp/nsgroup-1.1', 'keygroup': 'http://www.eurid.eu/xml/epp/keygroup-1.1'}
VERBS = ('create', 'update', 'delete', 'renew', 'transfer')
OWN_EVENTS = {'urn:epptap:gap': ({'reason'}, {'reason', 'count', 'from', 'to', 'registrar', 'txn'}),
              'urn:epptap:verification': ({'state'}, {'state'}),
              'urn:epptap:key': ({'action', 'kid'}, {'action', 'kid', 'jwk'})}
IMPACTS = ('create delete restore renew transfer registrar delegation glue dnssec-added dnssec-changed dnssec-removed'
           ' lock unlock hold unhold contacts none').split()
MEMBERS = {'objectClassName', 'ldhName', 'unicodeName', 'handle', 'registrar', 'initiator', 'outcome', 'impact', 'add',
           'remove', 'set', 'changed', 'lock', 'transfer', 'restore', 'completes', 'before', 'state', 'prev', 'truncated'}


class Refused(Exception):
    """Why a message is not to be believed."""


@dataclasses.dataclass(frozen=True)
class Message:
    topic: str
    index: int
    jws: bytes


def _need(condition, why):
    if not condition:
        raise Refused(why)


def _decode(text):
    _need(BASE64URL.fullmatch(text), 'a part is not base64url')
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    _need(base64.urlsafe_b64encode(data).rstrip(b'=').decode() == text, 'base64url with stray bits')
    return data


def _no_duplicates(pairs):
    members = dict(pairs)
    _need(len(members) == len(pairs), 'a JSON object has a member twice')
    return members


def _read_json(data):
    try:
        return json.loads(data, object_pairs_hook=_no_duplicates, parse_constant=lambda name: _need(False, name))
    except ValueError as error:
        raise Refused(f'not JSON: {error}') from None


def thumbprint(raw_key):
    """A key's RFC 7638 thumbprint."""
    text = json.dumps({'crv': 'Ed25519', 'kty': 'OKP', 'x': base64.urlsafe_b64encode(raw_key).rstrip(b'=').decode()},
                      separators=(',', ':'), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()


def keys_of_jwks(path):
    """The keys of a jwks.json by kid; refuses one that is not as RFC 7517, 8037 and 7638 have it."""
    document = _read_json(pathlib.Path(path).read_bytes())
    keys = {}
    for key in document['keys']:
        _need({**key, 'kid': '', 'x': ''} == {'kty': 'OKP', 'crv': 'Ed25519', 'use': 'sig', 'kid': '', 'x': ''},
              f'a key with other members: {key}')
        raw = _decode(key['x'])
        _need(len(raw) == 32 and key['kid'] == thumbprint(raw), 'a kid that is not its key\'s thumbprint')
        keys[key['kid']] = Ed25519PublicKey.from_public_bytes(raw)
    # what others make of the same file
    known = {key.key_id for key in jwt.PyJWKSet.from_dict(document).keys}
    _need(known == set(keys), 'PyJWT reads other keys in it')
    return keys


def key_of_pem(path):
    """The public half of a signing key's PEM file, by kid."""
    private = serialization.load_pem_private_key(pathlib.Path(path).read_bytes(), None)
    public = private.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {thumbprint(raw): public}


def topic_of(name):
    return ''.join(label + '.' for label in reversed(name.split('.')))


def uri_of(value):
    """The sub_id's URI of what an event is about."""
    if value['objectClassName'] in ('domain', 'nameserver'):
        return f'dns:{value["ldhName"]}'
    return f'urn:epptap:{value["objectClassName"]}:{urllib.parse.quote(value["handle"], safe=":")}'


def topics_of(value):
    """What it goes out under: a host with a new name, under both."""
    if 'handle' in value:
        return [f'~{value["objectClassName"]}.{value["handle"].lower()}.']
    return [topic_of(names['ldhName']) for names in (value, value.get('set', {})) if 'ldhName' in names]


class Verifier:
    """Judges events by keys it trusts. Keeps the jtis it has seen: none may come twice on one channel."""

    def __init__(self, keys, issuer):
        self.keys, self.issuer = keys, issuer
        self.seen = set()

    def header(self, jws):
        parts = jws.decode('ascii').split('.')
        _need(len(parts) == 3, 'not a compact JWS')
        header = _read_json(_decode(parts[0]))
        _need(set(header) == {'alg', 'kid', 'typ'}, f'a header with other members: {header}')
        _need(header['typ'] == 'secevent+jwt', 'not a security event token')
        _need(header['alg'] in ('EdDSA', 'Ed25519'), f'signed with {header["alg"]}')
        _need(header['kid'] in self.keys, 'signed with a key that is not trusted')
        return header, parts

    def signature(self, jws):
        """The payload's bytes, if the signature holds by two libraries."""
        header, parts = self.header(jws)
        key = self.keys[header['kid']]
        try:
            key.verify(_decode(parts[2]), f'{parts[0]}.{parts[1]}'.encode())
        except InvalidSignature:
            raise Refused('the signature does not hold') from None
        payload = _decode(parts[1])
        if header['alg'] == 'EdDSA':
            try:
                claims = jwt.decode(jws, key, algorithms=['EdDSA'])
            except jwt.PyJWTError as error:
                raise Refused(f'PyJWT refuses it: {error}') from None
            _need(claims == _read_json(payload), 'PyJWT reads other claims')
        return payload

    def claims(self, jws):
        """The claims, checked."""
        _need(len(jws) <= 60000, f'{len(jws)} bytes')
        payload = self.signature(jws)
        claims = _read_json(payload)
        _need({*claims} | {'txn'} == {'iss', 'jti', 'iat', 'toe', 'txn', 'sub_id', 'events'},
              f'other claims: {list(claims)}')
        _need(claims['iss'] == self.issuer, f'of another registry: {claims["iss"]}')
        _need(isinstance(claims['jti'], str) and len(_decode(claims['jti'])) == 16, 'a jti that is not 128 bits')
        _need(claims['jti'] not in self.seen, 'a jti that came before')
        self.seen.add(claims['jti'])
        _need(type(claims['iat']) is int and claims['iat'] <= time.time(), f'iat {claims["iat"]}')
        _need(TIME_OF_EVENT.search(payload), 'toe without three decimals')
        # iat is floored: the event may be of the same second
        _need(claims['toe'] < claims['iat'] + 1, 'signed before it happened')
        if 'txn' in claims:
            _need(re.fullmatch(r'[!-~]{1,64}', claims['txn']), 'a txn that is no token')
        self._event(claims)
        return claims

    def _own_event(self, name, value):
        _need(name in OWN_EVENTS, f'an event of the tap itself named {name}')
        least, most = OWN_EVENTS[name]
        _need(least <= set(value) <= most, f'members of {name}: {set(value)}')
        _need(_has_no_empty_member(value), 'an empty member')
        for when in ('from', 'to'):
            _need(when not in value or re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', value[when]), f'{when} is no time')
        _need('count' not in value or (type(value['count']) is int and value['count'] > 0), 'count')
        return value

    def _event(self, claims):
        _need(set(claims['sub_id']) == {'format', 'uri'} and claims['sub_id']['format'] == 'uri',
              f'sub_id {claims["sub_id"]}')
        _need(len(claims['events']) == 1, 'not exactly one event')
        (name, value), = claims['events'].items()
        if claims['sub_id']['uri'] == self.issuer:
            return self._own_event(name, value)
        namespace, _, verb = name.partition('#')
        _need(namespace == NAMESPACES.get(value['objectClassName']) and verb in VERBS,
              f'objectClassName {value["objectClassName"]} in an event named {name}')
        _need(claims['sub_id']['uri'] == uri_of(value), 'sub_id and what the event is about differ')
        _need('ldhName' not in value or re.fullmatch(r'[a-z0-9_-]+(\.[a-z0-9_-]+)*', value['ldhName']), 'ldhName')
        _need(value['initiator'] in ('registrar', 'registry'), 'initiator')
        _need(value['outcome'] in ('completed', 'pending', 'unknown', 'rejected'), 'outcome')
        _need(set(value) <= MEMBERS, f'members nobody knows: {set(value) - MEMBERS}')
        impact = value.get('impact', [])
        _need(impact == [known for known in IMPACTS if known in impact], f'impact {impact}')
        _need(_has_no_empty_member(value), 'an empty member')
        return value

    def message(self, message):
        """The claims of a message whose topic is that of one of its names."""
        claims = self.claims(message.jws)
        (value,) = claims['events'].values()
        if claims['sub_id']['uri'] == self.issuer:
            _need(message.topic == '~event', f'an event of the tap itself under the topic {message.topic}')
            return claims
        _need(message.topic in topics_of(value), f'{claims["sub_id"]} under the topic {message.topic}')
        return claims


def _has_no_empty_member(value):
    if isinstance(value, dict):
        return all(item not in ('', [], {}, None) and _has_no_empty_member(item) for item in value.values())
    if isinstance(value, list):
        return all(map(_has_no_empty_member, value))
    return True


class Subscriber:
    """A SUB socket of a channel. `curve`: paths of the server's public key and of one's own secret key; `adjust` may set
    other options before it connects. A context manager."""

    def __init__(self, endpoint, topics=('',), curve=None, high_water_mark=0, adjust=None):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, high_water_mark)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        if curve:
            server, own = (pathlib.Path(path).read_text().strip().encode() for path in curve)
            self.socket.setsockopt(zmq.CURVE_SERVERKEY, server)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, own)
            self.socket.setsockopt(zmq.CURVE_PUBLICKEY, zmq.curve_public(own))
        if adjust:
            adjust(self.socket)
        self.raw = []  # all frames, as they came
        self.checkpoints = []
        for topic in topics:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def receive(self, timeout_ms=5000):
        """The next event's message, or None if none came in that time. Checkpoints on the way are kept: (size, note)."""
        deadline = time.monotonic() + timeout_ms / 1000
        while self.socket.poll(max(0, (deadline - time.monotonic()) * 1000)):
            frames = self.socket.recv_multipart()
            self.raw += frames
            _need(len(frames) == 3, f'a message of {len(frames)} frames')
            topic, index, jws = frames
            _need(re.fullmatch(rb'0|[1-9][0-9]*', index), f'index {index}')
            if topic != b'~checkpoint':
                return Message(topic.decode('ascii'), int(index), jws)
            _need(jws.split(b'\n')[1:2] == [index], f'a checkpoint of {jws} with the size {index}')
            self.checkpoints.append((int(index), jws))
        return None

    def collect(self, enough, seconds=40):
        """Messages until enough(messages) is true; None if that time ran out first."""
        deadline, messages = time.monotonic() + seconds, []
        while not enough(messages):
            left = deadline - time.monotonic()
            message = self.receive(max(1, int(left * 1000))) if left > 0 else None
            if message is None:
                return None
            messages.append(message)
        return messages

    def close(self):
        self.socket.close()
        self.context.term()


def main():
    options = argparse.ArgumentParser(description='Receives a channel of the feed and verifies each event.')
    options.add_argument('endpoint')
    options.add_argument('--jwks', required=True, metavar='FILE')
    options.add_argument('--issuer', default='https://registry.example')
    options.add_argument('--topic', action='append', metavar='PREFIX')
    options.add_argument('--curve', nargs=2, metavar=('SERVER.pub', 'CLIENT.key'))
    options.add_argument('--count', type=int, default=0, help='end after so many events')
    options.add_argument('--timeout', type=float, default=0, metavar='SECONDS')
    given = options.parse_args()
    deadline = time.monotonic() + given.timeout if given.timeout else None
    received = 0
    try:
        verifier = Verifier(keys_of_jwks(given.jwks), given.issuer)
        with Subscriber(given.endpoint, given.topic or [''], given.curve) as subscriber:
            while not given.count or received < given.count:
                if deadline and time.monotonic() > deadline:
                    return 3
                message = subscriber.receive(200)
                if message is None:
                    continue
                claims = verifier.message(message)
                print(json.dumps({'topic': message.topic, 'index': message.index, 'claims': claims}), flush=True)
                received += 1
    except Refused as refused:
        print(f'refused: {refused}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

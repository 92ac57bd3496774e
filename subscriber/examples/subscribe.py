#!/usr/bin/python3
"""subscribe.py - follows a channel of the feed: a line for each event that verifies

    subscribe.py https://feed.registry.example/public/ [CLIENT.key CLIENT.pub]

With pyzmq, PyJWT and cryptography: Debian's python3-zmq, python3-jwt and python3-cryptography, or pip. The files are one's
own CURVE keys, for a channel that asks for them. What is refused, and what was missed, is said on stderr. README.md tells
what this leaves out.
"""
import json
import sys
import urllib.request

import jwt
import zmq


def connect(feed, key_files):
    socket = zmq.Context.instance().socket(zmq.SUB)
    if 'curve_server_key' in feed:
        if len(key_files) != 2:
            sys.exit('this channel is encrypted: give your CLIENT.key and CLIENT.pub behind its address')
        secret, public = (open(path, 'rb').read().strip() for path in key_files)
        socket.curve_serverkey = feed['curve_server_key'].encode()
        socket.curve_secretkey, socket.curve_publickey = secret, public
    socket.subscribe('')  # all; or the labels reversed: 'example.bank.' is bank.example with its hosts
    socket.connect(feed['connect'][0])
    return socket


def verify(jws, keys, registry):
    """The claims of an event; an exception if anything of it is not as it must be."""
    header = jwt.get_unverified_header(jws)
    if set(header) != {'alg', 'kid', 'typ'} or header['typ'] != 'secevent+jwt':
        raise jwt.InvalidTokenError('its header is not that of a security event')
    # A key that is not known yet is looked for in jwks.json. An audience is refused, since none is given here.
    return jwt.decode(jws, keys.get_signing_key(header['kid']).key, algorithms=['EdDSA'], issuer=registry,
                      leeway=60, options={'require': ['iss', 'jti', 'iat', 'sub_id', 'events']})


def main(url, *key_files):
    url = url.rstrip('/')
    with urllib.request.urlopen(f'{url}/feed.json') as answer:
        feed = json.load(answer)
    keys = jwt.PyJWKClient(f'{url}/{feed["jwks"]}', lifespan=30)
    socket = connect(feed, key_files)
    last = jti = None
    while True:
        frames = socket.recv_multipart()
        if frames[0] == b'~checkpoint':
            continue
        try:
            _, index, jws = frames
            if not index.isdigit() or len(index) > 15:
                raise ValueError('its index is no number')
            index, claims = int(index), verify(jws, keys, feed['registry'])
            (event, value), = claims['events'].items()
            subject = claims['sub_id']['uri']
        except (ValueError, KeyError, jwt.PyJWTError) as why:
            print(f'refused: {why!r}', file=sys.stderr, flush=True)
            continue
        if claims['jti'] == jti:  # a host that gets a new name is sent under both
            continue
        if last is not None and index != last + 1:
            print(f'jump from {last} to {index}: read the log, {url}/tile/entries/', file=sys.stderr, flush=True)
        last, jti = index, claims['jti']
        print(index, subject, event, json.dumps(value), flush=True)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])

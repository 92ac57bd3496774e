"""The event key: changed while the feed goes on, changed while nobody looked, revoked; and what subscribers make of it."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import jwt
import pytest
import zmq
from cryptography.hazmat.primitives import serialization

import frames
from harness import (REGISTRY, Epptapd, Refepp, Tap, TapError, built, epptapctl, feed_dump, object_frames, told, wait_until)
from subscriber import Verifier, key_of_pem, keys_of_jwks

USERS = {'ClientA': 'password-a'}


def _kid(pem):
    (kid,) = key_of_pem(pem)
    return kid


def _new_key(work, name):
    """Another event key, beside the one that signs; its path."""
    epptapctl('keygen', work.path / name)
    return work.path / name / 'event.pem'


def _use_key(work, key):
    """Puts the key where the config says."""
    shutil.copy2(key, work.keys / 'event.pem.new')
    (work.keys / 'event.pem.new').rename(work.keys / 'event.pem')


def _header(line):
    return jwt.get_unverified_header(line['jws'])


def _signed(work, channel='public'):
    """What the channel tells, and under which kid."""
    return [(told(line), _header(line)['kid']) for line in feed_dump(work.config, channel)]


def _jwks(work, channel='public'):
    return work.log_dir(channel) / 'jwks.json'


def _verify(work):
    """All of each channel, by its own jwks.json."""
    for channel in work.ports:
        verifier = Verifier(keys_of_jwks(_jwks(work, channel)), REGISTRY)
        for line in feed_dump(work.config, channel):
            verifier.claims(line['jws'].encode())


# Ways to publish, and to reload

class Embedded:
    """epptap.so in this process, and epptap_reload()."""

    def __init__(self, work):
        self.work = work
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.tap = self.stack.enter_context(Tap(self.work.config))
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def show(self, name):
        """One change; returns when it is published."""
        self.tap.transaction(*object_frames('create', name))
        self.tap.flush()
        self.wait_told(f'create {name}')

    def wait_told(self, what):
        wait_until(f'{what} is told', lambda: (self.work.state_dir / 'feed').exists() and
                   what in [told(line) for line in feed_dump(self.work.config, 'public')])

    def reload(self):
        """Why it was refused; an empty text if it was not."""
        try:
            self.tap.reload()
        except TapError as error:
            return error.why
        return ''


class FrontEnd(Embedded):
    """The reference front end, and SIGHUP."""

    def __enter__(self):
        self.front_end = self.stack.enter_context(Refepp(self.work.path / 'front', USERS, self.work.config))
        self.client = self.stack.enter_context(self.front_end.client())
        self.client.login('ClientA', USERS['ClientA'])
        return self

    def show(self, name):
        frames.do(self.client, frames.create_domain(name))
        self.wait_told(f'create {name}')

    def reload(self):
        return self.front_end.reload()


class Apart(Embedded):
    """epptapd beside epptap.so, and SIGHUP to it."""

    def __enter__(self):
        self.work.write_config(publisher='process')
        self.daemon = self.stack.enter_context(Epptapd(self.work.config))
        return super().__enter__()

    def reload(self):
        before, said = self.daemon.children(), len(self.daemon.said())
        times = sum('READY=1' in lines for lines in self.daemon.notifications())
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_notified('READY=1', times=times + 1)
        why = re.search(r'error: (.*); going on with the config as it was', self.daemon.said()[said:])
        # refused: all processes are the ones that were there
        assert (self.daemon.children() == before) == bool(why)
        return why[1] if why else ''


HOSTS = [Embedded, FrontEnd, Apart]
hosts = pytest.mark.parametrize('host', HOSTS, ids=lambda host: host.__name__)


@hosts
def test_a_new_key_is_told_by_the_old_one_and_signs_from_then_on(work, host):
    old, new = _kid(work.keys / 'event.pem'), _new_key(work, 'next')
    with host(work) as feed:
        feed.show('before.example')
        assert list(keys_of_jwks(_jwks(work))) == [old]
        _use_key(work, new)
        assert feed.reload() == ''
        feed.show('after.example')
        feed.show('later.example')
    new = _kid(new)
    for channel in work.ports:
        assert _signed(work, channel) == [('create before.example', old), ('key added', old), ('key retired', old),
                                          ('create after.example', new), ('create later.example', new)]
        assert set(keys_of_jwks(_jwks(work, channel))) == {old, new}
        _, added, retired, *_ = (line['event']['events'].get('urn:epptap:key') for line in feed_dump(work.config, channel))
        (jwk,) = [key for key in json.loads(_jwks(work, channel).read_text())['keys'] if key['kid'] == new]
        assert added == {'action': 'added', 'kid': new, 'jwk': jwk}
        assert retired == {'action': 'retired', 'kid': old}
    _verify(work)


def _spoil_mode(key, other):
    shutil.copy2(other, key)
    key.chmod(0o640)


def _spoil_kind(key, other):
    subprocess.run(['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key], check=True,
                   capture_output=True)
    key.chmod(0o600)


def _spoil_none(key, other):
    key.unlink()


SPOILS = {_spoil_mode: 'its mode is 640, so others than its owner can use this key', _spoil_kind: 'Ed25519',
          _spoil_none: 'No such file or directory'}


@hosts
@pytest.mark.parametrize('spoil', SPOILS, ids=lambda spoil: spoil.__name__.removeprefix('_spoil_'))
def test_a_bad_new_key_is_refused_in_words_and_the_old_one_goes_on(work, host, spoil):
    key = work.keys / 'event.pem'
    kid, good, other = _kid(key), key.read_bytes(), _new_key(work, 'next')
    with host(work) as feed:
        feed.show('before.example')
        spoil(key, other)
        why = feed.reload()
        assert str(key) in why and SPOILS[spoil] in why
        feed.show('after.example')
        key.unlink(missing_ok=True)
        key.write_bytes(good)
        key.chmod(0o600)
        assert feed.reload() == ''
        feed.show('later.example')
    assert _signed(work) == [(f'create {name}.example', kid) for name in ('before', 'after', 'later')]
    assert list(keys_of_jwks(_jwks(work))) == [kid]


def test_a_key_that_was_replaced_while_nobody_ran_is_warned_of_and_tells_of_itself(work):
    old, new = _kid(work.keys / 'event.pem'), _new_key(work, 'next')
    with Embedded(work) as feed:
        feed.show('before.example')
    _use_key(work, new)
    with FrontEnd(work) as feed:
        feed.show('after.example')
        said = feed.front_end.stderr_path.read_text()
    assert 'warning: the event key changed while nobody published: no key that readers trust tells of it' in said
    new = _kid(new)
    assert _signed(work) == [('create before.example', old), ('key added', new), ('create after.example', new)]
    assert set(keys_of_jwks(_jwks(work))) == {old, new}
    _verify(work)


# Revocation

def _revoke(work, kid, refused=None):
    done = epptapctl('revoke', work.config, kid, check=False)
    assert done.returncode == (1 if refused else 0), done.stderr
    assert (refused or f'key {kid} is to be revoked') in done.stdout + done.stderr


@hosts
def test_a_revoked_key_is_told_and_leaves_jwks_and_never_signs_again(work, host):
    old_key = work.path / 'old.pem'
    shutil.copy2(work.keys / 'event.pem', old_key)
    old, new_key = _kid(old_key), _new_key(work, 'next')
    new = _kid(new_key)
    with host(work) as feed:
        feed.show('before.example')
        _revoke(work, 'A' * 43, f'no key with the id {"A" * 43} ever signed here')
        _revoke(work, old, f'key {old} is the one that keys.event names')
        _use_key(work, new_key)
        assert feed.reload() == ''
        _revoke(work, old)
        feed.wait_told('key revoked')
        wait_until('jwks.json is without it', lambda: all(
            list(keys_of_jwks(_jwks(work, channel))) == [new] for channel in work.ports))
        _revoke(work, old, f'key {old} is revoked already')

        # back to it? Not by a reload
        _use_key(work, old_key)
        assert f'key {old} was revoked; make another with `epptapctl keygen`' in feed.reload()
        feed.show('after.example')
        assert list(keys_of_jwks(_jwks(work))) == [new]
    assert _signed(work) == [('create before.example', old), ('key added', old), ('key retired', old), ('key revoked', new),
                             ('create after.example', new)]
    (revoked,) = feed_dump(work.config, 'public')[3]['event']['events'].values()
    assert revoked == {'action': 'revoked', 'kid': old}


def test_a_revoked_key_in_the_config_is_refused_and_all_goes_on_with_another(work):
    old_key = work.path / 'old.pem'
    shutil.copy2(work.keys / 'event.pem', old_key)
    new_key = _new_key(work, 'next')
    with Embedded(work) as feed:
        feed.show('before.example')
        _use_key(work, new_key)
        feed.reload()
        _revoke(work, _kid(old_key))
        feed.wait_told('key revoked')
    _use_key(work, old_key)
    words = f'keys.event: key {_kid(old_key)} was revoked; make another with `epptapctl keygen`'
    done = epptapctl('check', work.config, check=False)
    assert (done.returncode, words in done.stderr) == (1, True)
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('create', 'waits.example'))
        tap.flush()
        assert tap.stats()['publisher']['state'] == 'refused'
        status = wait_until('status says so', lambda: (done := epptapctl('status', work.config, check=False)) and
                            words in done.stdout and done)
        assert status.returncode == 1
        assert tap.stats()['publisher']['published'] == 0
        _use_key(work, new_key)
        tap.reload()
        tap.wait_published(1)
    assert _signed(work)[-1] == ('create waits.example', _kid(new_key))


def test_epptapd_refuses_a_revoked_key_until_a_reload_brings_another(work):
    old_key = work.path / 'old.pem'
    shutil.copy2(work.keys / 'event.pem', old_key)
    new_key = _new_key(work, 'next')
    with Apart(work) as feed:
        feed.show('before.example')
        _use_key(work, new_key)
        assert feed.reload() == ''
        _revoke(work, _kid(old_key))
        feed.wait_told('key revoked')
    _use_key(work, old_key)
    with Apart(work) as feed:
        feed.daemon.wait_status('it refuses', lambda status: status['state'] == 'refused')
        assert f'key {_kid(old_key)} was revoked; make another with `epptapctl keygen`' in feed.daemon.said()
        feed.tap.transaction(*object_frames('create', 'waits.example'))
        feed.tap.flush()
        _use_key(work, new_key)
        assert feed.reload() == ''
        feed.wait_told('create waits.example')
    assert _signed(work)[-2:] == [('key revoked', _kid(new_key)), ('create waits.example', _kid(new_key))]


# What a subscriber makes of it, who has the first key alone

class Watch:
    """eppwatch follow, with a copy of jwks.json that nobody renews."""

    def __init__(self, work):
        self.out, self.err = work.path / 'watch.out', work.path / 'watch.err'
        jwks = work.path / 'jwks.json'
        shutil.copy(_jwks(work), jwks)
        with open(self.out, 'wb') as out, open(self.err, 'wb') as err:
            self.process = subprocess.Popen(
                [built('eppwatch'), 'follow', '--connect', work.endpoint('public'), '--channel', 'public', '--registry',
                 REGISTRY, '--jwks', jwks, '--json'], stdout=out, stderr=err)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()

    def shows(self, words):
        return words in self.out.read_text() or words in self.err.read_text()

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)


def _forged(work, key, name, like):
    """Frames of an event about the name, signed with a key that somebody stole."""
    private = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)
    claims = json.loads(json.dumps(like['event']).replace('like.example', name))
    claims.update(jti=jwt.utils.base64url_encode(os.urandom(16)).decode(), iat=int(time.time()))
    token = jwt.encode(claims, private, algorithm='EdDSA', headers={'kid': _kid(key), 'typ': 'secevent+jwt'})
    return [f'example.{name.split(".")[0]}.'.encode(), b'1000', token.encode()]


@contextlib.contextmanager
def _somebody_elses_feed(work):
    """A PUB socket in the place of the registry's."""
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.LINGER, 0)
    wait_until('the port is free', lambda: _binds(socket, work.endpoint('public')))
    yield socket
    socket.close()
    context.term()


def _binds(socket, endpoint):
    with contextlib.suppress(zmq.ZMQError):
        socket.bind(endpoint)
        return True
    return False


def test_a_subscriber_with_the_old_key_alone_follows_over_rotations_and_refuses_a_revoked_one(work):
    keys = [work.path / 'old.pem', _new_key(work, 'second'), _new_key(work, 'third')]
    shutil.copy2(work.keys / 'event.pem', keys[0])
    numbers = iter(range(10000))
    with Embedded(work) as feed:
        feed.show('like.example')
        with Watch(work) as watch:
            wait_until('it hears', lambda: feed.show(f'probe-{next(numbers)}.example') or watch.shows('probe-'))
            for key in keys[1:]:
                _use_key(work, key)
                assert feed.reload() == ''
                # a reload opens the port anew: it takes a moment until the subscriber is there again
                wait_until('it is verified', lambda: feed.show(f'{key.parent.name}-{next(numbers)}.example') or
                           watch.shows(f'{key.parent.name}-'))
            _revoke(work, _kid(keys[1]))
            wait_until('it is told', lambda: watch.shows('"revoked"'))
            feed.show('after.example')
            wait_until('it goes on', lambda: watch.shows('after.example'))
            assert not watch.shows('is not in the JWKS') and watch.process.poll() is None
            like = next(line for line in feed_dump(work.config, 'public') if told(line) == 'create like.example')
            feed.tap.close()
            with _somebody_elses_feed(work) as thief:
                def send(key, name):
                    thief.send_multipart(_forged(work, key, name, like))
                # a key that is trusted is believed: so what is sent is right, but for the key
                wait_until('it is believed', lambda: send(keys[2], 'trusted.example') or watch.shows('trusted.example'))
                words = f'key {_kid(keys[1])} is not in the JWKS, or was revoked'
                wait_until('it is refused', lambda: send(keys[1], 'stolen.example') or watch.shows(words))
                send(keys[2], 'last.example')
                wait_until('it goes on', lambda: watch.shows('last.example'))
            assert 'stolen.example' not in watch.out.read_text()
            assert watch.stop() == 1

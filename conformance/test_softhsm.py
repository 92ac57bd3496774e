"""The event key in a token: SoftHSM, by OpenSSL's provider for PKCS #11.

Debian 12 has no package of the provider: there the tests that need it are skipped, and the refusal is tested. Where one was
put by hand, OPENSSL_MODULES=FOLDER says where its pkcs11.so lies.
"""
import os
import pathlib
import pty
import re
import subprocess

import pytest
from cryptography.hazmat.backends.openssl import backend

import frames
from harness import ECONFIG, REGISTRY, Refepp, Tap, TapError, built, epptapctl, feed_dump, wait_until
from subscriber import Subscriber, Verifier, keys_of_jwks, thumbprint

MODULE = '/usr/lib/softhsm/libsofthsm2.so'
PIN = '7316 &%'
EVENTS = 200


def _modules():
    """The folder where OpenSSL's providers lie."""
    told = subprocess.run(['openssl', 'version', '-m'], check=True, capture_output=True, text=True).stdout
    return pathlib.Path(os.environ.get('EPPTAP_PKCS11') or re.search('"(.*)"', told)[1])


def _what_is_missing():
    """Why no token can be used here; empty if one can."""
    if os.environ.get('EPPTAP_VARIANT'):
        return 'OpenSSL loads providers in a way (RTLD_DEEPBIND) that sanitizers refuse'
    if not (_modules() / 'pkcs11.so').exists():
        return ('OpenSSL has no pkcs11.so here: Debian 13 has it in the package pkcs11-provider, Debian 12 has none; '
                'EPPTAP_PKCS11=FOLDER says where one lies')
    return ''


needs_provider = pytest.mark.skipif(bool(_what_is_missing()), reason=_what_is_missing())


class Token:
    """A SoftHSM token named epptap, in a folder of its own."""

    def __init__(self, folder):
        folder.mkdir(mode=0o700)
        (folder / 'tokens').mkdir(mode=0o700)
        (folder / 'softhsm2.conf').write_text(f'directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n')
        os.environ['SOFTHSM2_CONF'] = str(folder / 'softhsm2.conf')
        self.pin_file = folder / 'pin'
        self.pin_file.write_text(PIN + '\n')
        self.pin_file.chmod(0o600)
        subprocess.run(['softhsm2-util', '--init-token', '--free', '--label', 'epptap', '--so-pin', 'made-up', '--pin', PIN],
                       check=True, capture_output=True)

    def _tool(self, *arguments):
        return subprocess.run(['pkcs11-tool', '--module', MODULE, '--token-label', 'epptap', '--login', '--pin', PIN,
                               *arguments], check=True, capture_output=True, text=True).stdout

    def add_key(self, label, number, kind='EC:edwards25519'):
        """Makes a key in the token; of an Ed25519 key the public half's 32 bytes."""
        self._tool('--keypairgen', '--key-type', kind, '--label', label, '--id', f'{number:02x}')
        shown = self._tool('--list-objects', '--type', 'pubkey', '--id', f'{number:02x}')
        point = re.search(r'EC_POINT: +0420([0-9a-f]{64})\b', shown)
        return bytes.fromhex(point[1]) if point else None

    def uri(self, rest='object=event', pin=None):
        return f'pkcs11:token=epptap;{rest}?' + (pin or f'pin-source={self.pin_file}')


@pytest.fixture
def token(tmp_path, monkeypatch):
    backend.openssl_version_text()  # loads providers of its own, so before we say where ours lies
    monkeypatch.setenv('OPENSSL_MODULES', str(_modules()))
    monkeypatch.setenv('SOFTHSM2_CONF', '')  # set by Token, put back at the end
    return Token(tmp_path / 'token')


def _use(work, where):
    return work.write_config(channels=['public'], keys={'event': where}, sign_threads=4)


def _refusal(config):
    done = epptapctl('check', config, check=False)
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1)
    assert PIN not in done.stderr and 'pin-value=' not in done.stderr
    return done.stderr.removeprefix('epptapctl: ').rstrip('\n')


@needs_provider
@pytest.mark.parametrize('pin', [None, 'pin-value=7316%20%26%25'], ids=['PIN in a file', 'PIN in the URI'])
def test_a_front_end_signs_by_a_token_and_a_subscriber_verifies(work, tmp_path, token, pin):
    public_key = token.add_key('event', 1)
    _use(work, token.uri(pin=pin))
    assert 'good' in epptapctl('check', work.config).stdout
    name, turn = 'bank.example', 0
    with Refepp(tmp_path / 'front', {'ClientX': 'made-up'}, work.config) as front, front.client() as client, \
            Subscriber(work.endpoint('public')) as subscriber:
        def change():
            nonlocal turn
            turn += 1
            frames.do(client, frames.update_domain(name, **{
                'add_status' if turn % 2 else 'remove_status': ['clientHold']}))

        client.login('ClientX', 'made-up')
        frames.do(client, frames.create_domain(name))
        first = wait_until('the subscriber hears a change', lambda: change() or subscriber.receive(100), every=0)
        for _ in range(EVENTS):
            change()
        messages = [first, *subscriber.collect(lambda heard: len(heard) >= EVENTS)]
        assert front.stats()['publisher']['signing_failures'] == 0
        client.close()
        assert front.stop() == 0
    keys = keys_of_jwks(work.log_dir('public') / 'jwks.json')
    assert set(keys) == {thumbprint(public_key)}
    verifier = Verifier(keys, REGISTRY)
    for message in messages:
        verifier.message(message)
    stored = feed_dump(work.config, 'public')
    assert len(stored) == turn + 1
    for line in stored:
        Verifier(keys, REGISTRY).claims(line['jws'].encode())


@needs_provider
def test_what_is_wrong_in_a_token_is_told_in_words(work, token):
    token.add_key('event', 1)
    token.add_key('twin', 2)
    token.add_key('twin', 3)
    token.add_key('old', 4, 'rsa:2048')
    refusals = {
        token.uri('object=nobodys'): 'no private key found; are token, object and PIN right',
        token.uri('object=event', 'pin-value=1234'): 'no private key found; are token, object and PIN right',
        token.uri('object=twin'): 'holds 2 private keys; name one by object= or id=',
        token.uri('object=old'): 'holds a key of type RSA; an Ed25519 key is needed',
        token.uri('object=event;type=public'): 'holds a public key only; the private one is needed',
        token.uri('object=event', 'x=y'): 'names no PIN; write ?pin-source=/PATH',
    }
    for uri, words in refusals.items():
        why = _refusal(_use(work, uri))
        assert why.startswith(f'keys.event: {uri.partition("?")[0]}: ') and words in why
    token.pin_file.chmod(0o640)
    assert f'keys.event: {token.pin_file}: its mode is 640' in _refusal(_use(work, token.uri()))
    token.pin_file.chmod(0o600)
    assert 'good' in epptapctl('check', _use(work, token.uri('id=%02'))).stdout


@needs_provider
def test_nobody_is_asked_for_a_pin_on_a_terminal(work, token):
    token.add_key('event', 1)
    for pin in ['x=y', 'pin-value=', 'pin-value=1234']:
        _use(work, token.uri(pin=pin))
        control, terminal = pty.openpty()
        try:
            done = subprocess.run([built('epptapctl'), 'check', work.config], stdin=terminal, capture_output=True,
                                  start_new_session=True, timeout=20, text=True)
            assert (done.returncode, done.stdout) == (1, '') and 'PIN' in done.stderr
            assert done.stderr.startswith('epptapctl: keys.event: ') and done.stderr.count('\n') == 1
            os.set_blocking(control, False)
            with pytest.raises(BlockingIOError):
                os.read(control, 1)
        finally:
            os.close(control)
            os.close(terminal)


def test_without_the_provider_the_refusal_says_what_is_missing(work, tmp_path, monkeypatch):
    (tmp_path / 'empty').mkdir()
    monkeypatch.setenv('OPENSSL_MODULES', str(tmp_path / 'empty'))
    _use(work, 'pkcs11:token=epptap;object=event?pin-value=1234')
    words = ('pkcs11:token=epptap;object=event: OpenSSL has no provider for pkcs11: here; Debian 13 has it in the package '
             'pkcs11-provider, Debian 12 does not: there the key must be in a file')
    assert _refusal(work.config) == f'keys.event: {words}'
    with pytest.raises(TapError) as error:
        Tap(work.config)
    assert (error.value.result, error.value.why) == (ECONFIG, words)

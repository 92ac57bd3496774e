"""A subscriber that shares no code with us, made of what everybody can install, hears the feed and can verify it."""
import base64
import json
import subprocess
import sys
import time

import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import harness
import subscriber as independent
from harness import Tap, feed_dump, object_frames, until_heard, update_frames, wait_until
from subscriber import Refused, Subscriber, Verifier, key_of_pem, keys_of_jwks


def _curve(work, name='reader'):
    return work.keys / 'server.pub', work.add_client(name)


def _last(name):
    """Is the last message about `name`?"""
    topic = independent.topic_of(name)
    return lambda messages: messages and messages[-1].topic == topic


def _about_probes(message):
    return message.topic.startswith('example.probe-')


def test_both_channels_carry_the_same_bytes_and_all_of_it_verifies(work):
    curve = _curve(work)
    begun = time.time()
    with Tap(work.config) as tap, Subscriber(work.endpoint('vetted'), curve=curve) as vetted, \
            Subscriber(work.endpoint('public')) as public:
        first = {'vetted': until_heard(tap, vetted), 'public': until_heard(tap, public)}
        for number in range(100):
            tap.transaction(*update_frames(f'd{number}.example', number))
        heard = {'vetted': vetted.collect(_last('d99.example')), 'public': public.collect(_last('d99.example'))}
        dump = {name: feed_dump(work.config, name) for name in heard}
    for name, messages in heard.items():
        verifier = Verifier(keys_of_jwks(work.log_dir(name) / 'jwks.json'), harness.REGISTRY)
        claims = [verifier.message(message) for message in [first[name], *messages]]
        assert all(begun - 0.001 <= one['toe'] <= time.time() for one in claims)
        assert [one['txn'] for one in claims if one['sub_id']['uri'].startswith('dns:d')] == \
            [f'S-{number}' for number in range(100)]
        places = [first[name].index] + [message.index for message in messages]
        assert places == list(range(places[0], places[0] + len(places)))
        assert [(line['index'], line['jws'].encode()) for line in dump[name]][places[0]:] == \
            [(message.index, message.jws) for message in [first[name], *messages]]
    assert [message.jws for message in heard['vetted']][-100:] == [message.jws for message in heard['public']][-100:]


def test_jwks_holds_the_key_of_the_config_and_no_other(work):
    with Tap(work.config):
        pass
    for name in ('vetted', 'public'):
        assert set(keys_of_jwks(work.log_dir(name) / 'jwks.json')) == set(key_of_pem(work.keys / 'event.pem'))


def test_a_subscriber_of_one_name_hears_it_with_its_hosts_and_nothing_else(work):
    with Tap(work.config) as tap, Subscriber(work.endpoint('public'), ['example.probe-', 'example.mine.']) as public:
        until_heard(tap, public)
        for name in ('mine.example', 'other.example', 'mine2.example', 'minefield.example'):
            tap.transaction(*update_frames(name))
        host = update_frames('ns1.mine.example')
        tap.transaction(host[0].replace(b'domain-1.0', b'host-1.0').replace(b'<d:add><d:ns><d:hostObj>ns0.hoster.example'
                        b'</d:hostObj></d:ns></d:add>', b''), host[1])
        messages = public.collect(_last('ns1.mine.example'))
        assert [message.topic for message in messages if not _about_probes(message)] == \
            ['example.mine.', 'example.mine.ns1.']


def test_a_renamed_host_is_told_under_both_names(work):
    case, = [case for case in harness.cases() if case.name == 'host-rename']
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as public:
        until_heard(tap, public)
        tap.show(*case.steps)
        tap.transaction(*update_frames('end.example'))
        messages = [message for message in public.collect(_last('end.example')) if not _about_probes(message)]
    verifier = Verifier(key_of_pem(work.keys / 'event.pem'), harness.REGISTRY)
    assert [message.topic for message in messages] == ['example.hoster.ns1.', 'example.hoster.ns9.', 'example.end.']
    assert messages[0].jws == messages[1].jws
    assert verifier.message(messages[1])['sub_id']['uri'] == 'dns:ns1.hoster.example'


def test_a_stranger_hears_nothing_on_the_vetted_channel(work, tmp_path):
    stranger_key = tmp_path / 'stranger.key'
    stranger_key.write_text(zmq.curve_keypair()[1].decode())
    curve = _curve(work)
    with Tap(work.config) as tap, Subscriber(work.endpoint('vetted'), curve=curve) as listed, \
            Subscriber(work.endpoint('vetted'), curve=(curve[0], stranger_key)) as stranger, \
            Subscriber(work.endpoint('vetted')) as plain:
        until_heard(tap, listed)
        wait_until('the stranger is refused at the door',
                   lambda: tap.stats()['publisher']['door']['refused']['unknown_key'] > 0)
        tap.transaction(*update_frames('end.example'))
        assert listed.collect(_last('end.example'))
        # what reached the listed one was sent to all who are connected
        assert stranger.receive(300) is None
        assert plain.receive(300) is None
        wait_until('one is counted', lambda: tap.stats()['publisher']['door']['admitted'] == 1)


def test_a_create_comes_late_on_the_public_channel_and_what_follows_waits_with_it(work):
    work.write_config(delay={'create': '6s'})
    curve = _curve(work)
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as public, \
            Subscriber(work.endpoint('vetted'), curve=curve) as vetted:
        until_heard(tap, public)
        until_heard(tap, vetted)
        begun = time.monotonic()
        tap.transaction(*object_frames('create', 'fresh.example', 1))
        tap.transaction(*update_frames('fresh.example', 2))
        tap.transaction(*update_frames('known.example', 3))
        tap.flush()
        assert vetted.collect(_last('known.example'))
        assert time.monotonic() - begun < 5.5
        held = wait_until('two are held', lambda: [line for line in feed_dump(work.config, 'public') if 'held' in line])
        assert [(line['index'], line['held']) for line in held] == [(None, 'create')] * 2
        assert all(0 <= line['release_in_ms'] <= 6000 for line in held)
        messages = public.collect(lambda some: len(some) > 1 and some[-1].topic == some[-2].topic == 'example.fresh.')
        assert time.monotonic() - begun >= 5.99
    assert [message.topic for message in messages if not _about_probes(message)] == \
        ['example.known.', 'example.fresh.', 'example.fresh.']
    verifier = Verifier(key_of_pem(work.keys / 'event.pem'), harness.REGISTRY)
    assert [verifier.message(message)['txn'] for message in messages[-2:]] == ['S-1', 'S-2']


def test_the_command_line_prints_verified_claims(work):
    curve = _curve(work)
    with Tap(work.config) as tap:
        reader = subprocess.Popen(
            [sys.executable, independent.__file__, work.endpoint('vetted'), '--jwks',
             str(work.log_dir('vetted') / 'jwks.json'), '--curve', *map(str, curve), '--count', '1', '--timeout', '15'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def ended():
            tap.transaction(*update_frames('probe-1.example', 1))
            return reader.poll() is not None
        wait_until('the reader has heard one and ended', ended, 15, every=0.05)
        out, errors = reader.communicate()
    assert (reader.returncode, errors) == (0, '')
    line = json.loads(out)
    assert line['topic'] == 'example.probe-1.'
    assert line['claims']['txn'] == 'S-1'


# That the verifier itself refuses what it must: else the tests above would prove little

@pytest.fixture(scope='module')
def signed():
    """A key, and a function that signs claims (or raw bytes) with it under any header."""
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(independent.serialization.Encoding.Raw,
                                            independent.serialization.PublicFormat.Raw)
    keys = {independent.thumbprint(raw): private.public_key()}

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')

    def sign(claims, **header):
        header = {'alg': 'EdDSA', 'kid': next(iter(keys)), 'typ': 'secevent+jwt', **header}
        text = part(json.dumps(header).encode()) + b'.' + \
            part(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
        return text + b'.' + part(private.sign(text))
    return keys, sign


def _claims(**changes):
    value = {'objectClassName': 'domain', 'ldhName': 'a.example', 'initiator': 'registrar', 'outcome': 'completed',
             **changes.pop('value', {})}
    now = int(time.time())
    claims = {'iss': harness.REGISTRY, 'jti': 'AAAAAAAAAAAAAAAAAAAAAA', 'iat': now, 'toe': now - 1 + 0.125, 'txn': 'S-1',
              'sub_id': {'format': 'uri', 'uri': 'dns:a.example'},
              'events': {'urn:ietf:params:xml:ns:domain-1.0#update': value}, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def _verifier(keys):
    return Verifier(keys, harness.REGISTRY)


def test_the_verifier_takes_a_good_event(signed):
    keys, sign = signed
    for alg in ('EdDSA', 'Ed25519'):
        assert _verifier(keys).claims(sign(_claims(), alg=alg))['txn'] == 'S-1'


def test_the_verifier_takes_an_event_of_an_object_without_a_name_under_its_topic(signed):
    keys, sign = signed
    value = {'objectClassName': 'keyset', 'handle': 'K/1', 'initiator': 'registry', 'outcome': 'rejected'}
    jws = sign(_claims(sub_id={'format': 'uri', 'uri': 'urn:epptap:keyset:K%2F1'},
                       events={'http://www.nic.cz/xml/epp/keyset-1.3#transfer': value}))
    assert _verifier(keys).message(independent.Message('~keyset.k/1.', 0, jws))
    with pytest.raises(Refused, match='under the topic'):
        _verifier(keys).message(independent.Message('~keyset.K/1.', 0, jws))
    other = sign(_claims(sub_id={'format': 'uri', 'uri': 'urn:epptap:nsset:K%2F1'},
                         events={'http://www.nic.cz/xml/epp/keyset-1.3#transfer': value}))
    with pytest.raises(Refused, match='differ'):
        _verifier(keys).claims(other)


WRONG_HEADERS = [
    ({'alg': 'none'}, 'signed with none'), ({'alg': 'HS256'}, 'signed with HS256'), ({'typ': 'JWT'}, 'not a security'),
    ({'kid': 'x'}, 'not trusted'), ({'jwk': {}}, 'other members'), ({'jku': 'https://a.example'}, 'other members'),
    ({'x5u': 'https://a.example'}, 'other members'), ({'x5c': []}, 'other members'), ({'crit': ['b64']}, 'other members'),
    ({'b64': False}, 'other members'),
]


@pytest.mark.parametrize('header, why', WRONG_HEADERS)
def test_the_verifier_refuses_other_headers(signed, header, why):
    keys, sign = signed
    with pytest.raises(Refused, match=why):
        _verifier(keys).claims(sign(_claims(), **header))


WRONG_CLAIMS = [
    ({'iss': 'https://other.example'}, 'another registry'), ({'jti': 'AAAA'}, '128 bits'), ({'jti': None}, 'other claims'),
    ({'iat': 1.5}, 'iat 1.5'), ({'iat': 1 << 40}, 'PyJWT refuses'), ({'toe': 5}, 'three decimals'),
    ({'toe': int(time.time()) + 10 ** 6 + 0.125}, 'before it happened'), ({'txn': 'two words'}, 'no token'),
    ({'sub': 'x'}, 'other claims'), ({'exp': 1 << 40}, 'other claims'), ({'aud': 'x'}, 'PyJWT refuses'),
    ({'sub_id': {'format': 'uri', 'uri': 'dns:b.example'}}, 'differ'), ({'events': {}}, 'exactly one'),
    ({'value': {'impact': []}}, 'empty member'), ({'value': {'impact': ['lock', 'create']}}, 'impact'),
    ({'value': {'contact': 'x'}}, 'nobody knows'), ({'value': {'ldhName': 'A.example'}}, 'differ'),
    ({'value': {'objectClassName': 'nameserver'}}, 'objectClassName'), ({'value': {'outcome': 'failed'}}, 'outcome'),
]


@pytest.mark.parametrize('claims, why', WRONG_CLAIMS)
def test_the_verifier_refuses_other_claims(signed, claims, why):
    keys, sign = signed
    with pytest.raises(Refused, match=why):
        _verifier(keys).claims(sign(_claims(**claims)))


def test_the_verifier_refuses_members_that_come_twice(signed):
    keys, sign = signed
    text = json.dumps(_claims())
    with pytest.raises(Refused, match='twice'):
        _verifier(keys).claims(sign(text.replace('"iss"', '"txn": "S-2", "iss"').encode()))


def test_the_verifier_refuses_an_event_that_comes_twice(signed):
    keys, sign = signed
    verifier, jws = _verifier(keys), sign(_claims())
    verifier.claims(jws)
    with pytest.raises(Refused, match='came before'):
        verifier.claims(jws)


def test_the_verifier_refuses_each_changed_character(signed):
    keys, sign = signed
    jws = sign(_claims())
    for at in range(len(jws)):
        changed = bytearray(jws)
        changed[at] = ord('B' if jws[at] == ord('A') else 'A')
        with pytest.raises(Refused):
            _verifier(keys).claims(bytes(changed))


def test_the_verifier_refuses_a_wrong_topic(signed):
    keys, sign = signed
    jws = sign(_claims())
    assert _verifier(keys).message(independent.Message('example.a.', 0, jws))
    with pytest.raises(Refused, match='under the topic'):
        _verifier(keys).message(independent.Message('example.b.', 0, jws))

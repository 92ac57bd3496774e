"""Under a mixed load of several registrars, the feed is the journal's changes: each, once, as it was, in order."""
import base64
import concurrent.futures
import random

import pytest

import frames
from harness import Refepp, feed_dump, wait_until
from oracle import expected_events, journal, take_chains
from subscriber import Subscriber, Verifier, key_of_pem, topic_of

USERS = {'ClientA': 'password-a', 'ClientB': 'password-b', 'ClientC': 'password-c'}
CONNECTIONS = ['ClientA', 'ClientB', 'ClientC', 'ClientA']
ROUNDS = 300
LOCKS = ['clientTransferProhibited', 'clientUpdateProhibited', 'clientDeleteProhibited', 'clientRenewProhibited']
KEY = base64.b64encode(b'made up'.ljust(64, b'!')).decode()


def _story(client, me, other):
    """Each kind of change and each kind of failure once; the codes that came."""
    name, host = f'Story-{me}.example', f'ns1.story-{me}.example'
    outside = [f'ns{number}.{me}.elsewhere.test' for number in (1, 2, 3)]
    frames.do(client, *map(frames.create_host, outside), frames.create_contact(f'con-{me}'),
              frames.create_domain(name, outside[:2], [frames.ds(1), frames.key(KEY)], f'con-{me}',
                                   [('admin', f'con-{me}')], max_sig_life=86400),
              frames.create_host(host, ['192.0.2.7', '2001:0db8:0:0::7']),
              frames.update_domain(name, [host, outside[2]], outside[:1]),
              frames.update_domain(name, add_ds=[frames.ds(2)], remove_ds=[frames.ds(1)]),
              frames.update_domain(name, remove_all_ds=True),
              frames.update_domain(name, add_ds=[frames.ds(3)]),
              frames.update_domain(name, max_sig_life=3600),
              frames.update_domain(name, add_status=['clientHold']),
              frames.update_domain(name, remove_status=['clientHold'], add_contacts=[('tech', f'con-{me}')]),
              frames.update_domain(name, registrant=f'con-{me}', password='other-made-up'),
              frames.update_domain(name, add_status=LOCKS))
    codes = [frames.code_of(client.command(command)) for command in [
        frames.update_domain(name, [outside[0]]),  # locked
        frames.delete_domain(name),
        frames.update_domain(f'nobodys-{me}.example', add_status=['clientHold']),
        frames.create_domain(name),
        frames.update_domain(f'taken-{other}.example', add_status=['clientHold']),
        frames.create_domain(f'odd-{me}.example', [f'ns.unknown-{me}.test']),
        '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create>',
        frames.check_domain(name), frames.info_domain(name)]]
    frames.do(client, frames.update_domain(name, remove_status=['clientUpdateProhibited']),
              frames.update_domain(name, remove_status=sorted(set(LOCKS) - {'clientUpdateProhibited'})),
              frames.renew_domain(name, frames.expires_on(client, name)),
              frames.update_host(host, ['192.0.2.8'], ['192.0.2.7']),
              frames.update_host(host, new_name=f'ns9.story-{me}.example'))
    codes += [frames.code_of(client.command(frames.delete_host(f'ns9.story-{me}.example'))),  # in use
              frames.code_of(client.command(frames.delete_domain(name)))]  # has a host below
    frames.do(client, frames.update_domain(name, remove_ns=[f'ns9.story-{me}.example']),
              frames.delete_host(f'ns9.story-{me}.example'), frames.delete_domain(name))
    return codes


def _random_command(choice, me):
    """Anything about a few names, as likely to fail as not."""
    name = f'pool-{choice.randrange(6)}.example'
    host = f'ns{choice.randrange(2)}.{name}'
    outside = f'ns{choice.randrange(1, 4)}.{choice.choice(CONNECTIONS)}-{choice.randrange(4)}.elsewhere.test'
    status = choice.choice(LOCKS[:1] + ['clientHold'])
    return choice.choice([
        lambda: frames.create_domain(name, [outside] if choice.random() < .5 else []),
        lambda: frames.create_domain(name, ds=[frames.ds(choice.randrange(4))]),
        lambda: frames.update_domain(name, [outside]),
        lambda: frames.update_domain(name, remove_ns=[outside]),
        lambda: frames.update_domain(name, [host], [outside]),
        lambda: frames.update_domain(name, add_status=[status]),
        lambda: frames.update_domain(name, remove_status=[status]),
        lambda: frames.update_domain(name, add_ds=[frames.ds(choice.randrange(4))]),
        lambda: frames.update_domain(name, remove_ds=[frames.ds(choice.randrange(4))]),
        lambda: frames.delete_domain(name),
        lambda: frames.create_host(host, ['192.0.2.1']),
        lambda: frames.update_host(host, ['192.0.2.2', '2001:db8::2']),
        lambda: frames.delete_host(host),
        lambda: frames.create_contact(f'c-{me}-{choice.randrange(100)}'),
        lambda: frames.check_domain(name),
        lambda: frames.info_domain(name),
    ])()


def _registrar(front_end, number):
    """One connection's session; its story's codes."""
    user, me = CONNECTIONS[number], f'{number}'
    with front_end.client() as client:
        with pytest.raises(AssertionError, match='2200'):
            client.login(user, 'wrong-password')
        client.login(user, USERS[user])
        frames.do(client, frames.create_domain(f'taken-{me}.example'))
        for at in range(4):
            for host in range(1, 4):
                client.command(frames.create_host(f'ns{host}.{user}-{at}.elsewhere.test'))
        other = (number + 1) % len(USERS)  # another registrar's
        wait_until('the other registrar has its name', lambda: b'avail="0"' in client.command(
            frames.check_domain(f'taken-{other}.example')))
        codes = _story(client, me, f'{other}')
        choice = random.Random(number)
        for _ in range(ROUNDS):
            client.command(_random_command(choice, me))
    return codes


def _until_heard(front_end, subscriber):
    """Makes changes until the subscriber hears one: from then on it hears all."""
    with front_end.client() as client:
        client.login('ClientA', USERS['ClientA'])
        number = 0

        def look():
            nonlocal number
            number += 1
            frames.do(client, frames.create_host(f'ns{number}.probe.test'))
            return subscriber.receive(50)
        return wait_until('the subscriber hears', look, every=0)


def _without_times(claims):
    return {name: value for name, value in claims.items() if name not in ('iss', 'jti', 'iat', 'toe')}


def test_the_feed_is_the_journals_changes_in_its_order(work):
    own_key = work.add_client('reader')
    work.write_config()
    with Refepp(work.path / 'front', USERS, work.config) as front_end, \
            Subscriber(work.endpoint('vetted'), curve=(work.keys / 'server.pub', own_key)) as subscriber:
        messages = [_until_heard(front_end, subscriber)]
        with concurrent.futures.ThreadPoolExecutor(len(CONNECTIONS)) as pool:
            stories = list(pool.map(lambda number: _registrar(front_end, number), range(len(CONNECTIONS))))
        expected = expected_events(front_end.journal)
        wait_until('all is published', lambda: front_end.stats()['publisher']['published'] >= len(expected))
        stats = front_end.stats()
        vetted, public = feed_dump(work.config, 'vetted'), feed_dump(work.config, 'public')
        messages += subscriber.collect(lambda got: got and got[-1].index == len(expected) - 1)

    # the load was what it is meant to be
    for codes in stories:
        assert codes == [2304, 2304, 2303, 2302, 2201, 2303, 2001, 1000, 1000, 2305, 2305]
    assert len(expected) > 150
    assert {line['object'] for line in journal(front_end.journal)} == {'domain', 'host', 'contact'}
    assert {line['registrar'] for line in journal(front_end.journal)} == set(USERS)

    # vetted is the journal, in order, and nothing else
    assert [line['index'] for line in vetted] == list(range(len(expected)))
    take_chains([line['event'] for line in vetted])
    for line, (event, seconds) in zip(vetted, expected):
        assert _without_times(line['event']) == event
        assert seconds - 0.001 <= line['event']['toe'] < seconds + 5
    assert stats['publisher']['published'] == len(expected) == stats['changes']
    assert sum(stats['lost'].values()) == 0
    assert len({line['event']['jti'] for line in vetted}) == len(vetted)
    # the same bytes on the other channel
    assert [line['jws'] for line in public] == [line['jws'] for line in vetted]

    # what was received live is what is in the store, under the topics of its names
    verifier = Verifier(key_of_pem(work.keys / 'event.pem'), 'https://registry.example')
    received = {}
    for message in messages:
        if message.index not in received:
            verifier.message(message)
        received.setdefault(message.index, (message.jws.decode(), []))[1].append(message.topic)
    assert list(received) == list(range(messages[0].index, len(expected)))
    for index, (jws, topics) in received.items():
        assert jws == vetted[index]['jws']
        (value,) = vetted[index]['event']['events'].values()
        names = [value['ldhName']] + [value.get('set', {}).get('ldhName')]
        assert topics == [topic_of(name) for name in names if name]


def test_the_mixed_load_shows_each_impact_that_a_front_end_without_transfers_can_have(work):
    """The other test would prove little if the load had no such changes."""
    with Refepp(work.path / 'front', USERS, work.config, options=['--grace']) as front_end, front_end.client() as client:
        client.login('ClientA', USERS['ClientA'])
        frames.do(client, frames.create_domain('taken-other.example'))
        _story(client, 'me', 'other')
        frames.do(client, frames.restore_domain('story-me.example'))
        expected = expected_events(front_end.journal)
        wait_until('all is published', lambda: front_end.stats()['publisher']['published'] >= len(expected))
        events = [line['event'] for line in feed_dump(work.config, 'vetted')]
    take_chains(events)
    values = [next(iter(event['events'].values())) for event in events]
    assert [_without_times(event) for event in events] == [event for event, _ in expected]
    impacts = {impact for value in values for impact in value.get('impact', [])}
    assert impacts == set('create delete restore renew delegation glue dnssec-added dnssec-changed dnssec-removed'
                          ' lock unlock hold unhold contacts'.split())
    assert {value['outcome'] for value in values} == {'completed', 'pending'}

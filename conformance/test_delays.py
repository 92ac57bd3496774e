"""Creates and deletes come late on the public channel, and nothing else does: seen from a front end, end to end."""
import contextlib
import itertools
import time

import pytest

import frames
from harness import Refepp, about_names, feed_dump, told, wait_until
from subscriber import Subscriber

USERS = {'ClientA': 'password-a', 'ClientB': 'password-b'}
LONG = {'create': '1h', 'delete': '1h'}


@contextlib.contextmanager
def _front_end(work, *options):
    """A front end with a client of ClientA."""
    with Refepp(work.path / 'front', USERS, work.config, options=options) as front_end, front_end.client() as client:
        client.login('ClientA', USERS['ClientA'])
        yield front_end, client


def _sent(work, channel='public'):
    return [told(line) for line in about_names(feed_dump(work.config, channel)) if line['index'] is not None]


def _held(work, channel='public'):
    return [told(line) for line in about_names(feed_dump(work.config, channel)) if line['index'] is None]


def _until_vetted(work, *last):
    """Until the vetted channel ends in these events: what the public one has not by then, it holds."""
    wait_until(f'vetted ends in {last}', lambda: _sent(work, 'vetted')[-len(last):] == list(last))


@pytest.fixture
def known(work):
    """A registry whose names were there before there were delays."""
    with _front_end(work, '--grace') as (_, client):
        frames.do(client, frames.create_host('ns1.elsewhere.test'),
                  frames.create_domain('bank.example', ['ns1.elsewhere.test']), frames.create_domain('old.example'))
        wait_until('all is published', lambda: len(_sent(work)) == 3)
    work.write_config(delay=LONG)
    return _sent(work)


def test_all_about_a_new_name_waits_and_comes_in_order_at_the_delay(work):
    work.write_config(delay={'create': '8s', 'delete': '1h'})
    about_shop = ['create shop.example', 'create ns.shop.example', 'update shop.example', 'update ns.shop.example',
                  'update shop.example', 'delete ns.shop.example', 'renew shop.example', 'delete shop.example']
    with _front_end(work) as (_, client), Subscriber(work.endpoint('public')) as subscriber:
        names = (f'ns{number}.elsewhere.test' for number in itertools.count())
        wait_until('the subscriber hears', lambda: frames.do(client, frames.create_host(next(names))) and
                   subscriber.receive(50), every=0)
        frames.do(client, frames.create_domain('shop.example'), frames.create_host('ns.shop.example', ['192.0.2.1']),
                  frames.update_domain('shop.example', ['ns.shop.example']),
                  frames.update_host('ns.shop.example', ['192.0.2.2']),
                  frames.update_domain('shop.example', remove_ns=['ns.shop.example'], add_ds=[frames.ds(1)]),
                  frames.delete_host('ns.shop.example'))
        frames.do(client, frames.renew_domain('shop.example', frames.expires_on(client, 'shop.example')),
                  frames.delete_domain('shop.example'), frames.create_host('ns1.outside.test'))
        _until_vetted(work, *about_shop, 'create ns1.outside.test')
        assert _held(work) == about_shop
        assert 'create shop.example' not in _sent(work) and _sent(work)[-1] == 'create ns1.outside.test'

        heard = subscriber.collect(lambda got: sum(message.topic.startswith('example.shop.') for message in got) == 8)
        assert heard is not None
        now = time.time()
        lines = [line for line in feed_dump(work.config, 'public') if 'shop.example' in told(line)]
        assert [told(line) for line in lines] == about_shop
        assert [message.jws.decode() for message in heard][-8:] == [line['jws'] for line in lines]
        assert now - lines[0]['event']['toe'] >= 8
        assert _held(work) == []
        assert [told(line) for line in feed_dump(work.config, 'vetted') if 'shop.example' in told(line)] == about_shop


def test_news_of_a_known_name_goes_at_once_though_it_mentions_a_hidden_one(work, known):
    with _front_end(work) as (_, client):
        frames.do(client, frames.create_domain('thief.example'), frames.create_host('ns.thief.example', ['192.0.2.66']),
                  frames.update_domain('bank.example', ['ns.thief.example'], ['ns1.elsewhere.test']),
                  frames.create_host('ns.bank.example'))
        _until_vetted(work, 'update bank.example', 'create ns.bank.example')
        assert _sent(work) == known + ['update bank.example', 'create ns.bank.example']
        assert _held(work) == ['create thief.example', 'create ns.thief.example']
        (value,) = feed_dump(work.config, 'public')[3]['event']['events'].values()
        assert value['add']['nameservers'] == [{'ldhName': 'ns.thief.example'}]


def test_a_held_delete_comes_out_with_a_restore_at_once(work, known):
    with _front_end(work, '--grace') as (_, client):
        frames.do(client, frames.delete_domain('bank.example'))
        _until_vetted(work, 'delete bank.example')
        assert (_sent(work), _held(work)) == (known, ['delete bank.example'])
        frames.do(client, frames.restore_domain('bank.example'))
        _until_vetted(work, 'delete bank.example', 'update bank.example')
        assert _held(work) == []
        assert _sent(work) == known + ['delete bank.example', 'update bank.example']
        frames.do(client, frames.update_domain('bank.example', add_status=['clientHold']))
        _until_vetted(work, 'update bank.example', 'update bank.example')
        assert _sent(work)[-1] == 'update bank.example' and _held(work) == []


def test_a_held_delete_comes_out_when_somebody_else_takes_the_name(work, known):
    with _front_end(work) as (front_end, client), front_end.client() as other:
        other.login('ClientB', USERS['ClientB'])
        frames.do(client, frames.delete_domain('old.example'))
        _until_vetted(work, 'delete old.example')
        assert _held(work) == ['delete old.example']
        frames.do(other, frames.create_domain('old.example', ['ns1.elsewhere.test']))
        _until_vetted(work, 'delete old.example', 'create old.example')
        assert (_sent(work), _held(work)) == (known + ['delete old.example', 'create old.example'], [])


def test_holds_survive_the_end_of_the_process_however_it_comes(work, known):
    work.write_config(delay={'create': '10s', 'delete': '1h'})
    about_shop = ['create shop.example', 'update shop.example']
    with _front_end(work) as (front_end, client):
        frames.do(client, frames.create_domain('shop.example'), frames.delete_domain('old.example'))
        _until_vetted(work, 'create shop.example', 'delete old.example')
        assert front_end.stop() == 0
    left = [line['release_in_ms'] for line in feed_dump(work.config, 'public') if line['index'] is None]
    assert len(left) == 2
    with _front_end(work) as (front_end, client):
        frames.do(client, frames.update_domain('shop.example', add_status=['clientHold']))
        _until_vetted(work, 'update shop.example')
        assert sorted(_held(work)) == sorted(about_shop + ['delete old.example'])
        now_left = [line['release_in_ms'] for line in feed_dump(work.config, 'public') if line['index'] is None]
        assert min(now_left) < min(left) <= 10000 and max(now_left) < max(left) <= 3600000
        front_end.kill()
    with _front_end(work):
        created = next(line['event']['toe'] for line in about_names(feed_dump(work.config, 'vetted'))
                       if told(line) == about_shop[0])
        assert _sent(work) == known or time.time() - created > 9.9
        wait_until('the new name comes out', lambda: _sent(work) == known + about_shop)
        assert time.time() - created >= 9.99
        assert _held(work) == ['delete old.example']


def test_zones_have_delays_of_their_own(work):
    work.write_config(delay={**LONG, 'zones': {'co.example': {'create': '0s'}, 'net.example': {'delete': '0s'}}})
    with _front_end(work) as (_, client):
        names = ['shop.example', 'shop.co.example', 'shop.net.example']
        frames.do(client, *map(frames.create_domain, names))
        _until_vetted(work, *(f'create {name}' for name in names))
        assert _sent(work) == ['create shop.co.example']
        assert sorted(_held(work)) == ['create shop.example', 'create shop.net.example']
        frames.do(client, *map(frames.delete_domain, names))
        _until_vetted(work, *(f'delete {name}' for name in names))
        # a zone that says nothing of deletes has the channel's delay
        assert _sent(work) == ['create shop.co.example']
        assert 'delete shop.co.example' in _held(work)
        # the delete of a hidden name waits with it
        assert [text for text in _held(work) if 'net' in text] == ['create shop.net.example', 'delete shop.net.example']


def test_zones_of_one_channel_come_out_each_at_its_own_delay(work):
    work.write_config(delay={**LONG, 'zones': {'net.example': {'create': '10s', 'delete': '1h'}, 'co.example': {'create': '2s'}}})
    with _front_end(work) as (_, client):
        since = time.clock_gettime(time.CLOCK_BOOTTIME)
        frames.do(client, *map(frames.create_domain, ['shop.net.example', 'shop.example', 'shop.co.example']),
                  frames.create_host('ns.shop.co.example'))
        _until_vetted(work, 'create shop.co.example', 'create ns.shop.co.example')
        for names, delay in [(['create shop.co.example', 'create ns.shop.co.example'], 2), (['create shop.net.example'], 10)]:
            wait_until(f'{names} comes out', lambda names=names: _sent(work)[-len(names):] == names)
            assert delay <= time.clock_gettime(time.CLOCK_BOOTTIME) - since < delay + 7
        assert len(_sent(work)) == 3 and _held(work) == ['create shop.example']

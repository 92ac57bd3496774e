"""epptap_begin() and epptap_end(): no change goes missing between a command and its answer; and `durability: wait`."""
import contextlib
import json
import threading
import time

import pytest

import frames
from harness import (EFULL, EINVAL, ETIMEOUT, OK, Refepp, Tap, Work, epptapctl, feed_dump, gaps_in, object_frames, occupied,
                     success, txns_in, wait_feed, wait_until)
from oracle import journal, take_chains
from workers import Workers, change

TICKETS = 16384  # that can be open at once
TINY = {'queue': '1MiB', 'frame_limit': '128KiB'}
UNREADABLE = object_frames('update', 'bank.example')[0].replace(b'</d:name>', b'')
USERS = {'ClientA': 'password-a'}


def _command(name='bank.example'):
    return change(name, '')[0]


def _flushed(tap, work, count):
    """The events of a channel, which are `count`, once all is published: more would come before the last one."""
    tap.transaction(*change('end.example', 'end'))
    tap.flush()
    lines = wait_until('all is published', lambda: (
        lambda lines: lines if 'end' in txns_in(lines) else None)(feed_dump(work.config, 'vetted')))
    assert txns_in(lines)[-1] == 'end'
    assert [line['jws'] for line in lines] == [line['jws'] for line in feed_dump(work.config, 'public')]
    assert len(lines) == count + 1, lines
    return [line['event'] for line in lines[:-1]]


def _value(event):
    (value,) = event['events'].values()
    return value


def _outcomes(lines):
    """(name, outcome) of all that are about names, in order."""
    return [(value['ldhName'], value['outcome']) for value in (_value(line['event']) for line in lines) if 'outcome' in value]


def test_a_command_that_was_completed_is_one_event_as_if_shown_at_once(work):
    command = frames.update_domain('bank.example', ['ns1.elsewhere.test'], add_status=['clientHold'])
    with Tap(work.config) as tap:
        tap.transaction(command, success('S-1'))
        tap.end(tap.begin(command), success('S-2'))
        tap.end(tap.begin(command, None), success('S-3', code=1001))
        at_once, in_two, pending = _flushed(tap, work, 3)
        stats = tap.stats()
    assert (at_once['txn'], in_two['txn'], pending['txn']) == ('S-1', 'S-2', 'S-3')
    take_chains([at_once, in_two, pending])
    assert in_two['events'] == at_once['events']
    assert _value(pending)['outcome'] == 'pending' and 'registrar' not in _value(pending)
    assert stats['intents'] == {'noted': 2, 'ended': 2, 'given_up': 0, 'unknown': 0}


def test_an_event_is_of_the_time_of_its_end(work):
    with Tap(work.config) as tap:
        ticket = tap.begin(_command())
        tap.transaction(*change('between.example', 'between'))
        began = time.time()
        wait_until('it is later', lambda: time.time() > began + 0.05)
        tap.end(ticket, success('S-1'))
        between, ended = _flushed(tap, work, 2)
    assert (between['txn'], ended['txn']) == ('between', 'S-1')
    assert ended['toe'] >= began + 0.05 - 0.001


@pytest.mark.parametrize('response', [success('S-1', code=2303), b''], ids=['failed', 'given up'])
def test_a_command_that_came_to_nothing_is_no_event(work, response):
    with Tap(work.config) as tap:
        ticket = tap.begin(_command())
        tap.flush()
        tap.end(ticket, response)
        tap.end(tap.begin(_command()), response)
        assert _flushed(tap, work, 0) == []
        # what came to nothing before it was looked at is not noted
        assert tap.stats()['intents'] | {'noted': 0} == {'noted': 0, 'ended': 0, 'given_up': tap.stats()['intents']['noted'],
                                                         'unknown': 0}
    with Tap(work.config) as tap:  # nor after a restart
        tap.transaction(*change('end.example', 'again'))
        tap.wait_published(1)
    assert txns_in(feed_dump(work.config, 'public')) == ['end', 'again']


def test_a_query_has_no_ticket(work):
    with Tap(work.config) as tap:
        for command in frames.check_domain('bank.example'), frames.info_domain('bank.example'):
            ticket = tap.begin(command)
            assert ticket == 0
            tap.end(ticket, success('S-1'))
        assert _flushed(tap, work, 0) == []
        assert tap.stats()['skipped'] == 2


def test_what_the_command_or_its_response_can_not_be_read_is_a_gap(work):
    with Tap(work.config) as tap:
        tap.end(tap.begin(UNREADABLE), success('S-1'))
        tap.end(tap.begin(_command()), '<half a response code="1000"')
        tap.end(tap.begin(UNREADABLE), success('S-2', code=2001))
        tap.end(tap.begin(UNREADABLE))
        command, response = map(_value, _flushed(tap, work, 2))
    assert command == {'reason': 'malformed', 'count': 1, 'from': command['to'], 'to': command['to'], 'registrar': 'ClientX',
                       'txn': 'S-1'}
    assert response == {'reason': 'malformed', 'count': 1, 'from': response['to'], 'to': response['to'], 'registrar': 'ClientX'}


def test_a_ticket_is_good_once_and_for_its_own_tap(work, tmp_path_factory):
    with Tap(work.config) as tap, Tap(Work(tmp_path_factory.mktemp('other')).config) as other:
        ticket, foreign = tap.begin(_command()), other.begin(_command())
        assert ticket != foreign
        for wrong in foreign, ticket + 1, ticket + TICKETS, 1, TICKETS, 2**64 - 1:
            tap.end(wrong, success('S-0'), expect=EINVAL)
        tap.end(ticket, success('S-1'))
        tap.end(ticket, success('S-2'), expect=EINVAL)
        tap.flush()
        tap.end(ticket, expect=EINVAL)
        again = tap.begin(_command())
        tap.end(ticket, success('S-3'), expect=EINVAL)
        tap.end(again, success('S-4'))
        other.end(foreign)
        assert [event['txn'] for event in _flushed(tap, work, 2)] == ['S-1', 'S-4']


def test_tickets_end_on_any_thread_in_any_order(work):
    with Tap(work.config) as tap:
        tickets = [(tap.begin(_command(f'n{number}.example')), number) for number in range(400)]
        assert len({ticket for ticket, _ in tickets}) == 400
        tap.flush()

        def end(some):
            for ticket, number in some:
                tap.end(ticket, success(f'S-{number}') if number % 2 else b'')
        threads = [threading.Thread(target=end, args=(tickets[::-1][part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = _flushed(tap, work, 200)
        assert tap.stats()['intents'] == {'noted': 400, 'ended': 200, 'given_up': 200, 'unknown': 0}
    assert sorted(event['txn'] for event in events) == sorted(f'S-{number}' for number in range(1, 400, 2))
    assert all(_value(event)['ldhName'] == f'n{event["txn"][2:]}.example' for event in events)


def test_one_ticket_too_many_is_a_gap_and_all_others_stay_good(work):
    command = _command()
    with Tap(work.config) as tap:
        tickets = [tap.begin(command) for _ in range(TICKETS)]
        assert tap.begin(command, 'Late', expect=EFULL) == 0
        for number, ticket in enumerate(tickets):
            tap.end(ticket, success('S-last') if number == TICKETS - 1 else b'')
        lines = wait_feed('both are told', work.config, 'public', lambda lines: len(lines) == 2)
        wait_until('the others are closed', lambda: (lambda seen: seen['noted'] == seen['ended'] + seen['given_up'])(
            tap.stats()['intents']))
        tap.end(tap.begin(command))
        assert tap.stats()['lost']['no_ticket'] == 1
    gap, = gaps_in(lines)
    assert (gap['reason'], gap['count'], gap['registrar']) == ('no_ticket', 1, 'Late')
    assert txns_in(lines) == ['S-last']


# The front end dies in between

def test_a_command_that_died_with_its_front_end_is_told_once_as_unknown(work):
    command = frames.update_domain('bank.example', ['ns1.evil.test'])
    with Workers(work.path, 1) as (worker,):
        worker.ask('open', str(work.config))
        worker.ask('end', worker.ask('begin', frames.delete_domain('over.example')), success('S-1').decode())
        worker.ask('end', worker.ask('begin', frames.delete_domain('failed.example')), success('S-2', 2303).decode())
        before = time.time()
        worker.ask('begin', command, 'ClientY')
        after = time.time()
        worker.ask('begin', frames.info_domain('bank.example'))
        worker.ask('flush')
        worker.kill()
    for _ in range(2):  # and not again
        with Tap(work.config) as tap:
            tap.transaction(*change('end.example', 'end'))
            tap.wait_published(1)
            wait_until('the death is told', lambda: gaps_in(feed_dump(work.config, 'public')))
        for channel in ('vetted', 'public'):
            lines = feed_dump(work.config, channel)
            unknown, = [line['event'] for line in lines if _value(line['event']).get('outcome') == 'unknown']
            assert list(unknown['events']) == ['urn:ietf:params:xml:ns:domain-1.0#update']
            value = _value(unknown)
            assert (value['ldhName'], value['registrar'], value['add']) == (
                'bank.example', 'ClientY', {'nameservers': [{'ldhName': 'ns1.evil.test'}]})
            assert 'txn' not in unknown
            assert before - 0.001 <= unknown['toe'] <= after
            assert [txn for txn in txns_in(lines) if txn not in (None, 'end')] == ['S-1']
            assert [gap['reason'] for gap in gaps_in(lines)] == ['crash']


def test_what_one_of_several_processes_left_open_is_told_by_those_that_live(work):
    with Workers(work.path, 3) as workers:
        workers.all('open', str(work.config))
        for number, worker in enumerate(workers):
            worker.ask('begin', _command(f'n{number}.example').decode())
            worker.ask('flush')
        for gone in range(2):
            workers[gone].kill()
            lines = wait_feed('its death is told', work.config, 'public', lambda lines: len(gaps_in(lines)) == gone + 1)
            assert _outcomes(lines) == [(f'n{number}.example', 'unknown') for number in range(gone + 1)]
            assert [gap['reason'] for gap in gaps_in(lines)] == ['crash'] * (gone + 1)


def test_what_is_open_when_the_tap_is_closed_is_told_as_unknown_and_nothing_is_missing(work):
    with Tap(work.config) as tap:
        tap.begin(_command('open.example'))
        tap.end(tap.begin(_command('ended.example')), success('S-1'))
    with Tap(work.config) as tap:
        wait_until('it is told', lambda: len(feed_dump(work.config, 'public')) == 2)
        lines = feed_dump(work.config, 'public')
    assert sorted(_outcomes(lines)) == [('ended.example', 'completed'), ('open.example', 'unknown')]
    assert gaps_in(lines) == []


def test_an_end_that_finds_no_room_is_told_as_unknown(work):
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with occupied(work.endpoint('public')) as free, Tap(work.config) as tap:
        tickets = {name: tap.begin(_command(name)) for name in ('done.example', 'failed.example', 'dropped.example')}
        number = 0
        while tap.stats()['lost']['spool_limit'] == 0:
            tap.transaction(*change('fill.example', f'fill-{number}'), expect=None)
            number += 1
        tap.end(tickets['done.example'], success('S-1'), expect=EFULL)
        tap.end(tickets['failed.example'], success('S-2', code=2303))  # needs no room
        tap.end(tickets['dropped.example'])
        assert tap.begin(_command('late.example'), expect=EFULL) == 0
        free()
        tap.flush()
        wait_until('it is told', lambda: ('done.example', 'unknown') in _outcomes(feed_dump(work.config, 'public')))
        tap.transaction(*change('end.example', 'end'))
        wait_until('the end is there', lambda: 'end' in txns_in(feed_dump(work.config, 'public')))
        shown = [told for told in _outcomes(feed_dump(work.config, 'public')) if told[0] not in ('fill.example', 'end.example')]
    assert shown == [('done.example', 'unknown')]


# durability: wait

WAIT = {'durability': 'wait', 'wait_limit': '30s'}


def _spool(work):
    """(kind, name) of each record in the spool."""
    lines = [json.loads(line) for line in epptapctl('spool-dump', work.config).stdout.splitlines()]
    return [(line['kind'], line.get('change', {}).get('sub_id', {}).get('uri', '').removeprefix('dns:')) for line in lines]


def test_with_wait_a_change_is_in_the_spool_when_the_call_returns(work):
    work.write_config(capture=WAIT)
    with occupied(work.endpoint('public')), Tap(work.config) as tap:
        for number in range(20):
            tap.transaction(*change(f'n{number}.example', f'S-{number}'))
            assert _spool(work)[number:] == [('change', f'n{number}.example')]
        ticket = tap.begin(_command('begun.example'))
        assert _spool(work)[20:] == [('intent', 'begun.example')]
        tap.end(ticket, success('S-20'))
        tap.flush()
        assert _spool(work)[21:] == [('change', 'begun.example')]


def _fill_last_page(tap, look=lambda: OK):
    """A full disk has room in the last page of a file: shows changes until one, or look(), says ETIMEOUT, and not for a pause
    of the machine's; how many."""
    for count in range(1, 100):
        if ETIMEOUT in (tap.transaction(*change('fill.example', 'fill'), expect=None), look()) and tap.stats()['sync_failures']:
            return count
    raise AssertionError('the disk is not full')


def test_without_wait_the_call_does_not_wait(work, small_disk):
    with Tap(work.config) as tap:
        small_disk(True)
        _fill_last_page(tap, lambda: tap.flush(timeout_ms=100, expect=None))
        took = []
        for number in range(5):  # the machine may pause once
            before = time.monotonic()
            tap.transaction(*change('n.example', f'S-{number}'))
            took.append(time.monotonic() - before)
        assert min(took) < 0.1
        before = time.monotonic()
        tap.flush(timeout_ms=100, expect=ETIMEOUT)
        assert time.monotonic() - before >= 0.1
        small_disk(False)
        tap.flush()


def test_with_wait_a_full_disk_is_a_timeout_and_the_event_comes_after_all(work, small_disk):
    work.write_config(capture={'durability': 'wait', 'wait_limit': '300ms'})
    with Tap(work.config) as tap:
        tap.transaction(*change('first.example', 'S-0'))
        tap.wait_published(1)
        small_disk(True)
        filling = _fill_last_page(tap)
        before = time.monotonic()
        tap.transaction(*change('n.example', 'S-1'), expect=ETIMEOUT)
        took = time.monotonic() - before
        ticket = tap.begin(_command('begun.example'), expect=ETIMEOUT)
        assert ticket != 0
        # what changes nothing waits for nothing
        tap.transaction(frames.check_domain('x.example'), success('S-2'))
        tap.transaction(_command(), success('S-3', code=2303))
        assert tap.begin(frames.check_domain('x.example')) == 0
        small_disk(False)
        tap.flush()
        tap.end(ticket, success('S-4'))
        tap.transaction(*change('last.example', 'S-5'))
        wait_until('all is published', lambda: txns_in(feed_dump(work.config, 'public')) ==
                   ['S-0', *['fill'] * filling, 'S-1', 'S-4', 'S-5'])
        assert sum(tap.stats()['lost'].values()) == 0
    assert 0.3 <= took < 5


def test_a_wait_is_served_at_once_also_after_a_pause(work):
    """Two hundred calls of several threads, each of which returns only when it is durable: as quick as the disk."""
    work.write_config(capture=WAIT)
    with Tap(work.config) as tap:
        def show(part):
            for number in range(50):
                tap.transaction(*change('n.example', f'{part}-{number}'))
        threads = [threading.Thread(target=show, args=(part,)) for part in range(4)]
        before = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - before < 20
        tap.wait_published(200)
    assert len(set(txns_in(feed_dump(work.config, 'public')))) == 200


# The reference front end

def test_refepp_begins_and_ends_and_the_feed_is_its_journal(work):
    work.write_config(capture=WAIT)  # so that each is noted before it is carried out
    with Refepp(work.path / 'front', USERS, work.config, options=['--begin']) as front_end, front_end.client() as client:
        client.login('ClientA', USERS['ClientA'])
        frames.do(client, frames.create_domain('bank.example'), frames.update_domain('bank.example', add_status=['clientHold']))
        client.command(frames.create_domain('bank.example'), 2302)
        client.command(frames.delete_domain('nobodys.example'), 2303)
        client.command(frames.check_domain('free.example'), 1000)
        frames.do(client, frames.delete_domain('bank.example'))
        stats = wait_until('all is published', lambda: (lambda stats: stats if stats['publisher']['published'] >= 3 else None)(
            front_end.stats()))
        assert stats['intents'] == {'noted': 5, 'ended': 3, 'given_up': 2, 'unknown': 0}
        changes = [line['svTRID'] for line in journal(front_end.journal)]
    assert txns_in(feed_dump(work.config, 'vetted')) == changes
    assert gaps_in(feed_dump(work.config, 'vetted')) == []


def test_refepp_killed_under_load_leaves_no_committed_change_without_an_event_or_an_unknown(work):
    work.write_config(capture=WAIT)
    options = ['--begin']
    done = []

    def load(front_end, part):
        with contextlib.suppress(OSError, EOFError), front_end.client() as client:
            client.login('ClientA', USERS['ClientA'])
            for number in range(100000):
                name = f'n{len(done)}-{part}-{number}.example'
                frames.do(client, frames.create_domain(name))
                done.append(name)
    for kill in range(4):
        with Refepp(work.path / 'front', USERS, work.config, options=options) as front_end:
            threads = [threading.Thread(target=load, args=(front_end, part)) for part in range(3)]
            for thread in threads:
                thread.start()
            enough = len(done) + 40 + 7 * kill
            wait_until('some is done', lambda: len(done) >= enough, every=0.0005)
            front_end.kill()
            for thread in threads:
                thread.join()
    with Refepp(work.path / 'front', USERS, work.config, options=options) as front_end:
        lines = wait_feed('all kills are told', work.config, 'vetted', lambda lines: len(gaps_in(lines)) == 4)
        committed = journal(front_end.journal)
    assert [line['index'] for line in lines] == list(range(len(lines)))
    txns = [line['event'].get('txn') for line in lines if 'txn' in line['event']]
    assert len(set(txns)) == len(txns)
    names = [name for name, outcome in _outcomes(lines) if outcome == 'unknown']
    assert len(set(names)) == len(names) <= 4, 'one command at a time is carried out'
    for line in committed:
        told = line['svTRID'] in txns
        name = line['command'].partition('<o:name>')[2].partition('<')[0]
        assert told != (name in names), f'{name} has no event, or two'
    assert set(done) <= {line['command'].partition('<o:name>')[2].partition('<')[0] for line in committed}

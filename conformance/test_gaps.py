"""Whatever is lost is told: one signed gap in each channel, with its reason, and what is known of what was lost."""
import contextlib
import datetime
import json
import re
import threading
import time

import pytest

import frames
import leakscan
from harness import (EFULL, OK, REGISTRY, Epptapd, Tap, Work, epptapctl, feed_dump, gaps_in, object_frames,
                     occupied, success, txns_in, wait_until)
from subscriber import Subscriber, Verifier, keys_of_jwks
from workers import Workers, change

GOOD, DONE = (frame.decode() for frame in object_frames('update', 'bank.example'))
DONE = DONE.replace('S-0', 'S-77')
TINY = {'queue': '1MiB', 'frame_limit': '128KiB'}
SECRET = 'CANARY-in-a-frame-5e1d'


def _with(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


# Commands by the reason for which they can't be read. Each has a secret in it.
UNREADABLE = {
    'malformed': _with('</d:name>', f'</d:naem>{SECRET}'),
    'doctype': f'<!DOCTYPE epp [<!ENTITY e "{SECRET}">]>' + GOOD,
    'deep': _with('<d:name>', f'<d:{SECRET}>' * 300 + f'</d:{SECRET}>' * 300 + '<d:name>'),
    'large': _with('<d:name', f'<d:name x="{SECRET}{"y" * 100000}"'),
    'encoding': f'<?xml version="1.0" encoding="x-{SECRET}"?>' + GOOD,
    # the @, which few URIs have: one that looks like any other is named in the counters, for the operator to map it
    'namespace': _with('domain-1.0', f'domain-{SECRET}@1.0'),
    'verb': GOOD.replace('d:update', 'd:renew').replace('<command><update>', f'<command><{SECRET}>')
                                                 .replace('</update></command>', f'</{SECRET}></command>'),
    'value': _with('bank.example', f'{SECRET} with blanks'),
}


def _only(items):
    (item,) = items
    return item


def _seconds(text):
    """Of a time in a gap, since 1970."""
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def _dump_or_nothing(work):
    done = epptapctl('feed-dump', work.config, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _gaps_of(work):
    """The gaps, which must be the same, signed bytes in both channels: as soon as neither is ahead of the dump of the other."""
    def same():
        nonlocal lines, own
        lines = [line for line in _dump_or_nothing(work) if line['event']['sub_id']['uri'] == REGISTRY]
        own = [[line['jws'] for line in lines if line['channel'] == channel] for channel in ('vetted', 'public')]
        return own[0] == own[1]
    lines = own = None
    wait_until('both channels tell the same gaps', same)
    assert len(set(own[0])) == len(own[0])
    verifier = Verifier(keys_of_jwks(work.log_dir('vetted') / 'jwks.json'), REGISTRY)
    for jws in own[0]:
        verifier.claims(jws.encode())
    return gaps_in(line for line in lines if line['channel'] == 'vetted')


def _wait_gaps(work, count, seconds=10):
    return wait_until(f'{count} gaps are told', lambda: (lambda gaps: gaps if len(gaps) >= count else None)(_gaps_of(work)),
                      seconds)


def _told(gaps, reason):
    return sum(gap['count'] for gap in gaps if gap['reason'] == reason)


def _restart(work):
    """Opens the tap again; all that the spool has is published."""
    txn = f'restart-{time.monotonic_ns()}'
    with Tap(work.config) as tap:
        tap.transaction(*change('restart.example', txn))
        wait_until('all is published', lambda: txn in txns_in(feed_dump(work.config, 'vetted')))


@pytest.fixture(scope='module')
def unreadable(tmp_path_factory):
    """What came of frames that can't be read: the work folder, the gaps by reason, what was heard, the stats."""
    work = Work(tmp_path_factory.mktemp('unreadable'))
    # whatever a channel takes of names, and however late: gaps come, and at once
    config = json.loads(work.write_config(delay={'create': '24h'}).read_text())
    config['channels'][1] |= {'kinds': ['create'], 'zones': ['nothing.example']}
    work.config.write_text(json.dumps(config))
    with Tap(work.config) as tap, Subscriber(work.endpoint('public')) as subscriber:
        wait_until('the subscriber hears', lambda: tap.transaction(f'<not {SECRET}', success('P'), 'Probe') == OK and
                   subscriber.receive(50), every=0)
        tap.flush()
        probes = tap.stats()['unreadable']['malformed']
        for command in UNREADABLE.values():
            tap.transaction(command, DONE)
        tap.transaction(GOOD, f'<half a response code="1000">{SECRET}', 'ClientY')
        tap.transaction(f'<a command {SECRET}', f'<and a response code="1000">{SECRET}', 'ClientZ')
        tap.transaction(f'<{SECRET}', success(f'{SECRET} with blanks'), f'{SECRET}@person.example')
        tap.flush()
        before_failed = tap.stats()
        for command in UNREADABLE.values():
            tap.transaction(command, success('S-78', code=2001))
        tap.flush()
        stats = tap.stats()
        gaps = _wait_gaps(work, probes + len(UNREADABLE) + 3)
        heard = subscriber.collect(lambda messages: len(messages) >= len(UNREADABLE) + 3 and
                                   messages[-1].index == len(gaps) - 1)
        raw = b'\0'.join(subscriber.raw)
    return {'work': work, 'gaps': gaps[probes:], 'probes': probes, 'heard': heard, 'raw': raw, 'stats': stats,
            'before_failed': before_failed}


@pytest.mark.parametrize('reason', UNREADABLE)
def test_an_unreadable_command_that_succeeded_is_one_gap_with_its_transaction(unreadable, reason):
    gap = _only([gap for gap in unreadable['gaps'] if gap['reason'] == reason and gap.get('txn') == 'S-77'])
    assert gap == {'reason': reason, 'count': 1, 'from': gap['to'], 'to': gap['to'], 'registrar': 'ClientX', 'txn': 'S-77'}


def test_an_unreadable_response_is_a_gap_without_a_transaction(unreadable):
    for registrar in ('ClientY', 'ClientZ'):
        gap = _only([gap for gap in unreadable['gaps'] if gap.get('registrar') == registrar])
        assert set(gap) == {'reason', 'count', 'from', 'to', 'registrar'}
        assert gap['reason'] == 'malformed'


def test_what_is_no_token_is_left_out_of_a_gap(unreadable):
    assert set(unreadable['gaps'][-1]) == {'reason', 'count', 'from', 'to'}


def test_a_command_that_failed_is_no_gap_whether_it_can_be_read_or_not(unreadable):
    assert len(unreadable['gaps']) == len(UNREADABLE) + 3
    before, after = unreadable['before_failed'], unreadable['stats']
    counted = [sum(stats['unreadable'].values()) + stats['nothing'] + stats['skipped'] for stats in (before, after)]
    assert counted[1] - counted[0] == len(UNREADABLE)


def test_gaps_come_at_once_to_a_channel_that_takes_nothing_else(unreadable):
    assert unreadable['heard']
    verifier = Verifier(keys_of_jwks(unreadable['work'].log_dir('public') / 'jwks.json'), REGISTRY)
    for message in unreadable['heard']:
        assert message.topic == '~event'
        assert 'urn:epptap:gap' in verifier.message(message)['events']


def test_gaps_and_counters_have_the_same_sums(unreadable):
    counted = unreadable['stats']['unreadable']
    gaps = unreadable['gaps'] + [{'reason': 'malformed', 'count': unreadable['probes']}]
    assert {reason: _told(gaps, reason) for reason in counted} == counted


def test_no_gap_holds_a_byte_of_what_could_not_be_read(unreadable):
    work = unreadable['work']
    found = leakscan.scan([work.path], [SECRET], leave_out=[work.keys])
    assert list(map(str, found + leakscan.scan_bytes(unreadable['raw'], [SECRET], 'socket'))) == []
    assert leakscan.scan_bytes(unreadable['raw'], ['ClientY'], 'socket'), 'the scan does not look into gaps'


def test_after_a_restart_no_gap_is_told_again(unreadable):
    work = unreadable['work']
    before = _gaps_of(work)
    _restart(work)
    assert _gaps_of(work) == before


# Losses

def _flood(tap, registrar, size, seconds=20, until=None):
    """Four threads that show large changes, as fast as they can, until one is refused or until() is true; the results."""
    command = object_frames('update', 'flood.example')[0].replace(b'</command>', b' ' * size + b'</command>')
    enough, results = threading.Event(), []
    until = until or (lambda result: result == EFULL)

    def run():
        while not enough.is_set():
            result = tap.transaction(command, success(f'{registrar}-flood'), registrar, expect=None)
            results.append(result)
            if until(result):
                enough.set()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(seconds), 'the flood did not fill the queue'
    for thread in threads:
        thread.join()
    return results


def test_a_full_queue_is_told_of_whom_and_how_many(work):
    work.write_config(capture=TINY)
    with Tap(work.config) as tap:
        results = _flood(tap, 'Flooder', 100000)
        tap.flush()
        refused = results.count(EFULL)
        wait_until('all are told', lambda: _told(_gaps_of(work), 'queue_full') == refused)
        stats = tap.stats()
    assert stats['lost'] | {'queue_full': 0} == dict.fromkeys(stats['lost'], 0)
    assert stats['lost']['queue_full'] == refused > 0
    gaps = _gaps_of(work)
    assert {(gap['reason'], gap['registrar'], 'txn' in gap) for gap in gaps} == {('queue_full', 'Flooder', False)}
    assert _told(gaps, 'queue_full') == refused
    assert len(txns_in(feed_dump(work.config, 'public'))) == results.count(OK)
    _restart(work)
    assert _gaps_of(work) == gaps


def _until_nothing_is_durable(tap):
    """Shows changes until the spool can't be written any more; the svTRIDs of what was taken."""
    taken = []
    while tap.stats()['sync_failures'] == 0:
        for _ in range(100):
            taken.append(f'S-{len(taken)}')
            tap.transaction(*change('a.example', taken[-1]))
        tap.flush(100, expect=None)
    return taken


def _until_refused(tap, taken, refusals):
    """Goes on until so many were refused; adds to `taken` those that were not."""
    refused = 0
    while refused < refusals:
        txn = f'S-{len(taken)}'
        if tap.transaction(*change('a.example', txn), expect=None) == OK:
            taken.append(txn)
        else:
            refused += 1


def test_a_spool_at_its_limit_is_told_when_there_is_room(work):
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with occupied(work.endpoint('public')) as free, Tap(work.config) as tap:
        taken = _until_nothing_is_durable(tap)
        began = time.time()
        _until_refused(tap, taken, 25)
        halfway = time.time()
        wait_until('it is later', lambda: time.time() > halfway + 0.002)
        _until_refused(tap, taken, 25)
        stats = tap.stats()
        assert stats['lost'] == {**dict.fromkeys(stats['lost'], 0), 'spool_limit': 50}
        assert _gaps_of(work) == []
        free()
        gap = _only(_wait_gaps(work, 1))
        tap.flush()
        tap.wait_published(len(taken) + 1)
        assert txns_in(feed_dump(work.config, 'vetted')) == taken
        # and it goes on
        tap.transaction(*change('a.example', 'after'))
        wait_until('what comes now is published', lambda: txns_in(feed_dump(work.config, 'public')) == [*taken, 'after'])
    assert {**gap, 'from': 0, 'to': 0} == {'reason': 'spool_limit', 'count': 50, 'from': 0, 'to': 0, 'registrar': 'ClientX'}
    assert began - 0.001 < _seconds(gap['from']) < halfway < _seconds(gap['to']) < time.time()
    _restart(work)
    assert _gaps_of(work) == [gap]




def test_a_full_disk_is_told_when_there_is_room(work, small_disk):
    work.write_config(capture=TINY)
    with Tap(work.config) as tap:
        tap.transaction(*change('a.example', 'before'))
        tap.wait_published(1)
        small_disk(True)
        taken = _until_nothing_is_durable(tap)
        _until_refused(tap, taken, 30)
        stats = tap.stats()
        assert stats['lost'] == {**dict.fromkeys(stats['lost'], 0), 'disk_full': 30}
        small_disk(False)
        gap = _only(_wait_gaps(work, 1))
        tap.flush()
        tap.wait_published(len(taken) + 2)
        tap.transaction(*change('a.example', 'after'))
        wait_until('what comes now is published', lambda: txns_in(feed_dump(work.config, 'public')) ==
                   ['before', *taken, 'after'])
    assert (gap['reason'], gap['count'], gap['registrar']) == ('disk_full', 30, 'ClientX')
    _restart(work)
    assert _gaps_of(work) == [gap]


def test_a_frame_over_the_limit_is_a_gap_of_its_registrar(work):
    work.write_config(capture=TINY)
    with Tap(work.config) as tap:
        tap.transaction(GOOD + ' ' * (128 << 10), DONE, 'Talker')
        tap.transaction(GOOD, DONE + ' ' * (128 << 10), 'Answered')
        tap.transaction(GOOD + ' ' * (128 << 10), success('S-1', code=2001), 'Failed')
        gaps = _wait_gaps(work, 2)
        assert tap.stats()['lost']['frame_limit'] == 2
    assert [(gap['reason'], gap['count'], gap['registrar'], 'txn' in gap) for gap in gaps] == [
        ('frame_limit', 1, 'Talker', False), ('frame_limit', 1, 'Answered', False)]
    _restart(work)
    assert _gaps_of(work) == gaps


def test_losses_that_go_on_are_told_once_a_second_each_of_them_once(work):
    work.write_config(capture=TINY)
    with Tap(work.config) as tap:
        def lose(count):
            for _ in range(count):
                tap.transaction(GOOD + ' ' * (128 << 10), DONE, 'Talker')
        lose(1)
        _wait_gaps(work, 1)
        lose(3)
        before = time.time()
        wait_until('it is later', lambda: time.time() > before + 0.01)
        lose(4)
        _wait_gaps(work, 2)
        lose(5)
        wait_until('all are told', lambda: _told(_gaps_of(work), 'frame_limit') >= 13)
        assert tap.stats()['lost']['frame_limit'] == 13
    gaps = _gaps_of(work)
    assert gaps[0]['count'] == 1 and _told(gaps, 'frame_limit') == 13
    assert len(gaps) < 8, 'they are not put together'
    assert all(one['to'] <= other['from'] for one, other in zip(gaps, gaps[1:]))
    _restart(work)
    assert _gaps_of(work) == gaps


def test_what_the_close_had_no_time_for_is_told(work):
    work.write_config(capture={'queue': '64MiB', 'frame_limit': '1MiB'})
    tap = Tap(work.config)
    command = frames.update_domain('a.example', [f'ns{number}.a-hoster.example' for number in range(100)])
    for number in range(5000):
        tap.transaction(command, success(f'S-{number}'))
    tap.close(drain_ms=0)
    _restart(work)
    published = [txn for txn in txns_in(feed_dump(work.config, 'vetted')) if txn.startswith('S-')]
    assert published == [f'S-{number}' for number in range(len(published))]
    gap = _only(_gaps_of(work))
    assert (gap['reason'], gap['count'], 'registrar' in gap) == ('closed', 5000 - len(published), False)
    assert gap['count'] > 0 and gap['from'] <= gap['to']


# The end of a process

def _one_worker(work, stack):
    worker, = stack.enter_context(Workers(work.path, 1))
    worker.ask('open', str(work.config))
    return worker


@pytest.mark.parametrize('end', ['kill', 'leave', 'leave_by_exit'])
def test_a_process_that_did_not_close_is_a_gap_from_its_last_durable_change(work, end):
    with contextlib.ExitStack() as stack:
        worker = _one_worker(work, stack)
        began = time.time()
        worker.ask('changes', 'a', 20)
        worker.ask('flush')
        durable = time.time()
        if end == 'kill':
            worker.kill()
        else:
            worker.tell(end)
            worker.wait_gone()
    reopened = time.time()
    _restart(work)
    assert txns_in(feed_dump(work.config, 'vetted'))[:20] == [f'a-{number}' for number in range(20)]
    gap = _only(_gaps_of(work))
    assert set(gap) == {'reason', 'from', 'to'} and gap['reason'] == 'crash'
    assert began - 0.001 <= _seconds(gap['from']) <= durable + 0.001 and reopened - 0.001 <= _seconds(gap['to']) < time.time()
    last = feed_dump(work.config, 'vetted')[19]['event']['toe']
    assert abs(_seconds(gap['from']) - last) < 0.002
    _restart(work)
    assert _gaps_of(work) == [gap]


def test_losses_that_a_process_could_not_tell_before_its_end_are_told_by_its_end(work):
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with contextlib.ExitStack() as stack:
        stack.enter_context(occupied(work.endpoint('public')))
        worker = _one_worker(work, stack)
        wait_until('nothing is durable any more', lambda: [worker.ask('changes', 'a', 200), worker.ask('flush', 2000, None)] and
                   worker.ask('stats')['sync_failures'] > 0, every=0)
        worker.ask('until_full', 'b', 'ClientX')
        refused = worker.ask('stats')['lost']
        worker.kill()
    assert refused['spool_limit'] > 0
    _restart(work)
    assert [gap['reason'] for gap in _gaps_of(work)] == ['crash']
    _restart(work)
    assert [gap['reason'] for gap in _gaps_of(work)] == ['crash']


def test_a_process_that_closed_is_no_gap(work):
    with contextlib.ExitStack() as stack:
        worker = _one_worker(work, stack)
        worker.ask('changes', 'a', 20)
        worker.ask('close')
        worker.kill()
    _restart(work)
    assert _gaps_of(work) == []


def test_a_process_that_could_not_write_its_end_is_a_gap(work):
    """Closed while the spool was at its limit: what waited is lost, and there was no room to say how much."""
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with occupied(work.endpoint('public')):
        tap = Tap(work.config)
        taken = _until_nothing_is_durable(tap)
        tap.close(drain_ms=50)
    _restart(work)
    published = txns_in(feed_dump(work.config, 'vetted'))[:-1]
    assert published == taken[:len(published)] and len(published) < len(taken)
    assert [gap['reason'] for gap in _gaps_of(work)] == ['crash']


def test_the_end_of_epptapd_is_no_gap_however_it_comes(work):
    """It captures nothing: what was spooled meanwhile is published by the next."""
    work.write_config(publisher='process')
    with Tap(work.config) as tap:
        for number in range(3):
            with Epptapd(work.config) as publisher:
                tap.transaction(*change('a.example', f'S-{number}'))
                wait_until('it is published', lambda: f'S-{number}' in txns_in(_dump_or_nothing(work)))
                publisher.process.kill()
                publisher.process.wait()
    assert txns_in(feed_dump(work.config, 'vetted')) == ['S-0', 'S-1', 'S-2']
    assert _gaps_of(work) == []


# Damage

def _spool_of(work, count):
    """A spool with `count` changes, of a process that closed; the path of its segment, and where its records begin."""
    work.write_config(publisher='process')
    with Tap(work.config) as tap:
        for number in range(count):
            tap.transaction(*change('a.example', f'S-{number}'))
        tap.flush()
    segment, = (work.state_dir / 'spool').glob('*.seg')
    records = [match.start() for match in re.finditer(rb'EpRC|CRpE', segment.read_bytes())]
    work.write_config()
    return segment, records


def _flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize('record', [0, 7, 19])
@pytest.mark.parametrize('offset', [0, 4, 12, 60], ids=['magic', 'size', 'kind', 'payload'])
def test_a_damaged_record_is_a_gap_and_the_rest_is_published(work, record, offset):
    segment, records = _spool_of(work, 20)
    _flip(segment, records[record] + offset)
    _restart(work)
    assert txns_in(feed_dump(work.config, 'public'))[:-1] == [f'S-{number}' for number in range(20) if number != record]
    gap = _only(_gaps_of(work))
    assert set(gap) == {'reason', 'from', 'to'} and gap['reason'] == 'damaged'
    assert [path.name for path in segment.parent.glob('*.bad')] == [segment.name + '.bad']
    _restart(work)
    assert _gaps_of(work) == [gap]


def test_a_segment_of_which_nothing_can_be_read_is_a_gap(work):
    segment, _ = _spool_of(work, 20)
    _flip(segment, 3)
    _restart(work)
    assert len(txns_in(feed_dump(work.config, 'public'))) == 1
    gap = _only(_gaps_of(work))
    assert gap['reason'] == 'damaged' and 'count' not in gap
    _restart(work)
    assert _gaps_of(work) == [gap]


# Fairness

def test_a_registrar_that_floods_makes_no_other_ones_change_a_gap(work):
    work.write_config(capture=TINY)
    quiet = []
    with Tap(work.config) as tap:
        def show_quiet(result):
            if result == EFULL and len(quiet) < 200:
                txn = f'quiet-{len(quiet)}'
                quiet.append(txn)
                assert tap.transaction(*change('quiet.example', txn), 'Quiet', expect=None) == OK
            return len(quiet) >= 200
        tap.transaction(*change('quiet.example', 'first'), 'Quiet')
        results = _flood(tap, 'Flooder', 60000, until=show_quiet)
        tap.flush()
        stats = tap.stats()
        wait_until('all losses are told', lambda: sum(gap['count'] for gap in _gaps_of(work)) == results.count(EFULL))
        gaps = _gaps_of(work)
        assert stats['lost'] == {**dict.fromkeys(stats['lost'], 0), 'registrar_quota': results.count(EFULL)}
    assert {(gap['reason'], gap['registrar']) for gap in gaps} == {('registrar_quota', 'Flooder')}
    txns = txns_in(feed_dump(work.config, 'vetted'))
    assert sorted(txn for txn in txns if txn.startswith('quiet')) == sorted(quiet)
    assert txns.count('Flooder-flood') == results.count(OK)


def test_while_nothing_is_durable_a_flood_leaves_room_for_others(work):
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with occupied(work.endpoint('public')) as free, Tap(work.config) as tap:
        tap.transaction(*change('b.example', 'b'), 'Quiet')
        taken = _until_nothing_is_durable(tap)
        others = []
        for number in range(200):
            _until_refused(tap, taken, 10)
            others.append(f'other-{number}')
            tap.transaction(*change('b.example', others[-1]), 'Quiet')
        free()
        tap.flush()
        tap.wait_published(1 + len(taken) + len(others))
        wait_until('all losses are told', lambda: sum(gap['count'] for gap in _gaps_of(work)) == 2000)
    txns = txns_in(feed_dump(work.config, 'public'))
    assert [txn for txn in txns if txn.startswith('other')] == others
    assert [txn for txn in txns if txn.startswith('S-')] == taken
    assert {(gap['reason'], gap['registrar']) for gap in _gaps_of(work)} == {('spool_limit', 'ClientX')}


def test_processes_with_one_registrar_each_use_the_whole_queue(work):
    """Prefork with a registrar's connection in each: nobody's quarter is a limit then."""
    work.write_config(spool={'limit': '1MiB'}, capture=TINY)
    with occupied(work.endpoint('public')), Workers(work.path, 2) as workers:
        workers.all('open', str(work.config))
        for number, worker in enumerate(workers):
            wait_until('the spool is full', lambda: worker.ask('changes', 'fill', 500, f'Client{number}') and
                       worker.ask('stats')['sync_failures'] > 0, every=0)
            worker.ask('until_full', 'own', f'Client{number}')
            stats = worker.ask('stats')
            assert stats['lost']['registrar_quota'] == 0
            assert stats['queue']['used_bytes'] > 0.99 * stats['queue']['size_bytes']

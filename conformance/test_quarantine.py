"""An event that can't be made is set aside, told, and holds nothing up; one that is too large is cut."""
import base64
import re

import pytest

import frames
from harness import Epptapd, Tap, epptapctl, feed_dump, object_frames, success, told, wait_until
from spool_file import CHANGE, segments
from subscriber import Verifier, keys_of_jwks

ENCODING, FUTURE = 2, 99  # of a change, by eppparse/change.h; its first byte
EVENT_MAX = 60000


@pytest.fixture
def apart(work):
    work.write_config(publisher='process')
    return work


def _spool(work, *names):
    """Leaves an update of each in the spool, of a writer that has ended."""
    with Tap(work.config) as tap:
        for name in names:
            tap.transaction(*object_frames('update', name))
        tap.flush()


def _make_future(work, name):
    """The change of that name becomes one of an encoding that only a later version knows."""
    (segment,) = segments(work.state_dir)
    (record,) = [record for record in segment.records if record.kind == CHANGE and bytes([len(name)]) + name.encode() in record.payload]
    assert record.payload[0] == ENCODING
    record.payload = bytes([FUTURE]) + record.payload[1:]
    segment.write()


def _feed(work, channel='vetted'):
    return [told(line) for line in feed_dump(work.config, channel)] if (work.state_dir / 'feed').exists() else []


def _listed(work):
    return [line.split('\t') for line in epptapctl('quarantine', work.config).stdout.splitlines()]


def _verify(work):
    for channel in work.ports:
        verifier = Verifier(keys_of_jwks(work.log_dir(channel) / 'jwks.json'), 'https://registry.example')
        for line in feed_dump(work.config, channel):
            verifier.claims(line['jws'].encode())


def test_a_change_that_cannot_be_read_is_set_aside_told_and_tried_again(apart, store_edit):
    _spool(apart, 'a.example', 'future.example', 'b.example')
    _make_future(apart, 'future.example')
    first = ['update a.example', 'gap undecodable', 'update b.example']
    with Epptapd(apart.config) as daemon:
        wait_until('the rest goes on', lambda: _feed(apart) == first)
        ((number, when, reason, what),) = _listed(apart)
        assert reason == 'undecodable' and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', when)
        assert re.fullmatch(r'kind 1, \d+ bytes', what)
        status = daemon.wait_status('it is counted', lambda status: status['quarantined'])
        assert (status['quarantined'], status['undecodable_records'], status['gaps']) == (1, 1, 1)
        done = epptapctl('status', apart.config, check=False)
        assert (done.returncode, '1 changes are set aside: see epptapctl quarantine' in done.stdout) == (1, True)

        # it is unreadable still: it stays, and is not told again
        for at in range(2):
            assert 'the rest stays' in epptapctl('quarantine', apart.config, 'retry').stdout
            _spool(apart, f'later-{at}.example')  # published after the order
            first.append(f'update later-{at}.example')
            wait_until('the order was read', lambda: _feed(apart) == first)
            assert _listed(apart) == [[number, when, reason, what]]
    # a version that can read it comes
    store_edit(apart, 'aside', FUTURE, ENCODING)
    with Epptapd(apart.config):
        epptapctl('quarantine', apart.config, 'retry')
        wait_until('it is published', lambda: _feed(apart) == first + ['update future.example'])
        wait_until('nothing is set aside', lambda: _listed(apart) == [])
        epptapctl('quarantine', apart.config, 'retry')
        _spool(apart, 'last.example')
        wait_until('it is published', lambda: _feed(apart)[-1] == 'update last.example')
        wait_until('all is well', lambda: epptapctl('status', apart.config, check=False).returncode == 0)
    assert _feed(apart) == _feed(apart, 'public') == first + ['update future.example', 'update last.example']
    lines = feed_dump(apart.config, 'vetted')
    (gap,) = lines[1]['event']['events'].values()
    assert gap['count'] == 1 and gap['from'] == gap['to']
    # the time is that of the change, not of the second try
    by_name = {told(line): line['event'] for line in lines}
    toe = by_name['update future.example']['toe']
    assert by_name['update a.example']['toe'] <= toe <= by_name['update b.example']['toe']
    _verify(apart)


def test_one_of_many_that_cannot_be_read_does_not_keep_others_aside(apart, store_edit):
    names = [f'n{number}.example' for number in range(700)]  # more than one batch
    _spool(apart, *names)
    for name in ('n3.example', 'n350.example', 'n699.example'):
        _make_future(apart, name)
    with Epptapd(apart.config):
        wait_until('the rest goes on', lambda: len(_feed(apart)) == 700)
    assert [reason for _, _, reason, _ in _listed(apart)] == ['undecodable'] * 3
    assert _feed(apart).count('gap undecodable') == 3
    store_edit(apart, 'aside', FUTURE, ENCODING)
    with Epptapd(apart.config):
        epptapctl('quarantine', apart.config, 'retry')
        wait_until('they are published', lambda: _feed(apart)[700:] == [
            f'update {name}' for name in ('n3.example', 'n350.example', 'n699.example')])
    assert _listed(apart) == []


# Too large

def _bytes_of(line):
    return len(line['jws'])


@pytest.mark.parametrize('what', ['nameservers', 'ds', 'keys'])
def test_an_event_that_is_too_large_tells_counts_and_holds_nothing_up(work, what):
    count = {'nameservers': 3000, 'ds': 1000, 'keys': 500}[what]
    large = {
        'nameservers': lambda: frames.update_domain('large.example', [f'ns{n}.hoster.example' for n in range(count)]),
        'ds': lambda: frames.update_domain('large.example', add_ds=[frames.ds(n) for n in range(count)]),
        'keys': lambda: frames.update_domain('large.example', add_ds=[
            frames.key(base64.b64encode(n.to_bytes(64, 'big')).decode()) for n in range(count)]),
    }[what]()
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'before.example'))
        tap.transaction(large, success('S-large'))
        tap.transaction(*object_frames('update', 'after.example'))
        tap.flush()
        stats = tap.wait_published(3)
        assert (stats['publisher']['truncated'], stats['publisher']['gaps'], stats['publisher']['published']) == (1, 0, 3)
        assert sum(stats['lost'].values()) == sum(stats['unreadable'].values()) == 0
    for channel in work.ports:
        assert _feed(work, channel) == ['update before.example', 'update large.example', 'update after.example']
        lines = feed_dump(work.config, channel)
        (value,) = lines[1]['event']['events'].values()
        assert value['truncated'] is True and lines[1]['event']['txn'] == 'S-large'
        secdns = value['add'].get('secureDNS', {})
        assert {'nameservers': value['add'].get('nameservers'), 'ds': secdns.get('dsData'), 'keys': secdns.get('keyData')} == {
            'nameservers': None, 'ds': None, 'keys': None, what: count}
        assert all(_bytes_of(line) <= EVENT_MAX for line in lines)
        assert all('truncated' not in value for line in (lines[0], lines[2]) for value in line['event']['events'].values())
    _verify(work)


def test_just_what_does_not_fit_is_cut(work):
    """Between an event that fits and one that does not lies one nameserver."""
    fits, too_many = 1, 4000
    with Tap(work.config) as tap:
        published = 0

        def is_cut(count):
            nonlocal published
            names = [f'ns{number:05}.hoster.example' for number in range(count)]
            tap.transaction(frames.update_domain('large.example', names), success(f'S-{count}'))
            tap.flush()
            published += 1
            tap.wait_published(published)
            line = feed_dump(work.config, 'vetted')[-1]
            assert line['event']['txn'] == f'S-{count}' and _bytes_of(line) <= EVENT_MAX
            (value,) = line['event']['events'].values()
            return value.get('truncated', False)
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (fits, middle) if is_cut(middle) else (middle, too_many)
        assert not is_cut(fits)
        line = feed_dump(work.config, 'vetted')[-1]
        (value,) = line['event']['events'].values()
        assert len(value['add']['nameservers']) == fits
        # it fills the room to the last name: 38 bytes of JSON are 51 in base64url
        assert EVENT_MAX - 2 * 51 < _bytes_of(line) <= EVENT_MAX

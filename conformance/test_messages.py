"""What changes without a command of its own: poll messages, by either way of showing them; the registry's own changes, by
epptap_server_change() and `epptapctl submit`; and frames in a registry's own words."""
import json
import os
import subprocess
import sys

import pytest

import frames
import leakscan
from harness import (BUILD, ECONFIG, EINVAL, Tap, TapError, Work, epptapctl, feed_dump, gaps_in, object_frames, occupied,
                     success, told, txns_in, wait_feed, wait_until)
from oracle import take_chains

CANARY = 'CANARY Person'
OWN_EPP = 'https://epp.tld.example/schema/epp-1.0.xsd'
OWN_DOMAIN = 'https://epp.tld.example/schema/domain-eis-1.0.xsd'


def _value(line):
    (value,) = line['event']['events'].values()
    return value


def _published(tap, work, count):
    """The lines of one channel's feed, once all that was shown is in it: `count` of them."""
    tap.transaction(*object_frames('update', 'end.example', 'end'))
    tap.flush()
    lines = wait_until('all is published', lambda: (
        lambda lines: lines if 'S-end' in txns_in(lines) else None)(feed_dump(work.config, 'vetted')))
    assert len(lines) == count + 1, [told(line) for line in lines]
    return lines[:-1]


def _by_transaction(tap, response, registrar='ClientX'):
    tap.transaction(frames.POLL, response, registrar)


def _by_begin_and_end(tap, response, registrar='ClientX'):
    ticket = tap.begin(frames.POLL, registrar)
    assert ticket != 0
    tap.end(ticket, response)


both_ways = pytest.mark.parametrize('poll', [_by_transaction, _by_begin_and_end], ids=['transaction', 'begin and end'])


@both_ways
def test_the_end_of_a_pending_command_is_told_from_its_message(work, poll):
    with Tap(work.config) as tap:
        tap.transaction(frames.update_domain('bank.example', ['ns1.elsewhere.test']), success('S-1', code=1001))
        poll(tap, frames.pending_done('bank.example', 'S-1'))
        pending, done = _published(tap, work, 2)
    assert _value(pending)['outcome'] == 'pending'
    assert (done['event']['txn'], _value(done)['outcome'], _value(done)['registrar']) == ('S-1', 'completed', 'ClientX')


@both_ways
def test_a_message_is_told_once_by_whomever_and_however_it_is_polled(work, poll):
    transferred = frames.message(frames.transfer_data('bank.example', 'clientApproved'))
    with Tap(work.config) as tap:
        for registrar in ('ClientX', 'ClientY', 'ClientX'):
            poll(tap, transferred, registrar)
            _by_transaction(tap, transferred, registrar)
            _by_begin_and_end(tap, transferred, registrar)
        (line,) = _published(tap, work, 1)
    assert 'registrar' not in _value(line)
    assert (_value(line)['transfer']['gaining'], _value(line)['transfer']['losing']) == ('ClientX', 'ClientY')


@both_ways
def test_a_poll_without_news_is_counted_as_skipped_and_leaves_nothing(work, poll):
    with Tap(work.config) as tap:
        poll(tap, frames.NO_MESSAGE)
        poll(tap, success('S-1'))
        tap.end(tap.begin(frames.POLL))
        tap.begin(frames.POLL)
        stats = tap.stats()
        assert _published(tap, work, 0) == []
    assert (stats['skipped'], stats['accepted']) == (3, 0)


@both_ways
def test_a_message_that_can_not_be_read_is_a_gap_of_the_registrar(work, poll):
    with Tap(work.config) as tap:
        poll(tap, frames.pending_done(CANARY, 'S-1'))
        (line,) = _published(tap, work, 1)
    (gap,) = gaps_in([line])
    assert (gap['reason'], gap['registrar'], gap['count']) == ('value', 'ClientX', 1)


@both_ways
def test_a_message_in_a_namespace_that_is_not_known_is_a_gap_and_named(work, poll):
    with Tap(work.config) as tap:
        poll(tap, frames.pending_done('bank.example', 'S-1').replace(frames.DOMAIN, OWN_DOMAIN))
        poll(tap, frames.message(frames.transfer_data('bank.example', 'pending')).replace(frames.DOMAIN, OWN_DOMAIN))
        tap.flush()
        assert tap.stats()['namespaces'] == {OWN_DOMAIN: {'unread': 2, 'passed_over': 0}}
        gaps = gaps_in(_published(tap, work, 2))
    assert [gap['reason'] for gap in gaps] == ['namespace', 'namespace']


def test_a_poll_that_is_open_when_the_front_end_is_killed_is_not_told(work):
    """But the gap for a crash is."""
    script = ('import os, sys; sys.path.insert(0, sys.argv[2]); import frames; from harness import Tap\n'
              'tap = Tap(sys.argv[1]); tap.begin(frames.POLL); tap.flush(); os.kill(os.getpid(), 9)')
    subprocess.run([sys.executable, '-c', script, work.config, os.path.dirname(__file__)], check=False,
                   env=dict(os.environ, EPPTAP_BUILD=str(BUILD)))
    with Tap(work.config) as tap:
        (line,) = _published(tap, work, 1)
    assert told(line) == 'gap crash'


def test_a_polls_ticket_is_good_for_its_tap_alone(work, tmp_path):
    other = Work(tmp_path / 'other')
    with Tap(work.config) as tap, Tap(other.config) as stranger:
        ticket = tap.begin(frames.POLL)
        stranger.end(ticket, frames.pending_done('bank.example', 'S-1'), expect=EINVAL)
        tap.end(ticket, frames.pending_done('bank.example', 'S-1'))


def test_registrars_of_a_transfer_are_named_hidden_and_left_out_as_logins_are(work):
    work.write_config(registrars={'ClientX': 'Client X Ltd', 'ClientZ': 'hide'})
    with Tap(work.config) as tap:
        for number, (gaining, losing) in enumerate([('ClientX', 'canary-person@mail.example'), ('ClientZ', 'ClientY')]):
            data = frames.transfer_data(f'n{number}.example', 'pending', gaining, losing)
            response = success(f'S-{number}', code=1001).replace(b'<trID>', f'<resData>{data}</resData><trID>'.encode())
            command = ('<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><transfer op="request"><d:transfer xmlns:d='
                       f'"{frames.DOMAIN}"><d:name>n{number}.example</d:name></d:transfer></transfer></command></epp>')
            if number:
                tap.end(tap.begin(command, gaining), response)
            else:
                tap.transaction(command, response, gaining)
        lines = _published(tap, work, 2)
        stats = tap.stats()
    sides = [{side: _value(line)['transfer'].get(side) for side in ('gaining', 'losing')} for line in lines]
    assert sides == [{'gaining': 'Client X Ltd', 'losing': None}, {'gaining': None, 'losing': 'ClientY'}]
    assert [_value(line).get('registrar') for line in lines] == ['Client X Ltd', None]
    assert stats['registrars_left_out'] == 1
    assert leakscan.scan([work.path], ['canary-person', 'ClientZ'], leave_out=[work.keys, work.config]) == []


# The registry's own changes

def test_a_server_change_is_an_event_of_the_registrys(work):
    work.write_config(server_changes=True)
    with Tap(work.config) as tap:
        tap.server_change(frames.registrys_change('bank.example', ['ns1.hoster.example'], ['serverHold']))
        # a registrar is told of it, too
        _by_transaction(tap, frames.registrys_change('bank.example', ['ns1.hoster.example'], ['serverHold']))
        (line,) = _published(tap, work, 1)
    value = _value(line)
    assert told(line) == 'update bank.example'
    assert (line['event']['txn'], value['initiator'], 'registrar' in value) == ('registry-1', 'registry', False)
    assert value['state']['status'] == ['server hold']
    assert leakscan.scan([work.path], [CANARY], leave_out=[work.keys]) == []


def test_what_the_registry_tells_and_can_not_be_read_is_a_gap_of_nobody(work):
    with Tap(work.config) as tap:
        tap.server_change(f'<{CANARY}')
        tap.server_change(frames.update_domain('bank.example', add_status=['clientHold']))
        tap.server_change(frames.NO_MESSAGE)
        tap.server_change(' ' * ((1 << 20) + 1))
        gaps = gaps_in(wait_feed('all are told', work.config, 'vetted', lambda lines: len(gaps_in(lines)) == 4))
        assert _published(tap, work, 4)
    assert sorted((gap['reason'], 'registrar' in gap) for gap in gaps) == [
        ('frame_limit', False), ('malformed', False), ('no_response', False), ('no_response', False)]
    assert leakscan.scan([work.path], [CANARY], leave_out=[work.keys]) == []


def test_with_wait_a_server_change_is_in_the_spool_when_the_call_returns(work):
    work.write_config(capture={'durability': 'wait', 'wait_limit': '30s'})
    with occupied(work.endpoint('public')), Tap(work.config) as tap:
        for number in range(10):
            tap.server_change(frames.registrys_change(f'n{number}.example'))
            assert _spooled(work)[number:] == [('change', f'n{number}.example')]


# epptapctl submit

def _spooled(work):
    """(kind, name) of each record in the spool."""
    lines = [json.loads(line) for line in epptapctl('spool-dump', work.config).stdout.splitlines()]
    return [(line['kind'], line.get('change', {}).get('sub_id', {}).get('uri', '').removeprefix('dns:')) for line in lines]


def _files(work, *texts):
    paths = []
    for number, text in enumerate(texts):
        paths.append(work.path / f'frame-{number}.xml')
        paths[-1].write_bytes(text.encode() if isinstance(text, str) else text)
    return paths


def test_what_is_submitted_is_durable_and_said_in_a_line(work):
    (path,) = _files(work, frames.registrys_change('bank.example', operation='delete'))
    done = epptapctl('submit', work.config, path)
    assert (done.stdout, done.stderr) == (f'{path}: submitted: delete of domain bank.example, the state after it\n', '')
    assert _spooled(work) == [('change', 'bank.example')]
    with Tap(work.config) as tap:
        (line,) = _published(tap, work, 1)
    assert (told(line), _value(line)['initiator']) == ('delete bank.example', 'registry')
    assert leakscan.scan([work.state_dir, work.path / 'log'], [CANARY]) == []


def test_a_front_end_may_have_it_open_meanwhile_and_several_keep_their_order(work):
    names = [f'n{number}.example' for number in range(30)]
    paths = _files(work, *[frames.registrys_change(name, state=state, svtrid=name) for name in names
                           for state in ('before', 'after')])
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'bank.example'))
        tap.flush()
        said = epptapctl('submit', work.config, *paths).stdout.splitlines()
        lines = _published(tap, work, 1 + len(paths))
    assert [line.partition(': submitted: ')[2] for line in said] == [
        f'update of domain {name}, the state {state} it' for name in names for state in ('before', 'after')]
    assert [told(line) for line in lines[1:]] == [f'update {name}' for name in names for _ in (0, 1)]
    assert ['before' in _value(line) for line in lines[1:]] == [True, False] * len(names)


FORM = 'RFC 8590): a response with infData in its resData, and changePoll:changeData in its extension'
REFUSED = {
    'a command': (frames.update_domain('canary.example', add_status=['clientHold']), FORM),
    'another message': (frames.pending_done('bank.example', 'S-1'), FORM),
    'a plain response': (frames.NO_MESSAGE, FORM),
    'no XML': (CANARY, 'is not well-formed XML'),
    'half a frame': (frames.registrys_change('bank.example')[:-20], 'is not well-formed XML'),
    'a doctype': (f'<!DOCTYPE epp [<!ENTITY e "{CANARY}">]>' + frames.registrys_change('bank.example'), 'has a DOCTYPE'),
    'no name': (frames.registrys_change(CANARY), 'has a value that is none'),
    'a strange namespace': (frames.registrys_change('bank.example').replace('domain-1.0', 'canary-1.0'),
                            'has a namespace that epptap does not read; map it in `namespaces:`'),
    'empty': ('', 'is empty'),
    'too large': (' ' * ((1 << 20) + 1), 'is larger than capture.frame_limit, 1048576 bytes'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_is_no_change_of_the_registrys_is_refused_in_words(work, name):
    frame, words = REFUSED[name]
    good, bad = _files(work, frames.registrys_change('bank.example'), frame)
    for arguments, more in (([bad], ''), ([good, bad], '; nothing was submitted')):
        done = epptapctl('submit', work.config, *arguments, check=False)
        assert (done.returncode, done.stdout) == (1, '')
        assert done.stderr.startswith(f'epptapctl: {bad}: ') and words in done.stderr
        assert done.stderr.endswith(f'{more}\n') and done.stderr.count('\n') == 1
        assert 'canary' not in done.stderr.lower()
    assert not work.state_dir.exists()


def test_submit_says_what_it_misses(work):
    done = epptapctl('submit', work.config, work.path / 'nowhere.xml', check=False)
    assert (done.returncode, done.stderr) == (
        1, f'epptapctl: {work.path}/nowhere.xml: can\'t be read: No such file or directory\n')
    assert epptapctl('submit', work.config, check=False).returncode == 2


def test_another_user_can_not_submit(work):
    if os.geteuid() != 0:
        pytest.skip('only root may become another user')
    (path,) = _files(work, frames.registrys_change('bank.example'))
    work.state_dir.mkdir(mode=0o700)
    os.chown(work.state_dir, 65534, 65534)
    done = epptapctl('submit', work.config, path, check=False)
    assert done.returncode == 1
    assert "Run all of epptap as the front end's user" in done.stderr
    assert list(work.state_dir.iterdir()) == []


def test_submit_reads_as_the_config_says(work):
    frame = frames.registrys_change('bank.example').replace(frames.DOMAIN, OWN_DOMAIN)
    (path,) = _files(work, frame)
    assert 'has a namespace' in epptapctl('submit', work.config, path, check=False).stderr
    work.write_config(namespaces={OWN_DOMAIN: frames.DOMAIN})
    assert 'update of domain bank.example' in epptapctl('submit', work.config, path).stdout


# A registry's own words

def _own(frame):
    frame = frame if isinstance(frame, str) else frame.decode()
    return frame.replace('urn:ietf:params:xml:ns:epp-1.0', OWN_EPP).replace(frames.DOMAIN, OWN_DOMAIN)


OWN = {OWN_EPP: 'urn:ietf:params:xml:ns:epp-1.0', OWN_DOMAIN: frames.DOMAIN}


def test_a_registrys_own_namespaces_are_read_as_those_that_they_stand_for(work):
    command = frames.update_domain('bank.example', ['ns1.elsewhere.test'], add_ds=[frames.ds(7)])
    with Tap(work.config) as tap:
        tap.transaction(command, success('S-1'))
        tap.transaction(_own(command), _own(success('S-2')))
        tap.flush()
        work.write_config(namespaces=OWN)
        tap.reload()
        tap.transaction(_own(command), _own(success('S-3')))
        tap.end(tap.begin(_own(command)), _own(success('S-4')))
        _by_begin_and_end(tap, _own(frames.pending_done('bank.example', 'S-9')))
        tap.server_change(_own(frames.registrys_change('own.example')))
        ietf, gap, own, begun, done, server = _published(tap, work, 6)
    assert gaps_in([gap])[0]['reason'] == 'namespace'
    take_chains([line['event'] for line in (ietf, own, begun, done, server)])
    assert own['event']['events'] == begun['event']['events'] == ietf['event']['events']
    assert _value(done)['outcome'] == 'completed'
    assert told(server) == 'update own.example'


def test_a_registrys_own_verbs_are_read_as_those_that_they_stand_for(work):
    def command(verb):
        return frames.delete_domain('bank.example').replace('delete', verb)
    work.write_config(verbs={'undelete': 'restore', 'drop': 'delete', 'reserve': 'query'})
    with Tap(work.config) as tap:
        for verb in ('undelete', 'drop', 'reserve', 'trade'):
            tap.transaction(command(verb), success(f'S-{verb}'))
        restored, dropped, unknown = _published(tap, work, 3)
    assert _value(restored)['restore'] == 'request'
    assert told(dropped) == 'delete bank.example'
    assert (gaps_in([unknown])[0]['reason'], gaps_in([unknown])[0]['txn']) == ('verb', 'S-trade')


@pytest.mark.parametrize('key, words', [
    ({'namespaces': {'urn:own': 'urn:none'}}, 'namespaces: "urn:none" is no namespace that epptap reads; write urn:ietf:params'),
    ({'namespaces': {'with blank': frames.DOMAIN}}, 'namespaces: "with blank" is no URI of a namespace'),
    ({'verbs': {'update': 'create'}}, 'verbs: "update" is a verb of EPP itself'),
    ({'verbs': {'trade': 'sell'}}, 'verbs: "sell" is not known; write create, update, delete')])
def test_what_stands_for_nothing_is_refused_with_its_place(work, key, words):
    work.write_config(**key)
    done = epptapctl('check', work.config, check=False)
    assert done.returncode == 1 and words in done.stderr
    with pytest.raises(TapError) as error:
        Tap(work.config)
    assert (error.value.result, error.value.why) == (ECONFIG, done.stderr.rstrip('\n'))


def _namespaces(work):
    """What status says of namespaces, once it says anything."""
    def look():
        done = epptapctl('status', work.config, check=False)
        return [line for line in done.stdout.splitlines() if line.startswith('namespace ')]
    return wait_until('status names namespaces', look)


def _extended(uri):
    return frames.delete_domain('bank.example').replace('<clTRID>', f'<extension><x:y xmlns:x="{uri}"/></extension><clTRID>')


def test_status_names_the_namespaces_met(work):
    shown = f'namespace {OWN_DOMAIN}: made 2 frames unreadable'
    with Tap(work.config) as tap:
        for registrar in ('ClientX', 'ClientY'):
            tap.transaction(_own(frames.delete_domain('bank.example')).replace(OWN_EPP, OWN[OWN_EPP]), success('S-1'), registrar)
        tap.transaction(_extended('urn:ietf:params:xml:ns:fee-9.9'), success('S-2'))
        # those of a command that failed are nobody's business
        tap.transaction(_extended('urn:made-up'), success('S-3', code=2000))
        tap.flush()
        stats = tap.stats()['namespaces']
        assert stats == {OWN_DOMAIN: {'unread': 2, 'passed_over': 0},
                         'urn:ietf:params:xml:ns:fee-9.9': {'unread': 0, 'passed_over': 1}}
    said = _namespaces(work)
    assert said == [
        f'{shown}: if it stands for one that epptap reads, map it in the config, `namespaces:`',
        'namespace urn:ietf:params:xml:ns:fee-9.9: passed over in 1 frame, as an extension that epptap does not read']
    # they last, and are added up
    work.write_config(namespaces=OWN)
    with Tap(work.config) as tap:
        tap.transaction(_extended('urn:ietf:params:xml:ns:fee-9.9'), success('S-4'))
        tap.flush()
    assert _namespaces(work) == [
        f'{shown}, before the config mapped it',
        'namespace urn:ietf:params:xml:ns:fee-9.9: passed over in 2 frames, as an extension that epptap does not read']


def test_namespaces_are_bounded_in_number_length_and_characters(work):
    hostile = [f'urn:canary person {number}' for number in range(5)] + ['urn:canary@mail.example', 'urn:' + 'c4nary' * 100]
    with Tap(work.config) as tap:
        for uri in hostile:
            tap.transaction(_extended(uri), success('S-1'))
        for number in range(200):
            tap.transaction(_extended(f'urn:made-up-{number}'), success('S-2'))
        tap.flush()
        assert len(tap.stats()['namespaces']) <= 33
    said = _namespaces(work)
    assert len(said) <= 33
    assert said[-1] == ('namespace others, too many to be named or not fit to be shown: passed over in 183 frames, as an '
                        'extension that epptap does not read')
    assert leakscan.scan([work.path], ['canary person', 'canary@mail', 'c4naryc4nary'], leave_out=[work.keys]) == []
    assert all(len(line) < 256 for line in said)


def test_a_host_renamed_into_the_zones_is_told(work):
    """And so is one that is renamed out of them; what was never in them is not."""
    work.write_config(zones=['example'])
    with Tap(work.config) as tap:
        tap.transaction(frames.update_host('ns.evil.test', add=['192.0.2.66'], new_name='ns1.bank.example'), success('S-in'))
        tap.transaction(frames.update_host('ns1.bank.example', new_name='ns.evil.test'), success('S-out'))
        tap.transaction(frames.update_host('ns.evil.test', new_name='ns2.evil.test'), success('S-never'))
        lines = _published(tap, work, 2)
    assert txns_in(lines) == ['S-in', 'S-out']
    assert _value(lines[0])['set']['ldhName'] == 'ns1.bank.example'

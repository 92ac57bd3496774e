"""Each golden case gives exactly the event, or exactly the count, that it says it does."""
import base64
import json
import re

import pytest

import harness
from harness import Tap, Work

CASES = harness.cases()


@pytest.fixture(scope='module')
def told(tmp_path_factory):
    """What one tap made of each case by name: (what its counters counted, the claims it published or None). A case that
    can't be read is published, too: as a gap."""
    work = Work(tmp_path_factory.mktemp('golden'))
    counts, names = {}, []
    with Tap(work.config) as tap:
        before = tap.stats()
        for case in CASES:
            tap.transaction(case.command, case.response, case.registrar)
            tap.flush()
            after = tap.stats()
            counts[case.name] = _difference(before, after)
            if after['spooled'] > before['spooled'] or after['unreadable'] != before['unreadable']:
                names.append(case.name)
            before = after
        tap.wait_published(len(names))
        lines = [line for line in harness.feed_dump(work.config, 'vetted')]
    assert [line['index'] for line in lines] == list(range(len(names)))
    published = {name: _claims(line['jws']) for name, line in zip(names, lines)}
    return {case.name: (counts[case.name], published.get(case.name)) for case in CASES}


def _claims(jws):
    part = jws.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


def _check_gap(case, claims):
    """A gap of one command, with the reason that was counted, the registrar, and the svTRID if the response has one."""
    (name, gap), = claims['events'].items()
    assert name == 'urn:epptap:gap'
    assert (gap['reason'], gap['count']) == (case.expected['counted'], 1)
    assert gap['from'] == gap['to']
    assert gap.get('registrar') == case.registrar
    svtrid = re.search(rb'<svTRID>([!-~]{1,64})</svTRID>', case.response.replace(b'epp:', b''))
    if case.expected['counted'] != 'no_response':
        assert gap.get('txn') == claims.get('txn') == (svtrid and svtrid[1].decode())


def _difference(before, after):
    """The counters of the capture side that went up: the scan's and the parser's "no" are both "nothing"."""
    flat = {reason: after['unreadable'][reason] - before['unreadable'][reason] for reason in after['unreadable']}
    flat |= {reason: after['lost'][reason] - before['lost'][reason] for reason in after['lost']}
    flat['nothing'] = sum(after[key] - before[key] for key in ('skipped', 'nothing'))
    flat['change'] = after['changes'] - before['changes']
    return {reason: count for reason, count in flat.items() if count}


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_the_case_gives_what_it_says(told, case):
    counted, claims = told[case.name]
    if 'counted' in case.expected:
        assert counted == {case.expected['counted']: 1}
        if case.expected['counted'] == 'nothing':
            assert claims is None
        else:
            _check_gap(case, claims)
        return
    assert counted == {'change': 1}
    assert {'iss', 'jti', 'iat', 'toe'} <= set(claims)
    rest = {name: value for name, value in claims.items() if name not in ('iss', 'jti', 'iat', 'toe')}
    # compared as text, for the order of members counts
    assert json.dumps(rest, indent=1) == json.dumps(case.expected['event'], indent=1)


def test_the_cases_cover_events_and_each_reason_to_count():
    kinds = {next(iter(case.expected)) for case in CASES}
    reasons = {case.expected['counted'] for case in CASES if 'counted' in case.expected}
    assert kinds == {'event', 'counted'}
    assert reasons == {'nothing', 'malformed', 'doctype', 'deep', 'large', 'encoding', 'namespace', 'verb', 'value',
                       'no_response'}


def test_no_expected_event_holds_a_canary():
    for case in CASES:
        text = json.dumps(case.expected, ensure_ascii=False).lower()
        assert not [canary for canary in harness.canaries() if canary.lower() in text], case.name


def test_a_name_that_was_hidden_in_a_case_is_a_canary():
    assert {'CANARY-authinfo-7f3a', 'canary@person.example', '+99.5550001', 'Kanari Vogelsang',
            'canary-login@person.example', 'CANARY-handle-99ii', 'Kanärie Vögelsang'} <= set(harness.canaries())


def test_a_login_is_published_as_the_config_calls_it(tmp_path):
    work = Work(tmp_path)
    work.write_config(registrars={'canary-login@person.example': 'Client Y Ltd', 'Silent': 'hide', 'Plain': 'Other'})
    logins = ['canary-login@person.example', 'Silent', 'Plain', 'plain', None, 'other@person.example', 'x' * 65]
    with Tap(work.config) as tap:
        for number, login in enumerate(logins):
            tap.transaction(*harness.update_frames('a.example', number), login)
        tap.flush()
        stats = tap.wait_published(len(logins))
        lines = harness.feed_dump(work.config, 'vetted')
    values = [value for line in lines for value in line['event']['events'].values()]
    assert [value.get('registrar') for value in values] == ['Client Y Ltd', None, 'Other', 'plain', None, None, None]
    assert stats['registrars_left_out'] == 2

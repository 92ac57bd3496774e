"""Each golden case gives exactly the event, or exactly the count, that it says it does."""
import base64
import collections
import itertools
import json
import re

import pytest

import harness
import oracle
from harness import Tap, Work

CASES = harness.cases()


Shown = collections.namedtuple('Shown', 'counted claims')  # what was counted for a step; the event told of it, or None


@pytest.fixture(scope='module')
def told(tmp_path_factory):
    """What became of each step of each case, by the case's name. Cases of one registry share a tap, whose config reads
    frames as that registry's in etc/registries does."""
    shown = {}
    for registry in {case.registry for case in CASES}:
        work = Work(tmp_path_factory.mktemp('golden'))
        work.write_config(reorder='0s', **(harness.own_words(registry) if registry else {}))
        shown |= _show(work.config, [case for case in CASES if case.registry == registry])
    return shown


def _show(config, cases):
    counts = []
    with Tap(config) as tap:
        before = tap.stats()
        for step in (step for case in cases for step in case.steps):
            tap.show(step)
            tap.flush()
            after = tap.wait_told()
            counts.append(_difference(before, after))
            before = after
    lines = harness.feed_dump(config, 'vetted')
    assert [line['index'] for line in lines] == list(range(len(lines)))
    events = iter(lines)
    all_shown = [Shown(counted, _claims(next(events)['jws']) if published else None) for counted, published in counts]
    # a case's event must not depend on the cases before it
    oracle.take_chains(step.claims for step in all_shown if step.claims)
    rest = iter(all_shown)
    shown = {case.name: list(itertools.islice(rest, len(case.steps))) for case in cases}
    assert next(events, None) is None
    return shown


def _claims(jws):
    part = jws.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


def _difference(before, after):
    """What was counted, and how many events were published: the scan's and the parser's "no" are both "nothing"."""
    flat = {reason: after['unreadable'][reason] - before['unreadable'][reason] for reason in after['unreadable']}
    flat |= {reason: after['lost'][reason] - before['lost'][reason] for reason in after['lost']}
    flat['nothing'] = sum(after[key] - before[key] for key in ('skipped', 'nothing'))
    flat['change'] = after['changes'] - before['changes']
    flat |= {what: after['publisher'][what] - before['publisher'][what] for what in ('repeats', 'invalid_names')}
    published = after['publisher']['published'] - before['publisher']['published']
    assert published in (0, 1)
    return {reason: count for reason, count in flat.items() if count}, published


def _check_event(step, shown, before):
    """`completes` of an expected event names a step of the case."""
    claims = dict(shown.claims)
    assert shown.counted == {'change': 1}
    assert {'iss', 'jti', 'iat', 'toe'} <= set(claims)
    for name in ('iss', 'jti', 'iat', 'toe'):
        del claims[name]
    (value,) = claims['events'].values()
    if 'completes' in value:
        value['completes'] = next(f'step {number}' for number, earlier in enumerate(before, 1)
                                  if earlier.claims and earlier.claims['jti'] == value['completes'])
    # compared as text, for the order of members counts
    assert json.dumps(claims, indent=1) == json.dumps(step.expected['event'], indent=1)


def _check_gap(step, shown, reason):
    """A gap of one command, with the reason, the registrar, and the svTRID if the response has one."""
    (name, gap), = shown.claims['events'].items()
    assert name == 'urn:epptap:gap'
    assert (gap['reason'], gap['count']) == (reason, 1)
    assert gap['from'] == gap['to']
    assert gap.get('registrar') == (step.registrar if step.command is not None else None)
    svtrid = re.search(rb'<svTRID>([!-~]{1,64})</svTRID>\s*</trID>', step.response.replace(b'epp:', b''))
    # what a message says of a change comes before its own svTRID
    if reason != 'no_response' and b'code="1301"' not in step.response:
        assert gap.get('txn') == shown.claims.get('txn') == (svtrid and svtrid[1].decode())


def _check_step(step, shown, before):
    (kind, what), = step.expected.items()
    if kind == 'event':
        _check_event(step, shown, before)
    elif kind == 'repeat':
        assert (shown.counted, shown.claims) == ({'change': 1, 'repeats': 1}, None)
    elif kind == 'refused':  # by the publisher, which alone knows IDNA
        assert shown.counted == {'change': 1, 'invalid_names': 1}
        _check_gap(step, shown, what)
    else:
        assert shown.counted == {what: 1}
        if what == 'nothing':
            assert shown.claims is None
        else:
            _check_gap(step, shown, what)


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_the_case_gives_what_it_says(told, case):
    shown = told[case.name]
    for number, step in enumerate(case.steps):
        _check_step(step, shown[number], shown[:number])


def test_the_cases_cover_events_and_each_reason_to_count():
    steps = harness.steps()
    kinds = {kind for step in steps for kind in step.expected}
    reasons = {step.expected['counted'] for step in steps if 'counted' in step.expected}
    assert kinds == {'event', 'counted', 'repeat', 'refused'}
    assert reasons == {'nothing', 'malformed', 'doctype', 'deep', 'large', 'encoding', 'namespace', 'verb', 'value',
                       'no_response'}
    assert {step.command is None for step in steps} == {True, False}


def test_the_cases_cover_each_registry():
    """A config of etc/registries without a case is one that nobody tried."""
    assert {case.registry for case in CASES} == {None} | {path.stem for path in harness.REGISTRIES.glob('*.yaml')}


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_each_file_of_the_case_is_used(case):
    several = len(case.steps) > 1
    names = {'expected.json'} | ({'registry'} if case.registry else set())
    for number, step in enumerate(case.steps, 1):
        start = f'{number}-' if several else ''
        frames = ['server.xml'] if step.command is None else ['command.xml', 'response.xml']
        names |= {start + name for name in frames}
        if step.registrar != 'ClientX':
            names.add(f'{start}registrar')
    assert {path.name for path in (harness.CASES / case.name).iterdir()} == names


def test_no_expected_event_holds_a_canary():
    canaries = [canary.lower() for canary in harness.canaries()]
    for case in CASES:
        text = json.dumps([step.expected for step in case.steps], ensure_ascii=False).lower()
        assert not [canary for canary in canaries if canary in text], case.name


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

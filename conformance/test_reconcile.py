"""eppwatch reconcile: the story of a stolen registrar password, at each stage, and every other way in which what a registrar
sent and what the registry says can differ. 'Ours' are lines that the registrar writes down, or a feed of its own tap."""
import json
import statistics
import time

import pytest

import frames
from harness import Tap, Work, success, wait_until
from log_maker import Channel
from test_eppwatch_log import Watch, eppwatch

LOCK = {'impact': ['lock'], 'lock': [{'action': 'lock', 'level': 'registrar', 'prohibits': ['update', 'transfer']}],
        'add': {'status': ['client update prohibited', 'client transfer prohibited']}}
UNLOCK = {'impact': ['unlock'], 'lock': [{'action': 'unlock', 'level': 'registrar', 'prohibits': ['update', 'transfer']}],
          'remove': {'status': ['client update prohibited', 'client transfer prohibited']}}
AWAY = {'impact': ['delegation'], 'add': {'nameservers': [{'ldhName': 'ns1.evil.example'}]},
        'remove': {'nameservers': [{'ldhName': 'ns1.good.example'}]}}
BACK = {'impact': ['delegation'], 'add': AWAY['remove'], 'remove': AWAY['add']}
NO_DS = {'impact': ['dnssec-removed'], 'remove': {'secureDNS': {'all': True}}}
DS_BACK = {'impact': ['dnssec-added'],
           'add': {'secureDNS': {'dsData': [{'keyTag': 12345, 'algorithm': 13, 'digestType': 2, 'digest': '49FD' * 16}]}}}


class Lines:
    """The registrar's own records, as a file that grows."""

    def __init__(self, path):
        self.path = path
        path.touch()

    def write(self, txn, domain, action, **more):
        with self.path.open('a') as file:
            file.write(json.dumps({'svTRID': txn, 'domain': domain, 'action': action, **more}) + '\n')

    address = property(lambda self: self.path)


class OwnFeed:
    """The registrar's own records, as the feed of its tap on the outgoing connection."""

    def __init__(self, path):
        self.channel = Channel(path, name='ours', registry='https://registrar.example', socket=True)
        self.channel.publish()

    def write(self, txn, domain, action, **value):
        verb = action if action in ('create', 'delete', 'renew', 'transfer') else 'update'
        self.channel.tell(self.channel.event(domain, verb, txn=txn, registrar='login-of-ours', **value))

    address = property(lambda self: self.channel.folder)


@pytest.fixture
def state(tmp_path):
    return tmp_path / 'state'


@pytest.fixture
def registry(tmp_path):
    with Channel(tmp_path / 'registry', socket=True) as channel:
        channel.add(channel.event('before.example', txn='R-0'))
        channel.publish()
        yield channel


@pytest.fixture(params=[Lines, OwnFeed], ids=['lines', 'feed'])
def own(request, tmp_path):
    made = request.param(tmp_path / 'own')
    yield made
    if isinstance(made, OwnFeed):
        made.channel.__exit__()


def reconcile(registry, own, state, *arguments):
    watch = Watch('reconcile', registry.folder, '--registrar', 'ClientX', '--own', own.address, '--json', *arguments, state=state)
    registry.wait_subscribed()
    if isinstance(own, OwnFeed):
        own.channel.wait_subscribed()
    # what is sent before the handshake is over goes nowhere: a probe of somebody else's says when it is
    watch.wait('it is connected', lambda watch: sum('connected' in line for line in list(watch.err)) ==
               1 + isinstance(own, OwnFeed))
    return watch


def differences(watch):
    return [(line['difference'], line['domain'], ((line['registry'] or line['own'])['actions']))
            for line in map(json.loads, list(watch.out)) if 'difference' in line]


def wait_difference(watch, count, seconds=40):
    watch.wait(f'{count} differences', lambda watch: len(differences(watch)) >= count, seconds)
    return differences(watch)


def test_a_stolen_password_shows_at_each_stage(registry, own, state):
    stages = [(UNLOCK, ['unlock']), (AWAY, ['update']), (NO_DS, ['update']), (DS_BACK, ['update']), (BACK, ['update'])]
    with reconcile(registry, own, state, '--all') as watch:
        # what is ours is ours
        own.write('R-1', 'bank.example', 'lock', **(LOCK if isinstance(own, OwnFeed) else {}))
        registry.tell(registry.event('bank.example', txn='R-1', **LOCK))
        # and then somebody comes in with our password
        took = []
        for number, (change, actions) in enumerate(stages):
            registry.tell(registry.event('bank.example', txn=f'R-{number + 10}', **change))
            begin = time.monotonic()
            assert wait_difference(watch, number + 1)[-1] == ('not-ours', 'bank.example', actions)
            took.append(time.monotonic() - begin)
        assert statistics.median(took) < 1.2, f'the alarm is to come within a second: {took}'
        last = json.loads(watch.out[0])
        assert 'somebody else has our EPP password' in last['means'] and 'emergency line' in last['call']
        assert last['txn'] == 'R-10' and last['registry']['index'] == 2
        assert watch.stop() == 1
    assert len(differences(watch)) == len(stages)
    assert any('1 changes agree, 5 differences' in line for line in watch.err), watch.err


def test_without_all_only_locks_count(registry, own, state):
    with reconcile(registry, own, state) as watch:
        registry.tell(registry.event('bank.example', txn='R-1', **AWAY), registry.event('bank.example', txn='R-2', **UNLOCK),
                      registry.event('bank.example', txn='R-3', **BACK), registry.event('other.example', txn='R-4',
                                                                                       registrar='ClientY', **UNLOCK))
        assert wait_difference(watch, 1) == [('not-ours', 'bank.example', ['unlock'])]
        registry.tell(registry.event('bank.example', txn='R-5', **LOCK))
        assert wait_difference(watch, 2)[1:] == [('not-ours', 'bank.example', ['lock'])]
        assert watch.stop() == 1


def test_all_that_agrees_is_no_difference(registry, own, state):
    is_feed = isinstance(own, OwnFeed)
    with reconcile(registry, own, state, '--all') as watch:
        for number, (action, change) in enumerate([('create', {'impact': ['create']}), ('lock', LOCK), ('unlock', UNLOCK),
                                                   ('update', AWAY), ('renew', {'set': {'expires': '2030-01-01T00:00:00Z'}}),
                                                   ('delete', {'impact': ['delete']})]):
            verb = action if action in ('create', 'renew', 'delete') else 'update'
            own.write(f'R-{number}', 'a.example', action, **(change if is_feed else {}))
            registry.tell(registry.event('a.example', verb, txn=f'R-{number}', **change))
        # the other way round, as it may come
        registry.tell(registry.event('b.example', txn='R-9', **UNLOCK))
        own.write('R-9', 'b.example', 'unlock', **(UNLOCK if is_feed else {}))
        registry.tell(registry.event('end.example', txn='R-99', **UNLOCK))
        assert wait_difference(watch, 1) == [('not-ours', 'end.example', ['unlock'])]
        assert watch.stop() == 1
        assert any('7 changes agree, 1 differences' in line for line in watch.err), watch.err


def test_what_the_registry_answered_and_does_not_tell_is_missing(registry, own, state):
    with reconcile(registry, own, state, '--wait', 1) as watch:
        own.write('R-1', 'bank.example', 'lock', **(LOCK if isinstance(own, OwnFeed) else {}))
        assert wait_difference(watch, 1) == [('missing', 'bank.example', ['lock'])]
        # late is better than never
        registry.tell(registry.event('bank.example', txn='R-1', **LOCK))
        assert wait_difference(watch, 2)[1:] == [('came-after-all', 'bank.example', ['lock'])]
        assert watch.stop() == 1


def test_a_change_that_the_feed_lost_is_told_as_such(registry, state, tmp_path):
    own = Lines(tmp_path / 'own')
    with reconcile(registry, own, state, '--wait', 30) as watch:
        own.write('R-1', 'bank.example', 'lock')
        watch.wait('it is read', lambda _: not time.sleep(0.2))
        gap = registry.claims(registry.registry, 'urn:epptap:gap', {'reason': 'malformed', 'count': 1, 'registrar': 'ClientX',
                                                                    'txn': 'R-1'}, txn='R-1')
        registry.tell(registry.jws(gap))
        assert [what for what, *_ in wait_difference(watch, 1)] == ['lost']
        assert watch.stop() == 1


def test_what_was_changed_on_the_way(registry, own, state):
    is_feed = isinstance(own, OwnFeed)
    with reconcile(registry, own, state, '--all') as watch:
        own.write('R-1', 'bank.example', 'lock', **(LOCK if is_feed else {}))
        registry.tell(registry.event('bank.example', txn='R-1', **UNLOCK))
        assert wait_difference(watch, 1) == [('changed', 'bank.example', ['unlock'])]
        line = json.loads(watch.out[0])
        assert line['own']['actions'] == ['lock'] and 'changed on the way' in line['means']
        own.write('R-2', 'bank.example', 'update', **(AWAY if is_feed else {}))
        registry.tell(registry.event('bunk.example', txn='R-2', **AWAY))
        assert wait_difference(watch, 2)[1:] == [('changed', 'bunk.example', ['update'])]
        if is_feed:
            # only a feed of our own has the nameservers that we sent
            own.write('R-3', 'bank.example', 'update', **BACK)
            registry.tell(registry.event('bank.example', txn='R-3', **AWAY))
            assert wait_difference(watch, 3)[2:] == [('changed', 'bank.example', ['update'])]
            assert json.loads(watch.out[2])['differs_in'] == 'what is added, what is removed'
        assert watch.stop() == 1


def test_what_the_registry_did_itself_and_what_others_do(registry, own, state):
    with reconcile(registry, own, state, '--all') as watch:
        registry.tell(registry.event('bank.example', initiator='registry', **UNLOCK))
        assert wait_difference(watch, 1) == [('by-the-registry', 'bank.example', ['unlock'])]
        transfer = {'op': 'request', 'status': 'pending', 'gaining': 'ClientY', 'losing': 'ClientX'}
        registry.tell(registry.event('bank.example', 'transfer', registrar='ClientY', transfer=transfer))
        assert wait_difference(watch, 2)[1:] == [('by-another', 'bank.example', ['transfer'])]
        assert 'ClientY asks for a name' in json.loads(watch.out[1])['means']
        assert watch.stop() == 1


def test_the_end_of_what_was_pending_has_the_same_txn(registry, own, state):
    with reconcile(registry, own, state, '--all') as watch:
        own.write('R-1', 'bank.example', 'lock', **(LOCK if isinstance(own, OwnFeed) else {}))
        pending = registry.event('bank.example', txn='R-1', **{**LOCK, 'outcome': 'pending'})
        registry.tell(pending)
        registry.tell(registry.event('bank.example', txn='R-1', completes=registry.last[False, 'bank.example'], **LOCK))
        # of a command that was sent before this began
        registry.tell(registry.event('old.example', txn='R-00', completes='AAAAAAAAAAAAAAAAAAAAAA', **LOCK))
        registry.tell(registry.event('end.example', txn='R-99', **UNLOCK))
        assert wait_difference(watch, 1) == [('not-ours', 'end.example', ['unlock'])]
        assert watch.stop() == 1


def test_our_own_record_may_come_late(registry, state, tmp_path):
    own = Lines(tmp_path / 'own')
    with reconcile(registry, own, state) as watch:
        registry.tell(registry.event('bank.example', txn='R-1', **UNLOCK))
        wait_difference(watch, 1)
        own.write('R-1', 'bank.example', 'unlock')
        assert wait_difference(watch, 2)[1:] == [('ours-after-all', 'bank.example', ['unlock'])]
        assert watch.stop() == 1


# Spans

def _week(channel):
    """Ten changes of a week, ours and others'; what we wrote down of them."""
    lines = []
    for number in range(10):
        txn, when = f'R-{number}', 1_700_000_000 + 3600 * number
        channel.add(channel.event(f'd{number}.example', txn=txn, toe=when, registrar='ClientX' if number % 2 else 'ClientY', **LOCK))
        if number % 2:
            stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(when))
            lines.append({'svTRID': txn, 'domain': f'd{number}.example', 'action': 'lock', 'time': stamp})
    channel.publish()
    return lines


def _run(channel, tmp_path, lines, state, *arguments):
    own = tmp_path / 'own'
    own.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    done = eppwatch('reconcile', channel.folder, '--registrar', 'ClientX', '--own', own, '--json', *arguments, state=state)
    return done.returncode, [(line['difference'], line['domain']) for line in map(json.loads, done.stdout.splitlines())
                             if 'difference' in line], done


def test_a_span_of_the_past(tmp_path, state):
    with Channel(tmp_path / 'registry') as channel:
        lines = _week(channel)
        assert _run(channel, tmp_path, lines, state, '--from', 'start', '--to', 'end')[:2] == (0, [])
        # one that we never sent, one that never arrived
        assert _run(channel, tmp_path, [*lines[:2], *lines[3:], {**lines[2], 'svTRID': 'X-1'}], state, '--from', 'start', '--to',
                    'end')[:2] == (1, [('not-ours', 'd5.example'), ('missing', 'd5.example')])
        # from a time, to a time, of the feed and of our lines
        _, found, done = _run(channel, tmp_path, lines[:1], state, '--from', '2023-11-15T00:00:00Z', '--to', '2023-11-15T03:00:00Z')
        assert found == [('not-ours', 'd3.example')], done.stderr
        # from the middle: what we sent before the first that matches lies before
        assert _run(channel, tmp_path, lines, state, '--from', '4', '--to', 'end')[:2] == (0, [])


def test_lines_that_are_none_are_told_with_their_number(tmp_path, state):
    with Channel(tmp_path / 'registry') as channel:
        lines = _week(channel)
        own = tmp_path / 'own'
        own.write_text('\n'.join(map(json.dumps, lines)) + '\n\n{"svTRID":"x"}\nnonsense\n' +
                       '{"svTRID":"R-1","domain":"a.example","action":"steal"}')
        done = eppwatch('reconcile', channel.folder, '--registrar', 'ClientX', '--own', own, '--json', '--from', 'start', '--to',
                        'end', state=state)
        errors = [json.loads(line)['error'] for line in done.stdout.splitlines()]
        assert done.returncode == 1 and len(errors) == 3
        assert 'line 7: domain: a name' in errors[0]
        assert 'line 8: a JSON object in one line' in errors[1]
        assert 'line 9: action: lock, unlock' in errors[2]


def test_for_people_it_says_what_it_means_and_whom_to_call(tmp_path, state):
    with Channel(tmp_path / 'registry') as channel:
        _week(channel)
        own = tmp_path / 'own'
        own.touch()
        done = eppwatch('reconcile', channel.folder, '--registrar', 'ClientX', '--own', own, '--from', 'start', '--to', '2', state=state)
        assert done.returncode == 1
        first, means, call = done.stdout.splitlines()
        assert first.startswith('NOT OURS  d1.example  lock  (lock update,transfer;') and 'txn R-1  index 1  2023-' in first
        assert means.strip().startswith('It was done under our id ClientX, and we never sent it')
        assert 'emergency line now' in call



# The whole way: two taps, one at the registry's server, one on the registrar's connection to it

def test_the_story_by_two_taps(tmp_path, state):
    """The registrar's epptap.so sees what its client sends, the registry's all that its server does: between them stands a
    thief, who comes in by a connection of his own, with the registrar's password."""
    for name in ('registry', 'ours'):
        (tmp_path / name).mkdir()
    registry, ours = Work(tmp_path / 'registry'), Work(tmp_path / 'ours')
    ours.write_config(channels=('public',))
    registry.write_config(channels=('public',))
    with Tap(registry.config) as server, Tap(ours.config) as client:
        def carry_out(command, by_us, number=[0]):
            number[0] += 1
            answer = success(f'R-{number[0]}')
            if by_us:  # and known to be, or the registry's may come first by more than the time that ours has
                client.transaction(command, answer, registrar='our-login')
                client.flush()
                client.wait_told()
            server.transaction(command, answer)
        lock = ['clientUpdateProhibited', 'clientTransferProhibited']
        carry_out(frames.update_domain('bank.example', add_status=lock), True)
        for work in (registry, ours):
            wait_until('there is a log', lambda work=work: (work.log_dir('public') / 'checkpoint').exists())
        with Watch('reconcile', registry.log_dir('public'), '--registrar', 'ClientX', '--own', ours.log_dir('public'), '--all',
                   '--from', 'start', '--json', state=state) as watch:
            watch.wait('both are connected', lambda watch: sum('connected' in line for line in list(watch.err)) == 2)
            stages = [frames.update_domain('bank.example', remove_status=lock),
                      frames.update_domain('bank.example', add_ns=['ns1.evil.example'], remove_ns=['ns1.good.example']),
                      frames.update_domain('bank.example', remove_all_ds=True),
                      frames.update_domain('bank.example', add_ns=['ns1.good.example'], remove_ns=['ns1.evil.example'])]
            took = []
            for number, stage in enumerate(stages):
                carry_out(frames.update_domain(f'work{number}.example', add_status=lock), True)
                carry_out(stage, False)
                begin = time.monotonic()
                assert wait_difference(watch, number + 1)[-1] == ('not-ours', 'bank.example', ['update' if number else 'unlock'])
                took.append(time.monotonic() - begin)
            assert statistics.median(took) < 1.5, took
            assert watch.stop() == 1
        assert len(differences(watch)) == len(stages)
        assert any(f'{len(stages) + 1} changes agree' in line for line in watch.err), watch.err

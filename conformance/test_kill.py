"""kill -9 of the front end under load, again and again: what was captured stands once, in order, after the restart,
and each kill is told once.

EPPTAP_KILLS is the number of kills of each test (5); every five begin with an empty registry. In every other round the
publisher is kept from its port, so that the spool is full of changes that are not published when the process dies.
"""
import collections
import contextlib
import json
import os
import random
import threading

import pytest

import frames
from harness import Refepp, Work, about_names, epptapctl, feed_dump, gaps_in, occupied, txns_in, wait_until
from oracle import journal
from subscriber import Subscriber

KILLS = int(os.environ.get('EPPTAP_KILLS', '5'))
KILLS_OF_ONE_REGISTRY = 5
USERS = {'ClientA': 'password-a', 'ClientB': 'password-b'}
CONNECTIONS = ['ClientA', 'ClientB', 'ClientA', 'ClientB']
ZONES = ['a.example', 'b.example', 'c.example', 'prompt.example']
DELAY = {'create': '700ms', 'delete': '300ms', 'zones': {'prompt.example': {'create': '0s', 'delete': '0s'}}}


class Load:
    """Four connections that change domains until the front end is gone."""

    def __init__(self, front_end, round_number):
        self.done = 0
        self.threads = [threading.Thread(target=self._run, args=(front_end, round_number, number))
                        for number in range(len(CONNECTIONS))]
        for thread in self.threads:
            thread.start()

    def _run(self, front_end, round_number, number):
        user = CONNECTIONS[number]
        with contextlib.suppress(OSError, EOFError), front_end.client() as client:
            client.login(user, USERS[user])
            for at in range(100000):
                name = f'n{at}-{round_number}.{ZONES[number]}'
                for command in [frames.create_domain(name), frames.update_domain(name, add_status=['clientHold']),
                                frames.create_host(f'ns.{name}', ['192.0.2.1']), frames.delete_host(f'ns.{name}'),
                                frames.delete_domain(name)]:
                    frames.do(client, command)
                    self.done += 1

    def join(self):
        for thread in self.threads:
            thread.join()


def _spool(work):
    """(txn, whether it was published) of each change in the spool, as it lies there after a kill."""
    done = epptapctl('spool-dump', work.config, check=False)
    lines = [collections.defaultdict(bool, json.loads(line)) for line in done.stdout.splitlines()]
    return [(line['change']['txn'], line['published']) for line in lines if line['kind'] == 'change']


def _run_of(txn):
    """The run of the front end that a svTRID REF-RUN-NUMBER is of."""
    return txn.split('-')[1]


def _check_vetted(vetted, changes):
    """Each once, in the journal's order; of each run, what the queue still held when it died may lack, but no more."""
    assert [line['index'] for line in vetted] == list(range(len(vetted)))
    txns = txns_in(vetted)
    present = set(txns)
    assert len(present) == len(txns)
    assert txns == [txn for txn in changes if txn in present]
    by_run = collections.defaultdict(list)
    for txn in changes:
        by_run[_run_of(txn)].append(txn)
    for of_run in by_run.values():
        published = [txn in present for txn in of_run]
        assert published == sorted(published, reverse=True), 'something is missing that came before what is there'


def _check_public(public, vetted):
    """The same events, sent or held, each once; about one name in the same order."""
    txns = txns_in(public)
    assert len(set(txns)) == len(txns)
    assert set(txns) == set(txns_in(vetted))
    sent = [line for line in public if line['index'] is not None]
    assert [line['index'] for line in sent] == list(range(len(sent)))

    def by_domain(lines):
        names = collections.defaultdict(list)
        for line in about_names(lines):
            names[line['event']['sub_id']['uri'].removeprefix('dns:').removeprefix('ns.')].append(line['event']['txn'])
        return names
    # held lines stand behind the sent ones, name by name in order
    assert by_domain(public) == by_domain(vetted)


def _check_registry(work, delay, choice):
    work.write_config(delay=delay)
    spooled_only = held = 0
    for round_number in range(KILLS_OF_ONE_REGISTRY):
        taken = round_number % 2 == 1
        with contextlib.ExitStack() as stack:
            if taken:
                stack.enter_context(occupied(work.endpoint('public')))
            front_end = stack.enter_context(Refepp(work.path / 'front', USERS, work.config))
            subscriber = stack.enter_context(Subscriber(work.endpoint('public')))
            load = Load(front_end, round_number)
            enough = choice.randrange(50, 1200)
            wait_until(f'{enough} changes are made, and one is heard', lambda: load.done >= enough and
                       (taken or subscriber.socket.poll(0)), seconds=30, every=0.001)
            before = feed_dump(work.config) if not taken and round_number % 4 == 0 else []
            front_end.kill()
            load.join()
            live = []
            while message := subscriber.receive(200):
                live.append(message)

        after = feed_dump(work.config)
        spool = _spool(work)
        spooled_only += sum(not published for _, published in spool)
        with Refepp(work.path / 'front', USERS, work.config):
            changes = [line['svTRID'] for line in journal(front_end.journal)]
            captured = {txn for txn, _ in spool} | set(txns_in(before)) | set(txns_in(after))
            vetted = wait_until('all that was captured is published', lambda: (
                lambda lines: lines if captured <= set(txns_in(lines)) and len(gaps_in(lines)) > round_number else None)(
                    feed_dump(work.config, 'vetted')))
            public = feed_dump(work.config, 'public')
        assert [gap['reason'] for gap in gaps_in(vetted)] == ['crash'] * (round_number + 1)
        _check_vetted(vetted, changes)
        _check_public(public, vetted)
        held += sum(line['index'] is None for line in public)
        # what was there, or was heard, has kept its number and its bytes
        now = {(line['channel'], line['index']): line['jws'] for line in vetted + public}
        assert all(now[line['channel'], line['index']] == line['jws'] for line in before + after
                   if line['index'] is not None)
        assert all(now['public', message.index] == message.jws.decode() for message in live)
        assert live or taken

    assert spooled_only > 50, 'the kills found nothing in the spool'
    if delay:
        assert held > 10, 'the kills found nothing on hold'
        with Refepp(work.path / 'front', USERS, work.config):
            public = wait_until('all that was held has gone out', lambda: (
                lambda lines: lines if all(line['index'] is not None for line in lines) else None)(
                    feed_dump(work.config, 'public')))
        _check_public(public, vetted)
    else:
        assert txns_in(public) == txns_in(vetted)


@pytest.mark.parametrize('delay', [None, DELAY], ids=['no delays', 'delays'])
def test_what_was_captured_survives_kill_9_once_and_in_order(tmp_path, delay):
    for first in range(0, KILLS, KILLS_OF_ONE_REGISTRY):
        folder = tmp_path / f'{first}'
        folder.mkdir()
        _check_registry(Work(folder), delay, random.Random(first))

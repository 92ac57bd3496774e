"""A port that is taken, a spool at its limit, a disk that is full: the front end goes on, and so does the feed, by itself."""
import collections
import contextlib
import pathlib
import re
import time

import jwt

import frames
from harness import EFULL, OK, Epptapd, Tap, epptapctl, feed_dump, object_frames, occupied, success, told_in, txns_in, wait_until
from subscriber import Subscriber

NAMESERVERS = [f'ns{number}.a-hoster-with-a-long-name.example' for number in range(13)]
LONGEST_CALL_SECONDS = 0.25  # a pause of the scheduler; a call that waits for a disk or a lock takes longer
SMALL = {'spool': {'limit': '1MiB'}, 'capture': {'queue': '1MiB', 'frame_limit': '64KiB'}}


class Feeder:
    """Shows a tap changes by number, and keeps what it took."""

    def __init__(self, tap):
        self.tap = tap
        self.number = 0
        self.taken = []
        self.refused = 0
        self.longest = [0, 0]

    def show(self):
        """One change; whether the tap took it."""
        command = frames.update_domain(f'n{self.number}.example', NAMESERVERS).encode()
        response = success(f'S-{self.number}')
        before = time.monotonic()
        result = self.tap.transaction(command, response, expect=None)
        self.longest = sorted([*self.longest, time.monotonic() - before])[-2:]
        assert result in (OK, EFULL)
        if result == OK:
            self.taken.append(f'S-{self.number}')
        else:
            self.refused += 1
        self.number += 1
        return result == OK

    def fill_spool(self):
        """A hundred changes at a time, until they are not durable: what does not fit waits as a whole, so it must be little."""
        while not self.tap.stats()['sync_failures']:
            for _ in range(100):
                self.show()
            self.tap.flush(timeout_ms=2000, expect=None)

    def until_full(self, reason, refusals=1000, seconds=30):
        """Until so many calls were refused, and some of them from now on for this reason."""
        before = self.tap.stats()['lost'][reason]
        wait_until(f'{refusals} calls were refused', lambda: not self.show() and self.refused >= refusals and
                   self.tap.stats()['lost'][reason] > before, seconds, every=0)


def _txns(work, channel='vetted'):
    return txns_in(feed_dump(work.config, channel))


def _check_all_goes_on(work, tap, feeder, reason):
    """Room has come: what was taken is published, in order, and what comes now too."""
    assert tap.flush(timeout_ms=20000) == OK
    wait_until('what was taken is published', lambda: _txns(work) == feeder.taken, seconds=30, every=0.1)
    for _ in range(100):
        wait_until('there is room', feeder.show, every=0.001)
    tap.flush()
    wait_until('all is published', lambda: _txns(work) == feeder.taken == _txns(work, 'public'), seconds=30)
    lost = tap.stats()['lost']
    assert lost[reason] + lost['queue_full'] == sum(lost.values()) == feeder.refused and lost[reason] > 0
    wait_until('all that was refused is told', lambda: collections.Counter(lost) == told_in(feed_dump(work.config, 'public')))
    assert feeder.longest[0] < LONGEST_CALL_SECONDS  # of the last but one: the machine may pause


def test_a_port_that_is_taken_fails_nothing_and_is_tried_again(work):
    with occupied(work.endpoint('public')) as free, Tap(work.config) as tap, \
            Subscriber(work.endpoint('public')) as subscriber:
        feeder = Feeder(tap)
        for _ in range(50):
            assert feeder.show()
        tap.flush()
        assert (tap.stats()['spooled'], tap.stats()['publisher']['published']) == (50, 0)
        wait_until('it says that it waits', lambda: tap.stats()['publisher']['state'] == 'waits_for_port')
        wait_until('status says so', lambda: re.search(r'^publisher waits_for_port',
                                                       epptapctl('status', work.config, check=False).stdout, re.M))
        free()
        tap.wait_published(50)
        assert tap.stats()['publisher']['state'] == 'publishing'
        wait_until('a subscriber hears', lambda: feeder.show() and subscriber.receive(50), every=0)
        tap.flush()
        tap.wait_published(len(feeder.taken))
        assert _txns(work, 'public') == feeder.taken


def test_what_was_spooled_while_the_port_was_taken_is_published_by_the_next_process(work):
    with occupied(work.endpoint('vetted')), Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'bank.example'))
        tap.flush()
        tap.close(drain_ms=200)
    with Tap(work.config) as tap:
        tap.wait_published(1)
    assert [line['event']['sub_id']['uri'] for line in feed_dump(work.config, 'public')] == ['dns:bank.example']


def test_a_spool_at_its_limit_blocks_no_call_and_goes_on_when_there_is_room(work):
    work.write_config(**SMALL)
    with occupied(work.endpoint('public')) as free, Tap(work.config) as tap:
        feeder = Feeder(tap)
        feeder.fill_spool()
        feeder.until_full('spool_limit')
        stats = tap.stats()
        assert sum(stats['lost'].values()) == feeder.refused and stats['sync_failures'] > 0
        size = sum(path.stat().st_size for path in (work.state_dir / 'spool').iterdir())
        # a batch that does not fit waits as a whole, and on a busy machine it is what a full queue comes to
        assert 1 << 19 < size <= 1 << 20
        free()
        _check_all_goes_on(work, tap, feeder, 'spool_limit')


def test_a_full_disk_blocks_no_call_and_the_feed_goes_on_when_there_is_room(work, small_disk):
    metrics = work.path / 'epptap.prom'  # on another disk
    work.write_config(capture=SMALL['capture'], metrics=str(metrics))
    with Tap(work.config) as tap:
        feeder = Feeder(tap)
        for _ in range(100):
            assert feeder.show()
        tap.flush()
        tap.wait_published(100)
        small_disk(True)
        feeder.until_full('disk_full')
        wait_until('the metrics say so', lambda: re.search(r'^epptap_disk_free_bytes \d{1,6}$', metrics.read_text(), re.M))
        done = epptapctl('status', work.config, check=False)
        assert (done.returncode, 'WRONG     the disk of state_dir has 0 MiB left' in done.stdout) == (1, True)
        stats = tap.stats()
        assert sum(stats['lost'].values()) == feeder.refused and stats['sync_failures'] > 0
        small_disk(False)
        _check_all_goes_on(work, tap, feeder, 'disk_full')


def test_a_full_disk_stops_epptapd_for_no_longer_than_it_is_full(work, small_disk):
    work.write_config(capture=SMALL['capture'], publisher='process')
    with Epptapd(work.config) as daemon, Tap(work.config) as tap, Subscriber(work.endpoint('public')) as subscriber:
        feeder = Feeder(tap)
        wait_until('a subscriber hears', lambda: feeder.show() and subscriber.receive(50), every=0)
        processes = daemon.children()
        small_disk(True)
        feeder.until_full('disk_full')
        # nothing of what is shown now gets onto the disk, or out
        before = len(_txns(work))
        assert before < len(feeder.taken)
        small_disk(False)
        _check_all_goes_on(work, tap, feeder, 'disk_full')
        wait_until('it is heard live, too', lambda: subscriber.collect(
            lambda got: got and _txn(got[-1]) == feeder.taken[-1]))
        assert daemon.children() == processes, daemon.said()
        daemon.wait_status('all is well', lambda status: status['state'] == 'publishing' and not status['lag_ms'])
        assert daemon.status()['restarts'] == 0


def _txn(message):
    return jwt.decode(message.jws, options={'verify_signature': False}).get('txn')


def test_a_disk_that_fills_again_and_again_loses_nothing_that_was_taken(work, small_disk):
    work.write_config(capture=SMALL['capture'])
    with Tap(work.config) as tap:
        feeder = Feeder(tap)
        for burst in range(5):
            small_disk(True)
            feeder.until_full('disk_full', refusals=(burst + 1) * 50)
            small_disk(False)
            tap.flush(timeout_ms=20000)
        _check_all_goes_on(work, tap, feeder, 'disk_full')
        assert all(line['index'] == index for index, line in enumerate(feed_dump(work.config, 'vetted')))


def test_only_a_listed_key_hears_the_vetted_channel(work):
    listed = work.add_client('listed')
    stranger = work.add_client('stranger')
    (work.keys / 'clients' / 'stranger.pub').unlink()
    server = work.keys / 'server.pub'
    other_server = work.keys / 'clients' / 'listed.pub'
    work.write_config()
    with contextlib.ExitStack() as stack:
        tap = stack.enter_context(Tap(work.config))
        ears = {name: stack.enter_context(Subscriber(work.endpoint('vetted'), curve=curve)) for name, curve in {
            'listed': (server, listed), 'stranger': (server, stranger), 'wrong server': (other_server, listed),
            'no key': None}.items()}

        def look():
            tap.transaction(*object_frames('update', 'bank.example'))
            return ears['listed'].receive(20) and tap.stats()['publisher']['door']['refused']['unknown_key'] > 0
        wait_until('the listed one hears, and the stranger was refused', look, every=0)
        # since then, as much time as the listed one had, and more
        for number in range(100):
            tap.transaction(*object_frames('update', f'n{number}.example'))
        tap.flush()
        count = tap.stats()['spooled']
        assert ears['listed'].collect(lambda got: got and got[-1].index == count - 1)
        for name in ('stranger', 'wrong server', 'no key'):
            assert ears[name].receive(100) is None, name
        wait_until('one is counted', lambda: tap.stats()['publisher']['door']['admitted'] == 1)
    assert pathlib.Path(stranger).exists()

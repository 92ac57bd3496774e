"""The machine's wall clock is set forth and back while a create is held: it comes out after its delay, neither early nor
never. libfaketime (Debian's faketime) shows the front end another wall clock; told so, it leaves CLOCK_BOOTTIME alone."""
import contextlib
import glob
import os
import time

import pytest

import frames
from harness import Refepp, feed_dump, wait_until

pytestmark = pytest.mark.skipif(bool(os.environ.get('EPPTAP_VARIANT')),
                                reason='a sanitizer must be the first library, and so must libfaketime')

USERS = {'ClientA': 'password-a'}
DELAY = 5
DAY = 86400


def _boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class WallClock:
    """What the front end takes for the time of day: a number of days beside the right one."""

    def __init__(self, folder):
        self.path = folder / 'wall-clock'
        self.days = 0
        self.set(0)

    def set(self, days):
        self.days = days
        new = self.path.with_suffix('.new')
        new.write_text(f'{days:+d}d\n')
        new.replace(self.path)

    def environment(self):
        (library,) = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
        return {'LD_PRELOAD': library, 'FAKETIME_TIMESTAMP_FILE': str(self.path), 'FAKETIME_NO_CACHE': '1',
                'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'FAKETIME_FORCE_MONOTONIC_FIX': '0'}

    @contextlib.contextmanager
    def front_end(self, work):
        """A front end under this clock, with a client."""
        with Refepp(work.path / 'front', USERS, work.config, environment=self.environment()) as front_end:
            try:
                with front_end.client() as client:
                    client.login('ClientA', USERS['ClientA'])
                    yield client
            finally:
                front_end.stop()
                for left in glob.glob(f'/dev/shm/*faketime_*_{front_end.process.pid}'):
                    os.unlink(left)


def _names(work, channel, sent=True):
    """Whom a channel has told of, or with sent=False holds: name -> toe."""
    return {next(iter(line['event']['events'].values()))['ldhName']: line['event']['toe']
            for line in feed_dump(work.config, channel) if (line['index'] is not None) == sent}


def _create(work, client, clock, name):
    """Creates a domain, or a host of no domain here; waits until it is vetted, and looks that the front end's clock was as
    many days off as it should be."""
    client.command(frames.create_domain(name) if name.count('.') == 1 else frames.create_host(name), 1000)
    seen = wait_until(f'{name} is vetted', lambda: _names(work, 'vetted').get(name))
    assert abs(seen - time.time() - clock.days * DAY) < 60


def _assert_held(work, since):
    """Or the machine is so slow that its time has come."""
    assert 'shop.example' in _names(work, 'public', sent=False) or _boottime() - since >= DELAY


def _assert_comes_out_at_its_time(work, since):
    wait_until('the create comes out', lambda: 'shop.example' in _names(work, 'public'))
    assert DELAY <= _boottime() - since < DELAY + 4


@pytest.fixture
def clock(work):
    work.write_config(delay={'create': f'{DELAY}s'})
    return WallClock(work.path)


def test_a_wall_clock_that_steps_releases_nothing_early_or_late(work, clock):
    with clock.front_end(work) as client:
        since = _boottime()
        _create(work, client, clock, 'shop.example')
        for number, days in enumerate((400, -400, 3, -3, 9000)):
            clock.set(days)
            _create(work, client, clock, f'ns{number}.elsewhere.test')
            _assert_held(work, since)
        clock.set(-9000)
        _assert_comes_out_at_its_time(work, since)


def test_a_step_while_the_front_end_is_down_releases_nothing_early_or_late(work, clock):
    since = None
    for number, days in enumerate((0, 400, -9000)):
        clock.set(days)
        with clock.front_end(work) as client:
            if since is None:
                since = _boottime()
                _create(work, client, clock, 'shop.example')
            _create(work, client, clock, f'ns{number}.elsewhere.test')
            _assert_held(work, since)
            if days == -9000:
                _assert_comes_out_at_its_time(work, since)

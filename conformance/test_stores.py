"""The state directory is copied, restored, lost, or of another version: what must not be published from is refused in
words, the front end goes on, and `epptapctl new-log` begins anew."""
import os
import re
import shutil
import subprocess
import time

import pytest

from harness import (ESTORE, Epptapd, Tap, TapError, built, epptapctl, feed_dump, object_frames,
                     publisher_status, told, wait_until)
from spool_file import segments
from subscriber import Verifier, keys_of_jwks

NEW_LOG = '`epptapctl new-log CONFIG` begins a new log'


def _show(tap, *names, verb='update'):
    for name in names:
        tap.transaction(*object_frames(verb, f'{name}.example'))
    tap.flush()


def _publish(work, *names, verb='update'):
    """Publishes an event about each name, and ends."""
    with Tap(work.config) as tap:
        _show(tap, *names, verb=verb)
        tap.wait_published(len(names))


def _feed(work, channel='vetted'):
    return [told(line) for line in feed_dump(work.config, channel)]


def _data(work):
    return work.state_dir / 'feed' / 'data.mdb'


# Ways to harm a state_dir with five events in it, two of which are there already. Each ends with the config to use then.

def _copy(work):
    _publish(work, 'c', 'd', 'e')
    copy = work.path / 'copy'
    subprocess.run(['cp', '-a', work.state_dir, copy], check=True)
    work.write_config(state_dir=str(copy))


def _restore(work):
    archive = work.path / 'older.tar'
    subprocess.run(['tar', '-C', work.path, '-cf', archive, work.state_dir.name], check=True)
    _publish(work, 'c', 'd', 'e')
    shutil.rmtree(work.state_dir)
    subprocess.run(['tar', '-C', work.path, '-xf', archive], check=True)


def _restore_in_place(work):
    older, inode = _data(work).read_bytes(), _data(work).stat().st_ino
    _publish(work, 'c', 'd', 'e')
    with open(_data(work), 'r+b') as file:
        file.write(older)
        file.truncate()
    assert _data(work).stat().st_ino == inode


def _lose(work):
    _publish(work, 'c', 'd', 'e')
    shutil.rmtree(work.state_dir)


def _other_log_dir(work):
    other = work.path / 'other'
    config = work.config.read_text()
    work.write_config(state_dir=str(other))
    for channel in work.ports:
        work.log_dir(channel).rename(work.log_dir(channel).with_suffix('.mine'))
    _publish(work, 'x')
    work.config.write_text(config)


def _garble(work):
    (work.log_dir('public') / 'checkpoint').write_text('registry.example/public\n')


HARMS = {
    _copy: r'state_dir /.*/copy is a copy: its feed store was made as another file\. Two that publish',
    # the new file may get the old one's number
    _restore: r'(state_dir /.* is a copy: its feed store was made as another file'
              r'|channel vetted: the log in .* has 5 events, and the feed store signed 2)',
    _restore_in_place: r'channel vetted: the log in .* has 5 events, and the feed store signed 2: state_dir is older',
    _lose: r'channel vetted: log_dir /.* holds a log of 5 events, .*, that the feed store does not know: state_dir was lost',
    _other_log_dir: r'channel vetted: log_dir /.* does not hold the log of 2 events that was signed, registry.example/vetted: it was moved',
    _garble: r'channel public: /.*/checkpoint can\'t be read: no checkpoint of ours',
}


@pytest.mark.parametrize('harm', HARMS, ids=lambda harm: harm.__name__.strip('_'))
def test_a_state_dir_that_went_back_is_refused_until_a_new_log_is_begun(work, harm):
    _publish(work, 'a', 'b')
    harm(work)
    done = epptapctl('check', work.config, check=False)
    assert done.returncode == 1 and re.search(HARMS[harm], done.stderr) and NEW_LOG in done.stderr
    with Tap(work.config) as tap:
        _show(tap, 'waits-1', 'waits-2')
        stats = tap.stats()
        assert (stats['spooled'], stats['publisher']['state'], stats['publisher']['published']) == (2, 'refused', 0)
        status = wait_until('status says so', lambda: (done := epptapctl('status', work.config, check=False)) and
                            re.search(rf"^WRONG     it can't be published from: {HARMS[harm]}", done.stdout, re.M) and
                            re.search(r'^publisher refused, ', done.stdout, re.M) and done)
        assert (status.returncode, NEW_LOG in status.stdout) == (1, True)
        assert tap.stats()['publisher']['published'] == 0

        assert 'a new log is begun' in epptapctl('new-log', work.config).stdout
        tap.wait_published(3)
        _show(tap, 'after')
        tap.wait_published(4)
        assert tap.stats()['publisher']['state'] == 'publishing'
        wait_until('all is well', lambda: epptapctl('status', work.config, check=False).returncode == 0)
    for channel in work.ports:
        assert [(line['index'], told(line)) for line in feed_dump(work.config, channel)] == [
            (0, 'gap new_log'), (1, 'update waits-1.example'), (2, 'update waits-2.example'), (3, 'update after.example')]
        verifier = Verifier(keys_of_jwks(work.log_dir(channel) / 'jwks.json'), 'https://registry.example')
        for line in feed_dump(work.config, channel):
            verifier.claims(line['jws'].encode())
        origin, size = work.checkpoint(channel)
        assert re.fullmatch(rf'registry\.example/{channel}/20\d{{6}}T\d{{6}}Z', origin) and size == 4
        assert not (work.log_dir(channel) / 'position.json').exists()
    # and the next process goes on with it
    assert 'good' in epptapctl('check', work.config).stdout
    _publish(work, 'next')
    assert _feed(work)[-1] == 'update next.example'


def test_a_refused_publisher_is_not_missed_when_it_has_ended(work):
    _publish(work, 'a', 'b')
    _lose(work)
    with Tap(work.config) as tap:
        wait_until('it is told', lambda: (publisher_status(work.config) or {}).get('state') == 'refused')
        assert tap.stats()['spooled'] == 0
    status = epptapctl('status', work.config, check=False).stdout
    assert re.search('^publisher ended, ', status, re.M)
    (wrong,) = re.findall('^WRONG +(.*)$', status, re.M)
    assert re.match("it can't be published from: .* state_dir was lost", wrong)


def test_the_original_of_a_copy_is_published_from_until_the_copy_begins_a_new_log(work):
    _publish(work, 'a', 'b')
    config = work.config.read_text()
    _copy(work)
    copied = work.config.read_text()
    work.config.write_text(config)
    _publish(work, 'f')
    assert [line['index'] for line in feed_dump(work.config, 'vetted')] == list(range(6))
    work.config.write_text(copied)
    epptapctl('new-log', work.config)
    work.config.write_text(config)
    done = epptapctl('check', work.config, check=False)
    assert done.returncode == 1 and 'this log_dir is another feed\'s' in done.stderr


def test_what_is_held_comes_out_at_its_time_after_a_new_log(work):
    work.write_config(delay={'create': '5s'})
    _publish(work, 'new', verb='create')
    shown = next(line['event']['toe'] for line in feed_dump(work.config, 'vetted'))
    _restore_in_place(work)
    with Tap(work.config) as tap:
        _show(tap, 'waits')
        assert tap.stats()['publisher']['state'] == 'refused'
        epptapctl('new-log', work.config)
        tap.wait_published(2)
        assert _feed(work, 'public') == ['gap new_log', 'update waits.example', 'create new.example']
        assert feed_dump(work.config, 'public')[2]['index'] is None or time.time() - shown > 4.9
        wait_until('it comes out', lambda: feed_dump(work.config, 'public')[2]['index'] == 2)
        assert time.time() - shown > 4.9
    # it was told on the vetted channel's log that is gone, and is not told twice
    assert _feed(work, 'vetted') == ['gap new_log', 'update waits.example']


def test_new_log_is_refused_while_somebody_publishes(work):
    with Tap(work.config) as tap:
        _show(tap, 'a')
        tap.wait_published(1)
        done = epptapctl('new-log', work.config, check=False)
        assert (done.returncode, done.stdout) == (1, '')
        assert f'process {os.getpid()} publishes from this state_dir' in done.stderr
        _show(tap, 'b')
        tap.wait_published(2)
    assert [line['index'] for line in feed_dump(work.config, 'vetted')] == [0, 1]


def test_epptapd_refuses_too_and_goes_on_by_itself_after_new_log(work):
    work.write_config(publisher='process')
    with Epptapd(work.config), Tap(work.config) as tap:
        _show(tap, 'a')
        wait_until('it is published', lambda: (work.state_dir / 'feed').exists() and _feed(work) == ['update a.example'])
    shutil.rmtree(work.state_dir)
    with Epptapd(work.config) as daemon, Tap(work.config) as tap:
        _show(tap, 'waits')
        daemon.wait_status('it refuses', lambda status: status['state'] == 'refused')
        pids = daemon.children()
        assert 'state_dir was lost' in daemon.said() and NEW_LOG in daemon.said()
        status = epptapctl('status', work.config, check=False)
        assert status.returncode == 1 and re.search(r"^WRONG .*can't be published from: .*state_dir was lost", status.stdout, re.M)
        epptapctl('new-log', work.config)
        wait_until('it publishes', lambda: _feed(work) == ['gap new_log', 'update waits.example'])
        assert daemon.children() == pids


# Of another version

@pytest.mark.parametrize('version', [1, 2])
def test_a_store_of_an_older_format_is_upgraded_and_gone_on_with(work, store_edit, version):
    work.write_config(delay={'create': '1h'})
    _publish(work, 'a', 'b')
    _publish(work, 'new', verb='create')
    store_edit(work, f'format-{version}')
    for channel in work.ports:
        shutil.rmtree(work.log_dir(channel))  # there were no logs then
    done = epptapctl('feed-dump', work.config, check=False)
    assert (done.returncode, f'has format {version}, which this version upgrades to 3' in done.stderr) == (1, True)
    _publish(work, 'c')
    assert 'good' in epptapctl('check', work.config).stdout
    assert _feed(work) == ['update a.example', 'update b.example', 'create new.example', 'update c.example']
    assert [(line['index'], told(line)) for line in feed_dump(work.config, 'public')] == [
        (0, 'update a.example'), (1, 'update b.example'), (2, 'update c.example'), (None, 'create new.example')]
    assert len(keys_of_jwks(work.log_dir('public') / 'jwks.json')) == 1


def test_a_store_of_a_later_format_is_refused_in_words_and_left_as_it_is(work, store_edit):
    _publish(work, 'a')
    store_edit(work, 'version', '99')
    before = _data(work).read_bytes()
    words = 'has format 99, this version writes 3; use the epptap that made it, or a new state_dir'
    done = epptapctl('check', work.config, check=False)
    assert (done.returncode, words in done.stderr) == (1, True)
    with pytest.raises(TapError) as error:
        Tap(work.config)
    assert error.value.result == ESTORE and words in error.value.why
    work.write_config(publisher='process')
    done = subprocess.run([built('epptapd'), work.config], capture_output=True, text=True, timeout=60)
    assert (done.returncode, words in done.stderr) == (1, True)
    assert _data(work).read_bytes() == before


def test_a_segment_of_another_version_is_set_aside_told_and_the_rest_goes_on(work):
    work.write_config(publisher='process')
    for name in ('a', 'b'):
        with Tap(work.config) as tap:
            _show(tap, name)
    foreign = next(segment for segment in segments(work.state_dir) if b'a.example' in segment.path.read_bytes())
    foreign.version += 1
    foreign.write()
    with Epptapd(work.config) as daemon:
        wait_until('the rest is published', lambda: (work.state_dir / 'feed').exists() and
                   sorted(_feed(work)) == ['gap damaged', 'update b.example'])
        assert not foreign.path.exists() and foreign.path.with_suffix('.seg.bad').exists()
        assert re.search(rf'{foreign.path.name}.*version', daemon.said())
        status = epptapctl('status', work.config, check=False)
        assert (status.returncode, '1 file of the spool set aside as damaged' in status.stdout) == (1, True)

"""What an operator types, and what he is told: keys, configs that are wrong, a look at what runs."""
import fcntl
import json
import os
import re
import stat
import struct
import subprocess
import termios

import pytest

import frames
from harness import ECONFIG, REGISTRY, Tap, TapError, built, epptapctl, feed_dump, object_frames, told, update_frames, wait_until

GOOD = '''registry: https://registry.example
state_dir: {path}/state
keys:
  event: {path}/keys/event.pem
channels:
  - name: public
    bind: tcp://127.0.0.1:{port}
    log_dir: {path}/log
'''
# what is changed in it; where the complaint points to; words that it must have
WRONG = {
    'unknown key': ('state_dir:', 'state_dri:', '2:1', 'state_dri: unknown key; did you mean state_dir?'),
    'key of another place': ('bind:', 'reorder:', '7:5', 'did you mean reorder?'),
    'missing key': ('registry: https://registry.example\n', '', '1:1', 'registry: is missing'),
    'doubled key': ('keys:', 'state_dir: /tmp\nkeys:', '3:1', 'state_dir: is here twice, first in line 2'),
    'not a URL': ('https://registry.example', 'registry.example', '1:11', 'https://HOST'),
    'relative path': ('state_dir: {path}/state', 'state_dir: state', '2:12', 'absolute path'),
    'not a port': ('tcp://127.0.0.1:{port}', 'tcp://127.0.0.1', '7:11', 'tcp://ADDRESS:PORT'),
    'not a duration': ('    log_dir', '    delay: {{create: 24}}\n    log_dir', '8:21', '24'),
    'too small': ('keys:', 'spool: {{limit: 1KiB}}\nkeys:', '3:16', 'spool.limit'),
    'not YAML': ('keys:', 'keys: [', '5:9', 'not YAML'),
    'a tab': ('  event', '\tevent', '4:1', 'not YAML'),
    'no channels': (GOOD[GOOD.index('channels:'):], 'channels: []\n', '5:', 'channels'),
    'two of one name': ('    log_dir: {path}/log\n', '  - name: public\n    bind: tcp://127.0.0.1:1\n', '8:11',
                        'write one that no other channel has'),
}


def _write(work, text):
    work.config.write_text(text.format(path=work.path, port=work.ports['public']))
    return work.config


def _opened(config):
    """What epptap_open() says of the same config."""
    with pytest.raises(TapError) as error:
        Tap(config)
    assert error.value.result == ECONFIG
    return error.value.why


def test_a_good_config_is_called_good(work):
    done = epptapctl('check', _write(work, GOOD))
    no_log, good = done.stdout.splitlines()
    assert good == f'{work.config}: good: registry {REGISTRY}, 1 channel'
    assert no_log.startswith('no channel has a log: keys.log and keys.cosigner are not set')
    assert done.stderr == ''


@pytest.mark.parametrize('name', WRONG)
def test_a_wrong_config_is_told_with_place_and_what_would_be_right(work, name):
    right, wrong, place, words = WRONG[name]
    assert right in GOOD
    done = epptapctl('check', _write(work, GOOD.replace(right, wrong)), check=False)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith(f'{work.config}:{place}')
    assert re.match(r':\d+:\d+: \S', done.stderr.removeprefix(str(work.config)))
    assert words in done.stderr and done.stderr.count('\n') == 1
    assert _opened(work.config) == done.stderr.rstrip('\n')


@pytest.mark.parametrize('file, words', [
    ('event.pem', 'its mode is 644, so others than its owner can use this key; `chmod 600'),
    ('server.key', 'its mode is 644, so others than its owner can use this key; `chmod 600')])
def test_a_key_that_others_can_read_is_refused_in_words(work, file, words):
    (work.keys / file).chmod(0o644)
    done = epptapctl('check', work.config, check=False)
    assert done.returncode == 1
    assert f'{work.keys / file}: {words}' in done.stderr
    assert f'{work.keys / file}: {words}' in _opened(work.config)


def test_each_wrong_key_is_told_by_the_name_that_the_config_has_for_it(work):
    for name in ('event', 'cosigner'):
        (work.keys / f'{name}.pem').unlink()
    words = 'No such file or directory; `epptapctl keygen DIRECTORY` makes keys'
    done = epptapctl('check', work.config, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f'epptapctl: keys.{name}: {work.keys}/{name}.pem: {words}'
                                        for name in ('event', 'cosigner')]
    assert _opened(work.config) == f'{work.keys}/event.pem: {words}'


def test_a_key_is_a_file_by_its_uri_too(work):
    work.write_config(keys={'event': f'file://{work.keys}/event.pem'})
    epptapctl('check', work.config)
    (work.keys / 'event.pem').chmod(0o640)
    words = f'{work.keys}/event.pem: its mode is 640, so others than its owner can use this key; `chmod 600'
    assert epptapctl('check', work.config, check=False).stderr.startswith(f'epptapctl: keys.event: {words}')
    assert _opened(work.config).startswith(words)


def test_check_says_how_many_clients_each_door_lets_in(work):
    def said():
        return epptapctl('check', work.config).stdout.splitlines()[:-1]
    folder = work.keys / 'clients'
    assert said() == [f'channel vetted lets nobody in: no file in {folder} ends in .pub']
    work.add_client('one')
    (folder / 'README').write_text('no key\n')
    assert said() == ['channel vetted lets 1 client in']
    work.add_client('two')
    assert said() == ['channel vetted lets 2 clients in']
    text = work.config.read_text()
    work.config.write_text(text.replace(f'"{folder}"', '"any"'))
    assert work.config.read_text() != text
    assert said() == ['channel vetted lets every client in']


@pytest.mark.parametrize('address', ['0.0.0.0', '*', '[::]', '[0:0::0]'])
def test_check_warns_of_an_address_in_feed_json_where_nobody_can_connect(work, address):
    def checked(connect=''):
        text = GOOD.replace('tcp://127.0.0.1:{port}', f"'tcp://{address}:{{port}}'").replace('    log_dir', f'{connect}    log_dir')
        done = epptapctl('check', _write(work, text))
        assert done.stderr == ''
        *said, good = [line for line in done.stdout.splitlines() if not line.startswith('no channel has a log')]
        assert good.startswith(f'{work.config}: good: ')
        return said
    port = work.ports['public']
    warning, = checked()
    assert warning.startswith(f'{work.config}: warning: channel public: its feed.json tells subscribers to connect to '
                              f'tcp://{address}:{port}, ')
    assert 'write in `connect` ' in warning and f'[tcp://feed.registry.example:{port}]' in warning
    assert checked('    connect: [tcp://feed.registry.example:7700]\n') == []
    if address != '*':
        assert len(checked(f"    connect: ['tcp://127.0.0.1:1', 'tcp://{address}:2']\n")) == 1
    if ':' in address:
        return  # this machine may have no IPv6
    # it is what is told
    with Tap(_write(work, GOOD.replace('tcp://127.0.0.1:{port}', f"'tcp://{address}:{{port}}'"))):
        wait_until('feed.json is there', (work.path / 'log' / 'feed.json').exists, seconds=30)
    assert json.loads((work.path / 'log' / 'feed.json').read_text())['connect'] == [f'tcp://{address}:{port}']


@pytest.mark.parametrize('bind', ['tcp://127.0.0.1:{port}', 'tcp://[::1]:{port}', 'ipc://{path}/socket', 'tcp://0.0.0.1:{port}'])
def test_check_does_not_warn_of_an_address_that_is_one(work, bind):
    done = epptapctl('check', _write(work, GOOD.replace('tcp://127.0.0.1:{port}', f"'{bind}'")))
    assert 'warning' not in done.stdout + done.stderr


@pytest.mark.parametrize('content', ['', 'no key\n', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', None])
def test_a_key_that_is_none_is_refused_without_showing_it(work, content):
    key = work.keys / 'event.pem'
    key.unlink()
    if content is not None:
        key.write_text(content)
        key.chmod(0o600)
    done = epptapctl('check', work.config, check=False)
    assert (done.returncode, str(key) in done.stderr, 'AAAA' in done.stderr) == (1, True, False)
    assert _opened(work.config) in done.stderr


def test_keygen_makes_keys_for_their_owner_alone_and_overwrites_nothing(tmp_path):
    keys = tmp_path / 'keys'
    done = epptapctl('keygen', keys)
    names = ['cosigner.pem', 'event.pem', 'log.pem', 'server.key', 'server.pub']
    assert sorted(path.name for path in keys.iterdir()) == names
    assert done.stdout.splitlines() == [str(keys / name) for name in
                                        ['event.pem', 'log.pem', 'cosigner.pem', 'server.key', 'server.pub']]
    epptapctl('keygen', '--client', 'somebody', keys)
    for path in keys.rglob('*'):
        if path.is_file() and path.suffix != '.pub':
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    before = {path: path.read_bytes() for path in keys.rglob('*') if path.is_file()}
    for arguments in (['keygen', keys], ['keygen', '--client', 'somebody', keys]):
        done = epptapctl(*arguments, check=False)
        assert done.returncode == 1
        assert 'is there already; keygen overwrites no key' in done.stderr
    # one that is missing is made, those that are there stay
    (keys / 'event.pem').unlink()
    epptapctl('keygen', keys, check=False)
    assert (keys / 'event.pem').read_bytes() != before.pop(keys / 'event.pem')
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize('arguments', [[], ['unknown'], ['check'], ['check', 'a', 'b'], ['keygen'],
                                       ['keygen', '--client', '../x', 'd'], ['feed-dump', 'a', 'b', 'c']], ids=' '.join)
def test_wrong_usage_ends_with_2_and_makes_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    done = epptapctl(*arguments, check=False)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_event_there_is_nothing_to_see_and_that_is_said(work):
    assert 'no front end has it open' in epptapctl('status', work.config).stdout
    done = epptapctl('feed-dump', work.config, check=False)
    assert (done.returncode, done.stdout) == (1, '')
    assert 'nothing was published' in done.stderr
    assert epptapctl('spool-dump', work.config).stdout == ''


def test_a_dump_of_the_spool_ends_however_fast_others_write(work):
    """It shows what was there when it began: with nobody to read on, it is in the midst of that while more is written."""
    work.write_config(publisher='process')
    with Tap(work.config) as tap:
        for number in range(400):
            tap.transaction(*update_frames('before.example', number))
        tap.flush()
        with subprocess.Popen([built('epptapctl'), 'spool-dump', work.config], stdout=subprocess.PIPE) as dump:
            first = dump.stdout.readline()
            for number in range(400, 800):
                tap.transaction(*update_frames('after.example', number))
            tap.flush()
            lines = [json.loads(line) for line in (first, *dump.stdout)]
    assert dump.returncode == 0
    assert [line['change']['txn'] for line in lines] == [f'S-{number}' for number in range(400)]


def test_status_and_dumps_tell_what_was_sent_what_is_held_and_what_waits(work):
    log = r'(, log of [0-2](, signed \d s ago)?)?'  # a thread of its own writes it, when it comes to it
    work.write_config(delay={'create': '1h'})
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('update', 'bank.example'))
        tap.transaction(*object_frames('create', 'new.example'))
        tap.transaction(frames.check_domain('x.example'), object_frames('update', 'bank.example')[1])
        tap.wait_published(2)
        status = epptapctl('status', work.config).stdout
        assert re.search(rf'^channel +vetted +2 events, 0 held{log}$', status, re.M), status
        assert re.search(rf'^channel +public +1 events, 1 held{log}, the next due in 3[56]\d\d s$', status, re.M), status
        assert re.search(rf'^writer .*\b{os.getpid()}\b', status, re.M), status
    status = epptapctl('status', work.config).stdout
    assert 'no front end has it open' in status
    assert re.search(r'^ +skipped +1$', status, re.M) and re.search(r'^ +publisher\.published +2$', status, re.M)

    both = feed_dump(work.config)
    assert [(line['channel'], line['index'], line['event']['sub_id']['uri']) for line in both] == [
        ('vetted', 0, 'dns:bank.example'), ('vetted', 1, 'dns:new.example'),
        ('public', 0, 'dns:bank.example'), ('public', None, 'dns:new.example')]
    assert both[3]['held'] == 'create' and 3_500_000 < both[3]['release_in_ms'] <= 3_600_000
    done = epptapctl('feed-dump', work.config, 'nobodys', check=False)
    assert (done.returncode, done.stdout) == (1, '')
    assert 'no channel of that name' in done.stderr


def _unread(pipe):
    """How many bytes wait in a pipe."""
    return struct.unpack('i', fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_a_dump_that_nobody_reads_on_keeps_no_view_of_the_store(work):
    """As behind a pager: pages that the publisher frees meanwhile could not be used again."""
    work.write_config(delay={'create': '1h'})
    with Tap(work.config) as tap:
        def show(verb, names):
            for name in names:
                tap.transaction(*object_frames(verb, f'{name}.example'))
            tap.flush()
        show('update', [f'u{number}' for number in range(400)])
        show('create', [f'c{number:03}' for number in range(400)])
        tap.wait_published(800)
        with subprocess.Popen([built('epptapctl'), 'feed-dump', work.config, 'public'], stdout=subprocess.PIPE) as dump:
            room = fcntl.fcntl(dump.stdout, fcntl.F_GETPIPE_SZ)
            wait_until('the pipe is full', lambda: _unread(dump.stdout) == room)
            show('update', ['late'])
            show('create', ['late-too'])
            tap.wait_published(802)
            lines = [json.loads(line) for line in dump.stdout]
        assert dump.returncode == 0
    assert [(line['index'], told(line)) for line in lines] == [
        *((number, f'update u{number}.example') for number in range(400)), (400, 'update late.example'),
        *((None, f'create c{number:03}.example') for number in range(400)), (None, 'create late-too.example')]

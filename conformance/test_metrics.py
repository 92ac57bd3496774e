"""The operator's figures: the metrics file against what happened, the alerts and the dashboard against the metrics, and
`epptapctl status`, which says the same in words."""
import json
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest
import yaml

import frames
from harness import REPOSITORY, Epptapd, Refepp, Tap, epptapctl, object_frames, success, update_frames, wait_until
from subscriber import Subscriber

RULES = REPOSITORY / 'etc' / 'prometheus' / 'epptap.rules.yml'
ALERTS_TEST = REPOSITORY / 'conformance' / 'alerts_test.yml'
DASHBOARD = REPOSITORY / 'etc' / 'grafana' / 'epptap.json'
TABLE = REPOSITORY / 'publisher' / 'metrics.c'

LABELS = {'reason', 'state', 'channel', 'version', 'fate'}
SAMPLE = re.compile(r'(?P<name>\w+)(\{(?P<label>\w+)="(?P<value>[\w.+-]+)"\})? (?P<number>-?\d+(\.\d+)?)')


def promtool(*arguments, text=None):
    """Runs promtool; what it says, if it finds anything wrong."""
    program = shutil.which('promtool') or shutil.which('promtool', path=REPOSITORY / 'build' / 'tools')
    if not program:
        pytest.skip('promtool is not there: etc/install-deps fetches it')
    done = subprocess.run([program, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60)
    return '' if done.returncode == 0 else done.stdout + done.stderr or f'exit {done.returncode}'


class Metrics:
    """The file as it is now: metrics['name'] or metrics['name', 'label value']; None if it is not there."""

    def __init__(self, path):
        self.text = path.read_text()
        self.samples = {}
        self.labels = set()
        for line in self.text.splitlines():
            if not line.startswith('#'):
                match = SAMPLE.fullmatch(line)
                assert match, line
                self.labels.add(match['label'])
                key = (match['name'], match['value']) if match['label'] else match['name']
                assert key not in self.samples, f'{key} is there twice'
                self.samples[key] = float(match['number'])

    def __getitem__(self, key):
        return self.samples.get(key)

    def names(self):
        return {key if isinstance(key, str) else key[0] for key in self.samples}


@pytest.fixture
def file(work):
    """The metrics file that the config names."""
    path = work.path / 'epptap.prom'
    work.write_config(delay={'create': '1h'}, metrics=str(path))
    return path


def _wait_for(file, **expected):
    """Until these metrics have these values; the file then."""
    def look():
        metrics = Metrics(file) if file.exists() else None
        return metrics if metrics and all(metrics[f'epptap_{name}'] == value for name, value in expected.items()) else None
    return wait_until(f'metrics are {expected}', look)


def _turned_away(work, tap):
    """A client whose key is not listed knocks; returns when it was refused."""
    stranger = work.add_client('stranger')
    (work.keys / 'clients' / 'stranger.pub').unlink()
    with Subscriber(work.endpoint('vetted'), curve=(work.keys / 'server.pub', stranger)):
        wait_until('it was refused', lambda: tap.stats()['publisher']['door']['refused']['unknown_key'])


def test_the_figures_are_what_happened(work, file):
    with Tap(work.config) as tap:
        for number in range(20):
            tap.transaction(*update_frames(f'd{number}.example', number))
        tap.transaction(*object_frames('create', 'new.example'))
        tap.transaction(frames.check_domain('x.example'), success('S'))
        tap.transaction(update_frames('bank.example')[0][:-9], success('S'))
        tap.wait_published(22)
        _turned_away(work, tap)
        at_work = _wait_for(file, events_published_total=22)
    metrics = Metrics(file)
    assert metrics['epptap_calls_skipped_total'] == 1
    assert metrics['epptap_calls_accepted_total'] == 22
    assert metrics['epptap_changes_read_total'] == metrics['epptap_changes_spooled_total'] == 21
    assert metrics['epptap_unreadable_total', 'malformed'] == 1
    assert metrics['epptap_unreadable_total', 'doctype'] == metrics['epptap_lost_total', 'queue_full'] == 0
    assert metrics['epptap_gaps_published_total'] == 1  # of the one that could not be read
    assert metrics['epptap_events_placed_total'] == 43
    assert metrics['epptap_channel_events_total', 'vetted'] == 22
    assert metrics['epptap_channel_events_total', 'public'] == 21
    assert metrics['epptap_channel_held_events', 'public'] == 1
    assert metrics['epptap_channel_held_events', 'vetted'] == 0
    assert 3500 < metrics['epptap_channel_next_due_seconds', 'public'] <= 3600
    assert metrics['epptap_door_refused_total', 'unknown_key'] >= 1
    assert metrics['epptap_door_admitted_total'] == 0
    assert metrics['epptap_lag_seconds'] == metrics['epptap_spool_waiting_bytes'] == 0
    assert 0 < at_work['epptap_spool_bytes'] < metrics['epptap_spool_limit_bytes'] == 8 << 30
    assert 0 < metrics['epptap_store_used_bytes'] < metrics['epptap_store_limit_bytes'] == 64 << 30
    assert metrics['epptap_queue_size_bytes'] == 64 << 20
    assert metrics['epptap_taps'] == 1
    assert metrics['epptap_build_info', tap.version] == 1
    # what came in frames is in no label, and all may read the file
    assert metrics.labels - {None} == LABELS
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_the_file_is_written_anew_without_news_and_ends_with_the_publisher(work, file):
    with Tap(work.config):
        first = _wait_for(file)['epptap_last_write_timestamp_seconds']
        wait_until('it is written again', lambda: Metrics(file)['epptap_last_write_timestamp_seconds'] > first)
        assert Metrics(file)['epptap_publisher_state', 'publishing'] == 1
    metrics = Metrics(file)
    states = [key[1] for key, number in metrics.samples.items() if key[0] == 'epptap_publisher_state' and number]
    assert states == ['ended']
    assert os.listdir(work.path).count('epptap.prom.new') == 0
    folder = work.state_dir / 'status'
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_sums_do_not_fall_when_a_front_end_begins_anew(work, file):
    for number in range(1, 4):
        with Tap(work.config) as tap:
            tap.transaction(*update_frames(f'd{number}.example', number))
            tap.wait_published(1)
            metrics = _wait_for(file, changes_spooled_total=number, events_published_total=1)
            assert metrics['epptap_taps'] == 1
            assert metrics['epptap_queue_size_bytes'] == 64 << 20


def test_a_publisher_that_waits_shows_its_lag_and_status_says_what_is_wrong(work, file):
    with socket.socket() as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupant.bind(('127.0.0.1', work.ports['public']))
        occupant.listen()
        with Tap(work.config) as tap:
            tap.transaction(*update_frames('bank.example'))
            tap.flush()
            metrics = wait_until('the lag grows', lambda: (metrics := _wait_for(file)) and
                                 (metrics['epptap_lag_seconds'] or 0) > 1 and metrics)
            assert metrics['epptap_publisher_state', 'waits_for_port'] == 1
            assert metrics['epptap_publisher_state', 'publishing'] == 0
            assert metrics['epptap_spool_waiting_bytes'] > 0
            done = epptapctl('status', work.config, check=False)
            assert done.returncode == 1
            assert "WRONG     a channel's port is taken: changes wait in the spool" in done.stdout
            occupant.close()
            tap.wait_published(1)
            _wait_for(file, lag_seconds=0, spool_waiting_bytes=0, events_published_total=1)
            assert epptapctl('status', work.config).stdout.endswith('good      nothing is wrong\n')


def test_a_publisher_that_was_killed_is_missed(work, file):
    refepp = Refepp(work.path / 'refepp', {'ClientX': 'secret'}, work.config)
    wait_until('it publishes', lambda: file.exists() and Metrics(file)['epptap_publisher_state', 'publishing'])
    assert epptapctl('status', work.config).returncode == 0
    refepp.kill()
    done = wait_until('status misses it', lambda: (done := epptapctl('status', work.config, check=False)) and
                      done.returncode == 1 and done, seconds=20)
    assert 'WRONG     the publisher has ended uncleanly' in done.stdout
    assert Metrics(file)['epptap_publisher_state', 'publishing'] == 1  # so it is the file's age that tells


def test_a_folder_that_is_missing_harms_nothing_and_is_told(work):
    path = work.path / 'missing' / 'epptap.prom'
    work.write_config(metrics=str(path))
    refused = epptapctl('check', work.config, check=False)
    assert (refused.returncode, str(path) in refused.stderr) == (1, True)
    assert 'it must be a folder that this user can write' in refused.stderr
    with Tap(work.config) as tap:
        tap.transaction(*update_frames('bank.example'))
        tap.wait_published(1)
        done = epptapctl('status', work.config, check=False)
        assert (done.returncode, f'WRONG     metrics {path}: No such file' in done.stdout) == (1, True)
        path.parent.mkdir()
        _wait_for(path, events_published_total=1)
        epptapctl('status', work.config)


# The alerts and the dashboard

def _table():
    return set(re.findall(r'"(epptap_[a-z_]+)"', TABLE.read_text()))


def _rules():
    return [rule for group in yaml.safe_load(RULES.read_text())['groups'] for rule in group['rules']]


def _dashboard_expressions():
    for panel in json.loads(DASHBOARD.read_text())['panels']:
        for target in panel.get('targets', []):
            yield target['expr']


def test_promtool_has_nothing_to_say_about_the_metrics(work, file):
    with Tap(work.config) as tap:
        tap.transaction(*object_frames('create', 'new.example'))
        tap.wait_published(1)
        _wait_for(file, events_published_total=1)
    assert promtool('check', 'metrics', text=file.read_text()) == ''


def test_every_metric_of_the_table_is_in_a_real_file(work, file):
    work.write_config(delay={'create': '1h'}, metrics=str(file), publisher='process')
    with Epptapd(work.config), Tap(work.config) as tap:
        tap.transaction(*object_frames('create', 'new.example'))
        _wait_for(file, events_published_total=1)
        # what a front end counts comes with its own status file, once a second
        names = _table()
        wait_until(f'the file has just {sorted(names)}', lambda: Metrics(file).names() == names)


def test_alerts_and_dashboard_name_metrics_that_there_are():
    expressions = [rule['expr'] for rule in _rules()]
    named = set(re.findall(r'epptap_\w+', ' '.join(expressions)))
    assert named and named <= _table()
    named = set(re.findall(r'epptap_\w+', ' '.join(_dashboard_expressions())))
    assert named == _table()


def test_the_alerts_fire_when_they_should_and_not_else():
    assert promtool('check', 'rules', RULES) == ''
    assert promtool('test', 'rules', ALERTS_TEST) == ''
    tested = set(re.findall(r'alertname="(\w+)"', ALERTS_TEST.read_text()))
    assert tested == {rule['alert'] for rule in _rules()}


@pytest.mark.parametrize('rule', _rules(), ids=lambda rule: rule['alert'])
def test_an_alert_says_what_happened_and_what_to_do(rule):
    assert rule['labels']['severity'] in ('page', 'ticket')
    assert sorted(rule['annotations']) == ['action', 'description', 'summary']
    assert all(text.strip() for text in rule['annotations'].values())


def test_the_dashboard_can_be_loaded(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard['panels']
    assert len({panel['id'] for panel in panels}) == len(panels)
    # the data source is the reader's choice, in every place
    sources = {json.dumps(source) for source in _members(dashboard, 'datasource')}
    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    # and Prometheus can read each expression
    rules = [{'record': f'panel:{number}', 'expr': expression.replace('$instance', '.*')}
             for number, expression in enumerate(_dashboard_expressions())]
    file = tmp_path / 'dashboard.yml'
    file.write_text(json.dumps({'groups': [{'name': 'dashboard', 'rules': rules}]}))
    assert promtool('check', 'rules', file) == ''


def _members(value, name):
    """All members of that name, at any depth."""
    if isinstance(value, dict):
        yield from (member for key, member in value.items() if key == name)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(inner, name)

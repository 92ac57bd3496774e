"""The ready-made configs of etc/registries: each is a good config, and says no more than it must. That it reads its
registry's frames, the golden cases show."""
import re

import pytest
import yaml

import harness
from harness import TapError, Tap, Work, epptapctl

CONFIGS = sorted(harness.REGISTRIES.glob('*.yaml'))


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    return Work(tmp_path_factory.mktemp('registries'))


def _as_here(text, work):
    """The file as an operator would change it: its paths and ports are this machine's, its keys are there."""
    text = text.replace('/etc/epptap/', f'{work.keys}/').replace('/var/lib/epptap', str(work.state_dir))
    for channel, port in ('vetted', 7701), ('public', 7700):
        text = text.replace(f'tcp://0.0.0.0:{port}', work.endpoint(channel))
    return text


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_the_config_is_good(path, work):
    config = work.path / path.name
    config.write_text(_as_here(path.read_text(), work))
    epptapctl('check', config)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_the_config_opens(path, work):
    config = work.path / path.name
    config.write_text(_as_here(path.read_text(), work).replace('publisher: process', 'publisher: embedded'))
    with Tap(config) as tap:
        tap.transaction(*harness.update_frames('bank.example'))
        tap.flush()
        assert tap.wait_told()['changes'] == 1


def test_a_namespace_that_nothing_reads_is_refused(work):
    """Or the tests above would be content with any."""
    config = work.path / 'wrong.yaml'
    text = (harness.REGISTRIES / 'fred.yaml').read_text().replace('ns:domain-1.0\n', 'ns:domain-9.0\n', 1)
    config.write_text(_as_here(text, work).replace('publisher: process', 'publisher: embedded'))
    with pytest.raises(TapError, match='is no namespace that epptap reads'):
        Tap(config)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_all_but_namespaces_and_verbs_is_the_samples(path):
    sample = yaml.safe_load((harness.REPOSITORY / 'etc' / 'epptap.yaml').read_text())
    config = yaml.safe_load(path.read_text())
    assert list(config) == [key for key in (*list(config)[:5], 'namespaces', 'verbs') if key in config]
    assert 'namespaces' in config
    for key in ('registry', 'state_dir', 'publisher'):
        assert config[key] == sample[key]
    assert config['keys']['event'] == sample['keys']['event']
    assert [(channel['name'], channel['bind']) for channel in config['channels']] == \
        [(channel['name'], channel['bind']) for channel in sample['channels']]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_the_readme_and_the_makefile_know_the_config(path):
    readme = (harness.REPOSITORY / 'etc' / 'README.md').read_text()
    assert re.search(rf'^\| `{re.escape(path.name)}` \|', readme, re.MULTILINE)
    assert path.read_text().startswith(f'# {path.name} - ')


def test_no_config_maps_a_word_in_another_way_than_another_does():
    """A registry's namespace means the same wherever it is met."""
    seen = {}
    for path in CONFIGS:
        for pairs in harness.own_words(path.stem).values():
            for word, meaning in pairs.items():
                assert seen.setdefault(word, meaning) == meaning
                # but for the one that is read only where a config names it
                assert word != meaning or word == 'http://www.eurid.eu/xml/epp/domain-ext-2.4'

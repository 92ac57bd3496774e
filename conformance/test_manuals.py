"""What a user reads: manual pages, `--help` and `--version`, and what is said to who mistypes. Pages and programs name the
same options and commands. That epptap.yaml.5 and the program know the same keys, base/test/test_config_manual.c shows."""
import functools
import re
import shutil
import subprocess

import pytest

from harness import REPOSITORY, built

PAGES = sorted(page for page in REPOSITORY.glob('*/*.[1-8]') if page.parent.name != 'build')
PROGRAMS = {'eppwatch': 'subscriber/eppwatch.1', 'epptapctl': 'publisher/epptapctl.1', 'epptapd': 'publisher/epptapd.8'}
LINES, COLUMNS = 24, 80
# Each with a line that is right but for what is to be added to it.
COMMANDS = {
    'eppwatch': {'follow': ['URL'], 'audit': ['URL'], 'prove': ['URL', '1'], 'verify-proof': ['FILE'], 'reconcile': ['URL']},
    'epptapctl': {'keygen': ['keys'], 'check': [], 'status': [], 'test-event': [], 'submit': ['epptap.yaml'], 'feed-dump': [],
                  'spool-dump': [], 'quarantine': [], 'revoke': [], 'new-log': []},
    'epptapd': {},
}
EACH = [(program, command) for program, commands in COMMANDS.items() for command in (None, *commands)]


def run(program, *arguments, **options):
    return subprocess.run([built(program), *arguments], capture_output=True, text=True, timeout=60, **options)


@functools.cache
def help_of(program, command=None):
    done = run(program, *([command] if command else []), '--help')
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def options_in_help(program):
    """All options that its help, and that of each of its commands, tells of, and the two that it need not."""
    texts = [help_of(program), *(help_of(program, command) for command in COMMANDS[program])]
    return set(re.findall(r'(?<![\w-])--([a-z][a-z-]*)', ''.join(texts))) | {'help', 'version'}


def section(text, name):
    """The lines of a page's section."""
    return re.search(rf'^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)', text, re.M | re.S)[1]


def options_in_page(text):
    """(all, those that have an entry of their own). `.Fl -json , -color` names two."""
    lines = [line.lstrip('.') for line in text.splitlines() if re.match(r'\.(It |Op )?(Fl|Cm|Ar|Nm)\b', line)
             or ' Fl -' in line]
    named, entries = set(), set()
    for line in lines:
        words = re.findall(r'(?:(?<=Fl )|(?<=, ))-([a-z][a-z-]*)', line)
        named.update(words)
        if line.startswith('It '):
            entries.update(words)
    return named, entries


# Manual pages

def test_each_program_and_the_config_have_a_page():
    assert {page.name for page in PAGES} >= {'eppwatch.1', 'epptapctl.1', 'epptapd.8', 'epptap.yaml.5'}
    assert all((REPOSITORY / page).exists() for page in PROGRAMS.values())


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_a_page_is_well_formed(page):
    if not shutil.which('mandoc'):
        pytest.skip('mandoc is not there')
    done = subprocess.run(['mandoc', '-T', 'lint', page], capture_output=True, text=True)
    # mandoc looks for other pages among those that are installed: ours are judged by the test below
    assert [line for line in done.stdout.splitlines() if 'referenced manual not found' not in line] == []
    assert done.stderr == ''
    shown = subprocess.run(['mandoc', '-T', 'ascii', '-O', 'width=78', page], capture_output=True, text=True, check=True)
    wide = [line for line in re.sub('.\b', '', shown.stdout).splitlines() if len(line) > COLUMNS]
    assert wide == []


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_a_page_says_who_it_is_and_refers_to_pages_that_there_are(page):
    text = page.read_text()
    name, _, number = page.name.rpartition('.')
    assert f'\n.Dt {name.upper()} {number}\n' in text and f'\n.Nm {name}\n' in text
    for other, its in re.findall(r'^\.Xr (\S+) (\d)', text, re.M):
        assert f'{other}.{its}' in {each.name for each in PAGES}, other
        assert f'{other}.{its}' != page.name


@pytest.mark.parametrize('program', PROGRAMS)
def test_help_and_manual_page_have_the_same_options(program):
    text = (REPOSITORY / PROGRAMS[program]).read_text()
    named, entries = options_in_page(text)
    assert entries == options_in_help(program)
    assert named == entries


@pytest.mark.parametrize('program', [program for program in PROGRAMS if COMMANDS[program]])
def test_help_and_manual_page_have_the_same_commands(program):
    in_help = set(re.findall(r'^  ([a-z][a-z-]*)  ', help_of(program), re.M))
    text = (REPOSITORY / PROGRAMS[program]).read_text()
    assert in_help == set(COMMANDS[program])
    assert set(re.findall(r'^\.Cm ([a-z-]+)$', section(text, 'SYNOPSIS'), re.M)) == in_help
    assert set(re.findall(r'^\.It Cm ([a-z-]+)$', section(text, 'DESCRIPTION'), re.M)) == in_help


@pytest.mark.parametrize('program', PROGRAMS)
def test_the_page_has_each_exit_status_that_the_help_has(program):
    text = (REPOSITORY / PROGRAMS[program]).read_text()
    told = [int(status) for status in re.findall(r'^\.It (\d)$', section(text, 'EXIT STATUS'), re.M)]
    everything = ''.join(help_of(program, command) for command in (None, *COMMANDS[program]))
    exits = ' '.join(re.findall(r'Exit: ((?:.|\n)*?)(?=\.\s|Manual:)', everything))
    assert told == list(range(len(told))) == sorted({int(number) for number in re.findall(r'(?<!\w)\d\b', exits)})


# Help and version

@pytest.mark.parametrize('program, command', EACH, ids=lambda value: value or 'itself')
def test_the_help_fits_a_screen_and_says_usage_and_where_the_manual_is(program, command):
    lines = help_of(program, command).splitlines()
    assert len(lines) <= LINES and max(map(len, lines)) <= COLUMNS
    assert lines[0].startswith(f'usage: {program} {command or ""}'.rstrip())
    page = PROGRAMS[program]
    assert f'Manual: {program}({page[-1]})' in '\n'.join(lines)
    for other in COMMANDS[program] if command is None else ():
        assert sum(line.startswith(f'  {other} ') for line in lines) == 1, other


@pytest.mark.parametrize('program', PROGRAMS)
def test_each_says_its_version(program):
    done = run(program, '--version')
    version = re.search(r'^VERSION := (\S+)$', (REPOSITORY / 'Makefile').read_text(), re.M)[1]
    assert (done.returncode, done.stdout, done.stderr) == (0, f'{program} {version}\n', '')


# Mistakes

def complaint(done, program, words):
    """It ended with 2, wrote nothing to stdout, and said one line."""
    assert (done.returncode, done.stdout) == (2, ''), done.stderr
    assert done.stderr.startswith(f'{program}') and done.stderr.count('\n') == 1
    assert words in done.stderr
    return done.stderr


@pytest.mark.parametrize('program, command', EACH, ids=lambda value: value or 'itself')
def test_an_unknown_option_is_told_with_what_would_be_right(program, command, tmp_path):
    before = [command, *COMMANDS[program][command]] if command else []
    said = complaint(run(program, *before, '--no-such-option', cwd=tmp_path), program, '')
    if command == 'keygen':
        assert said == 'epptapctl: usage: epptapctl keygen [--client NAME] DIRECTORY\n'
    else:
        assert '--no-such-option: no such option' in said or 'no such option: --no-such-option' in said
        assert '--help' in said or f'usage: {program} {command}' in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('program', [program for program in PROGRAMS if COMMANDS[program]])
@pytest.mark.parametrize('word', ['chekc', 'help', '-h', ''])
def test_an_unknown_command_is_told_with_where_the_others_are(program, word):
    complaint(run(program, word), program, f'{word}: no such ')
    assert f'{program} --help' in run(program, word).stderr


@pytest.mark.parametrize('arguments, words', [
    (['check'], 'check: too few arguments; usage: epptapctl check CONFIG'),
    (['check', 'a', 'b'], 'check: too many arguments; usage: epptapctl check CONFIG'),
    (['submit', 'a'], 'submit: too few arguments; usage: epptapctl submit CONFIG FRAME.xml...'),
    (['quarantine', 'a', 'retri'], 'retri is neither'),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_epptapctl_says_what_a_command_takes(arguments, words):
    complaint(run('epptapctl', *arguments), 'epptapctl', words)


def test_without_anything_each_says_what_it_takes():
    for program in PROGRAMS:
        done = run(program)
        assert (done.returncode, done.stdout) == (2, '')
        assert f'usage: {program}' in done.stderr

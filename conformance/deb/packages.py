"""The life of the packages on one machine: installed, used as README.Debian tells, upgraded, removed, purged.

conformance/deb/run makes the machine and runs this. The tests are the steps of one life: each begins where the one before
it has ended.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import REPOSITORY, wait_until
from machine import Machine, newer, raise_loopback

# The front end's user is the one that Debian's nginx and Apache run as.
USER = 'www-data'
CONFIG = '/etc/epptap/epptap.yaml'
LIBRARY = '/usr/lib/epptap/epptap.so'
NGINX_LINK = '/etc/nginx/modules-enabled/70-mod-stream-epptap.conf'
PROGRAMS = ('/usr/sbin/epptapd', '/usr/bin/epptapctl', '/usr/bin/eppwatch')
VERSION = re.search(r'^VERSION := (\S+)', (REPOSITORY / 'Makefile').read_text(), re.MULTILINE).group(1)
# What `make deb` has built, and what of that can be tried here.
BUILT = sorted(pathlib.Path(os.environ['EPPTAP_BUILT']).glob('*.deb'))
DEBS = sorted(pathlib.Path(os.environ['EPPTAP_PACKAGES']).glob('*.deb'))
NAMES = [deb.name.split('_')[0] for deb in DEBS]
APACHE, NGINX = 'libapache2-mod-epptap', 'libnginx-mod-stream-epptap'


@pytest.fixture(scope='module')
def machine():
    raise_loopback()
    return Machine(os.environ['EPPTAP_MACHINE'], os.environ['EPPTAP_LOWER'])


@pytest.fixture(scope='module')
def life():
    """What one step leaves for those after it: the front end and the daemon that run."""
    return {}


def field(name, what):
    deb = DEBS[NAMES.index(name)]
    return subprocess.run(['dpkg-deb', '-f', deb, what], check=True, capture_output=True, text=True).stdout.strip()


def install(machine, debs):
    folder = machine.path('/tmp/packages')
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for deb in debs:
        shutil.copy(deb, folder)
    return machine.says('dpkg', '--force-confold', '-i', *(f'/tmp/packages/{deb.name}' for deb in debs), seconds=300)


def as_user(*command):
    return ('runuser', '-u', USER, '--', *command)


def start_daemon(machine, life):
    life['log'] = open(machine.path('/tmp/epptapd.log'), 'a')
    life['daemon'] = machine.start(*as_user('epptapd', CONFIG), stdout=life['log'], stderr=life['log'])


def change(life, name):
    life['front end'].stdin.write(f'{name}\n')
    life['front end'].stdin.flush()
    assert life['front end'].stdout.readline() == f'{name}\n'


def see(machine, count):
    """The first events of the channel, as a subscriber is shown them, which must be so many."""
    log = '/srv/epptap/vetted'
    wait_until('the log has a checkpoint', lambda: machine.path(f'{log}/checkpoint').exists())
    return machine.says(*as_user('eppwatch', 'follow', log, '--from', 'start', '--curve-key', '/etc/epptap/alice.key', '--state',
                                 '/tmp/readers', '--count', str(count), '--timeout', '60'), seconds=90)


def modules_on(machine):
    """The modules of Apache and nginx that are switched on."""
    folders = [machine.path('/etc/apache2/mods-enabled'), machine.path('/etc/nginx/modules-enabled')]
    return sorted(link.name for folder in folders for link in folder.glob('*'))


def wait_for_tap(machine, program):
    """Until a process of nginx or Apache has the tap."""
    wait_until(f'{program} has loaded {LIBRARY}',
               lambda: any(exe.endswith(program) and LIBRARY in maps for exe, maps in machine.ps()))


def test_all_packages_are_of_this_version():
    assert {deb.name.split('_')[1] for deb in BUILT} == {VERSION}
    assert {deb.name.split('_')[0] for deb in BUILT} == {
        'epptapd', 'eppwatch', 'libepptap', 'libepptap-dev', 'libepptap-publisher', APACHE, NGINX}


def test_a_front_end_gets_no_library_but_two_and_the_c_library():
    needed = {one.split()[0] for one in field('libepptap', 'Depends').split(', ')}
    assert needed == {'libc6', 'libxml2', 'libyaml-0-2'}


def test_they_are_installed_and_switch_nothing_on(machine):
    before = modules_on(machine)
    install(machine, DEBS)
    states = machine.says('dpkg-query', '-W', '-f', '${Package} ${db:Status-Abbrev}\n', *NAMES)
    assert sorted(states.split('\n')) == sorted(['', *(f'{name} ii ' for name in NAMES)])
    assert modules_on(machine) == before
    assert machine.run('systemctl', 'is-enabled', 'epptapd', check=False).stdout == 'disabled\n'
    assert not [exe for exe, _ in machine.ps() if exe.endswith(('epptapd', 'nginx', 'apache2'))]


def test_each_program_tells_its_version_and_has_a_manual_page(machine):
    for program in PROGRAMS:
        assert machine.says(program, '--version') == f'{pathlib.Path(program).name} {VERSION}\n'
    for page in REPOSITORY.glob('*/*.[1-8]'):
        assert list(machine.path('/usr/share/man').glob(f'man?/{page.name}.gz')), f'{page.name} is not installed'


def test_the_unit_is_good(machine):
    checked = machine.run('systemd-analyze', 'verify', '--man=no', '/lib/systemd/system/epptapd.service', check=False)
    assert (checked.returncode, [line for line in checked.stdout.split('\n') if 'epptapd' in line]) == (0, [])
    assert machine.says('getent', 'passwd', 'epptap').startswith('epptap:')


def test_the_way_that_readme_debian_tells_leads_to_a_good_config(machine):
    machine.run('epptapctl', 'keygen', '/etc/epptap')
    machine.run('epptapctl', 'keygen', '--client', 'alice', '/etc/epptap')
    config = machine.path(CONFIG)
    config.write_text(config.read_text().replace('tcp://feed.registry.example:', 'tcp://127.0.0.1:') + "# The operator's own line.\n")
    machine.run('chown', '-R', f'{USER}:', '/etc/epptap')
    machine.run('install', '-d', '-o', USER, '-m', '0700', '/var/lib/epptap')
    machine.run('install', '-d', '-o', USER, '-m', '0755', '/srv/epptap')
    machine.run(*as_user('epptapctl', 'check', CONFIG))


def test_a_front_end_in_c_finds_all_by_pkg_config_and_its_change_is_seen(machine, life):
    shutil.copy(REPOSITORY / 'conformance/deb/front_end.c', machine.path('/tmp/front_end.c'))
    machine.run('sh', '-c', 'cc -Wall -Werror -o /tmp/front_end /tmp/front_end.c $(pkg-config --cflags --libs epptap)')
    start_daemon(machine, life)
    life['front end'] = machine.start(*as_user('/tmp/front_end', CONFIG), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    change(life, 'before.example')
    assert 'before.example' in see(machine, 1)


def test_an_embedded_publisher_is_found_beside_the_library(machine):
    config = machine.path('/tmp/embedded.yaml')
    config.write_text(re.sub('^publisher: process', 'publisher: embedded', machine.path(CONFIG).read_text(), flags=re.MULTILINE)
                      .replace('/var/lib/epptap', '/tmp/embedded').replace('/srv/epptap', '/tmp/embedded-log')
                      .replace(':7701', ':7711').replace(':7700', ':7710'))
    machine.run('install', '-d', '-o', USER, '/tmp/embedded', '/tmp/embedded-log')
    machine.run(*as_user('/tmp/front_end', '/tmp/embedded.yaml'))


@pytest.mark.skipif(APACHE not in NAMES, reason='there is no Apache to try it with')
def test_apache_loads_the_tap_when_its_module_is_switched_on(machine):
    machine.run('a2enmod', 'epptap')
    machine.path('/etc/apache2/ports.conf').write_text('Listen 127.0.0.1:7002\n')
    site = machine.path('/etc/apache2/sites-available/000-default.conf')
    site.write_text(f'<VirtualHost 127.0.0.1:7002>\n<IfModule epptap_module>\nEPPTap {CONFIG}\n</IfModule>\n</VirtualHost>\n')
    assert 'NOT be seen' not in machine.says('apache2ctl', 'configtest')
    machine.run('apache2ctl', 'start')
    wait_for_tap(machine, 'apache2')
    machine.run('apache2ctl', 'stop')
    wait_until('Apache is gone', lambda: not any(exe.endswith('apache2') for exe, _ in machine.ps()))


@pytest.mark.skipif(NGINX not in NAMES, reason='there is no nginx to try it with')
def test_nginx_loads_the_tap_when_its_module_is_switched_on(machine):
    machine.path(NGINX_LINK).symlink_to('/usr/share/nginx/modules-available/mod-stream-epptap.conf')
    config = machine.path('/etc/nginx/nginx.conf')
    as_it_was = config.read_text()
    config.write_text(f'user {USER};\npid /run/nginx.pid;\ninclude /etc/nginx/modules-enabled/*.conf;\nevents {{ }}\n'
                      f'stream {{ server {{ listen 127.0.0.1:7003; proxy_pass 127.0.0.1:7004; epptap {CONFIG}; }} }}\n')
    assert 'NOT be seen' not in machine.says('nginx', '-t')
    nginx = machine.start('nginx', '-g', 'daemon off;', stderr=subprocess.DEVNULL)
    wait_for_tap(machine, 'nginx')
    machine.run('nginx', '-s', 'quit')
    assert nginx.wait(60) == 0
    config.write_text(as_it_was)


def test_an_upgrade_keeps_the_config_and_loses_no_change(machine, life, tmp_path):
    kept, modules = machine.path(CONFIG).read_text(), modules_on(machine)
    change(life, 'spooled.example')
    install(machine, [newer(deb, tmp_path, VERSION) for deb in DEBS])
    assert machine.says('dpkg-query', '-W', '-f', '${Version}', 'epptapd') == f'{VERSION}+1'
    assert machine.path(CONFIG).read_text() == kept
    assert 'A sample of a later version' in machine.path(f'{CONFIG}.dpkg-dist').read_text()
    assert machine.path(CONFIG).owner() == USER
    assert modules_on(machine) == modules

    machine.stop(life['daemon'])
    change(life, 'meanwhile.example')
    start_daemon(machine, life)
    change(life, 'after.example')
    names = re.findall(r'(before|spooled|meanwhile|after)\.example', see(machine, 4))
    assert names == ['before', 'spooled', 'meanwhile', 'after']


def test_removed_they_leave_no_program_and_no_server_that_fails(machine, life):
    life['front end'].stdin.close()
    assert life['front end'].wait(60) == 0
    machine.stop(life['daemon'])
    machine.run('dpkg', '-r', *NAMES, seconds=120)
    for gone in (*PROGRAMS, LIBRARY, '/lib/systemd/system/epptapd.service', '/usr/include/epptap.h', '/usr/lib/epptap',
                 '/usr/share/doc/epptap'):
        assert not os.path.lexists(machine.path(gone)), f'{gone} is still there'
    assert not [name for name in modules_on(machine) if 'epptap' in name]
    if APACHE in NAMES:
        machine.run('apache2ctl', 'configtest')
    if NGINX in NAMES:
        machine.run('nginx', '-t')
    assert machine.path(CONFIG).exists() and machine.path('/etc/epptap/event.pem').exists()


def test_purged_they_leave_keys_and_feed_and_say_so(machine):
    said = machine.says('dpkg', '--purge', *NAMES, seconds=120)
    for kept in ('/etc/epptap', '/var/lib/epptap', '/srv/epptap'):
        assert f'epptapd: {kept} is left as it is' in said
    assert machine.path('/etc/epptap/event.pem').exists()
    assert not machine.path(CONFIG).exists()


def test_nothing_else_is_left_of_them(machine):
    theirs = ('etc/epptap', 'var/lib/epptap', 'srv/epptap')
    tests_own = ('etc/apache2/ports.conf', 'etc/apache2/sites-available/000-default.conf')
    a2enmods = [f'var/lib/apache2/module/{folder}' for folder in ('disabled_by_admin', 'disabled_by_maint', 'enabled_by_admin')]
    left = [path for path in machine.written() if not path.startswith(theirs) and path not in (*tests_own, *a2enmods)]
    assert '\n'.join(left) == ''

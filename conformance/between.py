"""A library between a server's module and epptap.so: what each call does to the server's process (guest/between.c)."""
import collections
import re
import subprocess

from harness import REPOSITORY, compiled

GUEST = REPOSITORY / 'conformance' / 'guest'
LOOKS = [GUEST / f'{name}.c' for name in ('state', 'libraries', 'look', 'differences')]  # at a process, before and after


def package_flags(*packages):
    """What it takes to compile and link with them."""
    found = subprocess.run(['pkg-config', '--cflags', '--libs', *packages], check=True, capture_output=True, text=True)
    return found.stdout.split()


def between(path, library, told):
    """Compiled as `path`: passes on to `library`, and tells the file `told` what changed."""
    return compiled(path, GUEST / 'between.c', *LOOKS, f'-DREAL="{library}"', f'-DTOLD="{told}"', '-shared', '-fPIC', '-D_GNU_SOURCE',
                    '-pthread', '-Wno-deprecated-declarations', *package_flags('libxml-2.0', 'libcrypto'))


def calls_told(told):
    """How often each call changed nothing; and the lines about what others changed."""
    calls, changes = collections.Counter(), []
    for line in told.read_text().splitlines():
        if found := re.fullmatch(r'(\w+): same', line):
            calls[found[1]] += 1
        else:
            changes.append(line)
    return calls, changes

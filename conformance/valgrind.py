"""A server under valgrind: what it finds that is ours."""
import re
import shutil

PROGRAM = shutil.which('valgrind')
OURS = re.compile(r'epptap')  # our files, and our functions in a server's module


def under_valgrind(folder):
    """The words before a server's own: each of its processes writes a file in `folder`."""
    return [PROGRAM, '-q', '--trace-children=yes', '--leak-check=full', '--show-leak-kinds=definite', '--keep-debuginfo=yes', f'--log-file={folder}/valgrind.%p']


def found_by_valgrind(folder):
    """What it found whose stack goes through something of ours: servers and their libraries have their own."""
    found = []
    for path in folder.glob('valgrind.*'):
        lines = (re.sub(r'^==\d+== ?', '', line) for line in path.read_text(errors='replace').splitlines())
        found += [block for block in '\n'.join(lines).split('\n\n') if OURS.search(block)]
    return found

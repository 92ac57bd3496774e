"""Frames that a registrar may send and no registry should trip over: each is read or counted, and nothing else happens.

The tap lives in a process of its own (this file, run as a program), so that its end and its stderr can be seen.
"""
import collections
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Tap, Work, about_names, feed_dump, object_frames, steps, told_in, wait_until

MUTANTS = 3000
GOOD, DONE = (frame.decode() for frame in object_frames('update', 'bank.example'))
HEAD = '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><update>'
UPDATE = HEAD + '<d:update xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>bank.example</d:name>'
TAIL = '</d:update></update></command></epp>'
LAUGHS = '<!ENTITY a "ha">' + ''.join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip('abcdefg', 'bcdefgh'))

# what the frame is: its bytes, and what may be counted for it
Hostile = collections.namedtuple('Hostile', 'frame counted')
COMMANDS = {
    'one byte': (b'x', 'malformed'),
    'one bracket': (b'<', 'malformed'),
    'blanks alone': (b' \n' * 50, 'malformed nothing'),
    'a NUL alone': (b'\0', 'malformed'),
    'only NULs': (bytes(1000), 'malformed encoding'),
    'a NUL within': (GOOD.replace('bank', 'ba\0nk'), 'malformed'),
    'a NUL behind': (GOOD + '\0', 'malformed'),
    'half a frame': (GOOD[:len(GOOD) // 2], 'malformed'),
    'two frames': (GOOD + GOOD, 'malformed'),
    'tags that cross': (HEAD + '<d:update xmlns:d="urn:ietf:params:xml:ns:domain-1.0"></update></d:update></command></epp>',
                        'malformed'),
    'a prefix of nobody': (GOOD.replace('<d:name', '<x:name').replace('</d:name', '</x:name'), 'malformed'),
    'an entity of nobody': (GOOD.replace('bank', '&bank;'), 'malformed'),
    'a reference to NUL': (GOOD.replace('bank', '&#0;'), 'malformed'),
    'a reference beyond Unicode': (GOOD.replace('bank', '&#xFFFFFFFFFF;'), 'malformed'),
    'control characters': (GOOD.replace('bank', 'b\x01\x1b[2Jk'), 'malformed'),
    'an overlong sequence': (GOOD.encode().replace(b'bank', b'\xc0\xbcbank'), 'malformed encoding'),
    'half a surrogate': (GOOD.encode().replace(b'bank', b'\xed\xa0\x80'), 'malformed encoding'),
    'a comment without end': (GOOD.replace('<d:name>', '<!-- <d:name>'), 'malformed'),
    'CDATA without end': (GOOD.replace('<d:name>', '<d:name><![CDATA['), 'malformed'),
    'a DOCTYPE that grows': (f'<!DOCTYPE epp [{LAUGHS}]>' + GOOD.replace('bank', '&h;'), 'doctype'),
    'a DOCTYPE that reads files': ('<!DOCTYPE epp [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + GOOD.replace('bank', '&f;'),
                                   'doctype'),
    'a DOCTYPE that asks the network': ('<!DOCTYPE epp SYSTEM "http://127.0.0.1:9/epp.dtd">' + GOOD, 'doctype'),
    'deep': (UPDATE + '<d:x>' * 20000 + '</d:x>' * 20000 + TAIL, 'deep'),
    'deep without end': (UPDATE + '<d:x>' * 50000, 'deep'),
    'an attribute of megabytes': (GOOD.replace('<d:name', f'<d:name x="{"y" * 900000}"'), 'large'),
    'a tag of megabytes': (GOOD.replace('<d:name', f'<d:{"n" * 900000}', 1), 'large malformed'),
    'attributes by the thousand': (GOOD.replace('<d:name', '<d:name ' + ''.join(f'a{n}="" ' for n in range(50000))), 'large'),
    'namespaces by the thousand': (GOOD.replace('<d:name', '<d:name ' + ''.join(f'xmlns:n{n}="u{n}" ' for n in range(20000))),
                                   'large'),
    'a name of megabytes': (GOOD.replace('bank', 'b' * 900000), 'value large'),
    'text of megabytes': (GOOD.replace('</command>', f'<clTRID>{"t" * 900000}</clTRID></command>'), 'change large'),
    'hosts by the thousand': (UPDATE + '<d:add><d:ns>' + '<d:hostObj>n.example</d:hostObj>' * 25000 + '</d:ns></d:add>' + TAIL,
                              'large value'),
    'over the limit': (GOOD + ' ' * (1 << 20), 'frame_limit'),
    'UTF-16, little end first': ('\ufeff' + GOOD).encode('utf-16-le'),
    'UTF-16, big end first': ('\ufeff' + GOOD).encode('utf-16-be'),
    'UTF-16 cut within a character': (('\ufeff' + GOOD).encode('utf-16-le')[:-1], 'malformed encoding'),
    'UTF-16 without its mark': (GOOD.encode('utf-16-le'), 'malformed encoding change'),
    'UTF-32': (('\ufeff' + GOOD).encode('utf-32-le'), 'malformed encoding change'),
    'UTF-7': (('<?xml version="1.0" encoding="UTF-7"?>' + GOOD).encode('utf-7'), 'encoding malformed change'),
    'UTF-7 by declaration': (('<?xml version="1.0" encoding="UTF-7"?>' + GOOD.replace('<', '+ADw-')).encode(),
                             'encoding malformed change'),
    'EBCDIC': (('<?xml version="1.0" encoding="EBCDIC-CP-US"?>' + GOOD).encode('cp037'), 'encoding malformed change'),
    'an encoding of nobody': ('<?xml version="1.0" encoding="x-nobodys"?>' + GOOD, 'encoding'),
    'a format of printf': (GOOD.replace('bank', '%s%n%s%n'), 'value'),
}
COMMANDS = {name: Hostile(*entry) if isinstance(entry, tuple) else Hostile(entry, 'change')
            for name, entry in COMMANDS.items()}
RESPONSES = {
    'half a response': (DONE[:len(DONE) // 2], 'malformed'),
    'a response with NUL': (DONE.replace('Done', '\0'), 'malformed'),
    'a response with a DOCTYPE': ('<!DOCTYPE epp>' + DONE, 'doctype'),
    'a deep response': (DONE.replace('Done', '<x>' * 20000 + '</x>' * 20000), 'deep'),
    'a response with a format of printf': (DONE.replace('S-0', '%n%s'), 'change'),
    'a response in UTF-16': (('\ufeff' + DONE).encode('utf-16-le'), 'change'),
    'a response over the limit': (DONE + ' ' * (1 << 20), 'frame_limit'),
    'noise with a code': (b'\xff\xfe\x00 code="1000" \x80', 'malformed encoding'),
}
RESPONSES = {name: Hostile(*entry) for name, entry in RESPONSES.items()}


def _mutant(choice, frame):
    """The frame with a few bytes flipped, cut out, doubled, or swapped for others that mean something."""
    frame = bytearray(frame)
    for _ in range(choice.randrange(1, 5)):
        at = choice.randrange(len(frame))
        what = choice.randrange(5)
        if what == 0:
            frame[at] ^= 1 << choice.randrange(8)
        elif what == 1:
            del frame[at:at + choice.randrange(1, 40)]
        elif what == 2:
            frame[at:at] = frame[at:at + choice.randrange(1, 200)]
        elif what == 3:
            frame[at:at] = choice.choice([b'<', b'>', b'&', b'"', b'\0', b']]>', b'<!--', b'<!DOCTYPE x>', b'\xff',
                                          b'&#x10FFFF;'])
        else:
            del frame[at:]
        if not frame:
            frame += b'<'
    return bytes(frame)


def _counts(stats):
    return collections.Counter({**stats['unreadable'], **stats['lost'], 'change': stats['changes'],
                                'skipped': stats['skipped'], 'nothing': stats['nothing']})


def show_all(config):
    """The program: shows the tap everything, and prints what each named frame was counted as, and the stats at the end."""
    told = {}
    calls = 0
    with Tap(config) as tap:
        def show(command, response, registrar=b'ClientX'):
            nonlocal calls
            calls += 1
            tap.transaction(command, response, registrar)

        for name, command, response in [(name, hostile.frame, DONE) for name, hostile in COMMANDS.items()] + \
                [(name, GOOD, hostile.frame) for name, hostile in RESPONSES.items()]:
            before = _counts(tap.stats())
            show(command, response)
            tap.flush()
            told[name] = dict(_counts(tap.stats()) - before)
        before = _counts(tap.stats())
        for end in range(1, len(GOOD)):
            show(GOOD[:end], DONE)
            show(GOOD, DONE[:end % len(DONE) + 1] if end % len(DONE) + 1 < len(DONE) else '<')
        tap.flush()
        told['all cut ones'] = dict(_counts(tap.stats()) - before)
        choice = random.Random(1)
        originals = [step for step in steps() if step.command]
        for number in range(MUTANTS):
            step = choice.choice(originals)
            command, response = step.command, step.response
            show(_mutant(choice, command), response if number % 3 else _mutant(choice, response))
            show(choice.randbytes(choice.randrange(1, 2000)), DONE)
        for registrar in [b'\x1b[2J', b'%n%s', b'r' * 100000, b'\xff\xfe', b'a b', b'', b'nobody@mail.example']:
            show(GOOD, DONE, registrar)
        tap.flush()
        stats = tap.wait_told(60)
        lost = collections.Counter(stats['unreadable']) + collections.Counter(stats['lost'])
        lost['value'] += stats['publisher']['invalid_names']
        wait_until('all that was lost is told', lambda: told_in(feed_dump(config, 'vetted')) == lost, 30)
        show(*object_frames('update', 'good.example'))
        tap.flush()
        tap.wait_told(30)
        print(json.dumps({'told': told, 'calls': calls, 'stats': tap.stats()}))


@pytest.fixture(scope='module')
def shown(tmp_path_factory):
    """What the program printed, its stderr, its exit status, and the feed."""
    work = Work(tmp_path_factory.mktemp('hostile'))
    done = subprocess.run([sys.executable, __file__, work.config], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors='replace')[-2000:]
    return json.loads(done.stdout), done.stderr, feed_dump(work.config, 'vetted')


@pytest.mark.parametrize('name', [*COMMANDS, *RESPONSES])
def test_the_frame_is_read_or_counted_by_its_reason(shown, name):
    told, _, _ = shown
    ((counted, number),) = told['told'][name].items()
    assert (counted in {**COMMANDS, **RESPONSES}[name].counted.split(), number) == (True, 1), counted


def test_a_frame_that_was_cut_is_never_taken_for_a_change(shown):
    told, _, _ = shown
    counted = told['told']['all cut ones']
    assert not {'change', 'nothing', 'skipped'} & set(counted)
    assert sum(counted.values()) > 2 * (len(GOOD) - 1) - 3


def test_each_call_is_accounted_for(shown):
    told, _, feed = shown
    stats = told['stats']
    assert stats['skipped'] + stats['accepted'] + sum(stats['lost'].values()) == told['calls']
    assert stats['accepted'] == stats['nothing'] + stats['changes'] + sum(stats['unreadable'].values())
    untold = stats['publisher']['repeats'] + stats['publisher']['invalid_names']
    assert stats['changes'] == stats['spooled'] == len(about_names(feed)) + untold
    assert stats['publisher']['published'] == len(feed)
    assert sum(stats['unreadable'].values()) > MUTANTS


def test_the_process_says_no_more_than_one_that_reads_nothing(shown, tmp_path):
    _, stderr, _ = shown
    other = f'from harness import Tap; Tap({str(Work(tmp_path).config)!r}).close()'
    done = subprocess.run([sys.executable, '-c', other], cwd=Path(__file__).parent, capture_output=True, timeout=60)
    assert stderr == done.stderr
    assert stderr.startswith(b'epptap: warning: publisher: embedded') and stderr.count(b'\n') == 1


def test_a_good_change_still_arrives(shown):
    _, _, feed = shown
    assert feed[-1]['event']['sub_id']['uri'] == 'dns:good.example'
    assert [line['index'] for line in feed] == list(range(len(feed)))
    registrars = [next(iter(line['event']['events'].values())).get('registrar') for line in about_names(feed)[-8:-1]]
    assert registrars == [None, '%n%s', None, None, None, None, None]


if __name__ == '__main__':
    show_all(sys.argv[1])

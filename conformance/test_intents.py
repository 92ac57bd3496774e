"""A front end that dies between a command and its answer: what the feed tells of it, with epptap_begin and epptap_end.

The front end is a Python process that shows frames to the plugin and kills itself with SIGKILL at a chosen point.
"""
import os
import subprocess
import sys

import pytest

import frames
from harness import REPOSITORY, Tap, feed_dump, wait_until

NAME = 'a.example'

FRONT_END = '''
import ctypes, os, signal, sys
sys.path.insert(0, 'conformance')
import frames
from harness import Tap

config, point = sys.argv[1:]
tap = Tap(config)
begin, end = tap.library.epptap_begin, tap.library.epptap_end
begin.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_uint64)]
end.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t]
ticket = ctypes.c_uint64()


def answer(code):
    response = (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="{code}"><msg>As told</msg></result>'
                '<trID><svTRID>SV-1</svTRID></trID></response></epp>').encode()
    assert end(tap.handle, ticket, response, len(response)) == 0
    tap.flush()


command = frames.update_domain('a.example', add_status=['clientHold'])
command = command.encode() if isinstance(command, str) else command
assert begin(tap.handle, b'ClientA', command, len(command), ctypes.byref(ticket)) == 0
if point == 'after it was done':
    answer(1000)
elif point == 'after it failed':
    answer(2304)
if point == 'as it closed':
    tap.close()
os.kill(os.getpid(), signal.SIGKILL)
'''


def _run_to_its_death(work, point):
    work.write_config(channels=['public'], capture={'durability': 'wait', 'wait_limit': '40s'})
    environment = os.environ | {'PYTHONDONTWRITEBYTECODE': '1'}
    done = subprocess.run([sys.executable, '-c', FRONT_END, work.config, point], cwd=REPOSITORY, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == -9, done.stderr


def _events(work):
    """The outcomes told of the name, and the reasons of the gaps, once a later change is told too."""
    def look():
        told = [next(iter(line['event']['events'].values())) for line in feed_dump(work.config, 'public')]
        return told if any(event.get('ldhName') == 'later.example' for event in told) else None
    with Tap(work.config) as tap:
        tap.transaction(frames.update_domain('later.example', add_status=['clientHold']),
                        '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"/></response></epp>')
        told = wait_until('the later change is told', look)
    return ([event['outcome'] for event in told if event.get('ldhName') == NAME],
            [event['reason'] for event in told if 'reason' in event])


@pytest.mark.parametrize('point, outcomes, reasons', [
    ('before its answer', ['unknown'], ['crash']),
    ('after it was done', ['completed'], ['crash']),
    ('after it failed', [], ['crash']),
    ('as it closed', ['unknown'], []),
])
def test_a_command_is_told_as_what_is_known_of_it(work, point, outcomes, reasons):
    _run_to_its_death(work, point)
    assert _events(work) == (outcomes, reasons)

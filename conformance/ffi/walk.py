"""What the Python binding does; test_ffi.py says what it prints, as all walks do.

    walk.py EPPTAP.SO GUEST.SO FOLDER           each call once
    walk.py EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
"""
import ctypes
import hashlib
import os
import pathlib
import shutil
import sys

from epptap import Tap, TapError

library, guest_library, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
guest = ctypes.CDLL(guest_library)
guest.guest_changes.restype = ctypes.c_char_p


def say(*words):
    print(*words, flush=True)


def frame(name):
    return (folder / name).read_bytes()


def refused(word, call, *arguments):
    try:
        call(*arguments)
        say(word, 'not refused')
    except TapError as error:
        say(word, error.result, error)


if sys.argv[4:]:
    hashlib.sha256(b'the host has an OpenSSL of its own')
    left = Tap(folder / 'epptap.yaml', library)
    sys.exit()

guest.guest_changes()
refused('open', Tap, folder / 'bad.yaml', library)
tap = Tap(folder / 'epptap.yaml', library)
say('version', tap.version)
refused('again', Tap, folder / 'epptap.yaml', library)

tap.transaction('ClientX', frame('1.command'), frame('1.response'))
tap.transaction(None, frame('2.command'), frame('2.response'))
ticket = tap.begin('ClientY', frame('3.command'))
tap.end(ticket, frame('3.response'))
refused('ended', tap.end, ticket, frame('3.response'))
ticket = tap.begin('ClientY', frame('4.command'))
tap.flush()  # what fails before it is looked at is not noted
tap.end(ticket)
tap.server_change(frame('server'))
refused('empty', tap.transaction, 'ClientX', b'', b'')
stream = tap.stream()
client, server = frame('client'), frame('server-greeting')
stream.server(server)
for start in range(0, len(client), 100):
    stream.client(client[start:start + 100])
stream.server(frame('server-responses'))
stream.close()
refused('stream', stream.client, b'x')

tap.flush()
stats = tap.stats()
say('changes', stats['changes'], 'given up', stats['intents']['given_up'], 'streams', stats['streams']['open'])
tap.reload()
shutil.copyfile(folder / 'bad.yaml', folder / 'epptap.yaml')
refused('reload', tap.reload)
shutil.copyfile(folder / 'good.yaml', folder / 'epptap.yaml')
say('guest', guest.guest_changes().decode())

child = os.fork()
if child == 0:
    refused('forked', tap.flush)
    sys.exit(0)
say('child', os.waitpid(child, 0)[1])

tap.close()
refused('closed', tap.transaction, 'ClientX', frame('1.command'), frame('1.response'))
say('guest', guest.guest_changes().decode())

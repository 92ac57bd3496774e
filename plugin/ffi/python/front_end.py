"""A front end of a few lines, under load: a thread for each connection, as socketserver has them.

    front_end.py EPPTAP.SO CONFIG REGISTRARS COMMANDS

Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID S-<n>-<k>.
"""
import logging
import sys
import threading

import epptap

EPP = 'urn:ietf:params:xml:ns:epp-1.0'
DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0'


def update(name):
    """What a registrar sends."""
    return (f'<epp xmlns="{EPP}"><command><update><d:update xmlns:d="{DOMAIN}"><d:name>{name}</d:name><d:add><d:ns>'
            '<d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update></command></epp>')


def carry_out(command, svtrid):
    """The registry: every update is a success."""
    return (f'<epp xmlns="{EPP}"><response><result code="1000"><msg>Done</msg></result><trID><svTRID>{svtrid}</svTRID>'
            '</trID></response></epp>')


def told(call, *arguments):
    """What goes wrong with the tap is logged, and is no matter of the registrar's."""
    try:
        return call(*arguments)
    except epptap.TapError as error:
        logging.warning('epptap: %s', error)
        return 0  # end() takes it as a ticket


def serve(tap, registrar, command, svtrid):
    """One command, from its arrival to its response."""
    ticket = told(tap.begin, registrar, command)
    response = b''
    try:
        response = carry_out(command, svtrid)
    finally:
        told(tap.end, ticket, response)
    return response


def session(tap, number, commands):
    for count in range(commands):
        serve(tap, f'Client{number}', update(f'c{number}-{count}.example'), f'S-{number}-{count}')


def main(library, config, registrars, commands):
    with epptap.Tap(config, library) as tap:
        threads = [threading.Thread(target=session, args=(tap, number, int(commands))) for number in range(int(registrars))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except epptap.TapError as error:
        sys.exit(f'front_end.py: {error}')

"""Searches bytes for strings that must not be there, in every form in which they could hide.

A canary is a made-up, unmistakable string that stands where contact data or a secret would. scan() and scan_bytes()
look for each one plain (in any case), as hex, JSON-escaped, XML-escaped, percent-encoded, as UTF-16 and as base64 or
base64url at any offset; and first they open each JWS they meet, for a payload is base64url itself.

    leakscan.py --canaries FILE PATH...      exit 0: nothing found; 1: findings, one a line; 2: usage
"""
import argparse
import base64
import dataclasses
import html
import os
import pathlib
import re
import sys

JWS = re.compile(rb'eyJ[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*')
LINE_BREAKS = re.compile(rb'[\r\n]+[ \t]*')
LONG_GAP = re.compile(rb'\0{512,}')
JSON_ESCAPE = re.compile(rb'\\(?:u([0-9a-fA-F]{4})|(["\\/]))')
XML_ESCAPE = re.compile(rb'&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);')
PERCENT = re.compile(rb'%([0-9a-fA-F]{2})')
SHORTEST = 6  # a canary that is shorter would be found by chance


@dataclasses.dataclass(frozen=True)
class Finding:
    place: str
    canary: str
    form: str

    def __str__(self):
        return f'{self.place}: {self.canary!r}, {self.form}'


def _unescape_json(data):
    def one(match):
        if match[1]:
            return chr(int(match[1], 16)).encode('utf-8', 'replace')
        return match[2]
    return JSON_ESCAPE.sub(one, data)


def _unescape_xml(data):
    return XML_ESCAPE.sub(lambda match: html.unescape(match[0].decode()).encode('utf-8', 'replace'), data)


def _base64_cores(canary):
    """What stays the same of the canary's base64, for each place within a group of three bytes it may begin at."""
    for before in range(3):
        whole = bytes(before) + canary
        text = base64.b64encode(whole).rstrip(b'=')
        first = -(-before * 8 // 6)
        last = len(whole) * 8 // 6
        yield text[first:last]


def _needles(canary):
    """(form, needle, where): in which of the views of scan_bytes() the needle is looked for."""
    plain = canary.encode()
    low = canary.lower().encode()
    yield 'plain', low, 'low'
    yield 'plain', canary.upper().encode().lower(), 'low'  # letters outside ASCII, in capitals
    yield 'hex', plain.hex().encode(), 'low'
    yield 'hex of lower case', low.hex().encode(), 'low'
    yield 'JSON-escaped', low, 'json'
    yield 'XML-escaped', low, 'xml'
    yield 'percent-encoded', low, 'percent'
    yield 'UTF-16LE', canary.lower().encode('utf-16-le'), 'low'
    yield 'UTF-16BE', canary.lower().encode('utf-16-be'), 'low'
    for text in {plain, low, plain.upper(), plain.decode().encode('utf-16-le'), plain.decode().encode('utf-16-be')}:
        for core in _base64_cores(text):
            yield 'base64', core, 'joined'
            yield 'base64url', core.translate(bytes.maketrans(b'+/', b'-_')), 'joined'


def scan_bytes(data, canaries, place):
    """The findings in `data`, which `place` names. One finding for each canary and form."""
    found = []
    data = LONG_GAP.sub(bytes(512), bytes(data))
    for number, jws in enumerate(JWS.finditer(data)):
        payload = jws[1] + b'=' * (-len(jws[1]) % 4)
        try:
            opened = base64.urlsafe_b64decode(payload)
        except ValueError:
            continue
        found += scan_bytes(opened, canaries, f'{place}, payload of JWS {number}')
    views = {
        'low': data.lower(),
        'json': _unescape_json(data).lower(),
        'xml': _unescape_xml(data).lower(),
        'percent': PERCENT.sub(lambda match: bytes([int(match[1], 16)]), data).lower(),
        'joined': LINE_BREAKS.sub(b'', data),
    }
    for canary in canaries:
        if len(canary) < SHORTEST:
            raise ValueError(f'the canary {canary!r} is too short to tell from chance')
        forms = []
        for form, needle, view in _needles(canary):
            if form not in forms and needle in views[view]:
                # what is there plain shows in the unescaped views as well
                if view in ('json', 'xml', 'percent') and 'plain' in forms:
                    continue
                forms.append(form)
        found += [Finding(place, canary, form) for form in forms]
    return found


def scan(paths, canaries, leave_out=()):
    """The findings in files, and in folders with all below them; also in the names of files. Paths in `leave_out`, and
    what lies below them, are not looked at. Raises ValueError if there was nothing to look at."""
    leave_out = {pathlib.Path(path).resolve() for path in leave_out}
    found, looked_at = [], 0
    for top in paths:
        top = pathlib.Path(top)
        files = [top] if top.is_file() else sorted(
            pathlib.Path(folder) / name for folder, _, names in os.walk(top) for name in names)
        for file in files:
            whole = file.resolve()
            if leave_out & {whole, *whole.parents} or not file.is_file():
                continue
            looked_at += 1
            found += scan_bytes(file.name.encode(), canaries, f'name of {file}')
            found += scan_bytes(file.read_bytes(), canaries, str(file))
    if looked_at == 0:
        raise ValueError('there is no file to look at: ' + ', '.join(map(str, paths)))
    return found


def main():
    options = argparse.ArgumentParser(description='Searches files for strings that must not be there.')
    options.add_argument('--canaries', required=True, help='a file with one canary a line')
    options.add_argument('--leave-out', action='append', default=[], metavar='PATH')
    options.add_argument('paths', nargs='+', metavar='PATH')
    given = options.parse_args()
    canaries = pathlib.Path(given.canaries).read_text().splitlines()
    found = scan(given.paths, [canary for canary in canaries if canary], given.leave_out)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())

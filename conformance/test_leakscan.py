"""The scan finds what is planted, in every form: else the leak tests would prove nothing."""
import base64
import json
import urllib.parse

import pytest

import leakscan

CANARY = 'CANARY/auth info+7f3a<ü'


def _jws(payload):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')
    return part(b'{"alg":"EdDSA"}') + b'.' + part(payload) + b'.' + part(b'x' * 64)


FORMS = {
    'plain': lambda text: text.encode(),
    'plain in capitals': lambda text: text.upper().encode(),
    'hex': lambda text: text.encode().hex().encode(),
    'hex in capitals': lambda text: text.encode().hex().upper().encode(),
    'JSON with non-ASCII escaped': lambda text: json.dumps(text).encode(),
    'JSON with all escaped': lambda text: ''.join(f'\\u{ord(c):04x}' for c in text).encode(),
    'JSON with all escaped, digits in capitals': lambda text: ''.join(f'\\u{ord(c):04X}' for c in text).encode(),
    'JSON with slashes escaped': lambda text: json.dumps(text, ensure_ascii=False).replace('/', '\\/').encode(),
    'XML': lambda text: text.replace('<', '&lt;').encode(),
    'XML with all escaped': lambda text: ''.join(f'&#{ord(c)};' for c in text).encode(),
    'XML with all escaped in hex': lambda text: ''.join(f'&#x{ord(c):X};' for c in text).encode(),
    'percent': lambda text: urllib.parse.quote(text, safe='').encode(),
    'UTF-16LE': lambda text: text.encode('utf-16-le'),
    'UTF-16BE': lambda text: text.encode('utf-16-be'),
    'a JWS payload': lambda text: _jws(b'{"a":"' + text.encode() + b'"}'),
    'an escaped JWS payload': lambda text: _jws(json.dumps(text).encode()),
    'a JWS behind letters': lambda text: b'example.org' + _jws(text.encode()),
    'base64 of UTF-16': lambda text: base64.b64encode(text.encode('utf-16-le')),
}
for before in range(3):
    FORMS[f'base64 behind {before} bytes'] = \
        lambda text, n=before: base64.b64encode(b'#' * n + text.encode() + b'##')
    FORMS[f'base64url behind {before} bytes'] = \
        lambda text, n=before: base64.urlsafe_b64encode(b'#' * n + text.encode() + b'##')
    FORMS[f'base64 in lines behind {before} bytes'] = \
        lambda text, n=before: base64.encodebytes(b'#' * (50 + n) + text.encode())


@pytest.mark.parametrize('form', FORMS)
def test_a_canary_is_found_in_each_form(form):
    data = b'\0\xff before ' + FORMS[form](CANARY) + b' after \0'
    found = leakscan.scan_bytes(data, ['CANARY-not-there', CANARY], 'here')
    assert {finding.canary for finding in found} == {CANARY}


@pytest.mark.parametrize('form', FORMS)
def test_a_canary_that_lacks_its_end_is_not_found(form):
    data = b'\0\xff before ' + FORMS[form](CANARY[:-4]) + b' after \0'
    assert leakscan.scan_bytes(data, [CANARY], 'here') == []


def test_a_finding_tells_place_and_form(tmp_path):
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'file').write_bytes(b'x' + bytes(100000) + _jws(b'"CANARY-7f3a"'))
    found = leakscan.scan([tmp_path], ['CANARY-7f3a'])
    assert leakscan.Finding(f'{tmp_path}/deep/file, payload of JWS 0', 'CANARY-7f3a', 'plain') in found


def test_names_of_files_are_scanned_too(tmp_path):
    (tmp_path / 'canary-7F3A.log').write_bytes(b'')
    assert [finding.form for finding in leakscan.scan([tmp_path], ['CANARY-7f3a'])] == ['plain']


def test_what_is_left_out_is_not_scanned(tmp_path):
    (tmp_path / 'keys').mkdir()
    (tmp_path / 'keys' / 'a').write_bytes(b'CANARY-7f3a')
    (tmp_path / 'other').write_bytes(b'nothing')
    assert leakscan.scan([tmp_path], ['CANARY-7f3a'], leave_out=[tmp_path / 'keys']) == []


def test_a_scan_of_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError):
        leakscan.scan([tmp_path], ['CANARY-7f3a'])


def test_a_canary_too_short_to_tell_is_an_error():
    with pytest.raises(ValueError):
        leakscan.scan_bytes(b'x', ['abc'], 'here')

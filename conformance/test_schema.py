"""publisher/event.schema.json says all that an event can hold: whatever is published matches it, what must not be in an event does
not, and each word of it is met, or said to be met by nothing here."""
import base64
import copy
import json
import re

import pytest

import frames
import harness
from harness import REPOSITORY, Tap, Work, epptapctl, success, update_frames, wait_until

jsonschema = pytest.importorskip('jsonschema', reason='python3-jsonschema is not there: etc/install-deps installs it')

SCHEMA = json.loads((REPOSITORY / 'publisher' / 'event.schema.json').read_text())
SOURCES = {name: (REPOSITORY / name).read_text() for name in ('eppparse/change.c', 'publisher/feed_format.c', 'publisher/FEED.md')}
# Statuses as frames have them, and as events do.
STATUSES = re.findall(r'^\t{"(\w+)", "([\w ]+)"', SOURCES['eppparse/change.c'], re.M)
# What no event of this test has. test_gaps.py, test_quarantine.py and test_stores.py have these gaps; references to groups are added
# and removed, never replaced, no registry tells of them in a state, and no case takes a group of keys away.
NOT_MET = [f'gap/reason/{reason}' for reason in (
    'closed crash damaged disk_full frame_limit no_memory no_ticket out_of_step pipeline_limit queue_full record_limit'
    ' registrar_quota spool_limit spool_removed streams_limit undecodable unsigned').split()]
NOT_MET += ['removed/keygroup', 'set/nsgroup', 'set/keygroup', 'state/nsgroup', 'state/keygroup']


def _claims(jws):
    part = jws.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


def _published(work):
    return [_claims(line['jws']) for line in harness.feed_dump(work.config, 'vetted')]


def _large():
    """Changes whose lists don't fit, of each kind of list."""
    names = [f'ns{number:05}.hoster.example' for number in range(3000)]
    digests = [frames.ds(number, f'{number:064X}') for number in range(1, 1000)]
    keys = [frames.key(base64.b64encode(number.to_bytes(64, 'big')).decode()) for number in range(1, 1000)]
    yield frames.update_domain('large-names.example', names)
    yield frames.update_domain('large-digests.example', add_ds=digests)
    yield frames.update_domain('large-keys.example', add_ds=keys)
    addresses = ''.join(f'<h:addr ip="v6">2001:db8::{number:x}</h:addr>' for number in range(1, 5000))
    yield ('<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create><h:create xmlns:h="urn:ietf:params:xml:ns:host-1.0">'
           f'<h:name>large.example</h:name>{addresses}</h:create></create></command></epp>')


def _rare(tap):
    """What no golden case has."""
    tap.transaction(frames.update_domain('statuses.example', add_status=[epp for epp, _ in STATUSES]), success('S-statuses'))
    state = frames.registrys_change('state.example', svtrid='S-state').replace('<o:clID>', '<o:keyset>KEYS-1</o:keyset><o:clID>')
    keys = f'<s:infData xmlns:s="{frames.SECDNS}">{frames.key("A" * 86 + "==")}</s:infData>'
    tap.server_change(state.replace('<extension>', f'<extension>{keys}'))
    tap.transaction(frames.POLL, frames.message(frames.transfer_data('transfer.example', 'serverCancelled')))


@pytest.fixture(scope='module')
def events(tmp_path_factory):
    """The claims of all golden cases' events, of each of the tap's own, of commands that were broken off, and of what is cut."""
    work = Work(tmp_path_factory.mktemp('schema'))
    work.write_config(reorder='0s', **harness.all_own_words())
    epptapctl('keygen', work.path / 'next')
    with Tap(work.config) as tap:
        for step in harness.steps():
            tap.show(step)
        _rare(tap)
        for number, frame in enumerate(_large()):
            tap.transaction(frame, success(f'S-large-{number}'))
        tap.flush()
        tap.wait_told(60)
        epptapctl('test-event', work.config, 'Is it "heard"?')
        (work.path / 'next' / 'event.pem').replace(work.keys / 'event.pem')
        tap.reload()
        tap.begin(update_frames('begun.example')[0])
    with Tap(work.config):
        def told():
            kinds = [(kind, value.get('outcome')) for one in _published(work) for kind, value in one['events'].items()]
            return {('urn:epptap:verification', None), ('urn:epptap:key', None)} <= set(kinds) and \
                any(outcome == 'unknown' for _, outcome in kinds)
        wait_until('all is told', told, 60, every=0.3)
        (kid,) = {one['events']['urn:epptap:key']['kid'] for one in _published(work)
                  if one['events'].get('urn:epptap:key', {}).get('action') == 'retired'}
    epptapctl('revoke', work.config, kid)
    with Tap(work.config):
        wait_until('the revocation is told', lambda: any(one['events'].get('urn:epptap:key', {}).get('action') == 'revoked'
                                                         for one in _published(work)), 60, every=0.3)
    before = _published(work)
    epptapctl('new-log', work.config)
    with Tap(work.config):
        wait_until('the new log is told', lambda: 'urn:epptap:gap' in str(_published(work)), 60, every=0.3)
    return before + _published(work)


def _complaints(claims):
    return [f'{"/".join(map(str, error.absolute_path))}: {error.message[:300]}'
            for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(claims)]


def test_it_is_a_schema_and_refers_to_nothing_else():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA['$schema'] == 'https://json-schema.org/draft/2020-12/schema'
    text = json.dumps(SCHEMA)
    assert set(re.findall(r'"\$ref": "#/\$defs/([^"]*)"', text)) == set(SCHEMA['$defs'])
    assert '"$ref": "#/$defs/' in text and not re.search(r'"\$ref": "(?!#/\$defs/)', text)


def test_each_event_matches(events):
    assert len(events) > 280
    wrong = {json.dumps(claims): complaints for claims in events if (complaints := _complaints(claims))}
    assert wrong == {}


# That each word is met

def _walk(schema, path=()):
    """All that a schema names: (where, property) and (where, word of an enum). What conditions say is about these too, and names
    nothing new."""
    if isinstance(schema, list):
        for item in schema:
            yield from _walk(item, path)
    if not isinstance(schema, dict):
        return
    for key, item in schema.items():
        if key in ('properties', '$defs', 'patternProperties'):
            for name, inside in item.items():
                if key != '$defs' and schema.get('additionalProperties') is False:
                    yield path, name
                yield from _walk(inside, (name,) if key == '$defs' else (*path, name))
        elif key == 'enum':
            for word in item:
                yield path, word
        elif key in ('items', 'anyOf'):
            yield from _walk(item, path)


def _meeting(met):
    """A validator that notes what is met of what _walk() finds."""
    places = {}

    def place(schema, path=()):
        places[id(schema)] = path
        for key, item in schema.items():
            if key in ('properties', '$defs', 'patternProperties'):
                for name, inside in item.items():
                    if isinstance(inside, dict):
                        place(inside, (name,) if key == '$defs' else (*path, name))
            elif key == 'items':
                place(item, path)
            elif key == 'anyOf':
                for inside in item:
                    place(inside, path)
    place(SCHEMA)

    def noting(keyword, names):
        check = jsonschema.Draft202012Validator.VALIDATORS[keyword]

        def noted(validator, value, instance, schema):
            if id(schema) in places:
                met.update((places[id(schema)], name) for name in names(value, instance))
            yield from check(validator, value, instance, schema)
        return noted
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, {
        'properties': noting('properties', lambda value, instance: [name for name in value if name in instance]),
        'patternProperties': noting('patternProperties', lambda value, instance: [
            pattern for pattern in value if any(re.search(pattern, name) for name in instance)]),
        'enum': noting('enum', lambda value, instance: [word for word in value if word == instance])})(SCHEMA)


def test_each_word_of_it_is_met_by_an_event(events):
    met = set()
    validator = _meeting(met)
    for claims in events:
        validator.validate(claims)
    unmet = {'/'.join((*path, word)) for path, word in set(_walk(SCHEMA)) - met}
    assert sorted(unmet) == sorted(NOT_MET)


def test_its_words_are_those_of_the_code_and_of_the_documents():
    words = {name: SCHEMA['$defs'][name]['items']['enum'] for name in ('status', 'impact')}
    assert words['status'] == [rdap for _, rdap in STATUSES] + ['other']
    impacts = re.search(r'feed_impact_name\(.*?names\[\] = {(.*?)}', SOURCES['publisher/feed_format.c'], re.S)[1]
    assert words['impact'] == [word for word in re.findall(r'"([\w-]+)"', impacts) if word != 'none']  # which no event has
    reasons = SOURCES['publisher/FEED.md'].partition('| reason | what happened |')[2].partition('\n\n')[0]
    told = {word for cell in re.findall(r'^\| (`.*?) \|', reasons, re.M) for word in re.findall(r'`(\w+)`', cell)}
    assert told == set(SCHEMA['$defs']['gap']['properties']['reason']['enum'])


# What must not be in an event

def _example(**value):
    """A good one."""
    value = {'objectClassName': 'domain', 'ldhName': 'bank.example', 'registrar': 'Client X', 'initiator': 'registrar',
             'outcome': 'completed', 'impact': ['delegation'], 'add': {
                 'nameservers': [{'ldhName': 'ns1.bank.example', 'ipAddresses': {'v4': ['192.0.2.1'], 'v6': ['2001:db8::1']}}],
                 'secureDNS': {'dsData': [{'keyTag': 1, 'algorithm': 13, 'digestType': 2, 'digest': 'AB' * 32}]},
                 'status': ['client hold']}, 'prev': 'A' * 22, **value}
    return {'iss': harness.REGISTRY, 'jti': 'A' * 22, 'iat': 1795000000, 'toe': 1795000000.125, 'txn': 'S-1',
            'sub_id': {'format': 'uri', 'uri': 'dns:bank.example'},
            'events': {'urn:ietf:params:xml:ns:domain-1.0#update': value}}


VALUE = ('events', 'urn:ietf:params:xml:ns:domain-1.0#update')
NAMESERVER = (*VALUE, 'add', 'nameservers', 0)
DS = (*VALUE, 'add', 'secureDNS', 'dsData', 0)
TEXT = 'Jane Doe, 1 Street'
GONE = object()
# A place in the example, and what stands there instead.
WRONG = [
    (('exp',), 1), (('aud',), 'x'), (('sub',), 'x'), (('iss',), 'http://registry.example'), (('iss',), GONE), (('jti',), 'A' * 21),
    (('jti',), 'A' * 21 + 'B'), (('jti',), GONE), (('iat',), 1.5), (('iat',), '1795000000'), (('iat',), GONE), (('toe',), '1'),
    (('toe',), GONE), (('txn',), TEXT), (('txn',), 'jane@person.example'), (('txn',), ''), (('txn',), 'x' * 65), (('txn',), 1),
    (('sub_id',), 'dns:bank.example'), (('sub_id', 'format'), 'email'), (('sub_id', 'uri'), 'mailto:jane@person.example'),
    (('sub_id', 'uri'), 'dns:Bank.example'), (('sub_id', 'uri'), harness.REGISTRY), (('sub_id', 'email'), 'x'),
    (('events',), {}), (('events', 'urn:epptap:gap'), {'reason': 'crash', 'to': '2026-01-01T00:00:00.000Z'}),
    (('events', 'urn:ietf:params:xml:ns:contact-1.0#update'), {}), (('events', 'urn:ietf:params:xml:ns:domain-1.0#check'), {}),
    ((*VALUE, 'contact'), 'x'), ((*VALUE, 'registrant'), 'x'), ((*VALUE, 'clTRID'), 'x'), ((*VALUE, 'handle'), 'x'),
    ((*VALUE, 'objectClassName'), 'nameserver'), ((*VALUE, 'objectClassName'), 'entity'), ((*VALUE, 'objectClassName'), GONE),
    ((*VALUE, 'ldhName'), 'Bank.example'), ((*VALUE, 'ldhName'), 'bank.example.'), ((*VALUE, 'ldhName'), 'b\u00e4nk.example'),
    ((*VALUE, 'ldhName'), TEXT), ((*VALUE, 'ldhName'), GONE), ((*VALUE, 'ldhName'), 'x' * 64 + '.example'),
    ((*VALUE, 'unicodeName'), 'bank.example'), ((*VALUE, 'unicodeName'), 'b\u00e4nk and more'), ((*VALUE, 'registrar'), ' x'),
    ((*VALUE, 'registrar'), 'x\ny'), ((*VALUE, 'registrar'), 'J\u00e4ne'), ((*VALUE, 'registrar'), 'x' * 65),
    ((*VALUE, 'registrar'), 'x\n'), (('txn',), 'S-1\n'), ((*VALUE, 'ldhName'), 'a.example\n'),
    ((*VALUE, 'initiator'), 'registrant'), ((*VALUE, 'initiator'), GONE), ((*VALUE, 'outcome'), 'failed'),
    ((*VALUE, 'outcome'), GONE), ((*VALUE, 'impact'), []), ((*VALUE, 'impact'), ['lock', 'lock']), ((*VALUE, 'impact'), 'lock'),
    ((*VALUE, 'impact'), ['hijack']), ((*VALUE, 'add'), {}), ((*VALUE, 'add', 'contacts'), ['x']),
    ((*VALUE, 'add', 'nameservers'), []), ((*VALUE, 'add', 'nameservers'), ['ns1.bank.example']),
    ((*VALUE, 'add', 'nameservers'), 5), ((*VALUE, 'add', 'nameservers'), {'all': True}),
    ((*VALUE, 'add', 'ipAddresses'), {'v4': ['192.0.2.1']}), ((*VALUE, 'add', 'status'), [TEXT]),
    ((*VALUE, 'add', 'nsset'), [TEXT]), ((*VALUE, 'remove'), {'nameservers': {'all': False}}),
    ((*VALUE, 'remove'), {'status': {'all': True}}), ((*VALUE, 'set'), {}), ((*VALUE, 'set'), {'registrant': 'x'}),
    ((*VALUE, 'set'), {'expires': '2027-01-01'}), ((*VALUE, 'set'), {'ldhName': 'new.example'}),
    ((*VALUE, 'set'), {'maxSigLife': '1'}), ((*VALUE, 'changed'), ['password']), ((*VALUE, 'changed'), [{'registrant': TEXT}]),
    ((*VALUE, 'lock'), [{'action': 'lock', 'level': 'registrar', 'prohibits': []}]),
    ((*VALUE, 'lock'), [{'action': 'lock', 'level': 'registrar', 'prohibits': ['update'], 'reason': TEXT}]),
    ((*VALUE, 'transfer'), {'op': 'query'}), ((*VALUE, 'transfer'), {'gaining': 'x', 'authInfo': 'x'}),
    ((*VALUE, 'restore'), {'report': TEXT}), ((*VALUE, 'completes'), 'step 1'), ((*VALUE, 'prev'), 5),
    ((*VALUE, 'state'), {'known': ['contacts']}), ((*VALUE, 'truncated'), True), ((*VALUE, 'truncated'), False),
    ((*NAMESERVER, 'ldhName'), 'NS1.bank.example'), ((*NAMESERVER, 'ldhName'), GONE), ((*NAMESERVER, 'ttl'), 5),
    ((*NAMESERVER, 'ipAddresses', 'v4'), ['2001:db8::1']), ((*NAMESERVER, 'ipAddresses', 'v6'), ['192.0.2.1']),
    ((*NAMESERVER, 'ipAddresses'), {}), ((*DS, 'keyTag'), 65536), ((*DS, 'keyTag'), '1'), ((*DS, 'keyTag'), GONE),
    ((*DS, 'digest'), 'ab' * 32), ((*DS, 'digest'), GONE), ((*DS, 'algorithm'), True), ((*DS, 'comment'), TEXT),
]


def _with(claims, place, item):
    """The claims with another item at a place."""
    at = changed = copy.deepcopy(claims)
    for name in place[:-1]:
        at = at[name]
    if item is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = item
    return changed


def test_a_good_example_matches():
    assert _complaints(_example()) == []
    assert _complaints(_with(_with(_example(), (*VALUE, 'add', 'nameservers'), 5), (*VALUE, 'truncated'), True)) != []
    counted = {'nameservers': 3000, 'secureDNS': {'dsData': 5}, 'status': ['client hold']}
    assert _complaints(_example(add=counted, truncated=True)) == []


@pytest.mark.parametrize('place, item', WRONG, ids=lambda part: None)
def test_what_must_not_be_in_an_event_is_refused(place, item):
    assert _complaints(_with(_example(), place, item)) != []


OWN = {
    'urn:epptap:gap': ({'reason': 'crash', 'count': 1, 'from': '2026-01-01T00:00:00.000Z', 'to': '2026-01-01T00:00:01.000Z',
                        'registrar': 'Client X', 'txn': 'S-1'},
                       [{'reason': TEXT}, {'count': 0}, {'count': '1'}, {'from': '2026-01-01T00:00:00Z'}, {'txn': TEXT},
                        {'registrar': TEXT + '\n'}, {'frame': 'x'}]),
    'urn:epptap:key': ({'action': 'added', 'kid': 'A' * 43, 'jwk': {'kty': 'OKP', 'crv': 'Ed25519', 'kid': 'A' * 43, 'x': 'A' * 43,
                                                                     'use': 'sig'}},
                       [{'action': 'retired'}, {'action': 'removed'}, {'kid': 'A' * 42}, {'jwk': {'d': 'A' * 43}}, {'why': TEXT}]),
    'urn:epptap:verification': ({'state': 'Hello.'}, [{'state': ''}, {'state': 'x' * 129}, {'state': 'a\tb'}, {'who': 'x'}]),
}


@pytest.mark.parametrize('name', OWN)
def test_what_must_not_be_in_the_taps_own_events_is_refused(name):
    good, bad = OWN[name]
    claims = {**_example(), 'sub_id': {'format': 'uri', 'uri': harness.REGISTRY}, 'events': {name: good}}
    assert _complaints(claims) == []
    assert _complaints({**claims, 'sub_id': _example()['sub_id']}) != []
    for changes in bad:
        assert _complaints({**claims, 'events': {name: {**good, **changes}}}) != [], changes

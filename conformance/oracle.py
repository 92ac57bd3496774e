"""What the feed must say, derived from the journal of the reference front end alone.

Reads each journaled command and response with Python's ElementTree, by the feed's description. It shares no code with
the plugin or the publisher, so that both reading a frame wrong in the same way is unlikely.
"""
import ipaddress
import json
import pathlib
import re
from xml.etree import ElementTree

EPP, DOMAIN, HOST, SECDNS, RGP = (f'{{urn:ietf:params:xml:ns:{name}-1.{minor}}}' for name, minor in [
    ('epp', 0), ('domain', 0), ('host', 0), ('secDNS', 1), ('rgp', 0)])
IMPACTS = ('create delete restore renew transfer registrar delegation glue dnssec-added dnssec-changed dnssec-removed'
           ' lock unlock hold unhold contacts none').split()


def journal(path):
    """The journal's lines, as dicts; a last line that is not whole yet is left out."""
    whole = pathlib.Path(path).read_bytes().rpartition(b'\n')[0]
    return [json.loads(line) for line in whole.splitlines()]


def expected_events(path):
    """The events that the journal demands, in its order: claims without iss, jti, iat and toe; and the journal's times."""
    events = ((line, _event(line)) for line in journal(path))
    return [(event, line['time']) for line, event in events if event]


def take_chains(all_claims):
    """Takes `prev` out of each event: it must be the event before about the same object, until a completed delete ends the
    chain; a host takes its chain along to its new name."""
    last = {}
    for claims in all_claims:
        ((name, value),) = claims['events'].items()
        namespace, _, verb = name.partition('#')
        subject = (namespace, claims['sub_id']['uri'])
        if not verb:
            continue
        assert value.pop('prev', None) == last.pop(subject, None), subject
        if verb != 'delete' or value['outcome'] != 'completed':
            new_name = value.get('set', {}).get('ldhName')
            last[(namespace, f'dns:{new_name}') if new_name else subject] = claims['jti']


def _name(text):
    return text.strip().rstrip('.').lower()


def _without_empty(value):
    return {name: item for name, item in value.items() if item not in ({}, [], None)}


def _event(line):
    command = ElementTree.fromstring(line['command']).find(f'{EPP}command')
    response = ElementTree.fromstring(line['response']).find(f'{EPP}response')
    code = response.find(f'{EPP}result').get('code')
    verb = next(child for child in command if child.tag not in (f'{EPP}extension', f'{EPP}clTRID'))
    (order,) = verb
    namespace = order.tag[:order.tag.index('}') + 1]
    word = verb.tag.removeprefix(EPP)
    if namespace not in (DOMAIN, HOST) or code not in ('1000', '1001') or word in ('check', 'info'):
        return None
    name = _name(order.findtext(f'{namespace}name'))
    value = {
        'objectClassName': 'domain' if namespace == DOMAIN else 'nameserver',
        'ldhName': name,
        'registrar': line['registrar'],
        'initiator': 'registrar',
        'outcome': 'completed' if code == '1000' else 'pending',
        **(_domain if namespace == DOMAIN else _host)(word, order, command.find(f'{EPP}extension'), response),
    }
    value['impact'] = _impact(word, value)
    return {'txn': response.findtext(f'{EPP}trID/{EPP}svTRID'), 'sub_id': {'format': 'uri', 'uri': f'dns:{name}'},
            'events': {f'{namespace[1:-1]}#{word}': _without_empty(value)}}


def _domain(word, order, extension, response):
    extension = ElementTree.Element('none') if extension is None else extension
    secdns = extension.find(f'{SECDNS}{word}')
    secdns = ElementTree.Element('none') if secdns is None else secdns
    add = order if word == 'create' else order.find(f'{DOMAIN}add')
    remove = order.find(f'{DOMAIN}rem')
    value = {'add': _delta(add, secdns if word == 'create' else secdns.find(f'{SECDNS}add')),
             'remove': _delta(remove, secdns.find(f'{SECDNS}rem')),
             'set': _without_empty({'maxSigLife': _max_sig_life(secdns),
                                    'expires': _expires(response) if word in ('create', 'renew') else None}),
             'changed': _changed(order), 'lock': _locks(add, remove)}
    restore = extension.find(f'{RGP}update/{RGP}restore')
    if restore is not None:
        value['restore'] = restore.get('op')
    return value


def _host(word, order, _extension, _response):
    add = order if word == 'create' else order.find(f'{HOST}add')
    remove = order.find(f'{HOST}rem')
    new_name = order.findtext(f'{HOST}chg/{HOST}name')
    return {'add': _without_empty({'ipAddresses': _addresses(add), 'status': _statuses(add)}),
            'remove': _without_empty({'ipAddresses': _addresses(remove), 'status': _statuses(remove)}),
            'set': _without_empty({'ldhName': new_name and _name(new_name)}), 'lock': _locks(add, remove)}


def _addresses(part):
    found = {'v4': [], 'v6': []}
    for node in () if part is None else part.findall(f'{HOST}addr'):
        address = ipaddress.ip_address(node.text.strip())
        found[f'v{address.version}'].append(str(address))
    return _without_empty(found)


def _raw_statuses(part):
    return [] if part is None else [node.get('s') for space in (DOMAIN, HOST) for node in part.findall(f'{space}status')]


def _statuses(part):
    """RFC 8056: clientHold is `client hold`."""
    return sorted(re.sub('([A-Z])', r' \1', status).lower() for status in _raw_statuses(part))


def _locks(add, remove):
    locks = []
    for action, part in ('lock', add), ('unlock', remove):
        prohibited = sorted(re.findall(r'client([A-Z]\w+)Prohibited', ' '.join(_raw_statuses(part))))
        if prohibited:
            locks.append({'action': action, 'level': 'registrar', 'prohibits': [word.lower() for word in prohibited]})
    return locks


def _delta(part, secdns):
    """What one side of a domain's change brings or takes."""
    names = [] if part is None else [_name(node.text) for node in part.findall(f'{DOMAIN}ns/{DOMAIN}hostObj')]
    return _without_empty({'nameservers': [{'ldhName': name} for name in names], 'secureDNS': _secure_dns(secdns),
                           'status': _statuses(part)})


def _secure_dns(part):
    if part is None:
        return {}
    ds = [{'keyTag': int(node.findtext(f'{SECDNS}keyTag')), 'algorithm': int(node.findtext(f'{SECDNS}alg')),
           'digestType': int(node.findtext(f'{SECDNS}digestType')), 'digest': node.findtext(f'{SECDNS}digest').upper()}
          for node in part.findall(f'{SECDNS}dsData')]
    keys = [{'flags': int(node.findtext(f'{SECDNS}flags')), 'protocol': int(node.findtext(f'{SECDNS}protocol')),
             'algorithm': int(node.findtext(f'{SECDNS}alg')), 'publicKey': node.findtext(f'{SECDNS}pubKey')}
            for node in part.findall(f'{SECDNS}keyData')]
    return _without_empty({'all': True if part.findtext(f'{SECDNS}all') in ('1', 'true') else None,
                           'dsData': ds, 'keyData': keys})


def _max_sig_life(secdns):
    text = next((node.text for node in secdns.iter(f'{SECDNS}maxSigLife')), None)
    return text and int(text)


def _expires(response):
    """RFC 3339 without fractions."""
    return re.sub(r'\.\d+Z$', 'Z', next(response.iter(f'{DOMAIN}exDate')).text)


def _changed(order):
    tags = {node.tag.removeprefix(DOMAIN) for node in order.iter()}
    return [told for told, tag in [('registrant', 'registrant'), ('contacts', 'contact'), ('authInfo', 'authInfo')]
            if tag in tags]


def _impact(word, value):
    add, remove, changed = value['add'], value['remove'], value.get('changed', [])
    removes_hold, adds_hold = ('client hold' in side.get('status', []) for side in (remove, add))
    added, removed = ('secureDNS' in side for side in (add, remove))
    actions = {lock['action'] for lock in value['lock']}
    found = {
        word: word in ('create', 'delete', 'renew'),
        'restore': 'restore' in value,
        'delegation': 'nameservers' in add or 'nameservers' in remove or 'ldhName' in value['set'],
        'glue': 'ipAddresses' in add or 'ipAddresses' in remove,
        'dnssec-added': added and not removed,
        'dnssec-removed': removed and not added,
        'dnssec-changed': added and removed or not added and not removed and 'maxSigLife' in value['set'],
        'lock': 'lock' in actions,
        'unlock': 'unlock' in actions,
        'hold': adds_hold,
        'unhold': removes_hold,
        'contacts': word == 'update' and bool({'registrant', 'contacts'} & set(changed)),
    }
    return [impact for impact in IMPACTS if found.get(impact)]

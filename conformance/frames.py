"""EPP commands as a registrar writes them (RFC 5730 to 5733, 5910, 3915), and a client that answers with codes.

Only what the system tests need: names, nameservers, DS, statuses, contacts. Text is not escaped: give it none to escape.
"""
import re

DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0'
HOST = 'urn:ietf:params:xml:ns:host-1.0'
CONTACT = 'urn:ietf:params:xml:ns:contact-1.0'
SECDNS = 'urn:ietf:params:xml:ns:secDNS-1.1'
RGP = 'urn:ietf:params:xml:ns:rgp-1.0'


def _command(verb, namespace, content, extension=''):
    if extension:
        extension = f'<extension>{extension}</extension>'
    return (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><{verb}><o:{verb} xmlns:o="{namespace}">{content}'
            f'</o:{verb}></{verb}>{extension}<clTRID>test</clTRID></command></epp>')


def _part(name, content):
    return f'<o:{name}>{content}</o:{name}>' if content else ''


def _nameservers(names):
    return _part('ns', ''.join(f'<o:hostObj>{name}</o:hostObj>' for name in names))


def _statuses(names):
    return ''.join(f'<o:status s="{name}"/>' for name in names)


def _contacts(pairs):
    return ''.join(f'<o:contact type="{kind}">{handle}</o:contact>' for kind, handle in pairs)


def _addresses(addresses):
    return ''.join(f'<o:addr ip="{"v6" if ":" in text else "v4"}">{text}</o:addr>' for text in addresses)


def ds(key_tag, digest='AB' * 32):
    """A DS record, for the arguments `ds`, `add_ds` and `remove_ds`."""
    return (f'<s:dsData><s:keyTag>{key_tag}</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType>'
            f'<s:digest>{digest}</s:digest></s:dsData>')


def key(bytes_in_base64):
    """A DNSKEY, for the same arguments."""
    return ('<s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>13</s:alg>'
            f'<s:pubKey>{bytes_in_base64}</s:pubKey></s:keyData>')


def create_domain(name, nameservers=(), ds=(), registrant=None, contacts=(), max_sig_life=None, password='made-up'):
    secdns = ''.join(ds)
    if secdns:
        life = f'<s:maxSigLife>{max_sig_life}</s:maxSigLife>' if max_sig_life else ''
        secdns = f'<s:create xmlns:s="{SECDNS}">{life}{secdns}</s:create>'
    return _command('create', DOMAIN, f'<o:name>{name}</o:name>' + _nameservers(nameservers)
                    + _part('registrant', registrant) + _contacts(contacts)
                    + f'<o:authInfo><o:pw>{password}</o:pw></o:authInfo>', secdns)


def update_domain(name, add_ns=(), remove_ns=(), add_status=(), remove_status=(), add_contacts=(), remove_contacts=(),
                  registrant=None, password=None, add_ds=(), remove_ds=(), remove_all_ds=False, max_sig_life=None):
    change = _part('registrant', registrant)
    if password:
        change += f'<o:authInfo><o:pw>{password}</o:pw></o:authInfo>'
    removed = '<s:all>true</s:all>' if remove_all_ds else ''.join(remove_ds)
    secdns = ''.join(f'<s:{part}>{content}</s:{part}>' for part, content in [
        ('rem', removed), ('add', ''.join(add_ds)),
        ('chg', f'<s:maxSigLife>{max_sig_life}</s:maxSigLife>' if max_sig_life else '')] if content)
    if secdns:
        secdns = f'<s:update xmlns:s="{SECDNS}">{secdns}</s:update>'
    return _command('update', DOMAIN, f'<o:name>{name}</o:name>'
                    + _part('add', _nameservers(add_ns) + _contacts(add_contacts) + _statuses(add_status))
                    + _part('rem', _nameservers(remove_ns) + _contacts(remove_contacts) + _statuses(remove_status))
                    + _part('chg', change), secdns)


def restore_domain(name):
    return _command('update', DOMAIN, f'<o:name>{name}</o:name><o:chg/>',
                    f'<r:update xmlns:r="{RGP}"><r:restore op="request"/></r:update>')


def renew_domain(name, expires_on):
    return _command('renew', DOMAIN, f'<o:name>{name}</o:name><o:curExpDate>{expires_on}</o:curExpDate>'
                    '<o:period unit="y">1</o:period>')


def delete_domain(name):
    return _command('delete', DOMAIN, f'<o:name>{name}</o:name>')


def check_domain(name):
    return _command('check', DOMAIN, f'<o:name>{name}</o:name>')


def info_domain(name):
    return _command('info', DOMAIN, f'<o:name>{name}</o:name>')


def create_host(name, addresses=()):
    return _command('create', HOST, f'<o:name>{name}</o:name>' + _addresses(addresses))


def update_host(name, add=(), remove=(), add_status=(), new_name=None):
    return _command('update', HOST, f'<o:name>{name}</o:name>' + _part('add', _addresses(add) + _statuses(add_status))
                    + _part('rem', _addresses(remove)) + _part('chg', _part('name', new_name)))


def delete_host(name):
    return _command('delete', HOST, f'<o:name>{name}</o:name>')


def create_contact(handle):
    return _command('create', CONTACT, f'<o:id>{handle}</o:id><o:postalInfo type="int"><o:name>Nobody</o:name><o:addr>'
                    '<o:city>Nowhere</o:city><o:cc>DE</o:cc></o:addr></o:postalInfo><o:email>nobody@mail.example</o:email>'
                    '<o:authInfo><o:pw>made-up</o:pw></o:authInfo>')


POLL = '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><poll op="req"/><clTRID>test</clTRID></command></epp>'
NO_MESSAGE = ('<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1300"><msg>None</msg></result>'
              '<trID><svTRID>poll</svTRID></trID></response></epp>')


def message(data, extension='', svtrid='poll', number=1):
    """The response to a poll, with a message in the queue."""
    if extension:
        extension = f'<extension>{extension}</extension>'
    return (f'<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1301"><msg>Ack</msg></result>'
            f'<msgQ id="{number}" count="{number}"><qDate>2026-01-02T03:04:05Z</qDate><msg>News</msg></msgQ>'
            f'<resData>{data}</resData>{extension}<trID><svTRID>{svtrid}</svTRID></trID></response></epp>')


def pending_done(name, svtrid, result=True):
    """The end of the pending command `svtrid` about a domain: it is done, or refused."""
    return message(f'<o:panData xmlns:o="{DOMAIN}"><o:name paResult="{int(result)}">{name}</o:name><o:paTRID>'
                   f'<clTRID>test</clTRID><svTRID>{svtrid}</svTRID></o:paTRID><o:paDate>2026-01-02T03:04:05Z</o:paDate>'
                   '</o:panData>')


def transfer_data(name, status, gaining='ClientX', losing='ClientY'):
    return (f'<o:trnData xmlns:o="{DOMAIN}"><o:name>{name}</o:name><o:trStatus>{status}</o:trStatus><o:reID>{gaining}</o:reID>'
            f'<o:reDate>2026-01-01T00:00:00Z</o:reDate><o:acID>{losing}</o:acID><o:acDate>2026-01-06T00:00:00Z</o:acDate>'
            '</o:trnData>')


def registrys_change(name, nameservers=(), statuses=('ok',), state='after', operation='update', svtrid='registry-1',
                     who='CANARY Person'):
    """What the registry did itself (RFC 8590), as its poll message."""
    return message(f'<o:infData xmlns:o="{DOMAIN}"><o:name>{name}</o:name><o:roid>R-1</o:roid>' + _statuses(statuses)
                   + _nameservers(nameservers) + '<o:clID>ClientX</o:clID></o:infData>',
                   f'<c:changeData xmlns:c="urn:ietf:params:xml:ns:changePoll-1.0" state="{state}">'
                   f'<c:operation>{operation}</c:operation><c:date>2026-01-02T03:04:05Z</c:date><c:svTRID>{svtrid}</c:svTRID>'
                   f'<c:who>{who}</c:who><c:caseId type="udrp">{who}</c:caseId><c:reason>{who}</c:reason></c:changeData>')


def code_of(response):
    return int(re.search(rb'<result code="(\d{4})"', response)[1])


def do(client, *commands):
    """Sends commands that must succeed, one by one; the last response."""
    for command in commands:
        response = client.command(command)
        if code_of(response) not in (1000, 1001):
            raise AssertionError(f'{command}\nwas answered\n{response.decode()}')
    return response


def expires_on(client, name):
    """The day on which a domain expires, as its registrar is told."""
    return re.search(rb'<domain:exDate>(\d{4}-\d\d-\d\d)', client.command(info_domain(name), 1000))[1].decode()

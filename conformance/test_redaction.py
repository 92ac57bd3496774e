"""Redaction by construction: what a change holds, as the compiler saw it, and who writes the three texts that are in it.

eppparse/test/test_allow_list.c walks the other half of it, the table by which frames are read.
"""
import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

from harness import REPOSITORY, built

# All that a struct change may be made of. A member of another type makes these tests fail: if it is neither a name, an
# address, a number, hex, a base64 key, a date, a token of a known set nor a bounded id, it does not belong there.
STRUCTS = {'change', 'change_delta', 'change_locks', 'change_transfer', 'change_reference', 'change_name', 'change_token',
           'change_registrar', 'change_address', 'change_ds', 'change_key'}
# Members that are arrays, and of how many bytes: the texts, each of which has one function that judges what goes in, and
# what is binary.
TEXTS = {('change_name', 'text'): 254, ('change_token', 'text'): 65, ('change_registrar', 'text'): 65}
BYTES = {('change_address', 'bytes'): 16, ('change_ds', 'digest'): 64, ('change_key', 'bytes'): 4096}
# What lists are made of.
ITEMS = {'change_name', 'change_address', 'change_ds', 'change_key', 'change_reference'}
NUMBERS = {'_Bool', 'unsigned int', 'uint8_t', 'uint16_t', 'uint32_t', 'int64_t'}
ENUMS = {'change_object', 'change_verb', 'change_outcome', 'change_initiator', 'change_restore', 'change_transfer_op',
         'change_transfer_status', 'change_state_at'}

# Who else writes into a member called `text`, and why that is well.
WRITERS = {
    ('publisher/batch_change.c', 'describe'),  # of a batch's item, from a change's handle
    ('publisher/note.c', 'signed_note_parse'),  # of a signed note, which is another struct
}
COPIES = 'mem(?:p?cpy|move|ccpy)|st[rp]n?cpy|strl?n?cat|strlcpy|v?sn?printf|gets|fgets|fread|read|recv'


def name_of(entry):
    attribute = entry.attributes.get('DW_AT_name')
    return attribute.value.decode() if attribute else ''


def type_of(entry):
    return entry.get_DIE_from_attribute('DW_AT_type') if 'DW_AT_type' in entry.attributes else None


def members_of(struct):
    return [child for child in struct.iter_children() if child.tag == 'DW_TAG_member']


def is_list(struct):
    """Of CHANGE_LIST: items of a kind that may be, and how many."""
    members = {name_of(member): type_of(member) for member in members_of(struct)}
    if name_of(struct) or list(members) != ['items', 'count', 'capacity']:
        return False
    items = type_of(members['items']) if members['items'].tag == 'DW_TAG_pointer_type' else None
    return (items is not None and items.tag == 'DW_TAG_structure_type' and name_of(items) in ITEMS and
            {name_of(members[name]) for name in ('count', 'capacity')} == {'size_t'})


def array_bytes(array):
    """How many bytes an array of bytes has; None if it is another."""
    element = type_of(array)
    sizes = [child.attributes for child in array.iter_children() if child.tag == 'DW_TAG_subrange_type']
    if name_of(element) not in ('char', 'uint8_t') or len(sizes) != 1:
        return None
    if 'DW_AT_count' in sizes[0]:
        return sizes[0]['DW_AT_count'].value
    return sizes[0]['DW_AT_upper_bound'].value + 1 if 'DW_AT_upper_bound' in sizes[0] else None


def complaints(struct, seen=None):
    """What is in the struct, and in those that are in it, that may not be: one line for each member."""
    seen = set() if seen is None else seen
    outer = name_of(struct)
    if outer in seen:
        return []
    seen.add(outer)
    found = []
    for member in members_of(struct):
        name, kind = name_of(member), type_of(member)
        where = f'{outer}.{name}'
        if 'DW_AT_bit_size' in member.attributes:
            found.append(f'{where}: a bit field')
        elif kind.tag == 'DW_TAG_structure_type' and name_of(kind) in STRUCTS:
            found += complaints(kind, seen)
        elif kind.tag == 'DW_TAG_structure_type' and is_list(kind):
            found += complaints(type_of(type_of(members_of(kind)[0])), seen)
        elif kind.tag == 'DW_TAG_array_type':
            allowed = (TEXTS if name_of(type_of(kind)) == 'char' else BYTES).get((outer, name))
            if allowed is None or allowed != array_bytes(kind):
                found.append(f'{where}: an array')
        elif kind.tag == 'DW_TAG_enumeration_type':
            if name_of(kind) not in ENUMS:
                found.append(f'{where}: enum {name_of(kind)}')
        elif kind.tag not in ('DW_TAG_base_type', 'DW_TAG_typedef') or name_of(kind) not in NUMBERS:
            found.append(f'{where}: {kind.tag} {name_of(kind)}')
    return found


def struct_of(path, name):
    """The struct of that name, as the debugging information of an object tells of it, and the open file that it is from."""
    file = open(path, 'rb')
    elf = ELFFile(file)
    assert elf.has_dwarf_info(), f'{path} has no debugging information: build it with -g'
    for unit in elf.get_dwarf_info().iter_CUs():
        for entry in unit.iter_DIEs():
            if (entry.tag == 'DW_TAG_structure_type' and name_of(entry) == name and
                    'DW_AT_declaration' not in entry.attributes):
                return entry, file
    raise AssertionError(f'{path} has no struct {name}')


def complaints_about(path):
    struct, file = struct_of(path, 'change')
    with file:
        return complaints(struct)


def test_a_change_has_no_member_that_can_hold_free_text():
    assert complaints_about(built('obj/eppparse/change_codec.o')) == []


def test_each_struct_of_a_change_is_met_and_each_array_is_there():
    """So that the walk is known to get everywhere, and its lists to hold nothing that is gone."""
    seen = set()
    struct, file = struct_of(built('obj/eppparse/change_codec.o'), 'change')
    with file:
        assert complaints(struct, seen) == []
    assert seen == STRUCTS


@pytest.mark.parametrize('member', [
    'char note[32];',
    'char letter;',
    'signed char letter;',
    'const char *note;',
    'void *note;',
    'char **notes;',
    'uint8_t note[32];',
    'uint32_t letters[8];',
    'unsigned char letter;',
    'wchar_t *note;',
    'float number;',
    'long long number;',
    'unsigned flag : 1;',
    'union { int64_t number; char text[8]; } either;',
    'struct { char text[65]; } note;',
    'struct note { char text[65]; } note;',
    'struct change_name { char text[255]; } name;',
    'struct change_name { char text[254]; char more[8]; } name;',
    'struct change_token { uint8_t text[65]; } token;',
    'struct { struct note *items; size_t count, capacity; } notes;',
    'struct { char *items; size_t count, capacity; } notes;',
    'struct { struct change_ds *items; size_t count, capacity; char note[8]; } list;',
    'struct change_delta { struct { struct change_key { char text[8]; } *items; size_t count, capacity; } keys; } add;',
    'enum note { NOTE } note;',
])
def test_a_member_that_could_is_found(member, tmp_path):
    source, made = tmp_path / 'change.c', tmp_path / 'change.o'
    source.write_text(f'#include <stddef.h>\n#include <stdint.h>\nstruct change {{ int64_t wall_us; {member} }} change;\n')
    subprocess.run(['cc', '-std=gnu11', '-g', '-c', '-o', made, source], check=True)
    assert complaints_about(made)


def functions(source):
    """Name and text of each function of a file of ours, whose bodies begin and end in the first column."""
    for found in re.finditer(r'^[a-z][^\n;=]*?\b(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}', source, re.MULTILINE | re.DOTALL):
        yield found.group(1), found.group(2)


def text_writers(source):
    """Functions that put something into a member called `text`: by a copy, or letter by letter."""
    copied = re.compile(rf'\b(?:{COPIES})\s*\(\s*\(?&?[^,;]*?(?:\.|->)text\b[^,;]*,')
    assigned = re.compile(r"(?:\.|->)text(?:\[[^]]*\])?\s*(?:[-+|&^]|<<|>>)?=(?!=|\s*'\\0';)")
    return {name for name, body in functions(source) if copied.search(body) or assigned.search(body)}


def test_only_the_reading_functions_write_a_changes_texts():
    written = set()
    for folder in ('eppparse', 'plugin', 'publisher'):
        for path in sorted((REPOSITORY / folder).glob('*.c')):
            written |= {(str(path.relative_to(REPOSITORY)), name) for name in text_writers(path.read_text())}
    assert written == WRITERS
    # whose bytes, names and ids, go through these alone
    source = (REPOSITORY / 'eppparse/change.c').read_text()
    handed = {name for name, body in functions(source) if re.search(r'\((?:\w+, )*(?:\w+)->text\b', body)}
    assert handed == {'change_name_read', 'change_token_read', 'change_registrar_read'}


@pytest.mark.parametrize('line', [
    'memcpy(change->name.text, bytes, size);',
    'strcpy(token->text, bytes);',
    'snprintf(change->registrar.text, sizeof change->registrar.text, "%s", bytes);',
    'memcpy(&name->text[at], bytes, size);',
    'memcpy(name->text + at, bytes, size);',
    'strncat(\n\t\tchange->transfer.gaining.text, bytes, size);',
    'name->text[at] = bytes[at];',
    "name->text[0] = 'x';",
])
def test_a_function_that_writes_one_is_found(line):
    assert text_writers(f'static int careless(struct change *change,\n\t\t    const char *bytes)\n{{\n\t{line}\n}}\n') == {
        'careless'}


@pytest.mark.parametrize('line', [
    "name->text[0] = '\\0';",
    'if (name->text[0] == bytes[0])\n\t\treturn;',
    'memcpy(bytes, name->text, size);',
    'put_text(into, name->text);',
])
def test_one_that_only_reads_or_empties_it_is_not(line):
    assert text_writers(f'static int careful(struct change *change)\n{{\n\t{line}\n}}\n') == set()

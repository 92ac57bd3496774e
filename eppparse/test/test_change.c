#include "eppparse/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void assert_name(const char *text, const char *expected)
{
	struct change_name name;
	assert_int_equal(change_name_read(&name, text, strlen(text)), RESULT_OK);
	assert_string_equal(name.text, expected);
}

static void assert_no_name(const char *text, size_t size)
{
	struct change_name name = {"stale"};
	assert_int_equal(change_name_read(&name, text, size), RESULT_INVALID);
	assert_string_equal(name.text, "");
}

static void names_are_lowered_and_lose_blanks_and_one_trailing_dot(void **state)
{
	(void)state;
	assert_name("example.org", "example.org");
	assert_name("EXAMPLE.Org", "example.org");
	assert_name("ns1.example.org.", "ns1.example.org");
	assert_name(" \t\r\nns1.example.org. \n", "ns1.example.org");
	assert_name("_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example");
	assert_name("a", "a");
	assert_name("0.1.2", "0.1.2");
	assert_name("-a-.example", "-a-.example");
	assert_name(" B\xc3\xbc\x63HER.Example.\n", "b\xc3\xbc\x63her.example");
}

static void what_is_no_host_name_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		".",
		"..",
		".example",
		"a..example",
		"example..",
		"a b.example",
		"b\xc3 .example",        /* a character cut short */
		"b\xbc.example",         /* and one without its start */
		"b\xc3\xbc\xbc.example", /* one too long */
		"\xc0\xae.example",      /* overlong dot */
		"\xe0\x80\xae.example",
		"\xf0\x80\x80\xae.example",
		"\xc2\x85.example",         /* a control */
		"\xed\xa0\x80.example",     /* a surrogate */
		"\xf4\x90\x80\x80.example", /* beyond Unicode */
		"\xff.example",
		"b\xc3\xbc cher.example",
		"b\xc3\xbc..example",
		"a/b.example",
		"a@b.example",
		"a:b",
		"<a>",
		"a\n.example",
		"\x7f",
		"a*",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_no_name(texts[i], strlen(texts[i]));
	assert_no_name("a\0b", 3);
	assert_no_name("a\0", 2);
}

static void a_label_has_at_most_63_bytes(void **state)
{
	char text[80];
	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text + 63, ".example", sizeof ".example");
	assert_name(text, text);
	memset(text, 'x', sizeof text);
	memcpy(text + 64, ".example", sizeof ".example");
	assert_no_name(text, strlen(text));
	memset(text, 'x', 64);
	assert_no_name(text, 64);
	assert_name("a.example", "a.example");
}

static void a_name_has_at_most_253_bytes_without_its_trailing_dot(void **state)
{
	char text[300];
	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 50 == 49 ? '.' : 'x';
	struct change_name name;
	assert_int_equal(change_name_read(&name, text, 253), RESULT_OK);
	assert_int_equal(strlen(name.text), 253);
	assert_no_name(text, 254);
	text[253] = '.';
	assert_int_equal(change_name_read(&name, text, 254), RESULT_OK);
	assert_int_equal(strlen(name.text), 253);
	text[254] = '.';
	assert_no_name(text, 255);
}

static void tokens_are_64_bytes_of_printable_ascii_at_most(void **state)
{
	char text[80];
	struct change_token token;
	(void)state;
	assert_int_equal(change_token_read(&token, "  SV-1~!\n", 9), RESULT_OK);
	assert_string_equal(token.text, "SV-1~!");
	memset(text, 'x', sizeof text);
	assert_int_equal(change_token_read(&token, text, 64), RESULT_OK);
	assert_int_equal(strlen(token.text), 64);
	assert_int_equal(change_token_read(&token, text, 65), RESULT_INVALID);
	assert_string_equal(token.text, "");
	static const char *const refused[] = {"",      "  ",       "a b",  "a\tb",
					      "a\x7f", "\xc3\xa9", "a\x01"};
	for (size_t i = 0; i < COUNT(refused); i++) {
		snprintf(token.text, sizeof token.text, "%s", "stale");
		assert_int_equal(change_token_read(&token, refused[i], strlen(refused[i])),
				 RESULT_INVALID);
		assert_string_equal(token.text, "");
	}
	assert_int_equal(change_token_read(&token, "a\0b", 3), RESULT_INVALID);
	assert_int_equal(change_token_read(&token, "a@b.example", 11), RESULT_INVALID);
	assert_string_equal(token.text, "");
}

static void a_registrar_may_have_single_spaces_within(void **state)
{
	struct change_registrar registrar;
	(void)state;
	assert_int_equal(change_registrar_read(&registrar, " Client X Ltd ", 14), RESULT_OK);
	assert_string_equal(registrar.text, "Client X Ltd");
	static const char *const refused[] = {"", " ", "a  b", "a\tb", "a\nb", "\xc3\xa9", "a\x7f"};
	for (size_t i = 0; i < COUNT(refused); i++) {
		snprintf(registrar.text, sizeof registrar.text, "%s", "stale");
		assert_int_equal(change_registrar_read(&registrar, refused[i], strlen(refused[i])),
				 RESULT_INVALID);
		assert_string_equal(registrar.text, "");
	}
	char text[80];
	memset(text, 'x', sizeof text);
	assert_int_equal(change_registrar_read(&registrar, text, 64), RESULT_OK);
	assert_int_equal(change_registrar_read(&registrar, text, 65), RESULT_INVALID);
}

static void each_status_is_found_by_its_name_and_no_other(void **state)
{
	(void)state;
	for (int i = 0; i < STATUS_COUNT; i++) {
		const struct change_status_info *info = change_status_info(i);
		assert_int_equal(change_status_find(info->epp, strlen(info->epp)), i);
		assert_int_equal(change_status_find(info->epp, strlen(info->epp) - 1),
				 STATUS_COUNT);
		assert_int_equal(info->lock != LEVEL_NONE, info->prohibits != 0);
	}
	assert_int_equal(change_status_find(" clientHold\n", 12), STATUS_CLIENT_HOLD);
	assert_int_equal(change_status_find("clienthold", 10), STATUS_COUNT);
	assert_int_equal(change_status_find("", 0), STATUS_COUNT);
}

static void a_status_says_what_it_locks_and_what_rdap_calls_it(void **state)
{
	const struct change_status_info *info =
		change_status_info(STATUS_SERVER_TRANSFER_PROHIBITED);
	(void)state;
	assert_string_equal(info->rdap, "server transfer prohibited");
	assert_int_equal(info->lock, LEVEL_REGISTRY);
	assert_int_equal(info->prohibits, PROHIBITS_TRANSFER);
	assert_false(info->hold);
	info = change_status_info(STATUS_CLIENT_HOLD);
	assert_string_equal(info->rdap, "client hold");
	assert_int_equal(info->lock, LEVEL_NONE);
	assert_true(info->hold);
	assert_string_equal(change_status_info(STATUS_LINKED)->rdap, "associated");
	assert_string_equal(change_status_info(STATUS_OK)->rdap, "active");
}

static void a_lock_is_of_a_level_and_prohibits_commands(void **state)
{
	struct change change;
	struct change_locks locks;
	(void)state;
	change_init(&change);
	change.add.status = 1u << STATUS_CLIENT_UPDATE_PROHIBITED | 1u << STATUS_SERVER_BLOCKED |
			    1u << STATUS_CLIENT_HOLD;
	change.remove.status = 1u << STATUS_CLIENT_DELETE_PROHIBITED |
			       1u << STATUS_CLIENT_RENEW_PROHIBITED | 1u << STATUS_DOMAIN_LOCKED;
	locks = change_locks_of(&change, LEVEL_REGISTRAR);
	assert_int_equal(locks.lock, PROHIBITS_UPDATE);
	assert_int_equal(locks.unlock, PROHIBITS_DELETE | PROHIBITS_RENEW);
	locks = change_locks_of(&change, LEVEL_REGISTRY);
	assert_int_equal(locks.lock, PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE);
	assert_int_equal(locks.unlock, PROHIBITS_DELETE | PROHIBITS_UPDATE);
	/* those of a registry lock are the registry's, beside its statuses */
	change.add.status = change.remove.status = 1u << STATUS_SERVER_RENEW_PROHIBITED;
	change.locks = (struct change_locks){.lock = PROHIBITS_UPDATE, .unlock = PROHIBITS_DELETE};
	locks = change_locks_of(&change, LEVEL_REGISTRY);
	assert_int_equal(locks.lock, PROHIBITS_RENEW | PROHIBITS_UPDATE);
	assert_int_equal(locks.unlock, PROHIBITS_RENEW | PROHIBITS_DELETE);
	locks = change_locks_of(&change, LEVEL_REGISTRAR);
	assert_int_equal(locks.lock | locks.unlock, 0);
}

static void each_word_of_a_known_set_stands_once(void **state)
{
	(void)state;
	assert_null(change_transfer_op_name(TRANSFER_NO_OP));
	for (int i = TRANSFER_REQUEST; i < TRANSFER_OPS; i++)
		for (int k = TRANSFER_REQUEST; k < i; k++)
			assert_string_not_equal(change_transfer_op_name(i),
						change_transfer_op_name(k));
	assert_null(change_transfer_status_name(TRANSFER_NO_STATUS));
	for (int i = TRANSFER_PENDING; i < TRANSFER_STATUSES; i++)
		for (int k = TRANSFER_PENDING; k < i; k++)
			assert_string_not_equal(change_transfer_status_name(i),
						change_transfer_status_name(k));
	for (int i = 0; i <= CHANGE_OBJECTS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(change_object_name(i), change_object_name(k));
	assert_string_equal(change_object_name(CHANGE_OBJECTS), "object");
}

static void add_host(struct change_delta *delta, const char *text)
{
	struct change_name *name;
	assert_int_equal(change_add_host(delta, &name), RESULT_OK);
	assert_int_equal(change_name_read(name, text, strlen(text)), RESULT_OK);
}

static void add_address(struct change_delta *delta, uint16_t host, uint8_t family, uint8_t last)
{
	struct change_address *address;
	assert_int_equal(change_add_address(delta, &address), RESULT_OK);
	address->host = host;
	address->family = family;
	address->bytes[family == 4 ? 3 : 15] = last;
}

static void add_secdns(struct change_delta *delta, uint8_t digest_size, uint16_t key_size)
{
	struct change_ds *ds;
	struct change_key *key;
	assert_int_equal(change_add_ds(delta, &ds), RESULT_OK);
	ds->key_tag = 12345;
	ds->algorithm = 13;
	ds->digest_type = 2;
	ds->digest_size = digest_size;
	memset(ds->digest, 0xa5, digest_size);
	assert_int_equal(change_add_key(delta, &key), RESULT_OK);
	key->flags = 257;
	key->protocol = 3;
	key->algorithm = 13;
	key->size = key_size;
	memset(key->bytes, 0x5a, key_size);
}

static void add_reference(struct change_delta *delta, enum change_object object, const char *id,
			  bool replaces)
{
	struct change_reference *reference;
	assert_int_equal(change_add_reference(delta, &reference), RESULT_OK);
	reference->object = (uint8_t)object;
	reference->replaces = replaces;
	snprintf(reference->id.text, sizeof reference->id.text, "%s", id);
}

static void fill_delta(struct change_delta *delta, uint8_t digest_size, uint16_t key_size)
{
	add_host(delta, "ns1.example.net");
	add_host(delta, "ns2.example.org");
	add_address(delta, 1, 4, 1);
	add_address(delta, 0, 6, 2);
	add_address(delta, CHANGE_NO_HOST, 6, 3);
	add_secdns(delta, digest_size, key_size);
	add_reference(delta, CHANGE_NSSET, "NSS-1", true);
	add_reference(delta, CHANGE_KEYGROUP, "", false);
	delta->status = 1u << STATUS_CLIENT_HOLD;
	delta->status_others = 3;
}

static void fill_transfer(struct change_transfer *transfer)
{
	transfer->op = TRANSFER_CANCEL;
	transfer->status = TRANSFER_SERVER_CANCELLED;
	snprintf(transfer->gaining.text, sizeof transfer->gaining.text, "%s", "Client X Ltd");
	snprintf(transfer->losing.text, sizeof transfer->losing.text, "%s", "ClientY");
	transfer->has_requested = transfer->has_acted = true;
	transfer->requested = INT64_MIN;
	transfer->acted = INT64_MAX;
}

/* A change with something in every member but the handle, which only what has no name has. */
static void fill(struct change *change, uint16_t key_size)
{
	change_init(change);
	snprintf(change->registrar.text, sizeof change->registrar.text, "%s", "Client X Ltd");
	snprintf(change->svtrid.text, sizeof change->svtrid.text, "%s", "SV-0001");
	change->object = CHANGE_HOST;
	change->verb = CHANGE_TRANSFER;
	change->outcome = CHANGE_REJECTED;
	change->initiator = CHANGE_BY_REGISTRY;
	change->is_message = true;
	snprintf(change->ends.text, sizeof change->ends.text, "%s", "SV-0000");
	change->restore = CHANGE_RESTORE_REPORT;
	snprintf(change->name.text, sizeof change->name.text, "%s", "b\xc3\xbc\x63her.example");
	fill_delta(&change->add, CHANGE_DIGEST_SIZE, key_size);
	change->add.all_hosts = true;
	fill_delta(&change->remove, 0, 1);
	change->remove.status = (1u << STATUS_COUNT) - 1;
	change->remove.all_secdns = true;
	change->state_at = STATE_AFTER;
	change->state_known = KNOWN_ALL;
	fill_delta(&change->state, 20, 2);
	change->locks = (struct change_locks){.lock = PROHIBITS_ALL, .unlock = PROHIBITS_RENEW};
	fill_transfer(&change->transfer);
	change->changed = CHANGED_ALL;
	snprintf(change->new_name.text, sizeof change->new_name.text, "%s", "ns9.example.org");
	change->has_max_sig_life = change->has_expires = change->has_done = true;
	change->max_sig_life = UINT32_MAX;
	change->expires = -1;
	change->done = 1806789600;
}

/* The same of an object that has a handle. */
static void fill_set(struct change *change, enum change_object object)
{
	fill(change, 8);
	change->object = object;
	change->name.text[0] = '\0';
	snprintf(change->handle.text, sizeof change->handle.text, "%s", "NSSET:1~X");
}

static void assert_same_delta(const struct change_delta *a, const struct change_delta *b)
{
	assert_int_equal(a->hosts.count, b->hosts.count);
	for (size_t i = 0; i < a->hosts.count; i++)
		assert_string_equal(a->hosts.items[i].text, b->hosts.items[i].text);
	assert_int_equal(a->addresses.count, b->addresses.count);
	for (size_t i = 0; i < a->addresses.count; i++) {
		assert_int_equal(a->addresses.items[i].host, b->addresses.items[i].host);
		assert_int_equal(a->addresses.items[i].family, b->addresses.items[i].family);
		assert_memory_equal(a->addresses.items[i].bytes, b->addresses.items[i].bytes, 16);
	}
	assert_int_equal(a->ds.count, b->ds.count);
	if (a->ds.count > 0)
		assert_memory_equal(a->ds.items, b->ds.items, a->ds.count * sizeof *a->ds.items);
	assert_int_equal(a->keys.count, b->keys.count);
	if (a->keys.count > 0)
		assert_memory_equal(a->keys.items, b->keys.items,
				    a->keys.count * sizeof *a->keys.items);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->status_others, b->status_others);
	assert_int_equal(a->references.count, b->references.count);
	for (size_t i = 0; i < a->references.count; i++) {
		assert_int_equal(a->references.items[i].object, b->references.items[i].object);
		assert_int_equal(a->references.items[i].replaces, b->references.items[i].replaces);
		assert_string_equal(a->references.items[i].id.text, b->references.items[i].id.text);
	}
	assert_int_equal(a->all_secdns, b->all_secdns);
	assert_int_equal(a->all_hosts, b->all_hosts);
}

static void assert_same_transfer(const struct change_transfer *a, const struct change_transfer *b)
{
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->status, b->status);
	assert_string_equal(a->gaining.text, b->gaining.text);
	assert_string_equal(a->losing.text, b->losing.text);
	assert_int_equal(a->has_requested, b->has_requested);
	assert_int_equal(a->requested, b->requested);
	assert_int_equal(a->has_acted, b->has_acted);
	assert_int_equal(a->acted, b->acted);
}

static void assert_same(const struct change *a, const struct change *b)
{
	assert_string_equal(a->registrar.text, b->registrar.text);
	assert_string_equal(a->svtrid.text, b->svtrid.text);
	assert_int_equal(a->object, b->object);
	assert_int_equal(a->verb, b->verb);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->initiator, b->initiator);
	assert_int_equal(a->is_message, b->is_message);
	assert_string_equal(a->ends.text, b->ends.text);
	assert_int_equal(a->restore, b->restore);
	assert_string_equal(a->name.text, b->name.text);
	assert_string_equal(a->handle.text, b->handle.text);
	assert_same_delta(&a->add, &b->add);
	assert_same_delta(&a->remove, &b->remove);
	assert_int_equal(a->state_at, b->state_at);
	assert_int_equal(a->state_known, b->state_known);
	assert_same_delta(&a->state, &b->state);
	assert_int_equal(a->locks.lock, b->locks.lock);
	assert_int_equal(a->locks.unlock, b->locks.unlock);
	assert_same_transfer(&a->transfer, &b->transfer);
	assert_int_equal(a->changed, b->changed);
	assert_string_equal(a->new_name.text, b->new_name.text);
	assert_int_equal(a->has_max_sig_life, b->has_max_sig_life);
	assert_int_equal(a->max_sig_life, b->max_sig_life);
	assert_int_equal(a->has_expires, b->has_expires);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->has_done, b->has_done);
	assert_int_equal(a->done, b->done);
}

static void assert_round_trip(const struct change *change)
{
	struct buffer bytes;
	struct change back;
	buffer_init(&bytes, 1 << 26);
	change_init(&back);
	change_encode(change, &bytes);
	assert_false(bytes.failed);
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_OK);
	assert_same(change, &back);
	/* into one that has been used */
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_OK);
	assert_same(change, &back);
	change_free(&back);
	buffer_free(&bytes);
}

static void a_change_with_everything_in_it_survives_the_codec(void **state)
{
	struct change change;
	(void)state;
	fill(&change, CHANGE_KEY_SIZE);
	assert_round_trip(&change);
	change_free(&change);
}

static void each_object_and_each_word_of_a_known_set_survives_the_codec(void **state)
{
	struct change change;
	(void)state;
	for (int i = CHANGE_NSSET; i < CHANGE_OBJECTS; i++) {
		fill_set(&change, i);
		assert_round_trip(&change);
		change_free(&change);
	}
	fill(&change, 8);
	for (int i = 0; i < CHANGE_VERBS; i++) {
		change.verb = i;
		assert_round_trip(&change);
	}
	for (int i = 0; i < CHANGE_OUTCOMES; i++) {
		change.outcome = i;
		assert_round_trip(&change);
	}
	for (int i = 0; i < TRANSFER_OPS; i++) {
		change.transfer.op = i;
		assert_round_trip(&change);
	}
	for (int i = 0; i < TRANSFER_STATUSES; i++) {
		change.transfer.status = i;
		assert_round_trip(&change);
	}
	for (unsigned i = 0; i <= KNOWN_ALL; i++) {
		change.state_known = i;
		assert_round_trip(&change);
	}
	for (int i = 0; i < STATE_COUNT; i++) {
		change.state_at = i;
		assert_round_trip(&change);
	}
	change_free(&change);
}

static void a_change_with_next_to_nothing_in_it_survives_the_codec(void **state)
{
	struct change change;
	(void)state;
	change_init(&change);
	snprintf(change.name.text, sizeof change.name.text, "%s", "a");
	assert_round_trip(&change);
	change.outcome = CHANGE_UNKNOWN;
	assert_round_trip(&change);
	change_free(&change);
}

static void full_lists_survive_the_codec(void **state)
{
	struct change change;
	(void)state;
	change_init(&change);
	snprintf(change.name.text, sizeof change.name.text, "%s", "example.org");
	for (int i = 0; i < CHANGE_LIST_MAX; i++) {
		add_host(&change.add, "ns1.example.net");
		add_address(&change.add, CHANGE_LIST_MAX - 1, 4, 1);
		add_secdns(&change.add, 32, 64);
		add_reference(&change.state, CHANGE_NSGROUP, "G", false);
		change.add.addresses.items[i].host = (uint16_t)i;
	}
	assert_round_trip(&change);
	change_free(&change);
}

static void every_truncated_encoding_is_refused_and_so_is_a_longer_one(void **state)
{
	struct change change, back;
	struct buffer bytes;
	(void)state;
	fill(&change, 8);
	buffer_init(&bytes, 1 << 16);
	change_encode(&change, &bytes);
	change_init(&back);
	assert_int_equal(change_decode(&back, NULL, 0), RESULT_INVALID);
	for (size_t size = 0; size < bytes.size; size++) {
		/* a copy of its own size, so that a sanitizer sees a read past it */
		void *cut = malloc(size ? size : 1);
		memcpy(cut, bytes.data, size);
		assert_int_equal(change_decode(&back, cut, size), RESULT_INVALID);
		free(cut);
	}
	buffer_append_byte(&bytes, 0);
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_INVALID);
	change_free(&back);
	buffer_free(&bytes);
	change_free(&change);
}

/* A bit flip is either refused or gives a change that holds what changes may hold. */
static void random_bit_flips_give_a_valid_change_or_none(void **state)
{
	struct change change, back, again;
	struct buffer bytes, other;
	unsigned refused = 0, taken = 0, seed = 1;
	(void)state;
	fill(&change, 8);
	buffer_init(&bytes, 1 << 16);
	buffer_init(&other, 1 << 20);
	change_encode(&change, &bytes);
	change_init(&back);
	change_init(&again);
	for (int round = 0; round < 20000; round++) {
		buffer_reset(&other);
		buffer_append(&other, bytes.data, bytes.size);
		for (int flips = 1 + rand_r(&seed) % 4; flips > 0; flips--)
			other.data[(size_t)rand_r(&seed) % other.size] ^=
				(char)(1 << rand_r(&seed) % 8);
		if (change_decode(&back, other.data, other.size) != RESULT_OK) {
			refused++;
			continue;
		}
		taken++;
		buffer_reset(&other);
		change_encode(&back, &other);
		assert_int_equal(change_decode(&again, other.data, other.size), RESULT_OK);
		assert_same(&back, &again);
		for (size_t i = 0; i < back.add.addresses.count; i++)
			assert_true(back.add.addresses.items[i].host < back.add.hosts.count ||
				    back.add.addresses.items[i].host == CHANGE_NO_HOST);
	}
	assert_true(refused > 1000);
	assert_true(taken > 1000);
	buffer_free(&bytes);
	buffer_free(&other);
	change_free(&back);
	change_free(&again);
	change_free(&change);
}

/* Breaks one member of a good change, encodes it, and expects the decoder to refuse. */
static void assert_refused(void (*break_it)(struct change *change))
{
	struct change change, back;
	struct buffer bytes;
	fill(&change, 8);
	break_it(&change);
	buffer_init(&bytes, 1 << 16);
	change_encode(&change, &bytes);
	change_init(&back);
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_INVALID);
	change_free(&back);
	buffer_free(&bytes);
	change_free(&change);
}

static void break_object(struct change *change)
{
	change->object = CHANGE_OBJECTS;
}
static void break_verb(struct change *change)
{
	change->verb = CHANGE_VERBS;
}
static void break_outcome(struct change *change)
{
	change->outcome = CHANGE_OUTCOMES;
}
static void break_restore(struct change *change)
{
	change->restore = CHANGE_RESTORES;
}
static void break_name(struct change *change)
{
	change->name.text[0] = '\0';
}
static void break_name_with_text(struct change *change)
{
	snprintf(change->name.text, sizeof change->name.text, "%s", "Kanari Vogelsang");
}
static void break_new_name(struct change *change)
{
	snprintf(change->new_name.text, sizeof change->new_name.text, "%s", "not a name");
}
static void break_registrar(struct change *change)
{
	snprintf(change->registrar.text, sizeof change->registrar.text, "%s", "two  blanks");
}
static void break_svtrid(struct change *change)
{
	snprintf(change->svtrid.text, sizeof change->svtrid.text, "%s", "two words");
}
static void break_status(struct change *change)
{
	change->add.status = 1u << STATUS_COUNT;
}
static void break_status_of_state(struct change *change)
{
	change->state.status = 1u << STATUS_COUNT;
}
static void break_changed(struct change *change)
{
	change->changed = CHANGED_ALL + 1;
}
static void break_initiator(struct change *change)
{
	change->initiator = CHANGE_INITIATORS;
}
static void break_ends(struct change *change)
{
	snprintf(change->ends.text, sizeof change->ends.text, "%s", "kanari@person.example");
}
static void break_name_with_a_handle(struct change *change)
{
	snprintf(change->handle.text, sizeof change->handle.text, "%s", "NSS-1");
}
static void break_set_without_a_handle(struct change *change)
{
	change->object = CHANGE_NSSET;
	change->name.text[0] = '\0';
}
static void break_set_with_a_name(struct change *change)
{
	break_name_with_a_handle(change);
	change->object = CHANGE_KEYGROUP;
}
static void break_handle(struct change *change)
{
	change->object = CHANGE_NSSET;
	change->name.text[0] = '\0';
	snprintf(change->handle.text, sizeof change->handle.text, "%s", "two words");
}
static void break_state_at(struct change *change)
{
	change->state_at = STATE_COUNT;
}
static void break_state_known(struct change *change)
{
	change->state_known = KNOWN_ALL + 1;
}
static void break_lock(struct change *change)
{
	change->locks.lock = PROHIBITS_ALL + 1;
}
static void break_unlock(struct change *change)
{
	change->locks.unlock = 0xff;
}
static void break_transfer_op(struct change *change)
{
	change->transfer.op = TRANSFER_OPS;
}
static void break_transfer_status(struct change *change)
{
	change->transfer.status = TRANSFER_STATUSES;
}
static void break_gaining(struct change *change)
{
	snprintf(change->transfer.gaining.text, sizeof change->transfer.gaining.text, "%s", "a\tb");
}
static void break_losing(struct change *change)
{
	snprintf(change->transfer.losing.text, sizeof change->transfer.losing.text, "%s",
		 "V\xc3\xb6gel");
}
static void break_reference_object(struct change *change)
{
	change->add.references.items[0].object = CHANGE_OBJECTS;
}
static void break_reference_to_a_domain(struct change *change)
{
	change->add.references.items[0].object = CHANGE_DOMAIN;
}
static void break_reference_id(struct change *change)
{
	snprintf(change->state.references.items[0].id.text, CHANGE_TOKEN_SIZE, "%s", "two words");
}
static void break_family(struct change *change)
{
	change->add.addresses.items[0].family = 5;
}
static void break_host_of_address(struct change *change)
{
	change->state.addresses.items[0].host = 2;
}
static void break_digest_size(struct change *change)
{
	change->remove.ds.items[0].digest_size = CHANGE_DIGEST_SIZE + 1;
}
static void break_host_name(struct change *change)
{
	change->remove.hosts.items[0].text[0] = '\0';
}

static void each_member_out_of_its_range_is_refused(void **state)
{
	(void)state;
	assert_refused(break_object);
	assert_refused(break_verb);
	assert_refused(break_outcome);
	assert_refused(break_restore);
	assert_refused(break_name);
	assert_refused(break_name_with_text);
	assert_refused(break_new_name);
	assert_refused(break_registrar);
	assert_refused(break_svtrid);
	assert_refused(break_status);
	assert_refused(break_status_of_state);
	assert_refused(break_changed);
	assert_refused(break_initiator);
	assert_refused(break_ends);
	assert_refused(break_name_with_a_handle);
	assert_refused(break_set_without_a_handle);
	assert_refused(break_set_with_a_name);
	assert_refused(break_handle);
	assert_refused(break_state_at);
	assert_refused(break_state_known);
	assert_refused(break_lock);
	assert_refused(break_unlock);
	assert_refused(break_transfer_op);
	assert_refused(break_transfer_status);
	assert_refused(break_gaining);
	assert_refused(break_losing);
	assert_refused(break_reference_object);
	assert_refused(break_reference_to_a_domain);
	assert_refused(break_reference_id);
	assert_refused(break_family);
	assert_refused(break_host_of_address);
	assert_refused(break_digest_size);
	assert_refused(break_host_name);
}

/* The last nine bytes are change.done: whether there is one, and which. */
static void a_date_that_is_not_there_and_a_truth_beyond_one_are_refused(void **state)
{
	struct change change, back;
	struct buffer bytes;
	(void)state;
	change_init(&change);
	change_init(&back);
	snprintf(change.name.text, sizeof change.name.text, "%s", "a.example");
	buffer_init(&bytes, 1 << 16);
	change_encode(&change, &bytes);
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_OK);
	bytes.data[bytes.size - 1] = 1; /* done, which it has not */
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_INVALID);
	bytes.data[bytes.size - 9] = 1;
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_OK);
	assert_true(back.has_done);
	bytes.data[bytes.size - 9] = 2;
	assert_int_equal(change_decode(&back, bytes.data, bytes.size), RESULT_INVALID);
	buffer_free(&bytes);
	change_free(&back);
}

static void another_version_of_the_encoding_is_refused(void **state)
{
	struct change change;
	struct buffer bytes;
	(void)state;
	fill(&change, 8);
	buffer_init(&bytes, 1 << 16);
	change_encode(&change, &bytes);
	assert_int_equal(bytes.data[0], CHANGE_ENCODING);
	assert_int_equal(CHANGE_ENCODING, 2);
	bytes.data[0]++;
	assert_int_equal(change_decode(&change, bytes.data, bytes.size), RESULT_INVALID);
	buffer_free(&bytes);
	change_free(&change);
}

static void a_list_takes_its_maximum_and_no_more(void **state)
{
	struct change change;
	struct change_name *name = NULL;
	struct change_address *address = NULL;
	struct change_ds *ds = NULL;
	struct change_key *key = NULL;
	struct change_reference *reference = NULL;
	(void)state;
	change_init(&change);
	for (int i = 0; i < CHANGE_LIST_MAX; i++) {
		assert_int_equal(change_add_host(&change.add, &name), RESULT_OK);
		assert_string_equal(name->text, "");
		assert_int_equal(change_add_address(&change.add, &address), RESULT_OK);
		assert_int_equal(change_add_ds(&change.remove, &ds), RESULT_OK);
		assert_int_equal(change_add_key(&change.remove, &key), RESULT_OK);
		assert_int_equal(change_add_reference(&change.state, &reference), RESULT_OK);
		assert_string_equal(reference->id.text, "");
	}
	assert_int_equal(change_add_host(&change.add, &name), RESULT_FULL);
	assert_int_equal(change_add_address(&change.add, &address), RESULT_FULL);
	assert_int_equal(change_add_ds(&change.remove, &ds), RESULT_FULL);
	assert_int_equal(change_add_key(&change.remove, &key), RESULT_FULL);
	assert_int_equal(change_add_reference(&change.state, &reference), RESULT_FULL);
	assert_int_equal(change.add.hosts.count, CHANGE_LIST_MAX);
	change_free(&change);
}

static void a_cleared_change_is_empty_and_keeps_its_memory(void **state)
{
	struct change change, empty;
	(void)state;
	fill(&change, 8);
	struct change_name *items = change.add.hosts.items;
	change_clear(&change);
	change_init(&empty);
	assert_same(&change, &empty);
	assert_ptr_equal(change.add.hosts.items, items);
	assert_non_null(change.state.references.items);
	/* an item from reused memory is zeroed */
	struct change_key *key;
	assert_int_equal(change_add_key(&change.add, &key), RESULT_OK);
	assert_int_equal(key->size, 0);
	assert_int_equal(key->bytes[0], 0);
	change_free(&change);
	change_free(&change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_lowered_and_lose_blanks_and_one_trailing_dot),
		cmocka_unit_test(what_is_no_host_name_is_refused),
		cmocka_unit_test(a_label_has_at_most_63_bytes),
		cmocka_unit_test(a_name_has_at_most_253_bytes_without_its_trailing_dot),
		cmocka_unit_test(tokens_are_64_bytes_of_printable_ascii_at_most),
		cmocka_unit_test(a_registrar_may_have_single_spaces_within),
		cmocka_unit_test(each_status_is_found_by_its_name_and_no_other),
		cmocka_unit_test(a_status_says_what_it_locks_and_what_rdap_calls_it),
		cmocka_unit_test(a_lock_is_of_a_level_and_prohibits_commands),
		cmocka_unit_test(each_word_of_a_known_set_stands_once),
		cmocka_unit_test(a_change_with_everything_in_it_survives_the_codec),
		cmocka_unit_test(each_object_and_each_word_of_a_known_set_survives_the_codec),
		cmocka_unit_test(a_change_with_next_to_nothing_in_it_survives_the_codec),
		cmocka_unit_test(full_lists_survive_the_codec),
		cmocka_unit_test(every_truncated_encoding_is_refused_and_so_is_a_longer_one),
		cmocka_unit_test(random_bit_flips_give_a_valid_change_or_none),
		cmocka_unit_test(each_member_out_of_its_range_is_refused),
		cmocka_unit_test(a_date_that_is_not_there_and_a_truth_beyond_one_are_refused),
		cmocka_unit_test(another_version_of_the_encoding_is_refused),
		cmocka_unit_test(a_list_takes_its_maximum_and_no_more),
		cmocka_unit_test(a_cleared_change_is_empty_and_keeps_its_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

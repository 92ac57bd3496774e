#include "subscriber/summary.h"

#include "publisher/feed_format.h"
#include "subscriber/printable.h"

#include <string.h>

enum { ITEMS_MAX = 8, ADDRESSES_MAX = 4, TEXT_MAX = 253 };

/* Writes one item of a list. */
typedef void write_item(struct buffer *into, const json_t *item);

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void append_text(struct buffer *into, const char *text)
{
	printable_append_text(into, text ? text : "?", TEXT_MAX);
}

/* "; " between one thing said and the next. */
static void begin(struct buffer *into, size_t start, const char *word)
{
	if (into->size > start)
		buffer_append_text(into, "; ");
	buffer_append_text(into, word);
}

static void write_text(struct buffer *into, const json_t *item)
{
	append_text(into, json_string_value(item));
}

static void write_nameserver(struct buffer *into, const json_t *item)
{
	append_text(into, text_member(item, "ldhName"));
	const json_t *addresses = json_object_get(item, "ipAddresses");
	const json_t *lists[] = {json_object_get(addresses, "v4"),
				 json_object_get(addresses, "v6")};
	size_t written = 0;
	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < json_array_size(lists[l]); i++) {
			if (written == ADDRESSES_MAX) {
				buffer_append_text(into, ",...)");
				return;
			}
			buffer_append_text(into, written++ ? "," : "(");
			write_text(into, json_array_get(lists[l], i));
		}
	}
	if (written > 0)
		buffer_append_text(into, ")");
}

static long long int_member(const json_t *object, const char *name)
{
	return (long long)json_integer_value(json_object_get(object, name));
}

/* One that has no digest stands for all of its key tag. */
static void write_ds(struct buffer *into, const json_t *item)
{
	if (json_is_object(item) && !json_object_get(item, "algorithm")) {
		buffer_printf(into, "%lld", int_member(item, "keyTag"));
		return;
	}
	buffer_printf(into, "%lld/%lld/%lld", int_member(item, "keyTag"),
		      int_member(item, "algorithm"), int_member(item, "digestType"));
}

static void write_dnskey(struct buffer *into, const json_t *item)
{
	buffer_printf(into, "%lld/%lld/%lld", int_member(item, "flags"),
		      int_member(item, "protocol"), int_member(item, "algorithm"));
}

/* " +a +b", or " +120" where an event too large carries a count instead of its list. */
static void append_list(struct buffer *into, char sign, const json_t *list, write_item *write)
{
	if (json_is_integer(list))
		buffer_printf(into, " %c%lld (a count)", sign, (long long)json_integer_value(list));
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count && i < ITEMS_MAX; i++) {
		buffer_append_text(into, " ");
		buffer_append_byte(into, (uint8_t)sign);
		write(into, json_array_get(list, i));
	}
	if (count > ITEMS_MAX)
		buffer_printf(into, " %c(%zu more)", sign, count - ITEMS_MAX);
}

/* {"all": true}: whatever there was is removed. */
static bool is_all(const json_t *value)
{
	return json_is_true(json_object_get(value, "all"));
}

static bool says_something(const json_t *value)
{
	return json_array_size(value) > 0 || json_is_integer(value) || is_all(value);
}

/* One kind of thing that was added and removed. */
static void append_change(struct buffer *into, size_t start, const char *word, const json_t *added,
			  const json_t *removed, write_item *write)
{
	if (!says_something(added) && !says_something(removed))
		return;
	begin(into, start, word);
	append_list(into, '+', added, write);
	if (is_all(removed))
		buffer_append_text(into, " -all");
	append_list(into, '-', removed, write);
}

/* What a domain refers to: objects that were added and removed, and one that took another's place. */
static void append_references(struct buffer *into, size_t start, const json_t *add,
			      const json_t *remove, const json_t *set)
{
	for (size_t i = 0; i < FEED_CLASSES; i++) {
		const char *class = feed_class(i), *now = text_member(set, class);
		append_change(into, start, class, json_object_get(add, class),
			      json_object_get(remove, class), write_text);
		if (!now)
			continue;
		begin(into, start, class);
		buffer_append_text(into, " now ");
		append_text(into, now);
	}
}

static void append_dnssec(struct buffer *into, size_t start, const json_t *add,
			  const json_t *remove)
{
	const json_t *added = json_object_get(add, "secureDNS");
	const json_t *removed = json_object_get(remove, "secureDNS");
	if (is_all(removed))
		begin(into, start, "DS -all");
	append_change(into, start, "DS", json_object_get(added, "dsData"),
		      json_object_get(removed, "dsData"), write_ds);
	append_change(into, start, "DNSKEY", json_object_get(added, "keyData"),
		      json_object_get(removed, "keyData"), write_dnskey);
}

static void append_addresses(struct buffer *into, size_t start, const json_t *add,
			     const json_t *remove)
{
	const json_t *added = json_object_get(add, "ipAddresses");
	const json_t *removed = json_object_get(remove, "ipAddresses");
	append_change(into, start, "addresses", json_object_get(added, "v4"),
		      json_object_get(removed, "v4"), write_text);
	append_change(into, start, "addresses", json_object_get(added, "v6"),
		      json_object_get(removed, "v6"), write_text);
}

static void append_joined(struct buffer *into, const json_t *list)
{
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count && i < ITEMS_MAX; i++) {
		buffer_append_text(into, i ? "," : " ");
		write_text(into, json_array_get(list, i));
	}
	if (count > ITEMS_MAX)
		buffer_printf(into, ",(%zu more)", count - ITEMS_MAX);
}

static void append_locks(struct buffer *into, size_t start, const json_t *locks)
{
	size_t count = json_array_size(locks);
	for (size_t i = 0; i < count && i < ITEMS_MAX; i++) {
		const json_t *lock = json_array_get(locks, i);
		begin(into, start, "");
		append_text(into, text_member(lock, "action"));
		append_joined(into, json_object_get(lock, "prohibits"));
		const char *level = text_member(lock, "level");
		if (level && strcmp(level, "registry") == 0)
			buffer_append_text(into, " (registry)");
	}
}

static void append_transfer(struct buffer *into, size_t start, const json_t *transfer)
{
	static const struct {
		const char *member, *word;
	} parts[] = {{"op", " "},
		     {"status", " "},
		     {"gaining", " to "},
		     {"losing", " from "},
		     {"requested", ", requested "},
		     {"acted", ", acted "}};
	if (!json_is_object(transfer))
		return;
	begin(into, start, "transfer");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *text = text_member(transfer, parts[i].member);
		if (!text)
			continue;
		buffer_append_text(into, parts[i].word);
		append_text(into, text);
	}
}

/* "WORD value" if the member is a text. */
static void append_member(struct buffer *into, size_t start, const char *word, const json_t *object,
			  const char *name)
{
	const char *text = text_member(object, name);
	if (!text)
		return;
	begin(into, start, word);
	append_text(into, text);
}

/* One list of a state, its items behind each other; what is known to be empty is said to be. */
static void append_there(struct buffer *into, const char *word, const json_t *list, bool known,
			 write_item *write)
{
	size_t count = json_array_size(list);
	if (json_is_integer(list)) {
		buffer_printf(into, " %lld %s", (long long)json_integer_value(list), word);
	} else if (count > 0 || known) {
		buffer_append_text(into, count > 0 ? " " : " no ");
		buffer_append_text(into, word);
	}
	for (size_t i = 0; i < count && i < ITEMS_MAX; i++) {
		buffer_append_text(into, i ? "," : " ");
		write(into, json_array_get(list, i));
	}
	if (count > ITEMS_MAX)
		buffer_printf(into, ",(%zu more)", count - ITEMS_MAX);
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *item = json_string_value(json_array_get(list, i));
		if (item && strcmp(item, text) == 0)
			return true;
	}
	return false;
}

/* What the object was like before, or is like now. */
static void append_state(struct buffer *into, size_t start, const char *word, const json_t *state)
{
	const json_t *known = json_object_get(state, "known");
	const json_t *secdns = json_object_get(state, "secureDNS");
	const json_t *addresses = json_object_get(state, "ipAddresses");
	bool is_unsigned = json_is_false(json_object_get(secdns, "delegationSigned"));
	if (!json_is_object(state))
		return;
	begin(into, start, word);
	append_there(into, "nameservers", json_object_get(state, "nameservers"),
		     has_text(known, "nameservers") && !json_object_get(state, "nsset") &&
			     !json_object_get(state, "nsgroup"),
		     write_nameserver);
	append_there(into, "addresses", json_is_integer(addresses) ? addresses : NULL,
		     has_text(known, "ipAddresses") && !addresses, write_text);
	append_there(into, "addresses", json_object_get(addresses, "v4"), false, write_text);
	append_there(into, "addresses", json_object_get(addresses, "v6"), false, write_text);
	for (size_t i = 0; i < FEED_CLASSES; i++)
		append_there(into, feed_class(i), json_object_get(state, feed_class(i)), false,
			     write_text);
	append_there(into, "DS", json_object_get(secdns, "dsData"), is_unsigned, write_ds);
	append_there(into, "DNSKEY", json_object_get(secdns, "keyData"), false, write_dnskey);
	append_there(into, "status", json_object_get(state, "status"), has_text(known, "status"),
		     write_text);
}

static void append_circumstances(struct buffer *into, size_t start, const json_t *what)
{
	append_member(into, start, "registrar ", what, "registrar");
	const char *initiator = text_member(what, "initiator");
	if (initiator && strcmp(initiator, "registry") == 0)
		begin(into, start, "by the registry");
	const char *outcome = text_member(what, "outcome");
	if (outcome && strcmp(outcome, "completed") != 0)
		append_member(into, start, "outcome ", what, "outcome");
	if (json_object_get(what, "completes"))
		begin(into, start, "ends what was pending");
	if (json_is_true(json_object_get(what, "truncated")))
		begin(into, start, "too large to be told in full");
}

/* What the tap says of itself: its members as they are, with their names. */
static void append_own(struct buffer *into, size_t start, json_t *what)
{
	const char *name;
	json_t *value;
	size_t written = 0;
	json_object_foreach(what, name, value)
	{
		if (written == ITEMS_MAX)
			return;
		if (!json_is_string(value) && !json_is_integer(value))
			continue;
		written++;
		begin(into, start, "");
		printable_append_text(into, name, TEXT_MAX);
		if (json_is_integer(value)) {
			buffer_printf(into, " %lld", (long long)json_integer_value(value));
		} else {
			buffer_append_text(into, " ");
			write_text(into, value);
		}
	}
}

void summary_append(struct buffer *into, const struct event *event)
{
	size_t start = into->size;
	if (event->own) {
		append_own(into, start, event->what);
		return;
	}
	const json_t *add = json_object_get(event->what, "add");
	const json_t *remove = json_object_get(event->what, "remove");
	const json_t *set = json_object_get(event->what, "set");
	append_change(into, start, "nameservers", json_object_get(add, "nameservers"),
		      json_object_get(remove, "nameservers"), write_nameserver);
	append_addresses(into, start, add, remove);
	append_references(into, start, add, remove, set);
	append_dnssec(into, start, add, remove);
	append_locks(into, start, json_object_get(event->what, "lock"));
	append_change(into, start, "status", json_object_get(add, "status"),
		      json_object_get(remove, "status"), write_text);
	append_transfer(into, start, json_object_get(event->what, "transfer"));
	append_member(into, start, "restore ", event->what, "restore");
	append_member(into, start, "renamed ", set, "ldhName");
	append_member(into, start, "expires ", set, "expires");
	append_member(into, start, "done ", set, "done");
	if (json_array_size(json_object_get(event->what, "changed")) > 0) {
		begin(into, start, "changed");
		append_joined(into, json_object_get(event->what, "changed"));
	}
	append_circumstances(into, start, event->what);
	append_state(into, start, "before:", json_object_get(event->what, "before"));
	append_state(into, start, "now:", json_object_get(event->what, "state"));
}

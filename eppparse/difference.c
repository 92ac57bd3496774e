/* difference.c - what a change did, seen from the states before and after it
 *
 * Registries tell of what they did themselves by an object's state (RFC 8590), not by what was added and removed.
 */
#include "eppparse/change.h"

#include <string.h>

static bool is_same_address(const struct change_address *a, const struct change_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Has the delta's host number `host` this address? CHANGE_NO_HOST: the object itself. */
static bool has_address(const struct change_delta *delta, uint16_t host,
			const struct change_address *address)
{
	for (size_t i = 0; i < delta->addresses.count; i++)
		if (delta->addresses.items[i].host == host &&
		    is_same_address(&delta->addresses.items[i], address))
			return true;
	return false;
}

/* Are all addresses of one's host among those of the other's? */
static bool are_addresses_in(const struct change_delta *one, uint16_t host,
			     const struct change_delta *other, uint16_t other_host)
{
	for (size_t i = 0; i < one->addresses.count; i++)
		if (one->addresses.items[i].host == host &&
		    !has_address(other, other_host, &one->addresses.items[i]))
			return false;
	return true;
}

static bool has_host(const struct change_delta *there, const struct change_delta *from,
		     uint16_t host)
{
	for (size_t i = 0; i < there->hosts.count; i++)
		if (strcmp(there->hosts.items[i].text, from->hosts.items[host].text) == 0 &&
		    are_addresses_in(from, host, there, (uint16_t)i) &&
		    are_addresses_in(there, (uint16_t)i, from, host))
			return true;
	return false;
}

static int add_addresses(const struct change_delta *from, uint16_t host, struct change_delta *into,
			 uint16_t into_host)
{
	struct change_address *address;
	int result = RESULT_OK;
	for (size_t i = 0; i < from->addresses.count && result == RESULT_OK; i++) {
		if (from->addresses.items[i].host != host)
			continue;
		result = change_add_address(into, &address);
		if (result == RESULT_OK) {
			*address = from->addresses.items[i];
			address->host = into_host;
		}
	}
	return result;
}

/* Each of these adds to `into` what `from` has and `there` has not. */

static int add_hosts(const struct change_delta *from, const struct change_delta *there,
		     struct change_delta *into)
{
	struct change_name *name;
	int result = RESULT_OK;
	for (size_t i = 0; i < from->hosts.count && result == RESULT_OK; i++) {
		if (has_host(there, from, (uint16_t)i))
			continue;
		result = change_add_host(into, &name);
		if (result != RESULT_OK)
			break;
		*name = from->hosts.items[i];
		result = add_addresses(from, (uint16_t)i, into, (uint16_t)(into->hosts.count - 1));
	}
	return result;
}

static int add_own_addresses(const struct change_delta *from, const struct change_delta *there,
			     struct change_delta *into)
{
	struct change_address *address;
	int result = RESULT_OK;
	for (size_t i = 0; i < from->addresses.count && result == RESULT_OK; i++) {
		const struct change_address *own = &from->addresses.items[i];
		if (own->host != CHANGE_NO_HOST || has_address(there, CHANGE_NO_HOST, own))
			continue;
		result = change_add_address(into, &address);
		if (result == RESULT_OK)
			*address = *own;
	}
	return result;
}

static bool has_ds(const struct change_delta *there, const struct change_ds *ds)
{
	for (size_t i = 0; i < there->ds.count; i++) {
		const struct change_ds *other = &there->ds.items[i];
		if (other->key_tag == ds->key_tag && other->algorithm == ds->algorithm &&
		    other->digest_type == ds->digest_type &&
		    other->digest_size == ds->digest_size &&
		    memcmp(other->digest, ds->digest, ds->digest_size) == 0)
			return true;
	}
	return false;
}

static bool has_key(const struct change_delta *there, const struct change_key *key)
{
	for (size_t i = 0; i < there->keys.count; i++) {
		const struct change_key *other = &there->keys.items[i];
		if (other->flags == key->flags && other->protocol == key->protocol &&
		    other->algorithm == key->algorithm && other->size == key->size &&
		    memcmp(other->bytes, key->bytes, key->size) == 0)
			return true;
	}
	return false;
}

static int add_secdns(const struct change_delta *from, const struct change_delta *there,
		      struct change_delta *into)
{
	struct change_ds *ds;
	struct change_key *key;
	int result = RESULT_OK;
	for (size_t i = 0; i < from->ds.count && result == RESULT_OK; i++) {
		if (has_ds(there, &from->ds.items[i]))
			continue;
		result = change_add_ds(into, &ds);
		if (result == RESULT_OK)
			*ds = from->ds.items[i];
	}
	for (size_t i = 0; i < from->keys.count && result == RESULT_OK; i++) {
		if (has_key(there, &from->keys.items[i]))
			continue;
		result = change_add_key(into, &key);
		if (result == RESULT_OK)
			*key = from->keys.items[i];
	}
	return result;
}

static unsigned known_by(uint8_t object)
{
	return change_object_has_keys(object) ? KNOWN_SECDNS : KNOWN_HOSTS;
}

static bool has_reference(const struct change_delta *there,
			  const struct change_reference *reference)
{
	for (size_t i = 0; i < there->references.count; i++)
		if (there->references.items[i].object == reference->object &&
		    strcmp(there->references.items[i].id.text, reference->id.text) == 0)
			return true;
	return false;
}

/* Whoever tells a domain's nameservers tells its reference to some as well; so it is with keys. */
static int add_references(const struct change_delta *from, const struct change_delta *there,
			  unsigned known, struct change_delta *into)
{
	struct change_reference *reference;
	int result = RESULT_OK;
	for (size_t i = 0; i < from->references.count && result == RESULT_OK; i++) {
		const struct change_reference *own = &from->references.items[i];
		if (!(known & known_by(own->object)) || has_reference(there, own))
			continue;
		result = change_add_reference(into, &reference);
		if (result == RESULT_OK)
			*reference =
				(struct change_reference){.object = own->object, .id = own->id};
	}
	return result;
}

static void add_status(const struct change_delta *from, const struct change_delta *there,
		       struct change_delta *into)
{
	into->status |= from->status & ~there->status;
	if (from->status_others > there->status_others)
		into->status_others = (uint16_t)(from->status_others - there->status_others);
}

static int add_all(const struct change_delta *from, const struct change_delta *there,
		   unsigned known, struct change_delta *into)
{
	int result = RESULT_OK;
	if (known & KNOWN_HOSTS)
		result = add_hosts(from, there, into);
	if (result == RESULT_OK && known & KNOWN_ADDRESSES)
		result = add_own_addresses(from, there, into);
	if (result == RESULT_OK && known & KNOWN_SECDNS)
		result = add_secdns(from, there, into);
	if (result == RESULT_OK)
		result = add_references(from, there, known, into);
	if (result == RESULT_OK && known & KNOWN_STATUS)
		add_status(from, there, into);
	return result;
}

/* Each is held against each: beyond this, which no object has, the state alone must do. */
static bool is_small(const struct change_delta *state)
{
	enum { MOST = 128 };
	return state->hosts.count <= MOST && state->addresses.count <= MOST &&
	       state->ds.count <= MOST && state->keys.count <= MOST &&
	       state->references.count <= MOST;
}

int change_add_difference(const struct change *before, struct change *after)
{
	unsigned known = before->state_known & after->state_known;
	if (before->state_at != STATE_BEFORE || after->state_at != STATE_AFTER ||
	    !is_small(&before->state) || !is_small(&after->state))
		return RESULT_OK;
	int result = add_all(&after->state, &before->state, known, &after->add);
	if (result == RESULT_OK)
		result = add_all(&before->state, &after->state, known, &after->remove);
	return result;
}

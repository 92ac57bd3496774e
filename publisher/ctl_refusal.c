#include "publisher/ctl_refusal.h"

#include "publisher/identity.h"
#include "publisher/signing_key.h"

#include <stdio.h>

static bool key_is_revoked(const struct config *config, struct feed_store *store, char *why,
			   size_t why_size)
{
	struct key_record record;
	struct signing_key *key;
	char nothing[1024];
	if (!store ||
	    signing_key_load(config->key_event, &key, nothing, sizeof nothing) != RESULT_OK)
		return false;
	bool revoked = feed_store_key(store, signing_key_id(key), &record) == RESULT_OK &&
		       record.state == KEY_REVOKED;
	if (revoked)
		snprintf(why, why_size, KEY_WAS_REVOKED, signing_key_id(key));
	signing_key_free(&key);
	return revoked;
}

bool ctl_refuses(const struct config *config, struct feed_store *store, char *why, size_t why_size)
{
	return identity_look(config, store, why, why_size) == RESULT_BUSY ||
	       key_is_revoked(config, store, why, why_size);
}

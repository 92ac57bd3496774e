/* ctl_revoke.c - epptapctl revoke: readers must not trust a key any more */
#include "publisher/ctl.h"

#include "publisher/ctl_order.h"
#include "publisher/feed_store.h"
#include "publisher/signing_key.h"

#include <stdio.h>
#include <string.h>

/* The key that signs must be another, and must have been told: else nobody could tell of this. */
static int check_signer(const struct config *config, struct feed_store *store, const char *id)
{
	char why[1024];
	struct key_record record;
	struct signing_key *key;
	if (signing_key_load(config->key_event, &key, why, sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	bool same = strcmp(signing_key_id(key), id) == 0;
	int result = feed_store_key(store, signing_key_id(key), &record);
	signing_key_free(&key);
	if (same)
		return ctl_fail("key %s is the one that keys.event names: put another in its place "
				"and reload first, so that it can tell of this",
				id);
	if (result == RESULT_OK && record.state == KEY_TRUSTED)
		return CTL_OK;
	return ctl_fail("the key that keys.event names does not sign yet: let the publisher reload "
			"first, so that it can tell of this");
}

static int check_known(struct feed_store *store, const char *id)
{
	struct key_record record;
	int result = feed_store_key(store, id, &record);
	if (result == RESULT_INVALID)
		return ctl_fail("no key with the id %.64s ever signed here: jwks.json in a log_dir "
				"has the ids, as `kid`",
				id);
	if (result != RESULT_OK)
		return ctl_fail("the feed store can't be read: it is damaged");
	if (record.state == KEY_REVOKED)
		return ctl_fail("key %s is revoked already", id);
	return CTL_OK;
}

int ctl_revoke(int argc, char **argv)
{
	(void)argc;
	char why[1024];
	const char *id = argv[1];
	struct feed_store *store = NULL;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int result = feed_store_open(config->state_dir, config->store_limit, true, &store, why,
				     sizeof why);
	int status = result == RESULT_OK ? check_known(store, id) : ctl_fail("%s", why);
	if (status == CTL_OK)
		status = check_signer(config, store, id);
	feed_store_close(&store);
	if (status == CTL_OK)
		status = ctl_order(config, SPOOL_REVOKE, id, strlen(id));
	if (status == CTL_OK)
		printf("key %s is to be revoked: the feed tells of it as soon as it is published, "
		       "and jwks.json leaves it out then\n",
		       id);
	config_free(&config);
	return status;
}

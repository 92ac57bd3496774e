/* ctl_revoke.c - epptapctl revoke: readers must not trust a key any more */
#include "publisher/ctl.h"

#include "publisher/ctl_order.h"
#include "publisher/feed_store.h"
#include "publisher/signing_key.h"

#include <stdio.h>
#include <string.h>

/* The key that signs now must be another's: else nobody could tell of it. */
static int check_signer(const struct config *config, const char *id)
{
	char why[1024];
	struct signing_key *key;
	if (signing_key_load(config->key_event, &key, why, sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	bool same = strcmp(signing_key_id(key), id) == 0;
	signing_key_free(&key);
	if (!same)
		return CTL_OK;
	return ctl_fail("key %s is the one that keys.event names: put another in its place and "
			"reload first, so that it can tell of this",
			id);
}

static int check_known(const struct config *config, const char *id)
{
	char why[1024];
	struct key_record record;
	struct feed_store *store;
	int result = feed_store_open(config->state_dir, config->store_limit, true, &store, why,
				     sizeof why);
	if (result != RESULT_OK)
		return ctl_fail("%s", why);
	result = feed_store_key(store, id, &record);
	feed_store_close(&store);
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
	const char *id = argv[1];
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = check_known(config, id);
	if (status == CTL_OK)
		status = check_signer(config, id);
	if (status == CTL_OK)
		status = ctl_order(config, SPOOL_REVOKE, id, strlen(id));
	if (status == CTL_OK)
		printf("key %s is to be revoked: the feed tells of it as soon as it is published, "
		       "and jwks.json leaves it out then\n",
		       id);
	config_free(&config);
	return status;
}

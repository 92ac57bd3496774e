/* ctl_check.c - epptapctl check: what epptap_open() would say, without a front end
 *
 * Looks, and changes nothing: no folder is made and no port bound. It should run as the front end's user.
 */
#include "publisher/ctl.h"

#include "publisher/door.h"
#include "publisher/feed_store.h"
#include "publisher/outlet.h"
#include "publisher/signing_key.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

static int check_key(const char *path)
{
	char why[1024];
	struct signing_key *key = NULL;
	if (path && signing_key_load(path, &key, why, sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	signing_key_free(&key);
	return CTL_OK;
}

/* Opens door and sockets as a publisher would, but binds nothing. */
static int check_channels(const struct config *config)
{
	char why[1024];
	struct door *door = NULL;
	void *zmq = zmq_ctx_new();
	if (!zmq)
		return ctl_fail("no memory for libzmq");
	int result = door_open(zmq, config, &door, why, sizeof why);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		struct outlet *outlet;
		result = outlet_open(zmq, &config->channels[i], &outlet, why, sizeof why);
		outlet_close(&outlet, 0);
	}
	door_close(&door);
	zmq_ctx_term(zmq);
	return result == RESULT_OK ? CTL_OK : ctl_fail("%s", why);
}

/* Can the folder be written, or made in the nearest one above it that is there? */
static int check_folder(const char *what, const char *path)
{
	char above[PATH_MAX];
	snprintf(above, sizeof above, "%s", path);
	while (access(above, F_OK) != 0 && strrchr(above, '/') > above)
		*strrchr(above, '/') = '\0';
	if (access(above, F_OK) != 0)
		above[1] = '\0'; /* the root */
	if (access(above, W_OK | X_OK) == 0)
		return CTL_OK;
	return ctl_fail("%s %s: %s: %s; it must be a folder that this user can write, or make",
			what, path, above, strerror(errno));
}

/* The folders, and the feed store if there is one. */
static int check_folders(const struct config *config)
{
	char why[1024];
	struct feed_store *store = NULL;
	int status = check_folder("state_dir", config->state_dir);
	for (size_t i = 0; i < config->channel_count && status == CTL_OK; i++)
		status = check_folder("log_dir", config->channels[i].log_dir);
	if (status != CTL_OK || !feed_store_exists(config->state_dir))
		return status;
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	feed_store_close(&store);
	return CTL_OK;
}

int ctl_check(int argc, char **argv)
{
	(void)argc;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = check_key(config->key_event);
	if (status == CTL_OK)
		status = check_key(config->key_log);
	if (status == CTL_OK)
		status = check_key(config->key_cosigner);
	if (status == CTL_OK)
		status = check_folders(config);
	if (status == CTL_OK)
		status = check_channels(config);
	if (status == CTL_OK)
		printf("%s: good: registry %s, %zu channel%s\n", argv[0], config->registry,
		       config->channel_count, config->channel_count == 1 ? "" : "s");
	config_free(&config);
	return status;
}

/* ctl_new_log.c - epptapctl new-log: publish from a state_dir that was refused */
#include "publisher/ctl.h"

#include "base/clock.h"
#include "base/state_dir.h"
#include "publisher/identity.h"

#include <stdio.h>

enum { TRY_FOR_US = 3000000, TRY_EVERY_US = 20000 };

/* One that is refused has the publisher's lock for a moment each second; one that publishes has it all the time. */
static int take_lock(struct state_dir *dir)
{
	int64_t until_us = clock_monotonic_us() + TRY_FOR_US;
	while (state_dir_lock(dir, STATE_DIR_PUBLISHER) != RESULT_OK) {
		if (clock_monotonic_us() > until_us)
			return ctl_fail(
				"process %ld publishes from this state_dir: a new log is for "
				"one that is refused. To begin one all the same, stop it first",
				state_dir_holder(dir, STATE_DIR_PUBLISHER));
		clock_sleep_us(TRY_EVERY_US);
	}
	return CTL_OK;
}

static int renew(const struct config *config)
{
	char why[1024];
	struct feed_store *store;
	int result = feed_store_open(config->state_dir, config->store_limit, false, &store, why,
				     sizeof why);
	if (result == RESULT_OK)
		result = identity_renew(config, store, why, sizeof why);
	feed_store_close(&store);
	if (result != RESULT_OK)
		return ctl_fail("%s", why);
	printf("a new log is begun: each channel counts from 0, and the feed tells of it by a gap "
	       "`new_log`. Tell your subscribers\n");
	return CTL_OK;
}

int ctl_new_log(int argc, char **argv)
{
	(void)argc;
	char why[1024];
	struct state_dir *dir = NULL;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = state_dir_open(config->state_dir, &dir, why, sizeof why) == RESULT_OK
			     ? take_lock(dir)
			     : ctl_fail("%s", why);
	if (status == CTL_OK)
		status = renew(config);
	state_dir_close(&dir);
	config_free(&config);
	return status;
}

#include "publisher/ctl_order.h"

#include "base/clock.h"
#include "base/state_dir.h"
#include "plugin/spool_writer.h"
#include "publisher/ctl.h"

#include <errno.h>
#include <string.h>

static int write_record(struct spool_writer *writer, enum spool_kind kind, const void *payload,
			size_t size)
{
	struct clock_reading now;
	clock_read(&now);
	const struct spool_note note = {
		.kind = kind, .monotonic_us = now.monotonic_us, .wall_us = now.wall_us};
	int result = spool_writer_append(writer, &note, payload, size);
	return result == RESULT_OK ? spool_writer_sync(writer) : result;
}

int ctl_order(const struct config *config, enum spool_kind kind, const void *payload, size_t size)
{
	char why[1024];
	struct state_dir *dir = NULL;
	struct spool_writer *writer = NULL;
	if (state_dir_open(config->state_dir, &dir, why, sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	int result = spool_writer_open(dir, config->spool_limit, &writer);
	if (result == RESULT_OK)
		result = write_record(writer, kind, payload, size);
	int status =
		result == RESULT_OK
			? CTL_OK
			: ctl_fail("the spool in %s can't be written: %s", config->state_dir,
				   result == RESULT_STORE ? strerror(errno) : result_text(result));
	spool_writer_close(&writer, true);
	state_dir_close(&dir);
	return status;
}

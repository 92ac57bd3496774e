/* ctl_quarantine.c - epptapctl quarantine: what no event could be made of, and another try */
#include "publisher/ctl.h"

#include "publisher/ctl_lines.h"
#include "publisher/ctl_order.h"
#include "publisher/feed_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void append(struct buffer *lines, uint64_t number, const struct aside_header *header,
		   size_t size)
{
	char when[32] = "?";
	struct tm utc;
	time_t seconds = header->wall_us / 1000000;
	if (gmtime_r(&seconds, &utc))
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
	buffer_printf(lines, "%" PRIu64 "\t%s\t%.*s\tkind %" PRIu32 ", %zu bytes\n", number, when,
		      (int)strnlen(header->reason, sizeof header->reason), header->reason,
		      header->kind, size);
}

static int gather(void *context, struct feed_txn *txn, struct buffer *lines)
{
	uint64_t *number = context;
	int result = RESULT_OK;
	while (result == RESULT_OK && !ctl_lines_full(lines)) {
		struct aside_header header;
		const void *payload;
		size_t size;
		result = feed_txn_next_aside(txn, number, &header, &payload, &size);
		if (result == RESULT_OK)
			append(lines, (*number)++, &header, size);
	}
	return lines->failed ? RESULT_NOMEM : result;
}

static int list(const struct config *config)
{
	char why[1024];
	struct feed_store *store;
	uint64_t number = 0;
	if (!feed_store_exists(config->state_dir))
		return CTL_OK;
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	int status = ctl_lines_print(store, gather, &number);
	feed_store_close(&store);
	return status;
}

int ctl_quarantine(int argc, char **argv)
{
	bool retry = argc == 2;
	if (retry && strcmp(argv[1], "retry") != 0) {
		ctl_fail("quarantine CONFIG lists, quarantine CONFIG retry tries again; %.32s is "
			 "neither",
			 argv[1]);
		return CTL_USAGE;
	}
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = retry ? ctl_order(config, SPOOL_RETRY, "", 0) : list(config);
	if (status == CTL_OK && retry)
		printf("what can be read by now goes out as soon as something is published; the "
		       "rest "
		       "stays\n");
	config_free(&config);
	return status;
}

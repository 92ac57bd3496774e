#include "publisher/publisher_process.h"

#include "base/log.h"
#include "publisher/publisher.h"

#include <signal.h>
#include <stdlib.h>

enum { DRAIN_MS = 10000 };

struct house {
	const struct config *config;
	struct scoreboard *board;
};

static void write_senders(void *context, struct buffer *json)
{
	const struct house *house = context;
	scoreboard_write_stats(house->board, house->config, json);
}

static int wait_for(int one, int other)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, one);
	sigaddset(&signals, other);
	for (;;) {
		int signal = sigwaitinfo(&signals, NULL);
		if (signal == one || signal == other)
			return signal;
	}
}

/* The supervisor has read the config anew, and found it good: tells of its key, if that is another. False: that can't
 * be done, and all stays as it is. */
static bool hand_over(struct publisher *publisher, const char *path)
{
	char why[1024];
	struct config *next;
	int result = config_load(path, &next, why, sizeof why);
	if (result == RESULT_OK)
		result = publisher_hand_over(publisher, next, why, sizeof why);
	if (result != RESULT_OK)
		log_error("%s; going on with the config as it was", why);
	config_free(&next);
	return result == RESULT_OK;
}

int publisher_process_run(const struct config *config, const int *channel_fds,
			  struct scoreboard *board)
{
	char why[1024];
	struct state_dir *dir = NULL;
	struct publisher *publisher = NULL;
	struct house house = {.config = config, .board = board};
	struct publisher_host host = {.config = config,
				      .context = &house,
				      .channel_fds = channel_fds,
				      .write_senders = write_senders};
	int result = state_dir_open(config->state_dir, &dir, why, sizeof why);
	host.dir = dir;
	if (result == RESULT_OK)
		result = publisher_start(&host, &publisher, why, sizeof why);
	if (result != RESULT_OK) {
		log_error("%s", why);
		state_dir_close(&dir);
		return EXIT_FAILURE;
	}
	atomic_store(&board->publisher->ready, true);
	while (wait_for(SIGTERM, SIGHUP) == SIGHUP && !hand_over(publisher, config->path))
		atomic_store(&board->publisher->refused_reload, true);
	publisher_stop(&publisher, DRAIN_MS);
	state_dir_close(&dir);
	return EXIT_SUCCESS;
}

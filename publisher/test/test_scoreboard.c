/* What epptapd's processes share, and what one of them that scribbles can do with it. */
#include "publisher/scoreboard.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHANNELS = 3, SCRIBBLER = 1 };

static struct config_channel channels[CHANNELS] = {
	{.name = (char *)"a"}, {.name = (char *)"b"}, {.name = (char *)"c"}};
static const struct config config = {.channels = channels, .channel_count = CHANNELS};

static json_t *stats_of(struct scoreboard *board)
{
	struct buffer text;
	buffer_init(&text, 65536);
	buffer_append_byte(&text, '{');
	scoreboard_write_stats(board, &config, &text);
	buffer_append_byte(&text, '}');
	assert_false(text.failed);
	json_t *stats = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(stats);
	buffer_free(&text);
	return stats;
}

static json_int_t number_at(const json_t *stats, const char *channel, const char *name)
{
	const json_t *sender = json_object_get(json_object_get(stats, "senders"), channel);
	return json_integer_value(json_object_get(sender, name));
}

static bool is_mapped(const void *page)
{
	return msync((void *)(uintptr_t)page, 1, MS_ASYNC) == 0 || errno != ENOMEM;
}

/* A sender's life, after something took it over. 0: it had nothing but its own piece. */
static int scribble(struct scoreboard *board)
{
	const struct scoreboard before = *board;
	struct score *const others[] = {before.publisher, board->senders[0], board->senders[2]};
	scoreboard_keep_one(board, SCRIBBLER);
	memset(board->senders[SCRIBBLER], 0xff, sizeof(struct score));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (is_mapped(others[i]))
			return 1;
	return 0;
}

static void a_sender_that_scribbles_reaches_its_own_numbers_alone(void **state)
{
	(void)state;
	int status = -1;
	struct scoreboard *board = scoreboard_new(CHANNELS);
	assert_non_null(board);
	atomic_store(&board->senders[2]->sent, 5);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(scribble(board));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(board->sender_count, CHANNELS);
	assert_false(atomic_load(&board->publisher->refused_reload));
	json_t *stats = stats_of(board);
	assert_int_equal(number_at(stats, "c", "sent"), 5);
	assert_int_equal(number_at(stats, "a", "sent"), 0);
	assert_true(number_at(stats, "b", "sent") > 0);
	json_decref(stats);
	scoreboard_free(&board);
	assert_null(board);
}

static void what_a_sender_counts_is_seen_by_all_that_keep_it(void **state)
{
	(void)state;
	struct scoreboard *board = scoreboard_new(CHANNELS);
	assert_non_null(board);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		scoreboard_keep_one(board, 0);
		atomic_fetch_add(&board->senders[0]->sent, 7);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	json_t *stats = stats_of(board);
	assert_int_equal(number_at(stats, "a", "sent"), 7);
	json_decref(stats);
	scoreboard_free(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_that_scribbles_reaches_its_own_numbers_alone),
		cmocka_unit_test(what_a_sender_counts_is_seen_by_all_that_keep_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

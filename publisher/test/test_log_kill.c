/* Whoever keeps a log is killed at any point: no two checkpoints that anybody saw may tell different histories, and the
 * next one goes on. */
#include "publisher/channel_log.h"

#include "publisher/test/log_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { KILLS = 60, LIFE_MOST_US = 60000 };

static struct log_fixture fixture;

/* Adds events, has the log follow, and lets go of old ones, until it is killed. */
static void keep_log(unsigned seed, int tell)
{
	char why[1024];
	unsigned step = seed;
	if (log_fixture_open(&fixture, why, sizeof why) != RESULT_OK) {
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	if (write(tell, "", 1) != 1)
		_exit(3);
	for (;;) {
		struct log_round round;
		step = step * 1103515245 + 12345;
		log_fixture_add(&fixture,
				(step >> 16) % 4 ? (step >> 18) % 40 : (step >> 18) % 900);
		do
			if (log_fixture_round(&fixture, 1000, &round) != RESULT_OK)
				_exit(2);
		while (round.has_more);
		if ((step >> 20) % 3 == 0)
			log_fixture_prune(&fixture, (int64_t)channel_log_size(fixture.log) - 700);
	}
}

/* What a reader sees meanwhile; a checkpoint is always whole, and never goes back. */
static void look(struct checkpoint *last)
{
	struct checkpoint now = {0};
	struct signed_note note = {0};
	struct buffer bytes;
	buffer_init(&bytes, SIGNED_NOTE_MAX);
	if (log_fixture_read(&fixture, TILES_CHECKPOINT, &bytes) == RESULT_OK) {
		assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_OK);
		assert_int_equal(checkpoint_parse(note.text, note.text_size, &now), RESULT_OK);
		assert_true(now.size >= last->size);
		if (now.size == last->size)
			assert_true(merkle_equal(&now.root, &last->root));
		else
			assert_true(log_fixture_is_consistent(&fixture, last, &now));
		*last = now;
	}
	buffer_free(&bytes);
}

static void live_and_die(unsigned seed, struct checkpoint *last)
{
	int status, told[2];
	char byte;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0)
		keep_log(seed, told[1]);
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	int64_t until_us = clock_monotonic_us() + fixture_random() % LIFE_MOST_US;
	while (clock_monotonic_us() < until_us)
		look(last);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	look(last);
}

static void whatever_is_killed_the_log_tells_one_history(void **state)
{
	(void)state;
	char why[1024] = "";
	struct checkpoint last = {0}, now = {0};
	struct note_verdict verdict;
	log_fixture_set_up(&fixture);
	log_fixture_add(&fixture, 1);
	log_fixture_catch_up(&fixture);
	assert_true(log_fixture_checkpoint(&fixture, &last, &verdict));
	log_fixture_close(&fixture);
	for (unsigned i = 0; i < KILLS; i++) {
		struct channel_record record;
		struct log_record log;
		struct feed_txn txn;
		live_and_die(i, &last);
		if (log_fixture_open(&fixture, why, sizeof why) != RESULT_OK)
			fail_msg("after kill %u: %s", i, why);
		log_fixture_catch_up(&fixture);
		assert_int_equal(feed_txn_begin(fixture.store, true, &txn), RESULT_OK);
		assert_int_equal(feed_txn_channel(&txn, "public", false, &record), RESULT_OK);
		assert_int_equal(feed_txn_log(&txn, "public", &log, NULL, NULL), RESULT_OK);
		feed_txn_abort(&txn);
		assert_int_equal(log_fixture_verify(&fixture, log.minimum_index),
				 record.next_index);
		assert_true(log_fixture_checkpoint(&fixture, &now, &verdict));
		assert_true(log_fixture_is_consistent(&fixture, &last, &now));
		last = now;
		log_fixture_close(&fixture);
	}
	assert_true(last.size > 1000);
	log_fixture_tear_down(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_killed_the_log_tells_one_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

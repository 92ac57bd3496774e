#include "subscriber/test/signer.h"

#include "subscriber/ledger.h"

enum { TOLD_MAX = 64, WAIT_MS = 60000 };

struct bench {
	struct ledger *ledger;
	size_t count;
	enum ledger_difference what[TOLD_MAX];
	char txn[TOLD_MAX][65];
	unsigned parts[TOLD_MAX];
};

static int on_tell(void *context, enum ledger_difference what, const struct ledger_word *own,
		   const struct ledger_word *feed, unsigned parts)
{
	struct bench *bench = context;
	assert_true(bench->count < TOLD_MAX);
	assert_int_equal(own != NULL, what != LEDGER_NOT_OURS);
	assert_int_equal(feed != NULL, what != LEDGER_MISSING);
	bench->what[bench->count] = what;
	bench->parts[bench->count] = parts;
	snprintf(bench->txn[bench->count++], sizeof bench->txn[0], "%s",
		 own ? own->txn : feed->txn);
	return RESULT_OK;
}

static void open_ledger(struct bench *bench, bool all, bool begins_within)
{
	const struct ledger_settings settings = {.all = all,
						 .wait_ms = WAIT_MS,
						 .begins_within = begins_within,
						 .tell = on_tell,
						 .context = bench};
	ledger_free(&bench->ledger);
	bench->count = 0;
	assert_int_equal(ledger_new(&settings, &bench->ledger), RESULT_OK);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	open_ledger(bench, true, false);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	ledger_free(&bench->ledger);
	free(bench);
	return 0;
}

static struct ledger_word word_of(const char *txn, const char *name, unsigned actions)
{
	struct ledger_word word = {.actions = actions};
	snprintf(word.txn, sizeof word.txn, "%s", txn);
	snprintf(word.name, sizeof word.name, "%s", name);
	return word;
}

static void own(struct bench *bench, const char *txn, const char *name, unsigned actions,
		int64_t now_ms)
{
	const struct ledger_word word = word_of(txn, name, actions);
	assert_int_equal(ledger_own(bench->ledger, &word, now_ms), RESULT_OK);
}

static void feed(struct bench *bench, const char *txn, const char *name, unsigned actions,
		 int64_t now_ms)
{
	const struct ledger_word word = word_of(txn, name, actions);
	assert_int_equal(ledger_feed(bench->ledger, &word, now_ms), RESULT_OK);
}

static void judge(struct bench *bench, int64_t now_ms)
{
	const struct ledger_state state = {
		.now_ms = now_ms, .own_is_live = true, .feed_is_live = true};
	assert_int_equal(ledger_judge(bench->ledger, &state), RESULT_OK);
}

static void assert_told(struct bench *bench, size_t count, enum ledger_difference what,
			const char *txn)
{
	assert_int_equal(bench->count, count);
	assert_int_equal(bench->what[count - 1], what);
	assert_string_equal(bench->txn[count - 1], txn);
}

static void what_both_say_agrees_in_either_order(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	feed(bench, "1", "a.example", ACTION_LOCK, 10);
	feed(bench, "2", "a.example", ACTION_UNLOCK, 20);
	own(bench, "2", "a.example", ACTION_UNLOCK, 30);
	judge(bench, 1000000);
	assert_int_equal(bench->count, 0);
	assert_int_equal(ledger_agreed(bench->ledger), 2);
}

static void what_only_the_feed_says_is_not_ours_within_a_second(void **state)
{
	struct bench *bench = *state;
	feed(bench, "1", "a.example", ACTION_UNLOCK, 1000);
	judge(bench, 1000 + LEDGER_GRACE_MS - 1);
	assert_int_equal(bench->count, 0);
	judge(bench, 1000 + LEDGER_GRACE_MS);
	assert_told(bench, 1, LEDGER_NOT_OURS, "1");
	assert_true(LEDGER_GRACE_MS < 1000);
	judge(bench, 100000);
	assert_int_equal(bench->count, 1);
	own(bench, "1", "a.example", ACTION_UNLOCK, 100000);
	assert_told(bench, 2, LEDGER_OURS_AFTER_ALL, "1");
	assert_int_equal(ledger_agreed(bench->ledger), 1);
}

static void while_our_own_word_cannot_be_read_the_alarm_waits_longer(void **state)
{
	struct bench *bench = *state;
	struct ledger_state blind = {.now_ms = LEDGER_BLIND_MS - 1, .feed_is_live = true};
	feed(bench, "1", "a.example", ACTION_UNLOCK, 0);
	assert_int_equal(ledger_judge(bench->ledger, &blind), RESULT_OK);
	assert_int_equal(bench->count, 0);
	blind.now_ms++;
	assert_int_equal(ledger_judge(bench->ledger, &blind), RESULT_OK);
	assert_told(bench, 1, LEDGER_NOT_OURS, "1");
}

static void what_only_we_say_is_missing_after_the_time_given(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "a.example", ACTION_LOCK, 1000);
	judge(bench, 1000 + WAIT_MS - 1);
	assert_int_equal(bench->count, 0);
	/* Not while the feed itself lags. */
	const struct ledger_state lags = {.now_ms = 1000 + WAIT_MS, .own_is_live = true};
	assert_int_equal(ledger_judge(bench->ledger, &lags), RESULT_OK);
	assert_int_equal(bench->count, 0);
	judge(bench, 1000 + WAIT_MS);
	assert_told(bench, 1, LEDGER_MISSING, "1");
	feed(bench, "1", "a.example", ACTION_LOCK, 1000 + 2 * WAIT_MS);
	assert_told(bench, 2, LEDGER_CAME_AFTER_ALL, "1");
}

static void what_differs_was_changed_on_the_way(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	feed(bench, "1", "a.example", ACTION_UNLOCK, 0);
	assert_told(bench, 1, LEDGER_CHANGED, "1");
	own(bench, "2", "a.example", ACTION_LOCK, 0);
	feed(bench, "2", "b.example", ACTION_LOCK, 0);
	assert_told(bench, 2, LEDGER_CHANGED, "2");
	/* `update` is any update. */
	own(bench, "3", "a.example", ACTION_UPDATE, 0);
	feed(bench, "3", "a.example", ACTION_UNLOCK, 0);
	assert_int_equal(bench->count, 2);
}

static void events_are_compared_part_by_part(void **state)
{
	struct bench *bench = *state;
	struct ledger_word ours = word_of("1", "a.example", ACTION_UPDATE), theirs = ours;
	ours.has_marks = theirs.has_marks = true;
	ours.marks[2] = 7;
	theirs.marks[2] = 8;
	assert_int_equal(ledger_own(bench->ledger, &ours, 0), RESULT_OK);
	assert_int_equal(ledger_feed(bench->ledger, &theirs, 0), RESULT_OK);
	assert_told(bench, 1, LEDGER_CHANGED, "1");
	assert_int_equal(bench->parts[0], 1 << 2);
}

static void without_all_only_locks_count(void **state)
{
	struct bench *bench = *state;
	open_ledger(bench, false, false);
	feed(bench, "1", "a.example", ACTION_UPDATE, 0);
	feed(bench, "2", "a.example", ACTION_UNLOCK | ACTION_UPDATE, 0);
	own(bench, "3", "a.example", ACTION_CREATE, 0);
	own(bench, "4", "a.example", ACTION_LOCK, 0);
	judge(bench, 10 * WAIT_MS);
	assert_int_equal(bench->count, 2);
	assert_string_equal(bench->txn[0], "2");
	assert_string_equal(bench->txn[1], "4");
	/* A lock that became something else is still a lock of ours. */
	own(bench, "5", "a.example", ACTION_LOCK, 0);
	feed(bench, "5", "a.example", ACTION_UPDATE, 0);
	assert_told(bench, 3, LEDGER_CHANGED, "5");
}

static void what_comes_twice_counts_once(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	feed(bench, "1", "a.example", ACTION_LOCK, 0);
	feed(bench, "1", "a.example", ACTION_LOCK, 0);
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	assert_int_equal(ledger_agreed(bench->ledger), 1);
	/* The end of something that was pending before. */
	struct ledger_word end = word_of("9", "a.example", ACTION_LOCK);
	end.completes = true;
	assert_int_equal(ledger_feed(bench->ledger, &end, 0), RESULT_OK);
	judge(bench, 10 * WAIT_MS);
	assert_int_equal(bench->count, 0);
}

static void without_a_txn_the_oldest_that_is_alike_is_meant(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "b.example", ACTION_LOCK, 0);
	own(bench, "2", "a.example", ACTION_LOCK, 0);
	feed(bench, "", "a.example", ACTION_LOCK, 0);
	judge(bench, 10 * WAIT_MS);
	assert_told(bench, 1, LEDGER_MISSING, "1");
	feed(bench, "", "a.example", ACTION_UNLOCK, 0);
	judge(bench, 20 * WAIT_MS);
	assert_told(bench, 2, LEDGER_NOT_OURS, "");
}

static void what_the_feed_lost_is_not_missing(void **state)
{
	struct bench *bench = *state;
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	assert_true(ledger_lost(bench->ledger, "1"));
	assert_false(ledger_lost(bench->ledger, "1"));
	assert_false(ledger_lost(bench->ledger, "2"));
	judge(bench, 10 * WAIT_MS);
	assert_int_equal(bench->count, 0);
}

static void at_the_end_nothing_is_waited_for(void **state)
{
	struct bench *bench = *state;
	const struct ledger_state end = {.now_ms = 1, .own_is_live = true, .feed_is_live = true};
	feed(bench, "1", "a.example", ACTION_LOCK, 0);
	own(bench, "2", "a.example", ACTION_LOCK, 0);
	assert_int_equal(ledger_end(bench->ledger, &end), RESULT_OK);
	assert_int_equal(bench->count, 2);
}

static void what_was_sent_outside_of_the_span_is_not_missing(void **state)
{
	struct bench *bench = *state;
	struct ledger_state end = {.now_ms = 1, .own_is_live = true, .feed_is_live = true};
	open_ledger(bench, true, true);
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	own(bench, "2", "a.example", ACTION_LOCK, 0);
	own(bench, "3", "a.example", ACTION_LOCK, 0);
	feed(bench, "2", "a.example", ACTION_LOCK, 0);
	/* Sent after what was read of the feed ended. */
	struct ledger_word late = word_of("4", "a.example", ACTION_LOCK);
	late.time_ms = end.feed_until_ms = 1700000000000;
	assert_int_equal(ledger_own(bench->ledger, &late, 0), RESULT_OK);
	assert_int_equal(ledger_end(bench->ledger, &end), RESULT_OK);
	assert_told(bench, 1, LEDGER_MISSING, "3");
}

static void it_is_bounded_and_drops_no_alarm(void **state)
{
	struct bench *bench = *state;
	char txn[32];
	feed(bench, "first", "a.example", ACTION_UNLOCK, 0);
	for (int i = 0; i < LEDGER_MAX; i++) {
		snprintf(txn, sizeof txn, "t%d", i);
		feed(bench, txn, "a.example", ACTION_LOCK, 0);
	}
	assert_told(bench, 1, LEDGER_NOT_OURS, "first");
	/* What was settled goes first, without a word. */
	open_ledger(bench, true, false);
	own(bench, "1", "a.example", ACTION_LOCK, 0);
	feed(bench, "1", "a.example", ACTION_LOCK, 0);
	for (int i = 0; i < LEDGER_MAX; i++) {
		snprintf(txn, sizeof txn, "t%d", i);
		feed(bench, txn, "a.example", ACTION_LOCK, 0);
	}
	assert_int_equal(bench->count, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_both_say_agrees_in_either_order),
		TEST(what_only_the_feed_says_is_not_ours_within_a_second),
		TEST(while_our_own_word_cannot_be_read_the_alarm_waits_longer),
		TEST(what_only_we_say_is_missing_after_the_time_given),
		TEST(what_differs_was_changed_on_the_way),
		TEST(events_are_compared_part_by_part),
		TEST(without_all_only_locks_count),
		TEST(what_comes_twice_counts_once),
		TEST(without_a_txn_the_oldest_that_is_alike_is_meant),
		TEST(what_the_feed_lost_is_not_missing),
		TEST(at_the_end_nothing_is_waited_for),
		TEST(what_was_sent_outside_of_the_span_is_not_missing),
		TEST(it_is_bounded_and_drops_no_alarm),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}

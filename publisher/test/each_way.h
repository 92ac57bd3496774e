/* each_way.h - a story is told three times, and must come out the same: all in one batch, in batches that are committed
 * late, and each event after the commit of the one before
 *
 * For a file of tests with a set_up() and a tear_down(), which tells events as `mode` says.
 */
#ifndef PUBLISHER_TEST_EACH_WAY_H
#define PUBLISHER_TEST_EACH_WAY_H

static enum { ONE_BATCH, IN_FLIGHT, ONE_BY_ONE, MODES } mode;

static int set_up(void **state);
static int tear_down(void **state);

static inline int in_one_batch(void **state)
{
	mode = ONE_BATCH;
	return set_up(state);
}

static inline int in_flight(void **state)
{
	mode = IN_FLIGHT;
	return set_up(state);
}

static inline int one_by_one(void **state)
{
	mode = ONE_BY_ONE;
	return set_up(state);
}

/* clang-format off */
#define IN_EACH_WAY(test)                                            \
	{#test " (one batch)", test, in_one_batch, tear_down, NULL}, \
	{#test " (in flight)", test, in_flight, tear_down, NULL},    \
	{#test " (one by one)", test, one_by_one, tear_down, NULL}
/* clang-format on */

#endif

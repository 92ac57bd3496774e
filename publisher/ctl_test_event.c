/* ctl_test_event.c - epptapctl test-event: an event of nothing, to see that the feed works from end to end */
#include "publisher/ctl.h"

#include "publisher/ctl_order.h"
#include "publisher/feed_format.h"

#include <stdio.h>
#include <string.h>

static bool is_state(const char *text)
{
	size_t size = strnlen(text, SPOOL_TEST_MAX + 1);
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			return false;
	return size > 0 && size <= SPOOL_TEST_MAX;
}

int ctl_test_event(int argc, char **argv)
{
	(void)argc;
	const char *state = argv[1];
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status = is_state(state) ? ctl_order(config, SPOOL_TEST, state, strlen(state))
				     : ctl_fail("STATE: write 1 to %d characters of printable "
						"ASCII; subscribers see them",
						SPOOL_TEST_MAX);
	if (status == CTL_OK)
		printf("the test event is on its way, behind what is in the spool: subscribers get "
		       "it as " FEED_TEST_EVENT " under the topic " FEED_EVENT_TOPIC "\n");
	config_free(&config);
	return status;
}

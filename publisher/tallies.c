#include "publisher/tallies.h"

const char *const publisher_state_names[PUBLISHER_STATES] = {
	[PUBLISHER_STARTING] = "starting",
	[PUBLISHER_PUBLISHING] = "publishing",
	[PUBLISHER_WAITS_FOR_PORT] = "waits_for_port",
	[PUBLISHER_STORE_FAILS] = "store_fails",
	[PUBLISHER_SIGNING_FAILS] = "signing_fails",
	[PUBLISHER_REFUSED] = "refused",
	[PUBLISHER_STANDS_BY] = "stands_by",
	[PUBLISHER_ENDED] = "ended",
};

/* watch_exit.h - what eppwatch's exit status says */
#ifndef SUBSCRIBER_WATCH_EXIT_H
#define SUBSCRIBER_WATCH_EXIT_H

enum watch_exit {
	WATCH_DONE = 0,
	WATCH_WRONG = 1, /* something did not verify, or differs; or could not be read or written */
	WATCH_USAGE = 2,
	WATCH_TIMEOUT = 3, /* the count was not reached in time, or there never was a connection */
	WATCH_STILL = 4,   /* the feed stands still: nobody renews its checkpoint */
};

#endif

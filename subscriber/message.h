/* message.h - one message of the feed as it came off the wire: nothing of it is believed yet
 *
 * The bytes belong to whoever filled the struct (feed_socket.h: the socket, until its next receive). They are a
 * stranger's: any bytes, of any size that the transport lets through.
 */
#ifndef SUBSCRIBER_MESSAGE_H
#define SUBSCRIBER_MESSAGE_H

#include <stddef.h>

enum { MESSAGE_FRAMES = 3 };

struct message_frame {
	const char *bytes;
	size_t size;
};

struct message {
	size_t frames; /* how many there were; those after the third are not kept */
	struct message_frame topic, index, jws;
};

#endif

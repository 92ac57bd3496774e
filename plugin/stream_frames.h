/* stream_frames.h - the frames of one direction of a connection, out of bytes in any pieces
 *
 * RFC 5734: four bytes that say how long the whole is, themselves included, then the frame. One that comes in one piece
 * is shown where it lies; else it is put together in memory that grows with what has come, never with what was announced.
 * One that is over the limit, or finds no room, is passed over to its last byte, so that the next is found; there is no
 * length, up to the largest that four bytes can say, that takes memory or time by itself.
 *
 * Owner: the stream, which sees to it that one thread at a time calls.
 */
#ifndef PLUGIN_STREAM_FRAMES_H
#define PLUGIN_STREAM_FRAMES_H

#include "plugin/streams.h"

enum { STREAM_FRAMES_HEADER = 4 };

/* A frame at its end. A length of 4, or one below, which no frame has, makes an empty one. */
struct stream_frame {
	const char *bytes; /* good until the call returns */
	size_t size;
	enum loss lost; /* why there are no bytes; LOSSES: nothing is lost */
	struct streams_held
		*held; /* where the bytes lie, for who wants to keep them; NULL: the caller's */
};

struct stream_frames {
	struct streams_held held;
	uint64_t left;   /* bytes of the frame that are still to come */
	enum loss lost;  /* why it is passed over; LOSSES: it is not */
	uint8_t started; /* bytes of the header that have come */
	uint8_t header[STREAM_FRAMES_HEADER];
};

void stream_frames_init(struct stream_frames *frames);

/* Gives back what is held of a frame whose end never came. */
void stream_frames_end(struct stream_frames *frames, struct streams *streams);

/* What goes along with bytes. */
struct stream_frames_taker {
	struct streams *streams;
	size_t limit;   /* of a frame's size */
	unsigned owner; /* of what must be held */
	void (*take)(void *context, struct stream_frame *frame);
	void *context;
};

/* Takes all of the bytes; shows each frame that ends in them. */
void stream_frames_add(struct stream_frames *frames, const struct stream_frames_taker *taker,
		       const char *bytes, size_t size);

#endif

#include "plugin/stream_frames.h"

#include <string.h>

enum { GROWTH = 2 };

void stream_frames_init(struct stream_frames *frames)
{
	*frames = (struct stream_frames){.lost = LOSSES};
}

void stream_frames_end(struct stream_frames *frames, struct streams *streams)
{
	streams_give(streams, &frames->held);
	stream_frames_init(frames);
}

/* The frame is at its end. */
static void show(struct stream_frames *frames, const struct stream_frames_taker *taker,
		 struct stream_frame frame)
{
	frame.lost = frames->lost;
	taker->take(taker->context, &frame);
	stream_frames_end(frames, taker->streams);
}

/* The same where its bytes, if they are not lost, lie in what is held. */
static void show_held(struct stream_frames *frames, const struct stream_frames_taker *taker)
{
	struct streams_held *held = &frames->held;
	show(frames, taker,
	     (struct stream_frame){.bytes = held->bytes, .size = held->size, .held = held});
}

/* Takes of the header what is there. Returns how much that is. */
static size_t add_header(struct stream_frames *frames, const struct stream_frames_taker *taker,
			 const char *bytes, size_t size)
{
	size_t part = STREAM_FRAMES_HEADER - frames->started;
	if (part > size)
		part = size;
	memcpy(frames->header + frames->started, bytes, part);
	frames->started += (uint8_t)part;
	if (frames->started < STREAM_FRAMES_HEADER)
		return part;
	const uint8_t *header = frames->header;
	uint32_t length = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 |
			  (uint32_t)header[2] << 8 | header[3];
	frames->left = length > STREAM_FRAMES_HEADER ? length - STREAM_FRAMES_HEADER : 0;
	if (frames->left > taker->limit)
		frames->lost = LOSS_FRAME_LIMIT;
	if (frames->left == 0)
		show(frames, taker, (struct stream_frame){.bytes = "", .size = 0});
	return part;
}

/* Holds what is there of a frame that is not. The room grows by doubling, up to what the frame takes. */
static void hold(struct stream_frames *frames, const struct stream_frames_taker *taker,
		 const char *bytes, size_t part)
{
	struct streams_held *held = &frames->held;
	size_t have = held->size + part, all = held->size + frames->left;
	size_t room = have < all / GROWTH ? GROWTH * have : all;
	if (!streams_reserve(taker->streams, held, taker->owner, room, &frames->lost)) {
		streams_give(taker->streams, held);
		return;
	}
	memcpy(held->bytes + held->size, bytes, part);
	held->size += (uint32_t)part;
}

/* Takes of the frame what is there. Returns how much that is. */
static size_t add_body(struct stream_frames *frames, const struct stream_frames_taker *taker,
		       const char *bytes, size_t size)
{
	size_t part = frames->left < size ? (size_t)frames->left : size;
	if (frames->lost == LOSSES && !frames->held.bytes && part == frames->left) {
		show(frames, taker, (struct stream_frame){.bytes = bytes, .size = part});
		return part;
	}
	if (frames->lost == LOSSES)
		hold(frames, taker, bytes, part);
	frames->left -= part;
	if (frames->left == 0)
		show_held(frames, taker);
	return part;
}

void stream_frames_add(struct stream_frames *frames, const struct stream_frames_taker *taker,
		       const char *bytes, size_t size)
{
	while (size > 0) {
		size_t part = frames->started < STREAM_FRAMES_HEADER
				      ? add_header(frames, taker, bytes, size)
				      : add_body(frames, taker, bytes, size);
		bytes += part;
		size -= part;
	}
}

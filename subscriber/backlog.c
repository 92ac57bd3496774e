#include "subscriber/backlog.h"

#include <stdlib.h>
#include <string.h>

/* Topic, index and JWS, one after the other. */
struct waiting_message {
	size_t topic_size, index_size, jws_size;
	char bytes[];
};

static size_t size_of(const struct waiting_message *item)
{
	return sizeof *item + item->topic_size + item->index_size + item->jws_size;
}

int backlog_new(struct backlog *backlog)
{
	*backlog = (struct backlog){.items = calloc(BACKLOG_MAX, sizeof *backlog->items)};
	return backlog->items ? RESULT_OK : RESULT_NOMEM;
}

void backlog_drop(struct backlog *backlog)
{
	if (backlog->count == 0)
		return;
	struct waiting_message *item = backlog->items[backlog->head];
	backlog->bytes -= size_of(item);
	free(item);
	backlog->head = (backlog->head + 1) % BACKLOG_MAX;
	backlog->count--;
	backlog->first++;
}

void backlog_clear(struct backlog *backlog)
{
	while (backlog->count > 0)
		backlog_drop(backlog);
}

static struct waiting_message *copy_of(const struct message *message)
{
	size_t size = message->topic.size + message->index.size + message->jws.size;
	struct waiting_message *item = malloc(sizeof *item + size);
	if (!item)
		return NULL;
	item->topic_size = message->topic.size;
	item->index_size = message->index.size;
	item->jws_size = message->jws.size;
	memcpy(item->bytes, message->topic.bytes, item->topic_size);
	memcpy(item->bytes + item->topic_size, message->index.bytes, item->index_size);
	memcpy(item->bytes + item->topic_size + item->index_size, message->jws.bytes,
	       item->jws_size);
	return item;
}

int backlog_add(struct backlog *backlog, uint64_t index, const struct message *message)
{
	uint64_t next = backlog->first + backlog->count;
	if (backlog->count > 0 && index >= backlog->first && index < next)
		return RESULT_OK; /* a repeat */
	struct waiting_message *item = copy_of(message);
	if (!item)
		return RESULT_NOMEM;
	if (backlog->count > 0 && (index != next || backlog->count == BACKLOG_MAX ||
				   backlog->bytes + size_of(item) > BACKLOG_BYTES_MAX))
		backlog_clear(backlog);
	if (backlog->count == 0)
		backlog->first = index;
	backlog->items[(backlog->head + backlog->count++) % BACKLOG_MAX] = item;
	backlog->bytes += size_of(item);
	return RESULT_OK;
}

bool backlog_peek(struct backlog *backlog, uint64_t index, struct message *message)
{
	while (backlog->count > 0 && backlog->first < index)
		backlog_drop(backlog);
	if (backlog->count == 0 || backlog->first != index)
		return false;
	const struct waiting_message *item = backlog->items[backlog->head];
	const char *at = item->bytes;
	*message = (struct message){.frames = MESSAGE_FRAMES};
	message->topic = (struct message_frame){at, item->topic_size};
	at += item->topic_size;
	message->index = (struct message_frame){at, item->index_size};
	at += item->index_size;
	message->jws = (struct message_frame){at, item->jws_size};
	return true;
}

void backlog_free(struct backlog *backlog)
{
	if (!backlog->items)
		return;
	backlog_clear(backlog);
	free(backlog->items);
	backlog->items = NULL;
}

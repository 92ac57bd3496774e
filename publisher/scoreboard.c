#include "publisher/scoreboard.h"

#include <inttypes.h>
#include <sys/mman.h>

static size_t size_of(size_t sender_count)
{
	return sizeof(struct scoreboard) + sender_count * sizeof(struct score);
}

struct scoreboard *scoreboard_new(size_t sender_count)
{
	struct scoreboard *board = mmap(NULL, size_of(sender_count), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	board->sender_count = sender_count;
	return board;
}

void scoreboard_free(struct scoreboard **board)
{
	if (*board)
		munmap(*board, size_of((*board)->sender_count));
	*board = NULL;
}

static const char *state_of(struct score *sender)
{
	if (atomic_load(&sender->pid) == 0)
		return "down";
	return atomic_load(&sender->bound) ? "sending" : "waits_for_port";
}

static void add_door(struct door_counts *sum, const struct door_counts *door)
{
	sum->admitted += door->admitted;
	sum->unknown_key += door->unknown_key;
	sum->mechanism += door->mechanism;
	sum->malformed += door->malformed;
}

static void write_sender(struct score *sender, const char *channel, struct buffer *json)
{
	buffer_printf(json,
		      "\"%s\":{\"state\":\"%s\",\"pid\":%" PRId64 ",\"restarts\":%" PRIu64
		      ",\"sent\":%" PRIu64 ",\"invalid\":%" PRIu64 ",",
		      channel, state_of(sender), atomic_load(&sender->pid),
		      atomic_load(&sender->restarts), atomic_load(&sender->sent),
		      atomic_load(&sender->invalid));
	door_write_counts(&sender->door, json);
	buffer_append_byte(json, '}');
}

void scoreboard_write_stats(struct scoreboard *board, const struct config *config,
			    struct buffer *json)
{
	struct door_counts sum = {0};
	buffer_printf(json, "\"restarts\":%" PRIu64 ",\"senders\":{",
		      atomic_load(&board->publisher.restarts));
	for (size_t i = 0; i < board->sender_count; i++) {
		if (i)
			buffer_append_byte(json, ',');
		write_sender(&board->senders[i], config->channels[i].name, json);
		add_door(&sum, &board->senders[i].door);
	}
	buffer_append_text(json, "},");
	door_write_counts(&sum, json);
}

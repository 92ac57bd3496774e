#include "publisher/scoreboard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct score *score_new(void)
{
	void *score = mmap(NULL, sizeof(struct score), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return score == MAP_FAILED ? NULL : score;
}

static void score_free(struct score **score)
{
	if (*score)
		munmap(*score, sizeof **score);
	*score = NULL;
}

struct scoreboard *scoreboard_new(size_t sender_count)
{
	struct scoreboard *board = calloc(1, sizeof *board + sender_count * sizeof *board->senders);
	if (!board)
		return NULL;
	board->sender_count = sender_count;
	bool whole = (board->publisher = score_new()) != NULL;
	for (size_t i = 0; i < sender_count; i++)
		whole &= (board->senders[i] = score_new()) != NULL;
	if (!whole)
		scoreboard_free(&board);
	return board;
}

void scoreboard_free(struct scoreboard **board)
{
	if (!*board)
		return;
	score_free(&(*board)->publisher);
	for (size_t i = 0; i < (*board)->sender_count; i++)
		score_free(&(*board)->senders[i]);
	free(*board);
	*board = NULL;
}

void scoreboard_keep_one(struct scoreboard *board, size_t channel)
{
	score_free(&board->publisher);
	for (size_t i = 0; i < board->sender_count; i++)
		if (i != channel)
			score_free(&board->senders[i]);
}

static const char *state_of(struct score *sender)
{
	if (atomic_load(&sender->pid) == 0)
		return "down";
	return atomic_load(&sender->bound) ? "sending" : "waits_for_port";
}

/* What a sender counts, as far as it can be true: a number that JSON's readers refuse would hide all others. */
static uint64_t count_of(_Atomic uint64_t *count)
{
	static const uint64_t most = INT64_MAX / CONFIG_MAX_CHANNELS;
	uint64_t value = atomic_load(count);
	return value < most ? value : most;
}

/* Adds a sender's to a sum. */
static void add_door(struct door_counts *sum, struct score *sender)
{
	struct door_counts *door = &sender->door;
	for (int i = 0; i < DOOR_VERDICTS; i++)
		sum->by[i] += count_of(&door->by[i]);
	sum->connected += count_of(&door->connected);
	sum->cut_off += count_of(&door->cut_off);
}

static void write_sender(struct score *sender, const char *channel, struct buffer *json)
{
	buffer_printf(json,
		      "\"%s\":{\"state\":\"%s\",\"pid\":%" PRId64 ",\"restarts\":%" PRIu64
		      ",\"sent\":%" PRIu64 ",\"invalid\":%" PRIu64 ",",
		      channel, state_of(sender), atomic_load(&sender->pid),
		      count_of(&sender->restarts), count_of(&sender->sent),
		      count_of(&sender->invalid));
	struct door_counts door = {0};
	add_door(&door, sender);
	door_write_counts(&door, json);
	buffer_append_byte(json, '}');
}

void scoreboard_write_stats(struct scoreboard *board, const struct config *config,
			    struct buffer *json)
{
	struct door_counts sum = {0};
	buffer_printf(json, "\"restarts\":%" PRIu64 ",\"senders\":{",
		      atomic_load(&board->publisher->restarts));
	for (size_t i = 0; i < board->sender_count; i++) {
		if (i)
			buffer_append_byte(json, ',');
		write_sender(board->senders[i], config->channels[i].name, json);
		add_door(&sum, board->senders[i]);
	}
	buffer_append_text(json, "},");
	door_write_counts(&sum, json);
}

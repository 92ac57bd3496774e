/* spooled.h - all that lies in a spool, record by record, for tests of what is put there */
#ifndef PLUGIN_TEST_SPOOLED_H
#define PLUGIN_TEST_SPOOLED_H

#include "eppparse/change.h"
#include "plugin/test/segment_file.h"

#include <dirent.h>
#include <unistd.h>

/* A record as it was found. */
struct spooled {
	struct spool_record_header header;
	struct spool_gap gap; /* of a SPOOL_GAP; below, of a SPOOL_CHANGE or SPOOL_INTENT */
	char name[CHANGE_NAME_SIZE], registrar[CHANGE_TOKEN_SIZE], txn[CHANGE_TOKEN_SIZE];
	char gaining[CHANGE_TOKEN_SIZE], losing[CHANGE_TOKEN_SIZE], ends[CHANGE_TOKEN_SIZE];
	enum change_outcome outcome;
	enum change_verb verb;
	enum change_state_at state_at;
	bool is_message;
};

struct spooled_list {
	struct spooled *items;
	int count, capacity;
};

static inline void spooled_free(struct spooled_list *list)
{
	free(list->items);
	*list = (struct spooled_list){0};
}

static inline void spooled_decode(struct spooled *record, const char *payload)
{
	struct change change;
	change_init(&change);
	if (record->header.kind == SPOOL_GAP && record->header.size == sizeof record->gap)
		memcpy(&record->gap, payload, sizeof record->gap);
	if (record->header.kind == SPOOL_CHANGE || record->header.kind == SPOOL_INTENT) {
		if (change_decode(&change, payload, record->header.size) != RESULT_OK)
			abort();
		memcpy(record->name, change.name.text, sizeof record->name);
		memcpy(record->registrar, change.registrar.text, sizeof record->registrar);
		memcpy(record->txn, change.svtrid.text, sizeof record->txn);
		memcpy(record->gaining, change.transfer.gaining.text, sizeof record->gaining);
		memcpy(record->losing, change.transfer.losing.text, sizeof record->losing);
		memcpy(record->ends, change.ends.text, sizeof record->ends);
		record->outcome = change.outcome;
		record->verb = change.verb;
		record->state_at = change.state_at;
		record->is_message = change.is_message;
	}
	change_free(&change);
}

static inline void spooled_add_segment(struct spooled_list *list, const char *state_dir,
				       const struct spool_name *name)
{
	struct segment_file file;
	struct spool_record_header header;
	const char *payload;
	bool good = segment_open(&file, state_dir, name->writer, name->sequence);
	while (good && segment_next(&file, &header, &payload)) {
		if (header.kind == SPOOL_END)
			continue;
		if (list->count == list->capacity) {
			list->capacity = list->capacity ? 2 * list->capacity : 64;
			list->items =
				realloc(list->items, (size_t)list->capacity * sizeof *list->items);
		}
		memset(&list->items[list->count], 0, sizeof *list->items);
		list->items[list->count].header = header;
		spooled_decode(&list->items[list->count++], payload);
	}
	segment_close(&file);
}

static inline int spooled_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Reads all records but SPOOL_END of all segments, in the order of their names. */
static inline void spooled_read(struct spooled_list *list, const char *state_dir)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	spooled_free(list);
	snprintf(path, sizeof path, "%s/spool", state_dir);
	int count = scandir(path, &entries, NULL, spooled_by_name);
	for (int i = 0; i < count; i++) {
		struct spool_name name;
		if (spool_name_read(entries[i]->d_name, &name))
			spooled_add_segment(list, state_dir, &name);
		free(entries[i]);
	}
	free(entries);
}

/* Waits until there are so many. False: they don't come. */
static inline bool spooled_await(struct spooled_list *list, const char *state_dir, int count)
{
	for (int tries = 0; tries < 10000; tries++) {
		spooled_read(list, state_dir);
		if (list->count >= count)
			return true;
		usleep(1000);
	}
	return false;
}

/* How many are of a kind. */
static inline int spooled_count(const struct spooled_list *list, enum spool_kind kind)
{
	int count = 0;
	for (int i = 0; i < list->count; i++)
		count += list->items[i].header.kind == kind;
	return count;
}

#endif

#include "publisher/hold.h"

#include <stdlib.h>
#include <string.h>

/* Keys. TABLE_HOLDS: channel, name with its NUL, number. TABLE_DUE: channel, time, number. */
enum {
	CHANNEL_SIZE = 4,
	NUMBER_SIZE = 8,
	HOLD_KEY_MAX = CHANNEL_SIZE + CHANGE_NAME_SIZE + NUMBER_SIZE,
	DUE_KEY_SIZE = CHANNEL_SIZE + 8 + NUMBER_SIZE,
};

struct hold_record {
	int64_t due_ms; /* of the name; meaningful for its first event */
	uint32_t kind;  /* enum hold_kind */
	uint32_t unused;
};

/* When a name may go out, and its place among those of the same time: the number of the event that holds it. */
struct due {
	int64_t ms;
	uint64_t number;
};

/* What holds a name: the first event that waits under it. */
struct holder {
	enum hold_kind kind; /* 0: nothing does */
	struct due due;      /* as in TABLE_DUE, unless its name was released in part */
};

struct hold_key {
	uint8_t bytes[HOLD_KEY_MAX];
	size_t prefix; /* channel and name */
};

static int open_cursor(struct feed_txn *txn, enum feed_table table, MDB_cursor **cursor)
{
	return feed_store_result(mdb_cursor_open(txn->mdb, txn->tables[table], cursor));
}

static struct hold_key hold_key(const struct channel_record *record, const char *name,
				uint64_t number)
{
	struct hold_key key;
	size_t size = strnlen(name, CHANGE_NAME_SIZE - 1);
	feed_key_put_u32(key.bytes, record->id);
	memcpy(key.bytes + CHANNEL_SIZE, name, size);
	key.bytes[CHANNEL_SIZE + size] = '\0';
	key.prefix = CHANNEL_SIZE + size + 1;
	feed_key_put_u64(key.bytes + key.prefix, number);
	return key;
}

static uint64_t number_of(MDB_val hold_key)
{
	return feed_key_u64((const uint8_t *)hold_key.mv_data + hold_key.mv_size - NUMBER_SIZE);
}

static void due_key(uint8_t key[DUE_KEY_SIZE], const struct channel_record *record,
		    const struct due *due)
{
	feed_key_put_u32(key, record->id);
	feed_key_put_u64(key + CHANNEL_SIZE, (uint64_t)due->ms);
	feed_key_put_u64(key + CHANNEL_SIZE + 8, due->number);
}

static int read_record(MDB_val value, struct hold_record *record)
{
	if (value.mv_size != sizeof *record)
		return RESULT_STORE;
	memcpy(record, value.mv_data, sizeof *record);
	return RESULT_OK;
}

/* Goes to the first event that waits under `name`. RESULT_INVALID: none does. */
static int first_held(MDB_cursor *cursor, const struct hold_key *wanted, MDB_val *key,
		      struct hold_record *record)
{
	MDB_val value;
	*key = (MDB_val){.mv_data = (void *)(uintptr_t)wanted->bytes, .mv_size = wanted->prefix};
	int code = mdb_cursor_get(cursor, key, &value, MDB_SET_RANGE);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (key->mv_size != wanted->prefix + NUMBER_SIZE ||
	    memcmp(key->mv_data, wanted->bytes, wanted->prefix) != 0)
		return RESULT_INVALID;
	return read_record(value, record);
}

static int find_holder(struct feed_txn *txn, const struct channel_record *channel, const char *name,
		       struct holder *holder)
{
	struct hold_key wanted = hold_key(channel, name, 0);
	struct hold_record record;
	MDB_cursor *cursor;
	MDB_val key;
	*holder = (struct holder){0};
	int result = open_cursor(txn, TABLE_HOLDS, &cursor);
	if (result != RESULT_OK)
		return result;
	result = first_held(cursor, &wanted, &key, &record);
	if (result == RESULT_OK)
		*holder = (struct holder){(enum hold_kind)record.kind,
					  {record.due_ms, number_of(key)}};
	mdb_cursor_close(cursor);
	return result == RESULT_INVALID ? RESULT_OK : result;
}

static int add(struct feed_txn *txn, struct channel_record *channel, const char *name,
	       uint64_t number, enum hold_kind kind, int64_t due_ms)
{
	struct hold_key wanted = hold_key(channel, name, number);
	struct hold_record record = {.due_ms = due_ms, .kind = kind};
	MDB_val key = {.mv_data = wanted.bytes, .mv_size = wanted.prefix + NUMBER_SIZE};
	MDB_val value = {.mv_data = &record, .mv_size = sizeof record};
	int code = mdb_put(txn->mdb, txn->tables[TABLE_HOLDS], &key, &value, 0);
	if (code == MDB_SUCCESS && kind != HOLD_FOLLOWER) {
		uint8_t bytes[DUE_KEY_SIZE];
		due_key(bytes, channel, &(struct due){due_ms, number});
		key = (MDB_val){.mv_data = bytes, .mv_size = sizeof bytes};
		value = (MDB_val){.mv_data = (void *)(uintptr_t)name, .mv_size = strlen(name) + 1};
		code = mdb_put(txn->mdb, txn->tables[TABLE_DUE], &key, &value, 0);
	}
	channel->held += code == MDB_SUCCESS;
	return feed_store_result(code);
}

static int remember(struct hold_released *released, uint64_t number)
{
	if (released->count == released->capacity) {
		size_t capacity = released->capacity ? released->capacity * 2 : 64;
		uint64_t *numbers = realloc(released->numbers, capacity * sizeof *numbers);
		if (!numbers)
			return RESULT_NOMEM;
		released->numbers = numbers;
		released->capacity = capacity;
	}
	released->numbers[released->count++] = number;
	return RESULT_OK;
}

static int forget_due(struct feed_txn *txn, const struct channel_record *channel,
		      const struct due *due)
{
	uint8_t bytes[DUE_KEY_SIZE];
	due_key(bytes, channel, due);
	MDB_val key = {.mv_data = bytes, .mv_size = sizeof bytes};
	return feed_store_result(mdb_del(txn->mdb, txn->tables[TABLE_DUE], &key, NULL));
}

/* Takes the event that the cursor stands on out of the queue. */
static int release_one(struct channel_record *channel, MDB_cursor *cursor, MDB_val key,
		       struct hold_released *released)
{
	int result = remember(released, number_of(key));
	if (result == RESULT_OK)
		result = feed_store_result(mdb_cursor_del(cursor, 0));
	channel->held -= result == RESULT_OK;
	return result;
}

/* Makes the event that the cursor stands on the one by which its name is held. TABLE_DUE keeps the number of the name's
 * first event, so that a release in parts has the order of one at once. */
static int hold_the_rest(MDB_cursor *cursor, MDB_val key, const struct hold_record *before)
{
	MDB_val value = {.mv_data = (void *)(uintptr_t)before, .mv_size = sizeof *before};
	return feed_store_result(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT));
}

/* Takes what waits under `name` out of the queue, in order, until `released` has `most`. `due` is its key in
 * TABLE_DUE. */
static int release_name(struct feed_txn *txn, struct channel_record *channel, const char *name,
			const struct due *due, size_t most, struct hold_released *released)
{
	struct hold_key wanted = hold_key(channel, name, 0);
	struct hold_record record = {0}, first = {0};
	MDB_cursor *cursor;
	MDB_val key;
	int result = open_cursor(txn, TABLE_HOLDS, &cursor);
	if (result != RESULT_OK)
		return result;
	while ((result = first_held(cursor, &wanted, &key, &record)) == RESULT_OK &&
	       released->count < most) {
		if (record.kind != HOLD_FOLLOWER)
			first = record;
		result = release_one(channel, cursor, key, released);
		if (result != RESULT_OK)
			break;
	}
	if (result == RESULT_OK)
		result = hold_the_rest(cursor, key, &first);
	else if (result == RESULT_INVALID)
		result = forget_due(txn, channel, due);
	mdb_cursor_close(cursor);
	return result;
}

/* What holds the object's name, or for a host the nearest name above it that is held; *name becomes that one. Below a
 * domain another domain is a name of its own, in a registry that has both. */
static int find_nearest_holder(struct feed_txn *txn, const struct channel_record *channel,
			       uint8_t object, const char **name, struct holder *holder)
{
	int result = RESULT_OK;
	*holder = (struct holder){0};
	for (; channel->held > 0; *name = strchr(*name, '.') + 1) {
		result = find_holder(txn, channel, *name, holder);
		if (result != RESULT_OK || holder->kind || object == CHANGE_DOMAIN ||
		    !strchr(*name, '.'))
			break;
	}
	return result;
}

/* A host that gets a new name is news of that one, too: if that is known, it must not wait for the old one. */
static int look_at_new_name(struct feed_txn *txn, const struct channel_record *channel,
			    const struct feed_event *event, bool *known)
{
	struct holder holder = {0};
	const char *name = event->new_name;
	int result = *name ? find_nearest_holder(txn, channel, event->object, &name, &holder)
			   : RESULT_OK;
	*known = *event->new_name && holder.kind != HOLD_CREATE;
	return result;
}

/* Puts the event of a domain that nothing holds in the queue, if it is of a kind that has a delay. Of what was pending the
 * public knows by now, or it was not done. */
static int delay(struct feed_txn *txn, struct channel_record *channel,
		 const struct hold_delays *delays, const struct feed_event *event, uint64_t number,
		 int64_t now_ms, bool *waits)
{
	int64_t delay_ms = 0;
	if (event->verb == CHANGE_CREATE && !event->is_end)
		delay_ms = delays->create_ms;
	else if (event->verb == CHANGE_DELETE && !event->is_end)
		delay_ms = delays->delete_ms;
	if (delay_ms <= 0)
		return RESULT_OK;
	*waits = true;
	return add(txn, channel, event->name, number,
		   event->verb == CHANGE_CREATE ? HOLD_CREATE : HOLD_DELETE, now_ms + delay_ms);
}

int hold_judge(struct feed_txn *txn, struct channel_record *channel,
	       const struct hold_delays *delays, const struct feed_event *event, uint64_t number,
	       int64_t now_ms, struct hold_released *released, bool *waits)
{
	struct holder holder;
	const char *name = event->name;
	bool known = false;
	*waits = false;
	if (!change_object_has_name((enum change_object)event->object))
		return RESULT_OK;
	int result = find_nearest_holder(txn, channel, event->object, &name, &holder);
	if (result == RESULT_OK && holder.kind == HOLD_CREATE)
		result = look_at_new_name(txn, channel, event, &known);
	if (result != RESULT_OK || known)
		return result;
	if (holder.kind == HOLD_CREATE) {
		*waits = true;
		return add(txn, channel, name, number, HOLD_FOLLOWER, 0);
	}
	if (event->object != CHANGE_DOMAIN)
		return RESULT_OK;
	if (holder.kind == HOLD_DELETE)
		return release_name(txn, channel, name, &holder.due, SIZE_MAX, released);
	return delay(txn, channel, delays, event, number, now_ms, waits);
}

/* The channel's next due name, as it stands in the table. RESULT_INVALID: nothing waits. */
static int next_due(struct feed_txn *txn, const struct channel_record *channel, struct due *due,
		    char name[CHANGE_NAME_SIZE])
{
	uint8_t bytes[DUE_KEY_SIZE];
	MDB_cursor *cursor;
	due_key(bytes, channel, &(struct due){0});
	MDB_val key = {.mv_data = bytes, .mv_size = sizeof bytes}, value;
	int result = open_cursor(txn, TABLE_DUE, &cursor);
	if (result != RESULT_OK)
		return result;
	result = feed_store_result(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	if (result == RESULT_OK && memcmp(key.mv_data, bytes, CHANNEL_SIZE) != 0)
		result = RESULT_INVALID;
	if (result == RESULT_OK &&
	    (key.mv_size != DUE_KEY_SIZE || value.mv_size == 0 || value.mv_size > CHANGE_NAME_SIZE))
		result = RESULT_STORE;
	if (result == RESULT_OK) {
		due->ms = (int64_t)feed_key_u64((const uint8_t *)key.mv_data + CHANNEL_SIZE);
		due->number = number_of(key);
		memcpy(name, value.mv_data, value.mv_size);
		name[value.mv_size - 1] = '\0';
	}
	mdb_cursor_close(cursor);
	return result;
}

int hold_release_due(struct feed_txn *txn, struct channel_record *channel, int64_t now_ms,
		     const struct hold_pace *pace, struct hold_released *released)
{
	char name[CHANGE_NAME_SIZE];
	struct due due;
	int result = RESULT_OK;
	for (size_t names = 0;
	     names < pace->names && released->count < pace->events && channel->held > 0; names++) {
		result = next_due(txn, channel, &due, name);
		if (result != RESULT_OK || due.ms > now_ms)
			break;
		result = release_name(txn, channel, name, &due, pace->events, released);
		if (result != RESULT_OK)
			break;
	}
	return result == RESULT_INVALID ? RESULT_OK : result;
}

int hold_next_due(struct feed_txn *txn, const struct channel_record *channel, int64_t *due_ms)
{
	char name[CHANGE_NAME_SIZE];
	struct due due = {.ms = INT64_MAX};
	int result = channel->held ? next_due(txn, channel, &due, name) : RESULT_OK;
	*due_ms = due.ms;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

/* What stands in TABLE_HOLDS; one that follows another of its name has that one's reason and time. */
static int read_waiting(MDB_val key, MDB_val value, struct hold_waiting *event)
{
	struct hold_record record;
	const char *name = (const char *)key.mv_data + CHANNEL_SIZE;
	size_t size = key.mv_size - CHANNEL_SIZE - NUMBER_SIZE;
	int result = read_record(value, &record);
	if (result != RESULT_OK || size > sizeof event->name || name[size - 1] != '\0')
		return RESULT_STORE;
	memcpy(event->name, name, size);
	event->number = number_of(key);
	if (record.kind != HOLD_FOLLOWER) {
		event->kind = (enum hold_kind)record.kind;
		event->due_ms = record.due_ms;
	}
	return RESULT_OK;
}

int hold_next(struct feed_txn *txn, const struct channel_record *channel,
	      struct hold_waiting *event)
{
	/* No name is empty: so all come behind the one that is all zeros. */
	struct hold_key wanted = hold_key(channel, event->name, event->number + 1);
	MDB_val key = {.mv_data = wanted.bytes, .mv_size = wanted.prefix + NUMBER_SIZE}, value;
	MDB_cursor *cursor;
	int result = open_cursor(txn, TABLE_HOLDS, &cursor);
	if (result != RESULT_OK)
		return result;
	result = feed_store_result(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	if (result == RESULT_OK && (key.mv_size <= CHANNEL_SIZE + NUMBER_SIZE ||
				    memcmp(key.mv_data, wanted.bytes, CHANNEL_SIZE) != 0))
		result = RESULT_INVALID;
	if (result == RESULT_OK)
		result = read_waiting(key, value, event);
	mdb_cursor_close(cursor);
	return result;
}

void hold_released_free(struct hold_released *released)
{
	free(released->numbers);
	*released = (struct hold_released){0};
}

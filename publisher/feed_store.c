#include "publisher/feed_store_inside.h"

#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* RESERVE: bytes over the limit, for taking away from a full store, since LMDB copies pages to do so. */
enum {
	RESERVE = 4 << 20,
	OLDEST_VERSION = 1,
};

static const char *const table_names[TABLE_COUNT] = {
	"meta", "events",  "channels", "places", "holds", "due",    "segments",
	"keys", "intents", "aside",    "notes",  "ages",  "chains", "logs",
};

struct feed_store {
	MDB_env *env;
	uint64_t limit;
	bool unmapped; /* LMDB could not map it again: it must not be touched any more */
	pthread_rwlock_t
		mapping; /* held by each transaction: no other thread may map it again meanwhile */
	MDB_dbi tables[TABLE_COUNT];
};

const char *feed_store_trouble(int result)
{
	switch (result) {
	case RESULT_FULL:
		return "the disk is full, or the store at store.limit: make room, or raise the "
		       "limit and open the tap again";
	case RESULT_NOMEM:
		return "out of memory";
	default:
		return "its disk is full or fails, or it is damaged: make room, or see the "
		       "kernel's log";
	}
}

static int open_table(struct feed_store *store, struct feed_txn *txn, int table, bool read_only)
{
	return feed_store_result(mdb_dbi_open(txn->mdb, table_names[table],
					      read_only ? 0 : MDB_CREATE, &store->tables[table]));
}

/* The version in a store that has one; a new store gets ours. */
static int settle_version(struct feed_txn *txn, bool read_only, uint32_t *version)
{
	int result =
		feed_txn_get(txn, TABLE_META, feed_text_view("version"), version, sizeof *version);
	if (result != RESULT_INVALID || read_only)
		return result;
	*version = FEED_STORE_VERSION;
	return feed_txn_put(txn, TABLE_META, feed_text_view("version"),
			    feed_view(version, sizeof *version));
}

/* In format 1 a key was its bytes alone. */
static int upgrade_keys(struct feed_txn *txn)
{
	struct key_record record = {.state = KEY_TRUSTED};
	char id[FEED_KEY_ID_SIZE];
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn->mdb, txn->tables[TABLE_KEYS], &cursor);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	while (code == MDB_SUCCESS) {
		if (key.mv_size > sizeof id || value.mv_size != sizeof record.key) {
			code = MDB_CORRUPTED;
			break;
		}
		/* Both lie in the page that is changed. */
		memcpy(id, key.mv_data, key.mv_size);
		memcpy(record.key, value.mv_data, sizeof record.key);
		key = feed_view(id, key.mv_size);
		value = feed_view(&record, sizeof record);
		code = mdb_cursor_put(cursor, &key, &value, MDB_CURRENT);
		if (code == MDB_SUCCESS)
			code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}

/* Makes a store of format 1 one of format 2. How far its spool was consumed goes: that spool's format is gone, too. */
static int upgrade_from_1(struct feed_txn *txn)
{
	int result = upgrade_keys(txn);
	if (result == RESULT_OK)
		result = feed_store_result(mdb_drop(txn->mdb, txn->tables[TABLE_SEGMENTS], 0));
	return result;
}

/* Makes an older store one of ours. Format 2 had no notes: their tables were made just now. */
static int upgrade(struct feed_txn *txn, uint32_t *version)
{
	int result = *version == OLDEST_VERSION ? upgrade_from_1(txn) : RESULT_OK;
	*version = FEED_STORE_VERSION;
	if (result == RESULT_OK)
		result = feed_txn_put(txn, TABLE_META, feed_text_view("version"),
				      feed_view(version, sizeof *version));
	return result;
}

static bool is_upgradable(uint32_t version)
{
	return version >= OLDEST_VERSION && version < FEED_STORE_VERSION;
}

/* Opens the tables. RESULT_OK with a *version that is not ours: it is none that can be opened so. */
static int open_tables(struct feed_store *store, bool read_only, uint32_t *version)
{
	struct feed_txn txn;
	int result = feed_txn_begin(store, read_only, &txn);
	if (result == RESULT_OK)
		result = open_table(store, &txn, TABLE_META, read_only);
	if (result == RESULT_OK)
		result = settle_version(&txn, read_only, version);
	bool is_older = result == RESULT_OK && is_upgradable(*version) && !read_only;
	bool can_be_opened = is_older || *version == FEED_STORE_VERSION;
	for (int i = TABLE_META + 1; i < TABLE_COUNT && can_be_opened && result == RESULT_OK; i++)
		result = open_table(store, &txn, i, read_only);
	if (result == RESULT_OK && is_older)
		result = upgrade(&txn, version);
	if (result == RESULT_OK && can_be_opened)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	return result;
}

static int open_env(struct feed_store *store, const char *folder, uint64_t limit, bool read_only)
{
	int code = mdb_env_create(&store->env);
	if (code == MDB_SUCCESS)
		code = mdb_env_set_maxdbs(store->env, TABLE_COUNT);
	if (code == MDB_SUCCESS)
		code = mdb_env_set_mapsize(store->env, limit);
	if (code == MDB_SUCCESS)
		code = mdb_env_open(store->env, folder, read_only ? MDB_RDONLY : 0, 0600);
	return code;
}

static void tell_version(const char *folder, uint32_t version, char *why, size_t why_size)
{
	if (is_upgradable(version))
		snprintf(why, why_size,
			 "feed store %s: has format %u, which this version upgrades to %d when it "
			 "publishes from it, and can't read before",
			 folder, version, FEED_STORE_VERSION);
	else
		snprintf(
			why, why_size,
			"feed store %s: has format %u, this version writes %d; use the epptap that "
			"made it, or a new state_dir",
			folder, version, FEED_STORE_VERSION);
}

int feed_store_open(const char *state_dir, uint64_t limit, bool read_only, struct feed_store **out,
		    char *why, size_t why_size)
{
	char folder[PATH_MAX];
	uint32_t version = 0;
	*out = NULL;
	snprintf(folder, sizeof folder, "%s/" FEED_STORE_FOLDER, state_dir);
	snprintf(why, why_size, "out of memory");
	struct feed_store *store = calloc(1, sizeof *store);
	if (!store)
		return RESULT_NOMEM;
	store->limit = limit;
	pthread_rwlock_init(&store->mapping, NULL);
	int code = MDB_SUCCESS;
	if (!read_only && file_make_folder(folder, 0700) != RESULT_OK)
		code = errno;
	if (code == MDB_SUCCESS)
		code = open_env(store, folder, limit, read_only);
	int result = code == MDB_SUCCESS ? open_tables(store, read_only, &version) : RESULT_STORE;
	if (result != RESULT_OK) {
		snprintf(why, why_size, "feed store %s: %s; %s", folder,
			 code == MDB_SUCCESS ? "it can't be read or written" : mdb_strerror(code),
			 code == ENOENT ? "nothing was published from this state_dir yet"
					: "see to its owner, mode and free space");
		result = result == RESULT_NOMEM ? RESULT_NOMEM : RESULT_STORE;
	} else if (version != FEED_STORE_VERSION) {
		tell_version(folder, version, why, why_size);
		result = RESULT_STORE;
	}
	if (result != RESULT_OK)
		feed_store_close(&store);
	*out = store;
	return result;
}

bool feed_store_exists(const char *state_dir)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER "/data.mdb", state_dir);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

void feed_store_close(struct feed_store **store)
{
	if (!*store)
		return;
	if ((*store)->env)
		mdb_env_close((*store)->env);
	pthread_rwlock_destroy(&(*store)->mapping);
	free(*store);
	*store = NULL;
}

int feed_store_open_reserve(struct feed_store *store, bool open)
{
	pthread_rwlock_wrlock(&store->mapping);
	if (!store->unmapped &&
	    mdb_env_set_mapsize(store->env, store->limit + (open ? RESERVE : 0)) != MDB_SUCCESS)
		store->unmapped = true;
	int result = store->unmapped ? RESULT_STORE : RESULT_OK;
	pthread_rwlock_unlock(&store->mapping);
	return result;
}

int feed_txn_begin(struct feed_store *store, bool read_only, struct feed_txn *txn)
{
	int dead;
	txn->tables = store->tables;
	txn->mdb = NULL;
	txn->next_number = FEED_NO_NUMBER;
	txn->mapping = &store->mapping;
	pthread_rwlock_rdlock(txn->mapping);
	/* A tool that was killed while it read would keep all pages from being used again. */
	if (!read_only && !store->unmapped)
		mdb_reader_check(store->env, &dead);
	int result = store->unmapped
			     ? RESULT_STORE
			     : feed_store_result(mdb_txn_begin(
				       store->env, NULL, read_only ? MDB_RDONLY : 0, &txn->mdb));
	if (result != RESULT_OK) {
		txn->mdb = NULL;
		pthread_rwlock_unlock(txn->mapping);
	}
	return result;
}

int feed_txn_commit(struct feed_txn *txn)
{
	int code = mdb_txn_commit(txn->mdb);
	txn->mdb = NULL;
	pthread_rwlock_unlock(txn->mapping);
	return feed_store_result(code);
}

void feed_txn_abort(struct feed_txn *txn)
{
	if (!txn->mdb)
		return;
	mdb_txn_abort(txn->mdb);
	txn->mdb = NULL;
	pthread_rwlock_unlock(txn->mapping);
}

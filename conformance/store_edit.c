/* store_edit.c - makes a feed store into one that another version of epptap left behind
 *
 *   store_edit FOLDER version NUMBER      writes that format into it
 *   store_edit FOLDER format-1            makes it a store of format 1, as far as that had the same tables
 *   store_edit FOLDER format-2            the same of format 2
 *   store_edit FOLDER older MILLISECONDS  makes all events so much older
 *   store_edit FOLDER aside FROM TO       in quarantine, changes of encoding FROM become changes of encoding TO
 *
 * By LMDB alone, with no code of the publisher. Nobody else may have the store open. Exit 0; 1: something failed.
 */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES = 16, KEY_SIZE = 32, ASIDE_HEADER_SIZE = 40, PAYLOAD_MAX = 1 << 17 };

static void must(int code, const char *what)
{
	if (code == MDB_SUCCESS)
		return;
	fprintf(stderr, "store_edit: %s: %s\n", what, mdb_strerror(code));
	exit(EXIT_FAILURE);
}

static MDB_dbi table(MDB_txn *txn, const char *name)
{
	MDB_dbi table;
	must(mdb_dbi_open(txn, name, 0, &table), name);
	return table;
}

static void set_version(MDB_txn *txn, uint32_t version)
{
	MDB_val key = {.mv_data = (char[]){"version"}, .mv_size = strlen("version")};
	MDB_val value = {.mv_data = &version, .mv_size = sizeof version};
	must(mdb_put(txn, table(txn, "meta"), &key, &value, 0), "version");
}

static void drop_tables(MDB_txn *txn, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		must(mdb_drop(txn, table(txn, names[i]), 1), names[i]);
}

/* In format 2 there were no notes of earlier events, no chains and no logs. */
static void make_format_2(MDB_txn *txn)
{
	static const char *const later[] = {"notes", "ages", "chains", "logs"};
	drop_tables(txn, later, sizeof later / sizeof *later);
	set_version(txn, 2);
}

/* In format 1 a key was its bytes alone, nobody knew whose store it is, and four things more were not there. */
static void make_format_1(MDB_txn *txn)
{
	static const char *const later[] = {"intents", "aside"}, *const meta[] = {"identity",
										  "order"};
	make_format_2(txn);
	MDB_dbi keys = table(txn, "keys");
	MDB_cursor *cursor;
	MDB_val key, value;
	uint8_t bytes[KEY_SIZE];
	must(mdb_cursor_open(txn, keys, &cursor), "keys");
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
		memcpy(bytes, value.mv_data, sizeof bytes);
		value = (MDB_val){.mv_data = bytes, .mv_size = sizeof bytes};
		must(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), "a key");
	}
	mdb_cursor_close(cursor);
	drop_tables(txn, later, sizeof later / sizeof *later);
	for (size_t i = 0; i < sizeof meta / sizeof *meta; i++) {
		key = (MDB_val){.mv_data = (void *)(uintptr_t)meta[i], .mv_size = strlen(meta[i])};
		int code = mdb_del(txn, table(txn, "meta"), &key, NULL);
		must(code == MDB_NOTFOUND ? MDB_SUCCESS : code, meta[i]);
	}
	set_version(txn, 1);
}

/* A change's encoding is its first byte. */
static void change_aside(MDB_txn *txn, uint8_t from, uint8_t to)
{
	static uint8_t bytes[PAYLOAD_MAX];
	MDB_cursor *cursor;
	MDB_val key, value;
	must(mdb_cursor_open(txn, table(txn, "aside"), &cursor), "aside");
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
		if (value.mv_size <= ASIDE_HEADER_SIZE || value.mv_size > sizeof bytes)
			continue;
		memcpy(bytes, value.mv_data, value.mv_size);
		if (bytes[ASIDE_HEADER_SIZE] != from)
			continue;
		bytes[ASIDE_HEADER_SIZE] = to;
		value.mv_data = bytes;
		must(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), "a change");
	}
	mdb_cursor_close(cursor);
}

/* When an event was added is the second eight bytes of its header. */
static void make_older(MDB_txn *txn, int64_t milliseconds)
{
	static uint8_t bytes[PAYLOAD_MAX];
	MDB_cursor *cursor;
	MDB_val key, value;
	must(mdb_cursor_open(txn, table(txn, "events"), &cursor), "events");
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
		int64_t added_ms;
		if (value.mv_size < 16 || value.mv_size > sizeof bytes)
			must(MDB_CORRUPTED, "an event");
		memcpy(bytes, value.mv_data, value.mv_size);
		memcpy(&added_ms, bytes + 8, sizeof added_ms);
		added_ms -= milliseconds;
		memcpy(bytes + 8, &added_ms, sizeof added_ms);
		value.mv_data = bytes;
		must(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), "an event");
	}
	mdb_cursor_close(cursor);
}

int main(int argc, char **argv)
{
	MDB_env *env;
	MDB_txn *txn;
	if (argc < 3)
		return EXIT_FAILURE;
	must(mdb_env_create(&env), "memory");
	must(mdb_env_set_maxdbs(env, TABLES), "memory");
	must(mdb_env_open(env, argv[1], 0, 0600), argv[1]);
	must(mdb_txn_begin(env, NULL, 0, &txn), argv[1]);
	if (strcmp(argv[2], "version") == 0 && argc == 4)
		set_version(txn, (uint32_t)atoi(argv[3]));
	else if (strcmp(argv[2], "format-1") == 0)
		make_format_1(txn);
	else if (strcmp(argv[2], "format-2") == 0)
		make_format_2(txn);
	else if (strcmp(argv[2], "older") == 0 && argc == 4)
		make_older(txn, atoll(argv[3]));
	else if (strcmp(argv[2], "aside") == 0 && argc == 5)
		change_aside(txn, (uint8_t)atoi(argv[3]), (uint8_t)atoi(argv[4]));
	else
		must(MDB_INCOMPATIBLE, argv[2]);
	must(mdb_txn_commit(txn), "commit");
	mdb_env_close(env);
	return EXIT_SUCCESS;
}

/* config.h - the configuration: one YAML file, read once, then never changed
 *
 * etc/epptap.yaml shows every key. Each has a row in the table of config_table.c: type, unit, bounds, default. Unknown
 * and doubled keys are errors.
 * Owner: whoever called config_load(); the struct is immutable afterwards, so any thread may read it.
 * Times are milliseconds, sizes bytes.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_MAX_CHANNELS = 64 };

/* What an event is about, for a channel's `kinds`. Bits of config_channel.kinds. */
enum config_kind {
	CONFIG_KIND_CREATE = 1 << 0,
	CONFIG_KIND_UPDATE = 1 << 1,
	CONFIG_KIND_DELETE = 1 << 2,
	CONFIG_KIND_RENEW = 1 << 3,
	CONFIG_KIND_TRANSFER = 1 << 4,
	CONFIG_KIND_RESTORE = 1 << 5,
	CONFIG_KIND_ALL = (1 << 6) - 1,
};

enum config_publisher { CONFIG_PUBLISHER_EMBEDDED, CONFIG_PUBLISHER_PROCESS };
enum config_alg { CONFIG_ALG_EDDSA, CONFIG_ALG_ED25519 };
enum config_durability { CONFIG_DURABILITY_BATCH, CONFIG_DURABILITY_WAIT };

struct config_texts {
	char **items;
	size_t count;
};

/* How long creates and deletes wait; of one zone, or (zone NULL) of the channel. */
struct config_delay {
	char *zone;
	int64_t create_ms;
	int64_t delete_ms;
};

struct config_channel {
	char *name; /* lower-case letters, digits and hyphens; unique */
	char *bind;
	struct config_texts connect; /* default: bind */
	char *curve_secret;          /* path, or NULL: a plain channel */
	char *curve_clients;         /* path of the folder, or NULL with curve_any */
	bool curve_any;
	char *origin;              /* default: host of `registry`, slash, name */
	struct config_delay delay; /* both 0: nothing is delayed */
	struct config_delay *zone_delays;
	size_t zone_delay_count;
	struct config_texts zones; /* none: all */
	unsigned kinds;
	char *log_dir; /* default: name, in the folder log of state_dir */
	unsigned high_water_mark;
};

/* A login or a namespace or a verb, and what it stands for. */
struct config_pair {
	char *from;
	char *to;
};

struct config_pairs {
	struct config_pair *items;
	size_t count;
};

struct config {
	char *path; /* as given to config_load() */
	char *registry;
	struct config_texts zones; /* lower case; none: all */
	char *state_dir;
	/* Of each key the path, or a URI of another scheme than file: */
	char *key_event;
	char *key_log, *key_cosigner; /* both NULL: no channel has a log */
	char *key_log_before;         /* signs logs beside key_log; may be NULL */
	enum config_publisher publisher;
	enum config_alg alg;
	struct {
		uint64_t queue, frame_limit;
		uint64_t streams; /* bytes for all raw streams */
		enum config_durability durability;
		int64_t wait_limit_ms; /* of durability: wait */
		bool intent; /* do raw streams note transforms before they are carried out? */
	} capture;
	int64_t reorder_ms;
	uint64_t spool_limit, store_limit;
	bool server_changes; /* does the registry tell its own changes? Then some of the queue is kept for them */
	unsigned sign_threads;          /* 0: half the cores, at least one */
	struct config_pairs registrars; /* as token.h has ids and titles; to: "hide" for none */
	struct config_pairs namespaces; /* URIs; to: one of epp_names.h */
	struct config_pairs verbs; /* to: create, update, delete, renew, transfer, restore, query */
	int64_t retention_ms;
	int64_t checkpoint_ms; /* how soon after news a log is signed */
	struct config_channel *channels;
	size_t channel_count;
	char *metrics; /* path or NULL */
};

/* Reads and checks `path`. RESULT_OK: *config is the caller's, for config_free(). RESULT_CONFIG or RESULT_NOMEM:
 * *config is NULL and `why` holds "path:line:column: what is wrong, and what would be right" (cut to why_size; the
 * path is the caller's, the rest never more than the key, a bounded printable part of the value, and our words).
 * `why` may be NULL if why_size is 0. Opens no file but `path`: whether keys and folders can be used, those who use
 * them say. */
MUST_USE int config_load(const char *path, struct config **config, char *why, size_t why_size);

void config_free(struct config **config);

/* The longest of `zones` that `name` (lower case, no trailing dot) is, or lies in; NULL if none. */
const char *config_zone_of(const struct config_texts *zones, const char *name);

#endif

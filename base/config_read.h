/* config_read.h - how the configuration is read; for base/config*.c and their tests alone
 *
 * The way: bytes -> YAML document (config_yaml.c) -> by the table (config_table.c), value by value
 * (config_scalar.c, config_list.c) into the struct -> what no row alone can say (config_check.c).
 * One struct config_reader goes through all of it; it lives on the stack of config_load(). The first complaint ends
 * the reading. A function here that returns int gives RESULT_OK, RESULT_CONFIG (and has written `why`), or
 * RESULT_NOMEM; whatever it put into the struct until then, config_free() gives back.
 */
#ifndef BASE_CONFIG_READ_H
#define BASE_CONFIG_READ_H

#include "base/config.h"

#include <yaml.h>

enum {
	CONFIG_MAX_FILE = 1024 * 1024,
	CONFIG_MAX_DEPTH = 8,
	CONFIG_MAX_ITEMS = 4096,
	CONFIG_MAX_PATH = 1000, /* room is left for the names of files below */
	CONFIG_MAX_KEY = 64,    /* the longest dotted key of the table */
	CONFIG_EXCERPT = 32,    /* bytes of a value that a message may hold */
};

struct config_reader {
	const char *path;
	char *why;
	size_t why_size;
	yaml_document_t document;
	struct config *config;
};

/* A part of a value that may be printed: ASCII, anything else as '?', cut with three dots. */
struct config_excerpt {
	char text[CONFIG_EXCERPT + 4];
};

/* Whose field a row fills: offsets count from that struct. */
enum config_scope { CONFIG_OF_FILE, CONFIG_OF_CHANNEL, CONFIG_OF_ZONE };

struct config_choice {
	const char *name;
	unsigned value;
};

struct config_row;

/* Reads the value `node`, whose shape the caller has checked by config_expect(), into `slot`. */
typedef int config_read_fn(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, void *slot);

struct config_row {
	const char *path; /* with all keys above it: "channels.curve.secret" */
	enum config_scope scope;
	bool required;
	size_t offset; /* 0 for readers that fill more than one field: their slot is the struct */
	yaml_node_type_t shape;
	config_read_fn *read;
	config_read_fn *item; /* for the items of a list of texts */
	uint64_t min,
		max; /* of a number in its smallest unit; else bytes of a text, items of a list */
	const char *initial; /* the default, in the file's words; NULL: see config_check.c */
	const char *right;   /* what would be right: the end of a complaint, after "write" */
	const struct config_choice *choices;
};

/* config_table.c: every key, in the order of etc/epptap.yaml. */
extern const struct config_row config_rows[];
extern const size_t config_row_count;

/* config_yaml.c: the file's bytes as a document, in reader->document; RESULT_OK: for yaml_document_delete().
 * Refuses what a config has no use for and an attacker has: anchors, aliases, tags, depth, a second document. */
MUST_USE int config_yaml_load(struct config_reader *reader);

/* Writes "path:line:column: ", at the start of `at` (NULL: the file's start), and the message. RESULT_CONFIG. */
MUST_USE int config_fail(struct config_reader *reader, const yaml_node_t *at, const char *format,
			 ...) __attribute__((format(printf, 3, 4)));

struct config_excerpt config_excerpt(const yaml_node_t *scalar);

const yaml_node_t *config_node(struct config_reader *reader, int index);

/* The value at dotted `path` below a mapping; NULL if it isn't there. */
const yaml_node_t *config_find(struct config_reader *reader, const yaml_node_t *mapping,
			       const char *path);

/* Has `node` that shape, and if it is a scalar, does it hold text, and no control characters? */
MUST_USE int config_expect(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, yaml_node_type_t shape);

/* config_walk.c: reads a mapping, whose keys stand under `prefix` in the table, into the struct of `scope`. */
MUST_USE int config_read_mapping(struct config_reader *reader, enum config_scope scope,
				 const char *prefix, const yaml_node_t *mapping, void *base);

/* Sets the defaults of the rows of `scope`. */
MUST_USE int config_read_defaults(struct config_reader *reader, enum config_scope scope,
				  void *base);

/* Are the required keys of `scope` there, below `prefix`? */
MUST_USE int config_require(struct config_reader *reader, enum config_scope scope,
			    const char *prefix, const yaml_node_t *mapping);

/* config_scalar.c, config_address.c, config_list.c: one function for a kind of value. */
config_read_fn config_read_text, config_read_path, config_read_key, config_read_clients,
	config_read_name, config_read_origin, config_read_registry, config_read_domain,
	config_read_bind, config_read_connect, config_read_size, config_read_duration,
	config_read_number, config_read_switch, config_read_choice, config_read_texts,
	config_read_kinds, config_read_registrars, config_read_channels, config_read_zone_delays;

/* config_epp.c: what frames are read by. */
config_read_fn config_read_namespaces, config_read_verbs;

/* Reads a mapping of texts to texts, in which no key comes twice: each key and each value, a scalar, by a function of its
 * own. */
typedef int config_part_fn(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, char **slot);
MUST_USE int config_read_pairs(struct config_reader *reader, const struct config_row *row,
			       const yaml_node_t *node, config_part_fn *from, config_part_fn *to,
			       struct config_pairs *pairs);

/* "<key>: "<value>" is no <what>; write <what would be right>" */
MUST_USE int config_wrong(struct config_reader *reader, const struct config_row *row,
			  const yaml_node_t *node, const char *what);

/* The end of a complaint: ", or take the key out", unless it is required. */
const char *config_or_without(const struct config_row *row);

/* `size` in the unit that the file would have it in. */
struct config_excerpt config_size_text(uint64_t size);

/* Puts a copy of `size` bytes, closed by NUL, in *slot, and frees what was there. RESULT_NOMEM. */
MUST_USE int config_keep(char **slot, const void *bytes, size_t size);

/* config_check.c: fills what follows from other keys, then holds the keys against each other. */
MUST_USE int config_complete(struct config_reader *reader);
MUST_USE int config_check(struct config_reader *reader, const yaml_node_t *root);

#endif

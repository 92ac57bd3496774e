/* checks.h - what the targets that read frames share: a parser as registries of the field would have it, and what must
 * hold of whatever it finds
 *
 * Owner: one target, one thread. A check that fails ends the program by abort(), for libFuzzer to keep the input.
 */
#ifndef CONFORMANCE_FUZZ_CHECKS_H
#define CONFORMANCE_FUZZ_CHECKS_H

#include "base/buffer.h"
#include "base/config.h"
#include "base/name.h"
#include "conformance/fuzz/target.h"
#include "eppparse/eppparse.h"
#include "eppparse/scan.h"

#include <glob.h>
#include <string.h>

struct piece {
	const uint8_t *bytes;
	size_t size;
};

enum { SEPARATOR = 0x1e }; /* between the frames of an input: no character of XML 1.0 */

static struct eppparse *parse; /* reused from input to input, as in the field */
static struct change change;   /* likewise */
static struct buffer encoded;  /* what was found last */
static char *complaints;       /* all that went to stderr */
static size_t complaints_size;

/* Namespaces and verbs of all registries in etc/registries, as if they were one's own. */
enum { REGISTRIES_MAX = 64 };
static struct config *registries[REGISTRIES_MAX];
static struct config_pairs own_namespaces, own_verbs;

static inline void add_pairs(struct config_pairs *all, const struct config_pairs *some)
{
	size_t count = all->count + some->count;
	if (some->count == 0)
		return;
	all->items = realloc(all->items, count * sizeof *all->items);
	must(all->items != NULL, "no memory");
	memcpy(all->items + all->count, some->items, some->count * sizeof *some->items);
	all->count = count;
}

static inline void read_registries(void)
{
	char why[512];
	glob_t found;
	must(glob("etc/registries/*.yaml", 0, NULL, &found) == 0 &&
		     found.gl_pathc <= REGISTRIES_MAX,
	     "no etc/registries: run at the top of the tree");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int result = config_load(found.gl_pathv[i], &registries[i], why, sizeof why);
		must(result == RESULT_OK, why);
		add_pairs(&own_namespaces, &registries[i]->namespaces);
		add_pairs(&own_verbs, &registries[i]->verbs);
	}
	globfree(&found);
}

static inline struct eppparse *new_parser(void)
{
	struct eppparse *made;
	must(eppparse_new(&made) == RESULT_OK, "no memory");
	eppparse_use(made, &own_namespaces, &own_verbs);
	return made;
}

/* What libraries print goes to a stream of ours. libFuzzer's own words go on to the descriptor. */
static inline void begin_reading(void)
{
	stderr = open_memstream(&complaints, &complaints_size);
	must(stderr != NULL && eppparse_silence_thread() == RESULT_OK, "no memory");
	read_registries();
	parse = new_parser();
	change_init(&change);
	buffer_init(&encoded, 8 << 20);
}

static inline void check_silence(void)
{
	fflush(stderr);
	must(complaints_size == 0, "something was written to stderr");
}

static inline void check_met(const struct eppparse *by)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:/._#-";
	const struct eppparse_met *met;
	size_t count = 0;
	for (; (met = eppparse_met(by, count)); count++)
		must(memchr(met->uri, '\0', sizeof met->uri) &&
			     strspn(met->uri, allowed) == strlen(met->uri),
		     "a namespace can't be shown");
	must(count <= EPPPARSE_MET_MAX, "too many namespaces");
}

/* Is that change, encoded, the bytes that `encoded` holds? */
static inline void must_equal_encoded(const struct change *other, const char *what)
{
	struct buffer second;
	buffer_init(&second, encoded.max);
	change_encode(other, &second);
	must(second.size == encoded.size && memcmp(second.data, encoded.data, second.size) == 0,
	     what);
	buffer_free(&second);
}

/* A change has a subject of its kind, an impact, and comes through its encoding as it is. */
static inline void check_change(void)
{
	struct change again;
	char name[NAME_SIZE];
	bool named = change_object_has_name(change.object);
	must(change_has_subject(&change), "a change of nothing");
	must(!named || (name_read_unicode(change.name.text, strlen(change.name.text), name) == 0 &&
			strcmp(name, change.name.text) == 0),
	     "a name that is none");
	must(!named || !name_is_unicode(name) ||
		     name_read(change.name.text, strlen(change.name.text), name) != 0,
	     "a name of two kinds");
	uint32_t impact = change_impact(&change);
	must(impact < 1u << IMPACT_COUNT, "no such impact");
	change_init(&again);
	change_encode(&change, &encoded);
	must(change_decode(&again, encoded.data, encoded.size) == RESULT_OK, "it can't be decoded");
	must_equal_encoded(&again, "decoded, it is another");
	must(change_impact(&again) == impact, "decoded, it has another impact");
	change_free(&again);
}

/* What must hold after each reading. `encoded` holds the change, if it is one. */
static inline void check_found(enum eppparse_result found)
{
	must((unsigned)found < EPPPARSE_RESULTS && found != EPPPARSE_NOMEM, "no such result");
	must(strlen(change.svtrid.text) < CHANGE_TOKEN_SIZE, "no such svTRID");
	buffer_reset(&encoded);
	if (found == EPPPARSE_CHANGE)
		check_change();
	check_met(parse);
	check_silence();
}

/* The input up to the separator; *rest is what is behind it. */
static inline struct piece split(struct piece input, struct piece *rest)
{
	const uint8_t *at = input.size ? memchr(input.bytes, SEPARATOR, input.size) : NULL;
	size_t size = at ? (size_t)(at - input.bytes) : input.size;
	size_t skipped = at ? size + 1 : size;
	*rest = (struct piece){input.bytes + skipped, input.size - skipped};
	return (struct piece){input.bytes, size};
}

/* Would the tap pass over the pair by the scans alone? Then it must be none that tells of a change. */
static inline bool passed_over(struct piece command, struct piece response)
{
	enum scan_command kind = scan_command((const char *)command.bytes, command.size, NULL);
	return !scan_may_matter(kind, (const char *)response.bytes, response.size);
}

#endif

/* spool.h - the format of the spool: what the plugin writes and the publisher reads
 *
 * A segment is a file <state_dir>/spool/<sequence, 16 hex digits>.seg: a spool_segment_header, then records, each a
 * spool_record_header with its payload. It is appended to by one process, never mapped into memory; bytes that were not
 * synced may be written again, the same, at the same place. The publisher unlinks it when it is consumed. Numbers are of the machine's byte order: a spool never
 * leaves its machine.
 * A record whose checksum is wrong at the end of a dead process's segment is a torn write: nobody was told that it
 * is durable. Anywhere else it is damage, and reading goes on at the next SPOOL_RECORD_MAGIC that fits.
 * Within a process the order of segments is that of their sequences. `id` is random, so that what was consumed of
 * one segment is never taken for another's.
 */
#ifndef PLUGIN_SPOOL_H
#define PLUGIN_SPOOL_H

#include "base/crc32.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SPOOL_FOLDER        "spool"
#define SPOOL_SEGMENT_NAME  "%016" PRIx64 ".seg" /* of a sequence, from 1 on */
#define SPOOL_LOCKS_FILE    "locks" /* beside the folder; state_dir.h tells what it is for */
#define SPOOL_SEGMENT_MAGIC "EPPTSPL1"
#define SPOOL_RECORD_MAGIC  0x43527045u /* "EpRC" */

enum {
	SPOOL_VERSION = 1,
	SPOOL_ID_SIZE = 16,
	SPOOL_SEQUENCE_DIGITS = 16,
	SPOOL_SEGMENT_SIZE = 16 << 20, /* a segment over this is closed, and another begun */
	SPOOL_RECORD_MAX = 8 << 20,    /* bytes of a payload */
};

enum spool_kind {
	SPOOL_CHANGE = 1, /* change_encode()'s bytes */
	SPOOL_END = 2,    /* nothing follows in this segment */
};

struct spool_segment_header {
	char magic[8];
	uint32_t version;
	uint32_t pid; /* the writer's */
	uint8_t id[SPOOL_ID_SIZE];
	int64_t created_us; /* wall clock */
	uint32_t salt;      /* where the checksums of its records begin: random */
	uint32_t crc;       /* of all before it */
};

struct spool_record_header {
	uint32_t magic;
	uint32_t size; /* of the payload */
	uint32_t crc;  /* of size, kind and payload, from the segment's salt on */
	uint32_t kind; /* enum spool_kind */
};

static inline uint32_t spool_segment_crc(const struct spool_segment_header *header)
{
	return crc32_update(0, header, offsetof(struct spool_segment_header, crc));
}

/* The header of a record with this payload. The salt keeps a registrar from writing a record into a payload, such as
 * a DNSSEC key, which a reader behind damage would take for one. */
static inline struct spool_record_header spool_record(uint32_t salt, uint32_t kind,
						      const void *payload, size_t size)
{
	struct spool_record_header header = {
		.magic = SPOOL_RECORD_MAGIC, .size = (uint32_t)size, .kind = kind};
	header.crc = crc32_update(salt, &header.size, sizeof header.size);
	header.crc = crc32_update(header.crc, &header.kind, sizeof header.kind);
	header.crc = crc32_update(header.crc, payload, size);
	return header;
}

/* The sequence in a segment's file name; 0: it is no such name. */
static inline uint64_t spool_sequence_of(const char *name)
{
	char *end;
	uint64_t sequence = strtoull(name, &end, 16);
	return end - name == SPOOL_SEQUENCE_DIGITS && strcmp(end, ".seg") == 0 ? sequence : 0;
}

_Static_assert(sizeof(struct spool_segment_header) == 48, "no padding in the segment's header");
_Static_assert(sizeof(struct spool_record_header) == 16, "no padding in the record's header");

#endif

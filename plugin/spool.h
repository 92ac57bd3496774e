/* spool.h - the format of the spool: what the plugin writes and the publisher reads
 *
 * A segment is a file <state_dir>/spool/<sequence, 16 hex digits>.seg: a spool_segment_header, then records, each a
 * spool_record_header with its payload. It is appended to by one process, never changed otherwise, never mapped into
 * memory, and unlinked by the publisher when it is consumed. Numbers are of the machine's byte order: a spool never
 * leaves its machine.
 * A record whose checksum is wrong at the end of a dead process's segment is a torn write: nobody was told that it
 * is durable. Anywhere else it is damage, and reading goes on at the next SPOOL_RECORD_MAGIC that fits.
 * Within a process the order of segments is that of their sequences. `id` is random, so that what was consumed of
 * one segment is never taken for another's.
 */
#ifndef PLUGIN_SPOOL_H
#define PLUGIN_SPOOL_H

#include <stdint.h>

#define SPOOL_FOLDER        "spool"
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
	uint32_t crc;       /* of all before it */
	uint32_t unused;
};

struct spool_record_header {
	uint32_t magic;
	uint32_t size; /* of the payload */
	uint32_t crc;  /* of size, kind and payload */
	uint32_t kind; /* enum spool_kind */
};

_Static_assert(sizeof(struct spool_segment_header) == 48, "no padding in the segment's header");
_Static_assert(sizeof(struct spool_record_header) == 16, "no padding in the record's header");

#endif

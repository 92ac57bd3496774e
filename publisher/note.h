/* note.h - signed notes, checkpoints and cosignatures
 *
 * After C2SP signed-note, tlog-checkpoint and tlog-cosignature, each v1. A note is a text, an empty line, and signature
 * lines; a checkpoint is a note whose text tells a log's size and root; a cosignature is a signature line that bears the
 * time at which it was made. (What feed_store.h calls a note is something else.)
 *
 * Written with callers' keys: this file signs nothing, it says which bytes to sign, and makes a line of the signature.
 * Parsing takes whatever a stranger sends: it is bounded in size and lines, allocates nothing, and answers
 * RESULT_INVALID to what is not to the letter. Lines of keys that the caller doesn't know are ignored.
 * Pure, but for the memory that libcrypto takes; any thread. For publisher and subscriber.
 */
#ifndef PUBLISHER_NOTE_H
#define PUBLISHER_NOTE_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIGNED_NOTE_MAX = 1 << 17,    /* bytes of a whole note: 16 lines of 5 kB, and room */
	SIGNED_NOTE_LINES_MAX = 32,   /* signature lines of a note; 16 must be accepted */
	VERIFIER_NAME_SIZE = 256,     /* bytes of a key's name, or a log's origin, with its NUL */
	VERIFIER_TEXT_MAX = 320,      /* bytes of a verifier key as text, never more */
	VERIFIER_KEY_SIZE = 32,       /* an Ed25519 public key */
	VERIFIER_SIGNATURE_SIZE = 64, /* an Ed25519 signature */
	CHECKPOINT_TEXT_MAX = 1024,   /* bytes of the text that we write, never more */
};

/* What a key's signature lines are. Keys of other types are unknown. */
enum verifier_type {
	VERIFIER_ED25519 = 0x01,     /* a signature of the note's text */
	VERIFIER_COSIGNATURE = 0x04, /* cosignature/v1: of the text and a time */
};

/* A public key with its name, as in feed.json's verifier_keys. */
struct verifier {
	char name[VERIFIER_NAME_SIZE];
	enum verifier_type type;
	uint32_t id; /* of the lines: with the name it says whose a line is */
	uint8_t key[VERIFIER_KEY_SIZE];
};

/* Can this be the name of a key? Printable ASCII without space and plus, and not empty; U+0080 and above are not taken,
 * since nobody who reads a log wants to tell two that look alike. */
bool verifier_name_is_good(const char *name);

/* RESULT_OK; RESULT_INVALID: no name for a key; RESULT_NOMEM. */
MUST_USE int verifier_make(const char *name, enum verifier_type type,
			   const uint8_t key[VERIFIER_KEY_SIZE], struct verifier *verifier);

/* Appends "<name>+<id>+<base64>". */
void verifier_write(const struct verifier *verifier, struct buffer *into);

/* Reads such a text. RESULT_OK; RESULT_INVALID: it is none, or its id is not the key's; RESULT_CONFIG: of a type that is
 * not known here; RESULT_NOMEM. */
MUST_USE int verifier_parse(const char *text, size_t size, struct verifier *verifier);

/* A signature line; its bytes are the note's. */
struct note_line {
	const char *name;
	size_t name_size;
	const char *base64; /* of id and signature */
	size_t base64_size;
	uint32_t id;
};

/* A note that was read; it points into the bytes that it was read from. */
struct signed_note {
	const char *text; /* with its last newline */
	size_t text_size;
	size_t line_count;
	struct note_line lines[SIGNED_NOTE_LINES_MAX];
};

/* RESULT_OK, or RESULT_INVALID: no note to the letter, over SIGNED_NOTE_MAX bytes, or with more lines than there is room
 * for. Nothing of it is trusted yet. */
MUST_USE int signed_note_parse(const void *bytes, size_t size, struct signed_note *note);

/* What was found good about a note. Each key counts once. */
struct note_verdict {
	unsigned signatures;   /* known keys of VERIFIER_ED25519 that signed it */
	unsigned cosignatures; /* known keys of VERIFIER_COSIGNATURE that signed it */
	int64_t time_s;        /* the latest time of these, since 1970; 0: none */
};

/* Holds the note against the keys that the caller trusts. RESULT_OK: no line of a known key is wrong, and *verdict
 * counts the good ones: it is for the caller to demand one of each; RESULT_INVALID: a line of a known key is wrong, so
 * the whole note is to be refused; RESULT_NOMEM. */
MUST_USE int signed_note_verify(const struct signed_note *note, const struct verifier *known,
				size_t known_count, struct note_verdict *verdict);

/* Appends the line of a signature to a note: to its text and an empty line before the first one. `time_s` is of a
 * cosignature: the time that was signed. */
void signed_note_add_line(struct buffer *note, const struct verifier *verifier, int64_t time_s,
			  const uint8_t signature[VERIFIER_SIGNATURE_SIZE]);

/* Appends what a cosigner signs: the text with a time. A key of VERIFIER_ED25519 signs the text itself. */
void cosignature_message(const char *text, size_t text_size, int64_t time_s, struct buffer *into);

/* A log's head. */
struct checkpoint {
	char origin[VERIFIER_NAME_SIZE];
	uint64_t size;
	struct merkle_hash root;
};

/* Appends the three lines. */
void checkpoint_write(const struct checkpoint *checkpoint, struct buffer *into);

/* Reads a note's text. Extension lines, which we never write, are passed over, as the specification wants.
 * RESULT_OK, or RESULT_INVALID: not to the letter, or a size over MERKLE_SIZE_MAX. */
MUST_USE int checkpoint_parse(const char *text, size_t size, struct checkpoint *checkpoint);

#endif

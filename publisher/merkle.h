/* merkle.h - the Merkle tree of a log: hashes, a compact range, proofs (RFC 6962, section 2.1)
 *
 * A tree of `size` entries has one root hash. Who has seen every entry keeps a compact range, the roots of the complete
 * subtrees that make the tree up, at most one for each bit of the size: it grows by an entry in O(log n), and gives the
 * root at any time. Who has not takes proofs: of inclusion, that an entry is in the tree; of consistency, that a tree is
 * the beginning of another. Both are made from tiles (tiles.h), of which the caller has the bytes, and are no better
 * than these: what is made from a stranger's tiles is verified against a root that is trusted.
 *
 * Pure, but for the memory that libcrypto takes for a hash; any thread. Sizes below 2^63. For publisher and subscriber.
 */
#ifndef PUBLISHER_MERKLE_H
#define PUBLISHER_MERKLE_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERKLE_SIZE_MAX ((uint64_t)INT64_MAX)

enum {
	MERKLE_HASH_SIZE = 32,
	MERKLE_PEAKS_MAX = 63, /* of a tree of MERKLE_SIZE_MAX entries */
	MERKLE_PROOF_MAX = 64, /* hashes of a proof, never more */
	MERKLE_TILE_WIDTH =
		256 /* hashes of a full tile, each the root of a full one of the level below */
};

struct merkle_hash {
	uint8_t bytes[MERKLE_HASH_SIZE];
};

/* The compact range from the log's begin: the roots of the complete subtrees, the largest and leftmost first, as many
 * as `size` has bits that are set. */
struct merkle_range {
	uint64_t size;
	struct merkle_hash peaks[MERKLE_PEAKS_MAX];
};

/* The hashes in the order of RFC 6962: from the leaf's, or the old tree's, neighbour upwards. */
struct merkle_proof {
	size_t count;
	struct merkle_hash hashes[MERKLE_PROOF_MAX];
};

bool merkle_equal(const struct merkle_hash *one, const struct merkle_hash *other);

/* SHA-256(0x00, entry). RESULT_OK, RESULT_NOMEM. */
MUST_USE int merkle_leaf(const void *entry, size_t size, struct merkle_hash *hash);

/* SHA-256(0x01, left, right). `hash` may be one of the two. RESULT_OK, RESULT_NOMEM. */
MUST_USE int merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
			 struct merkle_hash *hash);

/* How many peaks a range of this size has. */
size_t merkle_peaks(uint64_t size);

/* An empty range; one that is all zeros is empty, too. */
void merkle_range_init(struct merkle_range *range);

/* Appends a leaf's hash. RESULT_OK; RESULT_NOMEM, or RESULT_FULL at MERKLE_SIZE_MAX: the range is as it was. */
MUST_USE int merkle_range_append(struct merkle_range *range, const struct merkle_hash *leaf);

/* The root of the tree; of an empty one SHA-256 of nothing. RESULT_OK, RESULT_NOMEM. */
MUST_USE int merkle_range_root(const struct merkle_range *range, struct merkle_hash *root);

/* Does the proof show that `leaf` is entry number `index` of the tree of `size` entries with this root?
 * RESULT_OK; RESULT_INVALID: it does not; RESULT_NOMEM. */
MUST_USE int merkle_verify_inclusion(const struct merkle_proof *proof, uint64_t index,
				     uint64_t size, const struct merkle_hash *leaf,
				     const struct merkle_hash *root);

/* Does the proof show that the tree of `old_size` entries with `old_root` is the beginning of that of `size` entries
 * with `root`? An empty tree is the beginning of all, and a tree of itself, by an empty proof.
 * RESULT_OK; RESULT_INVALID: it does not; RESULT_NOMEM. */
MUST_USE int merkle_verify_consistency(const struct merkle_proof *proof, uint64_t old_size,
				       const struct merkle_hash *old_root, uint64_t size,
				       const struct merkle_hash *root);

/* Where the hashes of a log come from. */
struct merkle_reader {
	void *context;
	/* Puts the first `width` hashes (1 to MERKLE_TILE_WIDTH) of tile number `tile` of this level into `hashes`. The
	 * width is what a tree of the size asked for has of it: a full tile, or a wider partial one, begins with the
	 * same hashes. Whatever it answers but RESULT_OK ends what was under way, with that. */
	int (*read_tile)(void *context, unsigned level, uint64_t tile, unsigned width,
			 struct merkle_hash *hashes);
};

/* Makes the proof of inclusion. RESULT_OK; RESULT_INVALID: there is no such entry; RESULT_NOMEM, or what the reader
 * answered. */
MUST_USE int merkle_prove_inclusion(const struct merkle_reader *reader, uint64_t index,
				    uint64_t size, struct merkle_proof *proof);

/* Makes the proof of consistency. RESULT_OK; RESULT_INVALID: old_size is the larger; RESULT_NOMEM, or what the reader
 * answered. */
MUST_USE int merkle_prove_consistency(const struct merkle_reader *reader, uint64_t old_size,
				      uint64_t size, struct merkle_proof *proof);

/* Makes the compact range of the log's first `count` entries from the tiles of a tree of `size`, at least `count`; who
 * starts in the middle goes on with it. Its root is that of the tree of `count` entries: hold it against a checkpoint of
 * that size, or take a proof of consistency. The same results. */
MUST_USE int merkle_read_range(const struct merkle_reader *reader, uint64_t count, uint64_t size,
			       struct merkle_range *range);

#endif

#include "publisher/merkle.h"

#include "publisher/crypto_gate.h"
#include "publisher/tiles.h"

#include <openssl/evp.h>
#include <string.h>

enum { LEAF_PREFIX = 0, NODE_PREFIX = 1, TILE_BITS = 8 };

/* SHA-256 of `prefix` and what follows; without a prefix below 0. */
static int digest(int prefix, const void *bytes, size_t size, struct merkle_hash *hash)
{
	const uint8_t first = (uint8_t)prefix;
	if (!crypto_gate_enter())
		return RESULT_NOMEM;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		    (prefix < 0 || EVP_DigestUpdate(context, &first, 1) == 1) &&
		    EVP_DigestUpdate(context, bytes, size) == 1 &&
		    EVP_DigestFinal_ex(context, hash->bytes, NULL) == 1;
	EVP_MD_CTX_free(context);
	crypto_gate_leave();
	return good ? RESULT_OK : RESULT_NOMEM;
}

bool merkle_equal(const struct merkle_hash *one, const struct merkle_hash *other)
{
	return memcmp(one->bytes, other->bytes, MERKLE_HASH_SIZE) == 0;
}

int merkle_leaf(const void *entry, size_t size, struct merkle_hash *hash)
{
	return digest(LEAF_PREFIX, entry, size, hash);
}

int merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
		struct merkle_hash *hash)
{
	const struct merkle_hash both[2] = {*left, *right};
	return digest(NODE_PREFIX, both, sizeof both, hash);
}

size_t merkle_peaks(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void merkle_range_init(struct merkle_range *range)
{
	range->size = 0;
}

/* The new leaf closes as many subtrees as the size has ones at its end. */
int merkle_range_append(struct merkle_range *range, const struct merkle_hash *leaf)
{
	struct merkle_hash hash = *leaf;
	size_t count = merkle_peaks(range->size);
	int result = range->size < MERKLE_SIZE_MAX ? RESULT_OK : RESULT_FULL;
	for (uint64_t rest = range->size; rest & 1 && result == RESULT_OK; rest >>= 1)
		result = merkle_node(&range->peaks[--count], &hash, &hash);
	if (result != RESULT_OK)
		return result;
	range->peaks[count] = hash;
	range->size++;
	return RESULT_OK;
}

/* The root over roots of complete subtrees that stand side by side, each larger than the next. */
static int fold(const struct merkle_hash *peaks, size_t count, struct merkle_hash *root)
{
	int result = RESULT_OK;
	*root = peaks[count - 1];
	for (size_t i = count - 1; i > 0 && result == RESULT_OK; i--)
		result = merkle_node(&peaks[i - 1], root, root);
	return result;
}

int merkle_range_root(const struct merkle_range *range, struct merkle_hash *root)
{
	return range->size == 0 ? digest(-1, "", 0, root)
				: fold(range->peaks, merkle_peaks(range->size), root);
}

static int compare(const struct merkle_hash *found, const struct merkle_hash *wanted)
{
	return merkle_equal(found, wanted) ? RESULT_OK : RESULT_INVALID;
}

/* RFC 9162, section 2.1.3.2: `node` is the number of the subtree that was come to, `last` that of the last one of the
 * same height. */
int merkle_verify_inclusion(const struct merkle_proof *proof, uint64_t index, uint64_t size,
			    const struct merkle_hash *leaf, const struct merkle_hash *root)
{
	uint64_t node = index, last = size - 1;
	struct merkle_hash hash = *leaf;
	int result = RESULT_OK;
	if (index >= size || size > MERKLE_SIZE_MAX || proof->count > MERKLE_PROOF_MAX)
		return RESULT_INVALID;
	for (size_t i = 0; i < proof->count && result == RESULT_OK; i++) {
		if (last == 0)
			return RESULT_INVALID;
		if (node & 1 || node == last) {
			result = merkle_node(&proof->hashes[i], &hash, &hash);
			for (; !(node & 1) && node != 0; node >>= 1)
				last >>= 1;
		} else {
			result = merkle_node(&hash, &proof->hashes[i], &hash);
		}
		node >>= 1;
		last >>= 1;
	}
	if (result != RESULT_OK)
		return result;
	return last == 0 ? compare(&hash, root) : RESULT_INVALID;
}

/* Those that need no hashes: an empty tree, and one that did not grow. */
static int verify_trivial(const struct merkle_proof *proof, uint64_t old_size,
			  const struct merkle_hash *old_root, const struct merkle_hash *root)
{
	struct merkle_hash empty;
	if (proof->count != 0)
		return RESULT_INVALID;
	if (old_size > 0)
		return compare(old_root, root);
	int result = digest(-1, "", 0, &empty);
	return result == RESULT_OK ? compare(old_root, &empty) : result;
}

/* RFC 9162, section 2.1.4.2. Both roots are put together from the same hashes; those of the new part go into the new
 * one alone. */
static int verify_growth(const struct merkle_proof *proof, uint64_t old_size,
			 const struct merkle_hash *old_root, uint64_t size,
			 const struct merkle_hash *root)
{
	uint64_t node = old_size - 1, last = size - 1;
	bool is_complete = (old_size & (old_size - 1)) == 0;
	struct merkle_hash old_hash = is_complete ? *old_root : proof->hashes[0];
	struct merkle_hash hash = old_hash;
	int result = RESULT_OK;
	for (; node & 1; node >>= 1)
		last >>= 1;
	for (size_t i = is_complete ? 0 : 1; i < proof->count && result == RESULT_OK; i++) {
		const struct merkle_hash *next = &proof->hashes[i];
		if (last == 0)
			return RESULT_INVALID;
		if (node & 1 || node == last) {
			result = merkle_node(next, &old_hash, &old_hash);
			if (result == RESULT_OK)
				result = merkle_node(next, &hash, &hash);
			for (; !(node & 1) && node != 0; node >>= 1)
				last >>= 1;
		} else {
			result = merkle_node(&hash, next, &hash);
		}
		node >>= 1;
		last >>= 1;
	}
	if (result == RESULT_OK)
		result = last == 0 ? compare(&old_hash, old_root) : RESULT_INVALID;
	return result == RESULT_OK ? compare(&hash, root) : result;
}

int merkle_verify_consistency(const struct merkle_proof *proof, uint64_t old_size,
			      const struct merkle_hash *old_root, uint64_t size,
			      const struct merkle_hash *root)
{
	if (old_size > size || size > MERKLE_SIZE_MAX || proof->count > MERKLE_PROOF_MAX)
		return RESULT_INVALID;
	if (old_size == 0 || old_size == size)
		return verify_trivial(proof, old_size, old_root, root);
	if (proof->count == 0)
		return RESULT_INVALID;
	return verify_growth(proof, old_size, old_root, size, root);
}

/* A proof in the making; it keeps the tile that it read last, since neighbours lie in one. */
struct prover {
	const struct merkle_reader *reader;
	uint64_t size;
	bool has_tile;
	unsigned level;
	uint64_t tile;
	struct merkle_hash hashes[MERKLE_TILE_WIDTH];
};

static int read_tile(struct prover *prover, unsigned level, uint64_t tile)
{
	if (prover->has_tile && prover->level == level && prover->tile == tile)
		return RESULT_OK;
	prover->has_tile = false;
	prover->level = level;
	prover->tile = tile;
	int result =
		prover->reader->read_tile(prover->reader->context, level, tile,
					  tiles_width(prover->size, level, tile), prover->hashes);
	prover->has_tile = result == RESULT_OK;
	return result;
}

/* The root of the complete subtree of 2^bits entries from `begin` on, a multiple of that. */
static int subtree(struct prover *prover, uint64_t begin, unsigned bits, struct merkle_hash *root)
{
	struct merkle_hash hashes[MERKLE_TILE_WIDTH];
	unsigned level = bits / TILE_BITS;
	uint64_t number = begin >> (TILE_BITS * level);
	size_t count = (size_t)1 << bits % TILE_BITS;
	int result = read_tile(prover, level, number / TILES_WIDTH);
	if (result != RESULT_OK)
		return result;
	memcpy(hashes, prover->hashes + number % TILES_WIDTH, count * sizeof *hashes);
	for (; count > 1 && result == RESULT_OK; count /= 2)
		for (size_t i = 0; i < count / 2 && result == RESULT_OK; i++)
			result = merkle_node(&hashes[2 * i], &hashes[2 * i + 1], &hashes[i]);
	*root = hashes[0];
	return result;
}

static unsigned highest_bit(uint64_t number)
{
	return 63 - (unsigned)__builtin_clzll(number);
}

/* The roots of the complete subtrees that [begin, end) is made of; where `begin` is a multiple of what its size rounded
 * up to a power of two is, as the halves of a tree are. */
static int read_peaks(struct prover *prover, uint64_t begin, uint64_t end,
		      struct merkle_hash *peaks, size_t *count)
{
	int result = RESULT_OK;
	for (*count = 0; begin < end && result == RESULT_OK; ++*count) {
		unsigned bits = highest_bit(end - begin);
		result = subtree(prover, begin, bits, &peaks[*count]);
		begin += UINT64_C(1) << bits;
	}
	return result;
}

/* Adds the root of the tree of [begin, end) to the proof. */
static int prove(struct prover *prover, uint64_t begin, uint64_t end, struct merkle_proof *proof)
{
	struct merkle_hash peaks[MERKLE_PEAKS_MAX];
	size_t count;
	int result = read_peaks(prover, begin, end, peaks, &count);
	return result == RESULT_OK ? fold(peaks, count, &proof->hashes[proof->count++]) : result;
}

/* It was made from the root downwards. */
static void turn_round(struct merkle_proof *proof)
{
	for (size_t i = 0; i < proof->count / 2; i++) {
		struct merkle_hash first = proof->hashes[i];
		proof->hashes[i] = proof->hashes[proof->count - 1 - i];
		proof->hashes[proof->count - 1 - i] = first;
	}
}

/* How many entries the left half of a tree has: the largest power of two below its size. */
static uint64_t left_half(uint64_t size)
{
	return UINT64_C(1) << highest_bit(size - 1);
}

/* PATH() of RFC 6962, section 2.1.1. */
int merkle_prove_inclusion(const struct merkle_reader *reader, uint64_t index, uint64_t size,
			   struct merkle_proof *proof)
{
	struct prover prover = {.reader = reader, .size = size};
	uint64_t begin = 0, end = size;
	int result = RESULT_OK;
	proof->count = 0;
	if (index >= size || size > MERKLE_SIZE_MAX)
		return RESULT_INVALID;
	while (end - begin > 1 && result == RESULT_OK) {
		uint64_t middle = begin + left_half(end - begin);
		if (index < middle) {
			result = prove(&prover, middle, end, proof);
			end = middle;
		} else {
			result = prove(&prover, begin, middle, proof);
			begin = middle;
		}
	}
	turn_round(proof);
	return result;
}

/* PROOF() of RFC 6962, section 2.1.2. */
int merkle_prove_consistency(const struct merkle_reader *reader, uint64_t old_size, uint64_t size,
			     struct merkle_proof *proof)
{
	struct prover prover = {.reader = reader, .size = size};
	uint64_t begin = 0, end = size;
	int result = RESULT_OK;
	proof->count = 0;
	if (old_size > size || size > MERKLE_SIZE_MAX)
		return RESULT_INVALID;
	while (old_size != 0 && old_size != end && result == RESULT_OK) {
		uint64_t middle = begin + left_half(end - begin);
		if (old_size <= middle) {
			result = prove(&prover, middle, end, proof);
			end = middle;
		} else {
			result = prove(&prover, begin, middle, proof);
			begin = middle;
		}
	}
	/* The old tree's last part, unless that is the old tree itself, whose root is known. */
	if (begin > 0 && result == RESULT_OK)
		result = prove(&prover, begin, end, proof);
	turn_round(proof);
	return result;
}

int merkle_read_range(const struct merkle_reader *reader, uint64_t count, uint64_t size,
		      struct merkle_range *range)
{
	struct prover prover = {.reader = reader, .size = size};
	size_t peaks;
	range->size = 0;
	if (count > size || size > MERKLE_SIZE_MAX)
		return RESULT_INVALID;
	int result = read_peaks(&prover, 0, count, range->peaks, &peaks);
	if (result == RESULT_OK)
		range->size = count;
	return result;
}

/* Messages whose place in the log is yet to be proved. */
#include "subscriber/follower_inside.h"

int follower_note_proof(struct follower *follower, uint64_t index, const struct message *message,
			bool *is_noted)
{
	*is_noted = follower->proof_count < FOLLOWER_PROOFS_MAX;
	if (!*is_noted)
		return RESULT_OK;
	struct follower_proof *proof = &follower->proofs[follower->proof_count++];
	proof->index = index;
	return merkle_leaf(message->jws.bytes, message->jws.size, &proof->leaf);
}

bool follower_has_proofs(const struct follower *follower, uint64_t size)
{
	for (size_t i = 0; i < follower->proof_count; i++)
		if (follower->proofs[i].index < size)
			return true;
	return false;
}

int follower_check_proofs(struct follower *follower, uint64_t size)
{
	size_t kept = 0;
	int result = RESULT_OK;
	for (size_t i = 0; i < follower->proof_count; i++) {
		const struct follower_proof proof = follower->proofs[i];
		const struct log_tile *tile;
		if (proof.index >= size || result != RESULT_OK) {
			follower->proofs[kept++] = proof;
			continue;
		}
		result = log_reader_tile(&follower->source.reader, 0, proof.index / TILES_WIDTH,
					 &tile);
		if (result != RESULT_OK)
			follower->proofs[kept++] = proof;
		else if (!merkle_equal(&tile->hashes[proof.index % TILES_WIDTH], &proof.leaf))
			result = follower_wrong(
				follower, proof.index,
				"what came by the socket under this index is not in the log there: "
				"somebody on the way renumbers events, or the log is not the feed");
	}
	follower->proof_count = kept;
	return result;
}

#include "publisher/event_token.h"

#include "publisher/crypto_gate.h"
#include "publisher/feed_format.h"

#include <openssl/rand.h>
#include <string.h>

enum {
	/* A signature with its dot, which the signer appends. */
	CLOSING_SIZE = 1 + (FEED_SIGNATURE_SIZE * 4 + 2) / 3,
	CLAIMS_MAX = 8 << 20,
};

int event_tokens_init(struct event_tokens *tokens, const struct config *config,
		      const struct signing_key *key)
{
	struct buffer text;
	tokens->config = config;
	memcpy(tokens->key_id, signing_key_id(key), sizeof tokens->key_id);
	buffer_init(&tokens->claims, CLAIMS_MAX);
	buffer_init(&tokens->header, 512);
	buffer_init(&text, 256);
	buffer_printf(&text, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"" FEED_JOSE_TYP "\"}",
		      config->alg == CONFIG_ALG_ED25519 ? "Ed25519" : "EdDSA", tokens->key_id);
	feed_base64url_encode(text.data, text.size, &tokens->header);
	buffer_append_byte(&tokens->header, '.');
	int result = text.failed || tokens->header.failed ? RESULT_NOMEM : RESULT_OK;
	buffer_free(&text);
	return result;
}

void event_tokens_free(struct event_tokens *tokens)
{
	buffer_free(&tokens->header);
	buffer_free(&tokens->claims);
}

static int begin(struct event_tokens *tokens, const struct clock_reading *now,
		 struct event_facts *facts)
{
	buffer_reset(&tokens->claims);
	*facts = (struct event_facts){.config = tokens->config, .signed_s = now->wall_us / 1000000};
	if (!crypto_gate_enter())
		return RESULT_NOMEM;
	bool good = RAND_bytes(facts->id, sizeof facts->id) == 1;
	crypto_gate_leave();
	return good ? RESULT_OK : RESULT_NOMEM;
}

/* The claims as a token. RESULT_FULL: they don't fit. */
static int encode(struct event_tokens *tokens, struct buffer *jws)
{
	buffer_reset(jws);
	buffer_append(jws, tokens->header.data, tokens->header.size);
	if (tokens->claims.failed)
		return RESULT_FULL;
	feed_base64url_encode(tokens->claims.data, tokens->claims.size, jws);
	/* base64url reserves up to three bytes that it gives back. */
	return !jws->failed && jws->size + CLOSING_SIZE + 3 <= jws->max ? RESULT_OK : RESULT_FULL;
}

/* The same of what always fits: if it fails, there is no memory. */
static int encode_short(struct event_tokens *tokens, struct buffer *jws)
{
	return encode(tokens, jws) == RESULT_OK ? RESULT_OK : RESULT_NOMEM;
}

int event_token_of_change(struct event_tokens *tokens, const struct change *change,
			  const uint8_t *completes, const uint8_t *prev,
			  const struct clock_reading *now, struct event_made *made,
			  struct buffer *jws)
{
	struct event_facts facts;
	*made = (struct event_made){0};
	int result = begin(tokens, now, &facts);
	if (result != RESULT_OK)
		return result;
	facts.completes = completes;
	facts.prev = prev;
	memcpy(made->id, facts.id, sizeof made->id);
	event_write(change, &facts, false, &tokens->claims);
	if (encode(tokens, jws) == RESULT_OK)
		return RESULT_OK;
	made->truncated = true;
	buffer_reset(&tokens->claims);
	event_write(change, &facts, true, &tokens->claims);
	return encode_short(tokens, jws);
}

int event_token_of_gap(struct event_tokens *tokens, const struct spool_gap *gap,
		       const struct clock_reading *now, struct buffer *jws)
{
	struct event_facts facts;
	int result = begin(tokens, now, &facts);
	if (result != RESULT_OK)
		return result;
	event_write_gap(gap, &facts, &tokens->claims);
	return encode_short(tokens, jws);
}

int event_token_of_test(struct event_tokens *tokens, const char *state, int64_t seen_us,
			const struct clock_reading *now, struct buffer *jws)
{
	struct event_facts facts;
	int result = begin(tokens, now, &facts);
	if (result != RESULT_OK)
		return result;
	event_write_test(state, seen_us, &facts, &tokens->claims);
	return encode_short(tokens, jws);
}

int event_token_of_key(struct event_tokens *tokens, const struct event_key *key,
		       const struct clock_reading *now, struct buffer *jws)
{
	struct event_facts facts;
	int result = begin(tokens, now, &facts);
	if (result != RESULT_OK)
		return result;
	event_write_key(key, &facts, &tokens->claims);
	return encode_short(tokens, jws);
}

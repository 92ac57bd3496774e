/* fuzz/subscriber.c - what a subscriber reads of strangers: messages, events, checkpoints, proofs, bundles, keys, feed.json
 *
 * For clang's libFuzzer: `make fuzz-subscriber SECONDS=60`. The first byte says which of them the rest is. Claims are
 * signed by a key that is trusted, so that what is behind the signature is reached, too; what is shown of them is fit
 * for a terminal, and as JSON one line that can be parsed.
 */
#include "base/file.h"
#include "conformance/fuzz/target.h"
#include "subscriber/channel.h"
#include "subscriber/proof_file.h"
#include "subscriber/show.h"
#include "subscriber/test/signer.h"

#include <fcntl.h>

static char folder[] = "/dev/shm/epptap-fuzz-XXXXXX";
static struct signer signer;
static struct keys *keys;
static struct fetch *fetch;

/* A JWKS that lies in memory. */
static int read_text(void *context, struct buffer *into, const struct complaint *why)
{
	(void)why;
	const struct message_frame *text = context;
	buffer_append(into, text->bytes, text->size);
	return into->failed ? RESULT_NOMEM : RESULT_OK;
}

static int open_keys(struct message_frame text, struct keys **opened)
{
	char why[1024];
	struct keys_source source = {.name = "jwks", .read = read_text, .context = &text};
	return keys_open(&source, opened, why, sizeof why);
}

static void end(void)
{
	char path[64];
	snprintf(path, sizeof path, "%s/" CHANNEL_FILE, folder);
	unlink(path);
	rmdir(folder);
	fetch_close(&fetch);
	keys_free(&keys);
	signer_free(&signer);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char why[1024];
	(void)argc;
	(void)argv;
	must(mkdtemp(folder), folder);
	signer_init(&signer);
	char *jwks = jwks_of(&signer, NULL);
	must(open_keys((struct message_frame){jwks, strlen(jwks)}, &keys) == RESULT_OK, jwks);
	free(jwks);
	must(fetch_open(folder, &(struct fetch_settings){0}, &fetch, why, sizeof why) == RESULT_OK,
	     why);
	atexit(end);
	return 0;
}

static void must_be_printable(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		must((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n',
		     "not fit for a terminal");
}

static void show_to(const struct event *event, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct show show = {.out = out, .err = out, .channel = "vetted", .json = json};
	must(show_event(&show, event) == RESULT_OK, "not shown");
	fclose(out);
	must(size > 0 && strchr(text, '\n') == text + size - 1, "not one line");
	if (json) {
		json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
		must(json_is_object(line), "not JSON");
		json_decref(line);
	} else {
		must_be_printable(text, size);
	}
	free(text);
}

static void read_entry(struct message_frame jws)
{
	struct event event;
	struct refusal refusal;
	char why[1024];
	if (verify_entry(&jws, 17, REGISTRY, keys, &event, &refusal) != RESULT_OK) {
		must_be_printable(refusal.text, strlen(refusal.text));
		return;
	}
	show_to(&event, false);
	show_to(&event, true);
	if (strcmp(event.kind, FEED_KEY_EVENT) == 0) {
		struct keys *learning = NULL;
		char *jwks = jwks_of(&signer, NULL);
		if (open_keys((struct message_frame){jwks, strlen(jwks)}, &learning) == RESULT_OK)
			(void)!keys_learn(learning, event.what, why, sizeof why);
		keys_free(&learning);
		free(jwks);
	}
	event_free(&event);
}

static void read_claims(struct message_frame input)
{
	char *payload = strndup(input.bytes, input.size);
	struct buffer jws = sign(&signer, NULL, payload);
	read_entry((struct message_frame){jws.data, jws.size});
	buffer_free(&jws);
	free(payload);
}

static void read_message(struct message_frame input)
{
	struct message message = {.frames = MESSAGE_FRAMES,
				  .topic = {"org.example.", 12},
				  .index = {"17", 2},
				  .jws = input};
	struct event event;
	struct refusal why;
	must(verify_message(&message, REGISTRY, keys, &event, &why) != RESULT_OK, "verified");
	must_be_printable(why.text, strlen(why.text));
}

static void read_note(struct message_frame input)
{
	static const struct log_keys nobody = {0};
	static struct log_head head;
	char why[1024] = "";
	if (log_head_parse(input.bytes, input.size, &nobody, "x", &head, why, sizeof why) !=
	    RESULT_OK)
		must_be_printable(why, strlen(why));
	struct signed_note note;
	struct checkpoint checkpoint;
	if (signed_note_parse(input.bytes, input.size, &note) == RESULT_OK)
		(void)!checkpoint_parse(note.text, note.text_size, &checkpoint);
	struct verifier verifier;
	(void)!verifier_parse(input.bytes, input.size, &verifier);
}

static void read_proof(struct message_frame input)
{
	struct proof_file proof;
	char why[1024] = "";
	struct complaint complaint = {.text = why, .size = sizeof why};
	if (proof_file_read(input.bytes, input.size, &proof, &complaint) == RESULT_OK)
		proof_file_free(&proof);
	else
		must_be_printable(why, strlen(why));
}

static void read_bundle(struct message_frame input)
{
	size_t at = 0, size;
	const char *entry;
	while (tiles_bundle_next(input.bytes, input.size, &at, &entry, &size) == RESULT_OK)
		must(entry >= input.bytes && entry + size <= input.bytes + input.size, "outside");
}

static void read_keys(struct message_frame input)
{
	struct keys *opened = NULL;
	if (open_keys(input, &opened) == RESULT_OK)
		keys_free(&opened);
}

static void read_channel(struct message_frame input)
{
	char path[64], why[1024] = "";
	struct channel channel;
	snprintf(path, sizeof path, "%s/" CHANNEL_FILE, folder);
	must(file_replace(path, input.bytes, input.size, 0600, false) == RESULT_OK, path);
	if (channel_read(fetch, &channel, why, sizeof why) == RESULT_OK)
		channel_free(&channel);
	else
		must_be_printable(why, strlen(why));
}

/* In the order that `seeds` knows. */
static void (*const readers[])(struct message_frame) = {
	read_claims, read_message, read_note, read_proof, read_bundle, read_keys, read_channel,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return 0;
	struct message_frame input = {(const char *)bytes + 1, size - 1};
	readers[bytes[0] % (sizeof readers / sizeof *readers)](input);
	return 0;
}

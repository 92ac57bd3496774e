/* Notes, keys and checkpoints, held against examples that others made: those of Go's sumdb/note, and of the
 * specifications. */
#include "publisher/note.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char neumann_key[] =
	"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char neumann_note[] =
	"If you think cryptography is the answer to your problem,\n"
	"then you don't know what your problem is.\n"
	"\n"
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
	"KvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/* A key that signs, for these tests. */
struct test_key {
	EVP_PKEY *pair;
	struct verifier verifier;
};

static struct test_key make_key(const char *name, enum verifier_type type, uint8_t seed)
{
	uint8_t bytes[32], public_key[VERIFIER_KEY_SIZE];
	size_t size = sizeof public_key;
	struct test_key key;
	memset(bytes, seed, sizeof bytes);
	key.pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key.pair, public_key, &size), 1);
	assert_int_equal(verifier_make(name, type, public_key, &key.verifier), RESULT_OK);
	return key;
}

static void sign(const struct test_key *key, const char *bytes, size_t size,
		 uint8_t signature[VERIFIER_SIGNATURE_SIZE])
{
	size_t signature_size = VERIFIER_SIGNATURE_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &signature_size,
					(const unsigned char *)bytes, size),
			 1);
	EVP_MD_CTX_free(context);
}

/* Adds the key's line to the note, whose text is `text_size` long. */
static void add(struct buffer *note, size_t text_size, const struct test_key *key, int64_t time_s)
{
	uint8_t signature[VERIFIER_SIGNATURE_SIZE];
	struct buffer message;
	buffer_init(&message, 4096);
	if (key->verifier.type == VERIFIER_COSIGNATURE)
		cosignature_message(note->data, text_size, time_s, &message);
	else
		buffer_append(&message, note->data, text_size);
	sign(key, message.data, message.size, signature);
	signed_note_add_line(note, &key->verifier, time_s, signature);
	buffer_free(&message);
}

static int verify(const struct buffer *bytes, const struct verifier *known, size_t count,
		  struct note_verdict *verdict)
{
	struct signed_note note;
	assert_int_equal(signed_note_parse(bytes->data, bytes->size, &note), RESULT_OK);
	return signed_note_verify(&note, known, count, verdict);
}

static void a_note_of_gos_is_read_and_verified(void **state)
{
	(void)state;
	struct verifier key;
	struct signed_note note;
	struct note_verdict verdict;
	struct buffer text;
	assert_int_equal(verifier_parse(neumann_key, strlen(neumann_key), &key), RESULT_OK);
	assert_string_equal(key.name, "PeterNeumann");
	assert_int_equal(key.id, 0xc74f20a3);
	assert_int_equal(signed_note_parse(neumann_note, strlen(neumann_note), &note), RESULT_OK);
	assert_int_equal(note.line_count, 1);
	assert_int_equal(signed_note_verify(&note, &key, 1, &verdict), RESULT_OK);
	assert_int_equal(verdict.signatures, 1);
	assert_int_equal(verdict.cosignatures, 0);
	buffer_init(&text, VERIFIER_TEXT_MAX);
	verifier_write(&key, &text);
	assert_int_equal(text.size, strlen(neumann_key));
	assert_memory_equal(text.data, neumann_key, text.size);
	buffer_free(&text);
}

/* A bit that is wrong, anywhere: the note is none, or is not signed by whom we know, or wrongly. */
static void no_bit_of_a_note_can_be_changed(void **state)
{
	(void)state;
	struct verifier key;
	char bytes[sizeof neumann_note];
	size_t size = sizeof neumann_note - 1;
	assert_int_equal(verifier_parse(neumann_key, strlen(neumann_key), &key), RESULT_OK);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		struct signed_note note;
		struct note_verdict verdict = {0};
		memcpy(bytes, neumann_note, size);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (signed_note_parse(bytes, size, &note) == RESULT_OK &&
		    signed_note_verify(&note, &key, 1, &verdict) == RESULT_OK)
			assert_int_equal(verdict.signatures, 0);
	}
}

static void a_key_as_text_is_taken_to_the_letter(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 RESULT_INVALID},
		{"PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 RESULT_INVALID},
		{"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 RESULT_INVALID},
		{"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
		 RESULT_INVALID},
		{"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
		 RESULT_INVALID},
		{"PeterNeumann+c74f20a3+", RESULT_INVALID},
		{"PeterNeumann+c74f20a3", RESULT_INVALID},
		{"PeterNeumann+", RESULT_INVALID},
		{"PeterNeumann", RESULT_INVALID},
		{"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", RESULT_INVALID},
		{"", RESULT_INVALID},
		{"PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 RESULT_CONFIG},
	};
	struct verifier key;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(verifier_parse(cases[i].text, strlen(cases[i].text), &key),
				 cases[i].result);
	uint8_t bytes[VERIFIER_KEY_SIZE] = {1};
	assert_int_equal(verifier_make("with space", VERIFIER_ED25519, bytes, &key),
			 RESULT_INVALID);
	assert_int_equal(verifier_make("with+plus", VERIFIER_ED25519, bytes, &key), RESULT_INVALID);
	assert_int_equal(verifier_make("", VERIFIER_ED25519, bytes, &key), RESULT_INVALID);
	assert_int_equal(verifier_make("\xc3\xa4", VERIFIER_ED25519, bytes, &key), RESULT_INVALID);
}

static const struct checkpoint head = {
	.origin = "registry.example/public", .size = 20852163, .root = {.bytes = {10, 197, 24}}};

static void a_checkpoint_is_signed_and_cosigned(void **state)
{
	(void)state;
	struct test_key log = make_key("registry.example/public", VERIFIER_ED25519, 1);
	struct test_key next = make_key("registry.example/public", VERIFIER_ED25519, 2);
	struct test_key cosigner = make_key("registry.example/cosigner", VERIFIER_COSIGNATURE, 3);
	struct verifier known[] = {log.verifier, next.verifier, cosigner.verifier};
	struct note_verdict verdict;
	struct checkpoint back;
	struct signed_note note;
	struct buffer bytes;
	buffer_init(&bytes, 4096);
	checkpoint_write(&head, &bytes);
	size_t text_size = bytes.size;
	buffer_append_byte(&bytes, '\n');
	add(&bytes, text_size, &log, 0);
	add(&bytes, text_size, &next, 0);
	add(&bytes, text_size, &cosigner, 1679315147);
	assert_int_equal(verify(&bytes, known, 3, &verdict), RESULT_OK);
	assert_int_equal(verdict.signatures, 2);
	assert_int_equal(verdict.cosignatures, 1);
	assert_int_equal(verdict.time_s, 1679315147);
	/* Who knows one key alone ignores the other lines. */
	assert_int_equal(verify(&bytes, &known[1], 1, &verdict), RESULT_OK);
	assert_int_equal(verdict.signatures, 1);
	assert_int_equal(verdict.cosignatures, 0);
	assert_int_equal(verify(&bytes, known, 0, &verdict), RESULT_OK);
	assert_int_equal(verdict.signatures, 0);
	assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_OK);
	assert_int_equal(checkpoint_parse(note.text, note.text_size, &back), RESULT_OK);
	assert_string_equal(back.origin, head.origin);
	assert_int_equal(back.size, head.size);
	assert_true(merkle_equal(&back.root, &head.root));
	/* A cosignature of another time is none. */
	struct test_key liar = cosigner;
	bytes.size = text_size + 1;
	add(&bytes, text_size, &log, 0);
	uint8_t signature[VERIFIER_SIGNATURE_SIZE];
	struct buffer message;
	buffer_init(&message, 4096);
	cosignature_message(bytes.data, text_size, 1000, &message);
	sign(&liar, message.data, message.size, signature);
	signed_note_add_line(&bytes, &liar.verifier, 1001, signature);
	assert_int_equal(verify(&bytes, known, 3, &verdict), RESULT_INVALID);
	assert_int_equal(verdict.signatures, 0);
	buffer_free(&message);
	buffer_free(&bytes);
	EVP_PKEY_free(log.pair);
	EVP_PKEY_free(next.pair);
	EVP_PKEY_free(cosigner.pair);
}

/* The example of C2SP tlog-cosignature. */
static void a_note_with_lines_of_strangers_is_read(void **state)
{
	(void)state;
	static const char example[] = "example.com/behind-the-sofa\n20852163\n"
				      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
				      "\xe2\x80\x94 example.com/behind-the-sofa "
				      "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRD"
				      "eOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
				      "\xe2\x80\x94 witness.example.com/w1 "
				      "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolM"
				      "I5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
	struct signed_note note;
	struct checkpoint checkpoint;
	assert_int_equal(signed_note_parse(example, strlen(example), &note), RESULT_OK);
	assert_int_equal(note.line_count, 2);
	assert_int_equal(note.lines[1].id, 0x8d66cf3f);
	assert_int_equal(checkpoint_parse(note.text, note.text_size, &checkpoint), RESULT_OK);
	assert_string_equal(checkpoint.origin, "example.com/behind-the-sofa");
	assert_int_equal(checkpoint.size, 20852163);
	assert_int_equal(checkpoint.root.bytes[31], 0x62);
}

static void what_is_not_to_the_letter_is_no_checkpoint(void **state)
{
	(void)state;
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"o\n0\n" ROOT "\n", RESULT_OK},
		{"o\n9223372036854775807\n" ROOT "\n", RESULT_OK},
		{"o\n1\n" ROOT "\nextension\nanother one\n", RESULT_OK},
		{"o\n9223372036854775808\n" ROOT "\n", RESULT_INVALID},
		{"o\n99999999999999999999\n" ROOT "\n", RESULT_INVALID},
		{"o\n01\n" ROOT "\n", RESULT_INVALID},
		{"o\n-1\n" ROOT "\n", RESULT_INVALID},
		{"o\n+1\n" ROOT "\n", RESULT_INVALID},
		{"o\n1 \n" ROOT "\n", RESULT_INVALID},
		{"o\n\n" ROOT "\n", RESULT_INVALID},
		{"\n1\n" ROOT "\n", RESULT_INVALID},
		{"o\n1\n" ROOT, RESULT_INVALID},
		{"o\n1\n" ROOT "\n\n", RESULT_INVALID},
		{"o\n1\n" ROOT "\nx", RESULT_INVALID},
		{"o\n1\n" ROOT " \n", RESULT_INVALID},
		{"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", RESULT_INVALID},
		{"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", RESULT_INVALID},
		{"o\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n", RESULT_INVALID},
		{"o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2==\n", RESULT_INVALID},
		{"o\n1\n", RESULT_INVALID},
		{"o\n", RESULT_INVALID},
		{"", RESULT_INVALID},
	};
	struct checkpoint checkpoint;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
			checkpoint_parse(cases[i].text, strlen(cases[i].text), &checkpoint),
			cases[i].result);
}

static void what_is_not_to_the_letter_is_no_note(void **state)
{
	(void)state;
#define DASH      "\xe2\x80\x94 "
#define SIGNATURE "a AAAAAAAA\n"
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"t\n\n" DASH SIGNATURE, RESULT_OK},
		{"t\n\nu\n\n" DASH SIGNATURE, RESULT_OK},
		{"t\xc3\xa4\n\n" DASH "\xc3\xa4 AAAAAAAA\n", RESULT_OK},
		{"t\n\n" DASH SIGNATURE DASH SIGNATURE, RESULT_OK},
		{"t\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\n\n" DASH "a AAAAAAAA", RESULT_INVALID},
		{"t\n\n", RESULT_INVALID},
		{"t\n", RESULT_INVALID},
		{"", RESULT_INVALID},
		{"t\r\n\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\x01\n\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\xff\n\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\xc0\xaf\n\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\xed\xa0\x80\n\n" DASH SIGNATURE, RESULT_INVALID},
		{"t\n\n- " SIGNATURE, RESULT_INVALID},
		{"t\n\n" DASH "a\n", RESULT_INVALID},
		{"t\n\n" DASH " AAAAAAAA\n", RESULT_INVALID},
		{"t\n\n" DASH "a+b AAAAAAAA\n", RESULT_INVALID},
		{"t\n\n" DASH "a AAAAAA==\n", RESULT_INVALID},
		{"t\n\n" DASH "a AAAAAAAA AAAA\n", RESULT_INVALID},
		{"t\n\n" DASH "a AAAAAAA\n", RESULT_INVALID},
		{"t\n\n" DASH SIGNATURE "\n", RESULT_INVALID},
	};
	struct signed_note note;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(signed_note_parse(cases[i].text, strlen(cases[i].text), &note),
				 cases[i].result);
}

static void a_note_is_bounded(void **state)
{
	(void)state;
	static struct buffer bytes;
	struct signed_note note;
	buffer_init(&bytes, 2 * SIGNED_NOTE_MAX);
	buffer_append_text(&bytes, "t\n\n");
	for (int i = 0; i < SIGNED_NOTE_LINES_MAX; i++)
		buffer_append_text(&bytes, DASH SIGNATURE);
	assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_OK);
	assert_int_equal(note.line_count, SIGNED_NOTE_LINES_MAX);
	buffer_append_text(&bytes, DASH SIGNATURE);
	assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_INVALID);
	buffer_reset(&bytes);
	while (bytes.size <= SIGNED_NOTE_MAX)
		buffer_append_text(&bytes, "a long text\n");
	buffer_append_text(&bytes, "\n" DASH SIGNATURE);
	assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_INVALID);
	buffer_free(&bytes);
}

/* Whatever a stranger sends: no read beyond its end, which the sanitized build would see. */
static void random_bytes_do_no_harm(void **state)
{
	(void)state;
	static const char alphabet[] = "t\n\n\n \xe2\x80\x94+A=a/\xff";
	unsigned seed = 1;
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)rand_r(&seed) % 60;
		char *bytes = malloc(size + 1);
		struct signed_note note;
		struct verifier key;
		struct checkpoint checkpoint;
		for (size_t i = 0; i < size; i++)
			bytes[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
		char *exact = size ? realloc(bytes, size) : bytes;
		int result = signed_note_parse(exact, size, &note);
		assert_true(result == RESULT_OK || result == RESULT_INVALID);
		result = verifier_parse(exact, size, &key);
		assert_int_not_equal(result, RESULT_OK);
		result = checkpoint_parse(exact, size, &checkpoint);
		assert_int_equal(result, RESULT_INVALID);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_of_gos_is_read_and_verified),
		cmocka_unit_test(no_bit_of_a_note_can_be_changed),
		cmocka_unit_test(a_key_as_text_is_taken_to_the_letter),
		cmocka_unit_test(a_checkpoint_is_signed_and_cosigned),
		cmocka_unit_test(a_note_with_lines_of_strangers_is_read),
		cmocka_unit_test(what_is_not_to_the_letter_is_no_checkpoint),
		cmocka_unit_test(what_is_not_to_the_letter_is_no_note),
		cmocka_unit_test(a_note_is_bounded),
		cmocka_unit_test(random_bytes_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

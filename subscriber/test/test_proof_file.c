#include "subscriber/test/log_maker.h"

#include "subscriber/proof_file.h"

struct bench {
	struct log_maker *maker;
	struct buffer text;
	struct merkle_proof proof;
	struct log_head head;
	char why[512];
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	bench->maker = log_maker_new();
	log_maker_fill(bench->maker, 3);
	struct buffer note = log_maker_note(bench->maker, 3, LOG_MAKER_TIME_S);
	memcpy(bench->head.note, note.data, note.size);
	bench->head.note_size = note.size;
	buffer_free(&note);
	bench->proof = (struct merkle_proof){
		.count = 2, .hashes = {bench->maker->leaves[1], bench->maker->leaves[2]}};
	const struct message_frame entry = {bench->maker->entries[0].data,
					    bench->maker->entries[0].size};
	buffer_init(&bench->text, PROOF_FILE_MAX);
	proof_file_write(&entry, 0, &bench->proof, &bench->head, &bench->text);
	assert_false(bench->text.failed);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	buffer_free(&bench->text);
	log_maker_free(bench->maker);
	free(bench);
	return 0;
}

static int read_text(struct bench *bench, const char *text, size_t size, struct proof_file *file)
{
	const struct complaint why = {.path = "p", .text = bench->why, .size = sizeof bench->why};
	return proof_file_read(text, size, file, &why);
}

static void what_was_written_is_read(void **state)
{
	struct bench *bench = *state;
	struct proof_file file;
	assert_int_equal(read_text(bench, bench->text.data, bench->text.size, &file), RESULT_OK);
	assert_int_equal(file.index, 0);
	assert_int_equal(file.proof.count, 2);
	assert_true(merkle_equal(&file.proof.hashes[1], &bench->maker->leaves[2]));
	assert_int_equal(file.extra.size, bench->maker->entries[0].size);
	assert_memory_equal(file.extra.data, bench->maker->entries[0].data, file.extra.size);
	assert_int_equal(file.note_size, bench->head.note_size);
	assert_memory_equal(file.note, bench->head.note, file.note_size);
	struct checkpoint checkpoint = {.size = 3};
	log_maker_root(bench->maker, 3, &checkpoint.root);
	assert_int_equal(merkle_verify_inclusion(&file.proof, 0, 3, &bench->maker->leaves[0],
						 &checkpoint.root),
			 RESULT_OK);
	proof_file_free(&file);
}

static void the_entry_may_be_left_out(void **state)
{
	struct bench *bench = *state;
	struct proof_file file;
	const struct message_frame none = {"", 0};
	buffer_reset(&bench->text);
	proof_file_write(&none, 12345, &bench->proof, &bench->head, &bench->text);
	assert_int_equal(read_text(bench, bench->text.data, bench->text.size, &file), RESULT_OK);
	assert_int_equal(file.extra.size, 0);
	assert_int_equal(file.index, 12345);
	proof_file_free(&file);
}

static void a_file_that_was_cut_is_refused(void **state)
{
	struct bench *bench = *state;
	struct proof_file file;
	size_t note_at = bench->text.size - bench->head.note_size;
	for (size_t size = 0; size <= note_at; size++)
		assert_int_equal(read_text(bench, bench->text.data, size, &file), RESULT_INVALID);
}

#define FIRST "c2sp.org/tlog-proof@v1\n"
#define HASH  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static void what_is_not_to_the_letter_is_refused(void **state)
{
	static const char *const wrong[] = {
		"c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
		FIRST "index -1\n\nx\n",
		FIRST "index 01\n\nx\n",
		FIRST "index\n\nx\n",
		FIRST "index 99999999999999999999\n\nx\n",
		FIRST "extra \nindex 0\n\nx\n",
		FIRST "extra a\nindex 0\n\nx\n",
		FIRST "extra ab-_\nindex 0\n\nx\n",
		FIRST "index 0\nextra aaaa\n\nx\n",
		FIRST "index 0\nAAAA\n\nx\n",
		FIRST "index 0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\nx\n",
		FIRST "index 0\n" HASH "x\n",
		FIRST "index 0\n" HASH "\n",
	};
	struct bench *bench = *state;
	struct proof_file file;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(read_text(bench, wrong[i], strlen(wrong[i]), &file),
				 RESULT_INVALID);
	assert_int_equal(read_text(bench, FIRST "index 0\n" HASH "\nx\n",
				   strlen(FIRST "index 0\n" HASH "\nx\n"), &file),
			 RESULT_OK);
	proof_file_free(&file);
	/* More hashes than any tree has. */
	buffer_reset(&bench->text);
	buffer_append_text(&bench->text, FIRST "index 0\n");
	for (int i = 0; i <= MERKLE_PROOF_MAX; i++)
		buffer_append_text(&bench->text, HASH);
	buffer_append_text(&bench->text, "\nx\n");
	assert_int_equal(read_text(bench, bench->text.data, bench->text.size, &file),
			 RESULT_INVALID);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(the_entry_may_be_left_out),
		TEST(a_file_that_was_cut_is_refused),
		TEST(what_is_not_to_the_letter_is_refused),
	};
	return cmocka_run_group_tests_name("proof_file", tests, NULL, NULL);
}

#include "base/crc32.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The check value that the definition of CRC-32/IEEE gives, and two more that any tool confirms. */
static void known_texts_have_their_known_sums(void **state)
{
	(void)state;
	assert_int_equal(crc32_update(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_update(0, "a", 1), 0xe8b7be43);
	assert_int_equal(crc32_update(0, "\0\0\0\0", 4), 0x2144df1c);
}

static void no_bytes_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(crc32_update(0, "", 0), 0);
	assert_int_equal(crc32_update(0xcbf43926, "", 0), 0xcbf43926);
}

static void a_sum_can_be_gone_on_with_at_any_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 9; i++) {
		uint32_t first = crc32_update(0, "123456789", i);
		assert_int_equal(crc32_update(first, "123456789" + i, 9 - i), 0xcbf43926);
	}
}

static void each_flipped_bit_changes_the_sum(void **state)
{
	(void)state;
	uint8_t bytes[64] = {1, 2, 3};
	uint32_t before = crc32_update(0, bytes, sizeof bytes);
	for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(crc32_update(0, bytes, sizeof bytes), before);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_their_known_sums),
		cmocka_unit_test(no_bytes_change_nothing),
		cmocka_unit_test(a_sum_can_be_gone_on_with_at_any_byte),
		cmocka_unit_test(each_flipped_bit_changes_the_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

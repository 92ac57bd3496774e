/* etc/epptap.yaml.5 and the table of keys say the same: each key with its kind, bounds and default, and who reads it
 * anew. Run at the top of the tree. */
#include "base/buffer.h"
#include "base/config_read.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const char manual[] = "etc/epptap.yaml.5";

enum { MAX_MANUAL = 1 << 18, FACTS_SIZE = 160, AMOUNT_SIZE = 32 };

static struct buffer page;

static int open_page(void **state)
{
	(void)state;
	buffer_init(&page, MAX_MANUAL);
	assert_int_equal(file_read(manual, &page), RESULT_OK);
	buffer_append_byte(&page, '\0');
	assert_false(page.failed);
	return 0;
}

static int close_page(void **state)
{
	(void)state;
	buffer_free(&page);
	return 0;
}

/* The text behind ".It Ic PATH" and its newline; NULL: there is none. */
static const char *entry_of(const char *path)
{
	char item[CONFIG_MAX_KEY + 16];
	snprintf(item, sizeof item, "\n.It Ic %s\n", path);
	const char *at = strstr(page.data, item);
	return at ? at + strlen(item) : NULL;
}

/* In the largest unit that leaves no rest, as complaints have it. */
static const char *duration(uint64_t milliseconds, char text[AMOUNT_SIZE])
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;
	while (milliseconds % units[i].factor != 0)
		i++;
	if (milliseconds == 0)
		return "0";
	snprintf(text, AMOUNT_SIZE, "%llu%s", (unsigned long long)(milliseconds / units[i].factor),
		 units[i].name);
	return text;
}

/* Its kind and bounds: what the entry's first line must be. */
static void put_kind(const struct config_row *row, char facts[FACTS_SIZE])
{
	char least[AMOUNT_SIZE], most[AMOUNT_SIZE];
	unsigned long long max = row->max;
	if (row->read == config_read_size)
		snprintf(facts, FACTS_SIZE, "Size, %s to %s.", config_size_text(row->min).text,
			 config_size_text(row->max).text);
	else if (row->read == config_read_duration)
		snprintf(facts, FACTS_SIZE, "Duration, %s to %s.", duration(row->min, least),
			 duration(row->max, most));
	else if (row->read == config_read_number)
		snprintf(facts, FACTS_SIZE, "Number, %llu to %llu.", (unsigned long long)row->min,
			 max);
	else if (row->read == config_read_switch)
		snprintf(facts, FACTS_SIZE, "Switch: on or off.");
	else if (row->read == config_read_choice)
		snprintf(facts, FACTS_SIZE, "Word: %s.", row->right);
	else if (row->shape == YAML_SEQUENCE_NODE)
		snprintf(facts, FACTS_SIZE, "List of 1 to %llu.", max);
	else if (row->shape == YAML_MAPPING_NODE)
		snprintf(facts, FACTS_SIZE, "Pairs, at most %llu.", max);
	else
		snprintf(facts, FACTS_SIZE, "%s, at most %llu bytes.",
			 row->read == config_read_path      ? "Path"
			 : row->read == config_read_key     ? "Path or URI"
			 : row->read == config_read_clients ? "Path or any"
							    : "Text",
			 max);
}

/* Does the second line say what comes without the key? Where that follows from other keys, it is said in words. */
static bool tells_default(const struct config_row *row, const char *line)
{
	char facts[FACTS_SIZE];
	if (row->required)
		return strncmp(line, "Required.\n", 10) == 0;
	if (!row->initial)
		return strncmp(line, "No default.\n", 12) == 0 ||
		       strncmp(line, "Default: ", 9) == 0;
	snprintf(facts, sizeof facts, "Default: %s.\n", row->initial);
	return strncmp(line, facts, strlen(facts)) == 0;
}

static void each_key_is_in_the_manual_with_its_bounds_and_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		const char *entry = entry_of(row->path);
		char facts[FACTS_SIZE];
		if (!entry)
			fail_msg("%s: is not in %s", row->path, manual);
		put_kind(row, facts);
		size_t size = strlen(facts);
		if (strncmp(entry, facts, size) != 0 || entry[size] != '\n')
			fail_msg("%s: \"%s\" is not what %s says first", row->path, facts, manual);
		if (!tells_default(row, entry + size + 1))
			fail_msg("%s: %s says another default than %s", row->path, manual,
				 row->required  ? "that it is required"
				 : row->initial ? row->initial
						: "none");
	}
}

/* Is it a key, or the name that stands above keys? */
static bool is_known(const char *path, size_t size, bool above)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const char *row = config_rows[i].path;
		if (strncmp(row, path, size) == 0 &&
		    (row[size] == '\0' || (above && row[size] == '.')))
			return true;
	}
	return false;
}

/* Entries are keys; in running text stand names above keys, too. */
static void the_manual_has_no_key_that_is_none(void **state)
{
	(void)state;
	static const char macro[] = "Ic ";
	size_t found = 0;
	for (const char *at = page.data; (at = strstr(at, macro)); at += sizeof macro - 1) {
		const char *path = at + sizeof macro - 1;
		size_t size = strcspn(path, " \n");
		bool entry = at >= page.data + 5 && memcmp(at - 5, "\n.It ", 5) == 0;
		if (!is_known(path, size, !entry))
			fail_msg("%.*s: is in %s, and is no key", (int)size, path, manual);
		found++;
	}
	assert_true(found >= config_row_count);
}

/* How often the part of the page names the key, or one that stands above it. */
static unsigned times_named(const char *part, const char *key)
{
	unsigned times = 0;
	for (size_t size = strlen(key); size > 0; size--) {
		char name[CONFIG_MAX_KEY + 16];
		if (key[size] != '\0' && key[size] != '.')
			continue;
		int length = snprintf(name, sizeof name, "\n.Ic %.*s", (int)size, key);
		for (const char *at = part; (at = strstr(at, name)); at += length)
			times += strchr(" \n", at[length]) != NULL;
	}
	return times;
}

static void it_says_of_each_key_who_reads_it_anew(void **state)
{
	(void)state;
	const char *part = strstr(page.data, "\n.Sh RELOADING\n");
	assert_non_null(part);
	for (size_t i = 0; i < config_row_count; i++) {
		const char *key = config_rows[i].path;
		bool twice = strcmp(key, "channels.curve.clients") == 0; /* and its files */
		if (times_named(part, key) != (twice ? 2 : 1))
			fail_msg("%s: is told %u times of who reads it anew", key,
				 times_named(part, key));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_in_the_manual_with_its_bounds_and_default),
		cmocka_unit_test(the_manual_has_no_key_that_is_none),
		cmocka_unit_test(it_says_of_each_key_who_reads_it_anew),
	};
	return cmocka_run_group_tests_name("config: the manual page", tests, open_page, close_page);
}

#include "eppparse/values.h"

#include "base/blank.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The value as a C text in `copy`, without the blanks around it. False: empty, or too long for `room`. */
static bool copy_trimmed(const char *text, size_t size, char *copy, size_t room)
{
	trim(&text, &size);
	if (size == 0 || size >= room || memchr(text, '\0', size))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return true;
}

int value_number(const char *text, size_t size, uint32_t max, uint32_t *number)
{
	char copy[16];
	uint64_t value = 0;
	if (!copy_trimmed(text, size, copy, sizeof copy))
		return RESULT_INVALID;
	const char *digits = copy + (*copy == '+'); /* as XML Schema has it */
	if (!*digits)
		return RESULT_INVALID;
	for (const char *at = digits; *at; at++) {
		if (!is_digit(*at))
			return RESULT_INVALID;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	if (value > max)
		return RESULT_INVALID;
	*number = (uint32_t)value;
	return RESULT_OK;
}

int value_boolean(const char *text, size_t size, bool *yes)
{
	char copy[8];
	if (!copy_trimmed(text, size, copy, sizeof copy))
		return RESULT_INVALID;
	bool is_true = strcmp(copy, "true") == 0 || strcmp(copy, "1") == 0;
	if (!is_true && strcmp(copy, "false") != 0 && strcmp(copy, "0") != 0)
		return RESULT_INVALID;
	*yes = is_true;
	return RESULT_OK;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int value_hex(const char *text, size_t size, uint8_t *bytes, size_t room, size_t *written)
{
	size_t digits = 0;
	for (size_t i = 0; i < size; i++) {
		if (is_blank(text[i]))
			continue;
		int digit = hex_digit(text[i]);
		if (digit < 0 || digits / 2 >= room)
			return RESULT_INVALID;
		if (digits % 2 == 0)
			bytes[digits / 2] = (uint8_t)(digit << 4);
		else
			bytes[digits / 2] |= (uint8_t)digit;
		digits++;
	}
	if (digits == 0 || digits % 2)
		return RESULT_INVALID;
	*written = digits / 2;
	return RESULT_OK;
}

int value_base64(const char *text, size_t size, uint8_t *bytes, size_t room, size_t *written)
{
	size_t out = 0, digits = 0, padding = 0;
	uint32_t bits = 0;
	for (size_t i = 0; i < size; i++) {
		if (is_blank(text[i]))
			continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		int digit = base64_digit(text[i]);
		if (digit < 0 || padding > 0)
			return RESULT_INVALID;
		bits = bits << 6 | (uint32_t)digit;
		if (++digits % 4 == 1)
			continue;
		if (out == room)
			return RESULT_INVALID;
		bytes[out++] = (uint8_t)(bits >> (2 * (4 - digits % 4) % 8));
	}
	if (out == 0 || digits % 4 == 1 || padding > 2 || (digits + padding) % 4)
		return RESULT_INVALID;
	*written = out;
	return RESULT_OK;
}

bool value_ds_is_whole(const struct change_ds *ds)
{
	/* By digest type: SHA-1, SHA-256, GOST R 34.11-94, SHA-384, GOST R 34.11-2012, SM3. */
	static const uint8_t sizes[] = {[1] = 20, [2] = 32, [3] = 32, [4] = 48, [5] = 32, [6] = 32};
	size_t size = ds->digest_type < sizeof sizes ? sizes[ds->digest_type] : 0;
	return ds->digest_size > 0 && (size == 0 || ds->digest_size == size);
}

bool value_key_is_whole(const struct change_key *key)
{
	/* RSA's keys are of 512 to 4096 bits, with an exponent before them; the others have one length each. */
	static const struct {
		uint8_t algorithm;
		uint16_t least, most;
	} sizes[] = {
		{1, 66, 1024},  {5, 66, 1024}, {7, 66, 1024}, {8, 66, 1024},
		{10, 66, 1024}, {12, 64, 64},  {13, 64, 64},  {14, 96, 96},
		{15, 32, 32},   {16, 57, 57},  {17, 64, 64},  {23, 64, 64},
	};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (sizes[i].algorithm == key->algorithm)
			return key->size >= sizes[i].least && key->size <= sizes[i].most;
	return key->size > 0;
}

int value_address(const char *text, size_t size, struct change_address *address)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16] = {0};
	if (!copy_trimmed(text, size, copy, sizeof copy))
		return RESULT_INVALID;
	bool is_v4 = inet_pton(AF_INET, copy, bytes) == 1;
	if (!is_v4 && inet_pton(AF_INET6, copy, bytes) != 1)
		return RESULT_INVALID;
	address->family = is_v4 ? 4 : 6;
	memcpy(address->bytes, bytes, sizeof bytes);
	return RESULT_OK;
}

/* Reads `digits` digits at *at, between `min` and `max`, and moves on. */
static bool read_digits(const char **at, int digits, int min, int max, int *value)
{
	int read = 0;
	for (int i = 0; i < digits; i++) {
		if (!is_digit((*at)[i]))
			return false;
		read = read * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*value = read;
	return read >= min && read <= max;
}

static bool read_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Days from 1970 to a day of the proleptic Gregorian calendar; March is the first month of the counted year. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = (month + 9) % 12;
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* The time of day behind a date: "T12:34:56", and ".789" which is dropped. */
static bool read_time(const char **at, int64_t *seconds)
{
	int hour, minute, second;
	if (!read_digits(at, 2, 0, 24, &hour) || !read_char(at, ':') ||
	    !read_digits(at, 2, 0, 59, &minute) || !read_char(at, ':') ||
	    !read_digits(at, 2, 0, 60, &second))
		return false;
	if (read_char(at, '.'))
		while (is_digit(**at))
			(*at)++;
	if (hour == 24 && minute + second > 0)
		return false;
	*seconds += hour * 3600 + minute * 60 + second;
	return true;
}

/* "Z", "+01:00", or nothing. */
static bool read_zone(const char **at, int64_t *seconds)
{
	int hour, minute, sign = **at == '-' ? -1 : 1;
	if (**at == '\0' || read_char(at, 'Z'))
		return true;
	if (!read_char(at, '+') && !read_char(at, '-'))
		return false;
	if (!read_digits(at, 2, 0, 14, &hour) || !read_char(at, ':') ||
	    !read_digits(at, 2, 0, 59, &minute))
		return false;
	*seconds -= (int64_t)sign * (hour * 3600 + minute * 60);
	return true;
}

int value_date(const char *text, size_t size, int64_t *seconds)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	char copy[48];
	const char *at = copy;
	int year, month, day;
	if (!copy_trimmed(text, size, copy, sizeof copy) || !read_digits(&at, 4, 1, 9999, &year) ||
	    !read_char(&at, '-') || !read_digits(&at, 2, 1, 12, &month) || !read_char(&at, '-') ||
	    !read_digits(&at, 2, 1, 31, &day))
		return RESULT_INVALID;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day > month_days[month - 1] + (month == 2 && leap))
		return RESULT_INVALID;
	int64_t sum = days_since_1970(year, month, day) * 86400;
	if (read_char(&at, 'T') && !read_time(&at, &sum))
		return RESULT_INVALID;
	if (!read_zone(&at, &sum) || *at != '\0')
		return RESULT_INVALID;
	*seconds = sum;
	return RESULT_OK;
}

#include "base/token.h"

static bool is_printable(const char *text, size_t size, bool spaced)
{
	if (size == 0 || size > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		bool space =
			spaced && text[i] == ' ' && i > 0 && i + 1 < size && text[i - 1] != ' ';
		if (!space && (text[i] <= ' ' || text[i] > '~'))
			return false;
	}
	return true;
}

bool token_is_id(const char *text, size_t size)
{
	return is_printable(text, size, false);
}

bool token_is_title(const char *text, size_t size)
{
	return is_printable(text, size, true);
}

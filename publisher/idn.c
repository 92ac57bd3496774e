#include "publisher/idn.h"

#include "base/name.h"

#include <idn2.h>
#include <string.h>

/* What a code of libidn2's means here. */
static int result_of(int code)
{
	if (code == IDN2_OK)
		return RESULT_OK;
	return code == IDN2_MALLOC ? RESULT_NOMEM : RESULT_INVALID;
}

/* Has each label of `turned` what it was made of at its place in `name`: an A-label for a U-label, itself for others? */
static bool is_label_by_label(const char *name, const char *turned)
{
	for (;;) {
		size_t size = strcspn(name, "."), turned_size = strcspn(turned, ".");
		bool unicode = false;
		for (size_t i = 0; i < size; i++)
			unicode |= (unsigned char)name[i] >= 0x80;
		bool good = unicode ? strncmp(turned, "xn--", 4) == 0
				    : size == turned_size && memcmp(name, turned, size) == 0;
		if (!good || !name[size] != !turned[turned_size])
			return false;
		if (!name[size])
			return true;
		name += size + 1;
		turned += turned_size + 1;
	}
}

/* Turns U-labels into A-labels in two ways, which must agree: by IDNA2008 without any mapping, and as UTS #46 has it, which
 * looks closer at hyphens and joiners. What only a mapping makes a name of (a full-width letter, a soft hyphen, an
 * ideographic full stop) must not be told as news of that name. *ascii is libidn2's. */
static int to_ascii(const char *name, char **ascii)
{
	char *mapped = NULL;
	int result = result_of(idn2_to_ascii_8z(name, ascii, IDN2_NFC_INPUT | IDN2_NO_TR46));
	if (result == RESULT_OK)
		result = result_of(
			idn2_to_ascii_8z(name, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL));
	if (result == RESULT_OK && strcmp(*ascii, mapped) != 0)
		result = RESULT_INVALID;
	idn2_free(mapped);
	return result;
}

int idn_to_ascii(struct change_name *name)
{
	char *ascii = NULL;
	struct change_name turned = {{0}};
	if (!name_is_unicode(name->text))
		return RESULT_OK;
	int result = to_ascii(name->text, &ascii);
	if (result == RESULT_OK)
		result = name_read(ascii, strlen(ascii), turned.text);
	if (result == RESULT_OK && !is_label_by_label(name->text, turned.text))
		result = RESULT_INVALID;
	if (result == RESULT_OK)
		*name = turned;
	idn2_free(ascii);
	return result;
}

/* Each takes a good part of a millisecond: more than any delegation has would hold up the feed. */
static int hosts_to_ascii(struct change_delta *delta)
{
	enum { MOST = 64 };
	int result = RESULT_OK;
	size_t turned = 0;
	for (size_t i = 0; i < delta->hosts.count && result == RESULT_OK; i++) {
		turned += name_is_unicode(delta->hosts.items[i].text);
		result = turned > MOST ? RESULT_INVALID : idn_to_ascii(&delta->hosts.items[i]);
	}
	return result;
}

int idn_change_to_ascii(struct change *change)
{
	int result = idn_to_ascii(&change->name);
	if (result == RESULT_OK)
		result = idn_to_ascii(&change->new_name);
	if (result == RESULT_OK)
		result = hosts_to_ascii(&change->add);
	if (result == RESULT_OK)
		result = hosts_to_ascii(&change->remove);
	if (result == RESULT_OK)
		result = hosts_to_ascii(&change->state);
	return result;
}

/* Most names have none, and are not worth a call into the library. */
static bool has_a_label(const char *name)
{
	for (const char *label = name; label; label = strchr(label, '.')) {
		label += *label == '.';
		if (strncmp(label, "xn--", 4) == 0)
			return true;
	}
	return false;
}

/* libidn2 decodes whatever is punycode. Only what gives the same A-labels again is what a reader may take it for. */
bool idn_to_unicode(const char *name, char unicode[IDN_UNICODE_SIZE])
{
	char *decoded = NULL, *again = NULL;
	bool good = false;
	if (!has_a_label(name))
		return false;
	if (idn2_to_unicode_8z8z(name, &decoded, 0) == IDN2_OK &&
	    strlen(decoded) < IDN_UNICODE_SIZE && strcmp(decoded, name) != 0 &&
	    to_ascii(decoded, &again) == RESULT_OK)
		good = strcmp(again, name) == 0;
	if (good)
		memcpy(unicode, decoded, strlen(decoded) + 1);
	idn2_free(decoded);
	idn2_free(again);
	return good;
}

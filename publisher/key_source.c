#include "publisher/key_source.h"

#include "base/buffer.h"
#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { KEY_FILE_MAX = 16384, PIN_MAX = 256, URI_MAX = 4096 };

static const char keygen[] = "`epptapctl keygen DIRECTORY` makes keys";

/* Else OSSL_STORE first takes any URI for the name of a file, and looks at no mode. */
static const char by_provider[] = "provider=pkcs11";

/* What is looked for, and what was found. */
struct search {
	const char *where;
	const char *file; /* its path; NULL: it is another URI */
	OSSL_LIB_CTX *library;
	UI_METHOD *nobody; /* answers all of OpenSSL's questions with no */
	struct key_source found;
	unsigned pairs, public_keys;
	bool asked;
	char *why;
	size_t why_size;
};

static bool is_of_scheme(const char *uri, const char *scheme)
{
	return strncasecmp(uri, scheme, strlen(scheme)) == 0;
}

/* How much of `where` may be shown: of a URI not the query, nor a PIN that stands in the wrong place. */
static size_t shown_size(const struct search *search)
{
	size_t size = strcspn(search->where, "?");
	const char *pin = strstr(search->where, "pin-");
	return pin && (size_t)(pin - search->where) < size ? (size_t)(pin - search->where) : size;
}

__attribute__((format(printf, 2, 3))) static int refuse(struct search *search, const char *format,
							...)
{
	va_list arguments;
	int used = search->file ? snprintf(search->why, search->why_size, "%s: ", search->file)
				: snprintf(search->why, search->why_size,
					   "%.*s: ", (int)shown_size(search), search->where);
	if (used < 0 || (size_t)used >= search->why_size)
		return RESULT_CONFIG;
	va_start(arguments, format);
	vsnprintf(search->why + used, search->why_size - (size_t)used, format, arguments);
	va_end(arguments);
	return RESULT_CONFIG;
}

/* Called in place of a prompt on the front end's terminal. */
static int answer_nothing(UI *ui, UI_STRING *question)
{
	(void)question;
	bool *asked = UI_get0_user_data(ui);
	if (asked)
		*asked = true;
	return -1;
}

static void take(struct search *search, const OSSL_STORE_INFO *info)
{
	int type = OSSL_STORE_INFO_get_type(info);
	if (type == OSSL_STORE_INFO_PUBKEY)
		search->public_keys++;
	if (type != OSSL_STORE_INFO_PKEY)
		return;
	if (search->pairs++ == 0)
		search->found.pair = OSSL_STORE_INFO_get1_PKEY(info);
}

/* Goes through all that is there. */
static void take_all(struct search *search, OSSL_STORE_CTX *store)
{
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		if (info)
			take(search, info);
		OSSL_STORE_INFO_free(info);
		if (!info && OSSL_STORE_error(store))
			break;
	}
	OSSL_STORE_close(store);
}

static int search_file(struct search *search)
{
	struct buffer bytes;
	buffer_init(&bytes, KEY_FILE_MAX);
	int result = file_read_private(search->file, &bytes, keygen, search->why, search->why_size);
	BIO *bio = result == RESULT_OK ? BIO_new_mem_buf(bytes.data, (int)bytes.size) : NULL;
	OSSL_STORE_CTX *store =
		bio ? OSSL_STORE_attach(bio, "file", search->library, NULL, search->nobody,
					&search->asked, NULL, NULL, NULL)
		    : NULL;
	if (store)
		take_all(search, store);
	else if (result == RESULT_OK)
		result = RESULT_NOMEM;
	BIO_free(bio);
	if (bytes.data)
		OPENSSL_cleanse(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	return result;
}

/* The value of an attribute in a URI's query, and its size; NULL if it is not there. */
static const char *attribute(const char *uri, const char *name, size_t *size)
{
	const char *at = uri + strcspn(uri, "?");
	while (*at) {
		at++;
		size_t part = strcspn(at, "&");
		size_t named = strlen(name);
		if (part > named && strncmp(at, name, named) == 0 && at[named] == '=') {
			*size = part - named - 1;
			return at + named + 1;
		}
		at += part;
	}
	return NULL;
}

/* Reads the first line of the file that pin-source names. */
static int read_pin(struct search *search, const char *source, size_t size, struct buffer *pin)
{
	char text[URI_MAX];
	snprintf(text, sizeof text, "%.*s", (int)size, source);
	const char *path = file_path_of(text);
	if (!path || *path != '/' || strchr(path, '%'))
		return refuse(search, "pin-source must be an absolute path, or file: with one, and "
				      "plain characters");
	int result = file_read_private(path, pin, "it must hold the token's PIN", search->why,
				       search->why_size);
	if (result != RESULT_OK)
		return result;
	const char *end = memchr(pin->data, '\n', pin->size);
	pin->size = end ? (size_t)(end - pin->data) : pin->size;
	if (pin->size > 0 && pin->data[pin->size - 1] == '\r')
		pin->size--;
	if (pin->size == 0)
		return refuse(search, "the file that pin-source names is empty; write the token's "
				      "PIN into its first line");
	return RESULT_OK;
}

/* Copies the URI, with the PIN itself in place of its file's name: so what is used is what was checked, and the
 * provider can log in again by itself. */
static void put_pin(const char *uri, const char *source, size_t size, const struct buffer *pin,
		    struct buffer *full)
{
	static const char name[] = "pin-source=";
	buffer_append(full, uri, (size_t)(source - uri) - (sizeof name - 1));
	buffer_append_text(full, "pin-value=");
	for (size_t i = 0; i < pin->size; i++)
		buffer_printf(full, "%%%02X", (unsigned char)pin->data[i]);
	buffer_append_text(full, source + size);
}

/* Appends the URI with the PIN of the file that `source` names. */
static int put_uri_with_pin(struct search *search, const char *source, size_t size,
			    struct buffer *full)
{
	struct buffer pin;
	buffer_init(&pin, PIN_MAX);
	int result = read_pin(search, source, size, &pin);
	if (result == RESULT_OK)
		put_pin(search->where, source, size, &pin, full);
	if (pin.data)
		OPENSSL_cleanse(pin.data, pin.capacity);
	buffer_free(&pin);
	return result;
}

/* The URI as the provider gets it. Without a PIN pkcs11-provider would ask by means of its own. */
static int full_uri(struct search *search, struct buffer *full)
{
	size_t size = 0, value_size;
	bool has_value = attribute(search->where, "pin-value", &value_size) != NULL;
	const char *source = attribute(search->where, "pin-source", &size);
	int result = RESULT_OK;
	if (has_value == (source != NULL))
		return refuse(
			search,
			"names %s; write ?pin-source=/PATH behind it, the file that holds the "
			"token's PIN: nobody is asked for one",
			source ? "both pin-source and pin-value" : "no PIN");
	/* All the memory at once, so that no copy of the PIN stays behind. */
	if (!buffer_reserve(full, full->max))
		return RESULT_NOMEM;
	if (source)
		result = put_uri_with_pin(search, source, size, full);
	else
		buffer_append_text(full, search->where);
	buffer_append_byte(full, '\0');
	if (result == RESULT_OK && full->failed)
		result = refuse(search, "is too long for a URI of a key");
	return result;
}

/* Has OpenSSL a provider that opens pkcs11: URIs? */
static bool load_provider(struct search *search)
{
	search->found.provider = OSSL_PROVIDER_try_load(search->library, "pkcs11", 1);
	if (!search->found.provider)
		return false;
	OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(search->library, "pkcs11", by_provider);
	OSSL_STORE_LOADER_free(loader);
	return loader != NULL;
}

static int search_token(struct search *search)
{
	struct buffer uri;
	if (!load_provider(search))
		return refuse(search,
			      "OpenSSL has no provider for pkcs11: here; Debian 13 has it in the "
			      "package pkcs11-provider, Debian 12 does not: there the key must be "
			      "in a file");
	buffer_init(&uri, URI_MAX);
	int result = full_uri(search, &uri);
	if (result == RESULT_OK) {
		OSSL_STORE_CTX *store =
			OSSL_STORE_open_ex(uri.data, search->library, by_provider, search->nobody,
					   &search->asked, NULL, NULL, NULL);
		if (store)
			take_all(search, store);
	}
	if (uri.data)
		OPENSSL_cleanse(uri.data, uri.capacity);
	buffer_free(&uri);
	return result;
}

static int search_all(struct search *search)
{
	if (search->file)
		return search_file(search);
	if (is_of_scheme(search->where, "pkcs11:"))
		return search_token(search);
	if (is_of_scheme(search->where, "file:"))
		return refuse(search, "is no absolute path of this machine's; write file:/PATH");
	if (is_of_scheme(search->where, "org.openssl.engine:"))
		return refuse(search, "engines are not used; write the URI behind it, pkcs11:..., "
				      "for OpenSSL's provider of that name");
	return refuse(search, "no key can be read by this scheme; write a path, or a URI with "
			      "file: or pkcs11:");
}

/* Is what was found the one key that is needed? */
static int judge(struct search *search)
{
	if (search->asked)
		return refuse(search, "is locked by a passphrase, and nobody is asked for it; "
				      "`openssl pkey -in OLD -out NEW` writes the key without");
	if (search->pairs > 1)
		return refuse(search, "holds %u private keys; %s", search->pairs,
			      search->file ? "leave one in it" : "name one by object= or id=");
	if (search->pairs == 0 && search->public_keys > 0)
		return refuse(search, "holds a public key only; the private one is needed");
	if (search->pairs == 0 && search->file)
		return refuse(search, "no private key in PEM or DER in it; %s", keygen);
	if (search->pairs == 0)
		return refuse(search, "no private key found; are token, object and PIN right, and "
				      "is the token's module known to p11-kit?");
	if (!search->found.pair)
		return RESULT_NOMEM;
	if (EVP_PKEY_is_a(search->found.pair, "ED25519"))
		return RESULT_OK;
	const char *type = EVP_PKEY_get0_type_name(search->found.pair);
	return refuse(search, "holds a key of type %s; an Ed25519 key is needed",
		      type ? type : "unknown");
}

int key_source_load(const char *where, OSSL_LIB_CTX *library, struct key_source *source, char *why,
		    size_t why_size)
{
	struct search search = {.where = where,
				.file = file_path_of(where),
				.library = library,
				.why = why,
				.why_size = why_size};
	int result = RESULT_NOMEM;
	snprintf(why, why_size, "out of memory");
	ERR_set_mark();
	search.nobody = UI_create_method("nobody");
	if (search.nobody && UI_method_set_reader(search.nobody, answer_nothing) == 0)
		result = search_all(&search);
	if (result == RESULT_OK)
		result = judge(&search);
	if (result != RESULT_OK)
		key_source_free(&search.found);
	UI_destroy_method(search.nobody);
	ERR_pop_to_mark();
	*source = search.found;
	return result;
}

void key_source_free(struct key_source *source)
{
	EVP_PKEY_free(source->pair);
	if (source->provider)
		OSSL_PROVIDER_unload(source->provider);
	*source = (struct key_source){NULL, NULL};
}

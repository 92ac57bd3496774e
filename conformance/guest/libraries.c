#include "conformance/guest/libraries.h"

#include <libxml/HTMLparser.h>
#include <libxml/catalog.h>
#include <libxml/encoding.h>
#include <libxml/parser.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>
#include <libxml/xmlsave.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ui.h>
#include <string.h>

static int of_ours; /* its address is a context that nobody else has */

__attribute__((format(printf, 2, 3))) static void hear_text(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

static void hear_error(void *context, xmlErrorPtr error)
{
	(void)context;
	(void)error;
}

static xmlParserInputPtr refuse_entity(const char *url, const char *id, xmlParserCtxtPtr context)
{
	(void)url;
	(void)id;
	(void)context;
	return NULL;
}

bool libraries_use(void)
{
	static const char broken[] = "<epp><unclosed></epp>";
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	xmlSetGenericErrorFunc(&of_ours, hear_text);
	xmlSetStructuredErrorFunc(&of_ours, hear_error);
	xmlThrDefSetGenericErrorFunc(&of_ours, hear_text);
	xmlSetExternalEntityLoader(refuse_entity);
	xmlKeepBlanksDefault(0);
	xmlSubstituteEntitiesDefault(1);
	xmlLineNumbersDefault(1);
	xmlTreeIndentString = "\t";
	if (xmlReadMemory(broken, sizeof broken - 1, "ours.xml", NULL, 0) ||
	    EVP_Digest("abc", 3, hash, &size, EVP_sha256(), NULL) != 1)
		return false;
	ERR_raise(ERR_LIB_USER, 42);
	return xmlGetLastError() != NULL;
}

/* Pointers are told as they are: within one process they stay. */
static void write_xml(FILE *out)
{
	const xmlError *last = xmlGetLastError();
	xmlFreeFunc free_function = NULL;
	xmlMallocFunc malloc_function = NULL;
	xmlReallocFunc realloc_function = NULL;
	xmlStrdupFunc strdup_function = NULL;
	xmlMemGet(&free_function, &malloc_function, &realloc_function, &strdup_function);
	fprintf(out, "xml errors: %p %p %p %p\n", (void *)xmlGenericError, xmlGenericErrorContext,
		(void *)xmlStructuredError, xmlStructuredErrorContext);
	fprintf(out, "xml last error: %d %d %s %s\n", last ? last->code : 0, last ? last->line : 0,
		last && last->file ? last->file : "", last && last->message ? last->message : "");
	fprintf(out, "xml entities: %p\n", (void *)xmlGetExternalEntityLoader());
	fprintf(out, "xml defaults: %d %d %d %d %d %d %d %d %d %s\n", xmlKeepBlanksDefaultValue,
		xmlSubstituteEntitiesDefaultValue, xmlLoadExtDtdDefaultValue,
		xmlDoValidityCheckingDefaultValue, xmlPedanticParserDefaultValue,
		xmlLineNumbersDefaultValue, xmlGetWarningsDefaultValue, xmlIndentTreeOutput,
		xmlSaveNoEmptyTags, xmlTreeIndentString);
	fprintf(out, "xml memory: %p %p %p %p\n", (void *)free_function, (void *)malloc_function,
		(void *)realloc_function, (void *)strdup_function);
	fprintf(out, "xml buffers: %d %d\n", (int)xmlBufferAllocScheme, xmlDefaultBufferSize);
	fprintf(out, "xml nodes: %p %p\n", (void *)xmlRegisterNodeDefaultValue,
		(void *)xmlDeregisterNodeDefaultValue);
	fprintf(out, "xml files: %p %p\n", (void *)xmlParserInputBufferCreateFilenameValue,
		(void *)xmlOutputBufferCreateFilenameValue);
	fprintf(out, "xml catalogs: %d\n", (int)xmlCatalogGetDefaults());
	fprintf(out, "xml handlers:");
	for (size_t i = 0; i < sizeof xmlDefaultSAXHandler; i++)
		fprintf(out, " %02x", ((const unsigned char *)&xmlDefaultSAXHandler)[i]);
	fprintf(out, "\n");
}

static int write_provider(OSSL_PROVIDER *provider, void *out)
{
	fprintf(out, " %s", OSSL_PROVIDER_get0_name(provider));
	return 1;
}

static void write_openssl(FILE *out)
{
	CRYPTO_malloc_fn malloc_function = NULL;
	CRYPTO_realloc_fn realloc_function = NULL;
	CRYPTO_free_fn free_function = NULL;
	CRYPTO_get_mem_functions(&malloc_function, &realloc_function, &free_function);
	fprintf(out, "openssl providers:");
	OSSL_PROVIDER_do_all(NULL, write_provider, out);
	fprintf(out, "\nopenssl context: %p %p\n", (void *)OSSL_LIB_CTX_get0_global_default(),
		(void *)OSSL_LIB_CTX_set0_default(NULL));
	fprintf(out, "openssl properties: fips %d\n", EVP_default_properties_is_fips_enabled(NULL));
	fprintf(out, "openssl errors: %lx %lx\n", ERR_peek_error(), ERR_peek_last_error());
	fprintf(out, "openssl random: %p %p %p %p\n", (const void *)RAND_get_rand_method(),
		(void *)RAND_get0_primary(NULL), (void *)RAND_get0_public(NULL),
		(void *)RAND_get0_private(NULL));
	fprintf(out, "openssl memory: %p %p %p, secure %d\n", (void *)malloc_function,
		(void *)realloc_function, (void *)free_function,
		CRYPTO_secure_malloc_initialized());
	fprintf(out, "openssl methods: %p %p %p\n", (const void *)RSA_get_default_method(),
		(const void *)EC_KEY_get_default_method(), (void *)UI_get_default_method());
	fprintf(out, "openssl engines: %p %p\n", (void *)ENGINE_get_first(),
		(void *)ENGINE_get_default_RAND());
	fprintf(out, "openssl next object: %d\n", OBJ_new_nid(0));
}

void libraries_write(FILE *out)
{
	write_xml(out);
	write_openssl(out);
}

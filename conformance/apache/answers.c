#include "conformance/apache/answers.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <apr_xml.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epp "                                        \
	"xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"
#define URN        "urn:ietf:params:xml:ns:"
#define EXPIRES    "2030-01-02T03:04:05Z"
#define WRONG_WORD "wrong-password"
#define LOCK       "clientUpdateProhibited"

enum { BIG = 300 * 1024 };

struct object {
	bool locked;
};

struct answers {
	apr_pool_t *pool;
	apr_hash_t *objects; /* by kind and name: see key_of() */
	bool logged_in;
	apr_time_t began;
	unsigned count;
};

/* One command, as far as it is looked at. */
struct asked {
	apr_pool_t *pool;
	const char *verb, *kind, *name, *cl_trid;
	apr_xml_elem *command, *element; /* <command>, and the verb's */
	const char *data;                /* the answer's resData, or "" */
};

static apr_xml_elem *child_of(const apr_xml_elem *parent, const char *name)
{
	apr_xml_elem *child = parent ? parent->first_child : NULL;
	while (child && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

static const char *text_of(const apr_xml_elem *element)
{
	return element && element->first_cdata.first ? element->first_cdata.first->text : "";
}

/* "domain", "host" or "contact", by the namespace of the verb's inner element. */
static const char *kind_of(const apr_xml_doc *document, const apr_xml_elem *element)
{
	static const char *const kinds[] = {"domain", "host", "contact"};
	const char *uri =
		element->ns >= 0 ? APR_XML_GET_URI_ITEM(document->namespaces, element->ns) : "";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strstr(uri, kinds[i]))
			return kinds[i];
	return "unknown";
}

/* Reads what is asked. False: it is no EPP. */
static bool read_asked(struct asked *asked, const char *frame, apr_size_t size)
{
	apr_xml_parser *parser = apr_xml_parser_create(asked->pool);
	apr_xml_doc *document = NULL;
	if (apr_xml_parser_feed(parser, frame, size) != APR_SUCCESS ||
	    apr_xml_parser_done(parser, &document) != APR_SUCCESS || !document->root)
		return false;
	asked->verb = child_of(document->root, "hello") ? "hello" : "";
	asked->command = child_of(document->root, "command");
	if (!asked->command || !asked->command->first_child)
		return *asked->verb != '\0';
	asked->element = asked->command->first_child;
	asked->verb = asked->element->name;
	asked->cl_trid = text_of(child_of(asked->command, "clTRID"));
	const apr_xml_elem *inner = asked->element->first_child;
	if (!inner)
		return true;
	asked->kind = kind_of(document, inner);
	asked->name = text_of(child_of(inner, strcmp(asked->kind, "contact") == 0 ? "id" : "name"));
	return true;
}

/* A time that no other connection of this process began at: several may come within a microsecond. */
static apr_time_t own_time(void)
{
	static _Atomic apr_time_t latest;
	apr_time_t before = atomic_load(&latest), now = apr_time_now(), own;
	do
		own = now > before ? now : before + 1;
	while (!atomic_compare_exchange_weak(&latest, &before, own));
	return own;
}

struct answers *answers_new(apr_pool_t *pool)
{
	struct answers *answers = apr_pcalloc(pool, sizeof *answers);
	answers->pool = pool;
	answers->objects = apr_hash_make(pool);
	answers->began = own_time();
	return answers;
}

const char *answers_greeting(void)
{
	return HEAD "<greeting><svID>testepp</svID><svDate>2026-01-02T03:04:05Z</svDate><svcMenu>"
		    "<version>1.0</version><lang>en</lang><objURI>" URN "domain-1.0</objURI>"
		    "<objURI>" URN "host-1.0</objURI><objURI>" URN "contact-1.0</objURI></svcMenu>"
		    "<dcp><access><all/></access><statement><purpose><prov/></purpose><recipient>"
		    "<ours/></recipient><retention><stated/></retention></statement></dcp>"
		    "</greeting></epp>\n";
}

static const char *key_of(const struct asked *asked)
{
	return apr_pstrcat(asked->pool, asked->kind, ":", asked->name, NULL);
}

static struct object *find(const struct answers *answers, const struct asked *asked)
{
	return apr_hash_get(answers->objects, key_of(asked), APR_HASH_KEY_STRING);
}

/* A domain's answer, with the element that says when it expires. */
static void say_domain(struct asked *asked, const char *element, const char *more)
{
	if (strcmp(asked->kind, "domain") == 0)
		asked->data = apr_psprintf(asked->pool,
					   "<resData><d:%s xmlns:d=\"" URN
					   "domain-1.0\"><d:name>%s</d:name>"
					   "%s<d:exDate>" EXPIRES "</d:exDate></d:%s></resData>",
					   element, asked->name, more, element);
}

static int create(struct answers *answers, struct asked *asked)
{
	if (find(answers, asked))
		return 2302;
	apr_hash_set(answers->objects, apr_pstrdup(answers->pool, key_of(asked)),
		     APR_HASH_KEY_STRING, apr_pcalloc(answers->pool, sizeof(struct object)));
	say_domain(asked, "creData", "<d:crDate>2026-01-02T03:04:05Z</d:crDate>");
	return 1000;
}

static bool has_lock(const struct asked *asked, const char *part)
{
	const apr_xml_elem *status =
		child_of(child_of(asked->element->first_child, part), "status");
	const apr_xml_attr *attribute = status ? status->attr : NULL;
	while (attribute && strcmp(attribute->value, LOCK) != 0)
		attribute = attribute->next;
	return attribute != NULL;
}

static int update(struct object *object, const struct asked *asked)
{
	if (object->locked && !has_lock(asked, "rem"))
		return 2304;
	object->locked = has_lock(asked, "add");
	return 1000;
}

static int change_object(struct answers *answers, struct asked *asked)
{
	struct object *object = find(answers, asked);
	if (strcmp(asked->verb, "create") == 0)
		return create(answers, asked);
	if (strcmp(asked->verb, "check") == 0)
		return 1000;
	if (!object)
		return 2303;
	if (strcmp(asked->verb, "update") == 0)
		return update(object, asked);
	if (strcmp(asked->verb, "delete") == 0)
		apr_hash_set(answers->objects, key_of(asked), APR_HASH_KEY_STRING, NULL);
	else if (strcmp(asked->verb, "renew") == 0)
		say_domain(asked, "renData", "");
	else if (strcmp(asked->verb, "info") == 0)
		say_domain(asked, "infData",
			   "<d:roid>R-1</d:roid><d:status s=\"ok\"/><d:clID>ClientX</d:clID>");
	else
		return 2000;
	return 1000;
}

static int log_in(struct answers *answers, const struct asked *asked)
{
	if (strcmp(text_of(child_of(asked->element, "pw")), WRONG_WORD) == 0)
		return 2200;
	answers->logged_in = true;
	return 1000;
}

static int answer(struct answers *answers, struct asked *asked, bool *ends)
{
	*ends = strcmp(asked->verb, "logout") == 0;
	if (*ends)
		return 1500;
	if (strcmp(asked->verb, "login") == 0)
		return log_in(answers, asked);
	if (!answers->logged_in)
		return 2002;
	if (strcmp(asked->verb, "poll") == 0)
		return 1300;
	return asked->kind ? change_object(answers, asked) : 2003;
}

static const char *padding(apr_pool_t *pool, const char *name)
{
	if (strncmp(name, "big", 3) != 0)
		return "";
	char *blanks = apr_palloc(pool, BIG + 1);
	memset(blanks, ' ', BIG);
	blanks[BIG] = '\0';
	return blanks;
}

/* svTRIDs are this connection's own, whichever child and server it is in. */
static const char *response(struct answers *answers, const struct asked *asked, int code)
{
	return apr_psprintf(
		asked->pool,
		HEAD "<response><result code=\"%d\"><msg>Code %d</msg></result>%s%s<trID>%s%s%s"
		     "<svTRID>T-%d-%" APR_TIME_T_FMT "-%u</svTRID></trID></response></epp>\n",
		code, code, asked->data, padding(asked->pool, asked->name),
		*asked->cl_trid ? "<clTRID>" : "",
		apr_xml_quote_string(asked->pool, asked->cl_trid, 0),
		*asked->cl_trid ? "</clTRID>" : "", (int)getpid(), answers->began,
		answers->count++);
}

const char *answers_to(struct answers *answers, apr_pool_t *pool, const char *frame,
		       apr_size_t size, bool *ends)
{
	struct asked asked = {.pool = pool, .cl_trid = "", .name = "", .data = ""};
	if (!read_asked(&asked, frame, size))
		return response(answers, &asked, 2001);
	if (strcmp(asked.verb, "hello") == 0)
		return answers_greeting();
	if (strncmp(asked.name, "hang", 4) == 0)
		return NULL;
	return response(answers, &asked, answer(answers, &asked, ends));
}

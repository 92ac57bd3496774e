#include "conformance/refepp/response.h"

#include "conformance/refepp/dates.h"
#include "conformance/refepp/xml.h"

static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epp xmlns=\"" NS_EPP "\">";

/* RFC 5730, section 3. */
static const struct {
	int code;
	const char *text;
} messages[] = {
	{1000, "Command completed successfully"},
	{1001, "Command completed successfully; action pending"},
	{1300, "Command completed successfully; no messages"},
	{1500, "Command completed successfully; ending session"},
	{2000, "Unknown command"},
	{2001, "Command syntax error"},
	{2002, "Command use error"},
	{2003, "Required parameter missing"},
	{2004, "Parameter value range error"},
	{2005, "Parameter value syntax error"},
	{2100, "Unimplemented protocol version"},
	{2101, "Unimplemented command"},
	{2102, "Unimplemented option"},
	{2103, "Unimplemented extension"},
	{2200, "Authentication error"},
	{2201, "Authorization error"},
	{2202, "Invalid authorization information"},
	{2302, "Object exists"},
	{2303, "Object does not exist"},
	{2304, "Object status prohibits operation"},
	{2305, "Object association prohibits operation"},
	{2306, "Parameter value policy error"},
	{2307, "Unimplemented object service"},
	{2400, "Command failed"},
	{2501, "Authentication error; server closing connection"},
};

static const char *message_of(int code)
{
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].code == code)
			return messages[i].text;
	}
	return "Command failed";
}

static void put_part(struct text *frame, const char *name, const char *content)
{
	if (content == NULL || content[0] == '\0')
		return;
	text_printf(frame, "<%s>", name);
	text_put(frame, content);
	text_printf(frame, "</%s>", name);
}

void response_write(struct text *frame, const struct response *response)
{
	text_put(frame, head);
	text_printf(frame, "<response><result code=\"%d\"><msg>", response->code);
	text_put(frame, message_of(response->code));
	if (response->why != NULL) {
		text_put(frame, ": ");
		text_xml(frame, response->why);
	}
	text_put(frame, "</msg></result>");
	put_part(frame, "resData", response->data);
	put_part(frame, "extension", response->extension);
	text_put(frame, "<trID>");
	text_element(frame, "clTRID", response->cl_trid);
	text_element(frame, "svTRID", response->sv_trid);
	text_put(frame, "</trID></response></epp>\n");
}

void response_write_greeting(struct text *frame, int64_t now_ms)
{
	char now[DATES_SIZE];

	dates_format(now_ms, now);
	text_put(frame, head);
	text_put(frame, "<greeting><svID>refepp</svID>");
	text_element(frame, "svDate", now);
	text_put(frame, "<svcMenu><version>1.0</version><lang>en</lang>"
			"<objURI>" NS_DOMAIN "</objURI><objURI>" NS_HOST "</objURI>"
			"<objURI>" NS_CONTACT "</objURI><svcExtension>"
			"<extURI>" NS_SECDNS "</extURI><extURI>" NS_RGP "</extURI>"
			"</svcExtension></svcMenu>");
	text_put(frame, "<dcp><access><all/></access><statement><purpose><prov/></purpose>"
			"<recipient><ours/><public/></recipient>"
			"<retention><stated/></retention></statement></dcp></greeting></epp>\n");
}

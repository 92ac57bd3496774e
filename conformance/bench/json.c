/* json.c - why events are written by publisher/json.c and not by a library: bench-json
 *
 * The same claims, written straight into a buffer and made as a tree by jansson and printed.
 */
#include "publisher/json.h"
#include "conformance/bench/tap.h"

#include <jansson.h>
#include <string.h>

enum { ROUNDS = 200000 };

static const char *const hosts[] = {"ns1.new-hoster.example", "ns2.new-hoster.example"};

static size_t write_straight(struct buffer *into)
{
	struct json json = {.into = into};
	buffer_reset(into);
	json_open_object(&json, NULL);
	json_put_text(&json, "iss", "https://registry.example");
	json_put_number(&json, "iat", 1795460958);
	json_put_text(&json, "txn", "bench-server-4711");
	json_open_object(&json, "sub_id");
	json_put_text(&json, "format", "uri");
	json_put_text(&json, "uri", "dns:bench-00000001.example");
	json_close_object(&json);
	json_open_list(&json, "nameservers");
	for (int i = 0; i < 2; i++) {
		json_open_object(&json, NULL);
		json_put_text(&json, "ldhName", hosts[i]);
		json_close_object(&json);
	}
	json_close_list(&json);
	json_close_object(&json);
	return into->size;
}

static size_t write_by_tree(void)
{
	json_t *list = json_array();
	for (int i = 0; i < 2; i++)
		json_array_append_new(list, json_pack("{s:s}", "ldhName", hosts[i]));
	json_t *tree =
		json_pack("{s:s,s:I,s:s,s:{s:s,s:s},s:o}", "iss", "https://registry.example", "iat",
			  (json_int_t)1795460958, "txn", "bench-server-4711", "sub_id", "format",
			  "uri", "uri", "dns:bench-00000001.example", "nameservers", list);
	char *text = json_dumps(tree, JSON_COMPACT);
	size_t size = strlen(text);
	free(text);
	json_decref(tree);
	return size;
}

int main(void)
{
	struct buffer buffer;
	size_t bytes = 0;
	buffer_init(&buffer, 65536);
	int64_t start = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		bytes += write_straight(&buffer);
	int64_t middle = now_ns();
	for (int i = 0; i < ROUNDS; i++)
		bytes -= write_by_tree();
	int64_t end = now_ns();
	if (bytes != 0)
		give_up("json", "the two wrote different texts");
	printf("json     %zu bytes   straight %lld ns   jansson %lld ns   ratio %.2f\n",
	       buffer.size, (long long)(middle - start) / ROUNDS,
	       (long long)(end - middle) / ROUNDS,
	       (double)(middle - start) / (double)(end - middle));
	buffer_free(&buffer);
	return 0;
}

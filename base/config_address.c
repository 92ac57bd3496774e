#include "base/config_read.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 253, MAX_LABEL = 63, MAX_ADDRESS = 256, MAX_IPC_PATH = 100 };

static bool is_letter_or_digit(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9');
}

static bool is_label(const char *label, size_t size)
{
	if (size == 0 || size > MAX_LABEL || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_letter_or_digit(label[i]) && label[i] != '-')
			return false;
	}
	return true;
}

bool config_is_domain(const char *text, size_t size)
{
	if (size == 0 || size > MAX_NAME)
		return false;
	for (size_t start = 0;;) {
		const char *dot = memchr(text + start, '.', size - start);
		size_t end = dot ? (size_t)(dot - text) : size;
		if (!is_label(text + start, end - start))
			return false;
		if (!dot)
			return true;
		start = end + 1;
	}
}

static int keep_lower(char **slot, const char *text, size_t size)
{
	int result = config_keep(slot, text, size);
	for (size_t i = 0; result == RESULT_OK && i < size; i++) {
		if (text[i] >= 'A' && text[i] <= 'Z')
			(*slot)[i] = (char)(text[i] - 'A' + 'a');
	}
	return result;
}

int config_read_domain(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t size = node->data.scalar.length;
	if (size > 0 && text[size - 1] == '.')
		size--;
	if (!config_is_domain(text, size))
		return config_fail(reader, node,
				   "%s: \"%s\" is no domain name; write letters, digits and "
				   "hyphens, such as co.example, or xn--... for other scripts",
				   row->path, config_excerpt(node).text);
	return keep_lower(slot, text, size);
}

static bool is_port(const char *text)
{
	size_t size = strspn(text, "0123456789");
	if (size == 0 || size > 5 || text[size] != '\0')
		return false;
	unsigned long port = strtoul(text, NULL, 10);
	return port >= 1 && port <= 65535;
}

/* https://HOST[:PORT][/PATH], of the characters that a URI may hold; no user, query or fragment. */
static bool is_registry(const char *text)
{
	static const char scheme[] = "https://";
	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return false;
	text += sizeof scheme - 1;
	size_t host = strcspn(text, ":/");
	if (!config_is_domain(text, host))
		return false;
	text += host;
	if (*text == ':') {
		char port[6];
		size_t size = strcspn(++text, "/");
		if (size >= sizeof port)
			return false;
		memcpy(port, text, size);
		port[size] = '\0';
		if (!is_port(port))
			return false;
		text += size;
	}
	for (; *text; text++) {
		if (!is_letter_or_digit(*text) && !strchr("/-._~%!$&'()*+,;=:", *text))
			return false;
	}
	return true;
}

int config_read_registry(struct config_reader *reader, const struct config_row *row,
			 const yaml_node_t *node, void *slot)
{
	if (!is_registry((const char *)node->data.scalar.value))
		return config_wrong(reader, row, node, "address of a registry");
	return config_read_text(reader, row, node, slot);
}

/* Of the address of a tcp endpoint. Names are for those who connect: libzmq binds to none. */
static bool is_address(const char *address, bool bind)
{
	unsigned char binary[sizeof(struct in6_addr)];
	size_t size = strlen(address);
	if (address[0] == '[' && address[size - 1] == ']') {
		char inner[MAX_ADDRESS];
		snprintf(inner, sizeof inner, "%.*s", (int)(size - 2), address + 1);
		return inet_pton(AF_INET6, inner, binary) == 1;
	}
	if (inet_pton(AF_INET, address, binary) == 1)
		return true;
	if (bind)
		return strcmp(address, "*") == 0;
	return config_is_domain(address, size) && strspn(address, "0123456789.") != size;
}

static bool is_endpoint(const char *text, bool bind)
{
	static const char tcp[] = "tcp://", ipc[] = "ipc://";
	if (strncmp(text, ipc, sizeof ipc - 1) == 0)
		return text[sizeof ipc - 1] == '/' && strlen(text + sizeof ipc - 1) <= MAX_IPC_PATH;
	if (strncmp(text, tcp, sizeof tcp - 1) != 0)
		return false;
	text += sizeof tcp - 1;
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || colon - text >= MAX_ADDRESS || !is_port(colon + 1))
		return false;
	char address[MAX_ADDRESS];
	snprintf(address, sizeof address, "%.*s", (int)(colon - text), text);
	return is_address(address, bind);
}

int config_read_bind(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, void *slot)
{
	if (!is_endpoint((const char *)node->data.scalar.value, true))
		return config_wrong(reader, row, node, "address to listen on");
	return config_read_text(reader, row, node, slot);
}

int config_read_connect(struct config_reader *reader, const struct config_row *row,
			const yaml_node_t *node, void *slot)
{
	const char *text = (const char *)node->data.scalar.value;
	if (!is_endpoint(text, false))
		return config_wrong(reader, row, node, "address to connect to");
	return config_keep(slot, text, strlen(text));
}

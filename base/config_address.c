#include "base/config_read.h"
#include "base/name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ADDRESS = 256, MAX_IPC_PATH = 100 };

static bool is_letter_or_digit(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9');
}

/* As name_read() has it, and stricter: no blanks or dots at the ends, no underscores, no hyphen at the end of a label.
 * `name` is the text in lower case. */
static bool is_domain(const char *text, size_t size, char name[NAME_SIZE])
{
	if (name_read(text, size, name) != RESULT_OK || strlen(name) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		bool at_end = i == 0 || name[i - 1] == '.' || i + 1 == size || name[i + 1] == '.';
		if (name[i] == '_' || (name[i] == '-' && at_end))
			return false;
	}
	return true;
}

int config_read_domain(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t size = node->data.scalar.length;
	char name[NAME_SIZE];
	if (size > 0 && text[size - 1] == '.')
		size--;
	if (!is_domain(text, size, name))
		return config_fail(reader, node,
				   "%s: \"%s\" is no domain name; write letters, digits and "
				   "hyphens, such as co.example, or xn--... for other scripts",
				   row->path, config_excerpt(node).text);
	return config_keep(slot, name, size);
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
	char name[NAME_SIZE];
	size_t host = strcspn(text, ":/");
	if (!is_domain(text, host, name))
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
	char name[NAME_SIZE];
	return is_domain(address, size, name) && strspn(address, "0123456789.") != size;
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

/* The same frame in other bytes: each encoding that there is, and other prefixes for the same namespaces. */
#include "eppparse/scan.h"
#include "eppparse/test/frames.h"

#include <dirent.h>
#include <errno.h>
#include <iconv.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum {
	STRIDE = SANITIZED ? 16 : 2, /* see where it is used: to take some seconds and no more */
	CASES_MAX = 1024,
	ENCODINGS_MAX = 2048,
	REGISTRIES_MAX = 64,
	ENCODING_NAME_SIZE = 48,
	BYTES_MAX = 4 << 20,
};

/* How the frames of a case are called, or end if there are several: a command and its response, or a change of the
 * registry's own. */
#define COMMAND_FILE  "command.xml"
#define RESPONSE_FILE "response.xml"
#define SERVER_FILE   "server.xml"

static const char cases_folder[] = "conformance/cases"; /* seen from where make runs the tests */

/* A frame of a golden case, in UTF-8, without a byte order mark or a declaration; the scans' judgement of it. */
struct frame_case {
	struct buffer text;
	enum scan_command command;
	bool may_succeed, may_tell;
};

/* A step of a golden case, and what came of it. */
struct golden {
	char name[512];
	const struct config *registry; /* as whose its frames are read; or NULL */
	bool is_pair; /* else a change of the registry's own, which is the response */
	struct frame_case command, response;
	enum eppparse_result result;
	struct buffer encoded; /* the change, if it is one */
};

/* A config of etc/registries. */
struct registry {
	char name[64];
	struct config *config;
};

struct encoding {
	char name[ENCODING_NAME_SIZE];
	uint64_t print; /* encodings of the same print write the same bytes */
};

static struct golden cases[CASES_MAX];
static size_t case_count;
static struct encoding encodings[ENCODINGS_MAX];
static size_t encoding_count, main_count; /* the main ones stand first */
static struct registry registries[REGISTRIES_MAX];
static size_t registry_count;

/* What was tried, so that a test that tried nothing is seen. */
static struct {
	size_t frames, same, counted, not_written;
} tally;

/* What iconv makes of the next bytes at *in goes into `into`; with `in` NULL, what leads back from a shift. False: it
 * stopped at something that it can't write or read. */
static bool step_iconv(iconv_t way, char **in, size_t *left, struct buffer *into)
{
	char *room = buffer_reserve(into, 4096), *out = room;
	size_t space = 4096;
	assert_non_null(room);
	size_t result = iconv(way, in, left, &out, &space);
	into->size += (size_t)(out - room);
	return result != (size_t)-1 || errno == E2BIG;
}

/* The letter at `text` as a character reference, which any encoding with ASCII in it has. Its bytes; 0: it is ASCII. */
static size_t refer_to(const char *text, size_t left, char *reference, size_t room)
{
	size_t size = 1;
	while (size < left && (text[size] & 0xc0) == 0x80)
		size++;
	uint32_t letter = (uint8_t)text[0] & (0xff >> (size + 1));
	for (size_t i = 1; i < size; i++)
		letter = letter << 6 | ((uint8_t)text[i] & 0x3f);
	snprintf(reference, room, "&#x%x;", letter);
	return size > 1 ? size : 0;
}

/* Puts text through `way`. A letter that can't be written becomes a character reference, and *referred is set; without
 * `referred`, or if not even that can be written, the answer is false. */
static bool convert(iconv_t way, const char *text, size_t left, struct buffer *into, bool *referred)
{
	char *in = (char *)(uintptr_t)text, reference[16];
	while (left > 0) {
		if (step_iconv(way, &in, &left, into))
			continue;
		size_t size = referred && errno == EILSEQ
				      ? refer_to(in, left, reference, sizeof reference)
				      : 0;
		if (size == 0 || !convert(way, reference, strlen(reference), into, NULL))
			return false;
		*referred = true;
		in += size;
		left -= size;
	}
	return step_iconv(way, NULL, NULL, into);
}

/* The bytes of a file of a case. False: it has none of that name. */
static bool read_file(const char *folder, const char *name, struct buffer *into)
{
	char path[1024], part[4096];
	snprintf(path, sizeof path, "%s/%s/%s", cases_folder, folder, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	for (size_t got = 1; got > 0;) {
		got = fread(part, 1, sizeof part, file);
		buffer_append(into, part, got);
	}
	fclose(file);
	assert_false(into->failed);
	return true;
}

/* The encoding that a frame declares in ASCII. False: none. */
static bool declared_encoding(const struct buffer *frame, char *name, size_t size)
{
	size_t most = frame->size < 200 ? frame->size : 200;
	if (frame->size < 5 || memcmp(frame->data, "<?xml", 5) != 0)
		return false;
	const char *at = memmem(frame->data, most, "encoding=", 9);
	size_t length = 0;
	if (!at)
		return false;
	for (at += 10; at[length] != '"' && at[length] != '\''; length++)
		;
	snprintf(name, size, "%.*s", (int)length, at);
	return true;
}

static bool convert_from(const char *encoding, struct buffer *frame)
{
	struct buffer text;
	iconv_t way = iconv_open("UTF-8", encoding);
	if (way == (iconv_t)-1)
		return false;
	buffer_init(&text, BYTES_MAX);
	bool good = convert(way, frame->data, frame->size, &text, NULL);
	iconv_close(way);
	buffer_free(frame);
	*frame = text;
	return good;
}

static void drop_start(struct buffer *frame, size_t size)
{
	memmove(frame->data, frame->data + size, frame->size - size);
	frame->size -= size;
}

/* Makes a frame what a frame_case has. False: it is in an encoding of nobody's. */
static bool to_plain_text(struct buffer *frame)
{
	char encoding[64];
	bool good = true;
	const uint8_t *bytes = (const uint8_t *)frame->data;
	if (frame->size > 1 && (bytes[0] >= 0xfe || !bytes[0] || !bytes[1]))
		good = convert_from(bytes[0] >= 0xfe ? "UTF-16"
				    : bytes[0]       ? "UTF-16LE"
						     : "UTF-16BE",
				    frame);
	else if (declared_encoding(frame, encoding, sizeof encoding))
		good = convert_from(encoding, frame);
	if (good && frame->size >= 3 && memcmp(frame->data, "\xef\xbb\xbf", 3) == 0)
		drop_start(frame, 3);
	const char *end = good && frame->size > 5 && memcmp(frame->data, "<?xml", 5) == 0
				  ? memmem(frame->data, frame->size, "?>", 2)
				  : NULL;
	if (end)
		drop_start(frame, (size_t)(end + 2 - frame->data));
	while (good && frame->size > 0 && (frame->data[0] == '\n' || frame->data[0] == '\r'))
		drop_start(frame, 1);
	return good;
}

static void judge_frame(struct frame_case *frame)
{
	frame->command = scan_command(frame->text.data, frame->text.size, NULL);
	frame->may_succeed = scan_may_succeed(frame->text.data, frame->text.size);
	frame->may_tell = scan_may_tell(frame->text.data, frame->text.size);
}

/* Reads a step of `golden` with these frames in the place of its own. */
static enum eppparse_result read_step(const struct golden *golden, const struct buffer *command,
				      const struct buffer *response)
{
	const struct config *registry = golden->registry;
	eppparse_use(parse, registry ? &registry->namespaces : NULL,
		     registry ? &registry->verbs : NULL);
	if (!golden->is_pair)
		return eppparse_server_change(parse, response->data, response->size, &change);
	return eppparse_pair(parse, command->data, command->size, response->data, response->size,
			     &change);
}

static void free_case(struct golden *golden)
{
	buffer_free(&golden->command.text);
	buffer_free(&golden->response.text);
	buffer_free(&golden->encoded);
}

static const struct config *find_registry(const char *name)
{
	char path[512], why[512];
	for (size_t i = 0; i < registry_count; i++)
		if (strcmp(registries[i].name, name) == 0)
			return registries[i].config;
	assert_true(registry_count < REGISTRIES_MAX);
	struct registry *registry = &registries[registry_count++];
	snprintf(registry->name, sizeof registry->name, "%s", name);
	snprintf(path, sizeof path, "etc/registries/%s.yaml", name);
	if (config_load(path, &registry->config, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	return registry->config;
}

/* The registry that the file of that name in the case's folder names; NULL: there is none. */
static const struct config *registry_of(const char *folder)
{
	struct buffer name;
	buffer_init(&name, 64);
	const struct config *registry = NULL;
	if (read_file(folder, "registry", &name)) {
		buffer_append_byte(&name, '\0');
		assert_false(name.failed);
		name.data[strcspn(name.data, "\n")] = '\0';
		registry = find_registry(name.data);
	}
	buffer_free(&name);
	return registry;
}

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);
	return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* `file` is what a server said. False: its frames are of an encoding that can't be read here. */
static bool load_step(const char *folder, const char *file, struct golden *golden)
{
	char command[256];
	golden->is_pair = ends_with(file, RESPONSE_FILE);
	size_t number = strlen(file) - strlen(golden->is_pair ? RESPONSE_FILE : SERVER_FILE);
	snprintf(command, sizeof command, "%.*s" COMMAND_FILE, (int)number, file);
	snprintf(golden->name, sizeof golden->name, "%s/%s", folder, file);
	golden->registry = registry_of(folder);
	buffer_init(&golden->encoded, BYTES_MAX);
	buffer_init(&golden->command.text, BYTES_MAX);
	buffer_init(&golden->response.text, BYTES_MAX);
	assert_int_equal(read_file(folder, command, &golden->command.text), golden->is_pair);
	assert_true(read_file(folder, file, &golden->response.text));
	if (!to_plain_text(&golden->command.text) || !to_plain_text(&golden->response.text)) {
		free_case(golden);
		return false;
	}
	judge_frame(&golden->command);
	judge_frame(&golden->response);
	golden->result = read_step(golden, &golden->command.text, &golden->response.text);
	if (golden->result == EPPPARSE_CHANGE)
		change_encode(&change, &golden->encoded);
	return true;
}

/* The names in a folder, in their order. */
static int list_folder(const char *path, struct dirent ***entries)
{
	int count = scandir(path, entries, NULL, alphasort);
	if (count < 0)
		fail_msg("%s: %s; tests run at the root of the tree", path, strerror(errno));
	return count;
}

static void free_list(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

/* Returns how many steps it left out. */
static size_t load_folder(const char *folder)
{
	char path[512];
	struct dirent **files;
	size_t left_out = 0;
	snprintf(path, sizeof path, "%s/%s", cases_folder, folder);
	int count = list_folder(path, &files);
	for (int i = 0; i < count; i++) {
		if (!ends_with(files[i]->d_name, RESPONSE_FILE) &&
		    !ends_with(files[i]->d_name, SERVER_FILE))
			continue;
		assert_true(case_count < CASES_MAX);
		if (load_step(folder, files[i]->d_name, &cases[case_count]))
			case_count++;
		else
			left_out++;
	}
	free_list(files, count);
	return left_out;
}

static size_t load_cases(void)
{
	struct dirent **folders;
	size_t left_out = 0;
	int count = list_folder(cases_folder, &folders);
	for (int i = 0; i < count; i++)
		if (folders[i]->d_name[0] != '.')
			left_out += load_folder(folders[i]->d_name);
	free_list(folders, count);
	return left_out;
}

/* Something by which encodings that write different bytes are told apart. 0: it is none that UTF-8 can be written in. */
static uint64_t print_of(const char *name)
{
	static const struct {
		uint32_t first, last;
	} letters[] = {{0x20, 0x17f},     {0x218, 0x21b},   {0x384, 0x3ce},   {0x401, 0x491},
		       {0x561, 0x567},    {0x5d0, 0x5ea},   {0x621, 0x64a},   {0xe01, 0xe10},
		       {0x10d0, 0x10d5},  {0x1e02, 0x1e0a}, {0x1ea0, 0x1eb0}, {0x2010, 0x2026},
		       {0x20ac, 0x20ac},  {0x2500, 0x2510}, {0x3042, 0x3052}, {0x30a2, 0x30b2},
		       {0x4e00, 0x4e10},  {0x6f22, 0x6f23}, {0xac00, 0xac10}, {0xff71, 0xff79},
		       {0x1f426, 0x1f427}};
	uint64_t print = 14695981039346656037u;
	iconv_t way = iconv_open(name, "UTF-32LE");
	if (way == (iconv_t)-1)
		return 0;
	for (size_t i = 0; i < COUNT(letters); i++)
		for (uint32_t letter = letters[i].first; letter <= letters[i].last; letter++) {
			char in_bytes[4] = {(char)letter, (char)(letter >> 8),
					    (char)(letter >> 16)};
			char out_bytes[32], *in = in_bytes, *out = out_bytes;
			size_t left = sizeof in_bytes, space = sizeof out_bytes;
			bool good = iconv(way, &in, &left, &out, &space) != (size_t)-1;
			iconv(way, NULL, NULL, &out, &space);
			if (!good)
				out = out_bytes;
			for (char *at = out_bytes; at <= out; at++)
				print = (print ^ (at < out ? (uint8_t)*at : 0x100)) *
					1099511628211u;
		}
	iconv_close(way);
	return print;
}

/* May a declaration have it? */
static bool is_encoding_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t size = strlen(name);
	return size > 0 && size < ENCODING_NAME_SIZE && strchr(letters, name[0]) &&
	       strspn(name + strspn(name, letters),
		      "0123456789._-"
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
		       size - strspn(name, letters);
}

static void add_encoding(const char *name)
{
	uint64_t print = is_encoding_name(name) ? print_of(name) : 0;
	if (print == 0)
		return;
	for (size_t i = 0; i < encoding_count; i++)
		if (encodings[i].print == print)
			return;
	assert_true(encoding_count < ENCODINGS_MAX);
	struct encoding *encoding = &encodings[encoding_count++];
	snprintf(encoding->name, sizeof encoding->name, "%s", name);
	encoding->print = print;
}

/* All that iconv knows, each once; those that both it and libxml2 have names of their own for come first. */
static void list_encodings(void)
{
	static const char *const first[] = {"UTF-8",  "UTF-16",     "UTF-16LE", "UTF-16BE",
					    "UTF-32", "UTF-32LE",   "UTF-32BE", "UCS-4",
					    "UCS-2",  "ISO-8859-1", "US-ASCII", "UTF-7",
					    "EUC-JP", "SHIFT_JIS",  "IBM037",   "GB18030"};
	char name[256];
	for (size_t i = 0; i < COUNT(first); i++)
		add_encoding(first[i]);
	main_count = encoding_count;
	FILE *list = popen("iconv -l", "r");
	assert_non_null(list);
	while (fscanf(list, "%255s", name) == 1) {
		name[strcspn(name, "/")] = '\0';
		add_encoding(name);
	}
	pclose(list);
}

/* How a frame is to be written. */
struct writing {
	const char *encoding, *declared, *mark; /* declared: as what; NULL: not at all */
	bool declared_in_ascii;                 /* and only what follows is in the encoding */
};

/* Writes `text` so. False: the encoding does not have all of its letters. */
static bool write_frame(const struct writing *writing, const struct buffer *text,
			struct buffer *frame)
{
	char declaration[128] = "";
	bool good = true, referred = false;
	iconv_t way = iconv_open(writing->encoding, "UTF-8");
	assert_true(way != (iconv_t)-1);
	buffer_reset(frame);
	buffer_append(frame, writing->mark, strlen(writing->mark));
	if (writing->declared)
		snprintf(declaration, sizeof declaration, "<?xml version=\"1.0\" encoding=\"%s\"?>",
			 writing->declared);
	if (writing->declared_in_ascii)
		buffer_append_text(frame, declaration);
	else
		good = convert(way, declaration, strlen(declaration), frame, NULL);
	good = good && convert(way, text->data, text->size, frame, &referred);
	iconv_close(way);
	/* within CDATA a reference is none */
	if (referred && memmem(text->data, text->size, "<![CDATA[", 9))
		good = false;
	return good;
}

/* Can libxml2 read it at all, asked without the parser that is tested? */
static bool libxml2_reads(const struct buffer *frame)
{
	xmlDocPtr document =
		xmlReadMemory(frame->data, (int)frame->size, NULL, NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (document)
		xmlFreeDoc(document);
	return document != NULL;
}

static void assert_scans(const struct golden *golden, const struct frame_case *original,
			 const struct buffer *frame, const char *how)
{
	enum scan_command command = scan_command(frame->data, frame->size, NULL);
	if (command != SCAN_MAYBE && command != original->command)
		fail_msg("%s in %s: scan_command() says %d", golden->name, how, command);
	if (original->may_succeed && !scan_may_succeed(frame->data, frame->size))
		fail_msg("%s in %s: scan_may_succeed() says no", golden->name, how);
	if (original->may_tell && !scan_may_tell(frame->data, frame->size))
		fail_msg("%s in %s: scan_may_tell() says no", golden->name, how);
}

/* A frame of the case that was written otherwise gives what the original gave; if it can't be read, it is counted. */
static void assert_same(const struct golden *golden, bool is_command, const struct buffer *frame,
			const char *how)
{
	struct buffer encoded;
	assert_scans(golden, is_command ? &golden->command : &golden->response, frame, how);
	enum eppparse_result result = read_step(golden, is_command ? frame : &golden->command.text,
						is_command ? &golden->response.text : frame);
	tally.frames++;
	if (golden->result >= EPPPARSE_MALFORMED) {
		if (result < EPPPARSE_MALFORMED)
			fail_msg("%s in %s is %s", golden->name, how, eppparse_reason(result));
		return;
	}
	if (result != golden->result) {
		tally.counted++;
		if (result < EPPPARSE_MALFORMED || libxml2_reads(frame))
			fail_msg("%s in %s is %s", golden->name, how, eppparse_reason(result));
		return;
	}
	tally.same++;
	if (result != EPPPARSE_CHANGE)
		return;
	buffer_init(&encoded, BYTES_MAX);
	change_encode(&change, &encoded);
	if (encoded.size != golden->encoded.size ||
	    memcmp(encoded.data, golden->encoded.data, encoded.size) != 0)
		fail_msg("%s in %s is another change", golden->name, how);
	buffer_free(&encoded);
}

static void assert_same_in(const struct golden *golden, const struct writing *writing,
			   struct buffer *frame)
{
	if (golden->is_pair) {
		if (write_frame(writing, &golden->command.text, frame))
			assert_same(golden, true, frame, writing->encoding);
		else
			tally.not_written++;
	}
	if (write_frame(writing, &golden->response.text, frame))
		assert_same(golden, false, frame, writing->encoding);
	else
		tally.not_written++;
}

/* Is what it writes of ASCII other bytes? */
static bool differs_from_ascii(const struct encoding *encoding)
{
	static const char start[] = "<?xml version=\"1.0\"?>";
	struct writing writing = {.encoding = encoding->name, .mark = ""};
	struct buffer text, frame;
	buffer_init(&text, 4096);
	buffer_init(&frame, 1 << 16);
	buffer_append_text(&text, start);
	bool same = write_frame(&writing, &text, &frame) && frame.size == text.size &&
		    memcmp(frame.data, start, text.size) == 0;
	buffer_free(&text);
	buffer_free(&frame);
	return !same;
}

/* Every case in the main encodings, and in each of the others every STRIDE-th, each time from another one on. */
static void cases_read_the_same_in_every_encoding(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, BYTES_MAX);
	for (size_t i = 0; i < encoding_count; i++) {
		const char *name = encodings[i].name;
		struct writing writing = {.encoding = name, .declared = name, .mark = ""};
		bool differs = differs_from_ascii(&encodings[i]);
		size_t stride = i < main_count ? 1 : STRIDE;
		for (size_t k = i % stride; k < case_count; k += stride) {
			writing.declared_in_ascii = false;
			assert_same_in(&cases[k], &writing, &frame);
			writing.declared_in_ascii = true;
			if (differs)
				assert_same_in(&cases[k], &writing, &frame);
		}
	}
	buffer_free(&frame);
	print_message(
		"%zu cases in %zu encodings: %zu frames, %zu the same, %zu counted; %zu can't "
		"be written so\n",
		case_count, encoding_count, tally.frames, tally.same, tally.counted,
		tally.not_written);
	assert_true(encoding_count > 100);
	assert_true(tally.same > tally.frames / 3);
}

/* By hand, for what no list has: marks, and what is not declared or is by another name. These must be read. */
static const struct writing sure[] = {
	{"UTF-8", NULL, "", false},
	{"UTF-8", "UTF-8", "\xef\xbb\xbf", false},
	{"UTF-8", NULL, "\xef\xbb\xbf", false},
	{"UTF-8", "utf-8", "", false},
	{"UTF-16LE", "UTF-16", "\xff\xfe", false},
	{"UTF-16BE", "UTF-16", "\xfe\xff", false},
	{"UTF-16LE", NULL, "\xff\xfe", false},
	{"UTF-16BE", NULL, "\xfe\xff", false},
	{"UTF-16LE", "UTF-16", "", false},
	{"UTF-16BE", "UTF-16", "", false},
	{"ISO-8859-1", "ISO-8859-1", "", false},
	{"ISO-8859-1", "iso-8859-1", "", false},
	{"ISO-8859-15", "ISO-8859-15", "", false},
	{"US-ASCII", "US-ASCII", "", false},
	{"US-ASCII", NULL, "", false},
};

static void every_case_reads_the_same_with_marks_and_without_a_declaration(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, BYTES_MAX);
	tally.counted = 0;
	for (size_t i = 0; i < COUNT(sure); i++)
		for (size_t k = 0; k < case_count; k++)
			assert_same_in(&cases[k], &sure[i], &frame);
	assert_int_equal(tally.counted, 0);
	buffer_free(&frame);
}

/* What libxml2 guesses from four bytes, and may get wrong: never nothing of what was a change. */
static void every_case_reads_the_same_or_is_counted_in_utf_32(void **state)
{
	static const struct writing wide[] = {
		{"UTF-32BE", "UTF-32", "", false},
		{"UTF-32LE", "UTF-32", "", false},
		{"UTF-32BE", NULL, "", false},
		{"UTF-32LE", NULL, "", false},
		{"UTF-32", "UTF-32", "", false},
		{"UTF-32", NULL, "", false},
		{"UTF-32LE", "ISO-10646-UCS-4", "", false},
		{"UTF-32BE", "UTF-16", "", false},
		{"UTF-16LE", "UTF-8", "", false},
		{"UTF-8", "UTF-16", "", false},
		{"ISO-8859-1", "IBM037", "", false},
		{"IBM037", "ISO-8859-1", "", false},
		{"IBM037", NULL, "", false},
		{"UTF-7", "UTF-8", "", false},
		{"UTF-7", "UTF-7", "", true},
		{"UTF-8", "UTF-7", "", false},
	};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, BYTES_MAX);
	for (size_t i = 0; i < COUNT(wide); i++)
		for (size_t k = 0; k < case_count; k++)
			assert_same_in(&cases[k], &wide[i], &frame);
	buffer_free(&frame);
}

/* UTF-7 in which `hidden` characters are written as what UTF-7 has for others, and the tags' own stand as they are: a
 * byte scan that took it for ASCII would see a frame, and not what it says. */
static void write_hidden(const struct buffer *text, const char *hidden, struct buffer *frame)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	iconv_t way = iconv_open("UTF-7", "UTF-8");
	assert_true(way != (iconv_t)-1);
	buffer_reset(frame);
	buffer_append_text(frame, "<?xml version='1.0' encoding='UTF-7'?>");
	for (size_t i = 0; i < text->size; i++) {
		char c = text->data[i];
		size_t size = 1;
		while ((uint8_t)c >= 0xc0 && i + size < text->size &&
		       (text->data[i + size] & 0xc0) == 0x80)
			size++;
		if (size > 1)
			assert_true(convert(way, text->data + i, size, frame, NULL));
		else if (c && strchr(hidden, c)) /* two bytes, the first of which is 0 */
			buffer_printf(frame, "+A%c%c-", digits[c >> 4], digits[(c & 15) << 2]);
		else if (c == '+')
			buffer_append_text(frame, "+-");
		else
			buffer_append_byte(frame, (uint8_t)c);
		i += size - 1;
	}
	iconv_close(way);
	assert_false(frame->failed);
}

static void every_case_reads_the_same_with_what_it_says_hidden_in_utf_7(void **state)
{
	static const char *const hidden[] = {
		"0123456789",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"cDrt", /* verbs, and words of messages; neither epp nor hello */
		"=",
	};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, BYTES_MAX);
	tally.same = 0;
	for (size_t i = 0; i < COUNT(hidden); i++)
		for (size_t k = 0; k < case_count; k++) {
			write_hidden(&cases[k].response.text, hidden[i], &frame);
			assert_same(&cases[k], false, &frame, "UTF-7");
			if (!cases[k].is_pair)
				continue;
			write_hidden(&cases[k].command.text, hidden[i], &frame);
			assert_same(&cases[k], true, &frame, "UTF-7");
		}
	assert_true(tally.same > case_count);
	buffer_free(&frame);
}

static bool is_default(const xmlNs *ns)
{
	return ns->prefix == NULL;
}

/* Gives each prefix, and with `all` the default namespace, another name. Names are given by where they stand: so what
 * was hidden stays hidden. */
static void rename_prefixes(xmlNodePtr node, bool all)
{
	for (; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		xmlNsPtr *link = &node->nsDef;
		while (*link) {
			xmlNsPtr ns = *link;
			char prefix[128];
			if (is_default(ns) && (!ns->href || !ns->href[0]) && all) {
				*link = ns->next; /* there is no default any more that it could end */
				xmlFreeNs(ns);
				continue;
			}
			if (all || !is_default(ns)) {
				snprintf(prefix, sizeof prefix, "update-%.60s.9",
					 is_default(ns) ? "" : (const char *)ns->prefix);
				xmlFree((xmlChar *)(uintptr_t)ns->prefix);
				ns->prefix = xmlStrdup((const xmlChar *)prefix);
			}
			link = &ns->next;
		}
		rename_prefixes(node->children, all);
	}
}

/* Makes the namespace of each element the default one where it stands, if it is not already. Those with a prefix stay, for
 * attributes; the defaults that there were are collected in `old`, as elements below may still refer to them. */
static void drop_prefixes(xmlNodePtr node, const xmlChar *around, xmlNsPtr *old)
{
	for (; node; node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		const xmlChar *uri =
			node->ns && node->ns->href ? node->ns->href : (const xmlChar *)"";
		xmlNsPtr *link = &node->nsDef;
		while (*link) {
			xmlNsPtr ns = *link;
			if (!is_default(ns)) {
				link = &ns->next;
				continue;
			}
			*link = ns->next;
			ns->next = *old;
			*old = ns;
		}
		if (xmlStrcmp(uri, around) != 0)
			xmlSetNs(node, xmlNewNs(node, uri, NULL));
		else if (uri[0])
			xmlSetNs(node, xmlSearchNs(node->doc, node, NULL));
		drop_prefixes(node->children, uri, old);
	}
}

enum prefixing { RENAMED, ALL_PREFIXED, ALL_DEFAULT, PREFIXINGS };

/* Writes the frame anew with other prefixes. False: it can't be, as it is not well-formed. */
static bool prefix_anew(const struct buffer *text, enum prefixing prefixing, struct buffer *frame)
{
	xmlNsPtr old = NULL;
	xmlChar *bytes = NULL;
	int size = 0;
	xmlDocPtr document =
		xmlReadMemory(text->data, (int)text->size, NULL, "UTF-8",
			      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!document)
		return false;
	bool plain = !document->intSubset;
	if (prefixing == ALL_DEFAULT)
		drop_prefixes(xmlDocGetRootElement(document), (const xmlChar *)"", &old);
	else
		rename_prefixes(xmlDocGetRootElement(document), prefixing == ALL_PREFIXED);
	xmlDocDumpMemoryEnc(document, &bytes, &size, "UTF-8");
	assert_non_null(bytes);
	/* without the declaration, as a frame_case has it */
	const char *start = memmem(bytes, (size_t)size, "?>\n", 3);
	assert_non_null(start);
	start += 3;
	buffer_reset(frame);
	buffer_append(frame, start, (size_t)size - (size_t)(start - (const char *)bytes));
	xmlFree(bytes);
	xmlFreeNsList(old);
	xmlFreeDoc(document);
	return plain;
}

static void every_case_reads_the_same_with_other_prefixes(void **state)
{
	static const struct writing writings[] = {
		{"UTF-8", NULL, "", false},
		{"UTF-16LE", "UTF-16", "\xff\xfe", false},
		{"UTF-16BE", NULL, "\xfe\xff", false},
		{"ISO-8859-1", "ISO-8859-1", "", false},
		{"IBM037", "IBM037", "", false},
		{"UTF-7", "UTF-7", "", true},
	};
	struct buffer text, frame;
	size_t written = 0;
	(void)state;
	buffer_init(&text, BYTES_MAX);
	buffer_init(&frame, BYTES_MAX);
	for (size_t k = 0; k < case_count; k++)
		for (int i = 0; i < 2 * PREFIXINGS; i++) {
			bool is_command = i % 2;
			if (is_command && !cases[k].is_pair)
				continue;
			if (!prefix_anew(is_command ? &cases[k].command.text
						    : &cases[k].response.text,
					 i / 2, &text))
				continue;
			written++;
			for (size_t w = 0; w < COUNT(writings); w++)
				if (write_frame(&writings[w], &text, &frame))
					assert_same(&cases[k], is_command, &frame,
						    writings[w].encoding);
		}
	assert_true(written > case_count * 2 * PREFIXINGS * 3 / 4);
	buffer_free(&text);
	buffer_free(&frame);
}

/* What the walks above hold against each other is no empty set, and each kind of thing is in it. */
static void the_cases_are_there(void **state)
{
	size_t counts[3] = {0};
	(void)state;
	assert_true(load_cases() <= 2);
	list_encodings();
	for (size_t i = 0; i < case_count; i++)
		counts[cases[i].result < EPPPARSE_MALFORMED ? cases[i].result : 2]++;
	assert_true(counts[EPPPARSE_CHANGE] >= 30);
	assert_true(counts[EPPPARSE_NOTHING] >= 10);
	assert_true(counts[2] >= 10);
}

static FILE *printed;
static int stderr_kept;

/* A sanitizer prints what it finds, and ends the program then: that must be seen. */
static const bool listens = !SANITIZED;

static void begin_to_listen(void **state)
{
	(void)state;
	if (!listens)
		skip();
	printed = tmpfile();
	assert_non_null(printed);
	fflush(stderr);
	stderr_kept = dup(STDERR_FILENO);
	assert_true(stderr_kept >= 0);
	assert_true(dup2(fileno(printed), STDERR_FILENO) >= 0);
}

/* If a test before it failed, its words are in there: they are shown. */
static void nothing_was_printed(void **state)
{
	char line[512];
	(void)state;
	if (!listens)
		skip();
	fflush(stderr);
	assert_true(dup2(stderr_kept, STDERR_FILENO) >= 0);
	close(stderr_kept);
	off_t size = lseek(fileno(printed), 0, SEEK_END);
	rewind(printed);
	while (fgets(line, sizeof line, printed))
		fputs(line, stderr);
	fclose(printed);
	assert_int_equal(size, 0);
}

static int free_all(void **state)
{
	for (size_t i = 0; i < case_count; i++)
		free_case(&cases[i]);
	for (size_t i = 0; i < registry_count; i++)
		config_free(&registries[i].config);
	return frames_end(state);
}

static void an_encoding_that_nobody_knows_or_that_does_not_hold_is_counted(void **state)
{
	(void)state;
	assert_reads("<?xml version='1.0' encoding='CANARY-1'?><epp/>", "encoding");
	assert_still_well();
	assert_reads(UPDATE("<d:x>CANARY \xff\xfe</d:x>"), "malformed");
	assert_still_well();
	assert_reads("<?xml version='1.0' encoding='US-ASCII'?>" UPDATE("<x>\xc3\xb6</x>"),
		     "malformed");
	assert_still_well();
	assert_reads("<?xml version='1.0' encoding='UTF-16'?>" UPDATE(""), "encoding");
	assert_still_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_to_listen),
		cmocka_unit_test(the_cases_are_there),
		cmocka_unit_test(cases_read_the_same_in_every_encoding),
		cmocka_unit_test(every_case_reads_the_same_with_marks_and_without_a_declaration),
		cmocka_unit_test(every_case_reads_the_same_or_is_counted_in_utf_32),
		cmocka_unit_test(every_case_reads_the_same_with_what_it_says_hidden_in_utf_7),
		cmocka_unit_test(every_case_reads_the_same_with_other_prefixes),
		cmocka_unit_test(an_encoding_that_nobody_knows_or_that_does_not_hold_is_counted),
		cmocka_unit_test(nothing_was_printed),
	};
	return cmocka_run_group_tests(tests, frames_begin, free_all);
}

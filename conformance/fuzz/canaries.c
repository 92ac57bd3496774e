/* fuzz/canaries.c - whatever stands in contact and secret places, none of it comes out: `make fuzz-canaries SECONDS=60`
 *
 * The input's first byte says whether its frames, made by grammar.c, are read as they are, or with bytes of them changed.
 * They are read in each way that there is; no canary may be in the bytes that go into the spool, in an svTRID, which a gap
 * may tell, in the namespaces that were met, or on stderr.
 */
#include "conformance/fuzz/checks.h"
#include "conformance/fuzz/grammar.h"

enum { FRAME_MAX = 1 << 16, EDITS_MAX = 8 };

static struct buffer command, response, scratch;
static enum canaries kind;

static void make_frames(struct choices *choices)
{
	kind = choose(choices, 2) ? CANARIES_PLAIN : CANARIES_GUARDED;
	buffer_reset(&command);
	buffer_reset(&response);
	grammar_command(choices, kind, &command);
	grammar_response(choices, kind, &response);
}

/* A grammar whose plainest frames are no change would show nothing. */
static void check_plainest(void)
{
	struct choices none = {NULL, 0};
	make_frames(&none);
	must(eppparse_pair(parse, command.data, command.size, response.data, response.size,
			   &change) == EPPPARSE_CHANGE &&
		     change.changed == CHANGED_AUTH_INFO && change.remove.hosts.count == 2,
	     "the grammar makes no changes");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	begin_reading();
	buffer_init(&command, FRAME_MAX);
	buffer_init(&response, FRAME_MAX);
	buffer_init(&scratch, 3 * FRAME_MAX);
	check_plainest();
	return 0;
}

static void check_no_canary(enum eppparse_result found)
{
	const struct eppparse_met *met;
	check_found(found);
	must(!grammar_canary_in(encoded.data, encoded.size, kind), "a canary in a change");
	must(!grammar_canary_in(change.svtrid.text, strlen(change.svtrid.text), kind),
	     "a canary in an svTRID");
	for (size_t i = 0; (met = eppparse_met(parse, i)); i++)
		must(!grammar_canary_in(met->uri, strlen(met->uri), kind),
		     "a canary in a namespace");
}

static size_t place_in(struct choices *choices, size_t size)
{
	size_t place = (size_t)choose(choices, 256) << 8;
	place |= choose(choices, 256);
	return size ? place % size : 0;
}

/* Swaps two stretches, drops one, doubles one, or writes over a byte. */
static void edit(struct choices *choices, struct buffer *frame)
{
	size_t at = place_in(choices, frame->size), from = place_in(choices, frame->size);
	size_t most = frame->size - (at > from ? at : from);
	size_t size = most ? choose(choices, 256) % most : 0;
	buffer_reset(&scratch);
	buffer_append(&scratch, frame->data, frame->size);
	switch (choose(choices, 4)) {
	case 0:
		if (at < frame->size)
			frame->data[at] = (char)choose(choices, 256);
		break;
	case 1:
		memmove(frame->data + at, frame->data + at + size, frame->size - at - size);
		frame->size -= size;
		break;
	case 2:
		memcpy(frame->data + at, scratch.data + from, size);
		break;
	default:
		frame->size = at;
		buffer_append(frame, scratch.data + from, size);
		buffer_append(frame, scratch.data + at, scratch.size - at);
		break;
	}
}

/* As UTF-16 of either order, with its mark; what is not ASCII becomes some character or other. */
static void widen(struct buffer *frame, bool big)
{
	if (2 * frame->size + 2 > FRAME_MAX)
		return;
	buffer_reset(&scratch);
	buffer_append(&scratch, big ? "\xfe\xff" : "\xff\xfe", 2);
	for (size_t i = 0; i < frame->size; i++) {
		if (big)
			buffer_append_byte(&scratch, 0);
		buffer_append_byte(&scratch, (uint8_t)frame->data[i]);
		if (!big)
			buffer_append_byte(&scratch, 0);
	}
	buffer_reset(frame);
	buffer_append(frame, scratch.data, scratch.size);
}

static void spoil(struct choices *choices, struct buffer *frame)
{
	unsigned width = choose(choices, 8);
	if (kind == CANARIES_GUARDED)
		for (unsigned left = choose(choices, EDITS_MAX); left > 0; left--)
			edit(choices, frame);
	if (width >= 6 && strncmp(frame->data, "<e:epp", 6) == 0)
		widen(frame, width == 7);
}

/* In each way that the tap reads frames. */
static void read_all(void)
{
	const char *first = command.data, *second = response.data;
	size_t first_size = command.size, second_size = response.size;
	enum eppparse_result found =
		eppparse_pair(parse, first, first_size, second, second_size, &change);
	check_no_canary(found);
	must((found == EPPPARSE_CHANGE && change.is_message) || found != EPPPARSE_CHANGE ||
		     !passed_over((struct piece){(const uint8_t *)first, first_size},
				  (struct piece){(const uint8_t *)second, second_size}),
	     "the scans hide a change");
	found = eppparse_command(parse, first, first_size, &change);
	check_no_canary(found);
	if (found == EPPPARSE_CHANGE)
		check_no_canary(eppparse_response(parse, second, second_size, &change));
	found = eppparse_message(parse, second, second_size, &change);
	check_no_canary(found);
	must(found != EPPPARSE_CHANGE || scan_may_tell(second, second_size),
	     "the scan hides a message");
	check_no_canary(eppparse_server_change(parse, second, second_size, &change));
	struct change_registrar login = {""};
	must(eppparse_login(parse, first, first_size, second, second_size, &login) <
		     EPPPARSE_RESULTS,
	     "no such result");
	must(!grammar_canary_in(login.text, strlen(login.text), kind), "a canary in a login");
	check_silence();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct choices choices = {bytes, size};
	make_frames(&choices);
	if (command.failed || response.failed)
		return -1;
	spoil(&choices, &command);
	spoil(&choices, &response);
	read_all();
	return 0;
}

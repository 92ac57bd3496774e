#include "subscriber/difference.h"

#include "subscriber/printable.h"
#include "subscriber/times.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 8192, WORDS_SIZE = 512, PARTS_SIZE = 128 };

/* < stands for the registrar, > for the name. */
static const struct {
	const char *word;  /* for programs */
	const char *title; /* for people */
	bool counts;
	const char *means, *call;
} kinds[DIFFERENCES] = {
	[DIFFERENCE_NOT_OURS] =
		{"not-ours", "NOT OURS", true,
		 "It was done under our id <, and we never sent it: somebody else has our EPP "
		 "password or certificate, or the registry is at fault.",
		 "Call the registry's emergency line now: have the access of < stopped, and "
		 "> put back and locked. Then find out who was logged in."},
	[DIFFERENCE_MISSING] =
		{"missing", "MISSING", true,
		 "The registry answered that it was done, and its feed does not tell of it: it was "
		 "not done, or undone on the way, or the feed has lost it.",
		 "Look > up at the registry before you rely on it; then ask its support, with "
		 "the transaction id."},
	[DIFFERENCE_LOST] = {"lost", "LOST", true,
			     "The feed says itself that it could not tell of this change: it was "
			     "done, but nobody who follows the feed has seen it.",
			     "Look > up at the registry. Its operators know of the gap; ask "
			     "them if there are many."},
	[DIFFERENCE_CHANGED] =
		{"changed", "CHANGED ON THE WAY", true,
		 "The registry did something else than what we sent under this transaction id: it "
		 "was changed on the way there, or by the registry.",
		 "Call the registry's emergency line with the transaction id, and send nothing "
		 "more by that connection until it is known who changed it."},
	[DIFFERENCE_BY_REGISTRY] = {"by-the-registry", "BY THE REGISTRY", true,
				    "The registry did it itself, not at our command.",
				    "If nobody here asked for it, ask the registry's support who "
				    "did: it must have that on record."},
	[DIFFERENCE_BY_ANOTHER] =
		{"by-another", "BY ANOTHER REGISTRAR", true,
		 "< asks for a name that is with us, or has got it.",
		 "Ask the name's holder. If he does not know of it, reject the transfer, or call "
		 "the registry if it is done."},
	[DIFFERENCE_OURS_AFTER_ALL] = {"ours-after-all", "OURS AFTER ALL", false,
				       "Our own record of it came after the alarm: we did send it.",
				       "Nobody. Write records down before the answer is used, so "
				       "that no alarm is raised."},
	[DIFFERENCE_CAME_AFTER_ALL] = {"came-after-all", "CAME AFTER ALL", false,
				       "The registry's feed tells of it now, after we missed it.",
				       "Nobody. --wait says how long to wait for the feed."},
};

static const char *const parts[LEDGER_MARKS] = {
	"the command", "the name",        "what is added", "what is removed",
	"what is set", "what is changed", "locks",         "transfer or restore",
};

const char *difference_part(unsigned i)
{
	return i < LEDGER_MARKS ? parts[i] : "";
}

bool difference_counts(enum difference_kind kind)
{
	return kinds[kind].counts;
}

static void list_parts(unsigned which, char text[PARTS_SIZE])
{
	size_t at = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < LEDGER_MARKS && at < PARTS_SIZE; i++) {
		if (which & 1U << i)
			at += (size_t)snprintf(text + at, PARTS_SIZE - at, "%s%s", at ? ", " : "",
					       parts[i]);
	}
}

static const struct ledger_word *about(const struct difference *difference)
{
	return difference->feed ? difference->feed : difference->own;
}

/* Puts the registrar in the place of each <, the name in that of each >. */
static void fill_in(char text[WORDS_SIZE], const char *words, const struct difference *difference)
{
	struct buffer filled;
	buffer_init(&filled, WORDS_SIZE - 1);
	for (; *words; words++) {
		if (*words == '<')
			buffer_append_text(&filled,
					   difference->registrar ? difference->registrar : "");
		else if (*words == '>')
			buffer_append_text(&filled, about(difference)->name);
		else
			buffer_append_byte(&filled, (uint8_t)*words);
	}
	if (filled.size > 0)
		memcpy(text, filled.data, filled.size);
	text[filled.size] = '\0';
	buffer_free(&filled);
	printable_in_place(text);
}

/* What both sides say, where they differ. */
static void append_both(struct buffer *line, const struct difference *difference)
{
	char own[ACTION_WORDS_SIZE], feed[ACTION_WORDS_SIZE], differing[PARTS_SIZE];
	if (!difference->own || !difference->feed)
		return;
	action_write(difference->own->actions, own);
	action_write(difference->feed->actions, feed);
	list_parts(difference->parts, differing);
	buffer_printf(line, "    We sent: %s of %s%s%s. The registry says: %s of %s%s%s.\n", own,
		      difference->own->name, *difference->own->summary ? ": " : "",
		      difference->own->summary, feed, difference->feed->name,
		      *difference->feed->summary ? ": " : "", difference->feed->summary);
	if (*differing)
		buffer_printf(line, "    They differ in %s.\n", differing);
}

static int show_for_people(FILE *out, bool color, const struct difference *difference)
{
	const struct ledger_word *word = about(difference);
	char actions[ACTION_WORDS_SIZE], means[WORDS_SIZE], call[WORDS_SIZE], when[TIMES_SIZE];
	struct buffer line;
	const char *on = !color ? "" : kinds[difference->kind].counts ? "\033[1;31m" : "\033[32m";
	buffer_init(&line, LINE_MAX_BYTES);
	action_write(word->actions, actions);
	times_write(word->time_ms, when);
	fill_in(means, kinds[difference->kind].means, difference);
	fill_in(call, kinds[difference->kind].call, difference);
	buffer_printf(&line, "%s%s%s  %s  %s", on, kinds[difference->kind].title,
		      *on ? "\033[0m" : "", word->name, actions);
	if (*word->summary && !(difference->own && difference->feed))
		buffer_printf(&line, "  (%s)", word->summary);
	buffer_printf(&line, "  txn %s", *word->txn ? word->txn : "none");
	if (difference->feed)
		buffer_printf(&line, "  index %" PRIu64, difference->feed->index);
	if (word->time_ms > 0)
		buffer_printf(&line, "  %s", when);
	buffer_append_text(&line, "\n");
	append_both(&line, difference);
	buffer_printf(&line, "    %s\n    %s\n", means, call);
	int result = RESULT_NOMEM;
	if (!line.failed)
		result = fwrite(line.data, 1, line.size, out) == line.size && fflush(out) == 0
				 ? RESULT_OK
				 : RESULT_STORE;
	buffer_free(&line);
	return result;
}

static json_t *side_as_json(const struct ledger_word *word)
{
	char actions[ACTION_WORDS_SIZE], when[TIMES_SIZE];
	if (!word)
		return json_null();
	json_t *list = json_array();
	action_write(word->actions, actions);
	char *rest = actions;
	for (char *one; (one = strsep(&rest, ",")) != NULL;)
		json_array_append_new(list, json_string(one + strspn(one, " ")));
	json_t *side = json_pack("{s:s, s:o}", "domain", word->name, "actions", list);
	if (word->time_ms > 0) {
		times_write(word->time_ms, when);
		json_object_set_new(side, "time", json_string(when));
	}
	if (*word->summary)
		json_object_set_new(side, "summary", json_string(word->summary));
	if (word->index != UINT64_MAX)
		json_object_set_new(side, "index", json_integer((json_int_t)word->index));
	return side;
}

static int show_as_json(FILE *out, const struct difference *difference)
{
	const struct ledger_word *word = about(difference);
	char means[WORDS_SIZE], call[WORDS_SIZE], differing[PARTS_SIZE];
	fill_in(means, kinds[difference->kind].means, difference);
	fill_in(call, kinds[difference->kind].call, difference);
	list_parts(difference->parts, differing);
	json_t *line = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s}", "difference",
				 kinds[difference->kind].word, "domain", word->name, "txn",
				 word->txn, "own", side_as_json(difference->own), "registry",
				 side_as_json(difference->feed), "means", means, "call", call);
	if (line && *differing)
		json_object_set_new(line, "differs_in", json_string(differing));
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	int result = RESULT_NOMEM;
	if (text)
		result = fprintf(out, "%s\n", text) > 0 && fflush(out) == 0 ? RESULT_OK
									    : RESULT_STORE;
	free(text);
	json_decref(line);
	return result;
}

int difference_show(FILE *out, bool json, bool color, const struct difference *difference)
{
	return json ? show_as_json(out, difference) : show_for_people(out, color, difference);
}

#include "subscriber/audit_report.h"

#include "subscriber/printable.h"
#include "subscriber/times.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 1024 };

static void fault_as_json(struct audit *audit, const char *file, uint64_t index, const char *what)
{
	if (audit->faults > AUDIT_FAULTS_SHOWN)
		return;
	if (!audit->told)
		audit->told = json_array();
	json_t *fault = json_pack("{s:s}", "what", what);
	if (file)
		json_object_set_new(fault, "file", json_string(file));
	if (index != UINT64_MAX)
		json_object_set_new(fault, "index", json_integer((json_int_t)index));
	json_array_append_new(audit->told, fault);
}

void audit_report_fault(struct audit *audit, const char *file, uint64_t index, const char *what)
{
	char line[LINE_SIZE], place[32] = "";
	audit->faults++;
	if (audit->options->json) {
		fault_as_json(audit, file, index, what);
		return;
	}
	if (audit->faults > AUDIT_FAULTS_SHOWN)
		return;
	if (index != UINT64_MAX)
		snprintf(place, sizeof place, "%sindex %" PRIu64, file ? ", " : "", index);
	snprintf(line, sizeof line, "WRONG  %s%s%s%s", file ? file : "", place,
		 file || *place ? ": " : "", what);
	printable_in_place(line);
	fprintf(audit->out, "%s\n", line);
	if (audit->faults == AUDIT_FAULTS_SHOWN)
		fprintf(audit->out, "WRONG  and so on: no more are shown\n");
}

void audit_report_failure(struct audit *audit, const char *why)
{
	fprintf(audit->err, "eppwatch audit: %s\n", why);
	if (!audit->options->json)
		return;
	json_t *report = json_pack("{s:b, s:s}", "good", 0, "error", why);
	char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
	if (text)
		fprintf(audit->out, "%s\n", text);
	free(text);
	json_decref(report);
}

static json_t *gaps_as_json(const struct audit_events *events)
{
	json_t *gaps = json_array();
	for (size_t i = 0; i < events->gap_count; i++)
		json_array_append_new(gaps,
				      json_pack("{s:s, s:I, s:I}", "reason", events->gaps[i].reason,
						"events", (json_int_t)events->gaps[i].events,
						"changes", (json_int_t)events->gaps[i].changes));
	return gaps;
}

static json_t *keys_as_json(const struct audit_events *events)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < events->key_event_count; i++)
		json_array_append_new(keys, json_pack("{s:I, s:s, s:s}", "index",
						      (json_int_t)events->key_events[i].index,
						      "action", events->key_events[i].action, "kid",
						      events->key_events[i].kid));
	return keys;
}

static json_t *root_as_json(const struct merkle_hash *root)
{
	char text[2 * MERKLE_HASH_SIZE + 1];
	for (int i = 0; i < MERKLE_HASH_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", root->bytes[i]);
	return json_string(text);
}

static void events_as_json(json_t *into, const struct audit_events *events)
{
	const struct {
		const char *name;
		uint64_t number;
	} counts[] = {{"verified", events->verified},
		      {"refused", events->refused},
		      {"revoked", events->revoked},
		      {"domains", events->about_domains},
		      {"hosts", events->about_hosts},
		      {"sets", events->about_sets},
		      {"own", events->own},
		      {"links", events->links},
		      {"links_unknown", events->links_unknown}};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		json_object_set_new(into, counts[i].name,
				    json_integer((json_int_t)counts[i].number));
}

static int end_as_json(struct audit *audit)
{
	json_t *report = json_pack(
		"{s:s, s:s, s:s, s:I, s:o, s:I, s:I, s:b, s:I, s:I, s:I, s:o, s:o, s:I, s:b, s:f}",
		"address", audit->source.trust.address, "origin", audit->source.trust.origin,
		"channel", audit->source.channel.name, "size",
		(json_int_t)audit->head.checkpoint.size, "root",
		root_as_json(&audit->head.checkpoint.root), "time", (json_int_t)audit->head.time_s,
		"age", (json_int_t)audit->age_s, "stands_still", audit->is_still, "tiles",
		(json_int_t)audit->tree.tiles, "bundles", (json_int_t)audit->tree.bundles, "pruned",
		(json_int_t)audit->tree.pruned, "gaps", gaps_as_json(&audit->events), "keys",
		keys_as_json(&audit->events), "wrong", (json_int_t)audit->faults, "good",
		audit->faults == 0, "seconds", (double)audit->took_us / 1e6);
	if (!report)
		return RESULT_NOMEM;
	events_as_json(report, &audit->events);
	if (audit->has_before)
		json_object_set_new(report, "grown_from", json_integer((json_int_t)audit->before));
	json_object_set(report, "faults", audit->told);
	char *text = json_dumps(report, JSON_COMPACT);
	int result = RESULT_NOMEM;
	if (text)
		result = fprintf(audit->out, "%s\n", text) < 0 ? RESULT_STORE : RESULT_OK;
	free(text);
	json_decref(report);
	return result;
}

static void print_gaps(const struct audit *audit)
{
	const struct audit_events *events = &audit->events;
	fprintf(audit->out, "  gaps        ");
	for (size_t i = 0; i < events->gap_count; i++)
		fprintf(audit->out, "%s%" PRIu64 " %s, of %" PRIu64 " changes", i ? "; " : "",
			events->gaps[i].events, events->gaps[i].reason, events->gaps[i].changes);
	fprintf(audit->out, "%s\n", events->gap_count ? "" : "the tap tells of none");
}

static void print_keys(const struct audit *audit)
{
	const struct audit_events *events = &audit->events;
	for (size_t i = 0; i < events->key_event_count; i++)
		fprintf(audit->out, "  key         %s %s at index %" PRIu64 "\n",
			events->key_events[i].kid, events->key_events[i].action,
			events->key_events[i].index);
	if (events->key_events_more)
		fprintf(audit->out, "  key         and %" PRIu64 " more events\n",
			events->key_events_more);
	if (events->revoked)
		fprintf(audit->out,
			"  revoked     %" PRIu64 " events are signed by a key that was revoked "
			"later: they are not to be trusted\n",
			events->revoked);
}

static void print_chains(const struct audit *audit)
{
	const struct audit_events *events = &audit->events;
	if (!events->chains)
		fprintf(audit->out, "  chains      not judged: the channel tells only a part\n");
	else
		fprintf(audit->out,
			"  chains      %" PRIu64 " links are right, %" PRIu64
			" could not be judged\n",
			events->links, events->links_unknown);
}

static void print_checkpoint(const struct audit *audit)
{
	char when[TIMES_SIZE], age[TIMES_SIZE];
	times_write(audit->head.time_s * 1000, when);
	times_write_age(audit->age_s, age);
	fprintf(audit->out, "%s, channel %s\n", audit->source.trust.origin,
		audit->source.channel.name);
	fprintf(audit->out, "  checkpoint  %" PRIu64 " entries, signed at %s, %s ago%s\n",
		audit->head.checkpoint.size, audit->head.time_s ? when : "a time nobody knows", age,
		audit->is_still ? ": THE FEED STANDS STILL" : "");
	if (audit->has_before)
		fprintf(audit->out,
			"  history     held against the checkpoint of %" PRIu64
			" entries that was seen last\n",
			audit->before);
	else
		fprintf(audit->out, "  history     seen for the first time\n");
}

static void print_events(const struct audit *audit)
{
	const struct audit_events *events = &audit->events;
	char first[TIMES_SIZE], last[TIMES_SIZE];
	fprintf(audit->out, "  tree        %" PRIu64 " tiles, %" PRIu64 " bundles",
		audit->tree.tiles, audit->tree.bundles);
	if (audit->tree.pruned)
		fprintf(audit->out, "; the first %" PRIu64 " entries are no longer kept",
			audit->tree.pruned);
	fprintf(audit->out,
		"\n  events      %" PRIu64 " verified, %" PRIu64 " not: %" PRIu64
		" of domains, %" PRIu64 " of hosts, %" PRIu64 " of sets, %" PRIu64
		" of the tap's own\n",
		events->verified, events->refused, events->about_domains, events->about_hosts,
		events->about_sets, events->own);
	times_write(events->first_ms, first);
	times_write(events->last_ms, last);
	if (events->verified > 0)
		fprintf(audit->out, "  time        from %s to %s\n", first, last);
}

static int end_for_people(struct audit *audit)
{
	double seconds = (double)audit->took_us / 1e6;
	print_checkpoint(audit);
	print_events(audit);
	print_chains(audit);
	print_gaps(audit);
	print_keys(audit);
	if (audit->faults)
		fprintf(audit->out, "%" PRIu64 " THINGS ARE WRONG, in %.1f s\n", audit->faults,
			seconds);
	else
		fprintf(audit->out, "all is right, in %.1f s\n", seconds);
	return ferror(audit->out) || fflush(audit->out) != 0 ? RESULT_STORE : RESULT_OK;
}

int audit_report_end(struct audit *audit)
{
	return audit->options->json ? end_as_json(audit) : end_for_people(audit);
}

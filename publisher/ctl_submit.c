/* ctl_submit.c - epptapctl submit: a change that the registry made itself, told by its back office */
#include "publisher/ctl.h"

#include "plugin/submit.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_SIZE = 512 };

static const char *verb_name(const struct change *change)
{
	static const char *const names[CHANGE_VERBS] = {
		[CHANGE_CREATE] = "create",     [CHANGE_UPDATE] = "update",
		[CHANGE_DELETE] = "delete",     [CHANGE_RENEW] = "renew",
		[CHANGE_TRANSFER] = "transfer",
	};
	return (unsigned)change->verb < CHANGE_VERBS ? names[change->verb] : "change";
}

/* "update of domain bank.example, the state after it". Letters beyond ASCII are those of a U-label, or not fit for a
 * terminal. */
static void describe(const struct change *change, char line[LINE_SIZE])
{
	static const char *const states[STATE_COUNT] = {
		[STATE_NONE] = "",
		[STATE_BEFORE] = ", the state before it",
		[STATE_AFTER] = ", the state after it",
	};
	const char *name =
		change_object_has_name(change->object) ? change->name.text : change->handle.text;
	snprintf(line, LINE_SIZE, "%s of %s %s%s", verb_name(change),
		 change_object_name(change->object), name,
		 (unsigned)change->state_at < STATE_COUNT ? states[change->state_at] : "");
	for (char *at = line; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* Reads all frames before the first is written. */
static int submit_all(struct submit *submit, char **paths, size_t count, char (*lines)[LINE_SIZE])
{
	char why[1024];
	for (size_t i = 0; i < count; i++) {
		const struct change *change;
		if (submit_add(submit, paths[i], &change, why, sizeof why) != RESULT_OK)
			return ctl_fail("%s%s", why, count > 1 ? "; nothing was submitted" : "");
		describe(change, lines[i]);
	}
	if (submit_write(submit, why, sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	for (size_t i = 0; i < count; i++)
		printf("%s: submitted: %s\n", paths[i], lines[i]);
	return CTL_OK;
}

int ctl_submit(int argc, char **argv)
{
	size_t count = (size_t)argc - 1;
	struct submit *submit = NULL;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	char(*lines)[LINE_SIZE] = calloc(count, sizeof *lines);
	int status = CTL_FAILED;
	if (!lines || submit_new(config, &submit) != RESULT_OK)
		ctl_fail("out of memory");
	else
		status = submit_all(submit, argv + 1, count, lines);
	submit_free(&submit);
	free(lines);
	config_free(&config);
	return status;
}

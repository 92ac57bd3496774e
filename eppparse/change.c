#include "eppparse/change.h"

#include "base/blank.h"
#include "base/name.h"
#include "base/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4 };

void change_init(struct change *change)
{
	memset(change, 0, sizeof *change);
}

static void delta_clear(struct change_delta *delta)
{
	delta->hosts.count = 0;
	delta->addresses.count = 0;
	delta->ds.count = 0;
	delta->keys.count = 0;
	delta->status = 0;
	delta->status_others = 0;
	delta->all_secdns = false;
}

void change_clear(struct change *change)
{
	struct change_delta add = change->add, remove = change->remove;
	delta_clear(&add);
	delta_clear(&remove);
	change_init(change);
	change->add = add;
	change->remove = remove;
}

static void delta_free(struct change_delta *delta)
{
	free(delta->hosts.items);
	free(delta->addresses.items);
	free(delta->ds.items);
	free(delta->keys.items);
}

void change_free(struct change *change)
{
	delta_free(&change->add);
	delta_free(&change->remove);
	change_init(change);
}

/* Makes room for one more item of `size` bytes; `items` is the list's pointer to its first. */
static int grow(void **items, size_t size, size_t count, size_t *capacity)
{
	if (count >= CHANGE_LIST_MAX)
		return RESULT_FULL;
	if (count < *capacity)
		return RESULT_OK;
	size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *moved = realloc(*items, wanted * size);
	if (!moved)
		return RESULT_NOMEM;
	*items = moved;
	*capacity = wanted;
	return RESULT_OK;
}

#define DEFINE_ADD(function, type, list)                                                           \
	int function(struct change_delta *delta, type **item)                                      \
	{                                                                                          \
		void *items = delta->list.items;                                                   \
		int result = grow(&items, sizeof(type), delta->list.count, &delta->list.capacity); \
		delta->list.items = items;                                                         \
		if (result != RESULT_OK)                                                           \
			return result;                                                             \
		*item = &delta->list.items[delta->list.count++];                                   \
		memset(*item, 0, sizeof **item);                                                   \
		return RESULT_OK;                                                                  \
	}

DEFINE_ADD(change_add_host, struct change_name, hosts)
DEFINE_ADD(change_add_address, struct change_address, addresses)
DEFINE_ADD(change_add_ds, struct change_ds, ds)
DEFINE_ADD(change_add_key, struct change_key, keys)

int change_name_read(struct change_name *name, const char *text, size_t size)
{
	static_assert(sizeof name->text == NAME_SIZE, "as name_read() writes");
	return name_read(text, size, name->text);
}

/* Copies an id, or what a registrar is called, as `is_right` judges it. */
static int read_token(char into[CHANGE_TOKEN_SIZE], const char *text, size_t size,
		      bool (*is_right)(const char *text, size_t size))
{
	static_assert(CHANGE_TOKEN_SIZE == (int)TOKEN_MAX + 1, "a token fits");
	into[0] = '\0';
	trim(&text, &size);
	if (!is_right(text, size))
		return RESULT_INVALID;
	memcpy(into, text, size);
	into[size] = '\0';
	return RESULT_OK;
}

int change_token_read(struct change_token *token, const char *text, size_t size)
{
	token->text[0] = '\0';
	if (memchr(text, '@', size))
		return RESULT_INVALID;
	return read_token(token->text, text, size, token_is_id);
}

int change_registrar_read(struct change_registrar *registrar, const char *text, size_t size)
{
	return read_token(registrar->text, text, size, token_is_title);
}

#define CLIENT_LOCK(what) LEVEL_REGISTRAR, what, false
#define SERVER_LOCK(what) LEVEL_REGISTRY, what, false
#define NO_LOCK           LEVEL_NONE, NULL, false
#define HOLD              LEVEL_NONE, NULL, true

/* In the order of enum change_status; the rows of one level in the alphabetical order of what they prohibit. */
static const struct change_status_info statuses[STATUS_COUNT] = {
	{"clientDeleteProhibited", "client delete prohibited", CLIENT_LOCK("delete")},
	{"clientHold", "client hold", HOLD},
	{"clientRenewProhibited", "client renew prohibited", CLIENT_LOCK("renew")},
	{"clientTransferProhibited", "client transfer prohibited", CLIENT_LOCK("transfer")},
	{"clientUpdateProhibited", "client update prohibited", CLIENT_LOCK("update")},
	{"serverDeleteProhibited", "server delete prohibited", SERVER_LOCK("delete")},
	{"serverHold", "server hold", HOLD},
	{"serverRenewProhibited", "server renew prohibited", SERVER_LOCK("renew")},
	{"serverTransferProhibited", "server transfer prohibited", SERVER_LOCK("transfer")},
	{"serverUpdateProhibited", "server update prohibited", SERVER_LOCK("update")},
	{"inactive", "inactive", NO_LOCK},
	{"linked", "associated", NO_LOCK},
	{"ok", "active", NO_LOCK},
	{"pendingCreate", "pending create", NO_LOCK},
	{"pendingDelete", "pending delete", NO_LOCK},
	{"pendingRenew", "pending renew", NO_LOCK},
	{"pendingTransfer", "pending transfer", NO_LOCK},
	{"pendingUpdate", "pending update", NO_LOCK},
};

enum change_status change_status_find(const char *text, size_t size)
{
	trim(&text, &size);
	for (int i = 0; i < STATUS_COUNT; i++)
		if (strlen(statuses[i].epp) == size && memcmp(statuses[i].epp, text, size) == 0)
			return i;
	return STATUS_COUNT;
}

const struct change_status_info *change_status_info(enum change_status status)
{
	return &statuses[status];
}

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
	delta->references.count = 0;
	delta->status = 0;
	delta->status_others = 0;
	delta->all_secdns = false;
	delta->all_hosts = false;
}

void change_clear(struct change *change)
{
	struct change_delta add = change->add, remove = change->remove, state = change->state;
	delta_clear(&add);
	delta_clear(&remove);
	delta_clear(&state);
	change_init(change);
	change->add = add;
	change->remove = remove;
	change->state = state;
}

static void delta_free(struct change_delta *delta)
{
	free(delta->hosts.items);
	free(delta->addresses.items);
	free(delta->ds.items);
	free(delta->keys.items);
	free(delta->references.items);
}

void change_free(struct change *change)
{
	delta_free(&change->add);
	delta_free(&change->remove);
	delta_free(&change->state);
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
DEFINE_ADD(change_add_reference, struct change_reference, references)

int change_name_read(struct change_name *name, const char *text, size_t size)
{
	static_assert(sizeof name->text == NAME_SIZE, "as name_read() writes");
	return name_read_unicode(text, size, name->text);
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

#define CLIENT_LOCK(what) LEVEL_REGISTRAR, PROHIBITS_##what, false
#define SERVER_LOCK(what) LEVEL_REGISTRY, PROHIBITS_##what, false
#define NO_LOCK           LEVEL_NONE, 0, false
#define HOLD              LEVEL_NONE, 0, true

/* In the order of enum change_status. */
static const struct change_status_info statuses[STATUS_COUNT] = {
	{"clientDeleteProhibited", "client delete prohibited", CLIENT_LOCK(DELETE)},
	{"clientHold", "client hold", HOLD},
	{"clientRenewProhibited", "client renew prohibited", CLIENT_LOCK(RENEW)},
	{"clientTransferProhibited", "client transfer prohibited", CLIENT_LOCK(TRANSFER)},
	{"clientUpdateProhibited", "client update prohibited", CLIENT_LOCK(UPDATE)},
	{"serverDeleteProhibited", "server delete prohibited", SERVER_LOCK(DELETE)},
	{"serverHold", "server hold", HOLD},
	{"serverRenewProhibited", "server renew prohibited", SERVER_LOCK(RENEW)},
	{"serverTransferProhibited", "server transfer prohibited", SERVER_LOCK(TRANSFER)},
	{"serverUpdateProhibited", "server update prohibited", SERVER_LOCK(UPDATE)},
	{"inactive", "inactive", NO_LOCK},
	{"linked", "associated", NO_LOCK},
	{"ok", "active", NO_LOCK},
	{"pendingCreate", "pending create", NO_LOCK},
	{"pendingDelete", "pending delete", NO_LOCK},
	{"pendingRenew", "pending renew", NO_LOCK},
	{"pendingTransfer", "pending transfer", NO_LOCK},
	{"pendingUpdate", "pending update", NO_LOCK},
	{"addPeriod", "add period", NO_LOCK},
	{"autoRenewPeriod", "auto renew period", NO_LOCK},
	{"renewPeriod", "renew period", NO_LOCK},
	{"transferPeriod", "transfer period", NO_LOCK},
	{"pendingRestore", "pending restore", NO_LOCK},
	{"redemptionPeriod", "redemption period", NO_LOCK},
	{"domainLocked", "domainLocked", LEVEL_REGISTRY, PROHIBITS_DELETE | PROHIBITS_UPDATE,
	 false},
	{"clientAutoRenewProhibited", "clientAutoRenewProhibited", NO_LOCK},
	{"serverBlocked", "serverBlocked", LEVEL_REGISTRY,
	 PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE, false},
	{"serverRegistrantChangeProhibited", "serverRegistrantChangeProhibited", NO_LOCK},
	{"serverOutzoneManual", "serverOutzoneManual", HOLD},
	{"serverInzoneManual", "serverInzoneManual", NO_LOCK},
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

/* What the statuses among `status` that are locks of this level prohibit. */
static unsigned prohibited_by(uint32_t status, enum change_level level)
{
	unsigned prohibited = 0;
	for (int i = 0; i < STATUS_COUNT; i++)
		if (status & 1u << i && statuses[i].lock == level)
			prohibited |= statuses[i].prohibits;
	return prohibited;
}

struct change_locks change_locks_of(const struct change *change, enum change_level level)
{
	struct change_locks locks = {
		.lock = (uint8_t)prohibited_by(change->add.status, level),
		.unlock = (uint8_t)prohibited_by(change->remove.status, level),
	};
	if (level == LEVEL_REGISTRY) {
		locks.lock |= change->locks.lock;
		locks.unlock |= change->locks.unlock;
	}
	return locks;
}

const char *change_transfer_op_name(enum change_transfer_op op)
{
	static const char *const names[TRANSFER_OPS] = {
		[TRANSFER_REQUEST] = "request",
		[TRANSFER_APPROVE] = "approve",
		[TRANSFER_REJECT] = "reject",
		[TRANSFER_CANCEL] = "cancel",
	};
	return names[op];
}

const char *change_transfer_status_name(enum change_transfer_status status)
{
	static const char *const names[TRANSFER_STATUSES] = {
		[TRANSFER_PENDING] = "pending",
		[TRANSFER_CLIENT_APPROVED] = "clientApproved",
		[TRANSFER_CLIENT_CANCELLED] = "clientCancelled",
		[TRANSFER_CLIENT_REJECTED] = "clientRejected",
		[TRANSFER_SERVER_APPROVED] = "serverApproved",
		[TRANSFER_SERVER_CANCELLED] = "serverCancelled",
	};
	return names[status];
}

const char *change_object_name(enum change_object object)
{
	static const char *const names[CHANGE_OBJECTS] = {
		[CHANGE_DOMAIN] = "domain",   [CHANGE_HOST] = "host",
		[CHANGE_NSSET] = "nsset",     [CHANGE_KEYSET] = "keyset",
		[CHANGE_NSGROUP] = "nsgroup", [CHANGE_KEYGROUP] = "keygroup",
	};
	return (unsigned)object < CHANGE_OBJECTS ? names[object] : "object";
}

bool change_object_has_name(enum change_object object)
{
	return object == CHANGE_DOMAIN || object == CHANGE_HOST;
}

bool change_object_has_keys(enum change_object object)
{
	return object == CHANGE_KEYSET || object == CHANGE_KEYGROUP;
}

bool change_has_subject(const struct change *change)
{
	bool named = change->name.text[0] != '\0', handled = change->handle.text[0] != '\0';
	return named != handled && named == change_object_has_name(change->object);
}

#include "plugin/logins.h"

#include <string.h>

/* What the config says a login is published as; NULL if it doesn't name it. */
static const char *configured_name(const struct config *config, const char *login)
{
	for (size_t i = 0; i < config->registrars.count; i++)
		if (strcmp(config->registrars.items[i].from, login) == 0)
			return config->registrars.items[i].to;
	return NULL;
}

bool login_publish(const struct config *config, const char *login,
		   struct change_registrar *registrar)
{
	struct change_token token;
	registrar->text[0] = '\0';
	if (!*login)
		return true;
	const char *name = configured_name(config, login);
	if (name && strcmp(name, "hide") == 0)
		return true;
	/* A token has no @. */
	if (!name && change_token_read(&token, login, strlen(login)) != RESULT_OK)
		return false;
	if (!name)
		name = login;
	return change_registrar_read(registrar, name, strlen(name)) == RESULT_OK;
}

unsigned login_publish_transfer(const struct config *config, struct change_transfer *transfer)
{
	struct change_registrar *const sides[] = {&transfer->gaining, &transfer->losing};
	unsigned left_out = 0;
	for (size_t i = 0; i < 2; i++) {
		const struct change_registrar login = *sides[i];
		left_out += !login_publish(config, login.text, sides[i]);
	}
	return left_out;
}

#include "conformance/refepp/users.h"

#include "conformance/refepp/need.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_SIZE = 128 };

struct user {
	struct user *next;
	char *login;
	char password[PASSWORD_SIZE]; /* the rest is zero */
};

struct users {
	pthread_mutex_t
		mutex; /* guards the passwords; the list is never changed after users_load() */
	struct user *first;
};

static struct user *find(const struct users *users, const char *login)
{
	struct user *user = users->first;

	while (user != NULL && strcmp(user->login, login) != 0)
		user = user->next;
	return user;
}

/* NULL if the line is fine, else what is wrong with it. */
static const char *read_line(struct users *users, char *line)
{
	char *colon = strchr(line, ':');
	struct user *user;

	if (line[0] == '\0' || line[0] == '#')
		return NULL;
	if (colon == NULL || colon == line || colon[1] == '\0')
		return "expected login:password";
	*colon = '\0';
	if (strlen(colon + 1) >= PASSWORD_SIZE)
		return "expected a password of at most 127 bytes";
	if (find(users, line) != NULL)
		return "expected each login once, this one stood before";
	user = need_zeroed(sizeof(*user));
	user->login = need_copy(line);
	snprintf(user->password, PASSWORD_SIZE, "%s", colon + 1);
	user->next = users->first;
	users->first = user;
	return NULL;
}

static bool read_lines(struct users *users, FILE *file, const char *path, char *why,
		       size_t why_size)
{
	const char *wrong = NULL;
	char *line = NULL;
	size_t capacity = 0;
	unsigned number = 0;

	while (wrong == NULL && getline(&line, &capacity, file) >= 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		wrong = read_line(users, line);
	}
	free(line);
	if (wrong != NULL)
		snprintf(why, why_size, "%s:%u: %s", path, number, wrong);
	else if (users->first == NULL)
		snprintf(why, why_size, "%s: no login in it, expected one login:password a line",
			 path);
	return wrong == NULL && users->first != NULL;
}

struct users *users_load(const char *path, char *why, size_t why_size)
{
	FILE *file = fopen(path, "re");
	struct users *users;

	if (file == NULL) {
		snprintf(why, why_size, "%s: %s; --users needs a readable file", path,
			 strerror(errno));
		return NULL;
	}
	users = need_zeroed(sizeof(*users));
	pthread_mutex_init(&users->mutex, NULL);
	if (!read_lines(users, file, path, why, why_size))
		users_free(&users);
	fclose(file);
	return users;
}

void users_free(struct users **users)
{
	if (*users == NULL)
		return;
	while ((*users)->first != NULL) {
		struct user *user = (*users)->first;

		(*users)->first = user->next;
		OPENSSL_cleanse(user->password, sizeof(user->password));
		free(user->login);
		free(user);
	}
	pthread_mutex_destroy(&(*users)->mutex);
	free(*users);
	*users = NULL;
}

static bool set_padded(char padded[PASSWORD_SIZE], const char *password)
{
	memset(padded, 0, PASSWORD_SIZE);
	if (strlen(password) >= PASSWORD_SIZE)
		return false;
	memcpy(padded, password, strlen(password));
	return true;
}

bool users_login(struct users *users, const char *login, const char *password,
		 const char *new_password)
{
	struct user *user = find(users, login);
	char given[PASSWORD_SIZE], wanted[PASSWORD_SIZE] = {0};
	bool good = set_padded(given, password);

	if (new_password != NULL)
		good = set_padded(wanted, new_password) && good;
	if (user == NULL)
		return false;
	pthread_mutex_lock(&users->mutex);
	good = CRYPTO_memcmp(user->password, given, PASSWORD_SIZE) == 0 && good;
	if (good && new_password != NULL)
		memcpy(user->password, wanted, PASSWORD_SIZE);
	pthread_mutex_unlock(&users->mutex);
	OPENSSL_cleanse(given, sizeof(given));
	OPENSSL_cleanse(wanted, sizeof(wanted));
	return good;
}

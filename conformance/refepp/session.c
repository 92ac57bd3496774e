#include "conformance/refepp/session.h"

#include "conformance/refepp/dates.h"
#include "conformance/refepp/frames.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/response.h"
#include "conformance/refepp/tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { MAX_LOGIN_FAILURES = 3, MIN_PASSWORD_SIZE = 6, SILENCE_SECONDS = 600 };

struct session {
	struct session_house *house;
	char *registrar; /* NULL until login */
	unsigned failed_count;
	bool ends;
	struct text frame, response;
};

static int check_options(const xmlNode *login, const char **why)
{
	const xmlNode *options = xml_child(login, "options");
	const char *version = xml_text(xml_child(options, "version"));
	const char *language = xml_text(xml_child(options, "lang"));

	if (version == NULL || language == NULL) {
		*why = "options needs version and lang";
		return 2003;
	}
	if (strcmp(version, "1.0") != 0)
		return 2100;
	if (strcmp(language, "en") != 0) {
		*why = "the one language is en";
		return 2102;
	}
	return 0;
}

static bool is_served(const char *uri, const char *const *served)
{
	while (*served != NULL && strcmp(*served, uri) != 0)
		served++;
	return *served != NULL;
}

static int check_services(const xmlNode *login, const char **why)
{
	static const char *const objects[] = {NS_DOMAIN, NS_HOST, NS_CONTACT, NULL};
	static const char *const extensions[] = {NS_SECDNS, NS_RGP, NULL};
	const xmlNode *services = xml_child(login, "svcs");
	const xmlNode *node = xml_child(services, "objURI");

	if (node == NULL) {
		*why = "svcs needs an objURI";
		return 2003;
	}
	for (; node != NULL; node = xml_again(node)) {
		if (!is_served(xml_text(node), objects))
			return 2307;
	}
	node = xml_child(xml_child(services, "svcExtension"), "extURI");
	for (; node != NULL; node = xml_again(node)) {
		if (!is_served(xml_text(node), extensions))
			return 2103;
	}
	return 0;
}

static int check_password(struct session *session, const xmlNode *login, const char **why)
{
	const char *name = xml_text(xml_child(login, "clID"));
	const char *password = xml_text(xml_child(login, "pw"));
	const char *new_password = xml_text(xml_child(login, "newPW"));

	if (name == NULL || password == NULL) {
		*why = "clID or pw is missing";
		return 2003;
	}
	if (new_password != NULL && strlen(new_password) < MIN_PASSWORD_SIZE) {
		*why = "a new password has six characters at least";
		return 2306;
	}
	if (users_login(session->house->users, name, password, new_password)) {
		session->registrar = need_copy(name);
		return 1000;
	}
	session->failed_count++;
	session->ends = session->failed_count == MAX_LOGIN_FAILURES;
	return session->ends ? 2501 : 2200;
}

static int log_in(struct session *session, const struct command *command, const char **why)
{
	int code;

	if (session->registrar != NULL) {
		*why = "logged in already";
		return 2002;
	}
	if (!xml_only(command->element, "clID pw newPW options svcs")) {
		*why = "the login holds what RFC 5730 has not";
		return 2001;
	}
	code = check_options(command->element, why);
	if (code == 0)
		code = check_services(command->element, why);
	return code != 0 ? code : check_password(session, command->element, why);
}

static int poll_messages(const struct command *command, const char **why)
{
	const char *op = xml_attribute(command->element, "op");

	if (op != NULL && strcmp(op, "req") == 0)
		return 1300;
	if (op == NULL || strcmp(op, "ack") != 0) {
		*why = "a poll's op is req or ack";
		return 2005;
	}
	if (xml_attribute(command->element, "msgID") == NULL) {
		*why = "msgID is missing";
		return 2003;
	}
	*why = "no such message";
	return 2303;
}

/* The code that answers a command which is not about objects; 0 if it is for the engine. */
static int dispatch(struct session *session, const struct command *command, const char **why)
{
	if (command->verb == VERB_LOGIN)
		return log_in(session, command, why);
	if (session->registrar == NULL) {
		*why = "log in first";
		return 2002;
	}
	switch (command->verb) {
	case VERB_LOGOUT:
		session->ends = true;
		return 1500;
	case VERB_POLL:
		return poll_messages(command, why);
	case VERB_TRANSFER:
		return 2101;
	default:
		return 0;
	}
}

static void greet(struct session *session)
{
	text_reset(&session->response);
	response_write_greeting(&session->response, dates_now_ms());
}

/* Makes the response to session->frame. */
static void answer(struct session *session)
{
	struct engine *engine = session->house->engine;
	struct command command = {0};
	const char *why;
	int code = command_read(&session->frame, &command, &why);

	if (code == 0 && command.verb == VERB_HELLO) {
		greet(session);
	} else {
		if (code == 0)
			code = dispatch(session, &command, &why);
		if (code == 0)
			engine_run(engine, &command, &session->frame, session->registrar,
				   &session->response);
		else
			engine_answer(engine, &command, &session->frame, session->registrar, code,
				      why, &session->response);
	}
	command_free(&command);
}

/* The server's limit is made for a handshake; from here on the client may be silent for longer. */
static void allow_silence(int fd)
{
	const struct timeval limit = {.tv_sec = SILENCE_SECONDS};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

void session_serve(struct session_house *house, int fd)
{
	struct session session = {.house = house};
	SSL *tls = tls_accept(house->tls, fd);

	if (tls == NULL)
		return;
	allow_silence(fd);
	xml_quiet_thread();
	greet(&session);
	session.ends = !frames_write(tls, &session.response);
	while (!session.ends && !atomic_load(&house->stopping) &&
	       frames_read(tls, &session.frame)) {
		answer(&session);
		if (!frames_write(tls, &session.response))
			break;
	}
	tls_close(&tls);
	text_free(&session.frame);
	text_free(&session.response);
	free(session.registrar);
}

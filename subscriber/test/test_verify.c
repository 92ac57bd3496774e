#include "subscriber/test/signer.h"

#include "subscriber/verify.h"

struct bench {
	struct signer signer, stranger;
	char *path;
	struct keys *keys;
};

static int set_up(void **state)
{
	static struct bench bench;
	char why[256];
	signer_init(&bench.signer);
	signer_init(&bench.stranger);
	char *jwks = jwks_of(&bench.signer, NULL);
	bench.path = file_with(jwks);
	free(jwks);
	assert_int_equal(keys_load(bench.path, &bench.keys, why, sizeof why), RESULT_OK);
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	keys_free(&bench->keys);
	remove_file(bench->path);
	signer_free(&bench->signer);
	signer_free(&bench->stranger);
	return 0;
}

static void assert_printable(const char *text)
{
	assert_true(*text);
	for (; *text; text++)
		assert_true(*text >= ' ' && *text <= '~');
}

/* The message is refused for this reason, with a printable sentence and nothing left in the event. */
static void assert_refused_message(struct bench *bench, const struct message *message,
				   enum refusal_reason reason)
{
	struct event event;
	struct refusal why;
	int result = verify_message(message, REGISTRY, bench->keys, &event, &why);
	assert_int_equal(result, RESULT_INVALID);
	assert_int_equal(why.reason, reason);
	assert_printable(why.text);
	assert_null(event.claims);
	assert_null(event.payload.data);
}

static void assert_refused(struct bench *bench, const char *header, const char *payload,
			   enum refusal_reason reason)
{
	struct buffer jws = sign(&bench->signer, header, payload);
	struct message message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, reason);
	buffer_free(&jws);
}

/* Header and payload are taken as they are: the signature matches whatever stands there. */
static void assert_refused_raw(struct bench *bench, const char *signed_text,
			       enum refusal_reason reason)
{
	struct buffer jws;
	buffer_init(&jws, 2 * FEED_JWS_MAX);
	buffer_append_text(&jws, signed_text);
	append_signature(&jws, &bench->signer);
	struct message message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, reason);
	buffer_free(&jws);
}

static void assert_verified(struct bench *bench, const char *topic, const char *header,
			    const char *payload)
{
	struct buffer jws = sign(&bench->signer, header, payload);
	struct message message = message_of(topic, "17", &jws);
	struct event event;
	struct refusal why;
	int result = verify_message(&message, REGISTRY, bench->keys, &event, &why);
	if (result != RESULT_OK)
		print_error("%s\n", why.text);
	assert_int_equal(result, RESULT_OK);
	event_free(&event);
	buffer_free(&jws);
}

static void an_event_is_verified(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	struct message message = message_of(TOPIC, "17", &jws);
	struct event event;
	struct refusal why;
	assert_int_equal(verify_message(&message, REGISTRY, bench->keys, &event, &why), RESULT_OK);
	assert_int_equal(why.reason, REFUSAL_NONE);
	assert_int_equal(event.index, 17);
	assert_false(event.own);
	assert_string_equal(event.name, "example.org");
	assert_null(event.new_name);
	assert_string_equal(event.kind, DOMAIN_UPDATE);
	assert_string_equal(event.jti, "AAAAAAAAAAAAAAAAAAAAAA");
	assert_int_equal(event.toe_ms, INT64_C(1700000000123));
	assert_string_equal(json_string_value(json_object_get(event.what, "registrar")), "ClientX");
	assert_int_equal(event.payload.size, strlen(CLAIMS));
	assert_memory_equal(event.payload.data, CLAIMS, strlen(CLAIMS));
	event_free(&event);
	buffer_free(&jws);
}

static void both_names_of_the_algorithm_are_taken(void **state)
{
	struct bench *bench = *state;
	char header[200];
	snprintf(header, sizeof header,
		 "{\"alg\":\"Ed25519\",\"kid\":\"%s\",\"typ\":\"secevent+jwt\"}",
		 bench->signer.kid);
	assert_verified(bench, TOPIC, header, CLAIMS);
}

static void a_message_has_three_frames(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	struct message message = message_of(TOPIC, "17", &jws);
	for (size_t frames = 1; frames < 6; frames++) {
		message.frames = frames;
		if (frames != MESSAGE_FRAMES)
			assert_refused_message(bench, &message, REFUSAL_FRAMES);
	}
	buffer_free(&jws);
}

static void an_index_is_a_decimal_number(void **state)
{
	static const char *const wrong[] = {"",
					    "x",
					    "-1",
					    "+1",
					    " 1",
					    "1 ",
					    "0x1",
					    "01",
					    "1e3",
					    "1.0",
					    "9223372036854775808",
					    "99999999999999999999"};
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct message message = message_of(TOPIC, wrong[i], &jws);
		assert_refused_message(bench, &message, REFUSAL_INDEX);
	}
	uint64_t index = 1;
	struct message message = message_of(TOPIC, "0", &jws);
	assert_true(verify_index(&message, &index));
	assert_int_equal(index, 0);
	message = message_of(TOPIC, "9223372036854775807", &jws);
	assert_true(verify_index(&message, &index));
	assert_int_equal(index, INT64_MAX);
	buffer_free(&jws);
}

static void sizes_are_bounded(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	char topic[FEED_TOPIC_SIZE + 1];
	memset(topic, 'a', FEED_TOPIC_SIZE);
	topic[FEED_TOPIC_SIZE] = '\0';
	struct message message = message_of(topic, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_TOPIC_SIZE);
	while (jws.size <= FEED_JWS_MAX)
		buffer_append_byte(&jws, 'A');
	message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_JWS_SIZE);
	jws.size = FEED_JWS_MAX; /* may be this large: now another thing is wrong with it */
	message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_SIGNATURE_ENCODING);
	buffer_free(&jws);
}

static void a_jws_has_three_parts(void **state)
{
	static const char *const wrong[] = {"", "aaaa", "aaaa.bbbb", "a.b.c.d", "...."};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct message message = {.frames = MESSAGE_FRAMES,
					  .topic = {TOPIC, strlen(TOPIC)},
					  .index = {"1", 1},
					  .jws = {wrong[i], strlen(wrong[i])}};
		assert_refused_message(bench, &message, REFUSAL_JWS_PARTS);
	}
}

static void a_header_is_base64url_of_a_json_object(void **state)
{
	struct bench *bench = *state;
	char twice[256];
	assert_refused_raw(bench, "e30=.e30", REFUSAL_HEADER_ENCODING);
	assert_refused_raw(bench, "e\033[1m.e30", REFUSAL_HEADER_ENCODING);
	assert_refused_raw(bench, ".e30", REFUSAL_HEADER_JSON);
	assert_refused(bench, "[]", CLAIMS, REFUSAL_HEADER_JSON);
	assert_refused(bench, "{", CLAIMS, REFUSAL_HEADER_JSON);
	snprintf(twice, sizeof twice,
		 "{\"alg\":\"none\",\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"secevent+jwt\"}",
		 bench->signer.kid);
	assert_refused(bench, twice, CLAIMS, REFUSAL_HEADER_JSON);
}

static void a_header_brings_no_key_and_no_extension(void **state)
{
	static const char *const forbidden[] = {"jwk", "jku", "x5u", "x5c", "crit"};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
		char header[256];
		snprintf(header, sizeof header,
			 "{\"alg\":\"EdDSA\",\"%s\":null,\"kid\":\"%s\","
			 "\"typ\":\"secevent+jwt\"}",
			 forbidden[i], bench->signer.kid);
		assert_refused(bench, header, CLAIMS, REFUSAL_HEADER_FORBIDDEN);
	}
}

static void other_algorithms_are_refused(void **state)
{
	static const char *const wrong[] = {"\"none\"", "\"HS256\"", "\"ES256\"", "\"eddsa\"",
					    "\"\"",     "1",         "null"};
	struct bench *bench = *state;
	char header[256];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(header, sizeof header,
			 "{\"alg\":%s,\"kid\":\"%s\",\"typ\":\"secevent+jwt\"}", wrong[i],
			 bench->signer.kid);
		assert_refused(bench, header, CLAIMS, REFUSAL_ALG);
	}
	assert_refused(bench, "{}", CLAIMS, REFUSAL_ALG);
}

static void other_types_and_missing_kids_are_refused(void **state)
{
	struct bench *bench = *state;
	char header[256];
	snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		 bench->signer.kid);
	assert_refused(bench, header, CLAIMS, REFUSAL_TYP);
	snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", bench->signer.kid);
	assert_refused(bench, header, CLAIMS, REFUSAL_TYP);
	assert_refused(bench, "{\"alg\":\"EdDSA\",\"typ\":\"secevent+jwt\"}", CLAIMS, REFUSAL_KID);
	assert_refused(bench, "{\"alg\":\"EdDSA\",\"typ\":\"secevent+jwt\",\"kid\":7}", CLAIMS,
		       REFUSAL_KID);
}

static void a_key_not_in_the_jwks_is_refused(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->stranger, NULL, CLAIMS);
	struct message message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_KEY_UNKNOWN);
	buffer_free(&jws);
	assert_refused(bench,
		       "{\"alg\":\"EdDSA\",\"typ\":\"secevent+jwt\",\"kid\":\"\\u001b[2J\\u0007\"}",
		       CLAIMS, REFUSAL_KEY_UNKNOWN);
}

static void a_signature_of_another_key_is_refused(void **state)
{
	struct bench *bench = *state;
	char *header = header_of(&bench->signer);
	struct buffer jws = sign(&bench->stranger, header, CLAIMS);
	struct message message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_SIGNATURE);
	buffer_free(&jws);
	free(header);
}

/* Of header, payload and signature, whichever character is changed. */
static void a_changed_character_anywhere_is_refused(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	for (size_t i = 0; i < jws.size; i++) {
		struct event event;
		struct refusal why;
		struct message message = message_of(TOPIC, "17", &jws);
		char kept = jws.data[i];
		jws.data[i] = kept == 'A' ? 'B' : 'A';
		assert_int_equal(verify_message(&message, REGISTRY, bench->keys, &event, &why),
				 RESULT_INVALID);
		jws.data[i] = kept;
	}
	buffer_free(&jws);
}

static void a_signature_is_64_bytes_of_base64url(void **state)
{
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	jws.size -= 2;
	struct message message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_SIGNATURE_ENCODING);
	buffer_append_text(&jws, "==");
	message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_SIGNATURE_ENCODING);
	jws.size = (size_t)((char *)memrchr(jws.data, '.', jws.size) + 1 - jws.data);
	message = message_of(TOPIC, "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_SIGNATURE_ENCODING);
	buffer_free(&jws);
}

static void a_payload_is_base64url_of_a_json_object(void **state)
{
	struct bench *bench = *state;
	struct buffer text;
	char *header = header_of(&bench->signer);
	buffer_init(&text, 1024);
	feed_base64url_encode(header, strlen(header), &text);
	buffer_append_text(&text, ".e30=");
	buffer_append_byte(&text, 0);
	assert_refused_raw(bench, text.data, REFUSAL_PAYLOAD_ENCODING);
	buffer_free(&text);
	free(header);
	assert_refused(bench, NULL, "", REFUSAL_PAYLOAD_JSON);
	assert_refused(bench, NULL, "[1]", REFUSAL_PAYLOAD_JSON);
	assert_refused(bench, NULL, CLAIMS "{}", REFUSAL_PAYLOAD_JSON);
	assert_refused(bench, NULL, "{\"iss\":\"a\",\"iss\":\"b\"}", REFUSAL_PAYLOAD_JSON);
	assert_refused(bench, NULL, "{\"iss\":\"\xff\"}", REFUSAL_PAYLOAD_JSON);
}

#define WITH(iss, jti, iat, toe, sub_id, events)                                                   \
	"{" iss "," jti "," iat "," toe "," sub_id "," events "}"
#define X "\"x\":1"

static void each_claim_is_needed(void **state)
{
	struct bench *bench = *state;
	assert_refused(bench, NULL,
		       WITH(X, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE, CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_ISS);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, X, CLAIM_IAT, CLAIM_TOE, CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_JTI);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, CLAIM_JTI, X, CLAIM_TOE, CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_IAT);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, X, CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_TOE);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE, X, CLAIM_EVENTS),
		       REFUSAL_SUB_ID);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE, CLAIM_SUB_ID, X),
		       REFUSAL_EVENTS);
}

static void an_event_of_another_registry_is_refused(void **state)
{
	struct bench *bench = *state;
	assert_refused(bench, NULL,
		       WITH("\"iss\":\"" REGISTRY "/\"", CLAIM_JTI, CLAIM_IAT, CLAIM_TOE,
			    CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_ISS);
	assert_refused(bench, NULL,
		       WITH("\"iss\":\"\\u001b]0;x\\u0007\"", CLAIM_JTI, CLAIM_IAT, CLAIM_TOE,
			    CLAIM_SUB_ID, CLAIM_EVENTS),
		       REFUSAL_ISS);
}

static void claims_of_the_wrong_kind_are_refused(void **state)
{
	struct bench *bench = *state;
	assert_refused(
		bench, NULL,
		WITH(CLAIM_ISS, "\"jti\":\"\"", CLAIM_IAT, CLAIM_TOE, CLAIM_SUB_ID, CLAIM_EVENTS),
		REFUSAL_JTI);
	assert_refused(
		bench, NULL,
		WITH(CLAIM_ISS, CLAIM_JTI, "\"iat\":1.5", CLAIM_TOE, CLAIM_SUB_ID, CLAIM_EVENTS),
		REFUSAL_IAT);
	assert_refused(bench, NULL,
		       WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, "\"toe\":\"now\"", CLAIM_SUB_ID,
			    CLAIM_EVENTS),
		       REFUSAL_TOE);
	assert_refused(
		bench, NULL,
		WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, "\"toe\":1e300", CLAIM_SUB_ID, CLAIM_EVENTS),
		REFUSAL_TOE);
	assert_refused(
		bench, NULL,
		WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, "\"toe\":-1", CLAIM_SUB_ID, CLAIM_EVENTS),
		REFUSAL_TOE);
}

static void a_sub_id_is_a_name_or_the_registry(void **state)
{
	/* The event has no handle that the last one could be of. */
	static const char *const wrong[] = {
		"\"dns:example.org\"",
		"{\"uri\":\"dns:example.org\"}",
		"{\"format\":\"opaque\",\"id\":\"dns:example.org\"}",
		"{\"format\":\"uri\",\"uri\":\"example.org\"}",
		"{\"format\":\"uri\",\"uri\":\"dns:\"}",
		"{\"format\":\"uri\",\"uri\":\"dns:Example.org\"}",
		"{\"format\":\"uri\",\"uri\":\"dns:example.org.\"}",
		"{\"format\":\"uri\",\"uri\":\"dns:example..org\"}",
		"{\"format\":\"uri\",\"uri\":\"dns:ex\\u0007ample.org\"}",
		"{\"format\":\"uri\",\"uri\":\"https://another.example\"}",
		"{\"format\":\"uri\",\"uri\":\"urn:epptap:gap\"}",
		"{\"format\":\"uri\",\"uri\":\"urn:epptap:nsset\"}",
		"{\"format\":\"uri\",\"uri\":\"urn:epptap:nsset:S1\"}",
	};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char payload[1024];
		snprintf(payload, sizeof payload,
			 "{" CLAIM_ISS "," CLAIM_JTI "," CLAIM_IAT "," CLAIM_TOE "," CLAIM_EVENTS
			 ",\"sub_id\":%s}",
			 wrong[i]);
		assert_refused(bench, NULL, payload, REFUSAL_SUB_ID);
	}
}

static void there_is_exactly_one_event(void **state)
{
	static const char *const wrong[] = {"{}", "[]", "{\"a\":{},\"b\":{}}", "{\"a\":1}"};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char payload[1024];
		snprintf(payload, sizeof payload,
			 "{" CLAIM_ISS "," CLAIM_JTI "," CLAIM_IAT "," CLAIM_TOE "," CLAIM_SUB_ID
			 ",\"events\":%s}",
			 wrong[i]);
		assert_refused(bench, NULL, payload, REFUSAL_EVENTS);
	}
}

static void the_topic_must_be_that_of_the_event(void **state)
{
	static const char *const wrong[] = {
		"", "org.", "org.example", "org.example.a.", "example.org.", "~event", "\033[1m"};
	struct bench *bench = *state;
	struct buffer jws = sign(&bench->signer, NULL, CLAIMS);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct message message = message_of(wrong[i], "17", &jws);
		assert_refused_message(bench, &message, REFUSAL_TOPIC);
	}
	buffer_free(&jws);
}

#define RENAMED(kind)                                                                              \
	WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE,                                           \
	     "\"sub_id\":{\"format\":\"uri\",\"uri\":\"dns:ns1.example.org\"}",                    \
	     "\"events\":{\"" kind "\":{\"set\":{\"ldhName\":\"ns9.example.net\"}}}")

static void a_renamed_host_has_two_topics(void **state)
{
	struct bench *bench = *state;
	assert_verified(bench, "org.example.ns1.", NULL, RENAMED(HOST_UPDATE));
	assert_verified(bench, "net.example.ns9.", NULL, RENAMED(HOST_UPDATE));
	struct buffer jws = sign(&bench->signer, NULL, RENAMED(DOMAIN_UPDATE));
	struct message message = message_of("net.example.ns9.", "17", &jws);
	assert_refused_message(bench, &message, REFUSAL_TOPIC);
	buffer_free(&jws);
}

#define ABOUT_A_SET(uri, handle)                                                                   \
	WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE,                                           \
	     "\"sub_id\":{\"format\":\"uri\",\"uri\":\"" uri "\"}",                                \
	     "\"events\":{\"http://www.nic.cz/xml/epp/nsset-1.2#update\":{\"handle\":" handle      \
	     "}}")

static void an_object_without_a_name_is_known_by_its_handle(void **state)
{
	struct bench *bench = *state;
	static const char payload[] = ABOUT_A_SET("urn:epptap:nsset:NS%2F1", "\"NS/1\"");
	assert_verified(bench, "~nsset.ns/1.", NULL, payload);
	struct buffer jws = sign(&bench->signer, NULL, payload);
	struct message message = message_of("~nsset.ns/1.", "17", &jws);
	struct event event;
	struct refusal why;
	assert_int_equal(verify_message(&message, REGISTRY, bench->keys, &event, &why), RESULT_OK);
	assert_false(event.own);
	assert_string_equal(event.handle, "NS/1");
	assert_string_equal(event.class, "nsset");
	assert_string_equal(event.name, "nsset:NS%2F1");
	event_free(&event);
	buffer_free(&jws);
	assert_refused(bench, NULL, payload, REFUSAL_TOPIC);
	assert_refused(bench, NULL, ABOUT_A_SET("urn:epptap:nsset:NS%2F1", "\"NS/2\""),
		       REFUSAL_SUB_ID);
	assert_refused(bench, NULL, ABOUT_A_SET("urn:epptap:nsset:NS%2f1", "\"NS/1\""),
		       REFUSAL_SUB_ID);
	assert_refused(bench, NULL, ABOUT_A_SET("urn:epptap:keyset:", "\"\""), REFUSAL_SUB_ID);
	assert_refused(bench, NULL, ABOUT_A_SET("urn:epptap:keyset:1", "1"), REFUSAL_SUB_ID);
}

static void the_taps_own_events_have_a_topic_of_their_own(void **state)
{
	struct bench *bench = *state;
	const char *gap = WITH(CLAIM_ISS, CLAIM_JTI, CLAIM_IAT, CLAIM_TOE,
			       "\"sub_id\":{\"format\":\"uri\",\"uri\":\"" REGISTRY "\"}",
			       "\"events\":{\"urn:epptap:gap\":{\"count\":3}}");
	assert_verified(bench, "~event", NULL, gap);
	assert_refused(bench, NULL, gap, REFUSAL_TOPIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_verified),
		cmocka_unit_test(both_names_of_the_algorithm_are_taken),
		cmocka_unit_test(a_message_has_three_frames),
		cmocka_unit_test(an_index_is_a_decimal_number),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(a_jws_has_three_parts),
		cmocka_unit_test(a_header_is_base64url_of_a_json_object),
		cmocka_unit_test(a_header_brings_no_key_and_no_extension),
		cmocka_unit_test(other_algorithms_are_refused),
		cmocka_unit_test(other_types_and_missing_kids_are_refused),
		cmocka_unit_test(a_key_not_in_the_jwks_is_refused),
		cmocka_unit_test(a_signature_of_another_key_is_refused),
		cmocka_unit_test(a_changed_character_anywhere_is_refused),
		cmocka_unit_test(a_signature_is_64_bytes_of_base64url),
		cmocka_unit_test(a_payload_is_base64url_of_a_json_object),
		cmocka_unit_test(each_claim_is_needed),
		cmocka_unit_test(an_event_of_another_registry_is_refused),
		cmocka_unit_test(claims_of_the_wrong_kind_are_refused),
		cmocka_unit_test(a_sub_id_is_a_name_or_the_registry),
		cmocka_unit_test(there_is_exactly_one_event),
		cmocka_unit_test(the_topic_must_be_that_of_the_event),
		cmocka_unit_test(a_renamed_host_has_two_topics),
		cmocka_unit_test(an_object_without_a_name_is_known_by_its_handle),
		cmocka_unit_test(the_taps_own_events_have_a_topic_of_their_own),
	};
	return cmocka_run_group_tests_name("verify", tests, set_up, tear_down);
}

/*
 * sendmail asks for the server and for the recipient's domain, each from the
 * special to the general (policy/outbound/sendmail.c); all that is found has to
 * be met.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/jsontext.h"
#include "policy/commands/outbound.h"

enum { KEY_BYTES = 1200 };

struct series {
	const char *prefix;
	char answer[4200]; /* "": none */
};

/* "a.b.test", "b.test", "test", "". */
static void
ask_series(struct looking *l, struct series *series, const char *name,
    struct store_reader *reader)
{
	while (series->answer[0] == '\0') {
		const struct outbound_answer *a;
		char key[KEY_BYTES];
		struct text reply;
		json_t *asked;

		snprintf(key, sizeof key, "%s:%s", series->prefix, name);
		asked = json_pack("{s:o, s:s}", "key", jsontext_cstring(key),
		    "table", "access");
		json_array_append_new(json_object_get(l->all, "asked"), asked);
		a = outbound_answer_of(l, OUTBOUND_SENDMAIL, key, NULL, reader,
		    asked);
		l->unasked |= a->result == OUTBOUND_FAILED;
		text_init(&reply, series->answer, sizeof series->answer);
		outbound_print_reply(NULL, a, &reply);
		if (slice_starts_nocase(slice_of(reply.buf), "OK "))
			memmove(reply.buf, reply.buf + 3, reply.n - 2);
		else
			text_clear(&reply);
		if (name[0] == '\0')
			return;
		name += strcspn(name, ".");
		name += name[0] == '.';
	}
}

static bool
demands(const char *answer)
{
	return answer[0] != '\0' && strcmp(answer, "OK") != 0;
}

static void
conclude(const struct looking *l, const struct series s[3])
{
	const char *server = s[1].answer, *domain = s[2].answer;
	bool no_tls = strcmp(s[0].answer, "NO") == 0;
	bool both = demands(server) && demands(domain);
	char memory[2 * sizeof s[0].answer + 256];
	struct text out;

	text_init(&out, memory, sizeof memory);
	if (strcmp(server, SENDMAIL_NEVER_MET) == 0 ||
	    strcmp(domain, SENDMAIL_NEVER_MET) == 0)
		text_puts(&out, "mail stays in the queue: no session meets "
		    SENDMAIL_NEVER_MET);
	else if (demands(server) || demands(domain))
		text_printf(&out, "%s %s%s%s", no_tls ? "STARTTLS is not "
		    "tried, and mail leaves only if a session in clear meets" :
		    "mail leaves only if the session meets",
		    demands(server) ? server : "", both ? " and " : "",
		    demands(domain) ? domain : "");
	else if (no_tls)
		text_puts(&out, "mail leaves in clear, without TLS");
	else
		text_puts(&out, "mail leaves over TLS if the server offers "
		    "it, with any certificate, and else in clear");
	json_object_set_new(l->all, "outcome", jsontext_cstring(memory));
}

bool
outbound_look_sendmail(struct looking *l, struct fault *f)
{
	struct series s[3] = { { .prefix = "try_tls" },
		{ .prefix = "tls_srv" }, { .prefix = "tls_rcpt" } };
	struct store_reader reader;
	struct store *store;

	if (!command_open_store(l->context, &store, &reader, f))
		return false;
	json_object_set_new(l->all, "server", jsontext_cstring(l->host));
	json_object_set_new(l->all, "asked", json_array());
	ask_series(l, &s[0], l->host, &reader);
	ask_series(l, &s[1], l->host, &reader);
	ask_series(l, &s[2], l->domain, &reader);
	command_close_store(store, &reader);
	conclude(l, s);
	return true;
}

/*
 * As scripts/sendmail-outbound.mc has sendmail ask (policy/outbound/sendmail.c):
 * Try_TLS from the special to the general, by the server's name and then by its
 * address; one question about the server, name and address at once, and one
 * about the recipient.  All that is found has to be met.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/domain.h"
#include "policy/base/jsontext.h"
#include "policy/commands/outbound.h"

enum { KEY_BYTES = 2400, ANSWER_BYTES = 4200 };

struct asked {
	struct looking *l;
	struct store_reader *reader;
	char try_tls[ANSWER_BYTES], server[ANSWER_BYTES], rcpt[ANSWER_BYTES];
};

/* The map's answer to this key; empty where there is no rule. */
static void
ask(const struct asked *q, const char *key, char answer[ANSWER_BYTES])
{
	struct looking *l = q->l;
	const struct outbound_answer *a;
	struct text reply;
	json_t *asked;

	asked = json_pack("{s:o, s:s}", "key", jsontext_cstring(key), "table",
	    "tlspolicy_access");
	json_array_append_new(json_object_get(l->all, "asked"), asked);
	a = outbound_answer_of(l, OUTBOUND_SENDMAIL, key, NULL, q->reader,
	    asked);
	l->unasked |= a->result == OUTBOUND_FAILED;
	text_init(&reply, answer, ANSWER_BYTES);
	outbound_print_reply(NULL, a, &reply);
	if (slice_starts_nocase(slice_of(answer), "OK "))
		memmove(answer, answer + 3, reply.n - 2);
	else
		text_clear(&reply);
}

/* "a.b.test" to "b.test", "192.0.2.1" to "192.0.2", "[192.0.2.1]" likewise. */
static bool
shorten(char *name, bool address)
{
	size_t n = strlen(name);
	bool bracket = n > 0 && name[n - 1] == ']';
	char *dot = strchr(name, '.');

	if (!address && !bracket) {
		memmove(name, dot == NULL ? name + n : dot + 1,
		    dot == NULL ? 1 : n - (size_t)(dot - name));
		return name[0] != '\0';
	}
	while (n > 0 && name[n - 1] != '.' && name[n - 1] != ':')
		n--;
	if (n < 2)
		return false;
	snprintf(name + n - 1, 2, "%s", bracket ? "]" : "");
	return true;
}

static void
ask_try_tls(struct asked *q)
{
	const char *names[] = { q->l->host, q->l->address };
	char key[KEY_BYTES], name[DOMAIN_TEXT_MAX];

	for (int i = 0; i < 2; i++) {
		bool more = names[i][0] != '\0';

		snprintf(name, sizeof name, "%s", names[i]);
		while (more && q->try_tls[0] == '\0') {
			snprintf(key, sizeof key, "try_tls:%s", name);
			ask(q, key, q->try_tls);
			more = shorten(name, i == 1);
		}
	}
	if (q->try_tls[0] == '\0')
		ask(q, "try_tls:", q->try_tls);
}

static bool
demands(const char *answer)
{
	return answer[0] != '\0' && strcmp(answer, "OK") != 0;
}

static void
conclude(const struct asked *q)
{
	const char *server = q->server, *rcpt = q->rcpt;
	bool no_tls = strcmp(q->try_tls, "NO") == 0;
	bool both = demands(server) && demands(rcpt);
	char memory[2 * ANSWER_BYTES + 256];
	struct text out;

	text_init(&out, memory, sizeof memory);
	if (strcmp(server, SENDMAIL_NEVER_MET) == 0 ||
	    strcmp(rcpt, SENDMAIL_NEVER_MET) == 0)
		text_puts(&out, "mail stays in the queue: no session meets "
		    SENDMAIL_NEVER_MET);
	else if (demands(server) || demands(rcpt))
		text_printf(&out, "%s %s%s%s", no_tls ? "STARTTLS is not "
		    "tried, and mail leaves only if a session in clear meets" :
		    "mail leaves only if the session meets",
		    demands(server) ? server : "", both ? " and " : "",
		    demands(rcpt) ? rcpt : "");
	else if (no_tls)
		text_puts(&out, "mail leaves in clear, without TLS");
	else
		text_puts(&out, "mail leaves over TLS if the server offers "
		    "it, with any certificate, and else in clear");
	json_object_set_new(q->l->all, "outcome", jsontext_cstring(memory));
}

/* "TLS_Rcpt:joe@x.example" of this domain, "TLS_Rcpt:joe@" of all. */
static bool
is_of_mailbox(void *arg, const struct stored_rule *rule)
{
	struct looking *l = arg;
	size_t at = rule->key.n;
	char buf[DOMAIN_TEXT_MAX];
	struct text domain;

	while (at > 0 && rule->key.p[at - 1] != '@')
		at--;
	text_init(&domain, buf, sizeof buf);
	(void)domain_canonical(slice_from(rule->key, at), &domain);
	if (at > 0 && slice_starts_nocase(rule->key, "TLS_Rcpt:") &&
	    (at == rule->key.n || strcmp(buf, l->domain) == 0))
		l->unasked = true;
	return !l->unasked;
}

/* Says which rules were not looked at, where there are some. */
static bool
note(struct looking *l, struct store_reader *reader)
{
	json_t *notes = json_array();
	bool good = true;

	if (l->address[0] == '\0') {
		json_array_append_new(notes, json_string("without the "
		    "server's address rules for addresses are not looked at"));
		l->unasked |= store_has_kind(reader, TAG_SRV, KEY_ADDRESS) ||
		    store_has_kind(reader, TAG_TRY, KEY_ADDRESS);
	}
	if (l->user[0] == '\0') {
		json_array_append_new(notes, json_string("without a recipient "
		    "rules for single mailboxes are not looked at"));
		good = l->unasked || store_each(reader, is_of_mailbox, l) ||
		    l->unasked;
	}
	json_object_set_new(l->all, "notes", notes);
	return good;
}

bool
outbound_look_sendmail(struct looking *l, struct fault *f)
{
	struct asked q = { .l = l };
	struct store_reader reader;
	struct store *store;
	char key[KEY_BYTES];

	if (!command_open_store(l->context, &store, &reader, f))
		return false;
	q.reader = &reader;
	json_object_set_new(l->all, "server", jsontext_cstring(l->host));
	json_object_set_new(l->all, "address", jsontext_cstring(l->address));
	json_object_set_new(l->all, "asked", json_array());
	if (!note(l, &reader)) {
		*f = reader.fault;
		command_close_store(store, &reader);
		return false;
	}
	ask_try_tls(&q);
	snprintf(key, sizeof key, "tlspolicy:tls_srv/%s/%s", l->host,
	    l->address);
	ask(&q, key, q.server);
	snprintf(key, sizeof key, "tlspolicy:tls_rcpt/%s@%s", l->user,
	    l->domain);
	ask(&q, key, q.rcpt);
	command_close_store(store, &reader);
	conclude(&q);
	return true;
}

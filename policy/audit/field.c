/*
 * The rows, and how a record has them.  States are computed once from the macro
 * tables: a record is formatted while a client waits.
 *
 * A field can carry most facts, but not all to the byte: JSON knows no bytes
 * that are not UTF-8, and a decoded name does not always tell how the MTA
 * spelt it.  Such facts are noted on the way and put in "raw" at the end.
 */
#include <pthread.h>

#include "policy/audit/record-internal.h"
#include "policy/facts/macro.h"

#define ROW(name, group, fact, kind, person) \
	{ name, ",\"" name "\":", sizeof(",\"" name "\":") - 1, group, fact, \
	    kind, person }

static const struct field fields[] = {
	ROW("node", FIELD_TOP, FACT_NODE, FIELD_TEXT, PERSON_NOBODY),
	ROW("mta", FIELD_TOP, FACT_MTA, FIELD_TEXT, PERSON_NOBODY),
	ROW("queue_id", FIELD_TOP, FACT_QUEUE_ID, FIELD_TEXT, PERSON_NOBODY),
	ROW("helo", FIELD_TOP, FACT_HELO, FIELD_TEXT, PERSON_HOST),
	ROW("from", FIELD_TOP, FACT_MAIL_ADDR, FIELD_MAILBOX, PERSON_MAILBOX),
	ROW("from_resolved", FIELD_TOP, FACT_MAIL_RESOLVED, FIELD_TEXT,
	    PERSON_MAILBOX),
	ROW("name", FIELD_CLIENT, FACT_CLIENT_NAME, FIELD_TEXT, PERSON_HOST),
	ROW("addr", FIELD_CLIENT, FACT_CLIENT_ADDR, FIELD_TEXT, PERSON_ADDRESS),
	ROW("resolve", FIELD_CLIENT, FACT_CLIENT_RESOLVE, FIELD_TEXT,
	    PERSON_NOBODY),
	ROW("port", FIELD_CLIENT, FACT_CLIENT_PORT, FIELD_NUMBER,
	    PERSON_NOBODY),
	ROW("name", FIELD_DAEMON, FACT_DAEMON_NAME, FIELD_TEXT, PERSON_NOBODY),
	ROW("port", FIELD_DAEMON, FACT_DAEMON_PORT, FIELD_NUMBER,
	    PERSON_NOBODY),
	ROW("addr", FIELD_DAEMON, FACT_DAEMON_ADDR, FIELD_TEXT, PERSON_NOBODY),
	ROW("id", FIELD_AUTH, FACT_AUTH_AUTHEN, FIELD_TEXT, PERSON_LOGIN),
	ROW("type", FIELD_AUTH, FACT_AUTH_TYPE, FIELD_TEXT, PERSON_NOBODY),
	ROW("ssf", FIELD_AUTH, FACT_AUTH_SSF, FIELD_NUMBER, PERSON_NOBODY),
	ROW("version", FIELD_TLS, FACT_TLS_VERSION, FIELD_TEXT, PERSON_NOBODY),
	ROW("cipher", FIELD_TLS, FACT_CIPHER, FIELD_TEXT, PERSON_NOBODY),
	ROW("bits", FIELD_TLS, FACT_CIPHER_BITS, FIELD_NUMBER, PERSON_NOBODY),
	ROW("verify", FIELD_TLS, FACT_VERIFY, FIELD_TEXT, PERSON_NOBODY),
	ROW("cn", FIELD_TLS, FACT_CN_SUBJECT, FIELD_TEXT, PERSON_CERTIFICATE),
	ROW("subject", FIELD_TLS, FACT_CERT_SUBJECT, FIELD_TEXT,
	    PERSON_CERTIFICATE),
	ROW("issuer", FIELD_TLS, FACT_CERT_ISSUER, FIELD_TEXT,
	    PERSON_CERTIFICATE),
	ROW("issuer_cn", FIELD_TLS, FACT_CN_ISSUER, FIELD_TEXT,
	    PERSON_CERTIFICATE),
	ROW("fingerprint", FIELD_TLS, FACT_FINGERPRINT, FIELD_TEXT,
	    PERSON_CERTIFICATE),
	ROW("key_fingerprint", FIELD_TLS, FACT_KEY_FINGERPRINT, FIELD_TEXT,
	    PERSON_CERTIFICATE),
	{ NULL, "", 0, FIELD_GROUPS, FACT_COUNT, FIELD_TEXT, PERSON_NOBODY }
};
#undef ROW

static const char *const group_names[FIELD_GROUPS] = {
	[FIELD_CLIENT] = "client",
	[FIELD_DAEMON] = "daemon",
	[FIELD_AUTH] = "auth",
	[FIELD_TLS] = "tls",
};

/* field_plain_byte: 16 bytes of the table in a row. */
const bool field_plain_byte[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool encoded[DIALECT_COUNT][FACT_COUNT];
static enum fact_state nothing[DIALECT_COUNT][FACT_COUNT];

static void
compute(void)
{
	for (int d = 0; d < DIALECT_COUNT; d++) {
		const struct macro *m = macro_table((enum dialect_id)d);

		for (int id = 0; id < FACT_COUNT; id++)
			nothing[d][id] = macro_told((enum dialect_id)d,
			    (enum fact_id)id) ? FACT_ABSENT : FACT_NOT_TOLD;
		for (; m->name != NULL; m++)
			encoded[d][m->fact] = m->xtext;
		if (dialect_row((enum dialect_id)d)->verify_from_names)
			nothing[d][FACT_VERIFY] = FACT_KNOWN;
	}
}

const struct field *
field_table(void)
{
	return fields;
}

const struct field *
field_group(enum field_group group)
{
	const struct field *f = fields;

	while (f->name != NULL && f->group != group)
		f++;
	return f;
}

const char *
field_group_name(enum field_group group)
{
	return group_names[group];
}

bool
field_is_encoded(enum dialect_id dialect, enum fact_id id)
{
	pthread_once(&once, compute);
	return encoded[dialect][id];
}

enum fact_state
field_state_when_nothing(enum dialect_id dialect, enum fact_id id)
{
	pthread_once(&once, compute);
	return nothing[dialect][id];
}

size_t
field_encode(struct slice value, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = out;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (field_plain_byte[c]) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '+';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	return (size_t)(p - out);
}

/* Would encoding `value` give `raw`?  See text_put_xencoded(). */
static bool
encodes_to(struct slice value, struct slice raw)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (field_plain_byte[c]) {
			if (at >= raw.n || raw.p[at++] != (char)c)
				return false;
			continue;
		}
		if (raw.n - at < 3 || raw.p[at] != '+' ||
		    raw.p[at + 1] != hex[c >> 4] || raw.p[at + 2] != hex[c & 15])
			return false;
		at += 3;
	}
	return at == raw.n;
}

static bool
raw_follows(const struct facts *facts, enum fact_id id)
{
	struct slice raw = facts_raw(facts, id), value = facts_value(facts, id);

	if (field_is_encoded(facts->dialect, id))
		return encodes_to(value, raw);
	return raw.p == value.p || slice_equal(raw, value);
}

/* Copied at a fixed length, which is faster than the right one. */
static void
put_intro(struct record *r, const struct field *f)
{
	struct jsonput *j = &r->out;

	if (j->end - j->p < FIELD_INTRO_MAX) {
		jsonput_slice(j, slice_make(f->intro, f->intro_n));
		return;
	}
	memcpy(j->p, f->intro, FIELD_INTRO_MAX);
	j->p += f->intro_n;
}

static void
put_fact(struct record *r, const struct field *f)
{
	struct slice value = facts_value(r->facts, f->fact);
	bool faithful = raw_follows(r->facts, f->fact);

	if (r->hiding != NULL && line_hides(r, f))
		return;
	if (f->kind == FIELD_MAILBOX)
		value = line_mailbox(value);
	if (f->kind == FIELD_NUMBER && jsonput_is_number(value))
		jsonput_slice(&r->out, value);
	else
		faithful &= jsonput_string(&r->out, value);
	if (!faithful)
		r->raw |= UINT64_C(1) << f->fact;
}

static void
put_field(struct record *r, const struct field *f)
{
	switch (r->facts->fact[f->fact].state) {
	case FACT_NOT_TOLD:
		break;
	case FACT_ABSENT:
		put_intro(r, f);
		PUT(r, "null");
		break;
	case FACT_KNOWN:
		put_intro(r, f);
		put_fact(r, f);
		break;
	}
}

void
field_put_top(struct record *r)
{
	const struct field *f = field_group(FIELD_TOP);

	for (; f->group == FIELD_TOP; f++)
		put_field(r, f);
}

/* A fact for which nothing is written: is it as it is when there is nothing? */
static void
check_unwritten(struct record *r, enum fact_id id)
{
	const struct facts *facts = r->facts;
	enum fact_state state = facts->fact[id].state;

	if (state != field_state_when_nothing(facts->dialect, id) ||
	    (state == FACT_KNOWN && !slice_is(facts_raw(facts, id), "NONE")))
		r->raw |= UINT64_C(1) << id;
}

static void
put_group(struct record *r, enum field_group group, bool null)
{
	const struct field *f = field_group(group);
	struct jsonput *out = &r->out;
	char *start;

	PUT(r, ",\"");
	line_words(r, field_group_name(group));
	PUT(r, "\":");
	if (null) {
		PUT(r, "null");
		for (; f->group == group; f++)
			check_unwritten(r, f->fact);
		return;
	}
	start = out->p;
	for (; f->group == group; f++)
		put_field(r, f);
	if (out->p == start)
		PUT(r, "{");
	else
		/* overwrites the comma that the first member brought */
		*start = '{';
	PUT(r, "}");
}

void
field_put_tls(struct record *r)
{
	const struct facts *facts = r->facts;

	if (facts_tls_told(facts))
		put_group(r, FIELD_TLS, facts_in_clear(facts));
}

void
field_put_groups(struct record *r)
{
	const struct facts *facts = r->facts;

	put_group(r, FIELD_CLIENT, false);
	put_group(r, FIELD_DAEMON, false);
	put_group(r, FIELD_AUTH, !facts_filled(facts, FACT_AUTH_AUTHEN) &&
	    !facts_filled(facts, FACT_AUTH_TYPE));
	field_put_tls(r);
	check_unwritten(r, FACT_SERVER_NAME);
	check_unwritten(r, FACT_SERVER_ADDR);
}

static void
put_raw_rcpts(struct record *r, bool resolved)
{
	PUT(r, "[");
	for (size_t i = 0; i < r->nrcpts; i++) {
		if (i > 0)
			PUT(r, ",");
		jsonput_hex(&r->out, resolved ? r->rcpts[i].resolved :
		    line_mailbox(r->rcpts[i].address));
	}
	PUT(r, "]");
}

/* Hex for the bytes of a known fact, null for absent, false for not told. */
static void
put_raw_fact(struct record *r, enum fact_id id)
{
	const struct facts *facts = r->facts;
	const struct field *f = field_table();

	while (f->name != NULL && f->fact != id)
		f++;
	if (facts->fact[id].state == FACT_KNOWN && f->name != NULL &&
	    r->hiding != NULL && line_hides(r, f))
		return;
	if (facts->fact[id].state == FACT_KNOWN)
		jsonput_hex(&r->out, id == FACT_MAIL_ADDR ?
		    line_mailbox(facts_raw(facts, id)) : facts_raw(facts, id));
	else if (facts->fact[id].state == FACT_ABSENT)
		PUT(r, "null");
	else
		PUT(r, "false");
}

void
field_put_raw(struct record *r)
{
	bool first = true;

	if (r->raw == 0)
		return;
	PUT(r, ",\"raw\":{");
	for (int id = 0; id < FACT_COUNT; id++) {
		if ((r->raw >> id & 1) == 0)
			continue;
		if (!first)
			PUT(r, ",");
		first = false;
		PUT(r, "\"");
		line_words(r, fact_name((enum fact_id)id));
		PUT(r, "\":");
		if (id == FACT_RCPT_ADDR || id == FACT_RCPT_RESOLVED)
			put_raw_rcpts(r, id == FACT_RCPT_RESOLVED);
		else
			put_raw_fact(r, (enum fact_id)id);
	}
	PUT(r, "}");
}

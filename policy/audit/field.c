/*
 * States are computed once from the macro tables: a record is formatted while
 * a client waits.
 */
#include <pthread.h>

#include "policy/audit/field.h"
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

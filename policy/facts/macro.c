/*
 * sendmail 8.17 and Postfix 3.7 were watched while they spoke to a milter.
 *
 * All TLS macros are asked for at MAIL: a client that sends no EHLO after
 * STARTTLS never triggers the HELO macros, and its session would look as if it
 * were in clear.  At MAIL both MTAs tell the state of the moment.
 *
 * Postfix sends the bare CN as {cert_subject} and {cert_issuer}, and only when
 * the chain was verified; it knows no {verify}.  One can be made up by its
 * administrator (milter_macro_defaults), so it must not be believed.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "policy/facts/macro.h"

static const struct macro sendmail_macros[] = {
	{ "v", FACT_MTA, MACRO_AT_MAIL, false },
	{ "j", FACT_NODE, MACRO_AT_MAIL, false },
	{ "i", FACT_QUEUE_ID, MACRO_AT_MAIL, false },
	{ "s", FACT_HELO, MACRO_BY_CALLBACK, false },
	{ "{client_name}", FACT_CLIENT_NAME, MACRO_AT_MAIL, false },
	{ "{client_addr}", FACT_CLIENT_ADDR, MACRO_AT_MAIL, false },
	{ "{client_resolve}", FACT_CLIENT_RESOLVE, MACRO_AT_MAIL, false },
	{ "{daemon_name}", FACT_DAEMON_NAME, MACRO_AT_MAIL, false },
	{ "{daemon_port}", FACT_DAEMON_PORT, MACRO_AT_MAIL, false },
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, false },
	{ "{tls_version}", FACT_TLS_VERSION, MACRO_AT_MAIL, false },
	{ "{cipher}", FACT_CIPHER, MACRO_AT_MAIL, false },
	{ "{cipher_bits}", FACT_CIPHER_BITS, MACRO_AT_MAIL, false },
	{ "{verify}", FACT_VERIFY, MACRO_AT_MAIL, false },
	{ "{cn_subject}", FACT_CN_SUBJECT, MACRO_AT_MAIL, true },
	{ "{cn_issuer}", FACT_CN_ISSUER, MACRO_AT_MAIL, true },
	{ "{cert_subject}", FACT_CERT_SUBJECT, MACRO_AT_MAIL, true },
	{ "{cert_issuer}", FACT_CERT_ISSUER, MACRO_AT_MAIL, true },
	{ "{cert_fp}", FACT_FINGERPRINT, MACRO_AT_MAIL, false },
	{ "{cert_md5}", FACT_FINGERPRINT, MACRO_AT_MAIL, false },
	{ "{auth_type}", FACT_AUTH_TYPE, MACRO_AT_MAIL, false },
	{ "{auth_authen}", FACT_AUTH_AUTHEN, MACRO_AT_MAIL, true },
	{ "{auth_ssf}", FACT_AUTH_SSF, MACRO_AT_MAIL, false },
	{ "{mail_addr}", FACT_MAIL_ADDR, MACRO_BY_CALLBACK, false },
	{ "{rcpt_addr}", FACT_RCPT_ADDR, MACRO_BY_CALLBACK, false },
	{ "{mail_resolved}", FACT_MAIL_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{rcpt_resolved}", FACT_RCPT_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{server_name}", FACT_SERVER_NAME, MACRO_OUTBOUND, false },
	{ "{server_addr}", FACT_SERVER_ADDR, MACRO_OUTBOUND, false },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, false }
};

static const struct macro postfix_macros[] = {
	{ "v", FACT_MTA, MACRO_AT_MAIL, false },
	{ "j", FACT_NODE, MACRO_AT_MAIL, false },
	{ "i", FACT_QUEUE_ID, MACRO_AT_EOM, false },
	{ "s", FACT_HELO, MACRO_BY_CALLBACK, false },
	{ "{client_name}", FACT_CLIENT_NAME, MACRO_AT_MAIL, false },
	{ "{client_addr}", FACT_CLIENT_ADDR, MACRO_AT_MAIL, false },
	{ "{daemon_name}", FACT_DAEMON_NAME, MACRO_AT_MAIL, false },
	{ "{daemon_port}", FACT_DAEMON_PORT, MACRO_AT_MAIL, false },
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, false },
	{ "{tls_version}", FACT_TLS_VERSION, MACRO_AT_MAIL, false },
	{ "{cipher}", FACT_CIPHER, MACRO_AT_MAIL, false },
	{ "{cipher_bits}", FACT_CIPHER_BITS, MACRO_AT_MAIL, false },
	{ "{cert_subject}", FACT_CN_SUBJECT, MACRO_AT_MAIL, false },
	{ "{cert_issuer}", FACT_CN_ISSUER, MACRO_AT_MAIL, false },
	{ "{auth_type}", FACT_AUTH_TYPE, MACRO_AT_MAIL, false },
	{ "{auth_authen}", FACT_AUTH_AUTHEN, MACRO_AT_MAIL, false },
	{ "{mail_addr}", FACT_MAIL_ADDR, MACRO_BY_CALLBACK, false },
	{ "{rcpt_addr}", FACT_RCPT_ADDR, MACRO_BY_CALLBACK, false },
	{ "{mail_resolved}", FACT_MAIL_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{rcpt_resolved}", FACT_RCPT_RESOLVED, MACRO_BY_CALLBACK, false },
	{ "{server_name}", FACT_SERVER_NAME, MACRO_OUTBOUND, false },
	{ "{server_addr}", FACT_SERVER_ADDR, MACRO_OUTBOUND, false },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, false }
};

/*
 * Macros that an MTA can send and that nothing here rests on.  Named so that
 * `tlspolicy check` can tell a macro it does not need from a misspelt one.
 */
static const char *const unused[] = { "_", "{addr_type}", "{alg_bits}",
	"{auth_author}", "{client_connections}", "{client_flags}",
	"{client_port}", "{client_ptr}", "{client_rate}", "{daemon_family}",
	"{daemon_flags}", "{daemon_info}", "{greylist}", "{if_addr}",
	"{if_name}", "{mail_host}", "{mail_mailer}", "{msg_id}", "{nbadrcpts}",
	"{nrcpts}", "{ntries}", "{rcpt_host}", "{rcpt_mailer}", "{tls_sni}",
	"{total_rate}", NULL };

const struct macro *
macro_table(enum dialect_id dialect)
{
	return dialect == DIALECT_POSTFIX ? postfix_macros : sendmail_macros;
}

enum dialect_id
macro_dialect(struct slice v)
{
	return slice_starts_nocase(v, "Postfix") ? DIALECT_POSTFIX :
	    DIALECT_SENDMAIL;
}

static bool
asked_by_sendmail_row(const char *name, enum macro_stage stage)
{
	for (const struct macro *m = sendmail_macros; m->name != NULL; m++)
		if (m->stage == stage && strcmp(m->name, name) == 0)
			return true;
	return false;
}

void
macro_list(enum macro_stage stage, struct text *out)
{
	for (const struct macro *m = sendmail_macros; m->name != NULL; m++)
		if (m->stage == stage)
			text_printf(out, "%s%s", out->n > 0 ? " " : "",
			    m->name);
	for (const struct macro *m = postfix_macros; m->name != NULL; m++)
		if (m->stage == stage && !asked_by_sendmail_row(m->name, stage))
			text_printf(out, "%s%s", out->n > 0 ? " " : "",
			    m->name);
}

/* "{verify}" is spelt verify on the command line, "i" is spelt i. */
static bool
named(const char *macro, struct slice name)
{
	size_t n = strlen(macro);

	if (macro[0] == '{')
		return slice_equal(name, slice_make(macro + 1, n - 2));
	return slice_is(name, macro);
}

static const struct macro *
find_row(enum dialect_id dialect, struct slice name)
{
	for (const struct macro *m = macro_table(dialect); m->name != NULL; m++)
		if (named(m->name, name))
			return m;
	return NULL;
}

/* A bit for each fact that the dialect's table has; asked for each message. */
static uint64_t
told(enum dialect_id dialect)
{
	static _Atomic uint64_t known[DIALECT_COUNT];
	uint64_t bits = atomic_load_explicit(&known[dialect],
	    memory_order_relaxed);

	if (bits != 0)
		return bits;
	bits = UINT64_C(1) << FACT_VERIFY; /* Postfix: derived */
	for (const struct macro *m = macro_table(dialect); m->name != NULL; m++)
		bits |= UINT64_C(1) << m->fact;
	atomic_store_explicit(&known[dialect], bits, memory_order_relaxed);
	return bits;
}

enum macro_set
macro_set(struct facts *f, struct slice name, struct slice value)
{
	const struct macro *m = find_row(f->dialect, name);

	if (m != NULL) {
		if (facts_known(f, m->fact))
			return MACRO_SET;
		return facts_set(f, m->fact, value, m->xtext) ? MACRO_SET :
		    MACRO_NO_MEMORY;
	}
	for (int d = 0; d < DIALECT_COUNT; d++)
		if (find_row((enum dialect_id)d, name) != NULL)
			return MACRO_IGNORED;
	for (const char *const *u = unused; *u != NULL; u++)
		if (named(*u, name))
			return MACRO_IGNORED;
	return MACRO_UNKNOWN;
}

bool
macro_told(enum dialect_id dialect, enum fact_id id)
{
	return (told(dialect) >> id & 1) != 0;
}

static bool
derive_verify(struct facts *f)
{
	const char *word = "NONE";

	if (facts_known(f, FACT_CN_SUBJECT) || facts_known(f, FACT_CN_ISSUER))
		word = "OK";
	else if (facts_filled(f, FACT_CIPHER) ||
	    facts_filled(f, FACT_TLS_VERSION))
		word = "NO-OR-FAIL";
	return facts_set(f, FACT_VERIFY, slice_of(word), false);
}

/*
 * Postfix says "unknown", sendmail "[ADDR]": one way to write rules for it.
 * Without an address it is no name at all.
 */
static bool
bracket_unknown_client(struct facts *f)
{
	char name[NETADDR_TEXT_MAX + 2];
	struct netaddr addr;
	struct text out;

	if (!slice_is(facts_value(f, FACT_CLIENT_NAME), "unknown"))
		return true;
	if (!facts_address(f, false, &addr)) {
		facts_set_state(f, FACT_CLIENT_NAME, FACT_ABSENT);
		return true;
	}
	text_init(&out, name, sizeof name);
	text_char(&out, '[');
	text_put(&out, facts_value(f, FACT_CLIENT_ADDR));
	text_char(&out, ']');
	return facts_set(f, FACT_CLIENT_NAME, slice_make(out.buf, out.n),
	    false);
}

bool
macro_finish(struct facts *f)
{
	uint64_t untold = ~told(f->dialect);

	if (f->dialect != DIALECT_POSTFIX)
		return true; /* sendmail tells all there is */
	for (int id = 0; id < FACT_COUNT; id++)
		if ((untold >> id & 1) != 0)
			facts_set_state(f, (enum fact_id)id, FACT_NOT_TOLD);
	return derive_verify(f) && bracket_unknown_client(f);
}

/*
 * Facts are set once for each message, all of them, from the macros that the
 * MTA sent at MAIL: nothing of an earlier message or of the time before
 * STARTTLS can be left over.
 */
#include "policy/facts/facts.h"

enum { FACTS_CHUNK = 4096 };

static const char *const names[FACT_COUNT] = {
	[FACT_MTA] = "v",
	[FACT_NODE] = "j",
	[FACT_QUEUE_ID] = "i",
	[FACT_HELO] = "s",
	[FACT_CLIENT_NAME] = "client_name",
	[FACT_CLIENT_ADDR] = "client_addr",
	[FACT_CLIENT_RESOLVE] = "client_resolve",
	[FACT_CLIENT_PORT] = "client_port",
	[FACT_SERVER_NAME] = "server_name",
	[FACT_SERVER_ADDR] = "server_addr",
	[FACT_DAEMON_NAME] = "daemon_name",
	[FACT_DAEMON_PORT] = "daemon_port",
	[FACT_DAEMON_ADDR] = "daemon_addr",
	[FACT_TLS_VERSION] = "tls_version",
	[FACT_CIPHER] = "cipher",
	[FACT_CIPHER_BITS] = "cipher_bits",
	[FACT_VERIFY] = "verify",
	[FACT_CN_SUBJECT] = "cn_subject",
	[FACT_CN_ISSUER] = "cn_issuer",
	[FACT_CERT_SUBJECT] = "cert_subject",
	[FACT_CERT_ISSUER] = "cert_issuer",
	[FACT_FINGERPRINT] = "cert_fp",
	[FACT_KEY_FINGERPRINT] = "pubkey_fp",
	[FACT_AUTH_TYPE] = "auth_type",
	[FACT_AUTH_AUTHEN] = "auth_authen",
	[FACT_AUTH_SSF] = "auth_ssf",
	[FACT_MAIL_ADDR] = "mail_addr",
	[FACT_RCPT_ADDR] = "rcpt_addr",
	[FACT_MAIL_RESOLVED] = "mail_resolved",
	[FACT_RCPT_RESOLVED] = "rcpt_resolved",
	[FACT_HEADER_FROM] = "header_from",
	[FACT_HEADER_FLAW] = "header_from_flaw",
};

static const char *const verify_words[VERIFY_COUNT] = {
	[VERIFY_EMPTY] = "",
	[VERIFY_OK] = "OK",
	[VERIFY_TRUSTED] = "TRUSTED",
	[VERIFY_NO] = "NO",
	[VERIFY_NOT] = "NOT",
	[VERIFY_FAIL] = "FAIL",
	[VERIFY_NONE] = "NONE",
	[VERIFY_CLEAR] = "CLEAR",
	[VERIFY_TEMP] = "TEMP",
	[VERIFY_PROTOCOL] = "PROTOCOL",
	[VERIFY_CONFIG] = "CONFIG",
	[VERIFY_SOFTWARE] = "SOFTWARE",
	[VERIFY_DANE_FAIL] = "DANE_FAIL",
	[VERIFY_NO_OR_FAIL] = "NO-OR-FAIL",
};

void
facts_init(struct facts *f, enum dialect_id dialect)
{
	arena_init(&f->memory, FACTS_CHUNK);
	facts_reset(f, dialect);
}

void
facts_reset(struct facts *f, enum dialect_id dialect)
{
	arena_reset(&f->memory);
	f->dialect = dialect;
	for (int id = 0; id < FACT_COUNT; id++)
		facts_set_state(f, (enum fact_id)id, FACT_ABSENT);
	/* Not told unless the MTA resolves the address to another one. */
	facts_set_state(f, FACT_MAIL_RESOLVED, FACT_NOT_TOLD);
	facts_set_state(f, FACT_RCPT_RESOLVED, FACT_NOT_TOLD);
	/* Not told unless the header was looked at. */
	facts_set_state(f, FACT_HEADER_FROM, FACT_NOT_TOLD);
	facts_set_state(f, FACT_HEADER_FLAW, FACT_NOT_TOLD);
}

void
facts_free(struct facts *f)
{
	arena_free(&f->memory);
}

static bool
decode(struct facts *f, struct slice raw, struct slice *value)
{
	char *memory = arena_alloc(&f->memory, raw.n + 1);
	struct text decoded;

	if (memory == NULL)
		return false;
	text_init(&decoded, memory, raw.n + 1);
	text_put_xdecoded(&decoded, raw);
	*value = slice_make(decoded.buf, decoded.n);
	return true;
}

static enum verify
read_verify(struct slice word)
{
	for (int v = 0; v < VERIFY_OTHER; v++)
		if (slice_is_nocase(word, verify_words[v]))
			return (enum verify)v;
	return VERIFY_OTHER;
}

bool
facts_set(struct facts *f, enum fact_id id, struct slice raw, bool xtext)
{
	struct fact *fact = &f->fact[id];
	struct slice copy = arena_copy(&f->memory, raw), value = copy;

	if (copy.p == NULL)
		return false;
	if (xtext && slice_find(copy, '+') < copy.n)
		if (!decode(f, copy, &value))
			return false;
	fact->state = FACT_KNOWN;
	fact->raw = copy;
	fact->value = value;
	if (id == FACT_VERIFY)
		f->verify = read_verify(value);
	return true;
}

void
facts_set_state(struct facts *f, enum fact_id id, enum fact_state state)
{
	f->fact[id].state = state;
	f->fact[id].raw = f->fact[id].value = slice_make("", 0);
	if (id == FACT_VERIFY)
		f->verify = VERIFY_NONE;
}

struct slice
facts_value(const struct facts *f, enum fact_id id)
{
	return f->fact[id].value;
}

struct slice
facts_raw(const struct facts *f, enum fact_id id)
{
	return f->fact[id].raw;
}

bool
facts_known(const struct facts *f, enum fact_id id)
{
	return f->fact[id].state == FACT_KNOWN;
}

bool
facts_absent(const struct facts *f, enum fact_id id)
{
	return f->fact[id].state == FACT_ABSENT;
}

bool
facts_filled(const struct facts *f, enum fact_id id)
{
	return f->fact[id].value.n > 0;
}

unsigned
facts_number(const struct facts *f, enum fact_id id)
{
	struct slice s = facts_value(f, id);
	unsigned value = 0;

	for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		value = value * 10 + (unsigned)(s.p[i] - '0');
		if (value > 65535)
			return 65535;
	}
	return value;
}

unsigned
facts_bits(const struct facts *f)
{
	unsigned cipher = facts_number(f, FACT_CIPHER_BITS);
	unsigned ssf = facts_number(f, FACT_AUTH_SSF);

	return cipher > ssf ? cipher : ssf;
}

enum verify
facts_verify(const struct facts *f)
{
	return f->verify;
}

struct slice
facts_verify_word(const struct facts *f)
{
	return facts_known(f, FACT_VERIFY) ? facts_value(f, FACT_VERIFY) :
	    slice_of(verify_words[VERIFY_NONE]);
}

bool
facts_verified(const struct facts *f)
{
	enum verify verify = facts_verify(f);

	return verify == VERIFY_OK || verify == VERIFY_TRUSTED;
}

bool
facts_in_clear(const struct facts *f)
{
	enum verify verify = facts_verify(f);

	return !facts_filled(f, FACT_CIPHER) &&
	    !facts_filled(f, FACT_TLS_VERSION) &&
	    facts_number(f, FACT_CIPHER_BITS) == 0 &&
	    (verify == VERIFY_NONE || verify == VERIFY_EMPTY ||
	    verify == VERIFY_CLEAR);
}

bool
facts_tls_told(const struct facts *f)
{
	for (int id = FACT_TLS_VERSION; id <= FACT_FINGERPRINT; id++)
		if (f->fact[id].state != FACT_NOT_TOLD)
			return true;
	return false;
}

bool
facts_address(const struct facts *f, bool server, struct netaddr *addr)
{
	return netaddr_parse(facts_value(f,
	    server ? FACT_SERVER_ADDR : FACT_CLIENT_ADDR), addr);
}

const char *
fact_name(enum fact_id id)
{
	return names[id];
}

bool
fact_by_name(struct slice name, enum fact_id *id)
{
	for (int i = 0; i < FACT_COUNT; i++)
		if (slice_is(name, names[i])) {
			*id = (enum fact_id)i;
			return true;
		}
	return false;
}

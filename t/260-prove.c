/*
 * prove against brute force: policies and claims put together by chance, and a
 * list of sessions each judged as a whole.  What is said to hold may be broken
 * by no session of the list, nor on an earlier day than the one that is told; and
 * the counterexample of what is false has to be one.
 *
 * What a claim means is read here a second time, from its words, by comparing
 * strings.  TLSPOLICY_POLICIES and TLSPOLICY_SEED make other runs.
 */
#include <stdio.h>
#include <string.h>

#include "policy/facts/macro.h"
#include "policy/facts/suite.h"
#include "policy/prove/claims.h"
#include "policy/prove/prove.h"
#include "policy/prove/report.h"
#include "policy/store/rebuild.h"
#include "t/unit.h"

enum { POLICIES = 60, CLAIMS = 10, TLS_KINDS = 48, RULES_MAX = 9, DAY = 86400 };

/* 2026-11-29; rules begin and end around the days of the list below. */
enum { TODAY = 20786 };

static uint64_t seed = 7;

static unsigned
chance(unsigned n)
{
	return unit_random(&seed) % n;
}

#define ONE_OF(list) list[chance(UNIT_COUNT(list))]

/* Name, address, and {client_resolve} where it is neither OK nor FAIL. */
static const char *const clients[][3] = {
	{ "z.zone", "198.51.100.9" }, { "a.test", "198.51.100.9" },
	{ "m.a.test", "192.0.2.1" }, { "x.m.a.test", "192.0.2.200" },
	{ "b.test", "10.0.0.1" }, { "z.zone", "192.0.2.1" },
	{ "z.zone", "192.0.2.200" }, { "z.zone", "10.0.0.1" },
	{ "[192.0.2.1]", "192.0.2.1" }, { "[192.0.2.200]", "192.0.2.200" },
	{ "[198.51.100.9]", "198.51.100.9" }, { "m.a.test", "2001:db8::5" },
	{ "[2001:db8::5]", "2001:db8::5" },
	/* Only sendmail has these. */
	{ "m.a.test", "192.0.2.1", "FORGED" }, { "b.test", "10.0.0.1", "TEMP" },
	{ "z.zone", "192.0.2.200", "FORGED" }, { "z.zone", "10.0.0.1", "TEMP" },
	{ "[192.0.2.200]", "192.0.2.200", "TEMP" },
};
static const char *const mails[] = { "z@a.test", "u@a.test", "u+t@a.test",
	"z@s.a.test", "u@c.test", "z@b.test", "z@c.test", "<>", "u+t@c.test",
	"u@b.test" };
static const char *const logins[] = { "", "joe", "ann" };
static const char *const listeners[][2] = { { "MTA", "25" }, { "MTA", "587" },
	{ "X", "25" }, { "X", "587" } };
static const int days[] = { TODAY, TODAY + 1, 20850, 20883, 20884, 20914,
	20915, 21000 };

static const char *const keys[][12] = {
	[TAG_DAEMON] = { "MTA", "587", "", NULL },
	[TAG_CLT] = { "a.test", ".a.test", "m.a.test", "b.test",
	    "192.0.2.0/24", "192.0.2.128/25", "[192.0.2]", "",
	    "2001:db8::/32", "10.0.0.0/8", NULL },
	[TAG_AUTH] = { "joe", "", NULL },
	[TAG_FROM] = { "a.test", ".a.test", "u@a.test", "u@", "u+*@a.test",
	    "<>", "", "b.test", "u+t@", NULL },
	[TAG_TO] = { "a.test", "u@a.test", "u@", "s.a.test", "", "c.test",
	    NULL },
	[TAG_HEADER] = { "a.test", ".a.test", "u@a.test", "u+*@a.test", "u@",
	    "", "c.test", NULL },
};

static const char *const classes[] = { "", "", "PERM+", "TEMP+", "HOLD+",
	"WARN+" };
static const char *const needs[] = { "VERIFY", "VERIFY:128", "ENCR:1",
	"ENCR:112", "ENCR:128", "ENCR:256", "ENCR:0", "VERIFY" };
static const char *const items[] = { "CN", "CN:m.a.test", "CN:*.a.test",
	"CN:.test", "ICN:ca", "CS:/CN=s", "CI:/CN=i", "CITag:MyCA",
	"FP:00112233445566778899aabbccddeeff", "VER:1.2", "VER:1.3", "PFS",
	"AEAD", "AUTHENTICATED", "CIPHER:AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384",
	"VER:1.0", "PKFP:FF112233445566778899aabbccddeeff", "CLIENT:b.test",
	"CLIENT:.a.test", "CLIENT:192.0.2.0/24", "CLIENT:[192.0.2]" };
static const char *const whens[] = { "WHEN:192.0.2.128/25", "WHEN:m.a.test",
	"WHEN:.a.test++WHEN:10.0.0.1", "WHEN:[192.0.2.0/24]", "WHEN:b.test" };
static const char *const dates[] = { "FROM:2027-02-01", "UNTIL:2027-03-06",
	"FROM:2027-03-06++UNTIL:2027-04-06", "UNTIL:2026-11-29" };

static void
put_requirement(struct text *out, bool dated)
{
	unsigned n = chance(3), when = dated ? chance(3) : 0;
	const char *join = "+";

	if (!dated && chance(6) == 0) {
		text_puts(out, "OK");
		return;
	}
	text_printf(out, "%s%s", ONE_OF(classes), ONE_OF(needs));
	for (unsigned i = 0; i < n; i++, join = "++")
		text_printf(out, "%s%s", join, ONE_OF(items));
	if (when > 0)
		text_printf(out, "%s%s", join, ONE_OF(whens));
	if (dated && when < 2)
		text_printf(out, "%s%s", when > 0 ? "++" : join,
		    ONE_OF(dates));
	text_char(out, '\n');
}

/* Rules of a few tags; of each key some dated lines, then one without dates. */
static void
put_policy(struct text *out, const bool tags[CLAIM_TAGS])
{
	for (int tag = 0; tag < CLAIM_TAGS; tag++)
		for (int k = 0; tags[tag] && keys[tag][k] != NULL; k++) {
			unsigned dated = chance(2) == 0 ? 1 + chance(2) : 0;

			if (chance(5) < 2)
				continue;
			for (unsigned i = 0; i <= dated; i++) {
				text_printf(out, "%s:%s ", tag_row(
				    (enum tag)tag)->name, keys[tag][k]);
				put_requirement(out, i < dated);
				if (out->buf[out->n - 1] != '\n')
					text_char(out, '\n');
			}
		}
	text_puts(out, "MyCA:/CN=i OK\nMyCA:/CN=j OK\n");
}

/* What stands in for a session: words as an MTA sends them. */
struct tls {
	enum dialect_id mta;
	const char *version, *cipher, *verify;
	unsigned bits, ssf;
	bool verified;
	const char *cn, *icn, *subject, *issuer; /* cn "=": the client's */
	const char *fp, *pkfp;
};

static void
any_tls(struct tls *t)
{
	static const struct { const char *version, *cipher; } pairs[] = {
		{ "TLSv1.3", "TLS_AES_256_GCM_SHA384" },
		{ "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384" },
		{ "TLSv1.2", "AES128-SHA" }, { "TLSv1.1", "AES128-SHA" },
		{ "TLSv1", "AES256-SHA" }, { "TLSv1", "ADH-AES256-SHA" },
		{ "TLSv1.2", "ADH-AES256-GCM-SHA384" },
		{ "TLSv1.2", "ECDHE-RSA-AES256-SHA" },
		{ "TLSv1.7", "NEVER-HEARD-OF" }, { "TLSv1.2", "ODD-SUITE" },
	};
	static const unsigned bits[] = { 0, 1, 40, 100, 112, 113, 127, 128, 129,
		200, 255, 256, 257 };
	static const char *const cns[] = { "zz", "m.a.test", "k.a.test",
		"k.k.a.test", "=", "a.test", "test", NULL };
	unsigned pair = chance(UNIT_COUNT(pairs));

	*t = (struct tls){ .mta = (enum dialect_id)chance(DIALECT_COUNT) };
	if (chance(6) == 0) {
		if (t->mta == DIALECT_SENDMAIL && chance(3) == 0)
			t->verify = chance(2) == 0 ? "TEMP" : "SOFTWARE";
		if (t->mta == DIALECT_SENDMAIL && t->verify == NULL &&
		    chance(2) == 0)
			t->ssf = ONE_OF(bits);
		return;
	}
	t->version = pairs[pair].version;
	t->cipher = pairs[pair].cipher;
	t->bits = ONE_OF(bits);
	t->verified = chance(3) > 0;
	t->cn = ONE_OF(cns);
	t->icn = chance(2) == 0 ? "ca" : "no";
	t->subject = chance(2) == 0 ? "/CN=s" : "/CN=t";
	t->issuer = chance(3) == 0 ? "/CN=i" : chance(2) == 0 ? "/CN=j" :
	    "/CN=k";
	t->fp = chance(2) == 0 ? "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	    : "01";
	t->pkfp = chance(2) == 0 ? "FF112233445566778899aabbccddeeff" : "01";
	if (t->mta == DIALECT_POSTFIX && chance(3) == 0)
		t->fp = NULL; /* without a facts feed */
	if (t->mta == DIALECT_SENDMAIL || chance(3) == 0)
		t->pkfp = NULL;
	t->verify = t->verified ? "OK" : chance(2) == 0 ? "FAIL" : "NO";
	if (t->mta == DIALECT_POSTFIX && !t->verified)
		t->cn = t->icn = NULL;
	if (t->mta == DIALECT_POSTFIX && t->verified && t->cn == NULL)
		t->cn = "zz";
}

struct session {
	const struct tls *tls;
	unsigned client, from, to, login, listener, day, header;
};

static void
put(struct facts *facts, enum fact_id id, const char *value)
{
	if (value != NULL)
		assert_true(facts_set(facts, id, slice_of(value), false));
}

static const char *
resolve_of(unsigned client)
{
	if (clients[client][2] != NULL)
		return clients[client][2];
	return clients[client][0][0] == '[' ? "FAIL" : "OK";
}

static void
fill(struct facts *facts, const struct session *s)
{
	const struct tls *t = s->tls;
	char bits[12];

	facts_reset(facts, t->mta);
	put(facts, FACT_MTA, "");
	put(facts, FACT_NODE, "");
	put(facts, FACT_CLIENT_NAME, clients[s->client][0]);
	put(facts, FACT_CLIENT_ADDR, clients[s->client][1]);
	put(facts, FACT_DAEMON_NAME, listeners[s->listener][0]);
	put(facts, FACT_DAEMON_PORT, listeners[s->listener][1]);
	put(facts, FACT_MAIL_ADDR, mails[s->from]);
	put(facts, FACT_RCPT_ADDR, mails[s->to]);
	put(facts, FACT_HEADER_FROM, mails[s->header]);
	put(facts, FACT_TLS_VERSION, t->version);
	put(facts, FACT_CIPHER, t->cipher);
	snprintf(bits, sizeof bits, "%u", t->bits);
	put(facts, FACT_CIPHER_BITS, t->cipher != NULL ? bits : NULL);
	put(facts, FACT_CN_SUBJECT, t->cn != NULL && t->cn[0] == '=' ?
	    clients[s->client][0] : t->cn);
	put(facts, FACT_CN_ISSUER, t->icn);
	if (s->login > 0) {
		put(facts, FACT_AUTH_TYPE, "PLAIN");
		put(facts, FACT_AUTH_AUTHEN, logins[s->login]);
	}
	put(facts, FACT_FINGERPRINT, t->fp);
	put(facts, FACT_KEY_FINGERPRINT, t->pkfp);
	if (t->mta == DIALECT_SENDMAIL) {
		put(facts, FACT_CLIENT_RESOLVE, resolve_of(s->client));
		put(facts, FACT_VERIFY, t->verify);
		put(facts, FACT_CERT_SUBJECT, t->subject);
		put(facts, FACT_CERT_ISSUER, t->issuer);
		snprintf(bits, sizeof bits, "%u", t->ssf);
		if (s->login > 0 && t->ssf > 0)
			put(facts, FACT_AUTH_SSF, bits);
	}
	assert_true(macro_finish(facts));
}

static enum claim_level
level(const struct verdict *v)
{
	return v->kind == VERDICT_ACCEPT ? LEVEL_ACCEPTED :
	    v->kind == VERDICT_HOLD ? LEVEL_HELD : LEVEL_REFUSED;
}

/* MAIL, RCPT, and the header where it comes to that: the whole session. */
static enum claim_level
judge(struct store_reader *reader, const struct facts *facts,
    const struct settings *settings, int day)
{
	static struct verdict mail, rcpt, header;
	const struct verdict *came = &mail;
	struct eval_options options;
	struct question q = { .scope = EVAL_MAIL, .facts = facts,
		.options = &options, .now = (int64_t)day * DAY + 77,
		.reader = reader };

	settings_eval_options(settings, &options);
	options.monitor = false;
	q.exempt = settings_exempt(settings, facts);
	eval_session(&q, &mail);
	if (verdict_refuses(mail.kind))
		return LEVEL_REFUSED;
	q.scope = EVAL_RCPT;
	eval_session(&q, &rcpt);
	if (verdict_refuses(rcpt.kind))
		return LEVEL_REFUSED;
	if (rcpt.kind == VERDICT_HOLD)
		came = &rcpt;
	q.scope = EVAL_HEADER;
	eval_session(&q, &header);
	return level(header.kind == VERDICT_ACCEPT ? came : &header);
}

/* Claims, in words that are understood again below. */

static const char *const conditions[] = { "in clear", "encrypted",
	"unverified", "verified", "bits below 112", "bits below 128",
	"bits at least 128", "bits at least 256", "below TLS 1.2",
	"at least TLS 1.2", "without PFS", "with PFS", "without AEAD",
	"with AEAD", "anonymous", "not anonymous", "not exempt",
	"without auth", "under sendmail", "under Postfix", "on 2027-03-06",
	"since 2027-02-01", "until 2027-04-06" };
static const char *const verdicts[] = { "never accepted", "never held",
	"never refused", "always accepted", "always held", "always refused",
	"always verified", "always encrypted", "always encrypted 128" };

struct wanted {
	char who[CLAIM_TAGS][32]; /* "": not given */
	const char *conditions[3];
	unsigned nconditions;
	const char *verdict;
};

static const char *const tag_words[CLAIM_TAGS] = { [TAG_DAEMON] = "daemon",
	[TAG_CLT] = "client", [TAG_AUTH] = "auth", [TAG_FROM] = "from",
	[TAG_TO] = "to", [TAG_HEADER] = "header" };

static void
any_claim(struct wanted *w, struct text *out)
{
	memset(w, 0, sizeof *w);
	for (int tag = 0; tag < CLAIM_TAGS; tag++) {
		unsigned n = 0;

		while (keys[tag][n] != NULL)
			n++;
		if (chance(tag == TAG_AUTH || tag == TAG_DAEMON ? 8 : 3) > 0)
			continue;
		snprintf(w->who[tag], sizeof w->who[tag], "%s",
		    keys[tag][chance(n)]);
		if (w->who[tag][0] != '\0')
			text_printf(out, "%s %s ", tag_words[tag],
			    w->who[tag]);
	}
	for (unsigned i = chance(3); i > 0; i--) {
		const char *c = ONE_OF(conditions);

		if (w->who[TAG_AUTH][0] != '\0' && strstr(c, "auth") != NULL)
			continue;
		w->conditions[w->nconditions++] = c;
		text_printf(out, "%s%s ", chance(2) == 0 && out->n > 0 ?
		    "and " : "", c);
	}
	w->verdict = ONE_OF(verdicts);
	text_printf(out, "%s%s", chance(2) == 0 ? "is " : "", w->verdict);
}

/* `name` is `wanted` or below it; ".wanted": only below. */
static bool
is_in(const char *name, const char *wanted)
{
	size_t n = strlen(name), m = strlen(wanted);

	if (m > 0 && wanted[0] == '.')
		return n > m && strcmp(name + n - m, wanted) == 0;
	return strcmp(name, wanted) == 0 || (n > m &&
	    name[n - m - 1] == '.' && strcmp(name + n - m, wanted) == 0);
}

static bool
client_is(unsigned client, const char *wanted)
{
	const char *name = clients[client][0], *address = clients[client][1];

	if (wanted[0] == '[')
		return strncmp(name, "[192.0.2.", 9) == 0;
	if (strcmp(wanted, "192.0.2.0/24") == 0)
		return strncmp(address, "192.0.2.", 8) == 0;
	if (strcmp(wanted, "192.0.2.128/25") == 0)
		return strcmp(address, "192.0.2.200") == 0;
	if (strcmp(wanted, "10.0.0.0/8") == 0)
		return strncmp(address, "10.", 3) == 0;
	if (strchr(wanted, '/') != NULL)
		return strncmp(address, "2001:db8:", 9) == 0;
	return is_in(name, wanted);
}

static bool
mail_is(const char *mail, const char *wanted)
{
	const char *at = strchr(mail, '@'), *want = strchr(wanted, '@');
	const char *plus;
	char user[32];

	if (at == NULL || strcmp(wanted, "<>") == 0)
		return strcmp(mail, wanted) == 0;
	if (want == NULL)
		return is_in(at + 1, wanted);
	if (want[1] != '\0' && strcmp(at, want) != 0)
		return false;
	snprintf(user, sizeof user, "%.*s", (int)(at - mail), mail);
	plus = strchr(user, '+');
	if (strncmp(wanted, "u+*@", 4) == 0)
		return plus != NULL && user[0] == 'u';
	if (strncmp(wanted, "u+t@", 4) == 0)
		return strcmp(user, "u+t") == 0;
	return user[0] == 'u' && (user[1] == '\0' || user[1] == '+');
}

static bool
is_meant(const struct wanted *w, const struct session *s)
{
	const char *who;

	if ((who = w->who[TAG_CLT])[0] != '\0' && !client_is(s->client, who))
		return false;
	if ((who = w->who[TAG_FROM])[0] != '\0' && !mail_is(mails[s->from], who))
		return false;
	if ((who = w->who[TAG_TO])[0] != '\0' && !mail_is(mails[s->to], who))
		return false;
	if ((who = w->who[TAG_HEADER])[0] != '\0' &&
	    !mail_is(mails[s->header], who))
		return false;
	if ((who = w->who[TAG_AUTH])[0] != '\0' &&
	    strcmp(logins[s->login], who) != 0)
		return false;
	who = w->who[TAG_DAEMON];
	return who[0] == '\0' || strcmp(listeners[s->listener][0], who) == 0 ||
	    strcmp(listeners[s->listener][1], who) == 0;
}

static unsigned
bits_of(const struct session *s)
{
	unsigned ssf = s->login > 0 && s->tls->mta == DIALECT_SENDMAIL ?
	    s->tls->ssf : 0;
	unsigned bits = s->tls->cipher != NULL ? s->tls->bits : 0;

	return bits > ssf ? bits : ssf;
}

static int
version_of(const struct tls *t)
{
	static const char *const known[] = { "TLSv1", "TLSv1.1", "TLSv1.2",
		"TLSv1.3" };

	for (int i = 0; t->version != NULL && i < 4; i++)
		if (strcmp(t->version, known[i]) == 0)
			return 10 + i;
	return 0;
}

/* These suites, and no others of the list, give it. */
static bool
has(const struct tls *t, const char *what)
{
	const char *c = t->cipher;

	if (c == NULL || strstr(c, "NEVER") != NULL || strstr(c, "ODD") != NULL)
		return false;
	if (strncmp(c, "ADH-", 4) == 0)
		return false;
	if (strcmp(what, "PFS") == 0)
		return strncmp(c, "ECDHE", 5) == 0 || strncmp(c, "TLS_", 4) == 0;
	return strcmp(what, "AEAD") != 0 || strstr(c, "GCM") != NULL;
}

static bool
condition_holds(const char *c, const struct session *s, bool exempt)
{
	const struct tls *t = s->tls;
	int day = days[s->day];

	if (strcmp(c, "in clear") == 0 || strcmp(c, "encrypted") == 0)
		return (t->cipher == NULL && bits_of(s) == 0) == (c[0] == 'i');
	if (strcmp(c, "unverified") == 0 || strcmp(c, "verified") == 0)
		return t->verified == (c[0] == 'v');
	if (strncmp(c, "bits below", 10) == 0)
		return bits_of(s) < (unsigned)atoi(c + 11);
	if (strncmp(c, "bits at least", 13) == 0)
		return bits_of(s) >= (unsigned)atoi(c + 14);
	if (strstr(c, "TLS 1.2") != NULL)
		return (version_of(t) >= 12) == (c[0] == 'a');
	if (strstr(c, "PFS") != NULL)
		return has(t, "PFS") == (c[4] == ' ');
	if (strstr(c, "AEAD") != NULL)
		return has(t, "AEAD") == (c[4] == ' ');
	if (strstr(c, "anonymous") != NULL)
		return has(t, "") == (c[0] == 'n');
	if (strcmp(c, "not exempt") == 0)
		return !exempt;
	if (strcmp(c, "without auth") == 0)
		return s->login == 0;
	if (strncmp(c, "under", 5) == 0)
		return (t->mta == DIALECT_POSTFIX) == (c[6] == 'P');
	if (strncmp(c, "on ", 3) == 0)
		return day == 20883;
	return strncmp(c, "since", 5) == 0 ? day >= 20850 : day <= 20914;
}

/* Whether the session breaks the claim. */
static bool
breaks(const struct wanted *w, const struct session *s, enum claim_level came,
    bool exempt)
{
	const char *v = w->verdict;

	if (!is_meant(w, s))
		return false;
	for (unsigned i = 0; i < w->nconditions; i++)
		if (!condition_holds(w->conditions[i], s, exempt))
			return false;
	/* Of handshakes that failed only strict claims speak. */
	if (s->tls->verify != NULL && strcmp(s->tls->verify, "SOFTWARE") == 0 &&
	    (strcmp(v, "never refused") == 0 ||
	    strcmp(v, "always accepted") == 0 || strcmp(v, "always held") == 0))
		return false;
	if (strcmp(v, "always verified") == 0)
		return came == LEVEL_ACCEPTED && !s->tls->verified;
	if (strncmp(v, "always encrypted", 16) == 0)
		return came == LEVEL_ACCEPTED && (v[16] != '\0' ?
		    bits_of(s) < 128 : s->tls->cipher == NULL &&
		    bits_of(s) == 0);
	if (strncmp(v, "never", 5) == 0)
		return came == (v[6] == 'a' ? LEVEL_ACCEPTED : v[6] == 'h' ?
		    LEVEL_HELD : LEVEL_REFUSED);
	return came != (v[7] == 'a' ? LEVEL_ACCEPTED : v[7] == 'h' ?
	    LEVEL_HELD : LEVEL_REFUSED);
}

static struct store *
build(const char *rules, struct fault *f)
{
	const char *path = unit_path("prove.mdb");
	struct rulefile file;
	struct store *store = NULL;
	struct store_info info;

	rulefile_init(&file, NULL, NULL);
	if (rulefile_read_text(&file, slice_of(rules), "rules", f) &&
	    rulefile_finish(&file) && rebuild_store(path, &file,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, &info, NULL,
	    f))
		store = store_open(path, f);
	rulefile_free(&file);
	return store;
}

struct run {
	const char *rules;
	struct settings settings;
	struct store_reader reader;
	struct claims claims;
	struct wanted wanted[CLAIMS];
	struct prove_result result[CLAIMS];
	struct tls tls[TLS_KINDS];
	bool tags[CLAIM_TAGS];
	struct facts facts;
	unsigned long sessions, broken, held;
};

static void
show(const struct run *r, size_t i, const char *what, const struct session *s)
{
	char row[8192];

	snprintf(row, sizeof row, "%s\n# %.*s\n# client %s %s %s from %s to %s "
	    "header %s auth %s daemon %s %s day %d: %s %s bits %u ssf %u verify %s cn %s "
	    "%s\n%s", what, SLICE_ARG(r->claims.claims[i].text),
	    clients[s->client][0], clients[s->client][1],
	    resolve_of(s->client), mails[s->from],
	    mails[s->to], mails[s->header], logins[s->login], listeners[s->listener][0],
	    listeners[s->listener][1], days[s->day], s->tls->version,
	    s->tls->cipher, s->tls->bits, s->tls->ssf, s->tls->verify,
	    s->tls->cn, s->tls->mta == DIALECT_POSTFIX ? "Postfix" : "sendmail",
	    r->rules);
	unit_same(row, "it holds", "it does not");
}

static void
try_session(struct run *r, const struct session *s)
{
	enum claim_level came;
	bool exempt;

	fill(&r->facts, s);
	exempt = settings_exempt(&r->settings, &r->facts);
	came = judge(&r->reader, &r->facts, &r->settings, days[s->day]);
	r->sessions++;
	for (size_t i = 0; i < r->claims.n; i++) {
		const struct prove_result *result = &r->result[i];

		if (!breaks(&r->wanted[i], s, came, exempt))
			continue;
		r->broken++;
		if (result->outcome != PROVE_FALSE)
			show(r, i, prove_outcome_name(result->outcome), s);
		else if (result->session.day > days[s->day])
			show(r, i, "false only later", s);
	}
}

/*
 * How many values of a tag are tried: a few where no claim and no CLIENT looks
 * at it.
 */
static unsigned
many(const struct run *r, enum tag tag, size_t all)
{
	for (size_t i = 0; i < r->claims.n; i++)
		if (r->wanted[i].who[tag][0] != '\0')
			return (unsigned)all;
	return r->tags[tag] || tag == TAG_CLT ? (unsigned)all : 1;
}

static void
try_sessions(struct run *r)
{
	unsigned n[] = { many(r, TAG_CLT, UNIT_COUNT(clients)),
		many(r, TAG_FROM, UNIT_COUNT(mails)),
		many(r, TAG_TO, UNIT_COUNT(mails) - 3), UNIT_COUNT(logins),
		many(r, TAG_DAEMON, UNIT_COUNT(listeners)), UNIT_COUNT(days),
		TLS_KINDS, many(r, TAG_HEADER, UNIT_COUNT(mails) - 3) };
	unsigned long all = 1, most = 20000;

	for (size_t i = 0; i < UNIT_COUNT(n); i++)
		all *= n[i];
	for (unsigned long k = 0; k < all && k < most; k++) {
		/* All combinations, or `most` of them by chance. */
		unsigned long at = all <= most ? k : ((unsigned long)
		    unit_random(&seed) << 16 ^ unit_random(&seed)) % all;
		unsigned v[UNIT_COUNT(n)];

		for (size_t i = 0; i < UNIT_COUNT(n); i++) {
			v[i] = (unsigned)(at % n[i]);
			at /= n[i];
		}
		if (strcmp(mails[v[2]], "<>") == 0 ||
		    strcmp(mails[v[7]], "<>") == 0 ||
		    (r->tls[v[6]].mta == DIALECT_POSTFIX &&
		    clients[v[0]][2] != NULL))
			continue;
		try_session(r, &(struct session){ &r->tls[v[6]], v[0], v[1],
		    v[2], v[3], v[4], v[5], v[7] });
	}
}

/* The verdict that came with a false claim, and the session as a whole. */
static void
try_counterexample(struct run *r, size_t i)
{
	const struct prove_result *result = &r->result[i];
	const struct claim *claim = &r->claims.claims[i];
	enum claim_level came;

	assert_true(prove_session_facts(&result->session, &r->facts));
	came = judge(&r->reader, &r->facts, &r->settings, result->session.day);
	if ((claim->bad >> came & 1) == 0)
		unit_same(r->rules, "a counterexample", result->verdict);
	if (result->session.day < claim->first ||
	    result->session.day > claim->last)
		unit_number("its day", claim->first, result->session.day);
}

static void
undecided(const struct run *r, size_t i)
{
	const struct prove_result *result = &r->result[i];
	char macros[2048], row[8192];
	struct text text;

	text_init(&text, macros, sizeof macros);
	prove_report_macros(&result->session, &text);
	snprintf(row, sizeof row, "%.*s\n# %s\n# %s\n%s", SLICE_ARG(
	    r->claims.claims[i].text), macros, result->verdict, r->rules);
	unit_same(row, "decided", result->why);
}

static void
try_claims(struct run *r)
{
	static struct prove_ground ground;
	struct prover prover;

	assert_true(prove_ground_open(&ground, &r->reader, &r->settings,
	    r->claims.claims, r->claims.n));
	prover_init(&prover, &ground);
	for (size_t i = 0; i < r->claims.n; i++) {
		assert_true(prover_try(&prover, &r->claims.claims[i],
		    &r->result[i]));
		r->held += r->result[i].outcome == PROVE_HOLDS;
		if (r->result[i].outcome == PROVE_UNDECIDED)
			undecided(r, i);
		if (r->result[i].outcome == PROVE_FALSE)
			try_counterexample(r, i);
	}
	try_sessions(r);
	prover_free(&prover);
	prove_ground_free(&ground);
}

static void
make_claims(struct run *r)
{
	for (size_t i = 0; i < CLAIMS; i++) {
		struct wanted *w = &r->wanted[r->claims.n];
		size_t before = r->claims.n;
		char buf[512];
		struct text text;
		struct fault f;

		text_init(&text, buf, sizeof buf);
		any_claim(w, &text);
		/* Refused only for a condition that is given twice. */
		if (!claims_add(&r->claims, slice_make(buf, text.n), &f))
			unit_slice(buf, "second time", slice_of(strstr(f.text,
			    "second time") != NULL ? "second time" : f.text));
		else
			assert_int_equal(r->claims.n, before + 1);
	}
}

static void
try_policy(struct run *r)
{
	char rules[16384];
	struct store *store;
	struct text text;
	struct fault f;

	text_init(&text, rules, sizeof rules);
	memset(r->tags, 0, sizeof r->tags);
	for (unsigned i = 1 + chance(3); i > 0; i--)
		r->tags[chance(3) == 0 ? chance(CLAIM_TAGS) : TAG_CLT +
		    2 * chance(2)] = true;
	put_policy(&text, r->tags);
	store = build(rules, &f);
	if (store == NULL) /* "CN:a++CN:b" with compat, an unused CITag ... */
		return;
	r->rules = rules;
	settings_init(&r->settings);
	assert_true(settings_assign(&r->settings, slice_of(chance(3) == 0 ?
	    "exempt-clients=127.0.0.0/8, ::1, 10.0.0.0/8" :
	    "exempt-clients=127.0.0.0/8, ::1"), &f));
	assert_true(settings_assign(&r->settings, slice_of(chance(4) == 0 ?
	    "on-error=accept" : "on-error=tempfail"), &f));
	assert_true(settings_assign(&r->settings, slice_of(chance(4) == 0 ?
	    "compat=sendmail" : "compat=none"), &f));
	assert_true(settings_assign(&r->settings, slice_of(chance(4) == 0 ?
	    "default-class=perm" : "default-class=temp"), &f));
	assert_true(settings_assign(&r->settings, slice_of(chance(4) == 0 ?
	    "header-from=no" : "header-from=judge"), &f));
	assert_true(store_begin(store, &r->reader, &f));
	claims_init(&r->claims, TODAY, false, NULL, NULL);
	make_claims(r);
	for (size_t i = 0; i < TLS_KINDS; i++)
		any_tls(&r->tls[i]);
	try_claims(r);
	claims_free(&r->claims);
	store_end(&r->reader);
	store_close(store);
}

static unsigned long
number(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtoul(value, NULL, 10) : otherwise;
}

static void
test_brute_force(void **state)
{
	static struct run r;
	unsigned long n = number("TLSPOLICY_POLICIES", POLICIES);

	(void)state;
	seed = number("TLSPOLICY_SEED", 7);
	facts_init(&r.facts, DIALECT_SENDMAIL);
	for (unsigned long i = 0; i < n; i++)
		try_policy(&r);
	print_message("# %lu sessions broke claims %lu times; %lu claims "
	    "held\n", r.sessions, r.broken, r.held);
	/* Some claims hold and some are broken, or nothing is tested. */
	assert_true(r.broken > n && r.held > n / 4);
	facts_free(&r.facts);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brute_force),
	};

	return unit_main(tests);
}

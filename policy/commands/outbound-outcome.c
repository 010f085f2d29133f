/*
 * postconf(5), smtp_tls_security_level and smtp_tls_policy_maps, each level as a
 * sentence.
 */
#include "policy/commands/outbound.h"

struct judging {
	const struct postfix *p;
	const struct postfix_service *s;
	struct slice nexthop;
	struct resolved policy;
	struct text *out;
};

static bool
is_set(const struct judging *j, const char *parameter)
{
	return postfix_value(j->p, j->s, parameter, NULL).n > 0;
}

static bool
has_cas(const struct judging *j)
{
	struct slice file;

	return is_set(j, "smtp_tls_CAfile") || is_set(j, "smtp_tls_CApath") ||
	    postfix_is_yes(j->p, j->s, "tls_append_default_CA") ||
	    resolved_value(&j->policy, "tafile", &file);
}

static bool
has_dnssec(const struct judging *j)
{
	return slice_is_nocase(postfix_value(j->p, j->s,
	    "smtp_dns_support_level", NULL), "dnssec");
}

/* "[relay.example]:587" without brackets and port. */
static struct slice
host_of(struct slice nexthop)
{
	if (nexthop.n > 0 && nexthop.p[0] == '[') {
		nexthop = slice_from(nexthop, 1);
		return slice_make(nexthop.p, slice_find(nexthop, ']'));
	}
	return slice_make(nexthop.p, slice_find(nexthop, ':'));
}

static void
put_names(const struct judging *j, struct slice list, unsigned *n)
{
	struct slice host = host_of(j->nexthop), name;

	while (slice_next_of(&list, ":, \t", &name)) {
		if (name.n == 0)
			continue;
		text_puts(j->out, (*n)++ > 0 ? " or " : "");
		if (slice_is_nocase(name, "nexthop"))
			text_put(j->out, host);
		else if (slice_is_nocase(name, "dot-nexthop"))
			text_printf(j->out, "a name below %.*s",
			    SLICE_ARG(host));
		else if (slice_is_nocase(name, "hostname"))
			text_puts(j->out, "the name that the DNS gives the "
			    "server");
		else if (name.p[0] == '.')
			text_printf(j->out, "a name below %.*s",
			    SLICE_ARG(slice_from(name, 1)));
		else
			text_put(j->out, name);
	}
}

/* match= may be there more than once; without one main.cf has it. */
static void
put_match(const struct judging *j, const char *parameter, bool names)
{
	unsigned n = 0;

	for (unsigned i = 0; i < j->policy.n; i++) {
		const struct resolved_attribute *a = &j->policy.attributes[i];

		if (!slice_is_nocase(a->name, "match"))
			continue;
		if (names)
			put_names(j, a->value, &n);
		else
			text_printf(j->out, "%s%.*s", n++ > 0 ? " or " : "",
			    SLICE_ARG(a->value));
	}
	if (n == 0 && names)
		put_names(j, postfix_value(j->p, j->s, parameter, NULL), &n);
	else if (n == 0)
		text_printf(j->out, "%.*s", SLICE_ARG(postfix_value(j->p, j->s,
		    parameter, NULL)));
	if (n == 0 && !is_set(j, parameter))
		text_puts(j->out, "nothing");
}

/*
 * Postfix 3.11, and 3.10 in its later releases: with policy_type=sts patterns
 * of MTA-STS take the place of match=, see smtp_tls_policy.c.
 */
static bool
say_patterns(const struct judging *j)
{
	struct slice type, match;
	unsigned n = 0;

	if (!postfix_is_yes(j->p, j->s, "smtp_tls_enforce_sts_mx_patterns") ||
	    !resolved_value(&j->policy, "match", &match) ||
	    !resolved_value(&j->policy, "policy_type", &type) ||
	    !slice_is_nocase(type, "sts"))
		return false;
	for (unsigned i = 0; i < j->policy.n; i++) {
		const struct resolved_attribute *a = &j->policy.attributes[i];

		if (!slice_is_nocase(a->name, "mx_host_pattern"))
			continue;
		text_printf(j->out, "%s%.*s", n++ > 0 ? " or " : "the server's "
		    "own name, which has to be ", SLICE_ARG(a->value));
	}
	return n > 0;
}

static void
say_names(const struct judging *j, const char *parameter)
{
	if (!has_cas(j)) {
		text_puts(j->out, "mail does not leave: smtp_tls_CAfile and "
		    "smtp_tls_CApath are empty, and no certificate is trusted");
		return;
	}
	text_puts(j->out, "mail leaves only over TLS with a certificate that a "
	    "trusted CA signed for ");
	if (!say_patterns(j))
		put_match(j, parameter, true);
}

/* Bytes of what it makes; 0: not known here. */
static size_t
digest_bytes(struct slice name)
{
	static const struct {
		const char *name;
		size_t bytes;
	} digests[] = {
		{ "md5", 16 }, { "sha1", 20 }, { "sha224", 28 },
		{ "sha256", 32 }, { "sha384", 48 }, { "sha512", 64 }
	};

	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
		if (slice_is_nocase(name, digests[i].name))
			return digests[i].bytes;
	return 0;
}

/* No fingerprint of match= has the length of the digest that Postfix makes. */
static bool
is_other_digest(const struct judging *j, struct slice digest)
{
	size_t bytes = digest_bytes(digest);
	unsigned n = 0;

	for (unsigned i = 0; i < j->policy.n; i++) {
		const struct resolved_attribute *a = &j->policy.attributes[i];

		if (!slice_is_nocase(a->name, "match"))
			continue;
		if (a->value.n + 1 == 3 * bytes)
			return false;
		n++;
	}
	return bytes > 0 && n > 0;
}

static void
say_fingerprint(const struct judging *j)
{
	static const char parameter[] = "smtp_tls_fingerprint_digest";
	struct slice digest = postfix_value(j->p, j->s, parameter, NULL);

	if (is_other_digest(j, digest)) {
		text_printf(j->out, "mail does not leave: %s is %.*s, and that "
		    "is another one than FP is of", parameter,
		    SLICE_ARG(digest));
		return;
	}
	text_puts(j->out,
	    "mail leaves only over TLS with a certificate of the fingerprint ");
	put_match(j, "smtp_tls_fingerprint_cert_match", false);
}

static const char in_clear[] = "mail leaves over TLS if the server offers it, "
    "with any certificate, and else in clear";

static void
say_dane(const struct judging *j, bool only)
{
	if (!has_dnssec(j))
		text_printf(j->out, "%s: smtp_dns_support_level is not dnssec",
		    only ? "mail does not leave" : in_clear);
	else
		text_printf(j->out, "%s only over TLS with a certificate that "
		    "the server's TLSA records name%s", only ? "mail leaves" :
		    "where there are TLSA records mail leaves", only ? "" :
		    "; elsewhere over TLS if the server offers it, and else in "
		    "clear");
}

static void
say_level(const struct judging *j)
{
	switch (j->policy.level) {
	case LEVEL_NONE:
		text_puts(j->out, "mail leaves in clear, without TLS");
		break;
	case LEVEL_MAY:
		text_puts(j->out, in_clear);
		break;
	case LEVEL_ENCRYPT:
		text_puts(j->out, "mail leaves only over TLS, with any "
		    "certificate");
		break;
	case LEVEL_DANE:
	case LEVEL_DANE_ONLY:
		say_dane(j, j->policy.level == LEVEL_DANE_ONLY);
		break;
	case LEVEL_FINGERPRINT:
		say_fingerprint(j);
		break;
	case LEVEL_VERIFY:
		say_names(j, "smtp_tls_verify_cert_match");
		break;
	case LEVEL_SECURE:
		say_names(j, "smtp_tls_secure_cert_match");
		break;
	}
}

/* Says what the policy demands besides names. */
static void
say_rest(const struct judging *j)
{
	static const char *const names[] = { "protocols", "ciphers", "exclude" };
	struct slice value;

	if (j->policy.level == LEVEL_NONE)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (resolved_value(&j->policy, names[i], &value))
			text_printf(j->out, "; %s=%.*s", names[i],
			    SLICE_ARG(value));
}

void
outbound_outcome(const struct postfix *p, const struct postfix_service *s,
    struct slice nexthop, struct slice policy, struct text *out)
{
	struct judging j = { .p = p, .s = s, .nexthop = nexthop, .out = out };
	char memory[POSTFIX_WAY_BYTES];
	struct text reply;

	text_init(&reply, memory, sizeof memory);
	text_puts(&reply, "OK ");
	text_put(&reply, policy);
	resolved_parse(slice_make(memory, reply.n), &j.policy);
	if (reply.cut || j.policy.kind != RESOLVED_POLICY) {
		text_printf(out, "what Postfix makes of \"%.*s\" is not known",
		    SLICE_ARG(policy));
		return;
	}
	say_level(&j);
	say_rest(&j);
}

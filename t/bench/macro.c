/*
 * One row a macro.  The values are spelt as the MTAs spell them: sendmail
 * encodes names from certificates and gives them for any certificate, Postfix
 * gives the bare CN of trusted ones alone.
 */
#include <libmilter/mfapi.h>

#include <stdio.h>
#include <string.h>

#include "t/bench/macro.h"

typedef const char *value_fn(
    enum mta, const struct mta_session *, char buf[MACRO_VALUE]);

#define VALUE(name)                                                         \
	static const char *name(enum mta mta, const struct mta_session *s, \
	    char buf[MACRO_VALUE])

VALUE(no_value)
{
	(void)mta, (void)s, (void)buf;
	return NULL;
}

VALUE(host)
{
	(void)mta, (void)s, (void)buf;
	return "mail.bench.example";
}

VALUE(client_name)
{
	(void)mta, (void)buf;
	return s->plan->client_name;
}

VALUE(client_addr)
{
	snprintf(buf, MACRO_VALUE, "%s%s",
	    s->plan->ipv6 && mta == MTA_SENDMAIL ? "IPv6:" : "",
	    s->plan->client_addr);
	return buf;
}

VALUE(client_port)
{
	(void)mta;
	snprintf(buf, MACRO_VALUE, "%u",
	    1024 + (unsigned)(s->number % 60000));
	return buf;
}

VALUE(client)
{
	(void)mta;
	snprintf(buf, MACRO_VALUE, "%s [%s%s]", s->plan->client_name,
	    s->plan->ipv6 ? "IPv6:" : "", s->plan->client_addr);
	return buf;
}

VALUE(client_resolve)
{
	(void)s, (void)buf;
	return mta == MTA_SENDMAIL ? "OK" : NULL;
}

VALUE(daemon_name)
{
	(void)s, (void)buf;
	return mta == MTA_SENDMAIL ? "MTA" : "mail.bench.example";
}

VALUE(daemon_addr)
{
	(void)mta, (void)s, (void)buf;
	return "198.51.100.25";
}

VALUE(daemon_port)
{
	(void)mta, (void)s, (void)buf;
	return "25";
}

VALUE(version)
{
	(void)s, (void)buf;
	return mta == MTA_SENDMAIL ? "8.17.1.9" : "Postfix 3.7.11";
}

/* Postfix has none before it has accepted a recipient. */
VALUE(queue_id)
{
	if (mta == MTA_POSTFIX && s->recipients == 0)
		return NULL;
	snprintf(buf, MACRO_VALUE,
	    mta == MTA_POSTFIX ? "%011llX" : "3B%012llu",
	    (unsigned long long)s->number);
	return buf;
}

VALUE(tls_version)
{
	(void)mta, (void)buf;
	return s->plan->tls ? s->plan->version : NULL;
}

VALUE(cipher)
{
	(void)mta, (void)buf;
	return s->plan->tls ? s->plan->cipher : NULL;
}

VALUE(cipher_bits)
{
	(void)mta, (void)buf;
	return s->plan->tls ? "256" : NULL;
}

VALUE(verify)
{
	(void)buf;
	if (mta == MTA_POSTFIX || !s->plan->tls)
		return NULL;
	return s->plan->verified ? "OK" : "NO";
}

VALUE(cert_subject)
{
	if (!s->plan->verified)
		return NULL;
	snprintf(buf, MACRO_VALUE, "%s%s",
	    mta == MTA_SENDMAIL ? "/C=DE/O=Bench+20GmbH/CN=" : "",
	    s->plan->client_name);
	return buf;
}

VALUE(cert_issuer)
{
	(void)buf;
	if (!s->plan->verified)
		return NULL;
	return mta == MTA_SENDMAIL
	    ? "/C=DE/O=Example+20Trust/CN=" RULES_ISSUER
	    : RULES_ISSUER;
}

VALUE(cn_subject)
{
	(void)buf;
	return s->plan->verified && mta == MTA_SENDMAIL
	    ? s->plan->client_name : NULL;
}

VALUE(cn_issuer)
{
	(void)buf;
	return s->plan->verified && mta == MTA_SENDMAIL ? RULES_ISSUER : NULL;
}

VALUE(cert_md5)
{
	(void)buf;
	return s->plan->verified && mta == MTA_SENDMAIL
	    ? "66:17:24:AB:09:3C:D1:5E:77:80:1F:C2:43:9D:EE:02" : NULL;
}

VALUE(mail_addr)
{
	(void)mta, (void)buf;
	return s->plan->sender;
}

VALUE(mail_host)
{
	(void)mta, (void)buf;
	return strchr(s->plan->sender, '@') + 1;
}

VALUE(mailer)
{
	(void)s, (void)buf;
	return mta == MTA_SENDMAIL ? "esmtp" : "smtp";
}

VALUE(rcpt_addr)
{
	(void)mta, (void)buf;
	return s->plan->recipient;
}

VALUE(rcpt_host)
{
	(void)mta, (void)buf;
	return strchr(s->plan->recipient, '@') + 1;
}

/* stage: the first at which the macro is defined. */
static const struct row {
	const char *name;
	int stage;
	value_fn *value;
} rows[] = {
	{ "j", SMFIM_CONNECT, host },
	{ "v", SMFIM_CONNECT, version },
	{ "_", SMFIM_CONNECT, client },
	{ "i", SMFIM_CONNECT, queue_id },
	{ "s", SMFIM_HELO, client_name },
	{ "{daemon_name}", SMFIM_CONNECT, daemon_name },
	{ "{daemon_addr}", SMFIM_CONNECT, daemon_addr },
	{ "{daemon_port}", SMFIM_CONNECT, daemon_port },
	{ "{if_name}", SMFIM_CONNECT, host },
	{ "{if_addr}", SMFIM_CONNECT, daemon_addr },
	{ "{client_name}", SMFIM_CONNECT, client_name },
	{ "{client_addr}", SMFIM_CONNECT, client_addr },
	{ "{client_port}", SMFIM_CONNECT, client_port },
	{ "{client_ptr}", SMFIM_CONNECT, client_name },
	{ "{client_resolve}", SMFIM_CONNECT, client_resolve },
	{ "{verify}", SMFIM_HELO, verify },
	{ "{tls_version}", SMFIM_HELO, tls_version },
	{ "{cipher}", SMFIM_HELO, cipher },
	{ "{cipher_bits}", SMFIM_HELO, cipher_bits },
	{ "{alg_bits}", SMFIM_HELO, cipher_bits },
	{ "{cert_subject}", SMFIM_HELO, cert_subject },
	{ "{cert_issuer}", SMFIM_HELO, cert_issuer },
	{ "{cn_subject}", SMFIM_HELO, cn_subject },
	{ "{cn_issuer}", SMFIM_HELO, cn_issuer },
	{ "{cert_md5}", SMFIM_HELO, cert_md5 },
	{ "{mail_addr}", SMFIM_ENVFROM, mail_addr },
	{ "{mail_host}", SMFIM_ENVFROM, mail_host },
	{ "{mail_mailer}", SMFIM_ENVFROM, mailer },
	{ "{rcpt_addr}", SMFIM_ENVRCPT, rcpt_addr },
	{ "{rcpt_host}", SMFIM_ENVRCPT, rcpt_host },
	{ "{rcpt_mailer}", SMFIM_ENVRCPT, mailer },
	{ "{auth_type}", SMFIM_ENVFROM, no_value },
	{ "{auth_authen}", SMFIM_ENVFROM, no_value },
	{ "{auth_author}", SMFIM_ENVFROM, no_value },
	{ "{auth_ssf}", SMFIM_ENVFROM, no_value },
	{ "{cert_fp}", SMFIM_HELO, no_value },
	{ "{tls_sni}", SMFIM_HELO, no_value },
	{ "{msg_id}", SMFIM_EOM, no_value },
};

int
macro_find(const char *name, size_t size)
{
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		if (strlen(rows[n].name) == size &&
		    strncmp(rows[n].name, name, size) == 0)
			return (int)n;
	}
	return -1;
}

const char *
macro_name(int macro)
{
	return rows[macro].name;
}

const char *
macro_value(int macro, enum mta mta, int stage, const struct mta_session *s,
    char buf[MACRO_VALUE])
{
	const struct row *r = &rows[macro];

	return stage < r->stage ? NULL : r->value(mta, s, buf);
}

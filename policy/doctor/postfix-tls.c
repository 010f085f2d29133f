#include <stdio.h>
#include <string.h>

#include "policy/cert/pemfile.h"
#include "policy/doctor/certs.h"
#include "policy/doctor/postfix.h"

enum { PAIRS = 3 };

struct side {
	const char *chain;
	struct {
		const char *certificate, *key;
	} pairs[PAIRS];
	enum inspect_use use;
};

/* What smtpd(8) shows to clients, and smtp(8) to servers. */
static const struct side server = {
	.chain = "smtpd_tls_chain_files",
	.pairs = { { "smtpd_tls_cert_file", "smtpd_tls_key_file" },
	    { "smtpd_tls_eccert_file", "smtpd_tls_eckey_file" },
	    { "smtpd_tls_dcert_file", "smtpd_tls_dkey_file" } },
	.use = INSPECT_SERVER
};
static const struct side client = {
	.chain = "smtp_tls_chain_files",
	.pairs = { { "smtp_tls_cert_file", "smtp_tls_key_file" },
	    { "smtp_tls_eccert_file", "smtp_tls_eckey_file" },
	    { "smtp_tls_dcert_file", "smtp_tls_dkey_file" } },
	.use = INSPECT_CLIENT
};

/* Whose files, and under which names they stand. */
struct files {
	struct postfix *p;
	struct postfix_service *s;
	const char *certificate, *key; /* names of parameters */
	enum inspect_use use;
};

static void
host_of(const struct postfix *p, char *host, size_t size)
{
	snprintf(host, size, "%.*s",
	    SLICE_ARG(postfix_parameter(p, "myhostname")));
}

/* The lines that name what tlspolicy-ca makes, and the command. */
static void
use_ours(void *arg, struct finding *f)
{
	const struct files *files = arg;
	const struct postfix *p = files->p;
	char host[256], pem[CERTS_PATH_MAX], key[CERTS_PATH_MAX];
	bool own;

	host_of(p, host, sizeof host);
	certs_ours(p->d, host, "pem", pem);
	certs_ours(p->d, host, "key", key);
	(void)postfix_value(p, files->s, files->certificate, &own);
	if (files->certificate == files->key && !own)
		finding_mend(f, p->main_cf, "%s = %s, %s", files->key, key,
		    pem);
	else if (files->certificate == files->key)
		finding_mend(f, "run", "postconf -c %s -P "
		    "'%.*s/%.*s/%s=%s,%s'", p->dir,
		    SLICE_ARG(files->s->name), SLICE_ARG(files->s->type),
		    files->key, key, pem);
	else if (own)
		finding_mend(f, "run", "postconf -c %s -P "
		    "'%.*s/%.*s/%s=%s' '%.*s/%.*s/%s=%s'", p->dir,
		    SLICE_ARG(files->s->name), SLICE_ARG(files->s->type),
		    files->certificate, pem, SLICE_ARG(files->s->name),
		    SLICE_ARG(files->s->type), files->key, key);
	else
		finding_mend(f, p->main_cf, "%s = %s\n%s = %s",
		    files->certificate, pem, files->key, key);
	certs_then_make(p->d, host, f);
	finding_then(f, "%s", p->reload);
}

/* The same files are looked at once, whichever services have them. */
static const struct postfix_service *
looked_at_for(const struct files *files)
{
	const struct postfix *p = files->p;
	struct slice mine = postfix_value(p, files->s, files->certificate,
	    NULL);

	for (const struct postfix_service *s = p->services; s < files->s; s++)
		if (s->command == files->s->command && slice_equal(mine,
		    postfix_value(p, s, files->certificate, NULL)) &&
		    slice_equal(postfix_value(p, files->s, files->key, NULL),
		    postfix_value(p, s, files->key, NULL)))
			return s;
	return NULL;
}

static void
look_at(struct files *files, const char *certificate, const char *key)
{
	const struct certs c = { files->p->d, files->certificate, certificate,
		key, files->use, use_ours, files, NULL };

	if (!certs_look(&c))
		files->s->tls_broken = true;
}

static void
look_at_pair(struct files *files)
{
	char certificate[CERTS_PATH_MAX], key[CERTS_PATH_MAX];

	snprintf(certificate, sizeof certificate, "%.*s", SLICE_ARG(
	    postfix_value(files->p, files->s, files->certificate, NULL)));
	snprintf(key, sizeof key, "%.*s", SLICE_ARG(
	    postfix_value(files->p, files->s, files->key, NULL)));
	look_at(files, certificate, key[0] != '\0' ? key : certificate);
}

static bool
is_only_key(const char *path)
{
	struct pemfile file;
	struct fault f;
	bool only;

	if (!pemfile_read(path, &file, &f))
		return false;
	only = file.nkeys > 0 && sk_X509_num(file.certificates) == 0;
	pemfile_free(&file);
	return only;
}

/* Keys and chains in turn, in files of their own or together. */
static void
look_at_chain(struct files *files)
{
	struct slice list = postfix_value(files->p, files->s,
	    files->certificate, NULL), one;
	char path[CERTS_PATH_MAX], key[CERTS_PATH_MAX] = "";

	while (slice_next_of(&list, ", \t", &one)) {
		if (one.n == 0)
			continue;
		snprintf(path, sizeof path, "%.*s", SLICE_ARG(one));
		if (key[0] == '\0' && is_only_key(path)) {
			memcpy(key, path, sizeof key);
			continue;
		}
		look_at(files, path, key[0] != '\0' ? key : path);
		key[0] = '\0';
	}
	if (key[0] != '\0')
		look_at(files, key, key);
}

/* True: the parameter names files, which were looked at. */
static bool
check_files(struct files *files)
{
	const struct postfix_service *before = looked_at_for(files);
	struct slice is = postfix_value(files->p, files->s,
	    files->certificate, NULL);

	/* "none": anonymous suites, on purpose. */
	if (is.n == 0 || slice_is(is, "none"))
		return is.n > 0;
	if (before != NULL)
		files->s->tls_broken = before->tls_broken;
	else if (files->certificate == files->key)
		look_at_chain(files);
	else
		look_at_pair(files);
	return true;
}

/* True: some certificate is named. */
static bool
check_side(struct postfix *p, struct postfix_service *s,
    const struct side *side)
{
	struct files files = { p, s, side->chain, side->chain, side->use };
	bool any = check_files(&files), chained = any;

	for (int i = 0; !chained && i < PAIRS; i++) {
		files.certificate = side->pairs[i].certificate;
		files.key = side->pairs[i].key;
		any = check_files(&files) || any;
	}
	return any;
}

static void
check_certificates(struct postfix *p, struct postfix_service *s)
{
	struct files files = { p, s, server.pairs[0].certificate,
		server.pairs[0].key, server.use };
	struct finding *f;

	if (check_side(p, s, &server))
		return;
	s->tls_broken = true;
	f = postfix_find(p, s, DOCTOR_POSTFIX_NO_CERTIFICATE,
	    files.certificate, "");
	if (f == NULL)
		return;
	f->then[0] = '\0';
	use_ours(&files, f);
}

/* Most servers ask for none, and most MTAs have none to show. */
void
postfix_shown_to_servers(struct postfix *p, struct postfix_service *s)
{
	(void)check_side(p, s, &client);
}

static void
check_ca(struct postfix *p, struct postfix_service *s)
{
	char path[CERTS_PATH_MAX], what[FINDING_WHAT_MAX], ours[CERTS_PATH_MAX];
	struct slice file = postfix_value(p, s, "smtpd_tls_CAfile", NULL);
	struct text why, ignored;

	if (file.n == 0) {
		if (postfix_value(p, s, "smtpd_tls_CApath", NULL).n == 0 &&
		    !postfix_is_yes(p, s, "tls_append_default_CA"))
			postfix_find(p, s, DOCTOR_POSTFIX_NO_CA,
			    "smtpd_tls_CAfile",
			    "/etc/ssl/certs/ca-certificates.crt");
		return;
	}
	snprintf(path, sizeof path, "%.*s", SLICE_ARG(file));
	text_init(&why, what, sizeof what);
	text_puts(&why, "smtpd_tls_CAfile: ");
	if (certs_are_cas(path, &why))
		return;
	s->tls_broken = true;
	certs_ours(p->d, NULL, NULL, ours);
	text_init(&ignored, path, sizeof path);
	postfix_find_as(p, s, DOCTOR_CA_UNUSABLE, "smtpd_tls_CAfile",
	    certs_are_cas(ours, &ignored) ? ours :
	    "/etc/ssl/certs/ca-certificates.crt", what);
}

void
postfix_tls(struct postfix *p, struct postfix_service *s)
{
	if (!postfix_offers_tls(p, s)) {
		postfix_find(p, s, DOCTOR_POSTFIX_NO_TLS,
		    "smtpd_tls_security_level", "may");
		return;
	}
	/* Who logs in has no certificate, and would be bothered for one. */
	if (!postfix_is_yes(p, s, "smtpd_tls_ask_ccert") &&
	    !postfix_is_yes(p, s, "smtpd_tls_req_ccert") &&
	    !postfix_is_yes(p, s, "smtpd_sasl_auth_enable"))
		postfix_find(p, s, DOCTOR_POSTFIX_NO_CCERT,
		    "smtpd_tls_ask_ccert", "yes");
	check_ca(p, s);
	if (!postfix_is_yes(p, s, "smtpd_tls_received_header"))
		postfix_find(p, s, DOCTOR_POSTFIX_RECEIVED,
		    "smtpd_tls_received_header", "yes");
	check_certificates(p, s);
}

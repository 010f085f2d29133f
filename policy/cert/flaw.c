#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cert/flaw.h"

static const struct {
	const char *name, *way_out;
} rows[FLAW_COUNT] = {
	[FLAW_NO_CLIENT_PURPOSE] = { "no-client-purpose",
	    "have it issued with extendedKeyUsage clientAuth (tlspolicy-ca mta "
	    "NAME does), or show no client certificate" },
	[FLAW_NO_SERVER_PURPOSE] = { "no-server-purpose",
	    "have it issued with extendedKeyUsage serverAuth (tlspolicy-ca mta "
	    "NAME does), or use it for a client only (--use client)" },
	[FLAW_SELF_SIGNED] = { "self-signed",
	    "have it signed by a CA that the peer knows; tlspolicy-ca(8) makes "
	    "one" },
	[FLAW_ISSUER_CN_IS_SUBJECT_CN] = { "issuer-cn-is-subject-cn",
	    "give the CA another CN, or none as tlspolicy-ca(8) does" },
	[FLAW_NAME_MISMATCH] = { "name-mismatch",
	    "have it issued for that name, or connect by a name that it has" },
	[FLAW_NO_NAMES] = { "no-names",
	    "have it issued with subject alternative names; many peers no "
	    "longer look at the CN" },
	[FLAW_NO_CN] = { "no-cn",
	    "rules with CN cannot match it: use FP (sendmail), or have it "
	    "issued with one CN" },
	[FLAW_WEAK_KEY] = { "weak-key",
	    "make a new key: EC P-256, or RSA of at least 2048 bits" },
	[FLAW_WEAK_DIGEST] = { "weak-digest",
	    "have it issued again with SHA-256" },
	[FLAW_NOT_YET_VALID] = { "not-yet-valid",
	    "check this machine's clock, or wait" },
	[FLAW_EXPIRED] = { "expired",
	    "renew it (tlspolicy-ca renew KIND NAME)" },
	[FLAW_EXPIRES_SOON] = { "expires-soon",
	    "renew it (tlspolicy-ca renew KIND NAME)" },
	[FLAW_CHAIN_BROKEN] = { "chain-broken",
	    "put the certificates in order, each followed by its issuer's" },
	[FLAW_CA_NOT_IN_BUNDLE] = { "ca-not-in-bundle",
	    "add the issuer's certificate to the bundle, a missing "
	    "intermediate one to the file" },
	[FLAW_NOT_VERIFIED] = { "not-verified",
	    "see OpenSSL's reason; verify=FAIL will be the peer's" },
	[FLAW_KEY_MISMATCH] = { "key-mismatch",
	    "find the key it was made with, or have a certificate issued for "
	    "this key (tlspolicy-ca --key FILE)" },
	[FLAW_KEY_ENCRYPTED] = { "key-encrypted",
	    "no MTA can ask for a password: umask 077; openssl pkey -in FILE "
	    "-out NEWFILE" },
	[FLAW_KEY_READABLE] = { "key-readable",
	    "chmod 600 FILE; sendmail refuses a key that others can read" },
	[FLAW_DIRECTORY_READABLE] = { "directory-readable",
	    "chmod 700 DIRECTORY" },
};

const char *
flaw_name(enum flaw_kind kind)
{
	return rows[kind].name;
}

const char *
flaw_way_out(enum flaw_kind kind)
{
	return rows[kind].way_out;
}

void
flaws_init(struct flaws *flaws)
{
	memset(flaws, 0, sizeof *flaws);
}

void
flaws_free(struct flaws *flaws)
{
	free(flaws->flaw);
	flaws_init(flaws);
}

static struct flaw *
next_flaw(struct flaws *flaws)
{
	size_t wanted = flaws->allocated == 0 ? 16 : flaws->allocated * 2;
	struct flaw *more;

	if (flaws->n == flaws->allocated) {
		more = realloc(flaws->flaw, wanted * sizeof *more);
		if (more == NULL) {
			flaws->failed = true;
			return NULL;
		}
		flaws->flaw = more;
		flaws->allocated = wanted;
	}
	return &flaws->flaw[flaws->n++];
}

void
flaws_add(struct flaws *flaws, enum flaw_kind kind, const char *file,
    unsigned certificate, const char *fmt, ...)
{
	struct flaw *flaw = next_flaw(flaws);
	va_list ap;

	if (flaw == NULL)
		return;
	flaw->kind = kind;
	flaw->file = file;
	flaw->certificate = certificate;
	va_start(ap, fmt);
	vsnprintf(flaw->text, sizeof flaw->text, fmt, ap);
	va_end(ap);
}

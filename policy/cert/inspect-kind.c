#include "policy/cert/inspect.h"

const struct finding_kind inspect_kinds[INSPECT_KINDS] = {
	[INSPECT_NO_CLIENT_PURPOSE] = { "no-client-purpose",
	    "have it issued with extendedKeyUsage clientAuth (tlspolicy-ca mta "
	    "NAME does), or show no client certificate" },
	[INSPECT_NO_SERVER_PURPOSE] = { "no-server-purpose",
	    "have it issued with extendedKeyUsage serverAuth (tlspolicy-ca mta "
	    "NAME does), or use it for a client only (--use client)" },
	[INSPECT_SELF_SIGNED] = { "self-signed",
	    "have it signed by a CA that the peer knows; tlspolicy-ca(8) makes "
	    "one" },
	[INSPECT_ISSUER_CN_IS_SUBJECT_CN] = { "issuer-cn-is-subject-cn",
	    "give the CA another CN, or none as tlspolicy-ca(8) does" },
	[INSPECT_NAME_MISMATCH] = { "name-mismatch",
	    "have it issued for that name, or connect by a name that it has" },
	[INSPECT_NO_NAMES] = { "no-names",
	    "have it issued with subject alternative names; many peers no "
	    "longer look at the CN" },
	[INSPECT_CA_TRUE] = { "ca-true",
	    "have it issued with basicConstraints CA:FALSE: where it is "
	    "trusted, its key signs certificates for any name" },
	[INSPECT_NO_CN] = { "no-cn",
	    "rules with CN cannot match it: use FP (sendmail), or have it "
	    "issued with one CN" },
	[INSPECT_WEAK_KEY] = { "weak-key",
	    "make a new key: EC P-256, or RSA of at least 2048 bits" },
	[INSPECT_WEAK_DIGEST] = { "weak-digest",
	    "have it issued again with SHA-256" },
	[INSPECT_NOT_YET_VALID] = { "not-yet-valid",
	    "check this machine's clock, or wait" },
	[INSPECT_EXPIRED] = { "expired",
	    "renew it (tlspolicy-ca renew KIND NAME)" },
	[INSPECT_EXPIRES_SOON] = { "expires-soon",
	    "renew it (tlspolicy-ca renew KIND NAME)" },
	[INSPECT_CA_FIRST] = { "ca-first",
	    "put the host's certificate first, then its issuer's: an MTA shows "
	    "the first as its own" },
	[INSPECT_CHAIN_BROKEN] = { "chain-broken",
	    "put the certificates in order, each followed by its issuer's" },
	[INSPECT_CA_NOT_IN_BUNDLE] = { "ca-not-in-bundle",
	    "add the issuer's certificate to the bundle, a missing "
	    "intermediate one to the file" },
	[INSPECT_NOT_VERIFIED] = { "not-verified",
	    "see OpenSSL's reason; verify=FAIL will be the peer's" },
	[INSPECT_KEY_MISMATCH] = { "key-mismatch",
	    "find the key it was made with, or have a certificate issued for "
	    "this key (tlspolicy-ca --key FILE)" },
	[INSPECT_KEY_ENCRYPTED] = { "key-encrypted",
	    "no MTA can ask for a password: umask 077; openssl pkey -in FILE "
	    "-out NEWFILE" },
	[INSPECT_KEY_READABLE] = { "key-readable",
	    "chmod 600 FILE; sendmail refuses a key that others can read" },
	[INSPECT_DIRECTORY_READABLE] = { "directory-readable",
	    "chmod 700 DIRECTORY" },
};

/*
 * setting-words.h - settings whose values are words, in the order of their rows
 * in settings.c; and those that are lists of networks.
 */
#ifndef TLSPOLICY_SETTING_WORDS_H
#define TLSPOLICY_SETTING_WORDS_H

#include "policy/base/netaddr.h"

enum engine { ENGINE_LIBMILTER, ENGINE_OWN };
enum audit_sync { AUDIT_SYNC_NONE, AUDIT_SYNC_BATCH, AUDIT_SYNC_EACH };
enum audit_full { AUDIT_FULL_TEMPFAIL, AUDIT_FULL_BLOCK };
enum policy_mode { MODE_ENFORCE, MODE_MONITOR };
enum on_error { ON_ERROR_TEMPFAIL, ON_ERROR_ACCEPT };
enum compat { COMPAT_NONE, COMPAT_SENDMAIL };
enum inexpressible { INEXPRESSIBLE_REFUSE, INEXPRESSIBLE_WEAKEN };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG };
/* In the order of postconf(5), smtp_tls_security_level. */
enum outbound_level { LEVEL_NONE, LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_DANE,
	LEVEL_DANE_ONLY, LEVEL_FINGERPRINT, LEVEL_VERIFY, LEVEL_SECURE };
/* The names that postconf(5), smtp_tls_secure_cert_match, can list. */
enum outbound_match { MATCH_BOTH, MATCH_NEXTHOP, MATCH_DOT_NEXTHOP,
	MATCH_NEITHER };
enum outbound_servername { SERVERNAME_HOSTNAME, SERVERNAME_NONE };
enum header_from_setting { HEADER_FROM_NO, HEADER_FROM_JUDGE };
enum default_class_setting { DEFAULT_CLASS_TEMP, DEFAULT_CLASS_PERM };

enum { SETTINGS_EXEMPT_MAX = 64 };
struct settings_prefixes {
	struct netprefix prefix[SETTINGS_EXEMPT_MAX];
	unsigned n;
};

#endif

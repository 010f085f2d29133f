/*
 * sync-bare URI BASE: what reading a directory costs at least.  libldap's walk
 * of RFC 4533 with the filter and attributes of `tlspolicy sync', EXTERNAL, the
 * entries only counted.  Prints their number.
 */
#include <ldap.h>
#include <stdio.h>
#include <string.h>

static unsigned long entries;

static int
count(ldap_sync_t *sync, LDAPMessage *message, struct berval *uuid,
    ldap_sync_refresh_t phase)
{
	(void)sync;
	(void)message;
	(void)uuid;
	(void)phase;
	entries++;
	return LDAP_SUCCESS;
}

static int
failed(const char *what, int error)
{
	fprintf(stderr, "sync-bare: %s: %s\n", what, ldap_err2string(error));
	return 1;
}

int
main(int argc, char **argv)
{
	static char filter[] = "(&(objectClass=sendmailMTAMapObject)"
	    "(sendmailMTAMapName=tlspolicy))";
	static char key[] = "sendmailMTAKey", value[] = "sendmailMTAMapValue",
	    by[] = "modifiersName";
	char *attributes[] = { key, value, by, NULL }, nothing[] = "";
	struct berval whoever = { 0, nothing };
	int version = LDAP_VERSION3, error;
	ldap_sync_t sync;
	LDAP *ld;

	if (argc != 3) {
		fputs("usage: sync-bare URI BASE\n", stderr);
		return 64;
	}
	if ((error = ldap_initialize(&ld, argv[1])) != LDAP_SUCCESS)
		return failed(argv[1], error);
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	error = ldap_sasl_bind_s(ld, NULL, "EXTERNAL", &whoever, NULL, NULL, NULL);
	if (error != LDAP_SUCCESS)
		return failed("bind", error);
	ldap_sync_initialize(&sync);
	sync.ls_base = argv[2];
	sync.ls_scope = LDAP_SCOPE_SUBTREE;
	sync.ls_filter = filter;
	sync.ls_attrs = attributes;
	sync.ls_timeout = -1;
	sync.ls_search_entry = count;
	sync.ls_ld = ld;
	error = ldap_sync_init(&sync, LDAP_SYNC_REFRESH_AND_PERSIST);
	if (error != LDAP_SUCCESS)
		return failed(argv[2], error);
	printf("%lu\n", entries);
	return 0;
}

/*
 * Settings that are well formed are good settings: a store or an audit file
 * that cannot be opened now is said, and does not change the exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/auditlog/auditlog.h"
#include "milter/config-test.h"

static void
print_socket(const char *what, const char *group, const struct listen *l)
{
	printf("%s %s", what, l->spec);
	if (l->inherited)
		printf(", the service manager's");
	if (l->path != NULL)
		printf(", mode %04o, group %s", (unsigned)l->mode,
		    group[0] != '\0' ? group : "of its user");
	putchar('\n');
}

static void
print_user(const struct privilege *p)
{
	if (p->drop)
		printf("runs as user %s\n", p->user);
	else if (p->uid == 0)
		printf("runs as root\n");
	else
		printf("runs as the user who starts it\n");
}

static void
print_store(const struct settings *s)
{
	struct store_reader reader;
	struct fault fault;
	struct store *store = NULL;
	bool changed;
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48];

	fault_clear(&fault);
	/* The setting user may be empty, and the unit's User= decide. */
	if (folder_become_owner(s->store, &changed, &fault))
		store = store_open_unlocked(s->store, NULL, &fault);
	if (store == NULL || !store_begin(store, &reader, &fault)) {
		printf("store: %s\n", fault_print(&fault, line, sizeof line));
		printf("  until there is one, mail is %s\n",
		    s->on_error == ON_ERROR_ACCEPT ? "accepted" :
		    "answered with 451 4.3.0");
	} else {
		printf("store %s: generation %llu, %llu rules\n", s->store,
		    (unsigned long long)reader.info.generation,
		    (unsigned long long)reader.info.rules);
		if (s->header_from != HEADER_FROM_JUDGE &&
		    store_has_tag(&reader, TAG_HEADER))
			printf("  its rules of TLS_Header have no say: "
			    "header-from = no\n");
		store_end(&reader);
	}
	if (store != NULL)
		store_close(store);
}

static void
print_audit(const struct settings *s)
{
	struct stat found;

	if (auditlog_is_off(s))
		printf("audit log: off\n");
	else if (source_is_stream(s->audit_file))
		printf("audit log %s: a stream, with a new chain from each "
		    "start\n", s->audit_file);
	else if (stat(s->audit_file, &found) == 0)
		printf("audit log %s: %lld bytes\n", s->audit_file,
		    (long long)found.st_size);
	else
		printf("audit log %s: %s\n", s->audit_file,
		    errno == ENOENT ? "will be made" : strerror(errno));
}

/* Somebody who is never refused is everybody: no rule refuses such mail. */
static void
print_exempt(const struct settings *s)
{
	for (unsigned i = 0; i < s->exempt.n; i++)
		if (s->exempt.prefix[i].bits == 0)
			printf("exempt-clients: every IPv%d client, none is "
			    "refused\n",
			    netaddr_bits(&s->exempt.prefix[i].addr) == 32 ?
			    4 : 6);
}

int
config_test(const struct options *o, const struct settings *s,
    const struct privilege *p, const struct listen *l,
    const struct listen *map, const struct listen *facts,
    const struct listen *tlsrpt)
{
	struct fault fault;

	printf("settings %s: good\n", o->conf);
	print_socket("listens on", s->socket_group, l);
	if (map != NULL)
		print_socket("serves the socketmap on", s->socketmap_group, map);
	if (facts != NULL)
		print_socket("told of sessions on", s->facts_socket_group,
		    facts);
	if (tlsrpt != NULL)
		print_socket("told of TLS with servers on",
		    s->tlsrpt_socket_group, tlsrpt);
	print_user(p);
	/*
	 * As the daemon's user: a lock file gets the right owner, and faults
	 * show.
	 */
	fault_clear(&fault);
	if (!privilege_drop(p, &fault)) {
		fault_report(&fault, stderr);
		return (int)fault.kind;
	}
	print_store(s);
	print_audit(s);
	printf("metrics: %s\n", s->metrics);
	printf("mode: %s\n", s->mode == MODE_MONITOR ?
	    "monitor, nothing is refused" : "enforce");
	print_exempt(s);
	return fflush(stdout) == 0 ? 0 : (int)FAULT_IO;
}

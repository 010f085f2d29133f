/*
 * Doctor's reading of a Postfix: which way mail to a domain with a rule goes, by
 * class, relayhost and transport(5); a table that gave no answer is not one that
 * has nothing.
 */
#include <stdio.h>
#include <string.h>

#include "t/setups.h"
#include "t/unit.h"

#define BASE "smtp_tls_policy_maps = "                                        \
	"socketmap:unix:/run/tlspolicy/map.sock:tlspolicy\n"
#define LOST(by, hop, n, example, are)                                        \
	"postfix-relay: " by " of /dir leads to " hop ", for which there is " \
	"no rule: " n " of TLS_Rcpt, such as TLS_Rcpt:" example ", " are       \
	" never asked for\n"

static const struct set_up ways_rows[] = {
	{ "each by itself", BASE, "", "", "" },
	{ "relayhost", BASE "relayhost = [hub.test]:587\n", "", "",
	    LOST("relayhost", "[hub.test]:587", "2 rules", "far.test", "are") },
	{ "relayhost with a rule", BASE "relayhost = [covered.test]:25\n", "",
	    "", "" },
	{ "its domain's", BASE "relayhost = mx.covered.test\n", "", "", "" },
	{ "below one", BASE "relayhost = [mx.below.test]\n", "", "", "" },
	{ "not below", BASE "relayhost = [below.test]\n", "", "",
	    LOST("relayhost", "[below.test]", "2 rules", "far.test", "are") },
	{ "ends alike", BASE "relayhost = uncovered.test\n", "", "",
	    LOST("relayhost", "uncovered.test", "2 rules", "far.test",
	    "are") },
	{ "by an address", BASE "relayhost = [192.0.2.9]\n", "", "", "" },
	{ "a rule for a domain is none for a host in brackets",
	    BASE "relayhost = [near.test]\n", "", "",
	    LOST("relayhost", "[near.test]", "2 rules", "far.test", "are") },
	{ "but for that next hop", BASE "relayhost = sub.near.test\n", "", "",
	    "" },
	{ "not another's class", BASE "relayhost = hub.test\n"
	    "mydestination = far.test, sub.near.test\n", "", "", "" },
	{ "turned", BASE "relayhost = hub.test\n"
	    "mydestination = !far.test, !sub.near.test, static:x\n", "", "",
	    LOST("relayhost", "hub.test", "2 rules", "far.test", "are") },
	{ "an item with nothing behind the turn", BASE "relayhost = hub.test\n"
	    "mydestination = !, .test\n", "", "", "" },
	{ "no parent counts, but for relay_domains",
	    BASE "mydestination = near.test\nrelay_domains = near.test\n"
	    "relayhost = hub.test\nrelay_transport = error:none\n", "", "",
	    LOST("relayhost", "hub.test", "1 rule", "far.test", "is") },
	{ "no part of a name", BASE "relay_domains = ear.test\n"
	    "relay_transport = relay:x.test\n", "", "", "" },
	{ "aliases", BASE "relayhost = hub.test\n"
	    "virtual_alias_domains = far.test\n"
	    "virtual_mailbox_domains = sub.near.test\n", "", "", "" },
	{ "the class's own hop", BASE "relay_domains = far.test\n"
	    "relay_transport = relay:[in.test]\n", "", "",
	    LOST("relay_transport", "[in.test]", "1 rule", "far.test", "is") },
	{ "default_transport's", BASE "default_transport = smtp:[out.test], "
	    "covered.test\n", "", "", LOST("default_transport", "[out.test]",
	    "2 rules", "far.test", "are") },
	{ "another program's", BASE "relayhost = hub.test\n"
	    "default_transport = uucp\n", "", "", "" },
	{ "a table of domains", BASE "relay_domains = hash:t\n"
	    "relay_transport = relay:in.test\n", "", "",
	    LOST("relay_transport", "in.test", "1 rule", "far.test", "is") },
	{ "a table that cannot be asked", BASE "mydestination = hash:broken\n"
	    "relayhost = hub.test\n", "", "", "" },
	{ "a table whose program is not there", BASE
	    "mydestination = hash:none\nrelayhost = hub.test\n", "", "", "" },
	{ "a warning is an answer", BASE "mydestination = hash:warns\n"
	    "relayhost = hub.test\n", "", "", LOST("relayhost", "hub.test",
	    "2 rules", "far.test", "are") },
	{ "a file that is not there", BASE "mydestination = /nonexistent\n"
	    "relayhost = hub.test\n", "", "", "" },
	{ "transport_maps", BASE "transport_maps = hash:transport\n", "", "",
	    LOST("transport_maps", "[t.test]:26", "1 rule", "far.test", "is")
	    LOST("transport_maps", "up.test", "1 rule", "sub.near.test",
	    "is") },
	{ "a hop taken back", BASE "relayhost = hub.test\n"
	    "transport_maps = hash:back\n", "", "", LOST("relayhost",
	    "hub.test", "1 rule", "sub.near.test", "is") },
	{ "an entry that leaves all as it is", BASE "relayhost = hub.test\n"
	    "transport_maps = hash:empty\n", "", "", LOST("relayhost",
	    "hub.test", "2 rules", "far.test", "are") },
	{ "for everybody", BASE "transport_maps = hash:star\n", "", "",
	    LOST("transport_maps", "all.test", "2 rules", "far.test", "are") },
	{ "parents without a dot", BASE "transport_maps = hash:bare\n"
	    "parent_domain_matches_subdomains = x, transport_maps\n", "", "",
	    LOST("transport_maps", "bare.test", "1 rule", "sub.near.test",
	    "is") },
	{ "parents with one", BASE "transport_maps = hash:bare\n"
	    "parent_domain_matches_subdomains = x\n", "", "", "" },
	{ "the second table", BASE "relayhost = hub.test\n"
	    "transport_maps = hash:nothing hash:star\n", "", "",
	    LOST("transport_maps", "all.test", "2 rules", "far.test", "are") },
	{ "one that cannot be asked", BASE "relayhost = hub.test\n"
	    "transport_maps = hash:broken hash:star\n", "", "", "" },
	{ "no answer after an answer", BASE "relayhost = hub.test\n"
	    "mydestination = hash:broken\ntransport_maps = hash:broken\n", "",
	    "", "" },
};

static const char tables[] =
    "hash:t far.test x\n" "hash:broken far.test !postmap: fatal: open\n"
    "hash:broken sub.near.test !error: no\n"
    "hash:none far.test !unrun\n" "hash:none sub.near.test !unrun\n"
    "hash:warns far.test !postmap: warning: old\n"
    "hash:transport far.test smtp:[t.test]:26\n"
    "hash:transport .near.test :up.test\n"
    "hash:back far.test smtp:\n" "hash:empty far.test :\n"
    "hash:empty sub.near.test :\n" "hash:star * relay:all.test\n"
    "hash:bare near.test smtp:bare.test\n";

static const char rules[] = "TLS_Rcpt:far.test\tVERIFY\n"
    "TLS_Rcpt:sub.near.test\tENCR:128\n" "TLS_Rcpt:warn.test\tWARN+VERIFY\n"
    "TLS_Rcpt:a@far.test\tVERIFY\n" "TLS_Rcpt:.sub.far.test\tVERIFY\n"
    "TLS_Srv:covered.test\tENCR:1\n" "TLS_Srv:.below.test\tENCR:1\n"
    "TLS_Srv:192.0.2.9\tENCR:1\n";

static const struct doctored asked = { .tables = tables, .rules = rules,
	.socketmap = "unix:/run/tlspolicy/map.sock" };

static void
test_ways(void **state)
{
	(void)state;
	setups_look_postfix(&asked, ways_rows, UNIT_COUNT(ways_rows));
}

/* The line that mends: what the lost rule wanted of its hop. */
static void
test_lines(void **state)
{
	static const struct set_up rows[] = { { "two hops", BASE
	    "transport_maps = hash:transport\n", "", "",
	    LOST("transport_maps", "[t.test]:26", "1 rule", "far.test", "is")
	    "rules:\nTLS_Srv:t.test\tVERIFY\ntlspolicy build\n"
	    LOST("transport_maps", "up.test", "1 rule", "sub.near.test", "is")
	    "rules:\nTLS_Srv:up.test\tENCR:128\ntlspolicy build\n" } };
	struct doctored with = asked;

	(void)state;
	with.lines = true;
	setups_look_postfix(&with, rows, 1);
}

/* A bare TLS_Srv: is for every hop; without rules there is nothing to lose. */
static void
test_rules(void **state)
{
	static const struct set_up rows[] = { { "relayhost", BASE
	    "relayhost = hub.test\n", "", "", "" } };
	static const char *const all[] = {
		"TLS_Rcpt:far.test\tVERIFY\nTLS_Srv:\tENCR:1\n",
		"TLS_Rcpt:far.test\tVERIFY\nTry_TLS:hub.test\tNO\n",
		"TLS_Rcpt:far.test\tVERIFY\nTLS_Rcpt:\tENCR:1\n",
		"TLS_Rcpt:far.test\tWARN+VERIFY\n", NULL
	};
	struct doctored with = asked;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(all); i++) {
		with.rules = all[i];
		setups_look_postfix(&with, rows, 1);
	}
}

/* Domains and classes in files, one a line, with comments. */
static void
test_files(void **state)
{
	static char main_cf[4096];
	const struct set_up row = { "mydestination of a file", main_cf, "", "",
		LOST("relayhost", "hub.test", "1 rule", "sub.near.test",
		"is") };
	const char *path = unit_path("domains");
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fputs("# far.test\n\nother.test x.test\nsub.near.test.\n"
	    "hash:t, y.test\n", file);
	fclose(file);
	snprintf(main_cf, sizeof main_cf, BASE "mydestination = %s\n"
	    "relayhost = hub.test\n", path);
	setups_look_postfix(&asked, &row, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_files),
	};

	return unit_main(tests);
}

/* Traces, policy errors, and verdicts that are full to the brim. */
#include <stdio.h>
#include <string.h>

#include "policy/store/rebuild.h"
#include "t/unit.h"

static void
add_line(void *arg, const char *line)
{
	text_printf(arg, "%s\n", line);
}

static const char *
traced(const char *rules, const char *macros, const char *options)
{
	static char buf[16384];
	struct store_reader reader;
	struct verdict verdict;
	struct facts facts;
	struct fault fault;
	struct text out;
	struct trace trace = { add_line, &out };
	struct store *store = rules == NULL ? NULL :
	    store_open(unit_build("trace", rules, 1), &fault);

	text_init(&out, buf, sizeof buf);
	unit_facts(&facts, macros);
	if (store != NULL)
		assert_true(store_begin(store, &reader, &fault));
	unit_judge_into(store == NULL ? NULL : &reader, &facts, TAG_CLT,
	    options, 86400, &trace, &verdict);
	unit_print_verdict(&verdict, &out);
	if (store != NULL)
		store_end(&reader);
	store_close(store);
	facts_free(&facts);
	return buf;
}

static void
test_lines(void **state)
{
	(void)state;
	unit_same("hit", "TLS_Clt: the client\n"
	    "  try TLS_Clt:mail.example.com .example.com example.com .com "
	    "com\n"
	    "  outside its dates: TLS_Clt:example.com ENCR:0+UNTIL:1970-01-01 "
	    "(rules:1, generation 1)\n"
	    "  try TLS_Clt:192.0.2.1 and the networks around it\n"
	    "  rule TLS_Clt:192.0.2 VERIFY:112+CN (rules:2, generation 1)\n"
	    "  VERIFY: wanted a verified certificate, found verify=OK: yes\n"
	    "  bits: wanted at least 112 bits, found 128 bits: yes\n"
	    "  CN: wanted CN mail.example.com, found x: no\n"
	    "tempfail 451 4.7.1 wrong certificate: wanted CN mail.example.com, "
	    "found x / rule TLS_Clt:192.0.2 VERIFY:112+CN",
	    traced("TLS_Clt:example.com ENCR:0+UNTIL:1970-01-01\n"
	    "TLS_Clt:192.0.2 VERIFY:112+CN\n", "client_name=mail.example.com "
	    "client_addr=192.0.2.1 verify=OK cipher_bits=128 cn_subject=x",
	    ""));
	unit_same("none", "TLS_Clt: the client\n  try TLS_Clt:x\n"
	    "  try TLS_Clt:\n  no rule\naccept",
	    traced("TLS_From: OK\n", "client_name=x", ""));
	unit_same("monitor", "TLS_Clt: the client\n  try TLS_Clt:\n"
	    "  rule TLS_Clt: ENCR:1 (rules:1, generation 3)\n"
	    "  bits: wanted at least 1 bits, found a session in clear: no\n"
	    "accepted all the same: mode = monitor\naccept | monitor: "
	    "tempfail 451 4.7.10 encryption required: wanted at least 1 bits, "
	    "found a session in clear / rule TLS_Clt: ENCR:1",
	    traced("TLS_Clt: ENCR:1\n", "", "monitor"));
	unit_same("nothing hostile", "TLS_Clt: the client\n"
	    "  try TLS_Clt:a?[2j\n  try TLS_Clt:\n  no rule\naccept",
	    traced("TLS_From: OK\n", "client_name=a\x1b[2J", ""));
	unit_end();
}

static void
test_no_store(void **state)
{
	(void)state;
	unit_same("tempfail", "TLS_Clt: the client\n"
	    "  policy error: no store; on-error = tempfail\n"
	    "tempfail 451 4.3.0 TLS policy cannot be consulted at present",
	    traced(NULL, "", "perm"));
	unit_same("accept", "TLS_Clt: the client\n"
	    "  policy error: no store; on-error = accept\n"
	    "accept | on-error: tempfail 451 4.3.0 TLS policy cannot be "
	    "consulted at present", traced(NULL, "", "accept"));
	unit_same("compat", "TLS_Clt: the client\n"
	    "  policy error: no store; on-error = tempfail\n"
	    "tempfail 451 4.3.0 TLS policy cannot be consulted at present",
	    traced(NULL, "", "compat perm"));
	unit_end();
}

/* A rule in the store that this program cannot read: never "no rule". */
static const char *
build_unreadable(void)
{
	const char *path = unit_path("unreadable");
	struct rulefile file;
	struct fault fault;

	unit_read_rules(&file, "TLS_Clt:x ENCR:1\nTLS_From: "
	    "ENCR:1+UNTIL:1970-01-01\n");
	for (size_t i = 0; i < file.n; i++)
		if (slice_is(rule_key(&file.rules[i]), "TLS_Clt:x")) {
			file.rules[i].key_at = "TLS_Clt:xQUANTUM:9";
			file.rules[i].requirement_n = strlen("QUANTUM:9");
		}
	assert_true(rebuild_store(path, &file,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL, NULL,
	    &fault));
	rulefile_free(&file);
	return path;
}

static void
test_unreadable_rule(void **state)
{
	static const char *const options[] = { "mail perm", "mail accept" };
	static const char *const wants[] = { "tempfail 451 4.3.0 TLS policy "
	    "cannot be consulted at present", "accept | on-error: tempfail "
	    "451 4.3.0 TLS policy cannot be consulted at present" };
	struct fault fault;
	struct store *store = store_open(build_unreadable(), &fault);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct store_reader reader;
		struct verdict verdict;
		struct facts facts;
		char buf[1024];
		struct text out;

		unit_facts(&facts, "client_name=x mail_addr=a@b");
		assert_true(store_begin(store, &reader, &fault));
		unit_judge_into(&reader, &facts, TAG_CLT, options[i], 86400,
		    NULL, &verdict);
		text_init(&out, buf, sizeof buf);
		unit_print_verdict(&verdict, &out);
		unit_same(options[i], wants[i], buf);
		/* Of the tags one could not be judged. */
		unit_number("results", 1, verdict.nresults);
		unit_number("failed", true, verdict.results[0].lookup_failed);
		store_end(&reader);
		facts_free(&facts);
	}
	store_close(store);
	unit_end();
}

/* Four classes with the longest keys and rules from a file far down. */
static const char *
build_long(void)
{
	static const char *const tags[] = { "TLS_Daemon", "TLS_Clt",
		"TLS_Auth", "TLS_From" };
	static char rules[16384], name[400];
	const char *path = unit_path("long");
	struct rulefile file;
	struct fault fault;
	char *r = rules;

	memset(name, '/', sizeof name - 1);
	for (int i = 0; i < 4; i++)
		r += sprintf(r, "%s:%0*d%s+ENCR:1+BY:%0*d\n", tags[i], 460,
		    i + 1, i == 3 ? "@ PERM" : " WARN", 1000, 7);
	rulefile_init(&file, NULL, NULL);
	file.as_sendmail = true; /* for names of 460 digits */
	assert_true(rulefile_read_text(&file, slice_of(rules), name, &fault));
	assert_true(rulefile_finish(&file));
	assert_true(rebuild_store(path, &file,
	    &(struct authorship){ .now = 1 }, REBUILD_SCRATCH, NULL, NULL,
	    &fault));
	rulefile_free(&file);
	return path;
}

static void
test_full_verdict(void **state)
{
	static const char want[] = "reject 550 5.7.10 encryption required: "
	    "wanted at least 1 bits, found a session in clear / rule "
	    "TLS_From:0000";
	struct store_reader reader;
	struct verdict verdict;
	struct facts facts;
	struct fault fault;
	struct store *store = store_open(build_long(), &fault);
	char macros[4096], buf[4096];
	struct text out;

	(void)state;
	sprintf(macros, "daemon_name=%0*d client_name=%0*d auth_authen=%0*d "
	    "mail_addr=%0*d@x", 460, 1, 460, 2, 460, 3, 460, 4);
	unit_facts(&facts, macros);
	assert_true(store_begin(store, &reader, &fault));
	unit_judge_into(&reader, &facts, TAG_CLT, "mail help", 0, NULL,
	    &verdict);
	text_init(&out, buf, sizeof buf);
	unit_print_verdict(&verdict, &out);
	unit_slice("reply", want, slice_make(buf, strlen(want)));
	unit_number("lines", 3, verdict.reply.nlines);
	unit_slice("help", "see https://example.org/tls",
	    verdict.reply.lines[2]);
	unit_number("all of it", false, verdict.memory.cut);
	store_end(&reader);
	store_close(store);
	facts_free(&facts);
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_store),
		cmocka_unit_test(test_unreadable_rule),
		cmocka_unit_test(test_full_verdict),
	};

	return unit_main(tests);
}

/*
 * Which rule applies: each kind of key, in sendmail's order.  A rule is told
 * from the others by its MSG.
 */
#include <stdio.h>
#include <string.h>

#include "t/idn2-wrap.h"
#include "t/unit.h"

struct row {
	const char *keys; /* blank-separated; rule i says MSG:i */
	const char *macros;
	int want; /* -1: none */
};

static int
hit(const struct row *row, enum tag tag)
{
	char rules[4096] = "", keys[2048];
	const char *verdict, *last;
	int n = 0;

	snprintf(keys, sizeof keys, "%s", row->keys);
	for (char *key = strtok(keys, " "); key != NULL;
	    key = strtok(NULL, " "))
		sprintf(rules + strlen(rules), tag == TAG_TRY ? "%s NO\n" :
		    "%s ENCR:65535+MSG:rule%d\n", key, n++);
	verdict = unit_judge(rules, row->macros, tag, "", 0);
	if (strcmp(verdict, "accept") == 0)
		return -1;
	last = strstr(verdict, " / rule");
	while (last != NULL && strstr(last + 1, " / rule") != NULL)
		last = strstr(last + 1, " / rule");
	return last == NULL ? 0 : atoi(last + strlen(" / rule"));
}

static void
look_up(const struct row *rows, size_t n, enum tag tag)
{
	for (size_t i = 0; i < n; i++) {
		char row[1024];

		snprintf(row, sizeof row, "%s <- %s", rows[i].macros,
		    rows[i].keys);
		unit_number(row, rows[i].want, hit(&rows[i], tag));
	}
	unit_end();
}

#define HOST "client_name=mail.example.com client_addr=192.0.2.1"

static void
test_client(void **state)
{
	static const struct row rows[] = {
		{ "TLS_Clt:", HOST, 0 }, { "TLS_Srv:", HOST, -1 },
		{ "TLS_Clt: TLS_Clt:192.0.2.1", HOST, 1 },
		{ "TLS_Clt:192.0.2.1 TLS_Clt:com", HOST, 1 },
		{ "TLS_Clt:com TLS_Clt:.com", HOST, 1 },
		{ "TLS_Clt:.com TLS_Clt:example.com", HOST, 1 },
		{ "TLS_Clt:example.com TLS_Clt:.example.com", HOST, 1 },
		{ "TLS_Clt:.example.com TLS_Clt:mail.example.com", HOST, 1 },
		{ "TLS_Clt:.mail.example.com", HOST, -1 },
		{ "TLS_Clt:ail.example.com", HOST, -1 },
		{ "TLS_Clt:.example.com", "client_name=example.com", -1 },
		{ "TLS_Clt:mail.example.com", "client_name=MAIL.Example.COM.",
		    0 },
		{ "TLS_Clt:m\xc3\xbcnchen.example",
		    "client_name=a.xn--mnchen-3ya.example", 0 },
		{ "TLS_Clt:0.0.0.0/0 TLS_Clt:192", HOST, 1 },
		{ "TLS_Clt:192.0.2 TLS_Clt:192.0.2.0/25", HOST, 1 },
		{ "TLS_Clt:192.0.2.0/31 TLS_Clt:192.0.2.2/31", HOST, 0 },
		{ "TLS_Clt:192.0.2.128/25", HOST, -1 },
		{ "TLS_Clt:192.0.2.1", "client_addr=IPv6:::ffff:192.0.2.1", 0 },
		{ "TLS_Clt:2001:db8::1",
		    "client_addr=IPv6:2001:db8:0:0:0:0:0:1", 0 },
		{ "TLS_Clt:IPv6 TLS_Clt:IPv6:2001:db8", "client_addr="
		    "2001:db8::9", 1 },
		{ "TLS_Clt:2001:db8::/32 TLS_Clt:2001:db8:8000::/33",
		    "client_addr=2001:db8::9", 0 },
		{ "TLS_Clt:IPv6", HOST, -1 },
		{ "TLS_Clt:[192.0.2.1] TLS_Clt:192.0.2.1",
		    "client_name=[192.0.2.1] client_addr=192.0.2.1", 0 },
		{ "TLS_Clt:[192.0] TLS_Clt:192.0.2.1",
		    "client_name=[192.0.2.1] client_addr=192.0.2.1", 0 },
		{ "TLS_Clt:[192.0.2.1] TLS_Clt:192.0.2.1", HOST, 1 },
		{ "TLS_Clt:[203.0.113]", "v=Postfix client_name=unknown "
		    "client_addr=203.0.113.8", 0 },
		/*
		 * An address that cannot be read is tested by t/215-missing.c.
		 */
		{ "TLS_Clt:192.0.2.1", "client_addr=junk", 0 },
		{ "TLS_Clt:", "", 0 }
	};

	(void)state;
	look_up(rows, UNIT_COUNT(rows), TAG_CLT);
}

static void
test_from(void **state)
{
	static const struct row rows[] = {
		{ "TLS_From:", "mail_addr=<>", 0 },
		{ "TLS_From: TLS_From:<>", "mail_addr=<>", 1 },
		{ "TLS_From:<>", "mail_addr=a@example.com", -1 },
		{ "TLS_From: TLS_From:com", "mail_addr=a@example.com", 1 },
		{ "TLS_From:com TLS_From:example.com",
		    "mail_addr=<a@b.example.com>", 1 },
		{ "TLS_From:example.com TLS_From:.example.com",
		    "mail_addr=a@b.example.com", 1 },
		{ "TLS_From:b.example.com TLS_From:a@",
		    "mail_addr=a@b.example.com", 1 },
		{ "TLS_From:a@ TLS_From:a@b.example.com",
		    "mail_addr=A@B.Example.com", 1 },
		{ "TLS_From:a@ TLS_From:a+*@", "mail_addr=a+x@c", 1 },
		{ "TLS_From:a+*@ TLS_From:a+x@", "mail_addr=a+x@c", 1 },
		{ "TLS_From:a+x@ TLS_From:a@c", "mail_addr=a+x@c", 1 },
		{ "TLS_From:a@c TLS_From:a+*@c", "mail_addr=a+x@c", 1 },
		{ "TLS_From:a+*@c TLS_From:a+x@c", "mail_addr=a+x@c", 1 },
		{ "TLS_From:a+*@c", "mail_addr=a@c", -1 },
		{ "TLS_From:a+*@c", "mail_addr=a+@c", 0 },
		{ "TLS_From:\"a\"@c", "mail_addr=a@c", 0 },
		{ "TLS_From:a@c", "mail_addr=\"a\"@c", 0 },
		{ "TLS_From:c", "mail_addr=@d:a@c", 0 },
		{ "TLS_From:[192.0.2]", "mail_addr=a@[192.0.2.9]", 0 },
		{ "TLS_From:a@[IPv6:2001:DB8::1]",
		    "mail_addr=a@[IPv6:2001:db8:0::1]", 0 },
		{ "TLS_From:m\xc3\xbcnchen.example",
		    "mail_addr=a@m\xc3\xbcnchen.example", 0 },
		{ "TLS_From:xn--mnchen-3ya.example",
		    "mail_addr=a@M\xc3\x9cNCHEN.example", 0 },
		{ "TLS_From:a@", "mail_addr=a", 0 },
		{ "TLS_From:example.com", "mail_addr=example.com", -1 }
	};

	(void)state;
	look_up(rows, UNIT_COUNT(rows), TAG_FROM);
}

static void
test_beyond_ascii(void **state)
{
	static const struct row rows[] = {
		{ "TLS_From:J\xc3\x9cRGEN@c TLS_From:c",
		    "mail_addr=j\xc3\xbcrgen@c", 0 },
		{ "TLS_From:ju\xcc\x88rgen@c TLS_From:c",
		    "mail_addr=J\xc3\x9cRGEN@c", 0 },
		{ "TLS_From:\"J+C3+9Crgen\"@ TLS_From:c",
		    "mail_addr=jU\xcc\x88rgen@c", 0 },
		{ "TLS_From:j\xc3\xbcrgen+*@ TLS_From:c",
		    "mail_addr=J\xc3\x9cRGEN+\xff@c", 0 },
		{ "TLS_From:j\xc3\xbcrgen+\xc3\xa4@c TLS_From:c",
		    "mail_addr=J\xc3\x9cRGEN+A\xcc\x88@c", 0 },
		{ "TLS_From:boss@c TLS_From:c",
		    "mail_addr=BO\xc5\xbf\xc5\xbf@c", 0 },
		{ "TLS_From:boss@ TLS_From:c",
		    "mail_addr=bo\xc5\xbfs+\xff@c", 0 },
		{ "TLS_From:wei\xc3\x9f@c TLS_From:c",
		    "mail_addr=WEISS@c", 0 },
		{ "TLS_From:j\xc3\xbcrgen@c TLS_From:c",
		    "mail_addr=j\xc3\xbcrgen\xff@c", 1 },
		{ "TLS_From:j\xc3\xbcrgen@c TLS_From:c",
		    "mail_addr=jurgen@c", 1 },
		{ "TLS_From:boss@c TLS_From:c",
		    "mail_addr=\xef\xbd\x82oss@c", 1 },
		{ "TLS_From:xn--n3h.example",
		    "mail_addr=a@\xe2\x98\x83.example", 0 },
		{ "TLS_From:m\xc3\xbcnchen.example", "mail_addr="
		    "a@\xff\xe3\x80\x82mu\xcc\x88nchen\xef\xbd\xa1" "example", 0 }
	};

	(void)state;
	look_up(rows, UNIT_COUNT(rows), TAG_FROM);
}

static void
test_others(void **state)
{
	static const struct row to[] = {
		{ "TLS_To:b@c TLS_From:b@c", "mail_addr=x@y rcpt_addr=b@c", 0 },
		{ "TLS_To:c", "mail_addr=a@c rcpt_addr=b@d", -1 },
		{ "TLS_To: TLS_To:d", "rcpt_addr=b@d", 1 }
	};
	static const struct row rcpt[] = { { "TLS_Rcpt:c TLS_To:c",
		"rcpt_addr=b@c", 0 } };
	static const struct row login[] = {
		{ "TLS_Auth:", "auth_authen=jane", 0 },
		{ "TLS_Auth: TLS_Auth:J\xc3\x9cRGEN", "auth_authen="
		    "ju\xcc\x88rgen", 1 },
		{ "TLS_Auth: TLS_Auth:\"j+C3+BCrgen\"", "auth_authen="
		    "J\xc3\x9crgen", 1 },
		{ "TLS_Auth: TLS_Auth:boss", "auth_authen=bo\xc5\xbfs", 1 },
		{ "TLS_Auth: TLS_Auth:j\xc3\xbcrgen", "auth_authen="
		    "j\xc3\xbcrgen\xff", 0 },
		{ "TLS_Auth: TLS_Auth:Jane", "auth_authen=jane", 1 },
		{ "TLS_Auth:jane@x.example", "auth_authen=jane+40x.example",
		    0 },
		{ "TLS_Auth:x.example", "auth_authen=jane@x.example", -1 },
		{ "TLS_Auth:", "auth_type=PLAIN", 0 }, { "TLS_Auth:", "", -1 }
	};
	static const struct row listener[] = {
		{ "TLS_Daemon: TLS_Daemon:25",
		    "daemon_name=mta daemon_port=25", 1 },
		{ "TLS_Daemon:25 TLS_Daemon:MTA",
		    "daemon_name=mta daemon_port=25", 1 },
		{ "TLS_Daemon:587", "daemon_name=mta daemon_port=25", -1 },
		{ "TLS_Daemon:", "", 0 }
	};
	static const struct row server[] = {
		{ "TLS_Srv:example.org TLS_Clt:example.org",
		    "server_name=mx.example.org " HOST, 0 },
		{ "TLS_Srv:example.org TLS_Srv:192.0.2.1",
		    "server_name=other server_addr=192.0.2.1", 1 }
	};
	static const struct row try[] = {
		{ "Try_TLS:example.org", "server_name=mx.example.org", 0 },
		{ "Try_TLS:example.org", "server_name=mx.example.net", -1 }
	};

	(void)state;
	look_up(to, UNIT_COUNT(to), TAG_TO);
	look_up(rcpt, UNIT_COUNT(rcpt), TAG_RCPT);
	look_up(login, UNIT_COUNT(login), TAG_AUTH);
	look_up(listener, UNIT_COUNT(listener), TAG_DAEMON);
	look_up(server, UNIT_COUNT(server), TAG_SRV);
	look_up(try, UNIT_COUNT(try), TAG_TRY);
}

/* A sender cannot get away from a domain's rule by a name without end. */
static void
test_long_sender(void **state)
{
	char macros[5000] = "mail_addr=a@";
	struct row row = { "TLS_From:partner.example", macros, 0 };

	(void)state;
	for (int i = 0; i < 400; i++)
		strcat(macros, "abcdefgh.");
	strcat(macros, "partner.example");
	unit_number("labels without end", 0, hit(&row, TAG_FROM));
	unit_end();
}

/*
 * Without memory to convert a name it cannot be told which rule it meets: the
 * verdict is "cannot tell", and no other rule is taken.
 */
static void
test_no_memory(void **state)
{
	static const struct {
		const char *rules, *macros;
		enum tag tag;
	} rows[] = {
		{ "TLS_From:xn--mnchen-3ya.example PERM+ENCR:128\n",
		    "mail_addr=a@m\xc3\xbcnchen.example", TAG_FROM },
		{ "TLS_From:a@xn--mnchen-3ya.example PERM+ENCR:128\n",
		    "mail_addr=a@m\xc3\xbcnchen.example", TAG_FROM },
		{ "TLS_To:xn--mnchen-3ya.example PERM+ENCR:128\n",
		    "rcpt_addr=a@m\xc3\xbcnchen.example", TAG_TO },
		{ "TLS_Clt:xn--mnchen-3ya.example PERM+ENCR:128\n",
		    "client_addr=192.0.2.1 "
		    "client_name=m\xc3\xbcnchen.example", TAG_CLT },
		{ "TLS_From:a.example PERM+ENCR:128+WHEN:"
		    "xn--mnchen-3ya.example\n", "mail_addr=b@a.example "
		    "client_addr=192.0.2.1 client_resolve=OK "
		    "client_name=m\xc3\xbcnchen.example", TAG_FROM },
	};

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const char *said;

		no_memory = 0;
		said = unit_judge(rows[i].rules, rows[i].macros, rows[i].tag,
		    "", 0);
		unit_number(said, 0, strncmp(said, "reject", 6));
		for (int n = 1; n < 9; n++) {
			no_memory = n;
			said = unit_judge(rows[i].rules, rows[i].macros,
			    rows[i].tag, "", 0);
			unit_number(said, 0, strncmp(said, "accept", 6) == 0);
		}
		no_memory = 0;
	}
	unit_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_beyond_ascii),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_long_sender),
		cmocka_unit_test(test_no_memory),
	};

	return unit_main(tests);
}

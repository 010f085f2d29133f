/*
 * Doctor's reading of a sendmail's .cf and .mc file: a table of set-ups, each with
 * all that is found, or would be tried.
 */
#include "t/setups.h"
#include "t/unit.h"

#define SPEC "S=local:/run/tlspolicy/milter.sock"
#define X "Xtlspolicy, " SPEC ", F=T, T=C:10s;S:10s;R:10s;E:30s\n"
#define USED "O InputMailFilters=tlspolicy\n"
#define TLS "O ServerCertFile=/c\nO CACertFile=/ca\n"
#define GOOD X USED TLS
#define TRIED "try 127.0.0.1 smtp tls\n"

static const struct set_up filters_rows[] = {
	{ "all there", GOOD, ".cf", "", TRIED },
	{ "continued, with comments", "#O InputMailFilters=x\n\nXtlspolicy,\n\t"
	    SPEC ",\n  F=4, T=C:1m;E:60s\n" USED TLS, ".cf", "", TRIED },
	{ "no filter", USED TLS, ".cf", "", "sendmail-no-filter: m.cf has no "
	    "mail filter on local:/run/tlspolicy/milter.sock\n"
	    "try 127.0.0.1 smtp tls explained\n" },
	{ "another's", "Xx, S=local:/x\nXy\nX, S=nonsense\n" USED TLS, ".cf",
	    "", "sendmail-no-filter: m.cf has no mail filter on "
	    "local:/run/tlspolicy/milter.sock\n"
	    "try 127.0.0.1 smtp tls explained\n" },
	{ "not used", X "O InputMailFilters=x;y\n" TLS, ".cf", "",
	    "sendmail-filter-unused: m.cf: InputMailFilters is \"x;y\"\n"
	    "try 127.0.0.1 smtp tls explained\n" },
	{ "no list", X TLS, ".cf", "", "sendmail-filter-unused: m.cf: "
	    "InputMailFilters is \"\"\ntry 127.0.0.1 smtp tls explained\n" },
	{ "accepts when we are away", "Xt, " SPEC ", T=C:10s;E:30s\n"
	    "O InputMailFilters=x, t\n" TLS, ".cf", "",
	    "sendmail-flag: m.cf: filter t has F=\n" TRIED },
	{ "refuses for good", "Xt, " SPEC ", F=R, T=C:10s;E:30s\n"
	    "O InputMailFilters=t\n" TLS, ".cf", "",
	    "sendmail-flag: m.cf: filter t has F=R\n" TRIED },
	{ "sendmail's times", "Xt, " SPEC ", F=T\nO InputMailFilters=t\n" TLS,
	    ".cf", "", "sendmail-timeouts: m.cf: filter t has T=; it waits "
	    "300 s for a connection, 300 s at the end of a message\n" TRIED },
	{ "long times", "Xt, " SPEC ", F=T, T=E:2m;C:1h\n"
	    "O InputMailFilters=t\n" TLS, ".cf", "", "sendmail-timeouts: m.cf: "
	    "filter t has T=E:2m;C:1h; it waits 3600 s for a connection, 120 s "
	    "at the end of a message\n" TRIED },
	{ "no times", "Xt, " SPEC ", F=T, T=C;C=5s;E:xs;E:5y;C:10s;E:1d\n"
	    "O InputMailFilters=t\n" TLS, ".cf", "", "sendmail-timeouts: m.cf: "
	    "filter t has T=C;C=5s;E:xs;E:5y;C:10s;E:1d; it waits 10 s for a "
	    "connection, 86400 s at the end of a message\n" TRIED },
	{ "of a .mc", "INPUT_MAIL_FILTER(`t', `" SPEC ", F=T, "
	    "T=C:10s;E:30s')dnl\ndefine(`confSERVER_CERT', `/c')\n"
	    "define(confCACERT, /ca)\n", ".mc", "", "not-tried: m.mc is made "
	    "into a .cf file, and no daemon reads it\n" },
	{ "defined and not used", "MAIL_FILTER(`t', `" SPEC ", F=T, "
	    "T=C:10s;E:30s')dnl\ndefine(`confSERVER_CERT', `/c')\n"
	    "define(`confCACERT', `/ca')\n", ".mc", "",
	    "sendmail-filter-unused: m.mc: InputMailFilters is \"\"\n"
	    "not-tried: m.mc is made into a .cf file, and no daemon reads "
	    "it\n" },
	{ "used by the other list", "MAIL_FILTER(t,`" SPEC ", F=T, "
	    "T=C:10s;E:30s')dnl\ndefine(`confINPUT_MAIL_FILTERS',`x,t')dnl\n"
	    "define(`confSERVER_CERT', `/c')\ndefine(`confCACERT', `/ca')\n",
	    ".mc", "", "not-tried: m.mc is made into a .cf file, and no daemon "
	    "reads it\n" },
	{ "lines that are none", "define\ndefine(\ndefine(`'\ndefine(,x)\n"
	    "dnl MAIL_FILTER(`t')\nMAIL_FILTERS(`t', `" SPEC "')\n"
	    "MAIL_FILTER(`t\nFEATURE(`x')\nFEATURE()\n", ".mc", "",
	    "sendmail-no-filter: m.mc has no mail filter on "
	    "local:/run/tlspolicy/milter.sock\nsendmail-no-tls: m.mc has no "
	    "ServerCertFile\nnot-tried: m.mc is made into a .cf file, and no "
	    "daemon reads it\n" },
};

static const struct doctored tried = { .trials = true };

static void
test_filters(void **state)
{
	(void)state;
	setups_look_sendmail(&tried, filters_rows, UNIT_COUNT(filters_rows));
}

static const struct set_up daemons_rows[] = {
	{ "each where it listens", GOOD "O DaemonPortOptions=Name=MTA\n"
	    "O DaemonPortOptions=Family=inet6, Name=MTA6, Port=2525\n"
	    "O DaemonPortOptions=Addr=192.0.2.1,M=s\n"
	    "O DaemonPortOptions=Family=local, Addr=/x\n"
	    "O DaemonPortOptions=Addr=0.0.0.0, Port=587, M=Ea\n"
	    "O DaemonPortOptions=M=S\n", ".cf", "",
	    TRIED "try ::1 2525 tls\ntry 192.0.2.1 smtp implicit tls\n"
	    "try 127.0.0.1 587 tls\ntry 127.0.0.1 smtp\n" },
	{ "its own filters, not ours", GOOD
	    "O DaemonPortOptions=Name=MSA, InputMailFilters=x;y, Port=587\n",
	    ".cf", "", "sendmail-daemon-without: m.cf: DaemonPortOptions "
	    "Name=MSA, InputMailFilters=x;y, Port=587\n"
	    "try 127.0.0.1 587 tls explained\n" },
	{ "none, by its own list", GOOD "O DaemonPortOptions=I=, Name=x,\n",
	    ".cf", "", "sendmail-daemon-without: m.cf: DaemonPortOptions "
	    "I=, Name=x,\ntry 127.0.0.1 smtp tls explained\n" },
	{ "ours among its own", GOOD
	    "O DaemonPortOptions=Name=MSA, inputmailfilters=x;tlspolicy\n",
	    ".cf", "", TRIED },
	{ "no filter to have", USED TLS "O DaemonPortOptions=I=x\n", ".cf", "",
	    "sendmail-no-filter: m.cf has no mail filter on "
	    "local:/run/tlspolicy/milter.sock\n"
	    "try 127.0.0.1 smtp tls explained\n" },
	{ "not as root", GOOD "O RunAsUser=mail\n", ".cf", "",
	    "socket-closed-to-mta: mail\n" TRIED },
	{ "a .mc's", "INPUT_MAIL_FILTER(`t', `" SPEC ", F=T, T=C:1s;E:1s')\n"
	    "define(`confSERVER_CERT', `/c')\ndefine(`confCACERT', `/ca')\n"
	    "DAEMON_OPTIONS(`I=x, P=1')dnl\nDAEMON_OPTIONS(`P=2')\n", ".mc",
	    "", "not-tried: m.mc is made into a .cf file, and no daemon reads "
	    "it\nsendmail-daemon-without: m.mc: DaemonPortOptions I=x, "
	    "P=1\n" },
};

static void
test_daemons(void **state)
{
	(void)state;
	setups_look_sendmail(&tried, daemons_rows, UNIT_COUNT(daemons_rows));
}

#define BROKEN "try 127.0.0.1 smtp tls tls-explained\n"

static const struct set_up tls_rows[] = {
	{ "no certificate", X USED "O CACertFile=/ca\n", ".cf", "",
	    "sendmail-no-tls: m.cf has no ServerCertFile\n" BROKEN },
	{ "no CA", X USED "O ServerCertFile=/c\n", ".cf", "",
	    "sendmail-no-ca: m.cf has no CACertFile\n" TRIED },
	{ "a bad CA", X USED "O ServerCertFile=/c\nO CACertFile=/bad\n", ".cf",
	    "", "ca-unusable: CACertFile: /bad is bad\n" BROKEN },
	{ "nobody is asked", GOOD "O TLSSrvOptions=V\n", ".cf", "",
	    "sendmail-no-ccert: m.cf: TLSSrvOptions is \"V\"\n" TRIED },
	{ "other options", GOOD "O TLSSrvOptions=C\n", ".cf", "", TRIED },
	{ "a bad key", GOOD "O ServerKeyFile=/bad\n", ".cf", "",
	    "certificate-unusable: /c /bad systemctl restart sendmail\n"
	    BROKEN },
	{ "a bad key in the certificate's file",
	    X USED "O ServerCertFile=/bad\nO CACertFile=/ca\n", ".cf", "",
	    "certificate-unusable: /bad /bad systemctl restart sendmail\n"
	    BROKEN },
	{ "a key that its group may read", GOOD "O ServerKeyFile=/bad\n"
	    "O DontBlameSendmail=GroupReadableKeyFile\n", ".cf", "",
	    "certificate-unusable: /c /bad at once\n" BROKEN },
};

static void
test_tls(void **state)
{
	(void)state;
	setups_look_sendmail(&tried, tls_rows, UNIT_COUNT(tls_rows));
}

#define MAP "Ktlspolicy_access socket -d5 unix:/run/tlspolicy/map.sock\n"
#define FIRST "Kaccess sequence tlspolicy_access access_file\n"
#define SERVER "R$*\t$: $(tlspolicy_access tlspolicy:tls_srv/$&{server_name}"\
	"/$&{server_addr} $: DOWN $)\n"
#define RCPT "R$*\t$: $(tlspolicy_access tlspolicy:tls_rcpt/$1 $: DOWN $)\n"
#define ALIVE "R$*\t$: $(tlspolicy_access tlspolicy:alive $: DOWN $)\n"
#define NO_MAP "sendmail-no-map: m.cf"
#define NO_QUESTION "sendmail-no-question: m.cf: no ruleset asks for the whole "\
	"policy of a "

static const struct set_up map_rows[] = {
	{ "all there", GOOD MAP FIRST SERVER RCPT, ".cf", "", "" },
	{ "nothing", GOOD, ".cf", "", NO_MAP " has no map tlspolicy_access\n"
	    NO_QUESTION "server or recipient\n" },
	{ "no socket", GOOD "Ktlspolicy_access hash /x\n" FIRST SERVER RCPT,
	    ".cf", "", NO_MAP ": map tlspolicy_access is \"hash /x\"\n" },
	{ "no address", GOOD "Ktlspolicy_access socket -d5\n" FIRST SERVER RCPT,
	    ".cf", "", NO_MAP ": map tlspolicy_access is \"socket -d5\"\n" },
	{ "elsewhere", GOOD "Ktlspolicy_access socket unix:/x\n" FIRST SERVER
	    RCPT, ".cf", "", NO_MAP ": map tlspolicy_access is \"socket "
	    "unix:/x\"\n" },
	{ "not first", GOOD MAP "Kaccess sequence access_file "
	    "tlspolicy_access\n" SERVER RCPT, ".cf", "", NO_MAP ": the map "
	    "access is no sequence that begins with tlspolicy_access\n" },
	{ "no sequence", GOOD MAP "Kaccess hash /x\nKother\nK\nKaccess\n"
	    SERVER RCPT, ".cf", "", NO_MAP ": the map access is no sequence "
	    "that begins with tlspolicy_access\n" },
	{ "blanks within", GOOD MAP "K access \tsequence \t tlspolicy_access\n"
	    SERVER RCPT, ".cf", "", "" },
	{ "servers are not asked about", GOOD MAP FIRST RCPT ALIVE, ".cf", "",
	    NO_QUESTION "server, but whether the daemon is there\n" },
	{ "recipients are not", GOOD MAP FIRST SERVER, ".cf", "",
	    NO_QUESTION "recipient\n" },
	{ "a .mc's", "INPUT_MAIL_FILTER(`t', `" SPEC ", F=T, T=C:1s;E:1s')\n"
	    "define(`confSERVER_CERT', `/c')\ndefine(`confCACERT', `/ca')\n"
	    MAP "FEATURE(`access_db', `sequence tlspolicy_access x')\n" SERVER
	    RCPT, ".mc", "", "not-tried: m.mc is made into a .cf file, and no "
	    "daemon reads it\n" },
};

static void
test_map(void **state)
{
	static const struct doctored on = {
		.socketmap = "unix:/run/tlspolicy/map.sock" };

	(void)state;
	setups_look_sendmail(&on, map_rows, UNIT_COUNT(map_rows));
}

/* The setting is off: asked in vain, or a finding only where rules are. */
static void
test_off(void **state)
{
	static const struct doctored off = { .if_rules = true };
	static const struct set_up rows[] = {
		{ "asked in vain", GOOD MAP FIRST SERVER RCPT, ".cf", "",
		    "socketmap-off: the setting socketmap is off, and asked is "
		    "tlspolicy_access\n" },
		{ "nobody asks", GOOD, ".cf", "", "if-rules socketmap-off: the "
		    "setting socketmap is off\nif-rules " NO_MAP " has no map "
		    "tlspolicy_access\nif-rules " NO_QUESTION
		    "server or recipient\n" },
	};

	(void)state;
	setups_look_sendmail(&off, rows, UNIT_COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_daemons),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_off),
	};

	return unit_main(tests);
}

/*
 * Doctor's reading of a Postfix: the lists of milters and of maps, what keeps
 * the daemon from being asked, and the lines that mend it.
 */
#include <stdio.h>

#include "t/setups.h"
#include "t/unit.h"

static const struct set_up milters_rows[] = {
	{ "nothing to find", "", "", "", "" },
	{ "none", "smtpd_milters =\n", "", "",
	    "postfix-no-milter: smtpd_milters is \"\"\n" },
	{ "none for local mail", "non_smtpd_milters =\n", "", "",
	    "postfix-local-without: non_smtpd_milters is \"\"\n" },
	{ "of a service", "", "smtp/inet/smtpd_milters = inet:127.0.0.1:1\n",
	    "", "postfix-service-without: service smtp/inet has smtpd_milters "
	    "\"inet:127.0.0.1:1\" of its own\n" },
	{ "an old protocol", "milter_protocol = 2\n", "", "",
	    "postfix-protocol: milter_protocol is \"2\"\n" },
	{ "no number", "milter_protocol = six\n", "", "",
	    "postfix-protocol: milter_protocol is \"six\"\n" },
	{ "off", "receive_override_options = no_address_mappings, "
	    "no_milters\n", "", "", "postfix-milters-off: "
	    "receive_override_options is \"no_address_mappings, no_milters\"\n" },
	{ "other options", "receive_override_options = no_address_mappings\n",
	    "", "", "" },
	{ "an action for all", "milter_default_action = accept\n", "", "",
	    "postfix-default-action: milter_default_action is \"accept\"\n" },
	{ "quarantine is none of a refusal",
	    "milter_default_action = quarantine\n", "", "",
	    "postfix-default-action: milter_default_action is "
	    "\"quarantine\"\n" },
	{ "shutdown is", "milter_default_action = SHUTDOWN\n", "", "", "" },
	{ "its own action", "milter_default_action = accept\n"
	    "smtpd_milters = { " OURS ", default_action=tempfail }\n"
	    "non_smtpd_milters = {" OURS " default_action = shutdown}\n",
	    "", "", "" },
	{ "its own, a bad one", "smtpd_milters = { " OURS
	    ", default_action=accept}\n", "", "", "postfix-default-action: "
	    "smtpd_milters has default_action accept for our milter\n" },
	{ "beside others", "milter_default_action = accept\n"
	    "smtpd_milters = unix:/x " OURS "\n" "non_smtpd_milters = {" OURS
	    ", default_action=tempfail}\n", "", "", "postfix-default-action: "
	    "smtpd_milters leaves our milter to milter_default_action, "
	    "accept\n" },
	{ "an option that is no action", "milter_default_action = accept\n"
	    "smtpd_milters = { " OURS " , connect_timeout=3s }\n"
	    "non_smtpd_milters = {" OURS ",default_action=tempfail}\n", "", "",
	    "postfix-default-action: milter_default_action is \"accept\"\n" },
	{ "a list not closed", "smtpd_milters = { " OURS
	    ", default_action=accept\n", "", "", "postfix-default-action: "
	    "smtpd_milters has default_action accept for our milter\n" },
	{ "brackets within", "smtpd_milters = { unix:/x, a={b c} }, }" OURS
	    "\n", "", "", "postfix-no-milter: smtpd_milters is "
	    "\"{ unix:/x, a={b c} }, }" OURS "\"\n" },
	{ "from the queue", "queue_directory = /run\n"
	    "smtpd_milters = unix:tlspolicy/milter.sock\n", "", "", "" },
	{ "no slash, elsewhere", "smtpd_milters = unix:run/tlspolicy/"
	    "milter.sock\n", "", "", "postfix-no-milter: smtpd_milters is "
	    "\"unix:run/tlspolicy/milter.sock\"\n" },
	{ "chrooted", "", "", "smtp inet n - y - - smtpd\n",
	    "postfix-chroot: service smtp/inet runs chrooted in /queue and "
	    "cannot see /run/tlspolicy/milter.sock\n" },
	{ "by an old default", "compatibility_level =\n", "",
	    "smtp inet n - - - - smtpd\n",
	    "postfix-chroot: service smtp/inet runs chrooted in /queue and "
	    "cannot see /run/tlspolicy/milter.sock\n" },
	{ "by the level's number", "compatibility_level = 0\n", "",
	    "smtp inet n - - - - smtpd\n",
	    "postfix-chroot: service smtp/inet runs chrooted in /queue and "
	    "cannot see /run/tlspolicy/milter.sock\n" },
	{ "as from 3.0 on", "", "", "smtp inet n - - - - smtpd\n", "" },
	{ "facts made up", "milter_macro_defaults = {verify}=OK, x=y, "
	    "cipher=z\n", "", "", "postfix-fake-macros: milter_macro_defaults "
	    "is \"{verify}=OK, x=y, cipher=z\"\n" },
	{ "no facts", "milter_macro_defaults = j=x {}=y v\n", "", "", "" },
	{ "static:DISABLE", "smtpd_milter_maps = static:DISABLE\n", "", "",
	    "postfix-milter-maps: smtpd_milter_maps is \"static:DISABLE\"\n" },
	{ "static, us", "smtpd_milter_maps = , static:" OURS "\n", "", "", "" },
	{ "a table of another kind", "smtpd_milter_maps = ldap:/x hash:\n", "",
	    "", "not-tried: smtpd_milter_maps: whom ldap:/x turns milters off "
	    "for cannot be seen here\nnot-tried: smtpd_milter_maps: whom hash: "
	    "turns milters off for cannot be seen here\n" },
	{ "no such file", "smtpd_milter_maps = cidr:/nonexistent\n", "", "",
	    "not-tried: smtpd_milter_maps: /nonexistent: No such file or "
	    "directory\n" },
	{ "a folder", "smtpd_milter_maps = cidr:/\n", "", "",
	    "not-tried: smtpd_milter_maps: /: Is a directory\n" },
};

static void
test_milters(void **state)
{
	static const struct doctored plain = { .socket = OURS };

	(void)state;
	setups_look_postfix(&plain, milters_rows, UNIT_COUNT(milters_rows));
}

/* The daemon's socket has another name than Postfix's milter lists have. */
static const struct set_up elsewhere_rows[] = {
	{ "as it was before", "smtpd_milters = unix:/old/milter.sock\n"
	    "non_smtpd_milters = unix:/run/tlspolicy/milter.sock\n", "", "",
	    "postfix-no-milter: smtpd_milters is \"unix:/old/milter.sock\"\n"
	    "/dir/main.cf:\nsmtpd_milters = unix:tlspolicy/m.sock\n"
	    "postfix -c /dir reload\n"
	    "postfix-local-without: non_smtpd_milters is "
	    "\"unix:/run/tlspolicy/milter.sock\"\n"
	    "/dir/main.cf:\nnon_smtpd_milters = unix:tlspolicy/m.sock\n"
	    "postfix -c /dir reload\n" },
	{ "chrooted, as it is outside",
	    "smtpd_milters = unix:/x, unix:/queue/tlspolicy/m.sock, unix:/y\n"
	    "non_smtpd_milters = unix:tlspolicy/m.sock\n", "",
	    "smtp inet n - y - - smtpd\n",
	    "postfix-chroot: service smtp/inet runs chrooted in /queue and "
	    "cannot see /queue/tlspolicy/m.sock\n"
	    "/dir/main.cf:\nsmtpd_milters = unix:/x, unix:tlspolicy/m.sock, "
	    "unix:/y\npostfix -c /dir reload\n" },
	{ "chrooted, as it is inside",
	    "smtpd_milters = unix:/tlspolicy/m.sock\n", "",
	    "smtp inet n - y - - smtpd\n", "" },
	{ "not chrooted, as it would be inside",
	    "smtpd_milters = unix:/tlspolicy/m.sock, "
	    "{ unix:/old/milter.sock, connect_timeout=1s }\n", "",
	    "smtp inet n - n - - smtpd\n", "postfix-no-milter: smtpd_milters "
	    "is \"unix:/tlspolicy/m.sock, { unix:/old/milter.sock, "
	    "connect_timeout=1s }\"\n/dir/main.cf:\n"
	    "smtpd_milters = unix:tlspolicy/m.sock\n"
	    "postfix -c /dir reload\n" },
	{ "a service's own, with an option",
	    "", "smtp/inet/smtpd_milters = { unix:/old/milter.sock, "
	    "command_timeout=1s, { default_action = accept }}, {inet:[::1]:3}\n"
	    "cleanup/unix/non_smtpd_milters = unix:tlspolicy/m.sock\n",
	    "smtp inet n - n - - smtpd\n",
	    "postfix-service-without: service smtp/inet has smtpd_milters "
	    "\"{ unix:/old/milter.sock, command_timeout=1s, { default_action "
	    "= accept }}, {inet:[::1]:3}\" of its own\nrun:\n"
	    "postconf -c /dir -P 'smtp/inet/smtpd_milters={unix:tlspolicy/"
	    "m.sock,command_timeout=1s,{default_action=tempfail}},"
	    "{inet:[::1]:3}'\npostfix -c /dir reload\n" },
};

static void
test_elsewhere(void **state)
{
	static const struct doctored moved = {
		.socket = "unix:/queue/tlspolicy/m.sock",
		.set_socket = "unix:/old/milter.sock", .lines = true };

	(void)state;
	setups_look_postfix(&moved, elsewhere_rows, UNIT_COUNT(elsewhere_rows));
}

/* Where the socket has to be moved to, and by which lines. */
static void
test_move(void **state)
{
	static const struct doctored none = { .lines = true, .user = "milter" },
	    unit = { .lines = true, .unit = true };
	static const char chrooted[] = "smtp inet n - y - - smtpd\n";
	static const struct set_up own[] = { { "a queue of its own", "", "",
	    chrooted, "postfix-chroot: service smtp/inet runs chrooted in "
	    "/queue and cannot see /run/tlspolicy/milter.sock\nconf:\n"
	    "socket = unix:/queue/tlspolicy/milter.sock\n"
	    "socket-group = postfix\nsocket-mode = 0660\n"
	    "install -d -m 755 -o milter /queue/tlspolicy\n"
	    "systemctl restart tlspolicy-milter\n"
	    "postconf -c /dir -e 'smtpd_milters = unix:tlspolicy/milter.sock' "
	    "'non_smtpd_milters = unix:tlspolicy/milter.sock'\n"
	    "postfix -c /dir reload\n" } };
	static const struct set_up spool[] = { { "the unit's",
	    "queue_directory = /var/spool/postfix\nnon_smtpd_milters =\n", "",
	    chrooted, "postfix-chroot: service smtp/inet runs chrooted in "
	    "/var/spool/postfix and cannot see /run/tlspolicy/milter.sock\n"
	    "run:\nsystemctl stop tlspolicy-milter\nsystemctl enable --now "
	    "tlspolicy-milter.socket tlspolicy-milter\n"
	    "postconf -c /dir -e 'smtpd_milters = unix:tlspolicy/"
	    "milter.sock'\npostfix -c /dir reload\n" } };

	(void)state;
	setups_look_postfix(&none, own, 1);
	setups_look_postfix(&unit, spool, 1);
}

#define ASK "smtp_tls_policy_maps = "
#define MAP "socketmap:unix:/run/tlspolicy/map.sock:tlspolicy"
#define SMTP "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n"
#define CHROOTED "smtp inet n - n - - smtpd\nsmtp unix - - y - - smtp\n"

static const struct set_up maps_rows[] = {
	{ "asked", ASK MAP "\n", "", SMTP, "" },
	{ "not asked", "", "", SMTP, "postfix-no-map: smtp_tls_policy_maps is "
	    "\"\"\n" },
	{ "others", ASK "hash:/x, socketmap:unix:/run/tlspolicy/map.sock:other\n",
	    "", SMTP, "postfix-no-map: smtp_tls_policy_maps is \"hash:/x, "
	    "socketmap:unix:/run/tlspolicy/map.sock:other\"\n" },
	{ "no address", ASK "socketmap:unix, socketmap:\n", "", SMTP,
	    "postfix-no-map: smtp_tls_policy_maps is \"socketmap:unix, "
	    "socketmap:\"\n" },
	{ "behind another", ASK "hash:/x " MAP " " MAP "\n", "", SMTP,
	    "postfix-map-behind: smtp_tls_policy_maps is \"hash:/x " MAP " "
	    MAP "\"\n" },
	{ "not seen from inside", ASK MAP "\n", "", CHROOTED,
	    "postfix-no-map: service smtp/unix runs chrooted in /queue and "
	    "does not see /run/tlspolicy/map.sock\n" },
	{ "by proxymap(8)", ASK "proxy:" MAP "\nproxy_read_maps = proxy:" MAP
	    "\n", "", CHROOTED, "" },
	{ "that may not", ASK "proxy:" MAP "\n", "", CHROOTED,
	    "postfix-proxy-maps: proxy_read_maps of /dir does not have proxy:"
	    MAP "\n" },
	{ "that may not, of a service",
	    "proxy_read_maps = hash:/x\n", "smtp/unix/" ASK "proxy:" MAP "\n",
	    CHROOTED, "postfix-proxy-maps: proxy_read_maps of /dir does not "
	    "have proxy:" MAP "\n" },
	{ "a stricter level", ASK MAP "\nsmtp_tls_security_level = encrypt\n",
	    "", SMTP, "postfix-level: service smtp/unix of /dir delivers at "
	    "the level encrypt (smtp_tls_security_level), and outbound-default "
	    "is may\n" },
	{ "none is may", ASK MAP "\nsmtp_tls_security_level = none\n", "",
	    SMTP, "" },
	{ "by the old names", ASK MAP "\nsmtp_tls_security_level =\n"
	    "smtp_enforce_tls = yes\n", "", SMTP,
	    "postfix-level: service smtp/unix of /dir delivers at the level "
	    "encrypt (smtp_enforce_tls), and outbound-default is may\n" },
	{ "by the old names, and a name",
	    ASK MAP "\nsmtp_tls_security_level =\nsmtp_enforce_tls = yes\n"
	    "smtp_tls_enforce_peername = yes\n"
	    "smtp_tls_verify_cert_match = nexthop, dot-nexthop\n", "", SMTP,
	    "postfix-level: service smtp/unix of /dir delivers at the level "
	    "verify (smtp_enforce_tls), and outbound-default is may\n" },
	{ "the old may", ASK MAP "\nsmtp_tls_security_level =\n"
	    "smtp_use_tls = yes\n", "", SMTP, "" },
	{ "no level", ASK MAP "\nsmtp_tls_security_level =\n", "", SMTP, "" },
	{ "a word that is none", ASK MAP "\nsmtp_tls_security_level = x\n",
	    "", SMTP, "" },
	{ "the strictest of three", ASK MAP "\n",
	    "a/unix/smtp_tls_security_level = dane\n"
	    "b/unix/smtp_tls_security_level = secure\n"
	    "c/unix/smtp_tls_policy_maps =\n"
	    "c/unix/smtp_tls_security_level = dane-only\n",
	    SMTP "a unix - - n - - smtp\nb unix - - n - - smtp\n"
	    "c unix - - n - - smtp\n",
	    "postfix-no-map: service c/unix has smtp_tls_policy_maps \"\" of "
	    "its own\npostfix-level: service b/unix of /dir delivers at the "
	    "level secure (smtp_tls_security_level), and outbound-default is "
	    "may\n" },
	{ "versions and ciphers", ASK MAP "\n"
	    "smtp_tls_mandatory_protocols = >=TLSv1.3\n"
	    "smtp_tls_exclude_ciphers = RC4, aNULL\n"
	    "smtp_tls_mandatory_exclude_ciphers = rc4:3DES\n", "", SMTP,
	    "postfix-limits: smtp_tls_mandatory_protocols of /dir is from TLS "
	    "1.3 on, and outbound-version 1.2; excluded are \"RC4, aNULL, "
	    "3DES\", and by outbound-exclude \"\"\n" },
	{ "REQUIRETLS's other half", ASK MAP "\ntls_required_enable = yes\n",
	    "", SMTP, "postfix-tls-required: tls_required_enable of /dir is "
	    "\"yes\"\n" },
};

static void
test_maps(void **state)
{
	static const struct doctored on = {
		.socketmap = "unix:/run/tlspolicy/map.sock" };

	(void)state;
	setups_look_postfix(&on, maps_rows, UNIT_COUNT(maps_rows));
}

/*
 * Postfix asks a socketmap at which nobody listens, or while the setting is
 * off.
 */
static void
test_off(void **state)
{
	static const struct doctored off = { .if_rules = true },
	    down = { .socketmap = "unix:/run/tlspolicy/map.sock",
		.down = true },
	    inet = { .if_rules = true, .set_socket = "inet:25@127.0.0.1" };
	static const struct set_up in_vain[] = {
		{ "of a service, by TCP", "", "smtp/unix/" ASK
		    "hash:/x socketmap:inet:127.0.0.1:9:tlspolicy\n", SMTP,
		    "socketmap-off: the setting socketmap is off, and asked is "
		    "socketmap:inet:127.0.0.1:9:tlspolicy\npostfix-map-behind: "
		    "service smtp/unix has smtp_tls_policy_maps \"hash:/x "
		    "socketmap:inet:127.0.0.1:9:tlspolicy\" of its own\n" },
		{ "nobody", "", "", SMTP, "if-rules socketmap-off: the setting "
		    "socketmap is off\nif-rules postfix-no-map: "
		    "smtp_tls_policy_maps is \"\"\n" },
	};
	static const struct set_up dead[] = { { "nobody listens", ASK MAP "\n",
	    "", SMTP, "map-down: nobody listens on unix:/run/tlspolicy/"
	    "map.sock: Connection refused\n" } };

	(void)state;
	setups_look_postfix(&off, in_vain, UNIT_COUNT(in_vain));
	setups_look_postfix(&inet, in_vain + 1, 1);
	setups_look_postfix(&down, dead, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_milters),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_off),
	};

	return unit_main(tests);
}

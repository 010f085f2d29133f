/*
 * Doctor's reading of a Postfix, from what postconf(1) prints: where a session is
 * to be tried, and which services are none of ours.
 */
#include "t/setups.h"
#include "t/unit.h"

static const struct doctored tried = { .trials = true };

/* "25", "smtp", a host before it: where the trial goes, and what it needs. */
static const struct set_up trials_rows[] = {
	{ "as Debian has it", "", "", "", "try 127.0.0.1 smtp tls "
	    "asks\n" },
	{ "six alone", "inet_protocols = IPv6\n", "", "",
	    "try ::1 smtp tls asks\n" },
	{ "a host of its own", "", "",
	    "[::1]:2525 inet n - n - - smtpd\n"
	    "192.0.2.1:smtp inet n - n - - smtpd\n",
	    "try ::1 2525 tls asks\ntry 192.0.2.1 smtp tls asks\n" },
	{ "an interface", "inet_interfaces = 192.0.2.7, 192.0.2.8\n",
	    "", "", "try 192.0.2.7 smtp tls asks\n" },
	{ "an interface, then loopback",
	    "inet_interfaces = 192.0.2.7 [::1] all\n", "", "",
	    "try ::1 smtp tls asks\n" },
	{ "loopback alone", "inet_interfaces = loopback-only\n", "", "",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "no interface", "inet_interfaces =\n", "", "",
	    "try  smtp tls asks\n" },
	{ "not TLS's", "smtpd_tls_security_level = none\n", "", "",
	    "postfix-no-tls: smtpd_tls_security_level is \"none\"\n"
	    "try 127.0.0.1 smtp asks\n" },
	{ "by the old names", "smtpd_tls_security_level =\n"
	    "smtpd_use_tls = yes\n", "", "",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "the stricter old one", "smtpd_tls_security_level =\n"
	    "smtpd_enforce_tls = yes\nsmtpd_tls_ask_ccert = no\n"
	    "smtpd_tls_req_ccert = yes\n", "", "",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "neither", "smtpd_tls_security_level =\n", "", "",
	    "postfix-no-tls: smtpd_tls_security_level is \"\"\n"
	    "try 127.0.0.1 smtp asks\n" },
	{ "implicit TLS, a proxy before it", "",
	    "smtps/inet/smtpd_tls_wrappermode = yes\n"
	    "smtps/inet/smtpd_upstream_proxy_protocol = haproxy\n"
	    "smtps/inet/smtpd_tls_security_level = none\n",
	    "smtps inet n - n - - smtpd\n"
	    "pickup unix n - n 60 1 pickup\n",
	    "try 127.0.0.1 smtps implicit proxy tls asks\n" },
	{ "who logs in is not bothered", "smtpd_tls_ask_ccert = no\n"
	    "smtpd_sasl_auth_enable = yes\n", "", "",
	    "try 127.0.0.1 smtp tls\n" },
	{ "nobody is asked", "smtpd_tls_ask_ccert = no\n", "", "",
	    "postfix-no-ccert: smtpd_tls_ask_ccert is \"no\"\n"
	    "try 127.0.0.1 smtp tls\n" },
	{ "postscreen, and who is behind it",
	    "smtpd_tls_ask_ccert = no\n",
	    "smtpd/pass/smtpd_tls_ask_ccert = yes\n"
	    "smtp/inet/postscreen_tls_wrappermode = yes\n"
	    "smtp/inet/postscreen_upstream_proxy_protocol = haproxy\n",
	    "smtpd pass - - n - - smtpd\n"
	    "smtp inet n - n - 1 postscreen\n",
	    "try 127.0.0.1 smtp implicit proxy tls asks\n" },
	{ "postscreen, and one that does not judge", "",
	    "smtpd/pass/receive_override_options = no_milters\n",
	    "smtp inet n - n - 1 postscreen\n"
	    "other pass - - n - - smtpd\nsmtpd unix - - n - - smtpd\n"
	    "smtpd pass - - n - - smtpd\n",
	    "postfix-milters-off: service smtpd/pass has "
	    "receive_override_options \"no_milters\" of its own\n"
	    "try 127.0.0.1 smtp tls asks explained\n" },
	{ "postscreen before nothing", "", "",
	    "smtp inet n - n - 1 postscreen\n",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "nothing that listens", "", "",
	    "smtpd pass - - n - - smtpd\n",
	    "not-tried: /dir/master.cf has no inet service that runs "
	    "smtpd\n" },
	{ "lines that are none", "", "", "\nshort inet n\n"
	    "x unix n - n - - lmtp\nsmtp inet n - n - - smtpd\n",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "no CA", "tls_append_default_CA = no\n", "", "",
	    "postfix-no-ca: smtpd_tls_CAfile is \"\"\n"
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "a folder of CAs", "tls_append_default_CA = no\n"
	    "smtpd_tls_CApath = /cas\n", "", "",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "no trace in the mail", "smtpd_tls_received_header = no\n",
	    "", "", "postfix-received: smtpd_tls_received_header is "
	    "\"no\"\ntry 127.0.0.1 smtp tls asks\n" },
	{ "no certificate", "smtpd_tls_cert_file =\n", "", "",
	    "postfix-no-certificate: smtpd_tls_cert_file is \"\"\n"
	    "try 127.0.0.1 smtp tls asks tls-explained\n" },
	{ "none, by the chain", "smtpd_tls_cert_file =\n"
	    "smtpd_tls_chain_files = none\n", "", "",
	    "try 127.0.0.1 smtp tls asks\n" },
	{ "two services without", "smtpd_tls_cert_file =\n", "",
	    "smtp inet n - n - - smtpd\n587 inet n - n - - smtpd\n",
	    "postfix-no-certificate: smtpd_tls_cert_file is \"\"\n"
	    "try 127.0.0.1 smtp tls asks tls-explained\n"
	    "try 127.0.0.1 587 tls asks tls-explained\n" },
};

static void
test_trials(void **state)
{
	(void)state;
	setups_look_postfix(&tried, trials_rows, UNIT_COUNT(trials_rows));
}

#define BACK "10025 inet n - n - - smtpd\n"
#define IN "smtp inet n - n - - smtpd\n"
#define TRIED "try 127.0.0.1 smtp tls asks\n"
#define BACK_UNJUDGED(host, port, service)                                    \
	"postfix-service-without: service " service "/inet has smtpd_milters "\
	"\"\" of its own\n" TRIED "try " host " " port " tls asks explained\n"

/*
 * A listener by which a content filter hands mail back needs no milter.  One
 * that lets others in is none of those.
 */
static const struct set_up way_back_rows[] = {
	{ "this machine's networks alone", "",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK, TRIED },
	{ "by its recipients' list", "",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_recipient_restrictions = "
	    "permit_mynetworks,reject\n", IN BACK, TRIED },
	{ "more networks", "mynetworks = 127.0.0.0/8 192.0.2.0/24\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "more of 127", "mynetworks = 127.0.0.0/7\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "more than ::1",
	    "mynetworks = [::1]/128 [::ffff:127.0.0.0]/96\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "both loopbacks", "mynetworks = 127.0.0.0/8, [::1]/128, "
	    "[::ffff:127.0.0.0]/104 127.0.0.1\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK, TRIED },
	{ "networks of a table", "mynetworks = hash:/x\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "no number of bits", "mynetworks = 127.0.0.0/x\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "no networks", "mynetworks =\n",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "others are let in, too", "",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks, "
	    "permit_sasl_authenticated, reject\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "nobody is turned away", "",
	    "10025/inet/smtpd_milters =\n"
	    "10025/inet/smtpd_client_restrictions = permit_mynetworks "
	    "permit\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "no list", "", "10025/inet/smtpd_milters =\n", IN BACK,
	    BACK_UNJUDGED("127.0.0.1", "10025", "10025") },
	{ "on an address of the network", "mynetworks = 192.0.2.0/24\n",
	    "192.0.2.1:25/inet/smtpd_milters =\n"
	    "192.0.2.1:25/inet/smtpd_client_restrictions = "
	    "permit_mynetworks, reject\n",
	    IN "192.0.2.1:25 inet n - n - - smtpd\n",
	    BACK_UNJUDGED("192.0.2.1", "25", "192.0.2.1:25") },
	{ "on this machine's, its networks wherever",
	    "mynetworks = 192.0.2.0/24\n",
	    "localhost:25/inet/smtpd_milters =\n"
	    "localhost:25/inet/smtpd_client_restrictions = "
	    "permit_mynetworks, reject\n",
	    IN "localhost:25 inet n - n - - smtpd\n", TRIED },
	{ "a socket in the machine", "mynetworks = 192.0.2.0/24\n",
	    "back/unix/smtpd_milters =\n"
	    "back/unix/smtpd_client_restrictions = "
	    "permit_mynetworks, reject\n",
	    IN "back unix n - n - - smtpd\n", TRIED },
	{ "behind content_filter", "content_filter = x:y\n",
	    "[::1]:26/inet/content_filter =\n"
	    "[::1]:26/inet/receive_override_options = no_milters\n",
	    IN "[::1]:26 inet n - n - - smtpd\n", TRIED },
	{ "content_filter of a service", "",
	    "smtp/inet/content_filter = x:y\n"
	    "127.0.0.1:26/inet/content_filter =\n"
	    "127.0.0.1:26/inet/receive_override_options = no_milters\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n", TRIED },
	{ "no filter in use", "",
	    "127.0.0.1:26/inet/content_filter =\n"
	    "127.0.0.1:26/inet/receive_override_options = no_milters\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n",
	    "postfix-milters-off: service 127.0.0.1:26/inet has "
	    "receive_override_options \"no_milters\" of its own\n" TRIED
	    "try 127.0.0.1 26 tls asks explained\n" },
	{ "behind a filter, on every address",
	    "content_filter = x:y\n", "26/inet/content_filter =\n"
	    "26/inet/smtpd_milters =\n",
	    IN "26 inet n - n - - smtpd\n",
	    BACK_UNJUDGED("127.0.0.1", "26", "26") },
	{ "behind a proxy", "smtpd_proxy_filter = x:y\n",
	    "127.0.0.1:26/inet/smtpd_proxy_filter =\n"
	    "127.0.0.1:26/inet/smtpd_milters =\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n", TRIED },
	{ "behind a proxy, by XFORWARD", "smtpd_proxy_filter = x:y\n",
	    "127.0.0.1:26/inet/smtpd_proxy_filter =\n"
	    "127.0.0.1:26/inet/smtpd_milters = unix:/x\n"
	    "127.0.0.1:26/inet/smtpd_authorized_xforward_hosts = "
	    "127.0.0.0/8\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n", TRIED },
	{ "behind a proxy, judged again",
	    "smtpd_proxy_filter = x:y\n",
	    "127.0.0.1:26/inet/smtpd_proxy_filter =\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n",
	    TRIED "try 127.0.0.1 26 tls asks\n" },
	{ "before the proxy", "smtpd_proxy_filter = x:y\n",
	    "127.0.0.1:26/inet/smtpd_milters =\n",
	    IN "127.0.0.1:26 inet n - n - - smtpd\n",
	    BACK_UNJUDGED("127.0.0.1", "26", "127.0.0.1:26") },
};

static void
test_way_back(void **state)
{
	(void)state;
	setups_look_postfix(&tried, way_back_rows, UNIT_COUNT(way_back_rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_way_back),
	};

	return unit_main(tests);
}
